// VHDX files with one fault in the metadata, the parent locator, or between child and parent.
#include "tests/support/forge/disks.h"

#include <stdlib.h>
#include <string.h>

#include "vhd/errors.h"

static void table_signature(struct forged *d)
{
    struct forge_vhdx f;
    forge_plain_disk(d, &f);
    forge_flip(d, FORGE_BASE, f.regions[FORGE_METADATA].offset);
}

static void table_count(struct forged *d)
{
    struct forge_vhdx f;
    uint8_t raw[2] = {0, 8}; // 2048
    forge_plain_disk(d, &f);
    mem_fs_poke(d->fs, FORGE_BASE, f.regions[FORGE_METADATA].offset + 10, raw, sizeof raw);
}

// Changes the table of the plain disk.
#define ITEMS(f, statement)  \
    struct forge_vhdx f;     \
    forge_plain_disk(d, &f); \
    statement;               \
    forge_vhdx_write_items(&f)

// Changes what the items of the plain disk say.
#define VALUES(f, field, value) \
    struct forge_vhdx f;        \
    forge_plain_disk(d, &f);    \
    f.field = (value);          \
    forge_vhdx_write_values(&f)

static void item_in_table(struct forged *d)
{
    ITEMS(f, f.items[FORGE_SIZE].offset = 1024);
}

static void item_past_region(struct forged *d)
{
    ITEMS(f, f.items[FORGE_DISK_ID].offset = (uint32_t)FORGE_MIB - 8);
}

static void item_overlap(struct forged *d)
{
    ITEMS(f, f.items[FORGE_LOGICAL].length = 8);
}

static void item_duplicate(struct forged *d)
{
    struct forge_vhdx f;
    forge_plain_disk(d, &f);
    forge_vhdx_add_item(&f, &f.items[FORGE_SIZE].guid, 6, 8);
}

static void item_unknown(struct forged *d)
{
    struct forge_vhdx f;
    struct guid guid = forge_guid(1000);
    forge_plain_disk(d, &f);
    forge_vhdx_add_item(&f, &guid, 4, 8);
}

static void item_of_user_required(struct forged *d)
{
    struct forge_vhdx f;
    struct guid guid = forge_guid(1000);
    forge_plain_disk(d, &f);
    forge_vhdx_add_item(&f, &guid, 5, 8);
}

static void unfinished(struct forged *d)
{
    struct guid guid =
        GUID_INIT(0x71CC85F0, 0x1B69, 0x4E28, 0x95, 0x58, 0xC3, 0xBF, 0x83, 0xAE, 0x75, 0xD3);
    struct forge_vhdx f;
    forge_plain_disk(d, &f);
    forge_vhdx_add_item(&f, &guid, 4, 1);
}

static void item_missing(struct forged *d)
{
    ITEMS(f, f.items[FORGE_PHYSICAL].guid = forge_guid(1000); f.items[FORGE_PHYSICAL].flags = 0);
}

static void item_short(struct forged *d)
{
    ITEMS(f, f.items[FORGE_SIZE].length = 4);
}

static void item_flags(struct forged *d)
{
    ITEMS(f, f.items[FORGE_SIZE].flags = 4);
}

static void item_reserved(struct forged *d)
{
    ITEMS(f, f.items[FORGE_SIZE].reserved = 0x100; f.items[FORGE_DISK_ID].flags |= 0x80);
}

static void parameters_reserved(struct forged *d)
{
    VALUES(f, parameters, 0x40);
}

static void block_size_odd(struct forged *d)
{
    VALUES(f, block_size, 3 << 20);
}

static void block_size_small(struct forged *d)
{
    VALUES(f, block_size, 512 << 10);
}

static void size_zero(struct forged *d)
{
    VALUES(f, size, 0);
}

static void size_odd(struct forged *d)
{
    VALUES(f, size, 8 * FORGE_MIB - 100);
}

static void size_huge(struct forged *d)
{
    VALUES(f, size, VHDX_SIZE_MAX + 512);
}

static void sector_size(struct forged *d)
{
    VALUES(f, sector_size, 1024);
}

