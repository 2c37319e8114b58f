// One record, every sink.
#include "etw/events.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/os.h"
#include "etw/sink_jsonl.h"

#define SINKS_MAX 4

// One sink, and how many events it did not take since it last took one.
struct outlet {
    struct event_sink *sink;
    uint64_t lost;
    uint64_t lost_ever; // since the log was opened
};

struct event_log {
    struct event_writer writer;
    pthread_mutex_t mutex; // makes the order of numbers the order of lines; all below
    struct sink_jsonl *file;
    struct outlet outlet[SINKS_MAX];
    size_t outlet_count;
    char *instance;
    uint64_t last; // RecordId of the newest event
};

static void write_event(struct event_writer *writer, const struct event_definition *definition,
                        const struct event_value *values, size_t count);

// ---- opening ----

static void add_sink(struct event_log *log, struct event_sink *sink)
{
    if (!sink)
        return;
    assert(log->outlet_count < SINKS_MAX);
    log->outlet[log->outlet_count++].sink = sink;
}

static enum status open_file(struct event_log *log, const char *data_folder)
{
    char *folder = os_path_join(data_folder, "log");
    enum status s = folder ? sink_jsonl_open(folder, &log->file, &log->last)
                           : status_no_memory("the event log");
    free(folder);
    if (s == STATUS_OK)
        add_sink(log, sink_jsonl_sink(log->file));
    return s;
}

enum status event_log_open(const char *data_folder, const char *instance, bool echo,
                           const event_sink_open *sinks, struct event_log **out)
{
    struct event_log *log = calloc(1, sizeof *log);
    if (!log)
        return status_no_memory("the event log");
    pthread_mutex_init(&log->mutex, NULL);
    log->writer.write = write_event;
    log->instance = strdup(instance ? instance : "");
    enum status s = log->instance ? STATUS_OK : status_no_memory("the event log");
    if (s == STATUS_OK && data_folder)
        s = open_file(log, data_folder);
    if (s != STATUS_OK) {
        event_log_close(log);
        return s;
    }
    for (const event_sink_open *open = sinks; open && *open; open++)
        add_sink(log, (*open)());
    if (echo)
        add_sink(log, sink_console_open());
    *out = log;
    return STATUS_OK;
}

void event_log_close(struct event_log *log)
{
    if (!log)
        return;
    for (size_t i = 0; i < log->outlet_count; i++)
        log->outlet[i].sink->close(log->outlet[i].sink);
    pthread_mutex_destroy(&log->mutex);
    free(log->instance);
    free(log);
}

struct event_writer *event_log_writer(struct event_log *log)
{
    return &log->writer;
}

// ---- writing ----

static void lose(struct outlet *outlet)
{
    outlet->lost++;
    outlet->lost_ever++;
}

static void give(struct outlet *outlet, const struct event_record *record)
{
    if (outlet->sink->write(outlet->sink, record) != STATUS_OK)
        lose(outlet);
}

// The next record; its message is the caller's. False: no memory, and every sink loses it.
static bool make_record(struct event_log *log, const struct event_definition *definition,
                        const struct event_value *values, struct event_record *out)
{
    char *message = event_message(definition, values);
    *out = (struct event_record){.record_id = ++log->last,
                                 .time_ms = clock_wall_ms(),
                                 .instance = log->instance,
                                 .definition = definition,
                                 .values = values,
                                 .message = message};
    for (size_t i = 0; i < log->outlet_count && !message; i++)
        lose(&log->outlet[i]);
    return message != NULL;
}

static void write_all(struct event_log *log, const struct event_definition *definition,
                      const struct event_value *values)
{
    struct event_record record;
    if (!make_record(log, definition, values, &record))
        return;
    for (size_t i = 0; i < log->outlet_count; i++)
        give(&log->outlet[i], &record);
    free((char *)record.message);
}

// 50013 in the making: the sink that lost events has to take it before the others hear of it.
struct loss {
    struct event_writer writer;
    struct event_log *log;
    struct outlet *outlet;
};

static void write_loss(struct event_writer *writer, const struct event_definition *definition,
                       const struct event_value *values, size_t count)
{
    const struct loss *loss = (const struct loss *)writer;
    struct event_log *log = loss->log;
    struct event_record record;
    (void)count;
    if (!make_record(log, definition, values, &record))
        return;
    if (loss->outlet->sink->write(loss->outlet->sink, &record) == STATUS_OK) {
        loss->outlet->lost = 0;
        for (size_t i = 0; i < log->outlet_count; i++)
            if (&log->outlet[i] != loss->outlet)
                give(&log->outlet[i], &record);
    } else {
        log->last--; // nobody has seen it
    }
    free((char *)record.message);
}

static void tell_losses(struct event_log *log)
{
    for (size_t i = 0; i < log->outlet_count; i++) {
        struct loss loss = {{write_loss}, log, &log->outlet[i]};
        if (loss.outlet->lost > 0)
            EventWriteEventsLost(&loss.writer, loss.outlet->lost, loss.outlet->sink->name);
    }
}

static void write_event(struct event_writer *writer, const struct event_definition *definition,
                        const struct event_value *values, size_t count)
{
    struct event_log *log = (struct event_log *)writer;
    // An event is often raised on the way out of a failure.
    const struct status_details before = *status_last();
    assert(count == definition->field_count);
    pthread_mutex_lock(&log->mutex);
    tell_losses(log);
    write_all(log, definition, values);
    pthread_mutex_unlock(&log->mutex);
    (void)status_restore(&before);
}

uint64_t event_log_last(struct event_log *log)
{
    pthread_mutex_lock(&log->mutex);
    uint64_t last = log->last;
    pthread_mutex_unlock(&log->mutex);
    return last;
}

uint64_t event_log_lost(struct event_log *log)
{
    uint64_t lost = 0;
    pthread_mutex_lock(&log->mutex);
    for (size_t i = 0; i < log->outlet_count; i++)
        lost += log->outlet[i].lost_ever;
    pthread_mutex_unlock(&log->mutex);
    return lost;
}

enum status event_log_read(struct event_log *log, const struct event_query *query,
                           struct event_page *out)
{
    struct event_query bounded = *query;
    uint64_t end = event_log_last(log) + 1; // events raised meanwhile are the next search's
    if (bounded.before == 0 || bounded.before > end)
        bounded.before = end;
    return sink_jsonl_search(log->file, &bounded, out);
}
