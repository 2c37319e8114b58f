// An event on its way to the sinks. Not for others.
#ifndef VREP_ETW_RECORD_H
#define VREP_ETW_RECORD_H

#include "etw/events.h"

// The first member of a record, so that a reader finds the number without parsing the line.
#define EVENT_RECORD_ID "RecordId"

struct event_source {
    uint64_t record_id;
    int64_t time_ms;      // wall clock
    const char *instance; // "" for the default one
};

const char *event_level_text(enum event_level level);

// The event as the object that a line of events.jsonl holds. `message`: from event_message.
enum status event_record(const struct event_source *source,
                         const struct event_definition *definition,
                         const struct event_value *values, size_t count, const char *message,
                         json_t **out) MUST_CHECK;

#endif
