// The relative path that a child's locator has of its parent, in either format.
#ifndef VREP_VHD_RELATIVE_PATH_H
#define VREP_VHD_RELATIVE_PATH_H

#include "base/status.h"

// The path of `parent` seen from the folder of `child`, with '\\' between components
// (".\parent.vhdx" beside it). Both are absolute. *out is allocated; NULL when there is none (other
// drive or server).
enum status vhd_relative_path(const char *child, const char *parent, char **out) MUST_CHECK;

#endif
