#include "etw/sink_jsonl.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/json.h"
#include "base/os.h"
#include "etw/line_reader.h"
#include "etw/log_file.h"
#include "etw/record_json.h"

#define ROTATE_AGAIN (1024 * 1024) // bytes until a rotation that failed is tried again

struct sink_jsonl {
    struct event_sink sink;
    pthread_mutex_t mutex;        // all below
    char *path[SINK_JSONL_FILES]; // newest first
    struct log_file *file;        // NULL: to be opened with the next append
    uint64_t size;                // of `file`
    uint64_t rotate_at;
    bool torn; // the file does not end with a line break
};

static enum status make_paths(struct sink_jsonl *sink, const char *folder)
{
    for (unsigned i = 0; i < SINK_JSONL_FILES; i++) {
        struct buffer name = {0};
        enum status s = i == 0 ? buffer_printf(&name, "events.jsonl")
                               : buffer_printf(&name, "events.%u.jsonl", i);
        if (s == STATUS_OK) {
            sink->path[i] = os_path_join(folder, (const char *)name.data);
            if (!sink->path[i])
                s = status_no_memory("the event files");
        }
        buffer_free(&name);
        if (s != STATUS_OK)
            return s;
    }
    return STATUS_OK;
}

static enum status ends_torn(const char *path, uint64_t size, bool *torn)
{
    *torn = false;
    if (size == 0)
        return STATUS_OK;
    struct log_file *file;
    enum status s = log_file_open_read(path, &file);
    if (s != STATUS_OK)
        return s;
    char last = '\0';
    size_t got;
    s = log_file_read(file, size - 1, &last, 1, &got);
    *torn = last != '\n';
    log_file_close(file);
    return s;
}

static enum status open_newest(struct sink_jsonl *sink)
{
    struct log_file *file;
    enum status s = log_file_open_append(sink->path[0], &file);
    if (s != STATUS_OK)
        return s;
    s = log_file_size(file, &sink->size);
    if (s == STATUS_OK)
        s = ends_torn(sink->path[0], sink->size, &sink->torn);
    if (s != STATUS_OK) {
        log_file_close(file);
        return s;
    }
    sink->file = file;
    sink->rotate_at = SINK_JSONL_FILE_MAX;
    return STATUS_OK;
}

// The newest record is in the newest file that has any.
static enum status find_last(struct sink_jsonl *sink, uint64_t *last)
{
    uint64_t id = 0;
    for (unsigned i = 0; i < SINK_JSONL_FILES && id == 0; i++) {
        struct log_file *file;
        enum status s = log_file_open_read(sink->path[i], &file);
        if (s == STATUS_NOT_FOUND)
            continue;
        if (s == STATUS_OK) {
            s = line_reader_last_id(file, &id);
            log_file_close(file);
        }
        if (s != STATUS_OK)
            return s;
    }
    *last = id;
    return STATUS_OK;
}

static void close_jsonl(struct event_sink *sink);
static enum status write_jsonl(struct event_sink *sink, const struct event_record *record);

enum status sink_jsonl_open(const char *folder, struct sink_jsonl **out, uint64_t *last)
{
    struct sink_jsonl *sink = calloc(1, sizeof *sink);
    if (!sink)
        return status_no_memory("the event files");
    sink->sink = (struct event_sink){"the event file", write_jsonl, close_jsonl};
    pthread_mutex_init(&sink->mutex, NULL);
    enum status s = os_make_folders(folder, true);
    if (s == STATUS_OK)
        s = make_paths(sink, folder);
    if (s == STATUS_OK)
        s = find_last(sink, last);
    if (s == STATUS_OK)
        s = open_newest(sink);
    if (s != STATUS_OK) {
        close_jsonl(&sink->sink);
        return s;
    }
    *out = sink;
    return STATUS_OK;
}

struct event_sink *sink_jsonl_sink(struct sink_jsonl *sink)
{
    return &sink->sink;
}

static void close_newest(struct sink_jsonl *sink)
{
    log_file_close(sink->file);
    sink->file = NULL;
}

static void close_jsonl(struct event_sink *base)
{
    struct sink_jsonl *sink = (struct sink_jsonl *)base;
    if (sink->file)
        log_file_flush(sink->file);
    close_newest(sink);
    for (unsigned i = 0; i < SINK_JSONL_FILES; i++)
        free(sink->path[i]);
    pthread_mutex_destroy(&sink->mutex);
    free(sink);
}

// events.3 becomes events.4 (which goes), and so on. A reader elsewhere may hold one of the files:
// then the newest one grows on and the rotation is tried again later.
static enum status rotate(struct sink_jsonl *sink)
{
    close_newest(sink);
    for (unsigned i = SINK_JSONL_FILES - 1; i > 0; i--) {
        enum status s = log_file_rename(sink->path[i - 1], sink->path[i]);
        if (s != STATUS_OK && s != STATUS_NOT_FOUND) {
            s = open_newest(sink);
            sink->rotate_at = sink->size + ROTATE_AGAIN;
            return s;
        }
    }
    return open_newest(sink);
}

static enum status append_line(struct sink_jsonl *sink, const char *text)
{
    enum status s = STATUS_OK;
    if (!sink->file)
        s = open_newest(sink);
    else if (sink->size >= sink->rotate_at)
        s = rotate(sink);
    if (s != STATUS_OK)
        return s;
    struct buffer line = {0};
    s = buffer_printf(&line, "%s%s\n", sink->torn ? "\n" : "", text);
    if (s == STATUS_OK) {
        s = log_file_append(sink->file, line.data, line.size);
        sink->torn = s != STATUS_OK;
        if (s == STATUS_OK)
            sink->size += line.size;
        else
            close_newest(sink); // looked at afresh with the next record
    }
    buffer_free(&line);
    return s;
}

// After a failure the next append starts a line of its own.
static enum status write_jsonl(struct event_sink *base, const struct event_record *record)
{
    struct sink_jsonl *sink = (struct sink_jsonl *)base;
    json_t *object;
    enum status s = event_record_json(record, &object);
    if (s != STATUS_OK)
        return s;
    char *text = js_text(object);
    json_decref(object);
    if (!text)
        return status_no_memory("an event");
    pthread_mutex_lock(&sink->mutex);
    s = append_line(sink, text);
    pthread_mutex_unlock(&sink->mutex);
    free(text);
    return s;
}

enum status sink_jsonl_open_files(struct sink_jsonl *sink, struct log_file *file[SINK_JSONL_FILES])
{
    enum status s = STATUS_OK;
    pthread_mutex_lock(&sink->mutex);
    for (unsigned i = 0; i < SINK_JSONL_FILES; i++) {
        file[i] = NULL;
        if (s == STATUS_OK)
            s = log_file_open_read(sink->path[i], &file[i]);
        if (s == STATUS_NOT_FOUND)
            s = STATUS_OK;
    }
    pthread_mutex_unlock(&sink->mutex);
    return s;
}
