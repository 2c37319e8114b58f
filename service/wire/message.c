#include "service/wire/message.h"

#include <string.h>

#include "base/checked.h"
#include "base/endian.h"

static enum status broken(const struct wire_header *header, const char *what)
{
    return status_fail(
        STATUS_PROTOCOL, 0, "The peer sent a wrong %s frame for disk %u, offset %llu: %s.",
        wire_type_name(header->type), header->stream, (unsigned long long)header->offset, what);
}

static bool is_unit(uint64_t offset, uint64_t disk_size)
{
    return is_aligned(offset, UNIT_SIZE) && offset < disk_size;
}

void message_length_encode(uint64_t length, uint8_t out[LENGTH_PAYLOAD_SIZE])
{
    store_le64(out, length);
}

enum status message_range_decode(const struct wire_header *header, const uint8_t *payload,
                                 uint64_t disk_size, uint64_t *length)
{
    if (header->length != LENGTH_PAYLOAD_SIZE)
        return broken(header, "its length is wrong");
    uint64_t n = load_le64(payload);
    if (n == 0 || !is_unit(header->offset, disk_size) || !range_fits(header->offset, n, disk_size))
        return broken(header, "its range is not on the disk");
    if (!is_aligned(n, UNIT_SIZE) && header->offset + n != disk_size)
        return broken(header, "its range ends within a unit");
    if (header->type == WIRE_ZERO && n > ZERO_LENGTH_MAX)
        return broken(header, "its range is too long");
    *length = n;
    return STATUS_OK;
}

enum status message_number_decode(const struct wire_header *header, const uint8_t *payload,
                                  uint64_t *number)
{
    if (header->length != LENGTH_PAYLOAD_SIZE)
        return broken(header, "its length is wrong");
    *number = load_le64(payload);
    return STATUS_OK;
}

enum status message_hash_check(const struct wire_header *header, uint64_t disk_size, size_t *count,
                               uint64_t *length)
{
    size_t n = header->length / DIGEST_SIZE;
    if (n == 0 || n > HASH_UNITS_MAX || header->length % DIGEST_SIZE != 0)
        return broken(header, "its length is wrong");
    if (!is_unit(header->offset, disk_size) ||
        n > unit_count(disk_size) - header->offset / UNIT_SIZE)
        return broken(header, "its range is not on the disk");
    *count = n;
    *length = min_u64((uint64_t)n * UNIT_SIZE, disk_size - header->offset);
    return STATUS_OK;
}

void message_units_encode(const uint64_t *offsets, size_t count, uint8_t *out)
{
    for (size_t i = 0; i < count; i++)
        store_le32(out + 4 * i, (uint32_t)(offsets[i] / UNIT_SIZE));
}

enum status message_units_decode(const struct wire_header *header, const uint8_t *payload,
                                 uint64_t disk_size, uint64_t *offsets, size_t *count)
{
    size_t n = header->length / 4;
    if (n == 0 || n > LEAF_REQUEST_MAX || header->length % 4 != 0)
        return broken(header, "its length is wrong");
    for (size_t i = 0; i < n; i++) {
        uint64_t offset = (uint64_t)load_le32(payload + 4 * i) * UNIT_SIZE;
        if (offset >= disk_size || (i > 0 && offset <= offsets[i - 1]))
            return broken(header, "its units are not ascending ones of the disk");
        offsets[i] = offset;
    }
    *count = n;
    return STATUS_OK;
}

void message_leaves_encode(uint64_t offset, const uint8_t digests[UNIT_LEAVES * LEAF_DIGEST_SIZE],
                           uint8_t out[LEAVES_ENTRY_SIZE])
{
    store_le32(out, (uint32_t)(offset / UNIT_SIZE));
    memcpy(out + 4, digests, UNIT_LEAVES * LEAF_DIGEST_SIZE);
}

enum status message_leaves_check(const struct wire_header *header, size_t *count)
{
    size_t n = header->length / LEAVES_ENTRY_SIZE;
    if (n == 0 || n > LEAF_REQUEST_MAX || header->length % LEAVES_ENTRY_SIZE != 0)
        return broken(header, "its length is wrong");
    *count = n;
    return STATUS_OK;
}

uint64_t message_leaves_unit(const uint8_t *entry)
{
    return (uint64_t)load_le32(entry) * UNIT_SIZE;
}

const uint8_t *message_leaves_digests(const uint8_t *entry)
{
    return entry + 4;
}

void message_unit_encode(const struct unit_message *unit, uint8_t out[UNIT_HEADER_SIZE])
{
    store_le16(out, unit->differs);
    store_le16(out + 2, unit->zero);
    memcpy(out + 4, unit->digest, DIGEST_SIZE);
}

uint32_t message_unit_data_length(uint32_t unit_bytes, uint16_t differs, uint16_t zero)
{
    uint32_t length = 0;
    for (unsigned leaf = 0; leaf < leaf_count(unit_bytes); leaf++)
        if ((differs & ~zero) & (1u << leaf))
            length += leaf_length(unit_bytes, leaf);
    return length;
}

enum status message_unit_decode(const struct wire_header *header, const uint8_t *payload,
                                uint64_t disk_size, struct unit_message *out)
{
    if (!is_unit(header->offset, disk_size))
        return broken(header, "the unit is not on the disk");
    if (header->length < UNIT_HEADER_SIZE)
        return broken(header, "its length is wrong");
    struct unit_message unit = {.differs = load_le16(payload),
                                .zero = load_le16(payload + 2),
                                .digest = payload + 4,
                                .data = payload + UNIT_HEADER_SIZE,
                                .data_length = header->length - UNIT_HEADER_SIZE};
    uint32_t bytes = unit_length(disk_size, header->offset);
    uint32_t leaves = (uint32_t)((1ull << leaf_count(bytes)) - 1);
    if (unit.differs == 0 || (unit.differs & ~leaves) != 0 || (unit.zero & ~unit.differs) != 0)
        return broken(header, "its masks name leaves that it cannot have");
    if (unit.data_length != message_unit_data_length(bytes, unit.differs, unit.zero))
        return broken(header, "its data does not fit its masks");
    *out = unit;
    return STATUS_OK;
}

enum status message_position_check(const struct wire_header *header, uint64_t disk_size)
{
    if (header->length != 0)
        return broken(header, "its length is wrong");
    if (header->offset > disk_size ||
        (!is_aligned(header->offset, UNIT_SIZE) && header->offset != disk_size))
        return broken(header, "the position is not on the disk");
    return STATUS_OK;
}
