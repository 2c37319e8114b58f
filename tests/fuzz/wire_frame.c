// Whatever a peer sends after its hello: headers and bulk payloads. What is accepted must lie on
// the disk.
#include <stdint.h>
#include <stdlib.h>

#include "service/wire/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DISK_SIZE (5ull * UNIT_SIZE + 3 * 512)

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void check_payload(const struct wire_header *header, const uint8_t *payload)
{
    uint64_t number = 0, units[LEAF_REQUEST_MAX];
    struct unit_message unit;
    size_t count = 0;
    if (message_range_decode(header, payload, DISK_SIZE, &number) == STATUS_OK)
        check(number > 0 && header->offset < DISK_SIZE && number <= DISK_SIZE - header->offset);
    if (message_hash_check(header, DISK_SIZE, &count, &number) == STATUS_OK)
        check(count * DIGEST_SIZE == header->length && number <= DISK_SIZE - header->offset);
    if (message_units_decode(header, payload, DISK_SIZE, units, &count) == STATUS_OK)
        check(count <= LEAF_REQUEST_MAX && units[count - 1] < DISK_SIZE);
    if (message_leaves_check(header, &count) == STATUS_OK)
        check(count * LEAVES_ENTRY_SIZE == header->length);
    if (message_position_check(header, DISK_SIZE) == STATUS_OK)
        check(header->offset <= DISK_SIZE);
    if (message_number_decode(header, payload, &number) == STATUS_OK)
        check(header->length == LENGTH_PAYLOAD_SIZE);
    if (message_unit_decode(header, payload, DISK_SIZE, &unit) != STATUS_OK)
        return;
    check(unit.data_length <= unit_length(DISK_SIZE, header->offset));
    check(unit.data + unit.data_length == payload + header->length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wire_header header;
    uint8_t bytes[WIRE_HEADER_SIZE];
    if (size < WIRE_HEADER_SIZE)
        return 0;
    if (wire_header_decode(data, WIRE_PAYLOAD_MAX, &header) != STATUS_OK) {
        // A fuzzer does not find check sums: the same fields with a right one.
        header = (struct wire_header){.type = data[2], .flags = data[3]};
        for (int i = 0; i < 4; i++)
            header.stream = header.stream << 8 | data[4 + i];
        for (int i = 0; i < 8; i++)
            header.offset = header.offset << 8 | data[8 + i];
        header.length = (uint32_t)(size - WIRE_HEADER_SIZE);
        wire_header_encode(&header, bytes);
        if (header.length > WIRE_PAYLOAD_MAX ||
            wire_header_decode(bytes, WIRE_PAYLOAD_MAX, &header) != STATUS_OK)
            return 0;
    }
    if (header.length > size - WIRE_HEADER_SIZE)
        return 0;
    // A copy that ends where the payload ends, for the sanitizer to see.
    uint8_t *payload = malloc(header.length ? header.length : 1);
    for (uint32_t i = 0; payload && i < header.length; i++)
        payload[i] = data[WIRE_HEADER_SIZE + i];
    if (payload)
        check_payload(&header, payload);
    free(payload);
    return 0;
}
