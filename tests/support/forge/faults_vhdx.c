// VHDX files with one fault in the identifier, the headers, the log or the regions.
#include "tests/support/forge/disks.h"

#include <string.h>

#include "vhd/errors.h"

// Eight blocks of 1 MiB, three of them with data.
void forge_plain_disk(struct forged *d, struct forge_vhdx *f)
{
    const struct forge_shape shape = {.size = 8 * FORGE_MIB, .block_size = 1 << 20};
    forge_begin_vhdx(d, f, FORGE_BASE, &shape);
    forge_full_block(d, f, 0, 1);
    forge_full_block(d, f, 1, 2);
    forge_full_block(d, f, 5, 3);
}

// A child of a full disk of 4 MiB, with one partially and one fully present block.
void forge_plain_child(struct forged *d, struct forge_vhdx *f)
{
    forge_full_base(d, 4 * FORGE_MIB, 1 << 20, 512);
    forge_begin_child(d, f, FORGE_CHILD, FORGE_BASE, d->model.size, 1 << 20);
    uint64_t bitmap = forge_bitmap(f, 0);
    forge_present_sectors(d, f, 1, forge_partial_block(f, 1), bitmap, 2048 + 5, 7, 9);
    forge_full_block(d, f, 3, 8);
}

void forge_flip(struct forged *d, const char *path, uint64_t at)
{
    uint8_t byte;
    mem_fs_peek(d->fs, path, at, &byte, 1);
    byte ^= 0x10;
    mem_fs_poke(d->fs, path, at, &byte, 1);
}

static void identifier(struct forged *d)
{
    struct forge_vhdx f;
    forge_plain_disk(d, &f);
    forge_flip(d, FORGE_BASE, 3);
}

static void header1(struct forged *d)
{
    struct forge_vhdx f;
    forge_plain_disk(d, &f);
    forge_flip(d, FORGE_BASE, FORGE_HEADER1 + 40);
}

// The current one.
static void header2(struct forged *d)
{
    struct forge_vhdx f;
    forge_plain_disk(d, &f);
    forge_flip(d, FORGE_BASE, FORGE_HEADER2 + 1);
}

static void both_headers(struct forged *d)
{
    struct forge_vhdx f;
    forge_plain_disk(d, &f);
    forge_flip(d, FORGE_BASE, FORGE_HEADER1 + 4000);
    forge_flip(d, FORGE_BASE, FORGE_HEADER2 + 4000);
}

// Changes both headers alike.
#define HEADERS(f, field, value)                               \
    do {                                                       \
        (f).headers[0].field = (f).headers[1].field = (value); \
        forge_vhdx_write_headers(&(f));                        \
    } while (0)

static void header_version(struct forged *d)
{
    struct forge_vhdx f;
    forge_plain_disk(d, &f);
    HEADERS(f, version, 2);
}

static void header_ambiguous(struct forged *d)
{
    struct forge_vhdx f;
    forge_plain_disk(d, &f);
    f.headers[0].data_write_guid = forge_guid(3);
    HEADERS(f, sequence_number, 9);
}

static void header_gap(struct forged *d)
{
    struct forge_vhdx f;
    forge_plain_disk(d, &f);
    f.headers[0].sequence_number = 2;
    forge_vhdx_write_header(&f, 0);
}

// A byte after the fields, with the right checksum.
static void header_reserved(struct forged *d)
{
    struct forge_vhdx f;
    uint8_t raw[FORGE_HEADER_SIZE];
    forge_plain_disk(d, &f);
    mem_fs_peek(d->fs, FORGE_BASE, FORGE_HEADER2, raw, sizeof raw);
    raw[2000] = 1;
    store_le32(raw + 4, 0);
    store_le32(raw + 4, forge_crc32c(raw, sizeof raw));
    mem_fs_poke(d->fs, FORGE_BASE, FORGE_HEADER2, raw, sizeof raw);
}

static void file_in_headers(struct forged *d)
{
    struct forge_vhdx f;
    forge_plain_disk(d, &f);
    mem_fs_resize(d->fs, FORGE_BASE, FORGE_HEADER2);
}

