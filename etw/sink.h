// What a sink is: one place that events go to. Not for others.
#ifndef VREP_ETW_SINK_H
#define VREP_ETW_SINK_H

#include "base/status.h"
#include "etw/event_types.h"

// An event on its way to the sinks. Everything is borrowed for the call.
struct event_record {
    uint64_t record_id;
    int64_t time_ms;      // wall clock
    const char *instance; // "" for the default one
    const struct event_definition *definition;
    const struct event_value *values; // one for each field of the definition
    const char *message;              // event_message
};

struct event_sink {
    const char *name; // as 50013 tells it; static
    // Takes one event, and waits for nobody. A failure loses the event for this sink only; the
    // next one is tried again. Called by one thread at a time.
    enum status (*write)(struct event_sink *sink, const struct event_record *record);
    void (*close)(struct event_sink *sink);
};

// Opens a sink of this system; NULL where it is not there, or cannot be opened.
typedef struct event_sink *(*event_sink_open)(void);

// Console mode: each message on standard error.
struct event_sink *sink_console_open(void);

#endif
