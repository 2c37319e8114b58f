// Sector bitmaps: which sectors of a partially present block are here (bit 1) and which are in the
// parent (bit 0), least significant bit first ([MS-VHDX] 2.4).
#ifndef VREP_VHD_VHDX_SECTOR_BITMAP_H
#define VREP_VHD_VHDX_SECTOR_BITMAP_H

#include <stdbool.h>

#include "vhd/vhdx/pages.h"

// `bitmap`: offset of the bitmap block in the file; `sector`: index within its chunk. All sectors
// given lie within the chunk.

// The bit of `sector` and how many of the sectors from there on, at most `limit`, have the same.
enum status vhdx_sector_bitmap_run(struct vhdx_pages *pages, uint64_t bitmap, uint64_t sector,
                                   uint64_t limit, bool *present, uint64_t *count) MUST_CHECK;

// Sets or clears `count` bits.
enum status vhdx_sector_bitmap_fill(struct vhdx_pages *pages, uint64_t bitmap, uint64_t sector,
                                    uint64_t count, bool present) MUST_CHECK;

#endif
