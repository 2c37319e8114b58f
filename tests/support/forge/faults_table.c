// VHDX files with one wrong entry in the block allocation table.
#include "tests/support/forge/disks.h"

#include "vhd/errors.h"

#define RESERVED (1u << 9)

// The entry of a block of the plain disk, whose first block lies at 4 MiB.
static void set_entry(struct forged *d, uint64_t block, uint64_t raw)
{
    struct forge_vhdx f;
    uint8_t bytes[8];
    forge_plain_disk(d, &f);
    store_le64(bytes, raw);
    mem_fs_poke(d->fs, FORGE_BASE, forge_vhdx_block_at(&f, block), bytes, sizeof bytes);
}

static void set_child_entry(struct forged *d, bool bitmap, uint64_t block, uint64_t raw)
{
    struct forge_vhdx f;
    uint8_t bytes[8];
    forge_plain_child(d, &f);
    store_le64(bytes, raw);
    mem_fs_poke(d->fs, FORGE_CHILD,
                bitmap ? forge_vhdx_chunk_at(&f, 0) : forge_vhdx_block_at(&f, block), bytes,
                sizeof bytes);
}

static void reserved_bits(struct forged *d)
{
    set_entry(d, 0, 4 * FORGE_MIB | FORGE_FULL | RESERVED);
}

static void reserved_bits_absent(struct forged *d)
{
    set_entry(d, 3, FORGE_ZERO | RESERVED);
}

static void state4(struct forged *d)
{
    set_entry(d, 3, 4);
}

static void state5(struct forged *d)
{
    set_entry(d, 3, 5);
}

// What may once have been PARTIALLY_PRESENT.
static void state5_with_place(struct forged *d)
{
    set_entry(d, 1, 5 * FORGE_MIB | 5);
    forge_model_paint(&d->model, 2048, 2048, 0);
}

static void partial(struct forged *d)
{
    set_entry(d, 1, 5 * FORGE_MIB | FORGE_PARTIAL);
}

static void absent_with_place(struct forged *d)
{
    set_entry(d, 3, 4 * FORGE_MIB | FORGE_ABSENT);
}

static void zero_with_place(struct forged *d)
{
    set_entry(d, 3, 900 * FORGE_MIB | FORGE_ZERO);
}

static void on_headers(struct forged *d)
{
    set_entry(d, 3, FORGE_FULL);
}

static void past_end(struct forged *d)
{
    set_entry(d, 3, 7 * FORGE_MIB | FORGE_FULL);
}

static void far_past_end(struct forged *d)
{
    set_entry(d, 3, 0xfffffffffff00000u | FORGE_FULL);
}

static void overlap(struct forged *d)
{
    set_entry(d, 3, 5 * FORGE_MIB | FORGE_FULL);
}

static void on_log(struct forged *d)
{
    set_entry(d, 3, 1 * FORGE_MIB | FORGE_FULL);
}

static void on_table(struct forged *d)
{
    set_entry(d, 3, 3 * FORGE_MIB | FORGE_FULL);
}

static void anchor_on_block(struct forged *d)
{
    set_entry(d, 3, 5 * FORGE_MIB | FORGE_UNMAPPED);
}

static void anchor_past_end(struct forged *d)
{
    set_entry(d, 3, 900 * FORGE_MIB | FORGE_UNDEFINED);
}

// Two anchors at one place, and a sound one.
static void anchors_meet(struct forged *d)
{
    struct forge_vhdx f;
    forge_plain_disk(d, &f);
    uint64_t mib = forge_vhdx_room(&f, 2);
    forge_vhdx_put_entry(&f, forge_vhdx_block_at(&f, 3), mib, FORGE_UNMAPPED);
    forge_vhdx_put_entry(&f, forge_vhdx_block_at(&f, 4), mib, FORGE_UNMAPPED);
    forge_vhdx_put_entry(&f, forge_vhdx_block_at(&f, 6), mib + 1, FORGE_UNDEFINED);
}

// A file cut within its last block.
static void file_in_block(struct forged *d)
{
    struct forge_vhdx f;
    forge_plain_disk(d, &f);
    mem_fs_resize(d->fs, FORGE_BASE, 7 * FORGE_MIB - 4096);
}

static void bitmap_missing(struct forged *d)
{
    set_child_entry(d, true, 0, 0);
}

