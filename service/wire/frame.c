#include "service/wire/frame.h"

#include "base/crc32c.h"
#include "base/endian.h"

#define MAGIC      0x5256 // "VR" in memory
#define CRC_OFFSET 20

void wire_header_encode(const struct wire_header *header, uint8_t out[WIRE_HEADER_SIZE])
{
    store_le16(out, MAGIC);
    out[2] = header->type;
    out[3] = header->flags;
    store_le32(out + 4, header->length);
    store_le32(out + 8, header->stream);
    store_le64(out + 12, header->offset);
    store_le32(out + CRC_OFFSET, crc32c(0, out, CRC_OFFSET));
}

enum status wire_header_decode(const uint8_t in[WIRE_HEADER_SIZE], uint32_t payload_max,
                               struct wire_header *out)
{
    if (load_le16(in) != MAGIC)
        return status_fail(STATUS_PROTOCOL, 0,
                           "What came is not VRep's protocol: a frame begins with %02x %02x.",
                           in[0], in[1]);
    if (load_le32(in + CRC_OFFSET) != crc32c(0, in, CRC_OFFSET))
        return status_fail(STATUS_PROTOCOL, 0,
                           "The header of a frame came damaged: its check sum is wrong.");
    struct wire_header header = {.type = in[2],
                                 .flags = in[3],
                                 .length = load_le32(in + 4),
                                 .stream = load_le32(in + 8),
                                 .offset = load_le64(in + 12)};
    if (header.length > payload_max)
        return status_fail(STATUS_PROTOCOL, 0,
                           "A frame of type %s announces %u bytes; at most %u are allowed here.",
                           wire_type_name(header.type), header.length, payload_max);
    *out = header;
    return STATUS_OK;
}

const char *wire_type_name(uint8_t type)
{
    switch ((enum wire_type)type) {
    case WIRE_HELLO:
        return "HELLO";
    case WIRE_ERROR:
        return "ERROR";
    case WIRE_PING:
        return "PING";
    case WIRE_REQUEST:
        return "REQUEST";
    case WIRE_REPLY:
        return "REPLY";
    case WIRE_MERGE_PROGRESS:
        return "MERGE_PROGRESS";
    case WIRE_DIGEST_CREDIT:
        return "DIGEST_CREDIT";
    case WIRE_ZERO_RUN:
        return "ZERO_RUN";
    case WIRE_HASH:
        return "HASH";
    case WIRE_LEAF_REQUEST:
        return "LEAF_REQUEST";
    case WIRE_LEAVES:
        return "LEAVES";
    case WIRE_UNIT:
        return "UNIT";
    case WIRE_ZERO:
        return "ZERO";
    case WIRE_DATA_CREDIT:
        return "DATA_CREDIT";
    case WIRE_WINDOW_END:
        return "WINDOW_END";
    case WIRE_RESEND:
        return "RESEND";
    case WIRE_VERIFIED:
        return "VERIFIED";
    }
    return "unknown";
}
