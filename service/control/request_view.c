// What `status` shows of a relationship: the record, what runs of it, and what was last seen of its
// disks.
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "service/control/requests.h"
#include "service/engine/json_writer.h"
#include "service/supervise/tasks.h"
#include "service/supervise/watch.h"

// All that is shown, taken at one time.
struct view {
    const struct service_context *context;
    struct relationship *r;
    struct task_view task;
    bool in_progress;
    struct resync_progress progress;
    struct task_view comparison_task;
    bool comparing; // `comparison` is there
    struct resync_progress comparison;
    struct watch_times looks;
    uint64_t counts[REGISTRY_COUNTS];
    int64_t now;
    int64_t next_start; // by its window
};

struct counters {
    uint64_t total, compared, different, sent, to_merge, merged;
};

static void add_disk(struct counters *sum, const struct disk_progress *disk)
{
    sum->total += disk->total;
    sum->compared += disk->compared;
    sum->different += disk->different;
    sum->sent += disk->sent;
    sum->to_merge += disk->merge_total;
    sum->merged += disk->merged;
}

static void put_counters(struct json_writer *w, const struct counters *counters)
{
    static const char *const names[] = {"ResynchronizeBytesTotal",     "ResynchronizeBytesCompared",
                                        "ResynchronizeBytesDifferent", "ResynchronizeBytesSent",
                                        "ResynchronizeBytesToMerge",   "ResynchronizeBytesMerged"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!counters) {
            json_writer_null(w, names[i]);
            continue;
        }
        const uint64_t values[] = {counters->total, counters->compared, counters->different,
                                   counters->sent,  counters->to_merge, counters->merged};
        json_writer_number(w, names[i], values[i]);
    }
}

// The running attempt has got beyond where it began, so the failures before it are over.
static bool goes_on(const struct view *view)
{
    if (!view->task.running || !view->in_progress)
        return false;
    for (size_t i = 0; i < view->progress.disk_count; i++)
        if (view->progress.disk[i].compared > view->progress.disk[i].start ||
            view->progress.disk[i].merged > 0)
            return view->progress.activity && strcmp(view->progress.activity, "Connecting") != 0;
    return false;
}

static void put_health(struct json_writer *w, const struct view *view)
{
    json_t *details = json_array();
    enum replication_health health = relationship_health(view->r, view->now, details);
    json_writer_number(w, "ReplicationHealth", (uint64_t)health);
    json_writer_text(w, "ReplicationHealthText", replication_health_text(health));
    json_writer_value(w, "ReplicationHealthDetails", details);
}

// By Hyper-V's numbers, where 1 is Kerberos and 2 a certificate. Connections of this version prove
// nothing of who speaks.
static void put_authentication(struct json_writer *w)
{
    json_writer_number(w, "AuthenticationType", 0);
    json_writer_text(w, "AuthenticationTypeText", "None");
}

static void put_servers(struct json_writer *w, const struct view *view)
{
    const struct relationship *r = view->r;
    bool primary = r->mode == MODE_PRIMARY;
    const char *replica =
        r->replica_server || primary ? r->replica_server : view->context->host_name;
    json_writer_text(w, "PrimaryServerName",
                     primary ? view->context->host_name : r->primary_server);
    json_writer_text(w, "ReplicaServerName", replica);
    if (primary)
        json_writer_number(w, "ReplicaServerPort", r->replica_port);
    else
        json_writer_null(w, "ReplicaServerPort");
    put_authentication(w);
    json_writer_null(w, "ReplicationFrequencySec"); // nobody tracks writes: there are no cycles
    json_writer_text(w, "AllowedPrimaryServer", r->allowed_primary);
    json_writer_number(w, "BandwidthLimit", r->bandwidth_limit);
}

static const char *activity(const struct view *view)
{
    if (view->task.queue_position > 0)
        return "Queued";
    if (!view->in_progress)
        return view->task.running ? "Connecting" : NULL;
    bool replica_at_work = view->r->mode == MODE_REPLICA && view->r->phase != PHASE_NONE;
    return view->task.present || replica_at_work ? view->progress.activity : NULL;
}

static void put_required(struct json_writer *w, const struct relationship *r)
{
    bool required = r->reason != REASON_NONE && r->state != REPLICATION_REPLICATING &&
                    r->state != REPLICATION_SUSPENDED;
    char *message = required ? relationship_required_message(r) : NULL;
    json_writer_text(w, "ResynchronizeRequiredReason", resynchronize_reason_text(r->reason));
    json_writer_text(w, "ResynchronizeRequiredMessage", message);
    free(message);
}

