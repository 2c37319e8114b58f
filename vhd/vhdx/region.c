#include "vhd/vhdx/region.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/endian.h"
#include "vhd/errors.h"

// Offsets of the fields of the table and of an entry.
#define SIGNATURE         0
#define CHECKSUM          4
#define ENTRY_COUNT       8
#define TABLE_HEADER_SIZE 16
#define ENTRY_GUID        0
#define ENTRY_OFFSET      16
#define ENTRY_LENGTH      24
#define ENTRY_REQUIRED    28
#define ENTRY_SIZE        32

#define SIGNATURE_TEXT "regi"

#define REQUIRED_BIT 1u

bool vhdx_region_table_is_whole(const uint8_t raw[VHDX_REGION_TABLE_SIZE])
{
    return memcmp(raw + SIGNATURE, SIGNATURE_TEXT, 4) == 0 &&
           load_le32(raw + CHECKSUM) == vhdx_checksum(raw, VHDX_REGION_TABLE_SIZE, CHECKSUM);
}

uint32_t vhdx_region_table_count(const uint8_t raw[VHDX_REGION_TABLE_SIZE])
{
    return load_le32(raw + ENTRY_COUNT);
}

void vhdx_region_table_entry(const uint8_t raw[VHDX_REGION_TABLE_SIZE], uint32_t index,
                             struct vhdx_region *region, uint32_t *reserved)
{
    const uint8_t *entry = raw + TABLE_HEADER_SIZE + (size_t)index * ENTRY_SIZE;
    uint32_t flags = load_le32(entry + ENTRY_REQUIRED);
    memcpy(&region->guid, entry + ENTRY_GUID, sizeof region->guid);
    region->offset = load_le64(entry + ENTRY_OFFSET);
    region->length = load_le32(entry + ENTRY_LENGTH);
    region->required = flags & REQUIRED_BIT;
    *reserved = flags & ~REQUIRED_BIT;
}

bool vhdx_region_is_placed(const struct vhdx_region *region)
{
    return region->length != 0 && is_aligned(region->offset, VHDX_ALIGNMENT) &&
           is_aligned(region->length, VHDX_ALIGNMENT) && region->offset >= VHDX_ALIGNMENT &&
           range_fits(region->offset, region->length, VHDX_FILE_SIZE_MAX);
}

static enum status check_entry(const struct vhdx_region *region, const char *path, uint32_t index)
{
    if (!vhdx_region_is_placed(region))
        return status_fail(STATUS_DAMAGED, VHD_ERROR_SPARSE_HEADER_CORRUPT,
                           "VHDX %s: region table: entry %" PRIu32 " lies at %" PRIu64
                           ", length %" PRIu32 "; both must be whole MiB past the headers.",
                           path, index, region->offset, region->length);
    return STATUS_OK;
}

// Regions may come in any order, so each is compared with those before it.
static enum status check_against_others(const struct vhdx_regions *regions, uint32_t index,
                                        const char *path)
{
    const struct vhdx_region *region = &regions->entries[index];
    for (uint32_t i = 0; i < index; i++) {
        const struct vhdx_region *other = &regions->entries[i];
        if (guid_equal(&region->guid, &other->guid))
            return status_fail(STATUS_DAMAGED, VHD_ERROR_SPARSE_HEADER_CORRUPT,
                               "VHDX %s: region table: entries %" PRIu32 " and %" PRIu32
                               " have the same GUID.",
                               path, i, index);
        if (region->offset < other->offset + other->length &&
            other->offset < region->offset + region->length)
            return status_fail(STATUS_DAMAGED, VHD_ERROR_SPARSE_HEADER_CORRUPT,
                               "VHDX %s: region table: entries %" PRIu32 " and %" PRIu32
                               " overlap.",
                               path, i, index);
    }
    return STATUS_OK;
}

static enum status classify(struct vhdx_regions *regions, const struct vhdx_region *region,
                            const char *path)
{
    if (guid_equal(&region->guid, &vhdx_guid_bat)) {
        regions->bat = *region;
    } else if (guid_equal(&region->guid, &vhdx_guid_metadata)) {
        regions->metadata = *region;
    } else if (region->required) {
        char text[GUID_TEXT_SIZE];
        return status_fail(
            STATUS_UNSUPPORTED, VHD_ERROR_FORMAT_UNSUPPORTED_VERSION,
            "VHDX %s: region table: the file needs a region that is not known here: %s.", path,
            guid_format(&region->guid, text));
    }
    return STATUS_OK;
}

static enum status decode_entries(const uint8_t *raw, uint32_t count, const char *path,
                                  struct vhdx_regions *regions)
{
    for (uint32_t i = 0; i < count; i++) {
        struct vhdx_region *region = &regions->entries[i];
        uint32_t reserved;
        vhdx_region_table_entry(raw, i, region, &reserved);
        enum status status = check_entry(region, path, i);
        if (!status)
            status = check_against_others(regions, i, path);
        if (!status)
            status = classify(regions, region, path);
        if (status)
            return status;
    }
    regions->count = count;
    // QEMU marks neither as required (docs/formats.md), so only their presence counts.
    if (regions->bat.length == 0 || regions->metadata.length == 0)
        return status_fail(STATUS_DAMAGED, VHD_ERROR_SPARSE_HEADER_CORRUPT,
                           "VHDX %s: region table: there is no %s region.", path,
                           regions->bat.length == 0 ? "BAT" : "metadata");
    if (regions->metadata.length > VHDX_METADATA_REGION_MAX)
        return status_fail(STATUS_DAMAGED, VHD_ERROR_SPARSE_HEADER_CORRUPT,
                           "VHDX %s: region table: the metadata region has %" PRIu32
                           " bytes, more than 128 MiB.",
                           path, regions->metadata.length);
    return STATUS_OK;
}

