// What the makers of disks share. The inside of the generator.
#ifndef VREP_TESTS_SUPPORT_FORGE_DISKS_H
#define VREP_TESTS_SUPPORT_FORGE_DISKS_H

#include "base/checked.h"
#include "base/endian.h"
#include "tests/support/forge/forge.h"
#include "tests/support/forge/vhd.h"
#include "tests/support/forge/vhdx.h"
#include "tests/support/forge/vhdx_log.h"

#define FORGE_BASE  "/base.vhdx"
#define FORGE_CHILD "/child.vhdx"

#define FORGE_VHD_BASE  "/base.vhd"
#define FORGE_VHD_CHILD "/child.avhd"

// States of payload blocks of a VHDX.
enum forge_state {
    FORGE_ABSENT = 0,
    FORGE_UNDEFINED = 1,
    FORGE_ZERO = 2,
    FORGE_UNMAPPED = 3,
    FORGE_FULL = 6,
    FORGE_PARTIAL = 7,
};

// forge_vhdx_begin; the disk becomes the leaf, and the first one begins the model.
void forge_begin_vhdx(struct forged *d, struct forge_vhdx *f, const char *path,
                      const struct forge_shape *shape);

// A child of `parent`, which was begun before, with the model's sector size.
void forge_begin_child(struct forged *d, struct forge_vhdx *f, const char *path, const char *parent,
                       uint64_t size, uint32_t block_size);

// A whole disk FORGE_BASE in which every sector has data.
void forge_full_base(struct forged *d, uint64_t size, uint32_t block_size, uint32_t sector_size);

// A fully present block, in the file and in the model. Returns its place in MiB.
uint64_t forge_full_block(struct forged *d, struct forge_vhdx *f, uint64_t block, uint8_t tag);

// A sector bitmap for a chunk. Returns its place in MiB.
uint64_t forge_bitmap(struct forge_vhdx *f, uint64_t chunk);

// A partially present block full of junk, and sectors of it that count; `first` is a sector of the
// disk.
uint64_t forge_partial_block(struct forge_vhdx *f, uint64_t block);
void forge_present_sectors(struct forged *d, struct forge_vhdx *f, uint64_t block, uint64_t mib,
                           uint64_t bitmap, uint64_t first, uint64_t count, uint8_t tag);

// The same for a VHD. `windows`: placed as Windows does, else by the book.
void forge_begin_vhd(struct forged *d, struct forge_vhd *f, const char *path,
                     const struct forge_vhd_shape *shape);
void forge_begin_vhd_child(struct forged *d, struct forge_vhd *f, const char *path,
                           const char *parent, bool windows);
void forge_vhd_full_block(struct forged *d, struct forge_vhd *f, uint32_t block, uint8_t tag);

// The disks that faults are put into: eight blocks of 1 MiB, of which the blocks 0, 1 and 5 are at
// 4, 5 and 6 MiB; and a child of a full disk, whose bitmap is at 4 MiB, with blocks at 5 and 6.
void forge_plain_disk(struct forged *d, struct forge_vhdx *f);
void forge_plain_child(struct forged *d, struct forge_vhdx *f);

// Makes one byte of a file another one.
void forge_flip(struct forged *d, const char *path, uint64_t at);

extern const struct forge_disk forge_vhdx_disks[], forge_log_disks[], forge_vhd_disks[];
extern const size_t forge_vhdx_disk_count, forge_log_disk_count, forge_vhd_disk_count;
extern const struct forge_fault forge_vhdx_faults[], forge_metadata_faults[];
extern const struct forge_fault forge_table_faults[], forge_vhd_faults[];
extern const size_t forge_vhdx_fault_count, forge_metadata_fault_count;
extern const size_t forge_table_fault_count, forge_vhd_fault_count;

#endif
