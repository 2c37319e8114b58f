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
    HEADER_PARENT_TIME = 56,
    HEADER_PARENT_NAME = 64,
    HEADER_LOCATORS = 576,
};

enum {
    LOCATOR_CODE = 0,
    LOCATOR_SPACE = 4,
    LOCATOR_LENGTH = 8,
    LOCATOR_OFFSET = 16,
    LOCATOR_SIZE = 24,
};

#define HEADER_COOKIE         "cxsparse"
#define HEADER_COOKIE_SIZE    8
#define HEADER_FORMAT_VERSION 0x00010000u

void vhd1_header_seal(uint8_t raw[VHD1_HEADER_SIZE])
{
    store_be32(raw + HEADER_CHECKSUM, vhd1_checksum(raw, VHD1_HEADER_SIZE, HEADER_CHECKSUM));
}

void vhd1_header_build(struct vhd1_header *header)
{
    uint8_t *raw = header->raw;
    memset(raw, 0, VHD1_HEADER_SIZE);
    memcpy(raw, HEADER_COOKIE, HEADER_COOKIE_SIZE);
    store_be64(raw + HEADER_DATA_OFFSET, UINT64_MAX);
    store_be64(raw + HEADER_TABLE_OFFSET, header->table_offset);
    store_be32(raw + HEADER_VERSION, HEADER_FORMAT_VERSION);
    store_be32(raw + HEADER_MAX_ENTRIES, header->max_entries);
    store_be32(raw + HEADER_BLOCK_SIZE, header->block_size);
    memcpy(raw + HEADER_PARENT_ID, header->parent_id.bytes, sizeof header->parent_id.bytes);
    memcpy(raw + HEADER_PARENT_NAME, header->parent_name, VHD1_PARENT_NAME_SIZE);
    for (unsigned i = 0; i < VHD1_LOCATORS; i++) {
        const struct vhd1_locator *locator = &header->locators[i];
        uint8_t *at = raw + HEADER_LOCATORS + i * LOCATOR_SIZE;
        store_be32(at + LOCATOR_CODE, locator->code);
        store_be32(at + LOCATOR_SPACE, locator->space);
        store_be32(at + LOCATOR_LENGTH, locator->length);
        store_be64(at + LOCATOR_OFFSET, locator->offset);
    }
    vhd1_header_seal(header->raw);
}

void vhd1_header_set_entries(struct vhd1_header *header, uint32_t max_entries)
{
    header->max_entries = max_entries;
    store_be32(header->raw + HEADER_MAX_ENTRIES, max_entries);
    vhd1_header_seal(header->raw);
}

static enum status corrupt(const char *path, const char *what, uint64_t value)
{
    return status_fail(STATUS_DAMAGED, VHD_ERROR_SPARSE_HEADER_CORRUPT,
                       "%s: the dynamic disk header %s (%llu).", path, what,
                       (unsigned long long)value);
}

static enum status check_identity(const uint8_t raw[VHD1_HEADER_SIZE], const char *path)
{
    if (memcmp(raw, HEADER_COOKIE, HEADER_COOKIE_SIZE) != 0)
        return status_fail(STATUS_DAMAGED, VHD_ERROR_SPARSE_HEADER_CORRUPT,
                           "%s: the footer points to something that is no dynamic disk header.",
                           path);
    uint32_t wanted = vhd1_checksum(raw, VHD1_HEADER_SIZE, HEADER_CHECKSUM);
    uint32_t stored = load_be32(raw + HEADER_CHECKSUM);
    if (stored != wanted)
        return status_fail(
            STATUS_DAMAGED, VHD_ERROR_SPARSE_HEADER_CHECKSUM_MISMATCH,
            "%s: the dynamic disk header's checksum is %08x, its contents make %08x.", path,
            (unsigned)stored, (unsigned)wanted);
    uint32_t version = load_be32(raw + HEADER_VERSION);
    if (version >> 16 != HEADER_FORMAT_VERSION >> 16)
        return status_fail(STATUS_UNSUPPORTED, VHD_ERROR_SPARSE_HEADER_UNSUPPORTED_VERSION,
                           "%s: the dynamic disk header's version %u.%u is not known; 1.0 is.",
                           path, (unsigned)(version >> 16), (unsigned)(version & 0xffff));
    return STATUS_OK;
}

