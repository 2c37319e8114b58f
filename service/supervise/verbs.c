#include "service/supervise/verbs.h"

#include <stdio.h>

#include "base/clock.h"
#include "service/supervise/agenda.h"
#include "service/supervise/comparisons.h"
#include "service/supervise/resync_settle.h"
#include "service/supervise/watch.h"
#include "service/vm_events.h"

// A verb on its way through the registry.
struct verb_change {
    struct supervisor *supervisor;
    enum relationship_verb verb;
    struct resume_options options;
    const struct control_caller *caller;
    int64_t now;
    bool merge_seen;                 // the replica reports a merge: a commit that was answered
    enum relationship_action action; // decided
    bool was_queued;                 // it waited for its turn: nothing of it had begun
    uint64_t number;              // its place in the queue, from ACTION_START and ACTION_CONTINUE
    enum schedule_step step;      // by the clock: what it asks for
    struct status_details unable; // by the clock: why a start that was due is not possible
};

static void queue(struct relationship *r, struct verb_change *change, bool from_start)
{
    change->number = tasks_next_number(change->supervisor->tasks);
    r->state_before = r->state;
    if (r->reason == REASON_NONE)
        r->reason = REASON_REQUESTED;
    r->state = REPLICATION_RESYNCHRONIZING;
    r->queue_number = change->number;
    r->from_start = from_start;
    r->overwrite_replica = change->options.overwrite_replica;
    r->adopt_identity = change->options.adopt_identity;
    r->attempts = 0;
    r->next_attempt = 0;
    r->error = (struct status_details){.status = STATUS_OK};
    r->schedule.run_since = change->now;
}

// Stop in the queue: the state that it had.
static void leave_queue(struct relationship *r, int64_t now)
{
    r->queue_number = 0;
    r->from_start = false;
    r->overwrite_replica = false;
    r->adopt_identity = false;
    r->state = r->state_before;
    r->schedule.stopped = now;
    if (r->state == REPLICATION_SUSPENDED)
        r->reason = REASON_NONE;
}

// State 12 by the caller.
static enum status suspend_record(struct relationship *r, const struct verb_change *change)
{
    char cause[SUSPEND_CAUSE_MAX];
    settle_suspend_cause(r, change->caller->account, change->caller->client, cause);
    r->queue_number = 0;
    r->state = REPLICATION_RESYNCHRONIZE_SUSPENDED;
    r->schedule.suspended_by_end = !change->caller->account[0];
    return relationship_set_text(&r->suspend_cause, cause);
}

static void schedule_start(struct resync_schedule *schedule, const struct resume_options *options)
{
    schedule->start_time = options->start_time;
    schedule->start_overwrite = options->overwrite_replica;
    schedule->start_adopt_identity = options->adopt_identity;
}

static void unschedule_start(struct resync_schedule *schedule)
{
    schedule_start(schedule, &(struct resume_options){false});
}

// The engine's decision, with what is known beyond the record: a merge that is seen can no longer
// be stopped, while of a commit under way only the replica can say so.
static enum status decide(struct relationship *r, struct verb_change *change)
{
    enum resynchronize_phase phase = r->phase;
    if (phase == PHASE_COMMITTING && change->merge_seen)
        r->phase = PHASE_MERGING;
    enum status s = relationship_decide(r, change->verb, change->was_queued, &change->action);
    r->phase = phase;
    return s;
}

