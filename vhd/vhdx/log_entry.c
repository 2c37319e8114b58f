#include "vhd/vhdx/log_entry.h"

#include <string.h>

#include "base/checked.h"
#include "base/endian.h"

// Offsets of the fields of the entry's header, ...
#define SIGNATURE           0
#define ENTRY_LENGTH        8
#define TAIL                12
#define SEQUENCE_NUMBER     16
#define DESCRIPTOR_COUNT    24
#define LOG_GUID            32
#define FLUSHED_FILE_OFFSET 48
#define LAST_FILE_OFFSET    56
// ... of a descriptor, whose second and third fields depend on its kind, ...
#define DESCRIPTOR_SIGNATURE       0
#define TRAILING_BYTES             4
#define LEADING_BYTES              8
#define ZERO_LENGTH                8
#define FILE_OFFSET                16
#define DESCRIPTOR_SEQUENCE_NUMBER 24
// ... and of a data sector.
#define DATA_SIGNATURE 0
#define SEQUENCE_HIGH  4
#define DATA           8
#define SEQUENCE_LOW   4092
#define DATA_SIZE      (SEQUENCE_LOW - DATA)

#define ENTRY_TEXT           "loge"
#define DATA_DESCRIPTOR_TEXT "desc"
#define ZERO_DESCRIPTOR_TEXT "zero"
#define DATA_TEXT            "data"

uint64_t vhdx_log_descriptor_sectors(uint64_t count)
{
    return divide_up(VHDX_LOG_ENTRY_HEADER_SIZE + count * VHDX_LOG_DESCRIPTOR_SIZE,
                     VHDX_LOG_SECTOR);
}

uint64_t vhdx_log_descriptor_offset(uint32_t index)
{
    return VHDX_LOG_ENTRY_HEADER_SIZE + (uint64_t)index * VHDX_LOG_DESCRIPTOR_SIZE;
}

uint64_t vhdx_log_entry_size(uint64_t count)
{
    return (vhdx_log_descriptor_sectors(count) + count) * VHDX_LOG_SECTOR;
}

bool vhdx_log_entry_decode(const uint8_t raw[VHDX_LOG_ENTRY_HEADER_SIZE], uint32_t log_length,
                           struct vhdx_log_entry *out)
{
    struct vhdx_log_entry entry = {
        .length = load_le32(raw + ENTRY_LENGTH),
        .tail = load_le32(raw + TAIL),
        .sequence_number = load_le64(raw + SEQUENCE_NUMBER),
        .descriptor_count = load_le32(raw + DESCRIPTOR_COUNT),
        .flushed_file_offset = load_le64(raw + FLUSHED_FILE_OFFSET),
        .last_file_offset = load_le64(raw + LAST_FILE_OFFSET),
    };
    memcpy(&entry.log_guid, raw + LOG_GUID, sizeof entry.log_guid);
    if (memcmp(raw + SIGNATURE, ENTRY_TEXT, 4) != 0 || entry.sequence_number == 0 ||
        entry.length == 0 || !is_aligned(entry.length, VHDX_LOG_SECTOR) ||
        entry.length > log_length || !is_aligned(entry.tail, VHDX_LOG_SECTOR) ||
        entry.tail >= log_length ||
        vhdx_log_descriptor_sectors(entry.descriptor_count) > entry.length / VHDX_LOG_SECTOR)
        return false;
    *out = entry;
    return true;
}

bool vhdx_log_descriptor_decode(const uint8_t raw[VHDX_LOG_DESCRIPTOR_SIZE],
                                uint64_t sequence_number, struct vhdx_log_descriptor *out)
{
    struct vhdx_log_descriptor d = {.file_offset = load_le64(raw + FILE_OFFSET)};
    if (memcmp(raw + DESCRIPTOR_SIGNATURE, DATA_DESCRIPTOR_TEXT, 4) == 0) {
        d.kind = VHDX_LOG_DATA;
        d.length = VHDX_PAGE_SIZE;
        memcpy(d.leading, raw + LEADING_BYTES, sizeof d.leading);
        memcpy(d.trailing, raw + TRAILING_BYTES, sizeof d.trailing);
    } else if (memcmp(raw + DESCRIPTOR_SIGNATURE, ZERO_DESCRIPTOR_TEXT, 4) == 0) {
        d.kind = VHDX_LOG_ZERO;
        d.length = load_le64(raw + ZERO_LENGTH);
    } else {
        return false;
    }
    if (load_le64(raw + DESCRIPTOR_SEQUENCE_NUMBER) != sequence_number ||
        !is_aligned(d.file_offset, VHDX_PAGE_SIZE) || !is_aligned(d.length, VHDX_PAGE_SIZE))
        return false;
    *out = d;
    return true;
}