static void file_in_regions(struct forged *d)
{
    struct forge_vhdx f;
    forge_plain_disk(d, &f);
    mem_fs_resize(d->fs, FORGE_BASE, FORGE_REGIONS2 + 100);
}

static void file_in_table(struct forged *d)
{
    struct forge_vhdx f;
    forge_plain_disk(d, &f);
    mem_fs_resize(d->fs, FORGE_BASE, 3 * FORGE_MIB);
}

static void log_unaligned(struct forged *d)
{
    struct forge_vhdx f;
    forge_plain_disk(d, &f);
    HEADERS(f, log_offset, FORGE_MIB + 4096);
}

static void log_in_header(struct forged *d)
{
    struct forge_vhdx f;
    forge_plain_disk(d, &f);
    HEADERS(f, log_offset, 0);
}

static void log_past_end(struct forged *d)
{
    struct forge_vhdx f;
    forge_plain_disk(d, &f);
    HEADERS(f, log_offset, 100 * FORGE_MIB);
}

static void log_on_region(struct forged *d)
{
    struct forge_vhdx f;
    forge_plain_disk(d, &f);
    HEADERS(f, log_offset, 2 * FORGE_MIB);
}

static void log_on_block(struct forged *d)
{
    struct forge_vhdx f;
    forge_plain_disk(d, &f);
    HEADERS(f, log_offset, 4 * FORGE_MIB);
}

// A log with one entry that says something about block 6.
static struct forge_log *begin_log(struct forged *d, struct forge_vhdx *f)
{
    struct guid guid = forge_guid(900);
    forge_plain_disk(d, f);
    struct forge_log *log = forge_log_new(f, &guid, 77);
    forge_log_entry(log, forge_vhdx_block_at(f, 6), 0, FORGE_ZERO);
    return log;
}

static void end_log(struct forge_log *log)
{
    forge_log_end(log);
    forge_log_name(log);
    forge_log_free(log);
}

static void log_empty(struct forged *d)
{
    struct forge_vhdx f;
    forge_plain_disk(d, &f);
    HEADERS(f, log_guid, forge_guid(900));
}

static void log_torn(struct forged *d)
{
    struct forge_vhdx f;
    end_log(begin_log(d, &f));
    forge_flip(d, FORGE_BASE, FORGE_MIB + 5000);
}

static void log_version(struct forged *d)
{
    struct forge_vhdx f;
    end_log(begin_log(d, &f));
    HEADERS(f, log_guid, forge_guid(900));
    HEADERS(f, log_version, 1);
}

static void log_truncated_file(struct forged *d)
{
    struct forge_vhdx f;
    struct forge_log *log = begin_log(d, &f);
    log->flushed += FORGE_MIB;
    end_log(log);
}

static void log_huge_file(struct forged *d)
{
    struct forge_vhdx f;
    struct forge_log *log = begin_log(d, &f);
    log->last = 200ull << 40;
    end_log(log);
}

static void log_onto_header(struct forged *d)
{
    struct forge_vhdx f;
    struct forge_log *log = begin_log(d, &f);
    forge_log_page(log, FORGE_HEADER1);
    end_log(log);
}

static void log_onto_itself(struct forged *d)
{
    struct forge_vhdx f;
    struct forge_log *log = begin_log(d, &f);
    forge_log_zero(log, 0xFF000, 0x2000);
    end_log(log);
}

static void log_tail_outside(struct forged *d)
{
    struct forge_vhdx f;
    struct forge_log *log = begin_log(d, &f);
    log->tail = 0x80000;
    end_log(log);
}

static void log_live_past_end(struct forged *d)
{
    struct forge_vhdx f;
    end_log(begin_log(d, &f));
    HEADERS(f, log_guid, forge_guid(900));
    HEADERS(f, log_length, 64 * FORGE_MIB);
}

static void regions1(struct forged *d)
{
    struct forge_vhdx f;
    forge_plain_disk(d, &f);
    forge_flip(d, FORGE_BASE, FORGE_REGIONS1 + 20);
}