static enum status change_record(struct relationship *r, void *argument)
{
    struct verb_change *change = argument;
    enum status s = STATUS_OK;
    change->was_queued = r->state == REPLICATION_RESYNCHRONIZING && r->queue_number != 0;
    if (change->verb == VERB_SCHEDULE_RESYNCHRONIZE)
        s = schedule_check_start_time(r->name, change->options.start_time, change->now);
    if (s == STATUS_OK)
        s = decide(r, change);
    if (s != STATUS_OK)
        return s;
    switch (change->action) {
    case ACTION_START:
        queue(r, change, true);
        break;
    case ACTION_CONTINUE:
        queue(r, change, r->from_start);
        break;
    case ACTION_REPLICATE:
        r->state = REPLICATION_REPLICATING;
        break;
    case ACTION_PAUSE:
        r->state = REPLICATION_SUSPENDED;
        break;
    case ACTION_SUSPEND: // what runs is suspended by its task when it has let go
        return change->was_queued ? suspend_record(r, change) : STATUS_OK;
    case ACTION_HOLD:
        return suspend_record(r, change);
    case ACTION_CANCEL:
        if (change->was_queued)
            leave_queue(r, change->now);
        else
            r->cancel_pending = true;
        break;
    case ACTION_SCHEDULE:
        schedule_start(&r->schedule, &change->options);
        break;
    case ACTION_UNSCHEDULE:
        unschedule_start(&r->schedule);
        r->schedule.stopped = change->now;
        break;
    case ACTION_COMPARE:
        change->number = tasks_next_number(change->supervisor->tasks);
        r->comparing_since = change->now;
        break;
    case ACTION_STOP_COMPARISON: // its task ends it
    case ACTION_NOTHING:
    case ACTION_RETRY_NOW:
    case ACTION_REMOVE:
        break;
    }
    return STATUS_OK;
}

// A start that was asked for at this time. One that is not possible any more is forgotten, and why
// is kept to be told.
static enum status change_due(struct relationship *r, struct verb_change *change)
{
    change->options = (struct resume_options){.overwrite_replica = r->schedule.start_overwrite,
                                              .adopt_identity = r->schedule.start_adopt_identity};
    unschedule_start(&r->schedule);
    if (change_record(r, change) == STATUS_OK)
        return STATUS_OK;
    change->unable = *status_last();
    change->action = ACTION_NOTHING;
    return STATUS_OK;
}

static enum status change_by_clock(struct relationship *r, void *argument)
{
    struct verb_change *change = argument;
    if (schedule_decide(r, change->now, change->supervisor->zone) != change->step)
        return status_fail(STATUS_CANCELLED, 0, "The schedule of '%s' has changed meanwhile.",
                           r->name);
    return change->step == SCHEDULE_START_DUE ? change_due(r, change) : change_record(r, change);
}

// A task of this relationship that is on its way out is waited for shortly before a new one takes
// its place.
#define TASK_HANDOVER_MS 1000

static enum status add_task(struct supervisor *supervisor, registry_key key,
                            const struct relationship *r, const struct verb_change *change,
                            enum job_order order, const struct control_caller *caller)
{
    if (!tasks_wait_gone(supervisor->tasks, key, TASK_HANDOVER_MS))
        tasks_orphan(supervisor->tasks, key);
    if (change->action == ACTION_START)
        registry_clear_progress(supervisor->context.registry, key, PROGRESS_RESYNC);
    return tasks_add_resync(supervisor->tasks, key, change->number, order == JOB_GO,
                            r->bandwidth_limit, order, caller);
}

static void say_queued(struct supervisor *supervisor, registry_key key, const char *what,
                       const struct relationship *r, char *message)
{
    unsigned position = tasks_view(supervisor->tasks, key).queue_position;
    if (position > 0)
        snprintf(
            message, VERB_MESSAGE_MAX,
            "The resynchronization of '%s' %s when its turn comes; it is number %u in the queue.",
            r->name, what, position);
    else
        snprintf(message, VERB_MESSAGE_MAX, "The resynchronization of '%s' %s.", r->name, what);
}

// Who or what wanted the start, in the words of the parameters that decide it.
static const char *trigger_text(enum schedule_step step)
{
    switch (step) {
    case SCHEDULE_START:
        return "AutoResynchronizeInterval";
    case SCHEDULE_START_DUE:
        return "ResynchronizeStartTime";
    default:
        return "Request";
    }
}

