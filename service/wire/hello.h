// The first frame of both directions: who speaks which version. Pure.
#ifndef VREP_SERVICE_WIRE_HELLO_H
#define VREP_SERVICE_WIRE_HELLO_H

#include "base/buffer.h"

#define WIRE_FORMAT     "VRepWire"
#define WIRE_MAJOR      1
#define WIRE_MINOR      0
#define WIRE_NONCE_SIZE 32
#define WIRE_DIGEST \
    "digest:xxh3-128-leaves"         // the capability without which a resynchronization cannot be
#define WIRE_COMPARE       "compare" // the capability to compare without changing anything
#define WIRE_CLOCK_SKEW_MS 300000    // clocks further apart are told to administrators

struct hello {
    unsigned major, minor;          // of the protocol
    char product[32];               // version of the program, "0.1.0"
    char host[256];                 // UTF-8
    int64_t wall_ms;                // the sender's clock
    bool digest_xxh3;               // capability WIRE_DIGEST
    bool compare;                   // capability WIRE_COMPARE
    uint8_t nonce[WIRE_NONCE_SIZE]; // new for every connection
};

// Ours: this program's versions, the present time, a new nonce.
enum status hello_init(struct hello *hello, const char *host) MUST_CHECK;

enum status hello_encode(const struct hello *hello, struct buffer *out) MUST_CHECK;

// Another major version: STATUS_VERSION, naming both versions and the host to upgrade (`mine` is
// asked for that); only format, version, product and host are looked at then. Anything malformed:
// STATUS_PROTOCOL.
enum status hello_decode(const struct hello *mine, const uint8_t *data, size_t size,
                         struct hello *out) MUST_CHECK;

#endif