static void regions2(struct forged *d)
{
    struct forge_vhdx f;
    forge_plain_disk(d, &f);
    forge_flip(d, FORGE_BASE, FORGE_REGIONS2);
}

static void both_regions(struct forged *d)
{
    struct forge_vhdx f;
    forge_plain_disk(d, &f);
    forge_flip(d, FORGE_BASE, FORGE_REGIONS1 + 60000);
    forge_flip(d, FORGE_BASE, FORGE_REGIONS2 + 60000);
}

static void regions_differ(struct forged *d)
{
    struct forge_vhdx f;
    forge_plain_disk(d, &f);
    f.regions[FORGE_BAT].offset = forge_vhdx_room(&f, 1) * FORGE_MIB;
    forge_vhdx_write_regions(&f, 1);
}

static void regions_differ_in_flags(struct forged *d)
{
    struct forge_vhdx f;
    forge_plain_disk(d, &f);
    f.regions[FORGE_BAT].required = 0;
    forge_vhdx_write_regions(&f, 1);
}

// A second copy with the right checksum and nonsense in it: the first one counts.
static void regions2_nonsense(struct forged *d)
{
    struct forge_vhdx f;
    forge_plain_disk(d, &f);
    f.regions[FORGE_BAT].length = 0;
    forge_vhdx_write_regions(&f, 1);
}

static void region_misplaced(struct forged *d)
{
    struct forge_vhdx f;
    forge_plain_disk(d, &f);
    f.regions[FORGE_BAT].offset += 4096;
    forge_vhdx_write_both_regions(&f);
}

static void region_overlap(struct forged *d)
{
    struct forge_vhdx f;
    forge_plain_disk(d, &f);
    f.regions[FORGE_METADATA].length = 2 * FORGE_MIB;
    forge_vhdx_write_both_regions(&f);
}

static void region_duplicate(struct forged *d)
{
    struct forge_vhdx f;
    forge_plain_disk(d, &f);
    forge_vhdx_add_region(&f, &f.regions[FORGE_BAT].guid, 1);
}

static void region_unknown_required(struct forged *d)
{
    struct forge_vhdx f;
    struct guid guid = forge_guid(1000);
    forge_plain_disk(d, &f);
    forge_vhdx_add_region(&f, &guid, 1);
}

static void region_count(struct forged *d)
{
    struct forge_vhdx f;
    forge_plain_disk(d, &f);
    f.region_count = 2048;
    forge_vhdx_write_both_regions(&f);
}

static void region_without_table(struct forged *d)
{
    struct forge_vhdx f;
    forge_plain_disk(d, &f);
    f.regions[FORGE_BAT].guid = forge_guid(1000);
    f.regions[FORGE_BAT].required = 0;
    forge_vhdx_write_both_regions(&f);
}

static void region_without_metadata(struct forged *d)
{
    struct forge_vhdx f;
    forge_plain_disk(d, &f);
    f.region_count = 1;
    forge_vhdx_write_both_regions(&f);
}

static void region_metadata_size(struct forged *d)
{
    struct forge_vhdx f;
    forge_plain_disk(d, &f);
    f.regions[FORGE_METADATA].offset = 32 * FORGE_MIB;
    f.regions[FORGE_METADATA].length = 129 * FORGE_MIB;
    forge_vhdx_write_both_regions(&f);
}

static void region_past_end(struct forged *d)
{
    struct forge_vhdx f;
    forge_plain_disk(d, &f);
    f.regions[FORGE_METADATA].offset = 900 * FORGE_MIB;
    forge_vhdx_write_both_regions(&f);
}

