#include "vhd/hrl/layout.h"

#include <string.h>

#include "base/checked.h"
#include "base/clock.h"
#include "base/endian.h"
#include "vhd/hrl.h"

enum {
    HEADER_VERSION = 8,
    HEADER_TIME = 12,
    HEADER_CREATOR = 16,
    HEADER_CREATOR_VERSION = 20,
    HEADER_ORIGINAL_SIZE = 24,
    HEADER_CURRENT_SIZE = 32,
    HEADER_CHECKSUM = 40,
    HEADER_END = 44,
    HEADER_ERROR = 52,
    HEADER_METADATA_SIZE = 56,
    HEADER_UNIQUE_ID = 60,
    HEADER_PREVIOUS_ID = 76,
    HEADER_MODIFIED = 92,
    HEADER_ENTRIES = 96,
    HEADER_FILE_TYPE = 104,
    HEADER_FLAGS = 108,
    HEADER_DATA_WRITE_GUID = 110, // Reserved in 1.0
    HEADER_RESERVED = 126,
};

enum { BLOCK_PREVIOUS = 0, BLOCK_COUNT = 8, BLOCK_CHECKSUM = 12 };

enum {
    ENTRY_OFFSET = 0,
    ENTRY_CHECKSUM = 8,
    ENTRY_LENGTH = 12,
    ENTRY_TIME = 16,
    ENTRY_OPERATION = 20,
    ENTRY_DATA_CHECKSUM = 21,
};

#define COOKIE          "msctlog " // readers take a NUL as its last byte too
#define COOKIE_SIZE     8
#define COOKIE_TEXT     7
#define OPERATION_WRITE 1
#define EPOCH_2000_MS   946684800000ll // 2000-01-01T00:00:00Z

static const struct {
    const char *name;
    const char *text;
} faults[] = {{"", ""},
#define X(constant, name, text) {name, text},
              HRL_FAULT_MAP(X)
#undef X
};

const char *hrl_fault_name(enum hrl_fault fault)
{
    return faults[fault].name;
}

const char *hrl_fault_text(enum hrl_fault fault)
{
    return faults[fault].text;
}

uint32_t hrl_sum(uint32_t sum, const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        sum += data[i];
    return sum;
}

uint32_t hrl_checksum(const uint8_t *data, size_t size, size_t checksum_at)
{
    size_t after = checksum_at + sizeof(uint32_t);
    return ~hrl_sum(hrl_sum(0, data, checksum_at), data + after, size - after);
}

int64_t hrl_time_to_ms(uint32_t seconds)
{
    return EPOCH_2000_MS + (int64_t)seconds * 1000;
}

uint32_t hrl_time_now(void)
{
    return (uint32_t)((clock_wall_ms() - EPOCH_2000_MS) / 1000);
}

void hrl_header_encode(const struct hrl_header *header, uint8_t raw[HRL_HEADER_SIZE])
{
    memset(raw, 0, HRL_HEADER_SIZE);
    memcpy(raw, COOKIE, COOKIE_SIZE);
    store_le32(raw + HEADER_VERSION, header->version);
    store_le32(raw + HEADER_TIME, header->time_stamp);
    memcpy(raw + HEADER_CREATOR, header->creator, HRL_CREATOR_SIZE);
    store_le32(raw + HEADER_CREATOR_VERSION, header->creator_version);
    store_le64(raw + HEADER_ORIGINAL_SIZE, header->original_size);
    store_le64(raw + HEADER_CURRENT_SIZE, header->current_size);
    store_le64(raw + HEADER_END, header->end);
    store_le32(raw + HEADER_ERROR, (uint32_t)header->error_code);
    store_le32(raw + HEADER_METADATA_SIZE, header->metadata_size);
    memcpy(raw + HEADER_UNIQUE_ID, header->unique_id.bytes, sizeof header->unique_id.bytes);
    memcpy(raw + HEADER_PREVIOUS_ID, header->previous_id.bytes, sizeof header->previous_id.bytes);
    store_le32(raw + HEADER_MODIFIED, header->last_modified);
    store_le64(raw + HEADER_ENTRIES, header->total_entries);
    store_le32(raw + HEADER_FILE_TYPE, header->file_type);
    store_le16(raw + HEADER_FLAGS, header->flags);
    memcpy(raw + HEADER_DATA_WRITE_GUID, header->data_write_guid.bytes,
           sizeof header->data_write_guid.bytes);
    store_le32(raw + HEADER_CHECKSUM, hrl_checksum(raw, HRL_HEADER_SIZE, HEADER_CHECKSUM));
}

bool hrl_header_has_cookie(const uint8_t raw[HRL_HEADER_SIZE])
{
    return memcmp(raw, COOKIE, COOKIE_TEXT) == 0 &&
           (raw[COOKIE_TEXT] == COOKIE[COOKIE_TEXT] || raw[COOKIE_TEXT] == 0);
}

