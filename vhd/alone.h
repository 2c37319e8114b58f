// A disk in the hands of one call that changes it as a whole: vhd_resize, vhd_compact,
// vhd_set_identity. Not for other folders.
#ifndef VREP_VHD_ALONE_H
#define VREP_VHD_ALONE_H

#include "vhd/chain.h"

struct vhd_alone {
    const struct file_system *fs; // NULL: the operating system's
    bool parents;                 // the chain is opened too, for reading
    bool childless; // a disk that has children is refused: the change would make them useless
    bool low_io_priority;
};

// Opens the disk `path`, which nobody else may hold, has `change` change it, and closes it. After
// a failure the file is left as a crash would leave it, except STATUS_REFUSED, STATUS_CANCELLED and
// STATUS_UNSUPPORTED, which `change` returns while all is in order.
enum status vhd_change_alone(const char *path, const struct vhd_alone *how,
                             enum status (*change)(struct vhd *disk, const void *request),
                             const void *request) MUST_CHECK;

#endif