const struct forge_fault forge_vhdx_faults[] = {
    {"vhdx-identifier-signature", identifier, "identifier-signature", VHD_PROBLEM_REPAIRABLE,
     STATUS_NOT_A_DISK, VHD_ERROR_NOT_VIRTUAL_DISK, false},
    {"vhdx-header-1", header1, "header-invalid", VHD_PROBLEM_REPAIRABLE, STATUS_OK, 0, true},
    {"vhdx-header-2", header2, "header-invalid", VHD_PROBLEM_REPAIRABLE, STATUS_OK, 0, true},
    {"vhdx-headers", both_headers, "headers-invalid", VHD_PROBLEM_DAMAGE, STATUS_DAMAGED,
     VHD_ERROR_SPARSE_HEADER_CORRUPT, false},
    {"vhdx-header-version", header_version, "header-version", VHD_PROBLEM_DAMAGE,
     STATUS_UNSUPPORTED, VHD_ERROR_FORMAT_UNSUPPORTED_VERSION, false},
    {"vhdx-header-ambiguous", header_ambiguous, "header-ambiguous", VHD_PROBLEM_DAMAGE, STATUS_OK,
     0, true},
    {"vhdx-header-gap", header_gap, "header-number-gap", VHD_PROBLEM_NOTE, STATUS_OK, 0, true},
    {"vhdx-header-reserved", header_reserved, "header-reserved", VHD_PROBLEM_REPAIRABLE, STATUS_OK,
     0, true},
    {"vhdx-file-in-headers", file_in_headers, "file-truncated", VHD_PROBLEM_DAMAGE, STATUS_DAMAGED,
     VHD_ERROR_INVALID_FILE_SIZE, false},
    {"vhdx-file-in-regions", file_in_regions, "file-truncated", VHD_PROBLEM_DAMAGE, STATUS_DAMAGED,
     VHD_ERROR_INVALID_FILE_SIZE, false},
    {"vhdx-file-in-table", file_in_table, "region-past-end", VHD_PROBLEM_DAMAGE, STATUS_DAMAGED,
     VHD_ERROR_INVALID_FILE_SIZE, false},
    {"vhdx-log-unaligned", log_unaligned, "log-misplaced", VHD_PROBLEM_REPAIRABLE, STATUS_DAMAGED,
     VHD_ERROR_SPARSE_HEADER_CORRUPT, false},
    {"vhdx-log-in-header", log_in_header, "log-misplaced", VHD_PROBLEM_REPAIRABLE, STATUS_DAMAGED,
     VHD_ERROR_SPARSE_HEADER_CORRUPT, false},
    {"vhdx-log-past-end", log_past_end, "log-past-end", VHD_PROBLEM_REPAIRABLE, STATUS_OK, 0, true},
    {"vhdx-log-on-region", log_on_region, "log-overlap", VHD_PROBLEM_DAMAGE, STATUS_DAMAGED,
     VHD_ERROR_SPARSE_HEADER_CORRUPT, false},
    {"vhdx-log-on-block", log_on_block, "bat-on-structure", VHD_PROBLEM_DAMAGE, STATUS_DAMAGED,
     VHD_ERROR_BLOCK_ALLOCATION_TABLE_CORRUPT, false},
    {"vhdx-log-without-entry", log_empty, "log-invalid", VHD_PROBLEM_DAMAGE, STATUS_DAMAGED,
     VHD_ERROR_SPARSE_HEADER_CORRUPT, false},
    {"vhdx-log-torn", log_torn, "log-invalid", VHD_PROBLEM_DAMAGE, STATUS_DAMAGED,
     VHD_ERROR_SPARSE_HEADER_CORRUPT, false},
    {"vhdx-log-version", log_version, "log-version-unknown", VHD_PROBLEM_DAMAGE, STATUS_UNSUPPORTED,
     VHD_ERROR_FORMAT_UNSUPPORTED_VERSION, false},
    {"vhdx-log-truncated-file", log_truncated_file, "log-file-truncated", VHD_PROBLEM_DAMAGE,
     STATUS_DAMAGED, VHD_ERROR_INVALID_FILE_SIZE, false},
    {"vhdx-log-huge-file", log_huge_file, "log-invalid", VHD_PROBLEM_DAMAGE, STATUS_DAMAGED,
     VHD_ERROR_SPARSE_HEADER_CORRUPT, false},
    {"vhdx-log-onto-header", log_onto_header, "log-invalid", VHD_PROBLEM_DAMAGE, STATUS_DAMAGED,
     VHD_ERROR_SPARSE_HEADER_CORRUPT, false},
    {"vhdx-log-onto-itself", log_onto_itself, "log-invalid", VHD_PROBLEM_DAMAGE, STATUS_DAMAGED,
     VHD_ERROR_SPARSE_HEADER_CORRUPT, false},
    {"vhdx-log-tail-outside", log_tail_outside, "log-invalid", VHD_PROBLEM_DAMAGE, STATUS_DAMAGED,
     VHD_ERROR_SPARSE_HEADER_CORRUPT, false},
    {"vhdx-log-live-past-end", log_live_past_end, "log-file-truncated", VHD_PROBLEM_DAMAGE,
     STATUS_DAMAGED, VHD_ERROR_INVALID_FILE_SIZE, false},
    {"vhdx-regions-1", regions1, "region-copy-invalid", VHD_PROBLEM_REPAIRABLE, STATUS_OK, 0, true},
    {"vhdx-regions-2", regions2, "region-copy-invalid", VHD_PROBLEM_REPAIRABLE, STATUS_OK, 0, true},
    {"vhdx-regions", both_regions, "region-tables-invalid", VHD_PROBLEM_DAMAGE, STATUS_DAMAGED,
     VHD_ERROR_SPARSE_HEADER_CHECKSUM_MISMATCH, false},
    {"vhdx-regions-differ", regions_differ, "region-copies-differ", VHD_PROBLEM_DAMAGE, STATUS_OK,
     0, true},
    {"vhdx-regions-differ-in-flags", regions_differ_in_flags, "region-copies-differ",
     VHD_PROBLEM_REPAIRABLE, STATUS_OK, 0, true},
    {"vhdx-regions-2-nonsense", regions2_nonsense, "region-copy-invalid", VHD_PROBLEM_REPAIRABLE,
     STATUS_OK, 0, true},
    {"vhdx-region-misplaced", region_misplaced, "region-misplaced", VHD_PROBLEM_DAMAGE,
     STATUS_DAMAGED, VHD_ERROR_SPARSE_HEADER_CORRUPT, false},
    {"vhdx-region-overlap", region_overlap, "region-overlap", VHD_PROBLEM_DAMAGE, STATUS_DAMAGED,
     VHD_ERROR_SPARSE_HEADER_CORRUPT, false},
    {"vhdx-region-duplicate", region_duplicate, "region-duplicate", VHD_PROBLEM_DAMAGE,
     STATUS_DAMAGED, VHD_ERROR_SPARSE_HEADER_CORRUPT, false},
    {"vhdx-region-unknown-required", region_unknown_required, "region-unknown-required",
     VHD_PROBLEM_DAMAGE, STATUS_UNSUPPORTED, VHD_ERROR_FORMAT_UNSUPPORTED_VERSION, false},
    {"vhdx-region-count", region_count, "region-count", VHD_PROBLEM_DAMAGE, STATUS_DAMAGED,
     VHD_ERROR_SPARSE_HEADER_CORRUPT, false},
    {"vhdx-region-bat-missing", region_without_table, "region-bat-missing", VHD_PROBLEM_DAMAGE,
     STATUS_DAMAGED, VHD_ERROR_SPARSE_HEADER_CORRUPT, false},
    {"vhdx-region-metadata-missing", region_without_metadata, "region-metadata-missing",
     VHD_PROBLEM_DAMAGE, STATUS_DAMAGED, VHD_ERROR_SPARSE_HEADER_CORRUPT, false},
    {"vhdx-region-metadata-size", region_metadata_size, "region-metadata-size", VHD_PROBLEM_DAMAGE,
     STATUS_DAMAGED, VHD_ERROR_SPARSE_HEADER_CORRUPT, false},
    {"vhdx-region-past-end", region_past_end, "region-past-end", VHD_PROBLEM_DAMAGE, STATUS_DAMAGED,
     VHD_ERROR_INVALID_FILE_SIZE, false},
};
const size_t forge_vhdx_fault_count = sizeof forge_vhdx_faults / sizeof *forge_vhdx_faults;