static void physical_sector_size(struct forged *d)
{
    VALUES(f, physical_sector_size, 0);
}

static void table_too_small(struct forged *d)
{
    VALUES(f, size, 1ull << 40);
}

static void locator_missing(struct forged *d)
{
    VALUES(f, parameters, FORGE_DIFFERENCING);
}

// Changes a byte of the child's locator.
static void poke_locator(struct forged *d, uint64_t at, uint8_t byte)
{
    struct forge_vhdx f;
    forge_plain_child(d, &f);
    at += f.regions[FORGE_METADATA].offset + f.items[FORGE_LOCATOR].offset;
    mem_fs_poke(d->fs, FORGE_CHILD, at, &byte, 1);
}

static void locator_type(struct forged *d)
{
    poke_locator(d, 0, 0);
}

static void locator_count(struct forged *d)
{
    poke_locator(d, 18, 0);
}

static void locator_string_outside(struct forged *d)
{
    poke_locator(d, 20 + 6, 1); // the first value's offset, third byte
}

static void locator_odd_length(struct forged *d)
{
    poke_locator(d, 20 + 8, 27); // the first key's length
}

static void locator_nul(struct forged *d)
{
    poke_locator(d, 20 + 4 * 12 + 2, 0); // of "parent_linkage"
}

// Gives the child's locator another value.
static void set_pair(struct forged *d, const char *key, const char *value)
{
    struct forge_vhdx f;
    forge_plain_child(d, &f);
    forge_vhdx_set_pair(&f, key, value);
    forge_vhdx_write_values(&f);
}

static void locator_key_twice(struct forged *d)
{
    struct forge_vhdx f;
    forge_plain_child(d, &f);
    f.pairs[f.pair_count] = f.pairs[0];
    f.pair_count++;
    forge_vhdx_write_values(&f);
}

static void locator_linkage(struct forged *d)
{
    set_pair(d, "parent_linkage", "{not a guid}");
}

static void locator_linkage2(struct forged *d)
{
    set_pair(d, "parent_linkage2", "nothing");
}

static void locator_without_path(struct forged *d)
{
    struct forge_vhdx f;
    forge_plain_child(d, &f);
    for (uint32_t i = 0; i < f.pair_count; i++)
        if (strstr(f.pairs[i].key, "path"))
            f.pairs[i].key[0] -= 'a' - 'A'; // case matters
    forge_vhdx_write_values(&f);
}

static void parent_missing(struct forged *d)
{
    struct forge_vhdx f;
    forge_plain_child(d, &f);
    const struct file_system *fs = mem_fs_system(d->fs);
    if (fs->rename(fs, FORGE_BASE, "/elsewhere.vhdx") != STATUS_OK)
        abort();
}

static void parent_mismatch(struct forged *d)
{
    set_pair(d, "parent_linkage", "{00000000-1111-2222-3333-444444444444}");
}

// The parent names the child as its parent.
static void parent_cycle(struct forged *d)
{
    struct forge_vhdx f;
    forge_begin_child(d, &f, FORGE_CHILD, FORGE_BASE, 4 * FORGE_MIB, 1 << 20);
    forge_begin_child(d, &f, FORGE_BASE, FORGE_CHILD, 4 * FORGE_MIB, 1 << 20);
    d->leaf = FORGE_CHILD;
}

static void parent_sector_size(struct forged *d)
{
    struct forge_vhdx f;
    forge_full_base(d, 4 * FORGE_MIB, 1 << 20, 512);
    d->model.sector_size = 4096;
    forge_begin_child(d, &f, FORGE_CHILD, FORGE_BASE, d->model.size, 1 << 20);
}

static void parent_damaged(struct forged *d)
{
    struct forge_vhdx f;
    forge_plain_child(d, &f);
    forge_flip(d, FORGE_BASE, FORGE_HEADER1);
    forge_flip(d, FORGE_BASE, FORGE_HEADER2);
}