static void put_resynchronization(struct json_writer *w, const struct view *view)
{
    const struct relationship *r = view->r;
    put_required(w, r);
    if (guid_is_zero(&r->resync_id))
        json_writer_null(w, "ResynchronizeId");
    else
        json_writer_guid(w, "ResynchronizeId", &r->resync_id);
    json_writer_text(w, "ResynchronizePhase", resynchronize_phase_text(r->phase));
    json_writer_text(w, "ResynchronizeActivity", activity(view));
    json_writer_number(w, "ResynchronizeQueuePosition", view->task.queue_position);
    json_writer_text(w, "ResynchronizeSuspendCause",
                     r->state == REPLICATION_RESYNCHRONIZE_SUSPENDED ? r->suspend_cause : NULL);
    json_writer_bool(w, "ResynchronizeCancelPending", r->cancel_pending);
    json_writer_text(w, "ResynchronizeLastOutcome", resynchronize_outcome_text(r->last_outcome));
    json_writer_time(w, "ResynchronizeStarted", view->in_progress ? view->progress.started : 0);
}

static void put_progress(struct json_writer *w, const struct view *view)
{
    struct counters sum = {0};
    if (view->in_progress)
        for (size_t i = 0; i < view->progress.disk_count; i++)
            add_disk(&sum, &view->progress.disk[i]);
    put_counters(w, view->in_progress ? &sum : NULL);
    if (view->in_progress)
        json_writer_number(w, "ResynchronizeBytesPerSecond", view->progress.rate);
    else
        json_writer_null(w, "ResynchronizeBytesPerSecond");
    if (view->in_progress && view->progress.remaining_s >= 0)
        json_writer_number(w, "ResynchronizeTimeRemaining", (uint64_t)view->progress.remaining_s);
    else
        json_writer_null(w, "ResynchronizeTimeRemaining");
    bool waits = view->task.present && !view->task.running && view->task.queue_position == 0;
    json_writer_time(w, "NextAttemptTime", waits ? view->r->next_attempt : 0);
    json_writer_number(w, "FailedAttempts", view->r->attempts);
    json_writer_number(w, "FailedAttemptsTotal", view->counts[COUNT_FAILED_ATTEMPTS]);
    json_writer_number(w, "VerificationFailuresTotal", view->counts[COUNT_VERIFICATION_FAILURES]);
    if (view->r->error.status != STATUS_OK)
        json_writer_value(w, "LastError", js_from_status(&view->r->error));
    else
        json_writer_null(w, "LastError");
}

static void put_comparing(struct json_writer *w, const struct view *view)
{
    const struct resync_progress *progress = &view->comparison;
    struct counters sum = {0};
    if (view->r->comparing_since == 0) {
        json_writer_null(w, "Comparison");
        return;
    }
    for (size_t i = 0; view->comparing && i < progress->disk_count; i++)
        add_disk(&sum, &progress->disk[i]);
    unsigned position = view->comparison_task.queue_position;
    struct json_writer c = json_writer_begin(NULL);
    json_writer_time(&c, "Started", view->r->comparing_since);
    json_writer_text(&c, "Activity",
                     position > 0      ? "Queued"
                     : view->comparing ? progress->activity
                                       : "Connecting");
    json_writer_number(&c, "QueuePosition", position);
    json_writer_number(&c, "BytesTotal", sum.total);
    json_writer_number(&c, "BytesCompared", sum.compared);
    json_writer_number(&c, "BytesDifferent", sum.different);
    json_writer_number(&c, "BytesPerSecond", view->comparing ? progress->rate : 0);
    if (view->comparing && progress->remaining_s >= 0)
        json_writer_number(&c, "TimeRemaining", (uint64_t)progress->remaining_s);
    else
        json_writer_null(&c, "TimeRemaining");
    json_writer_value(w, "Comparison", json_writer_end(&c));
}

static json_t *disk_view(const struct view *view, size_t i)
{
    const struct relationship_disk *disk = &view->r->disks[i];
    struct counters counters = {0};
    bool counted = view->in_progress && i < view->progress.disk_count;
    struct json_writer w = json_writer_begin(NULL);
    json_writer_text(&w, "Path", disk->path);
    json_writer_text(&w, "PeerName", disk->peer_name);
    if (disk->total > 0)
        json_writer_number(&w, "VirtualSize", disk->total);
    else
        json_writer_null(&w, "VirtualSize");
    if (counted)
        add_disk(&counters, &view->progress.disk[i]);
    put_counters(&w, counted ? &counters : NULL);
    return json_writer_end(&w);
}

