// The frame: what everything between two hosts travels in (docs/protocol.md). Pure: bytes in,
// headers out.
#ifndef VREP_SERVICE_WIRE_FRAME_H
#define VREP_SERVICE_WIRE_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define WIRE_HEADER_SIZE   24
#define WIRE_PAYLOAD_MAX   (1024 * 1024 + 64) // a receiver's buffer is this large and never larger
#define WIRE_HANDSHAKE_MAX (16 * 1024)        // before a hello was accepted

// A frame of a type that the receiver does not know is skipped, unless it carries this flag.
#define WIRE_REQUIRED 0x01

enum wire_type {
    WIRE_HELLO = 1,
    WIRE_ERROR = 2, // why the sender ends the connection
    WIRE_PING = 3,
    WIRE_REQUEST = 4, // primary to replica, one at a time
    WIRE_REPLY = 5,
    WIRE_MERGE_PROGRESS = 6, // replica, while a merge is followed
    WIRE_DIGEST_CREDIT = 16, // primary: digests may come up to there
    WIRE_ZERO_RUN = 17,      // replica: its disk is zero there
    WIRE_HASH = 18,          // replica: digests of units
    WIRE_LEAF_REQUEST = 19,  // primary: digests of the leaves of these units, please
    WIRE_LEAVES = 20,        // replica
    WIRE_UNIT = 21,          // primary: the leaves of a unit that differ
    WIRE_ZERO = 22,          // primary: a range is zero
    WIRE_DATA_CREDIT = 23,   // replica: so many bytes of units may have been sent in all
    WIRE_WINDOW_END = 24,    // primary: everything before this offset is sent; verify it
    WIRE_RESEND = 25,        // replica: these units read back different
    WIRE_VERIFIED = 26,      // replica: everything before this offset is verified and stable
};

struct wire_header {
    uint8_t type; // enum wire_type, or one that we do not know
    uint8_t flags;
    uint32_t length; // of the payload
    uint32_t stream; // index of the disk; 0 where none is meant
    uint64_t offset; // bytes of the virtual disk; 0 where none is meant
};

void wire_header_encode(const struct wire_header *header, uint8_t out[WIRE_HEADER_SIZE]);

// STATUS_PROTOCOL: not our magic, a wrong check sum, or a payload longer than `payload_max`.
enum status wire_header_decode(const uint8_t in[WIRE_HEADER_SIZE], uint32_t payload_max,
                               struct wire_header *out) MUST_CHECK;

// "UNIT"; "unknown" for a type that is not in the enumeration.
const char *wire_type_name(uint8_t type);

#endif
