// The block allocation table: which entry describes which block, and what entries say
// ([MS-VHDX] 2.4, 2.5).
#ifndef VREP_VHD_VHDX_BAT_H
#define VREP_VHD_VHDX_BAT_H

#include <stdbool.h>

#include "vhd/vhdx/metadata.h"
#include "vhd/vhdx/pages.h"
#include "vhd/vhdx/space.h"

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

// Where the sector bitmap block of `chunk` lies; 0: the chunk has none.
enum status vhdx_bat_get_bitmap(struct vhdx_bat *bat, uint64_t chunk, uint64_t *offset) MUST_CHECK;
enum status vhdx_bat_set_bitmap(struct vhdx_bat *bat, uint64_t chunk, uint64_t offset) MUST_CHECK;

// Reads the whole table once: marks in `space` what it uses and counts payload blocks that have a
// place. STATUS_DAMAGED: a block lies outside the file, on the headers or on something else, or is
// partially present without sector bitmap.
enum status vhdx_bat_scan(const struct vhdx_bat *bat, struct vhdx_space *space,
                          uint64_t *present_blocks) MUST_CHECK;

#endif
