// VHD files with one fault.
#include "tests/support/forge/disks.h"

#include <stdlib.h>
#include <string.h>

#include "vhd/errors.h"

#define SIZE (9 * FORGE_MIB)

// Five blocks of 2 MiB, the first and the fourth with data; without the footer at the end.
static void begin(struct forged *d, struct forge_vhd *f)
{
    const struct forge_vhd_shape shape = {.type = FORGE_VHD_DYNAMIC, .size = SIZE, .aligned = true};
    forge_begin_vhd(d, f, FORGE_VHD_BASE, &shape);
    forge_vhd_full_block(d, f, 3, 1);
    forge_vhd_full_block(d, f, 0, 2);
}

static void plain(struct forged *d, struct forge_vhd *f)
{
    begin(d, f);
    forge_vhd_end(f);
}

static void plain_fixed(struct forged *d, struct forge_vhd *f)
{
    const struct forge_vhd_shape shape = {.type = FORGE_VHD_FIXED, .size = 4 * FORGE_MIB};
    forge_begin_vhd(d, f, FORGE_VHD_BASE, &shape);
    forge_vhd_end(f);
}

// A child of the plain disk with one block.
static void plain_child(struct forged *d, struct forge_vhd *f)
{
    plain(d, f);
    forge_begin_vhd_child(d, f, FORGE_VHD_CHILD, FORGE_VHD_BASE, true);
    forge_vhd_full_block(d, f, 1, 3);
    forge_vhd_end(f);
}

static uint64_t trailing(const struct forged *d)
{
    return mem_fs_size(d->fs, d->leaf) - FORGE_FOOTER_SIZE;
}

static void footer_cookie(struct forged *d)
{
    struct forge_vhd f;
    plain(d, &f);
    forge_flip(d, FORGE_VHD_BASE, trailing(d) + 2);
}

static void footer_checksum(struct forged *d)
{
    struct forge_vhd f;
    plain(d, &f);
    forge_flip(d, FORGE_VHD_BASE, trailing(d) + 50);
}

static void footer_cut_off(struct forged *d)
{
    struct forge_vhd f;
    begin(d, &f);
}

static void copy_damaged(struct forged *d)
{
    struct forge_vhd f;
    plain(d, &f);
    forge_flip(d, FORGE_VHD_BASE, 70);
}

static void copy_differs(struct forged *d)
{
    struct forge_vhd f;
    plain(d, &f);
    f.footer[24] ^= 1;
    forge_vhd_sum_footer(f.footer);
    mem_fs_poke(d->fs, FORGE_VHD_BASE, 0, f.footer, sizeof f.footer);
}

static void both_footers(struct forged *d)
{
    struct forge_vhd f;
    plain(d, &f);
    forge_flip(d, FORGE_VHD_BASE, 70);
    forge_flip(d, FORGE_VHD_BASE, trailing(d) + 70);
}

// Writes the changed footer of a fixed disk.
static void write_fixed_footer(struct forged *d, struct forge_vhd *f)
{
    forge_vhd_sum_footer(f->footer);
    mem_fs_poke(d->fs, FORGE_VHD_BASE, trailing(d), f->footer, sizeof f->footer);
}

static void fixed_checksum(struct forged *d)
{
    struct forge_vhd f;
    plain_fixed(d, &f);
    forge_flip(d, FORGE_VHD_BASE, trailing(d) + 100);
}

static void fixed_version(struct forged *d)
{
    struct forge_vhd f;
    plain_fixed(d, &f);
    store_be32(f.footer + 12, 0x00020000);
    write_fixed_footer(d, &f);
}

static void fixed_type(struct forged *d)
{
    struct forge_vhd f;
    plain_fixed(d, &f);
    store_be32(f.footer + 60, 7);
    write_fixed_footer(d, &f);
}

static void fixed_size_zero(struct forged *d)
{
    struct forge_vhd f;
    plain_fixed(d, &f);
    store_be64(f.footer + 48, 0);
    write_fixed_footer(d, &f);
}

