// The name of a file by its volume's GUID, which stays when drive letters change.
#ifndef VREP_VHD_VHDX_VOLUME_PATH_H
#define VREP_VHD_VHDX_VOLUME_PATH_H

#include "base/status.h"

// "\\?\Volume{guid}\path" for the absolute `path`, allocated; *out is NULL where the system has no
// such name for it.
enum status vhdx_volume_path(const char *path, char **out) MUST_CHECK;

#endif