static void bitmap_unknown_state(struct forged *d)
{
    set_child_entry(d, true, 0, 4 * FORGE_MIB | 3);
}

static void bitmap_partial(struct forged *d)
{
    set_child_entry(d, true, 0, 4 * FORGE_MIB | FORGE_PARTIAL);
}

static void bitmap_reserved(struct forged *d)
{
    set_child_entry(d, true, 0, 4 * FORGE_MIB | FORGE_FULL | RESERVED);
}

static void bitmap_past_end(struct forged *d)
{
    set_child_entry(d, true, 0, 900 * FORGE_MIB | FORGE_FULL);
}

static void bitmap_on_block(struct forged *d)
{
    set_child_entry(d, true, 0, 5 * FORGE_MIB | FORGE_FULL);
}

// The bitmap of a child without partially present blocks.
static void unneeded_bitmap(struct forged *d, uint64_t raw)
{
    struct forge_vhdx f;
    uint8_t bytes[8];
    forge_full_base(d, 4 * FORGE_MIB, 1 << 20, 512);
    forge_begin_child(d, &f, FORGE_CHILD, FORGE_BASE, d->model.size, 1 << 20);
    forge_full_block(d, &f, 1, 9);
    store_le64(bytes, raw);
    mem_fs_poke(d->fs, FORGE_CHILD, forge_vhdx_chunk_at(&f, 0), bytes, sizeof bytes);
}

static void bitmap_state(struct forged *d)
{
    unneeded_bitmap(d, 2);
}

static void bitmap_absent_with_place(struct forged *d)
{
    unneeded_bitmap(d, 4 * FORGE_MIB);
}

// The disk has more blocks than a chunk; the entry between is for a bitmap that it does not have.
static void bitmap_without_parent(struct forged *d)
{
    struct forge_vhdx f;
    const struct forge_shape shape = {.size = 4097 * FORGE_MIB, .block_size = 1 << 20};
    forge_begin_vhdx(d, &f, FORGE_BASE, &shape);
    forge_full_block(d, &f, 4096, 1);
    forge_vhdx_put_entry(&f, forge_vhdx_chunk_at(&f, 0), 4, FORGE_FULL);
}

static void child_partial_on_headers(struct forged *d)
{
    set_child_entry(d, false, 2, FORGE_PARTIAL);
}

