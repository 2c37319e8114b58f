#include "vhd/vhd1/vhd1.h"

#include <string.h>

#include "base/checked.h"
#include "base/endian.h"
#include "vhd/errors.h"

enum {
    HEADER_DATA_OFFSET = 8,
    HEADER_TABLE_OFFSET = 16,
    HEADER_VERSION = 24,
    HEADER_MAX_ENTRIES = 28,
    HEADER_BLOCK_SIZE = 32,
    HEADER_CHECKSUM = 36,
    HEADER_PARENT_ID = 40,
    HEADER_LOCATORS = 576,
};

enum {
    LOCATOR_CODE = 0,
    LOCATOR_LENGTH = 8,
    LOCATOR_OFFSET = 16,
    LOCATOR_SIZE = 24,
};

#define HEADER_COOKIE         "cxsparse"
#define HEADER_COOKIE_SIZE    8
#define HEADER_FORMAT_VERSION 0x00010000u

void vhd1_header_build(uint8_t raw[VHD1_HEADER_SIZE], uint64_t table_offset, uint32_t max_entries,
                       uint32_t block_size)
{
    memset(raw, 0, VHD1_HEADER_SIZE);
    memcpy(raw, HEADER_COOKIE, HEADER_COOKIE_SIZE);
    store_be64(raw + HEADER_DATA_OFFSET, UINT64_MAX);
    store_be64(raw + HEADER_TABLE_OFFSET, table_offset);
    store_be32(raw + HEADER_VERSION, HEADER_FORMAT_VERSION);
    store_be32(raw + HEADER_MAX_ENTRIES, max_entries);
    store_be32(raw + HEADER_BLOCK_SIZE, block_size);
    store_be32(raw + HEADER_CHECKSUM, vhd1_checksum(raw, VHD1_HEADER_SIZE, HEADER_CHECKSUM));
}

static enum status corrupt(const struct file *file, const char *what, uint64_t value)
{
    return status_fail(STATUS_DAMAGED, VHD_ERROR_SPARSE_HEADER_CORRUPT,
                       "%s: the dynamic disk header %s (%llu).", file->path, what,
                       (unsigned long long)value);
}

static enum status check_identity(const struct file *file, const uint8_t raw[VHD1_HEADER_SIZE])
{
    if (memcmp(raw, HEADER_COOKIE, HEADER_COOKIE_SIZE) != 0)
        return status_fail(STATUS_DAMAGED, VHD_ERROR_SPARSE_HEADER_CORRUPT,
                           "%s: the footer points to something that is no dynamic disk header.",
                           file->path);
    uint32_t wanted = vhd1_checksum(raw, VHD1_HEADER_SIZE, HEADER_CHECKSUM);
    uint32_t stored = load_be32(raw + HEADER_CHECKSUM);
    if (stored != wanted)
        return status_fail(
            STATUS_DAMAGED, VHD_ERROR_SPARSE_HEADER_CHECKSUM_MISMATCH,
            "%s: the dynamic disk header's checksum is %08x, its contents make %08x.", file->path,
            (unsigned)stored, (unsigned)wanted);
    uint32_t version = load_be32(raw + HEADER_VERSION);
    if (version >> 16 != HEADER_FORMAT_VERSION >> 16)
        return status_fail(STATUS_UNSUPPORTED, VHD_ERROR_SPARSE_HEADER_UNSUPPORTED_VERSION,
                           "%s: the dynamic disk header's version %u.%u is not known; 1.0 is.",
                           file->path, (unsigned)(version >> 16), (unsigned)(version & 0xffff));
    return STATUS_OK;
}

enum status vhd1_header_read(struct file *file, uint64_t file_size,
                             const struct vhd1_footer *footer, struct vhd1_header *header)
{
    uint8_t raw[VHD1_HEADER_SIZE];

    if (footer->data_offset < VHD1_FOOTER_SIZE ||
        !range_fits(footer->data_offset, sizeof raw, file_size))
        return corrupt(file, "lies outside the file", footer->data_offset);
    enum status status = file_read(file, footer->data_offset, raw, sizeof raw);
    if (status == STATUS_OK)
        status = check_identity(file, raw);
    if (status != STATUS_OK)
        return status;

    struct vhd1_header h = {
        .table_offset = load_be64(raw + HEADER_TABLE_OFFSET),
        .max_entries = load_be32(raw + HEADER_MAX_ENTRIES),
        .block_size = load_be32(raw + HEADER_BLOCK_SIZE),
    };
    if (!is_power_of_two(h.block_size) || h.block_size < VHD1_DATA_ALIGNMENT ||
        h.block_size > VHD1_BLOCK_SIZE_MAX)
        return status_fail(
            STATUS_DAMAGED, VHD_ERROR_INVALID_BLOCK_SIZE,
            "%s: the block size is %u bytes, not a power of two from 4 KiB to 256 MiB.", file->path,
            (unsigned)h.block_size);
    if (h.max_entries < divide_up(footer->current_size, h.block_size))
        return corrupt(file, "has too few table entries for the disk's size", h.max_entries);
    if (h.table_offset < VHD1_FOOTER_SIZE || h.table_offset % VHD1_SECTOR != 0)
        return corrupt(file, "has a misplaced block allocation table", h.table_offset);
    memcpy(h.parent_id.bytes, raw + HEADER_PARENT_ID, sizeof h.parent_id.bytes);
    for (unsigned i = 0; i < VHD1_LOCATORS; i++) {
        const uint8_t *at = raw + HEADER_LOCATORS + i * LOCATOR_SIZE;
        h.locators[i] = (struct vhd1_locator){
            .code = load_be32(at + LOCATOR_CODE),
            .length = load_be32(at + LOCATOR_LENGTH),
            .offset = load_be64(at + LOCATOR_OFFSET),
        };
    }
    *header = h;
    return STATUS_OK;
}
