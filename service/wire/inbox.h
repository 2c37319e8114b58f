// Frames that one thread has received and another one is going to work on. Bounded: a peer that
// keeps to its credit never fills it, so a full inbox is a broken protocol, and the receiving
// thread never waits.
#ifndef VREP_SERVICE_WIRE_INBOX_H
#define VREP_SERVICE_WIRE_INBOX_H

#include "service/wire/frame.h"

struct inbox;

struct inbox_frame {
    struct wire_header header;
    struct inbox_frame *next; // the inbox's own
    uint8_t payload[];        // header.length bytes
};

// At most `limit` bytes, headers included, wait in it.
enum status inbox_new(size_t limit, struct inbox **out) MUST_CHECK;
void inbox_free(struct inbox *inbox); // and the frames in it

// Copies a frame in. STATUS_PROTOCOL: full.
enum status inbox_put(struct inbox *inbox, const struct wire_header *header,
                      const uint8_t *payload) MUST_CHECK;

// Nothing more will come, for this reason; frames that are in it can still be taken. Only the first
// call counts.
void inbox_end(struct inbox *inbox, const struct status_details *why);

// Makes the present or next inbox_take return without a frame.
void inbox_wake(struct inbox *inbox);

// The next frame; the caller frees it. *out NULL: none came within `ms`, or inbox_wake was called.
// After the end: its reason as a failure. `ms` 0 does not wait.
enum status inbox_take(struct inbox *inbox, uint32_t ms, struct inbox_frame **out) MUST_CHECK;

#endif