static enum status start(struct supervisor *supervisor, registry_key key,
                         const struct relationship *r, const struct verb_change *change,
                         const struct control_caller *caller, char *message)
{
    bool anew = change->action == ACTION_START;
    if (anew)
        EventWriteResynchronizeInitiated(supervisor->context.events, r->name, r->id.bytes,
                                         r->replica_server, resynchronize_reason_text(r->reason),
                                         caller->account, caller->client,
                                         trigger_text(change->step));
    else
        EventWriteResynchronizeResumed(supervisor->context.events, r->name, r->id.bytes,
                                       caller->account, caller->client, r->resync_id.bytes);
    enum status s = add_task(supervisor, key, r, change, JOB_GO, caller);
    if (s == STATUS_OK)
        say_queued(supervisor, key, anew ? "starts" : "goes on", r, message);
    return s;
}

static enum status suspend(struct supervisor *supervisor, registry_key key,
                           const struct relationship *r, const struct verb_change *change,
                           const struct control_caller *caller, char *message)
{
    if (change->was_queued) {
        (void)tasks_order(supervisor->tasks, key, JOB_CUT, caller);
        EventWriteResynchronizeSuspended(supervisor->context.events, r->name, r->id.bytes,
                                         r->suspend_cause, caller->account, caller->client,
                                         r->resync_id.bytes);
        snprintf(message, VERB_MESSAGE_MAX,
                 "The resynchronization of '%s' left the queue and is suspended.", r->name);
        return STATUS_OK;
    }
    snprintf(message, VERB_MESSAGE_MAX,
             "The resynchronization of '%s' is suspended at its next safe point.", r->name);
    if (tasks_order(supervisor->tasks, key, JOB_SUSPEND, caller))
        return STATUS_OK;
    return add_task(supervisor, key, r, change, JOB_SUSPEND, caller);
}

static enum status cancel(struct supervisor *supervisor, registry_key key,
                          const struct relationship *r, const struct verb_change *change,
                          const struct control_caller *caller, char *message)
{
    if (change->was_queued) {
        (void)tasks_order(supervisor->tasks, key, JOB_CUT, caller);
        EventWriteResynchronizeCancelled(supervisor->context.events, r->name, r->id.bytes,
                                         caller->account, caller->client);
        snprintf(message, VERB_MESSAGE_MAX,
                 "The resynchronization of '%s' left the queue; its state is %s again.", r->name,
                 replication_state_text(r->state));
        return STATUS_OK;
    }
    snprintf(message, VERB_MESSAGE_MAX,
             "The resynchronization of '%s' is being cancelled; it is cancelled when the replica "
             "server '%s' has granted "
             "it.",
             r->name, r->replica_server);
    if (tasks_order(supervisor->tasks, key, JOB_CANCEL, caller))
        return STATUS_OK;
    return add_task(supervisor, key, r, change, JOB_CANCEL, caller);
}

static void end_comparison(struct supervisor *supervisor, registry_key key,
                           enum comparison_outcome outcome)
{
    struct comparison comparison = {.outcome = outcome, .error = *status_last()};
    comparison_settle(&supervisor->context, key, &comparison, 0);
}

static enum status compare(struct supervisor *supervisor, registry_key key,
                           const struct relationship *r, const struct verb_change *change,
                           const struct control_caller *caller, char *message)
{
    EventWriteComparisonStarted(supervisor->context.events, r->name, r->id.bytes, r->replica_server,
                                caller->account, caller->client);
    if (!tasks_wait_gone(supervisor->tasks, key, TASK_HANDOVER_MS))
        tasks_orphan(supervisor->tasks, key);
    enum status s = tasks_add_compare(supervisor->tasks, key, change->number, caller);
    if (s != STATUS_OK) {
        const struct status_details why = *status_last();
        end_comparison(supervisor, key, COMPARISON_FAILED);
        return status_restore(&why);
    }
    snprintf(message, VERB_MESSAGE_MAX,
             "The disks of '%s' are compared with those of %s; nothing is changed.", r->name,
             r->replica_server);
    return STATUS_OK;
}

