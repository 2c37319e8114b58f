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

// STATUS_REFUSED when a disk of the operating system's files (others have no folders to look into)
// has a child.
enum status vhd_check_childless(const char *path) MUST_CHECK;

// Whether the open `disk` may be resized as `how` says: its format has such a size, and what would
// be cut off reads as zeros; resize.c. Whether it can be compacted; compact.c.
enum status vhd_check_resize(struct vhd *disk, const struct vhd_resize *how) MUST_CHECK;
enum status vhd_check_compact(const struct vhd *disk) MUST_CHECK;

#endif
