// The payloads of the bulk frames: units of a disk, their digests, what differs. Pure; every length
// that a peer tells is checked against the disk's geometry here, so that what comes out can be used
// as it is (docs/protocol.md).
#ifndef VREP_SERVICE_WIRE_MESSAGE_H
#define VREP_SERVICE_WIRE_MESSAGE_H

#include "service/wire/frame.h"

#define UNIT_SIZE        65536u // what one digest stands for
#define LEAF_SIZE        4096u  // what is sent where a unit differs
#define UNIT_LEAVES      (UNIT_SIZE / LEAF_SIZE)
#define DIGEST_SIZE      16 // XXH3-128 of a leaf, or of a unit's leaves' digests, canonical form
#define LEAF_DIGEST_SIZE 8  // what LEAVES carry of a leaf's: its beginning

#define HASH_UNITS_MAX    256         // digests in one HASH frame
#define LEAF_REQUEST_MAX  256         // units in one LEAF_REQUEST or RESEND, and outstanding in all
#define ZERO_LENGTH_MAX   (64u << 20) // of one ZERO frame
#define UNIT_HEADER_SIZE  20
#define LEAVES_ENTRY_SIZE (4 + UNIT_LEAVES * LEAF_DIGEST_SIZE)

// What a UNIT or ZERO frame costs of the data credit, besides its payload.
#define DATA_FRAME_COST 64

static inline uint32_t unit_length(uint64_t disk_size, uint64_t offset)
{
    return disk_size - offset < UNIT_SIZE ? (uint32_t)(disk_size - offset) : UNIT_SIZE;
}

static inline uint64_t unit_count(uint64_t disk_size)
{
    return disk_size / UNIT_SIZE + (disk_size % UNIT_SIZE != 0);
}

static inline unsigned leaf_count(uint32_t unit_bytes)
{
    return (unit_bytes + LEAF_SIZE - 1) / LEAF_SIZE;
}

// Bytes of leaf `leaf` of a unit that is `unit_bytes` long.
static inline uint32_t leaf_length(uint32_t unit_bytes, unsigned leaf)
{
    return unit_bytes - leaf * LEAF_SIZE < LEAF_SIZE ? unit_bytes - leaf * LEAF_SIZE : LEAF_SIZE;
}

// ZERO_RUN, ZERO: [header.offset, + length). Whole units, but for the disk's end. At least one
// byte.
#define LENGTH_PAYLOAD_SIZE 8
void message_length_encode(uint64_t length, uint8_t out[LENGTH_PAYLOAD_SIZE]);
enum status message_range_decode(const struct wire_header *header, const uint8_t *payload,
                                 uint64_t disk_size, uint64_t *length) MUST_CHECK;

// DIGEST_CREDIT and DATA_CREDIT: one number.
enum status message_number_decode(const struct wire_header *header, const uint8_t *payload,
                                  uint64_t *number) MUST_CHECK;

// HASH: `count` digests from header.offset on. *length: the bytes that they cover.
enum status message_hash_check(const struct wire_header *header, uint64_t disk_size, size_t *count,
                               uint64_t *length) MUST_CHECK;

// LEAF_REQUEST and RESEND: offsets of units, strictly ascending. `offsets` has room for
// LEAF_REQUEST_MAX.
void message_units_encode(const uint64_t *offsets, size_t count, uint8_t *out); // 4 bytes each
enum status message_units_decode(const struct wire_header *header, const uint8_t *payload,
                                 uint64_t disk_size, uint64_t *offsets, size_t *count) MUST_CHECK;

// LEAVES: entries of LEAVES_ENTRY_SIZE bytes, a unit and its leaves' digests (those past a short
// unit's end are zero).
void message_leaves_encode(uint64_t offset, const uint8_t digests[UNIT_LEAVES * LEAF_DIGEST_SIZE],
                           uint8_t out[LEAVES_ENTRY_SIZE]);
enum status message_leaves_check(const struct wire_header *header, size_t *count) MUST_CHECK;
uint64_t message_leaves_unit(const uint8_t *entry);
const uint8_t *message_leaves_digests(const uint8_t *entry);

// UNIT: the leaves of the unit at header.offset that differ.
struct unit_message {
    uint16_t differs;      // bit n: leaf n
    uint16_t zero;         // of those: zeros, without data
    const uint8_t *digest; // DIGEST_SIZE bytes: the sender's whole unit
    const uint8_t *data;   // the other differing leaves, one after the other
    uint32_t data_length;
};
void message_unit_encode(const struct unit_message *unit, uint8_t out[UNIT_HEADER_SIZE]);
// Bytes of data that a unit with these masks carries.
uint32_t message_unit_data_length(uint32_t unit_bytes, uint16_t differs, uint16_t zero);
enum status message_unit_decode(const struct wire_header *header, const uint8_t *payload,
                                uint64_t disk_size, struct unit_message *out) MUST_CHECK;

// WINDOW_END, VERIFIED: header.offset is a unit's beginning or the disk's end; no payload.
enum status message_position_check(const struct wire_header *header, uint64_t disk_size) MUST_CHECK;

#endif