static enum status stop_comparison(struct supervisor *supervisor, registry_key key,
                                   const struct relationship *r,
                                   const struct control_caller *caller, char *message)
{
    if (!tasks_order(supervisor->tasks, key, JOB_CANCEL, caller)) {
        (void)status_fail(STATUS_CANCELLED, 0, "The comparison had not begun.");
        end_comparison(supervisor, key, COMPARISON_STOPPED);
    }
    snprintf(message, VERB_MESSAGE_MAX, "The comparison of '%s' is being stopped.", r->name);
    return STATUS_OK;
}

// Ends a wait. A task that could not be made when it was asked for (no memory, no thread) is made
// now.
static enum status wake_task(struct supervisor *supervisor, registry_key key,
                             const struct relationship *r, const struct control_caller *caller)
{
    if (tasks_poke(supervisor->tasks, key) ||
        (r->state != REPLICATION_RESYNCHRONIZING && !r->cancel_pending))
        return STATUS_OK;
    return tasks_add_resync(supervisor->tasks, key, r->queue_number, false, r->bandwidth_limit,
                            r->cancel_pending ? JOB_CANCEL : JOB_GO, caller);
}

static void say_scheduled(struct supervisor *supervisor, const struct relationship *r,
                          const struct control_caller *caller, char *message)
{
    char local[CLOCK_TEXT_SIZE], utc[CLOCK_TEXT_SIZE];
    EventWriteResynchronizeScheduled(supervisor->context.events, r->name, r->id.bytes,
                                     clock_format_utc(r->schedule.start_time, utc), caller->account,
                                     caller->client);
    snprintf(message, VERB_MESSAGE_MAX,
             "The resynchronization of '%s' is scheduled for %s local time.", r->name,
             clock_format_local(r->schedule.start_time, local));
    agenda_look_soon(supervisor->agenda);
}

static void say_unscheduled(struct supervisor *supervisor, const struct relationship *r,
                            const struct control_caller *caller, char *message)
{
    EventWriteResynchronizeCancelled(supervisor->context.events, r->name, r->id.bytes,
                                     caller->account, caller->client);
    snprintf(message, VERB_MESSAGE_MAX,
             "The resynchronization of '%s' is not scheduled any more; its state is still %s.",
             r->name, replication_state_text(r->state));
}

static void say_held(struct supervisor *supervisor, const struct relationship *r,
                     const struct control_caller *caller, char *message)
{
    EventWriteResynchronizeSuspended(supervisor->context.events, r->name, r->id.bytes,
                                     r->suspend_cause, caller->account, caller->client,
                                     r->resync_id.bytes);
    snprintf(message, VERB_MESSAGE_MAX,
             "The resynchronization of '%s' stays suspended; its next window leaves it alone.",
             r->name);
}

static bool sees_merge(struct registry *registry, registry_key key)
{
    struct resync_progress progress;
    if (!registry_get_progress(registry, key, PROGRESS_RESYNC, &progress))
        return false;
    for (size_t i = 0; i < progress.disk_count; i++)
        if (progress.disk[i].merge_total > 0)
            return true;
    return false;
}