enum status vhdx_regions_decode(const uint8_t raw[VHDX_REGION_TABLE_SIZE], const char *path,
                                struct vhdx_regions *out)
{
    if (memcmp(raw + SIGNATURE, SIGNATURE_TEXT, 4) != 0)
        return status_fail(STATUS_DAMAGED, VHD_ERROR_SPARSE_HEADER_CORRUPT,
                           "VHDX %s: region table: wrong signature.", path);
    if (load_le32(raw + CHECKSUM) != vhdx_checksum(raw, VHDX_REGION_TABLE_SIZE, CHECKSUM))
        return status_fail(STATUS_DAMAGED, VHD_ERROR_SPARSE_HEADER_CHECKSUM_MISMATCH,
                           "VHDX %s: region table: wrong checksum.", path);
    uint32_t count = vhdx_region_table_count(raw);
    if (count > VHDX_REGIONS_MAX)
        return status_fail(STATUS_DAMAGED, VHD_ERROR_SPARSE_HEADER_CORRUPT,
                           "VHDX %s: region table: %" PRIu32 " entries, more than %d.", path, count,
                           VHDX_REGIONS_MAX);
    struct vhdx_regions regions = {0};
    regions.entries = calloc(count ? count : 1, sizeof *regions.entries);
    if (!regions.entries)
        return status_no_memory("the region table of a VHDX file");
    enum status status = decode_entries(raw, count, path, &regions);
    if (status) {
        vhdx_regions_free(&regions);
        return status;
    }
    *out = regions;
    return STATUS_OK;
}

static enum status read_copy(const struct vhdx_view *view, uint64_t offset, uint8_t *raw,
                             struct vhdx_regions *out)
{
    enum status status = vhdx_view_read(view, offset, raw, VHDX_REGION_TABLE_SIZE);
    if (status)
        return status_context("VHDX %s: region table", view->file->path);
    return vhdx_regions_decode(raw, view->file->path, out);
}

// The first copy is good. The second one only counts as bad when its bytes were read and are
// damaged.
static enum status take_first(struct vhdx_regions *first, enum status second_status,
                              struct vhdx_regions *out)
{
    if (second_status == STATUS_IO || second_status == STATUS_OUT_OF_MEMORY) {
        vhdx_regions_free(first);
        return second_status;
    }
    *out = *first;
    out->bad_copy = second_status == STATUS_DAMAGED ? VHDX_REGION_TABLE2_OFFSET : 0;
    return STATUS_OK;
}

static enum status read_copies(const struct vhdx_view *view, uint8_t *raw, struct vhdx_regions *out)
{
    struct vhdx_regions first = {0}, second = {0};
    enum status status = read_copy(view, VHDX_REGION_TABLE1_OFFSET, raw, &first);
    struct status_details first_failure = *status_last();
    if (status != STATUS_OK && status != STATUS_DAMAGED)
        return status;
    enum status second_status = read_copy(view, VHDX_REGION_TABLE2_OFFSET, raw, &second);
    if (status == STATUS_OK) {
        vhdx_regions_free(&second);
        return take_first(&first, second_status, out);
    }
    if (second_status != STATUS_OK)
        return second_status == STATUS_DAMAGED ? status_restore(&first_failure) : second_status;
    *out = second;
    out->bad_copy = VHDX_REGION_TABLE1_OFFSET;
    return STATUS_OK;
}

enum status vhdx_regions_read(const struct vhdx_view *view, struct vhdx_regions *out)
{
    uint8_t *raw = malloc(VHDX_REGION_TABLE_SIZE);
    if (!raw)
        return status_no_memory("the region table of a VHDX file");
    enum status status = read_copies(view, raw, out);
    free(raw);
    return status;
}

void vhdx_regions_free(struct vhdx_regions *regions)
{
    free(regions->entries);
    *regions = (struct vhdx_regions){0};
}

static void encode_entry(uint8_t *entry, const struct vhdx_region *region)
{
    memcpy(entry + ENTRY_GUID, &region->guid, sizeof region->guid);
    store_le64(entry + ENTRY_OFFSET, region->offset);
    store_le32(entry + ENTRY_LENGTH, region->length);
    store_le32(entry + ENTRY_REQUIRED, region->required);
}

void vhdx_regions_encode(const struct vhdx_region *bat, const struct vhdx_region *metadata,
                         uint8_t raw[VHDX_REGION_TABLE_SIZE])
{
    memset(raw, 0, VHDX_REGION_TABLE_SIZE);
    memcpy(raw + SIGNATURE, SIGNATURE_TEXT, 4);
    store_le32(raw + ENTRY_COUNT, 2);
    encode_entry(raw + TABLE_HEADER_SIZE, bat);
    encode_entry(raw + TABLE_HEADER_SIZE + ENTRY_SIZE, metadata);
    store_le32(raw + CHECKSUM, vhdx_checksum(raw, VHDX_REGION_TABLE_SIZE, CHECKSUM));
}

void vhdx_region_table_move(uint8_t raw[VHDX_REGION_TABLE_SIZE], const struct vhdx_region *region)
{
    uint32_t count = (uint32_t)min_u64(vhdx_region_table_count(raw), VHDX_REGIONS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t *entry = raw + TABLE_HEADER_SIZE + (size_t)i * ENTRY_SIZE;
        if (memcmp(entry + ENTRY_GUID, &region->guid, sizeof region->guid) != 0)
            continue;
        store_le64(entry + ENTRY_OFFSET, region->offset);
        store_le32(entry + ENTRY_LENGTH, region->length);
    }
    store_le32(raw + CHECKSUM, vhdx_checksum(raw, VHDX_REGION_TABLE_SIZE, CHECKSUM));
}