static void fixed_size_odd(struct forged *d)
{
    struct forge_vhd f;
    plain_fixed(d, &f);
    store_be64(f.footer + 48, 4 * FORGE_MIB - 100);
    write_fixed_footer(d, &f);
}

static void fixed_truncated(struct forged *d)
{
    struct forge_vhd f;
    plain_fixed(d, &f);
    store_be64(f.footer + 48, 5 * FORGE_MIB);
    write_fixed_footer(d, &f);
}

// Writes the changed header, with the right checksum.
static void write_header(struct forged *d, struct forge_vhd *f)
{
    forge_vhd_sum_header(f->header);
    mem_fs_poke(d->fs, d->leaf, FORGE_HEADER_AT, f->header, sizeof f->header);
}

static void header_checksum(struct forged *d)
{
    struct forge_vhd f;
    plain(d, &f);
    forge_flip(d, FORGE_VHD_BASE, FORGE_HEADER_AT + 38);
}

static void header_cookie(struct forged *d)
{
    struct forge_vhd f;
    plain(d, &f);
    f.header[0] = 'C';
    write_header(d, &f);
}

static void header_version(struct forged *d)
{
    struct forge_vhd f;
    plain(d, &f);
    store_be32(f.header + 24, 0x00030000);
    write_header(d, &f);
}

static void header_block_size(struct forged *d)
{
    struct forge_vhd f;
    plain(d, &f);
    store_be32(f.header + 32, 3 << 20);
    write_header(d, &f);
}

static void header_entries(struct forged *d)
{
    struct forge_vhd f;
    plain(d, &f);
    store_be32(f.header + 28, 4);
    write_header(d, &f);
}

static void table_past_end(struct forged *d)
{
    struct forge_vhd f;
    plain(d, &f);
    store_be64(f.header + 16, 900 * FORGE_MIB);
    write_header(d, &f);
}

static void table_on_header(struct forged *d)
{
    struct forge_vhd f;
    plain(d, &f);
    store_be64(f.header + 16, FORGE_HEADER_AT + 512);
    write_header(d, &f);
}

static void header_outside(struct forged *d)
{
    struct forge_vhd f;
    plain(d, &f);
    store_be64(f.footer + 16, 900 * FORGE_MIB);
    forge_vhd_sum_footer(f.footer);
    mem_fs_poke(d->fs, FORGE_VHD_BASE, 0, f.footer, sizeof f.footer);
    mem_fs_poke(d->fs, FORGE_VHD_BASE, trailing(d), f.footer, sizeof f.footer);
}

// The plain disk with another place for its last block.
static void place_block(struct forged *d, uint32_t sector)
{
    struct forge_vhd f;
    plain(d, &f);
    forge_vhd_put_entry(&f, 4, sector);
}

static void block_on_headers(struct forged *d)
{
    struct forge_vhd f;
    const struct forge_vhd_shape shape = {.type = FORGE_VHD_DYNAMIC, .size = SIZE};
    forge_begin_vhd(d, &f, FORGE_VHD_BASE, &shape);
    f.end += 4 * FORGE_MIB;
    forge_vhd_full_block(d, &f, 0, 1);
    forge_vhd_put_entry(&f, 4, 2);
    forge_vhd_end(&f);
}

static void block_past_end(struct forged *d)
{
    place_block(d, 0x7fffffff);
}

static void block_overlap(struct forged *d)
{
    place_block(d, 15 + 2048);
}

static void block_on_footer(struct forged *d)
{
    struct forge_vhd f;
    plain(d, &f);
    forge_vhd_put_entry(&f, 1, (uint32_t)(trailing(d) / 512) - 1);
}

static void child_header_checksum(struct forged *d)
{
    struct forge_vhd f;
    plain_child(d, &f);
    forge_flip(d, FORGE_VHD_CHILD, FORGE_HEADER_AT + 38);
}

static void locator_outside(struct forged *d)
{
    struct forge_vhd f;
    plain_child(d, &f);
    store_be64(f.header + 576 + 16, 900 * FORGE_MIB);
    write_header(d, &f);
}

static void locator_odd(struct forged *d)
{
    struct forge_vhd f;
    plain_child(d, &f);
    store_be32(f.header + 576 + 24 + 8, 3);
    write_header(d, &f);
}