enum hrl_fault hrl_header_decode(const uint8_t raw[HRL_HEADER_SIZE], struct hrl_header *header)
{
    if (load_le32(raw + HEADER_CHECKSUM) != hrl_checksum(raw, HRL_HEADER_SIZE, HEADER_CHECKSUM))
        return HRL_FAULT_HEADER_CHECKSUM;
    struct hrl_header h = {
        .version = load_le32(raw + HEADER_VERSION),
        .time_stamp = load_le32(raw + HEADER_TIME),
        .creator_version = load_le32(raw + HEADER_CREATOR_VERSION),
        .original_size = load_le64(raw + HEADER_ORIGINAL_SIZE),
        .current_size = load_le64(raw + HEADER_CURRENT_SIZE),
        .end = load_le64(raw + HEADER_END),
        .error_code = (int32_t)load_le32(raw + HEADER_ERROR),
        .metadata_size = load_le32(raw + HEADER_METADATA_SIZE),
        .last_modified = load_le32(raw + HEADER_MODIFIED),
        .total_entries = load_le64(raw + HEADER_ENTRIES),
        .file_type = load_le32(raw + HEADER_FILE_TYPE),
        .flags = load_le16(raw + HEADER_FLAGS),
    };
    memcpy(h.creator, raw + HEADER_CREATOR, HRL_CREATOR_SIZE);
    memcpy(h.unique_id.bytes, raw + HEADER_UNIQUE_ID, sizeof h.unique_id.bytes);
    memcpy(h.previous_id.bytes, raw + HEADER_PREVIOUS_ID, sizeof h.previous_id.bytes);
    if (h.version >> 16 != HRL_VERSION_1 >> 16)
        memcpy(h.data_write_guid.bytes, raw + HEADER_DATA_WRITE_GUID,
               sizeof h.data_write_guid.bytes);
    for (size_t i = HEADER_RESERVED; i < HRL_HEADER_SIZE; i++)
        h.reserved_used |= raw[i] != 0;
    *header = h;
    return HRL_FAULT_NONE;
}

uint32_t hrl_block_room(uint32_t metadata_size)
{
    return (metadata_size - HRL_BLOCK_HEADER_SIZE) / HRL_ENTRY_SIZE;
}

static size_t slot_at(uint32_t slot)
{
    return HRL_BLOCK_HEADER_SIZE + (size_t)slot * HRL_ENTRY_SIZE;
}

void hrl_block_set_entry(uint8_t *raw, uint32_t slot, const struct hrl_block_entry *entry)
{
    uint8_t *at = raw + slot_at(slot);
    memset(at, 0, HRL_ENTRY_SIZE);
    store_le64(at + ENTRY_OFFSET, entry->offset);
    store_le32(at + ENTRY_LENGTH, entry->length);
    store_le32(at + ENTRY_TIME, entry->time_stamp);
    at[ENTRY_OPERATION] = OPERATION_WRITE;
    store_le32(at + ENTRY_DATA_CHECKSUM, entry->data_checksum);
    store_le32(at + ENTRY_CHECKSUM, hrl_checksum(at, HRL_ENTRY_SIZE, ENTRY_CHECKSUM));
}

void hrl_block_seal(uint8_t *raw, uint64_t previous, uint32_t count)
{
    memset(raw, 0, HRL_BLOCK_HEADER_SIZE);
    store_le64(raw + BLOCK_PREVIOUS, previous);
    store_le32(raw + BLOCK_COUNT, count);
    store_le32(raw + BLOCK_CHECKSUM, hrl_checksum(raw, HRL_BLOCK_HEADER_SIZE, BLOCK_CHECKSUM));
}

enum hrl_fault hrl_block_header_decode(const uint8_t raw[HRL_BLOCK_HEADER_SIZE],
                                       uint32_t metadata_size, uint64_t at, struct hrl_block *block)
{
    struct hrl_block b = {
        .at = at,
        .previous = load_le64(raw + BLOCK_PREVIOUS),
        .count = load_le32(raw + BLOCK_COUNT),
        .data_at = HRL_HEADER_SIZE,
    };
    if (load_le32(raw + BLOCK_CHECKSUM) != hrl_checksum(raw, HRL_BLOCK_HEADER_SIZE, BLOCK_CHECKSUM))
        return HRL_FAULT_BLOCK_CHECKSUM;
    if (b.count > hrl_block_room(metadata_size))
        return HRL_FAULT_BLOCK_COUNT;
    if (b.previous != 0) {
        // Behind the header there is room for the previous block, and it ends before this one.
        if (b.previous < metadata_size || b.previous > at - HRL_HEADER_SIZE)
            return HRL_FAULT_BLOCK_PREVIOUS;
        b.data_at = at - b.previous + metadata_size;
    }
    *block = b;
    return HRL_FAULT_NONE;
}

enum hrl_fault hrl_block_decode(const uint8_t *raw, uint32_t metadata_size, uint64_t at,
                                struct hrl_block *block)
{
    struct hrl_block b;
    enum hrl_fault fault = hrl_block_header_decode(raw, metadata_size, at, &b);
    if (fault)
        return fault;
    uint64_t length = 0;
    for (uint32_t i = 0; i < b.count; i++) {
        const uint8_t *entry = raw + slot_at(i);
        if (load_le32(entry + ENTRY_CHECKSUM) !=
            hrl_checksum(entry, HRL_ENTRY_SIZE, ENTRY_CHECKSUM))
            return HRL_FAULT_ENTRY_CHECKSUM;
        if (entry[ENTRY_OPERATION] != OPERATION_WRITE)
            return HRL_FAULT_ENTRY_OPERATION;
        length += load_le32(entry + ENTRY_LENGTH); // 2^15 entries of 2^32 bytes do not overflow
    }
    if (length != at - b.data_at)
        return HRL_FAULT_BLOCK_LENGTH;
    *block = b;
    return HRL_FAULT_NONE;
}

void hrl_block_get_entry(const uint8_t *raw, uint32_t slot, struct hrl_block_entry *entry)
{
    const uint8_t *at = raw + slot_at(slot);
    *entry = (struct hrl_block_entry){
        .offset = load_le64(at + ENTRY_OFFSET),
        .length = load_le32(at + ENTRY_LENGTH),
        .time_stamp = load_le32(at + ENTRY_TIME),
        .data_checksum = load_le32(at + ENTRY_DATA_CHECKSUM),
    };
}
