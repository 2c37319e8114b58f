// What VRep tells administrators: one record a condition, to every sink. Where Hyper-V has an event
// for a condition, ours has the same ID and the same leading parameters. etw/VRep.man has them all;
// an event is raised by the function of its own that is made from there:
//
//     EventWriteMergeRecovered(event_log_writer(log), r->name, r->id.bytes);
#ifndef VREP_ETW_EVENTS_H
#define VREP_ETW_EVENTS_H

#include <jansson.h>

#include "base/guid.h"
#include "base/status.h"
#include "etw/message.h"
#include "etw/sink.h"
#include "events/VRep.h" // made from etw/VRep.man

struct event_log;

// The sinks that this system has beside events.jsonl, ended by NULL.
extern const event_sink_open event_system_sinks[];

// Opens the sinks.
//
// <data_folder>/log/events.jsonl has an object a line: RecordId, TimeCreated (UTC), Id, Version,
// Level, LevelText, Channel, Task, Opcode, Keywords, Symbol, Message, Instance, and the fields by
// name. At 16 MiB it becomes events.1.jsonl, and so on up to events.4.jsonl. RecordId grows by one
// with each event, over restarts and rotations. A line is written with one append; one that a crash
// or a full volume tore is ignored by readers. Lines reach the disk when the operating system
// writes them back, and at the close: a power cut may cost the last seconds, a crash of the service
// costs nothing.
//
// `sinks`: event_system_sinks, or a test's, or NULL; what cannot be opened is left out. A sink that
// fails later never fails or delays the caller: it is tried again with the next event, and 50013
// counts what was lost.
//
// `echo`: also print each message on standard error (console mode). `data_folder` NULL: without
// events.jsonl.
enum status event_log_open(const char *data_folder, const char *instance, bool echo,
                           const event_sink_open *sinks, struct event_log **out) MUST_CHECK;
void event_log_close(struct event_log *log); // NULL is fine

// What the functions of VRep.h take. Any thread. Never fails, and leaves status_last() as it was.
struct event_writer *event_log_writer(struct event_log *log);

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

// How many events a sink did not take since the log was opened, summed over the sinks.
uint64_t event_log_lost(struct event_log *log);

// RecordId of the newest event, 0 when there is none.
uint64_t event_log_last(struct event_log *log);

#endif
