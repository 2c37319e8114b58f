// What must hold between checking, repairing and opening a disk file, whatever is in it.
#ifndef VREP_TESTS_SUPPORT_CHECK_LAWS_H
#define VREP_TESTS_SUPPORT_CHECK_LAWS_H

#include "tests/support/mem_fs.h"

// Aborts the program unless, for the disk file `path` alone (its parents apart):
//   - a check changes nothing;
//   - a disk without problems opens, and one that does not open has problems;
//   - a repair that mended all problems leaves none, and a disk that opens.
// The file is as repaired afterwards.
void check_laws(struct mem_fs *fs, const char *path);

#endif