static json_t *disks_view(const struct view *view)
{
    json_t *disks = json_array();
    for (size_t i = 0; disks && i < view->r->disk_count; i++)
        if (json_array_append_new(disks, disk_view(view, i)) != 0) {
            json_decref(disks);
            disks = NULL;
        }
    return disks;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

// When the disks of both sides were last known to be equal: when that was reached, or when the
// primary's were last found unchanged since. 0: never; only the primary can know.
static int64_t last_in_step(const struct view *view)
{
    const struct relationship *r = view->r;
    bool known = r->mode == MODE_PRIMARY && r->last_replication_time != 0;
    return known ? later(r->last_replication_time, view->looks.unchanged) : 0;
}

static void put_schedule(struct json_writer *w, const struct view *view)
{
    const struct resync_schedule *schedule = &view->r->schedule;
    char text[TIME_OF_DAY_SIZE];
    json_writer_bool(w, "AutoResynchronizeEnabled", schedule->enabled);
    json_writer_text(w, "AutoResynchronizeIntervalStart",
                     time_of_day_format(schedule->start_s, text));
    json_writer_text(w, "AutoResynchronizeIntervalEnd", time_of_day_format(schedule->end_s, text));
    json_writer_bool(w, "AutoResynchronizeSuspendAtIntervalEnd", schedule->suspend_at_end);
    json_writer_time(w, "AutoResynchronizeNextStart", view->next_start);
    json_writer_time(w, "ResynchronizeStartTime", schedule->start_time);
}

static enum status write_view(const struct view *view, bool with_disks, json_t **out)
{
    const struct relationship *r = view->r;
    struct json_writer w = json_writer_begin(NULL);
    json_writer_text(&w, "VMName", r->name);
    if (guid_is_zero(&r->id))
        json_writer_null(&w, "VMId");
    else
        json_writer_guid(&w, "VMId", &r->id);
    json_writer_number(&w, "ReplicationMode", (uint64_t)r->mode);
    json_writer_text(&w, "ReplicationModeText", replication_mode_text(r->mode));
    json_writer_number(&w, "ReplicationState", (uint64_t)r->state);
    json_writer_text(&w, "ReplicationStateText", replication_state_text(r->state));
    put_health(&w, view);
    put_servers(&w, view);
    json_writer_time(&w, "LastReplicationTime", r->last_replication_time);
    json_writer_time(&w, "LastInStepTime", last_in_step(view));
    json_writer_time(&w, "LastLookTime", later(view->looks.looked, r->last_look_time));
    json_writer_time(&w, "DiskInUseSince", r->look_in_use ? r->look_in_use_since : 0);
    put_schedule(&w, view);
    put_resynchronization(&w, view);
    put_progress(&w, view);
    put_comparing(&w, view);
    json_writer_value(&w, "LastComparison", comparison_to_json(&r->comparison, with_disks));
    if (with_disks)
        json_writer_value(&w, "Disks", disks_view(view));
    json_t *object = json_writer_end(&w);
    if (!object)
        return w.status;
    *out = object;
    return STATUS_OK;
}

// A relationship whose turn was asked for a moment ago, before its task was listed, is at the end
// of the queue.
static struct task_view task_of(const struct relationship *r, registry_key key,
                                const struct tasks_snapshot *tasks)
{
    for (size_t i = 0; i < tasks->count; i++)
        if (tasks->views[i].key == key)
            return tasks->views[i];
    struct task_view view = {.key = key};
    if (r->state == REPLICATION_RESYNCHRONIZING && r->queue_number != 0)
        view.queue_position = tasks->last_place;
    return view;
}

enum status request_view(struct supervisor *supervisor, registry_key key,
                         const struct tasks_snapshot *tasks, bool with_disks, json_t **out)
{
    struct registry *registry = supervisor->context.registry;
    struct view *view = calloc(1, sizeof *view); // too large for a stack
    if (!view)
        return status_no_memory("a view of a relationship");
    view->context = &supervisor->context;
    enum status s = registry_get(registry, key, &view->r);
    if (s == STATUS_OK) {
        view->task = task_of(view->r, key, tasks);
        if (view->task.kind == TASK_COMPARE) {
            view->comparison_task = view->task;
            view->task = (struct task_view){.key = key};
        }
        view->comparing =
            registry_get_progress(registry, key, PROGRESS_COMPARISON, &view->comparison);
        view->in_progress = registry_get_progress(registry, key, PROGRESS_RESYNC, &view->progress);
        view->looks = watch_times_of(supervisor->watch, key);
        for (unsigned i = 0; i < REGISTRY_COUNTS; i++)
            view->counts[i] = registry_get_count(registry, key, (enum registry_counter)i);
        view->now = clock_wall_ms();
        view->next_start = schedule_next_start(view->r, view->now, supervisor->zone);
        if (goes_on(view))
            view->r->attempts = 0;
        s = write_view(view, with_disks, out);
        relationship_free(view->r);
    }
    free(view);
    return s;
}

enum status request_view_now(struct supervisor *supervisor, registry_key key, json_t **out)
{
    struct tasks_snapshot tasks;
    enum status s = tasks_take_snapshot(supervisor->tasks, &tasks);
    if (s != STATUS_OK)
        return s;
    s = request_view(supervisor, key, &tasks, true, out);
    free(tasks.views);
    return s;
}
