// The backend that leaves disks to Windows' own code. Not for other folders than vhd/.
#ifndef VREP_VHD_VIRTDISK_VIRTDISK_H
#define VREP_VHD_VIRTDISK_VIRTDISK_H

#include "vhd/backend.h"

// The backend's operations. STATUS_UNSUPPORTED where there is no virtdisk.dll that works: on other
// systems than Windows, and under Wine, whose virtdisk.dll is never called.
enum status virtdisk_backend(const struct vhd_backend_ops **out) MUST_CHECK;

#endif
