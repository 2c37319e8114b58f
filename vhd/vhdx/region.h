// The region table and its two copies at 192 and 256 KiB ([MS-VHDX] 2.2.3).
#ifndef VREP_VHD_VHDX_REGION_H
#define VREP_VHD_VHDX_REGION_H

#include <stdbool.h>

#include "vhd/vhdx/view.h"

struct vhdx_region {
    struct guid guid;
    uint64_t offset;
    uint32_t length;
    bool required;
};

struct vhdx_regions {
    struct vhdx_region *entries; // all of them, unknown ones too; free with vhdx_regions_free
    size_t count;
    struct vhdx_region bat;
    struct vhdx_region metadata;
    // One copy is bad and must be written anew from the other: its offset; 0: both are good.
    uint64_t bad_copy;
};

// Checks one copy and takes it apart. `path` is for messages. STATUS_DAMAGED: checksum, entries out
// of place, a known region missing; STATUS_UNSUPPORTED: a required region that we do not know.
enum status vhdx_regions_decode(const uint8_t raw[VHDX_REGION_TABLE_SIZE], const char *path,
                                struct vhdx_regions *out) MUST_CHECK;

// The parts of one copy, for whoever wants to see more of a damaged one than the first fault:
// whether signature and checksum are right, how many entries it claims, and entry `index` as it is.
// *reserved: bits of the entry that must be zero.
bool vhdx_region_table_is_whole(const uint8_t raw[VHDX_REGION_TABLE_SIZE]);
uint32_t vhdx_region_table_count(const uint8_t raw[VHDX_REGION_TABLE_SIZE]);
void vhdx_region_table_entry(const uint8_t raw[VHDX_REGION_TABLE_SIZE], uint32_t index,
                             struct vhdx_region *region, uint32_t *reserved);

// True when a region lies where one may: whole MiB past the headers.
bool vhdx_region_is_placed(const struct vhdx_region *region);

// Reads the first copy, or the second when the first is damaged.
enum status vhdx_regions_read(const struct vhdx_view *view, struct vhdx_regions *out) MUST_CHECK;

void vhdx_regions_free(struct vhdx_regions *regions);

// Gives the region `region->guid` of one copy, which has it, another place; all else stays as it
// is.
void vhdx_region_table_move(uint8_t raw[VHDX_REGION_TABLE_SIZE], const struct vhdx_region *region);

// A table with the BAT and the metadata region, in Windows' order.
void vhdx_regions_encode(const struct vhdx_region *bat, const struct vhdx_region *metadata,
                         uint8_t raw[VHDX_REGION_TABLE_SIZE]);

#endif
