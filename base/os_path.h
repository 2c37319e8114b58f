// What os.c and its platform halves share. Not for others.
#ifndef VREP_BASE_OS_PATH_H
#define VREP_BASE_OS_PATH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

// Length of the root of an absolute path with its separator ("/", "C:\", "\\server\share\"); 0: not
// absolute.
size_t os_path_root_length(const char *path);

// Creates one folder whose parent exists. STATUS_EXISTS when the name is taken, by whatever.
enum status os_make_folder(const char *path, bool private_to_owner);

bool os_folder_exists(const char *path);

#endif
