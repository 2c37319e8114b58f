// One record, every sink.
#include "etw/events.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/os.h"
#include "etw/record.h"
#include "etw/sink_jsonl.h"

#define EVENTS_LOST 50013

struct event_log {
    pthread_mutex_t mutex; // makes the order of numbers the order of lines; all below
    struct sink_jsonl *sink;
    char *instance;
    bool echo;
    uint64_t last; // RecordId of the newest event
    uint64_t lost; // events that the sink did not take since it last took one
};

enum status event_log_open(const char *data_folder, const char *instance, bool echo,
                           struct event_log **out)
{
    char *folder = os_path_join(data_folder, "log");
    struct event_log *log = calloc(1, sizeof *log);
    char *name = strdup(instance ? instance : "");
    enum status s = STATUS_OK;
    if (!folder || !log || !name)
        s = status_no_memory("the event log");
    else
        s = sink_jsonl_open(folder, &log->sink, &log->last);
    free(folder);
    if (s != STATUS_OK) {
        free(log);
        free(name);
        return s;
    }
    pthread_mutex_init(&log->mutex, NULL);
    log->instance = name;
    log->echo = echo;
    *out = log;
    return STATUS_OK;
}

void event_log_close(struct event_log *log)
{
    if (!log)
        return;
    sink_jsonl_close(log->sink);
    pthread_mutex_destroy(&log->mutex);
    free(log->instance);
    free(log);
}

static void echo(const struct event_source *source, const struct event_definition *definition,
                 const char *message)
{
    char time[CLOCK_TEXT_SIZE];
    struct buffer line = {0};
    if (buffer_printf(&line, "%s %s %u: %s\n", clock_format_local(source->time_ms, time),
                      event_level_text(definition->level), (unsigned)definition->id,
                      message) == STATUS_OK)
        os_print(true, (const char *)line.data);
    buffer_free(&line);
}

// Makes the next record and gives it to every sink. The mutex is held.
static enum status write_event(struct event_log *log, const struct event_definition *definition,
                               const struct event_value *values, size_t count)
{
    struct event_source source = {
        .record_id = ++log->last, .time_ms = clock_wall_ms(), .instance = log->instance};
    char *message = event_message(definition, values, count);
    if (!message)
        return status_no_memory("an event");
    if (log->echo)
        echo(&source, definition, message);
    json_t *record;
    enum status s = event_record(&source, definition, values, count, message, &record);
    if (s == STATUS_OK) {
        s = sink_jsonl_append(log->sink, record);
        json_decref(record);
    }
    free(message);
    return s;
}

static void assert_values(const struct event_definition *definition,
                          const struct event_value *values, size_t count)
{
    assert(definition && count == definition->fields);
    for (size_t i = 0; i < count; i++)
        assert(values[i].type == definition->field[i].type);
}

void event_raise(struct event_log *log, uint32_t id, const struct event_value *values, size_t count)
{
    const struct event_definition *definition = event_find(id);
    assert_values(definition, values, count);
    struct status_details before =
        *status_last(); // an event is often raised on the way out of a failure
    pthread_mutex_lock(&log->mutex);
    if (log->lost > 0) {
        struct event_value lost = EVENT_NUMBER(log->lost);
        if (write_event(log, event_find(EVENTS_LOST), &lost, 1) == STATUS_OK)
            log->lost = 0;
    }
    if (write_event(log, definition, values, count) != STATUS_OK)
        log->lost++;
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

enum status event_log_read(struct event_log *log, const struct event_query *query,
                           struct event_page *out)
{
    struct event_query bounded = *query;
    uint64_t end = event_log_last(log) + 1; // events raised meanwhile are the next search's
    if (bounded.before == 0 || bounded.before > end)
        bounded.before = end;
    return sink_jsonl_search(log->sink, &bounded, out);
}
