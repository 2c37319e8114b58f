// What must hold of any file that is taken for a disk, whatever is in it: for fuzz targets.
#ifndef VREP_TESTS_SUPPORT_DISK_LAWS_H
#define VREP_TESTS_SUPPORT_DISK_LAWS_H

#include <stdbool.h>

#include "tests/support/mem_fs.h"

// Aborts the program unless, for the disk file `path`, opened alone or with its parents:
//   - check_laws hold;
//   - opened, its map is in order, and what that calls zeros reads as zeros;
//   - opened for writing, it takes a write, or refuses it, and shows it after the next opening.
void disk_laws(struct mem_fs *fs, const char *path, bool alone);

#endif