bool vhdx_log_data_sector_matches(const uint8_t sector[VHDX_LOG_SECTOR], uint64_t sequence_number)
{
    return memcmp(sector + DATA_SIGNATURE, DATA_TEXT, 4) == 0 &&
           load_le32(sector + SEQUENCE_HIGH) == (uint32_t)(sequence_number >> 32) &&
           load_le32(sector + SEQUENCE_LOW) == (uint32_t)sequence_number;
}

void vhdx_log_restore_page(const struct vhdx_log_descriptor *descriptor,
                           const uint8_t sector[VHDX_LOG_SECTOR], uint8_t page[VHDX_PAGE_SIZE])
{
    memcpy(page, descriptor->leading, sizeof descriptor->leading);
    memcpy(page + DATA, sector + DATA, DATA_SIZE);
    memcpy(page + SEQUENCE_LOW, descriptor->trailing, sizeof descriptor->trailing);
}

static void encode_page(uint8_t *descriptor, uint8_t *sector, const struct vhdx_page *page,
                        uint64_t sequence_number)
{
    memcpy(descriptor + DESCRIPTOR_SIGNATURE, DATA_DESCRIPTOR_TEXT, 4);
    memcpy(descriptor + TRAILING_BYTES, page->data + SEQUENCE_LOW, 4);
    memcpy(descriptor + LEADING_BYTES, page->data, 8);
    store_le64(descriptor + FILE_OFFSET, page->offset);
    store_le64(descriptor + DESCRIPTOR_SEQUENCE_NUMBER, sequence_number);
    memcpy(sector + DATA_SIGNATURE, DATA_TEXT, 4);
    store_le32(sector + SEQUENCE_HIGH, (uint32_t)(sequence_number >> 32));
    memcpy(sector + DATA, page->data + DATA, DATA_SIZE);
    store_le32(sector + SEQUENCE_LOW, (uint32_t)sequence_number);
}

void vhdx_log_entry_encode(struct vhdx_log_entry *entry, struct vhdx_page *const *pages,
                           uint32_t count, uint8_t *raw)
{
    size_t descriptors = (size_t)vhdx_log_descriptor_sectors(count) * VHDX_LOG_SECTOR;
    entry->length = (uint32_t)vhdx_log_entry_size(count);
    entry->descriptor_count = count;
    memset(raw, 0, descriptors);
    memcpy(raw + SIGNATURE, ENTRY_TEXT, 4);
    store_le32(raw + ENTRY_LENGTH, entry->length);
    store_le32(raw + TAIL, entry->tail);
    store_le64(raw + SEQUENCE_NUMBER, entry->sequence_number);
    store_le32(raw + DESCRIPTOR_COUNT, count);
    memcpy(raw + LOG_GUID, &entry->log_guid, sizeof entry->log_guid);
    store_le64(raw + FLUSHED_FILE_OFFSET, entry->flushed_file_offset);
    store_le64(raw + LAST_FILE_OFFSET, entry->last_file_offset);
    for (uint32_t i = 0; i < count; i++)
        encode_page(raw + vhdx_log_descriptor_offset(i),
                    raw + descriptors + (size_t)i * VHDX_LOG_SECTOR, pages[i],
                    entry->sequence_number);
    store_le32(raw + VHDX_LOG_CHECKSUM_OFFSET,
               vhdx_checksum(raw, entry->length, VHDX_LOG_CHECKSUM_OFFSET));
}
