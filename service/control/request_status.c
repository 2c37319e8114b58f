// `status`, and the same as text for Prometheus.
#include <stdlib.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "service/control/requests.h"
#include "service/engine/json_writer.h"
#include "service/monitor/metrics.h"
#include "service/monitor/metrics_file.h"
#include "service/supervise/tasks.h"

// A list with more disks than this in all leaves them out, so that it stays a reply that can be
// sent.
#define LISTED_DISKS_MAX 1000

// ---- the server ----

static json_t *unreadable_view(const struct supervisor *supervisor)
{
    size_t count;
    const struct unreadable_state *files =
        registry_unreadable(supervisor->context.registry, &count);
    json_t *list = json_array();
    for (size_t i = 0; list && i < count; i++) {
        struct json_writer w = json_writer_begin(NULL);
        json_writer_text(&w, "Path", files[i].path);
        json_writer_value(&w, "Error", js_from_status(&files[i].why));
        if (json_array_append_new(list, json_writer_end(&w)) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

static void put_metrics(struct json_writer *w, struct supervisor *supervisor)
{
    struct metrics_file_state state;
    metrics_file_get_state(supervisor->metrics, &state);
    pthread_mutex_lock(&supervisor->settings_lock);
    unsigned interval = supervisor->settings.metrics_interval_s;
    json_writer_text(w, "MetricsFolder", supervisor->settings.metrics_folder);
    pthread_mutex_unlock(&supervisor->settings_lock);
    json_writer_number(w, "MetricsIntervalSec", interval);
    json_writer_time(w, "MetricsLastWriteTime", state.last_write);
    if (state.why.status != STATUS_OK)
        json_writer_value(w, "MetricsError", js_from_status(&state.why));
    else
        json_writer_null(w, "MetricsError");
}

static json_t *server_view(struct supervisor *supervisor, const struct tasks_snapshot *tasks)
{
    struct json_writer w = json_writer_begin(NULL);
    json_writer_text(&w, "ListenAddress", supervisor->listen_address);
    json_writer_number(&w, "ListenPort", supervisor->listen_port);
    pthread_mutex_lock(&supervisor->settings_lock);
    uint64_t limit = supervisor->settings.bandwidth_limit;
    unsigned transfers = supervisor->settings.maximum_active_transfers;
    unsigned interval = supervisor->settings.watch_interval_s;
    pthread_mutex_unlock(&supervisor->settings_lock);
    json_writer_number(&w, "BandwidthLimit", limit);
    json_writer_number(&w, "MaximumActiveTransfers", transfers);
    json_writer_number(&w, "ActiveTransfers", tasks->active);
    json_writer_number(&w, "QueuedTransfers", tasks->queued);
    json_writer_number(&w, "WatchIntervalSec", interval);
    json_writer_number(&w, "EventsLostTotal", event_log_lost(supervisor->context.event_log));
    put_metrics(&w, supervisor);
    json_writer_value(&w, "UnreadableStateFiles", unreadable_view(supervisor));
    return json_writer_end(&w);
}

enum status request_server_view(struct supervisor *supervisor, json_t **out)
{
    struct tasks_snapshot tasks;
    enum status s = tasks_take_snapshot(supervisor->tasks, &tasks);
    if (s != STATUS_OK)
        return s;
    json_t *view = server_view(supervisor, &tasks);
    free(tasks.views);
    if (!view)
        return status_no_memory("the server's settings");
    *out = view;
    return STATUS_OK;
}

// ---- the relationships ----

static size_t count_disks(struct registry *registry, const registry_key *keys, size_t count)
{
    size_t disks = 0;
    for (size_t i = 0; i < count && disks <= LISTED_DISKS_MAX; i++) {
        struct relationship *r;
        if (registry_get(registry, keys[i], &r) != STATUS_OK)
            continue;
        disks += r->disk_count;
        relationship_free(r);
    }
    return disks;
}

static enum status view_list(struct supervisor *supervisor, const registry_key *keys, size_t count,
                             const struct tasks_snapshot *tasks, bool with_disks, json_t **out)
{
    enum status s = STATUS_OK;
    json_t *list = json_array();
    if (!list)
        s = status_no_memory("the list of relationships");
    for (size_t i = 0; i < count && s == STATUS_OK; i++) {
        json_t *view;
        s = request_view(supervisor, keys[i], tasks, with_disks, &view);
        if (s == STATUS_NOT_FOUND)
            s = STATUS_OK; // removed meanwhile
        else if (s == STATUS_OK && json_array_append_new(list, view) != 0)
            s = status_no_memory("the list of relationships");
    }
    if (s != STATUS_OK) {
        json_decref(list);
        return s;
    }
    *out = list;
    return STATUS_OK;
}

// {"Relationships", "Server"}, of one moment.
static enum status view_all(struct supervisor *supervisor, const registry_key *keys, size_t count,
                            bool with_disks, json_t **out)
{
    json_t *list;
    struct tasks_snapshot tasks;
    enum status s = tasks_take_snapshot(supervisor->tasks, &tasks);
    if (s != STATUS_OK)
        return s;
    s = view_list(supervisor, keys, count, &tasks, with_disks, &list);
    if (s == STATUS_OK) {
        struct json_writer w = json_writer_begin(NULL);
        json_writer_value(&w, "Relationships", list);
        json_writer_value(&w, "Server", server_view(supervisor, &tasks));
        *out = json_writer_end(&w);
        s = w.status;
    }
    free(tasks.views);
    return s;
}

enum status request_status(struct supervisor *supervisor, const struct control_caller *caller,
                           const json_t *request, json_t **result)
{
    (void)caller;
    const char *name;
    registry_key one, *all = NULL;
    size_t count = 1;
    struct registry *registry = supervisor->context.registry;
    enum status s = js_opt_string(request, "name", NULL, &name);
    if (s == STATUS_OK && name)
        s = registry_find(registry, name, &one);
    else if (s == STATUS_OK)
        s = registry_list(registry, &all, &count);
    if (s == STATUS_OK)
        s = view_all(supervisor, name ? &one : all, count,
                     name || count_disks(registry, all, count) <= LISTED_DISKS_MAX, result);
    free(all);
    return s;
}

// ---- metrics ----

enum status request_metrics_text(struct supervisor *supervisor, struct buffer *out)
{
    registry_key *keys;
    size_t count;
    json_t *status;
    enum status s = registry_list(supervisor->context.registry, &keys, &count);
    if (s != STATUS_OK)
        return s;
    s = view_all(supervisor, keys, count, false, &status);
    free(keys);
    if (s != STATUS_OK)
        return s;
    s = metrics_render(status, supervisor->context.instance, clock_wall_ms(), out);
    json_decref(status);
    return s;
}

enum status request_metrics(struct supervisor *supervisor, const struct control_caller *caller,
                            const json_t *request, json_t **result)
{
    (void)caller;
    (void)request;
    struct buffer text = {0};
    enum status s = request_metrics_text(supervisor, &text);
    if (s == STATUS_OK) {
        struct json_writer w = json_writer_begin(NULL);
        json_writer_text(&w, "Text", (const char *)text.data);
        *result = json_writer_end(&w);
        s = w.status;
    }
    buffer_free(&text);
    return s;
}