enum status vhd1_header_parse(const uint8_t raw[VHD1_HEADER_SIZE], const char *path,
                              const struct vhd1_footer *footer, struct vhd1_header *header)
{
    struct vhd1_header h;
    enum status status = check_identity(raw, path);
    if (status != STATUS_OK)
        return status;
    memcpy(h.raw, raw, VHD1_HEADER_SIZE);
    h.table_offset = load_be64(raw + HEADER_TABLE_OFFSET);
    h.max_entries = load_be32(raw + HEADER_MAX_ENTRIES);
    h.block_size = load_be32(raw + HEADER_BLOCK_SIZE);
    if (!is_power_of_two(h.block_size) || h.block_size < VHD1_DATA_ALIGNMENT ||
        h.block_size > VHD1_BLOCK_SIZE_MAX)
        return status_fail(
            STATUS_DAMAGED, VHD_ERROR_INVALID_BLOCK_SIZE,
            "%s: the block size is %u bytes, not a power of two from 4 KiB to 256 MiB.", path,
            (unsigned)h.block_size);
    if (divide_up(footer->current_size, h.block_size) > VHD1_BLOCKS_MAX)
        return status_fail(STATUS_UNSUPPORTED, VHD_ERROR_INVALID_BLOCK_SIZE,
                           "%s: a disk of %llu bytes in blocks of %u has more than the %u blocks "
                           "that any program makes.",
                           path, (unsigned long long)footer->current_size, (unsigned)h.block_size,
                           VHD1_BLOCKS_MAX);
    if (h.max_entries < divide_up(footer->current_size, h.block_size))
        return corrupt(path, "has too few table entries for the disk's size", h.max_entries);
    if (h.table_offset < VHD1_FOOTER_SIZE || h.table_offset % VHD1_SECTOR != 0)
        return corrupt(path, "has a misplaced block allocation table", h.table_offset);
    memcpy(h.parent_id.bytes, raw + HEADER_PARENT_ID, sizeof h.parent_id.bytes);
    memcpy(h.parent_name, raw + HEADER_PARENT_NAME, VHD1_PARENT_NAME_SIZE);
    for (unsigned i = 0; i < VHD1_LOCATORS; i++) {
        const uint8_t *at = raw + HEADER_LOCATORS + i * LOCATOR_SIZE;
        h.locators[i] = (struct vhd1_locator){
            .code = load_be32(at + LOCATOR_CODE),
            .space = load_be32(at + LOCATOR_SPACE),
            .length = load_be32(at + LOCATOR_LENGTH),
            .offset = load_be64(at + LOCATOR_OFFSET),
        };
    }
    *header = h;
    return STATUS_OK;
}

enum status vhd1_header_read(struct file *file, uint64_t file_size,
                             const struct vhd1_footer *footer, struct vhd1_header *header)
{
    uint8_t raw[VHD1_HEADER_SIZE];
    if (footer->data_offset < VHD1_FOOTER_SIZE ||
        !range_fits(footer->data_offset, sizeof raw, file_size))
        return corrupt(file->path, "lies outside the file", footer->data_offset);
    enum status status = file_read(file, footer->data_offset, raw, sizeof raw);
    return status == STATUS_OK ? vhd1_header_parse(raw, file->path, footer, header) : status;
}

bool vhd1_header_has_junk(const struct vhd1_header *header)
{
    const uint8_t *raw = header->raw;
    bool junk = load_be64(raw + HEADER_DATA_OFFSET) != UINT64_MAX;
    for (size_t i = HEADER_PARENT_TIME + 4; i < HEADER_PARENT_NAME; i++)
        junk |= raw[i] != 0;
    for (size_t i = HEADER_LOCATORS + VHD1_LOCATORS * LOCATOR_SIZE; i < VHD1_HEADER_SIZE; i++)
        junk |= raw[i] != 0;
    return junk;
}

bool vhd1_header_names_parent(const struct vhd1_header *header)
{
    bool named = false;
    for (size_t i = HEADER_PARENT_ID; i < HEADER_LOCATORS + VHD1_LOCATORS * LOCATOR_SIZE; i++)
        named |= header->raw[i] != 0;
    return named;
}