const struct forge_fault forge_metadata_faults[] = {
    {"vhdx-metadata-signature", table_signature, "metadata-table", VHD_PROBLEM_DAMAGE,
     STATUS_DAMAGED, VHD_ERROR_METADATA_READ_FAILURE, false},
    {"vhdx-metadata-count", table_count, "metadata-table", VHD_PROBLEM_DAMAGE, STATUS_DAMAGED,
     VHD_ERROR_METADATA_READ_FAILURE, false},
    {"vhdx-metadata-item-in-table", item_in_table, "metadata-item-misplaced", VHD_PROBLEM_DAMAGE,
     STATUS_DAMAGED, VHD_ERROR_METADATA_READ_FAILURE, false},
    {"vhdx-metadata-item-past-region", item_past_region, "metadata-item-misplaced",
     VHD_PROBLEM_DAMAGE, STATUS_DAMAGED, VHD_ERROR_METADATA_READ_FAILURE, false},
    {"vhdx-metadata-item-overlap", item_overlap, "metadata-item-overlap", VHD_PROBLEM_DAMAGE,
     STATUS_DAMAGED, VHD_ERROR_METADATA_READ_FAILURE, false},
    {"vhdx-metadata-item-duplicate", item_duplicate, "metadata-item-duplicate", VHD_PROBLEM_DAMAGE,
     STATUS_DAMAGED, VHD_ERROR_METADATA_READ_FAILURE, false},
    {"vhdx-metadata-item-unknown", item_unknown, "metadata-item-unknown-required",
     VHD_PROBLEM_DAMAGE, STATUS_UNSUPPORTED, VHD_ERROR_FORMAT_UNSUPPORTED_VERSION, false},
    {"vhdx-metadata-item-of-user", item_of_user_required, "metadata-item-unknown-required",
     VHD_PROBLEM_DAMAGE, STATUS_UNSUPPORTED, VHD_ERROR_FORMAT_UNSUPPORTED_VERSION, false},
    {"vhdx-metadata-unfinished", unfinished, "metadata-unfinished", VHD_PROBLEM_DAMAGE,
     STATUS_UNSUPPORTED, VHD_ERROR_INVALID_STATE, false},
    {"vhdx-metadata-item-missing", item_missing, "metadata-item-missing", VHD_PROBLEM_DAMAGE,
     STATUS_DAMAGED, VHD_ERROR_METADATA_READ_FAILURE, false},
    {"vhdx-metadata-item-short", item_short, "metadata-item-short", VHD_PROBLEM_DAMAGE,
     STATUS_DAMAGED, VHD_ERROR_METADATA_READ_FAILURE, false},
    {"vhdx-metadata-item-flags", item_flags, "metadata-item-flags", VHD_PROBLEM_REPAIRABLE,
     STATUS_OK, 0, true},
    {"vhdx-metadata-reserved", item_reserved, "metadata-reserved", VHD_PROBLEM_REPAIRABLE,
     STATUS_OK, 0, true},
    {"vhdx-metadata-parameters", parameters_reserved, "metadata-parameters-reserved",
     VHD_PROBLEM_REPAIRABLE, STATUS_OK, 0, true},
    {"vhdx-metadata-block-size-odd", block_size_odd, "metadata-block-size", VHD_PROBLEM_DAMAGE,
     STATUS_DAMAGED, VHD_ERROR_INVALID_BLOCK_SIZE, false},
    {"vhdx-metadata-block-size-small", block_size_small, "metadata-block-size", VHD_PROBLEM_DAMAGE,
     STATUS_DAMAGED, VHD_ERROR_INVALID_BLOCK_SIZE, false},
    {"vhdx-metadata-size-zero", size_zero, "metadata-virtual-size", VHD_PROBLEM_DAMAGE,
     STATUS_DAMAGED, VHD_ERROR_INVALID_SIZE, false},
    {"vhdx-metadata-size-odd", size_odd, "metadata-virtual-size", VHD_PROBLEM_DAMAGE,
     STATUS_DAMAGED, VHD_ERROR_INVALID_SIZE, false},
    {"vhdx-metadata-size-huge", size_huge, "metadata-virtual-size", VHD_PROBLEM_DAMAGE,
     STATUS_DAMAGED, VHD_ERROR_INVALID_SIZE, false},
    {"vhdx-metadata-sector-size", sector_size, "metadata-sector-size", VHD_PROBLEM_DAMAGE,
     STATUS_DAMAGED, VHD_ERROR_METADATA_READ_FAILURE, false},
    {"vhdx-metadata-physical-size", physical_sector_size, "metadata-sector-size",
     VHD_PROBLEM_DAMAGE, STATUS_DAMAGED, VHD_ERROR_METADATA_READ_FAILURE, false},
    {"vhdx-bat-too-small", table_too_small, "bat-too-small", VHD_PROBLEM_DAMAGE, STATUS_DAMAGED,
     VHD_ERROR_BLOCK_ALLOCATION_TABLE_CORRUPT, false},
    {"vhdx-locator-missing", locator_missing, "locator-missing", VHD_PROBLEM_DAMAGE, STATUS_DAMAGED,
     VHD_ERROR_METADATA_READ_FAILURE, false},
    {"vhdx-locator-type", locator_type, "locator-type", VHD_PROBLEM_DAMAGE, STATUS_UNSUPPORTED,
     VHD_ERROR_FORMAT_UNKNOWN, false},
    {"vhdx-locator-count", locator_count, "locator-malformed", VHD_PROBLEM_DAMAGE, STATUS_DAMAGED,
     VHD_ERROR_METADATA_READ_FAILURE, false},
    {"vhdx-locator-string-outside", locator_string_outside, "locator-malformed", VHD_PROBLEM_DAMAGE,
     STATUS_DAMAGED, VHD_ERROR_METADATA_READ_FAILURE, false},
    {"vhdx-locator-odd-length", locator_odd_length, "locator-malformed", VHD_PROBLEM_DAMAGE,
     STATUS_DAMAGED, VHD_ERROR_METADATA_READ_FAILURE, false},
    {"vhdx-locator-nul", locator_nul, "locator-malformed", VHD_PROBLEM_DAMAGE, STATUS_DAMAGED,
     VHD_ERROR_METADATA_READ_FAILURE, false},
    {"vhdx-locator-key-twice", locator_key_twice, "locator-malformed", VHD_PROBLEM_DAMAGE,
     STATUS_DAMAGED, VHD_ERROR_METADATA_READ_FAILURE, false},
    {"vhdx-locator-linkage", locator_linkage, "locator-linkage", VHD_PROBLEM_DAMAGE, STATUS_DAMAGED,
     VHD_ERROR_METADATA_READ_FAILURE, false},
    {"vhdx-locator-linkage2", locator_linkage2, "locator-linkage", VHD_PROBLEM_DAMAGE, STATUS_OK, 0,
     true},
    {"vhdx-locator-without-path", locator_without_path, "locator-path", VHD_PROBLEM_DAMAGE,
     STATUS_PARENT_MISSING, VHD_ERROR_PARENT_VHD_NOT_FOUND, false},
    {"vhdx-parent-missing", parent_missing, "parent-missing", VHD_PROBLEM_DAMAGE,
     STATUS_PARENT_MISSING, VHD_ERROR_PARENT_VHD_NOT_FOUND, false},
    {"vhdx-parent-mismatch", parent_mismatch, "parent-mismatch", VHD_PROBLEM_DAMAGE,
     STATUS_PARENT_MISMATCH, VHD_ERROR_CHILD_PARENT_ID_MISMATCH, false},
    {"vhdx-parent-cycle", parent_cycle, "parent-cycle", VHD_PROBLEM_DAMAGE, STATUS_DAMAGED,
     VHD_ERROR_DIFFERENCING_CHAIN_CYCLE_DETECTED, false},
    {"vhdx-parent-sector-size", parent_sector_size, "parent-sector-size", VHD_PROBLEM_DAMAGE,
     STATUS_DAMAGED, VHD_ERROR_DIFFERENCING_CHAIN_ERROR_IN_PARENT, false},
    {"vhdx-parent-damaged", parent_damaged, "parent-damaged", VHD_PROBLEM_DAMAGE, STATUS_DAMAGED,
     VHD_ERROR_SPARSE_HEADER_CORRUPT, false},
};
const size_t forge_metadata_fault_count =
    sizeof forge_metadata_faults / sizeof *forge_metadata_faults;