static void parent_missing(struct forged *d)
{
    struct forge_vhd f;
    plain_child(d, &f);
    const struct file_system *fs = mem_fs_system(d->fs);
    if (fs->rename(fs, FORGE_VHD_BASE, "/elsewhere.vhd") != STATUS_OK)
        abort();
}

static void parent_mismatch(struct forged *d)
{
    struct forge_vhd f;
    plain_child(d, &f);
    f.header[45] ^= 1;
    write_header(d, &f);
}

static void parent_cycle(struct forged *d)
{
    struct forge_vhd f;
    plain(d, &f);
    forge_begin_vhd_child(d, &f, FORGE_VHD_CHILD, FORGE_VHD_BASE, true);
    forge_vhd_end(&f);
    forge_begin_vhd_child(d, &f, FORGE_VHD_BASE, FORGE_VHD_CHILD, true);
    forge_vhd_end(&f);
    d->leaf = FORGE_VHD_CHILD;
}

static void parent_damaged(struct forged *d)
{
    struct forge_vhd f;
    plain_child(d, &f);
    forge_flip(d, FORGE_VHD_BASE, FORGE_HEADER_AT);
}

const struct forge_fault forge_vhd_faults[] = {
    {"vhd-footer-cookie", footer_cookie, "footer-missing", VHD_PROBLEM_REPAIRABLE, STATUS_OK, 0,
     true},
    {"vhd-footer-checksum", footer_checksum, "footer-checksum", VHD_PROBLEM_REPAIRABLE, STATUS_OK,
     0, true},
    {"vhd-footer-cut-off", footer_cut_off, "footer-missing", VHD_PROBLEM_REPAIRABLE, STATUS_OK, 0,
     true},
    {"vhd-copy-damaged", copy_damaged, "footer-copy-damaged", VHD_PROBLEM_REPAIRABLE, STATUS_OK, 0,
     true},
    {"vhd-copy-differs", copy_differs, "footer-copy-differs", VHD_PROBLEM_REPAIRABLE, STATUS_OK, 0,
     true},
    {"vhd-footers", both_footers, "footer-checksum", VHD_PROBLEM_DAMAGE, STATUS_DAMAGED,
     VHD_ERROR_DRIVE_FOOTER_CHECKSUM_MISMATCH, false},
    {"vhd-fixed-checksum", fixed_checksum, "footer-checksum", VHD_PROBLEM_DAMAGE, STATUS_DAMAGED,
     VHD_ERROR_DRIVE_FOOTER_CHECKSUM_MISMATCH, false},
    {"vhd-fixed-version", fixed_version, "footer-version", VHD_PROBLEM_DAMAGE, STATUS_UNSUPPORTED,
     VHD_ERROR_FORMAT_UNSUPPORTED_VERSION, false},
    {"vhd-fixed-type", fixed_type, "footer-type", VHD_PROBLEM_DAMAGE, STATUS_UNSUPPORTED,
     VHD_ERROR_INVALID_TYPE, false},
    {"vhd-fixed-size-zero", fixed_size_zero, "footer-size", VHD_PROBLEM_DAMAGE, STATUS_DAMAGED,
     VHD_ERROR_INVALID_SIZE, false},
    {"vhd-fixed-size-odd", fixed_size_odd, "footer-size", VHD_PROBLEM_DAMAGE, STATUS_DAMAGED,
     VHD_ERROR_INVALID_SIZE, false},
    {"vhd-fixed-truncated", fixed_truncated, "file-truncated", VHD_PROBLEM_DAMAGE, STATUS_DAMAGED,
     VHD_ERROR_INVALID_FILE_SIZE, false},
    {"vhd-header-checksum", header_checksum, "header-checksum", VHD_PROBLEM_REPAIRABLE,
     STATUS_DAMAGED, VHD_ERROR_SPARSE_HEADER_CHECKSUM_MISMATCH, false},
    {"vhd-header-cookie", header_cookie, "header-corrupt", VHD_PROBLEM_DAMAGE, STATUS_DAMAGED,
     VHD_ERROR_SPARSE_HEADER_CORRUPT, false},
    {"vhd-header-version", header_version, "header-version", VHD_PROBLEM_DAMAGE, STATUS_UNSUPPORTED,
     VHD_ERROR_SPARSE_HEADER_UNSUPPORTED_VERSION, false},
    {"vhd-header-block-size", header_block_size, "header-block-size", VHD_PROBLEM_DAMAGE,
     STATUS_DAMAGED, VHD_ERROR_INVALID_BLOCK_SIZE, false},
    {"vhd-header-entries", header_entries, "header-corrupt", VHD_PROBLEM_DAMAGE, STATUS_DAMAGED,
     VHD_ERROR_SPARSE_HEADER_CORRUPT, false},
    {"vhd-header-outside", header_outside, "header-corrupt", VHD_PROBLEM_DAMAGE, STATUS_DAMAGED,
     VHD_ERROR_SPARSE_HEADER_CORRUPT, false},
    {"vhd-table-past-end", table_past_end, "bat-past-end", VHD_PROBLEM_DAMAGE, STATUS_DAMAGED,
     VHD_ERROR_BLOCK_ALLOCATION_TABLE_CORRUPT, false},
    {"vhd-table-on-header", table_on_header, "bat-overlaps-header", VHD_PROBLEM_DAMAGE,
     STATUS_DAMAGED, VHD_ERROR_BLOCK_ALLOCATION_TABLE_CORRUPT, false},
    {"vhd-block-on-headers", block_on_headers, "block-overlaps-headers", VHD_PROBLEM_DAMAGE,
     STATUS_DAMAGED, VHD_ERROR_BLOCK_ALLOCATION_TABLE_CORRUPT, false},
    {"vhd-block-past-end", block_past_end, "block-past-end", VHD_PROBLEM_DAMAGE, STATUS_DAMAGED,
     VHD_ERROR_BLOCK_ALLOCATION_TABLE_CORRUPT, false},
    {"vhd-block-overlap", block_overlap, "block-overlap", VHD_PROBLEM_DAMAGE, STATUS_DAMAGED,
     VHD_ERROR_BLOCK_ALLOCATION_TABLE_CORRUPT, false},
    {"vhd-block-on-footer", block_on_footer, "block-overlaps-footer", VHD_PROBLEM_DAMAGE,
     STATUS_DAMAGED, VHD_ERROR_BLOCK_ALLOCATION_TABLE_CORRUPT, false},
    {"vhd-child-header-checksum", child_header_checksum, "header-checksum", VHD_PROBLEM_DAMAGE,
     STATUS_DAMAGED, VHD_ERROR_SPARSE_HEADER_CHECKSUM_MISMATCH, false},
    {"vhd-locator-outside", locator_outside, "locator-outside-file", VHD_PROBLEM_DAMAGE, STATUS_OK,
     0, true},
    {"vhd-locator-odd", locator_odd, "locator-text", VHD_PROBLEM_DAMAGE, STATUS_OK, 0, true},
    {"vhd-parent-missing", parent_missing, "parent-missing", VHD_PROBLEM_DAMAGE,
     STATUS_PARENT_MISSING, VHD_ERROR_PARENT_VHD_NOT_FOUND, false},
    {"vhd-parent-mismatch", parent_mismatch, "parent-mismatch", VHD_PROBLEM_DAMAGE,
     STATUS_PARENT_MISMATCH, VHD_ERROR_CHILD_PARENT_ID_MISMATCH, false},
    {"vhd-parent-cycle", parent_cycle, "parent-cycle", VHD_PROBLEM_DAMAGE, STATUS_DAMAGED,
     VHD_ERROR_DIFFERENCING_CHAIN_CYCLE_DETECTED, false},
    {"vhd-parent-damaged", parent_damaged, "parent-damaged", VHD_PROBLEM_DAMAGE, STATUS_DAMAGED,
     VHD_ERROR_SPARSE_HEADER_CORRUPT, false},
};
const size_t forge_vhd_fault_count = sizeof forge_vhd_faults / sizeof *forge_vhd_faults;
