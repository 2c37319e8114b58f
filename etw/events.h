// What VRep tells administrators: one record a condition, to every sink. Where Hyper-V has an event
// for a condition, ours has the same ID and the same leading parameters. Texts and fields are in
// etw/catalogue.c.
#ifndef VREP_ETW_EVENTS_H
#define VREP_ETW_EVENTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/guid.h"
#include "base/json.h"
#include "base/status.h"

// Numbers are ETW's levels.
enum event_level { EVENT_ERROR = 2, EVENT_WARNING = 3, EVENT_INFORMATION = 4 };

enum event_field_type {
    EVENT_FIELD_STRING,
    EVENT_FIELD_GUID,
    EVENT_FIELD_UINT64,
    EVENT_FIELD_HEX32
};

#define EVENT_FIELDS_MAX 20

struct event_field {
    const char *name; // "VmName"
    enum event_field_type type;
};

// One condition of the catalogue. Where a person caused the event, "Account" and "Client" say who
// and from where; both are "" when VRep acted by itself.
struct event_definition {
    uint32_t id;
    enum event_level level;
    const char *symbol; // "ResynchronizeDiskStarted"
    const char *text;   // %1 is the first field, as FormatMessage counts
    unsigned fields;
    struct event_field field[EVENT_FIELDS_MAX];
};

// NULL: no such event.
const struct event_definition *event_find(uint32_t id);

// The whole catalogue, ordered by id.
const struct event_definition *event_catalogue(size_t *count);

// A field's value; strings are borrowed for the call.
struct event_value {
    enum event_field_type type;
    union {
        const char *string; // UTF-8; NULL counts as ""; a message shows "-" for an empty one
        struct guid guid;
        uint64_t number;
    } as;
};

#define EVENT_STRING(s) ((struct event_value){.type = EVENT_FIELD_STRING, .as.string = (s)})
#define EVENT_GUID(g)   ((struct event_value){.type = EVENT_FIELD_GUID, .as.guid = (g)})
#define EVENT_NUMBER(n) ((struct event_value){.type = EVENT_FIELD_UINT64, .as.number = (n)})
#define EVENT_HEX32(n)  ((struct event_value){.type = EVENT_FIELD_HEX32, .as.number = (n)})

struct event_log;

// Opens the sinks: <data_folder>/log/events.jsonl, a JSON object a line: RecordId, TimeCreated
// (UTC), Id, Level, LevelText, Symbol, Message, Instance, and the fields by name. At 16 MiB it
// becomes events.1.jsonl, and so on up to events.4.jsonl. RecordId grows by one with each event,
// over restarts and rotations.
//
// A line is written with one append; one that a crash or a full volume tore is ignored by readers.
// Lines reach the disk when the operating system writes them back, and at the close: a power cut
// may cost the last seconds, a crash of the service costs nothing. A sink that fails later never
// fails or delays the caller: it is tried again with the next event, and 50013 counts what was
// lost.
//
// `echo`: also print each message on standard error (console mode).
enum status event_log_open(const char *data_folder, const char *instance, bool echo,
                           struct event_log **out) MUST_CHECK;
void event_log_close(struct event_log *log); // NULL is fine

// Raises an event: `values` match the definition's fields in number and type (checked by assert,
// and by a test that raises every event). Any thread. Never fails.
void event_raise(struct event_log *log, uint32_t id, const struct event_value *values,
                 size_t count);

#define EVENT_RAISE(log, id, ...)                                   \
    event_raise(log, id, (const struct event_value[]){__VA_ARGS__}, \
                sizeof((const struct event_value[]){__VA_ARGS__}) / sizeof(struct event_value))

// The text of an event with its fields filled in; allocated, caller frees. NULL: out of memory.
char *event_message(const struct event_definition *definition, const struct event_value *values,
                    size_t count);

#define EVENT_ID_RANGES_MAX 64

struct event_id_range {
    uint32_t first, last; // both belong to it
};

// Which events are asked for, and how many of them. Zero-initialized: all there are.
struct event_query {
    uint64_t after;       // RecordId greater than this
    uint64_t before;      // RecordId less than this; 0: up to the newest
    bool newest;          // the newest matches instead of the oldest
    size_t limit;         // so many matches; 0: all
    uint32_t patience_ms; // searches no longer than about this; 0: to the end

    size_t id_ranges; // 0: any Id
    struct event_id_range ids[EVENT_ID_RANGES_MAX];
    unsigned levels; // bits 1 << Level; 0: any
    const char *vm;  // its VmName or VmId; NULL: any, and events of no machine
    bool since_given, until_given;
    int64_t since, until; // TimeCreated, wall ms, both belong to it
};

// What one search gave. It has looked at every event with first <= RecordId <= last; `more`: the
// limit or its patience ended it, and it goes on with `after` = last (or, the newest first, with
// `before` = first).
struct event_page {
    json_t *events; // oldest first
    uint64_t first, last;
    bool more;
};

// Searches the log files. The caller frees out->events.
enum status event_log_read(struct event_log *log, const struct event_query *query,
                           struct event_page *out) MUST_CHECK;

// RecordId of the newest event, 0 when there is none.
uint64_t event_log_last(struct event_log *log);

#endif
