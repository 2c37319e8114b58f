// Holes of a disk's file: what lies in one reads as zeros and need not be read to know it. Not for
// other folders.
#ifndef VREP_VHD_HOLES_H
#define VREP_VHD_HOLES_H

#include "vhd/vhd.h"

// The extent of data in a file that was found last: asking takes long where many small pieces lie
// in a large one. Zeros at first; again when there may be a hole now.
struct vhd_known_data {
    uint64_t start, end;
};

// The extent of `file` at `at`, as its own table tells it.
enum status vhd_file_extent(struct file *file, struct vhd_known_data *known, uint64_t at,
                            enum file_extent_kind *kind, uint64_t *length) MUST_CHECK;

// Refines what the allocation says: `extent`, data at `at` of the file, becomes zeros when there is
// a hole, and ends where that changes. Data and holes meet at any byte; a sector with both is data.
enum status vhd_refine_by_holes(struct file *file, struct vhd_known_data *known, uint64_t at,
                                uint32_t sector_size, struct vhd_extent *extent) MUST_CHECK;

#endif
