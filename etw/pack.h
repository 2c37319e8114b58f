// An event's values as Windows takes them: one piece of memory a field, strings in UTF-16 with
// their zero. Not for others.
#ifndef VREP_ETW_PACK_H
#define VREP_ETW_PACK_H

#include "base/status.h"
#include "etw/event_types.h"

#define EVENT_PACK_MAX 128 // data descriptors that EventWrite takes

// What stands at the end of a string that was cut.
#define EVENT_PACK_MARK u" [...]"

struct event_piece {
    const void *data;
    uint32_t size;  // bytes
    uint16_t *text; // `data` of a string, owned by the pack
};

struct event_pack {
    size_t count;
    struct event_piece piece[EVENT_PACK_MAX];
};

// The fields' data, for EventWrite. When all of it would be more than `budget` bytes, the longest
// strings are cut to one length so that it fits, and marked; never in the middle of a character.
// `values` stay with the caller and are referred to. `budget` has room for everything that is no
// string, and some for each string.
enum status event_pack_data(const struct event_value *values, size_t count, size_t budget,
                            struct event_pack *out) MUST_CHECK;

// The fields as a message shows them, all of them strings, cut the same way. For ReportEvent.
enum status event_pack_texts(const struct event_value *values, size_t count, size_t budget,
                             struct event_pack *out) MUST_CHECK;

void event_pack_free(struct event_pack *pack);

#endif
