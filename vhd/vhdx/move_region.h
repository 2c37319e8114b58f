// Giving a region of an open file another place.
#ifndef VREP_VHD_VHDX_MOVE_REGION_H
#define VREP_VHD_VHDX_MOVE_REGION_H

#include "vhd/vhdx/image.h"

// Copies `length` bytes within the file, to room that reads as zeros and that nothing refers to.
enum status vhdx_copy_in_zeros(struct vhdx *x, uint64_t from, uint64_t to,
                               uint64_t length) MUST_CHECK;

// Changes both region tables, in memory, to what x->regions says of BAT and metadata; they take
// effect with the next commit, and count when all of it fits into one entry of the log.
enum status vhdx_put_region_tables(struct vhdx *x) MUST_CHECK;

// Moves `region`, which is x->regions.bat or x->regions.metadata, to the lowest room that is free
// before it, if there is any, and commits.
enum status vhdx_move_region_down(struct vhdx *x, struct vhdx_region *region) MUST_CHECK;

#endif
