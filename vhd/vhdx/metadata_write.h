// Changing the items of an open file's metadata region, through the log ([MS-VHDX] 2.6.1).
#ifndef VREP_VHD_VHDX_METADATA_WRITE_H
#define VREP_VHD_VHDX_METADATA_WRITE_H

#include "vhd/vhdx/image.h"

struct vhdx_item_change {
    struct guid guid;
    bool user;
    bool remove;     // the item goes; what follows does not matter
    uint32_t flags;  // of the item if it is a new one: VHDX_METADATA_IS_...
    uint32_t length; // of its contents: `data`, or when that is NULL those of another file
    const void *data;
    const struct vhdx_view *from;
    uint64_t from_offset;
};

// Carries out `count` changes of different items and commits; after a crash all of them are there
// or none. The session has begun (vhdx_begin_change). All other items stay byte for byte where they
// are; x->metadata is read anew. STATUS_UNSUPPORTED (VHD_ERROR_METADATA_FULL): there is no room in
// the region.
enum status vhdx_metadata_change(struct vhdx *x, const struct vhdx_item_change *changes,
                                 size_t count) MUST_CHECK;

#endif
