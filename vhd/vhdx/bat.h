// The block allocation table: which entry describes which block, and what entries say
// ([MS-VHDX] 2.4, 2.5).
#ifndef VREP_VHD_VHDX_BAT_H
#define VREP_VHD_VHDX_BAT_H

#include <stdbool.h>

#include "vhd/vhdx/metadata.h"
#include "vhd/vhdx/pages.h"
#include "vhd/vhdx/space.h"

// The parts of an entry: state, reserved bits, offset in the file (in MiB, so that its bits are
// those of the offset itself).
#define VHDX_BAT_STATE_MASK    7u
#define VHDX_BAT_RESERVED_MASK 0xffff8u
#define VHDX_BAT_OFFSET_MASK   0xfffffffffff00000u

enum vhdx_block_state {
    VHDX_BLOCK_NOT_PRESENT = 0,
    VHDX_BLOCK_UNDEFINED = 1,
    VHDX_BLOCK_ZERO = 2,
    VHDX_BLOCK_UNMAPPED = 3,
    // 4 and 5 are reserved; 5 was UNMAPPED in version 0.95 (docs/formats.md). Both are read as
    // UNMAPPED.
    VHDX_BLOCK_FULLY_PRESENT = 6,
    VHDX_BLOCK_PARTIALLY_PRESENT = 7,
};

struct vhdx_block {
    enum vhdx_block_state state;
    uint64_t offset; // in the file; 0 when the block has no place
};

// True when the block's place holds what a reader sees. In the states UNDEFINED and UNMAPPED it is
// a "soft anchor": what was there before may lie there still, and nobody else may use the room.
static inline bool vhdx_block_is_present(const struct vhdx_block *block)
{
    return block->state == VHDX_BLOCK_FULLY_PRESENT || block->state == VHDX_BLOCK_PARTIALLY_PRESENT;
}

// How the virtual disk is cut into blocks, and those into chunks that share one sector bitmap.
struct vhdx_geometry {
    uint64_t virtual_size;
    uint32_t block_size;
    uint32_t sector_size; // logical
    bool differencing;
    unsigned block_shift;       // log2(block_size)
    unsigned chunk_ratio_shift; // log2 of the payload blocks of a chunk
    uint64_t block_count;       // payload blocks
    uint64_t chunk_count;
    uint64_t entry_count; // of the table
};

// `block_size` and `sector_size` are valid, `virtual_size` at most VHDX_SIZE_MAX.
void vhdx_geometry_init(struct vhdx_geometry *geometry, uint64_t virtual_size, uint32_t block_size,
                        uint32_t sector_size, bool differencing);

// Index of a payload block's entry, and of a chunk's sector bitmap entry.
uint64_t vhdx_payload_index(const struct vhdx_geometry *geometry, uint64_t block);
uint64_t vhdx_bitmap_index(const struct vhdx_geometry *geometry, uint64_t chunk);

// Bytes of the virtual disk in `block`; the last one may be shorter than the others.
uint64_t vhdx_block_length(const struct vhdx_geometry *geometry, uint64_t block);

struct vhdx_bat {
    struct vhdx_geometry geometry;
    uint64_t offset; // of the region in the file
    struct vhdx_pages *pages;
};

// What a raw entry of a payload block says. State 7 in a disk without parent is read as 6.
struct vhdx_block vhdx_payload_decode(uint64_t raw, bool differencing);

uint64_t vhdx_block_encode(const struct vhdx_block *block);

enum status vhdx_bat_get_payload(struct vhdx_bat *bat, uint64_t block,
                                 struct vhdx_block *out) MUST_CHECK;
enum status vhdx_bat_set_payload(struct vhdx_bat *bat, uint64_t block,
                                 const struct vhdx_block *value) MUST_CHECK;

// How many payload blocks from `block` on, at most `limit` (not 0), have the same entry as it. The
// answer may be too small: one call looks at one page of the table.
enum status vhdx_bat_repeats(struct vhdx_bat *bat, uint64_t block, uint64_t limit,
                             uint64_t *count) MUST_CHECK;

// Where the sector bitmap block of `chunk` lies; 0: the chunk has none.
enum status vhdx_bat_get_bitmap(struct vhdx_bat *bat, uint64_t chunk, uint64_t *offset) MUST_CHECK;
// `offset` 0: the chunk has none any more.
enum status vhdx_bat_set_bitmap(struct vhdx_bat *bat, uint64_t chunk, uint64_t offset) MUST_CHECK;

// What the whole table says.
struct vhdx_bat_summary {
    uint64_t present_blocks; // payload blocks that are fully or partially present
    uint64_t anchors;        // payload blocks with a soft anchor
};

// Reads the whole table once and marks in `space` what its present blocks and sector bitmaps use.
// STATUS_DAMAGED: a block lies outside the file, on the headers or on something else, or is
// partially present without sector bitmap.
enum status vhdx_bat_scan(const struct vhdx_bat *bat, struct vhdx_space *space,
                          struct vhdx_bat_summary *summary) MUST_CHECK;

// After the scan of a table that has soft anchors, before its file is written: marks the room that
// they keep. *shared: some of them lie where something else is, so none can be relied on.
enum status vhdx_bat_claim_anchors(const struct vhdx_bat *bat, struct vhdx_space *space,
                                   bool *shared) MUST_CHECK;

#endif