const struct forge_fault forge_table_faults[] = {
    {"vhdx-bat-reserved", reserved_bits, "bat-reserved", VHD_PROBLEM_REPAIRABLE, STATUS_DAMAGED,
     VHD_ERROR_BLOCK_ALLOCATION_TABLE_CORRUPT, false},
    {"vhdx-bat-reserved-absent", reserved_bits_absent, "bat-reserved", VHD_PROBLEM_REPAIRABLE,
     STATUS_OK, 0, true},
    {"vhdx-bat-state-4", state4, "bat-state-reserved", VHD_PROBLEM_DAMAGE, STATUS_OK, 0, true},
    {"vhdx-bat-state-5", state5, "bat-state-095", VHD_PROBLEM_REPAIRABLE, STATUS_OK, 0, true},
    {"vhdx-bat-state-5-with-place", state5_with_place, "bat-state-reserved", VHD_PROBLEM_DAMAGE,
     STATUS_OK, 0, true},
    {"vhdx-bat-partial", partial, "bat-partial-without-parent", VHD_PROBLEM_REPAIRABLE, STATUS_OK,
     0, true},
    {"vhdx-bat-absent-with-place", absent_with_place, "bat-offset-unused", VHD_PROBLEM_REPAIRABLE,
     STATUS_OK, 0, true},
    {"vhdx-bat-zero-with-place", zero_with_place, "bat-offset-unused", VHD_PROBLEM_REPAIRABLE,
     STATUS_OK, 0, true},
    {"vhdx-bat-on-headers", on_headers, "bat-on-headers", VHD_PROBLEM_DAMAGE, STATUS_DAMAGED,
     VHD_ERROR_BLOCK_ALLOCATION_TABLE_CORRUPT, false},
    {"vhdx-bat-past-end", past_end, "bat-past-end", VHD_PROBLEM_DAMAGE, STATUS_DAMAGED,
     VHD_ERROR_BLOCK_ALLOCATION_TABLE_CORRUPT, false},
    {"vhdx-bat-far-past-end", far_past_end, "bat-past-end", VHD_PROBLEM_DAMAGE, STATUS_DAMAGED,
     VHD_ERROR_BLOCK_ALLOCATION_TABLE_CORRUPT, false},
    {"vhdx-bat-overlap", overlap, "bat-overlap", VHD_PROBLEM_DAMAGE, STATUS_DAMAGED,
     VHD_ERROR_BLOCK_ALLOCATION_TABLE_CORRUPT, false},
    {"vhdx-bat-on-log", on_log, "bat-on-structure", VHD_PROBLEM_DAMAGE, STATUS_DAMAGED,
     VHD_ERROR_BLOCK_ALLOCATION_TABLE_CORRUPT, false},
    {"vhdx-bat-on-table", on_table, "bat-on-structure", VHD_PROBLEM_DAMAGE, STATUS_DAMAGED,
     VHD_ERROR_BLOCK_ALLOCATION_TABLE_CORRUPT, false},
    {"vhdx-bat-anchor-on-block", anchor_on_block, "bat-anchor", VHD_PROBLEM_REPAIRABLE, STATUS_OK,
     0, true},
    {"vhdx-bat-anchor-past-end", anchor_past_end, "bat-anchor", VHD_PROBLEM_REPAIRABLE, STATUS_OK,
     0, true},
    {"vhdx-bat-anchors-meet", anchors_meet, "bat-anchor", VHD_PROBLEM_REPAIRABLE, STATUS_OK, 0,
     true},
    {"vhdx-bat-file-in-block", file_in_block, "bat-past-end", VHD_PROBLEM_DAMAGE, STATUS_DAMAGED,
     VHD_ERROR_BLOCK_ALLOCATION_TABLE_CORRUPT, false},
    {"vhdx-bat-bitmap-missing", bitmap_missing, "bat-bitmap-missing", VHD_PROBLEM_DAMAGE,
     STATUS_DAMAGED, VHD_ERROR_BLOCK_ALLOCATION_TABLE_CORRUPT, false},
    {"vhdx-bat-bitmap-unknown-state", bitmap_unknown_state, "bat-bitmap-missing",
     VHD_PROBLEM_DAMAGE, STATUS_DAMAGED, VHD_ERROR_BLOCK_ALLOCATION_TABLE_CORRUPT, false},
    {"vhdx-bat-bitmap-partial", bitmap_partial, "bat-bitmap-state", VHD_PROBLEM_REPAIRABLE,
     STATUS_OK, 0, true},
    {"vhdx-bat-bitmap-reserved", bitmap_reserved, "bat-reserved", VHD_PROBLEM_REPAIRABLE,
     STATUS_DAMAGED, VHD_ERROR_BLOCK_ALLOCATION_TABLE_CORRUPT, false},
    {"vhdx-bat-bitmap-past-end", bitmap_past_end, "bat-past-end", VHD_PROBLEM_DAMAGE,
     STATUS_DAMAGED, VHD_ERROR_BLOCK_ALLOCATION_TABLE_CORRUPT, false},
    {"vhdx-bat-bitmap-on-block", bitmap_on_block, "bat-overlap", VHD_PROBLEM_DAMAGE, STATUS_DAMAGED,
     VHD_ERROR_BLOCK_ALLOCATION_TABLE_CORRUPT, false},
    {"vhdx-bat-bitmap-state", bitmap_state, "bat-bitmap-state", VHD_PROBLEM_REPAIRABLE, STATUS_OK,
     0, true},
    {"vhdx-bat-bitmap-absent-with-place", bitmap_absent_with_place, "bat-offset-unused",
     VHD_PROBLEM_REPAIRABLE, STATUS_OK, 0, true},
    {"vhdx-bat-bitmap-without-parent", bitmap_without_parent, "bat-bitmap-without-parent",
     VHD_PROBLEM_REPAIRABLE, STATUS_OK, 0, true},
    {"vhdx-bat-child-on-headers", child_partial_on_headers, "bat-on-headers", VHD_PROBLEM_DAMAGE,
     STATUS_DAMAGED, VHD_ERROR_BLOCK_ALLOCATION_TABLE_CORRUPT, false},
};
const size_t forge_table_fault_count = sizeof forge_table_faults / sizeof *forge_table_faults;