static enum status carry_out(struct supervisor *supervisor, registry_key key,
                             const struct relationship *r, const struct verb_change *change,
                             const struct control_caller *caller, char *message)
{
    switch (change->action) {
    case ACTION_START:
    case ACTION_CONTINUE:
        return start(supervisor, key, r, change, caller, message);
    case ACTION_SUSPEND:
        return suspend(supervisor, key, r, change, caller, message);
    case ACTION_CANCEL:
        return cancel(supervisor, key, r, change, caller, message);
    case ACTION_COMPARE:
        return compare(supervisor, key, r, change, caller, message);
    case ACTION_STOP_COMPARISON:
        return stop_comparison(supervisor, key, r, caller, message);
    case ACTION_REPLICATE:
        EventWriteReplicationResumed(supervisor->context.events, r->name, r->id.bytes,
                                     caller->account, caller->client);
        watch_look_soon(supervisor->watch);
        snprintf(message, VERB_MESSAGE_MAX, "Replication of '%s' is resumed.", r->name);
        return STATUS_OK;
    case ACTION_PAUSE:
        EventWriteReplicationSuspended(supervisor->context.events, r->name, r->id.bytes,
                                       caller->account, caller->client);
        snprintf(message, VERB_MESSAGE_MAX, "Replication of '%s' is suspended.", r->name);
        return STATUS_OK;
    case ACTION_SCHEDULE:
        say_scheduled(supervisor, r, caller, message);
        return STATUS_OK;
    case ACTION_UNSCHEDULE:
        say_unscheduled(supervisor, r, caller, message);
        return STATUS_OK;
    case ACTION_HOLD:
        say_held(supervisor, r, caller, message);
        return STATUS_OK;
    case ACTION_RETRY_NOW:
        snprintf(message, VERB_MESSAGE_MAX,
                 tasks_view(supervisor->tasks, key).running
                     ? "The resynchronization of '%s' is running already."
                     : "The resynchronization of '%s' is tried again at once.",
                 r->name);
        return wake_task(supervisor, key, r, caller);
    case ACTION_NOTHING:
    case ACTION_REMOVE:
        break;
    }
    snprintf(message, VERB_MESSAGE_MAX,
             "Nothing to do: the replication state of '%s' is %s already.", r->name,
             replication_state_text(r->state));
    return r->queue_number != 0 ? wake_task(supervisor, key, r, caller) : STATUS_OK;
}

enum status verb_apply(struct supervisor *supervisor, registry_key key, enum relationship_verb verb,
                       const struct resume_options *options, const struct control_caller *caller,
                       char message[VERB_MESSAGE_MAX])
{
    struct registry *registry = supervisor->context.registry;
    struct relationship *r;
    struct verb_change change = {.supervisor = supervisor,
                                 .verb = verb,
                                 .options = options ? *options : (struct resume_options){false},
                                 .caller = caller,
                                 .now = clock_wall_ms(),
                                 .merge_seen = sees_merge(registry, key)};
    enum status decided = registry_update(registry, key, change_record, &change);
    const struct status_details why = *status_last();
    enum status s = registry_get(registry, key, &r);
    if (s != STATUS_OK)
        return s;
    if (decided == STATUS_OK) {
        s = carry_out(supervisor, key, r, &change, caller, message);
    } else {
        s = status_restore(&why);
        vm_event_refused(&supervisor->context, r, caller->account, caller->client);
    }
    relationship_free(r);
    return s;
}

static enum relationship_verb verb_of(enum schedule_step step)
{
    switch (step) {
    case SCHEDULE_CONTINUE:
        return VERB_RESUME_CONTINUE;
    case SCHEDULE_SUSPEND:
        return VERB_SUSPEND;
    default:
        return VERB_RESUME_RESYNCHRONIZE;
    }
}

static void raise_unable(struct supervisor *supervisor, const struct relationship *r,
                         const struct status_details *why)
{
    EventWriteResynchronizeStartFailed(
        supervisor->context.events, r->name, r->id.bytes, why->message, event_code(why),
        event_advice(why, "Schedule it again when its state allows it."));
}

void verb_by_clock(struct supervisor *supervisor, registry_key key, enum schedule_step step,
                   int64_t now)
{
    static const struct control_caller nobody = {.account = "", .client = ""};
    struct registry *registry = supervisor->context.registry;
    struct relationship *r;
    char message[VERB_MESSAGE_MAX];
    struct verb_change change = {.supervisor = supervisor,
                                 .verb = verb_of(step),
                                 .caller = &nobody,
                                 .now = now,
                                 .merge_seen = sees_merge(registry, key),
                                 .step = step};
    if (registry_update(registry, key, change_by_clock, &change) != STATUS_OK ||
        registry_get(registry, key, &r) != STATUS_OK)
        return;
    if (change.unable.status != STATUS_OK)
        raise_unable(supervisor, r, &change.unable);
    else
        (void)!carry_out(supervisor, key, r, &change, &nobody, message);
    relationship_free(r);
}
