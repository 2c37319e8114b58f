#include "service/supervise/verbs.h"

#include <stdio.h>

#include "service/vm_events.h"
#include "service/supervise/watch.h"

// A verb on its way through the registry.
struct verb_change {
    struct tasks *tasks;
    enum relationship_verb verb;
    struct resume_options options;
    const char *suspend_cause;
    bool merge_seen;                 // the replica reports a merge: a commit that was answered
    enum relationship_action action; // decided
    bool was_queued;                 // it waited for its turn: nothing of it had begun
    uint64_t number; // its place in the queue, from ACTION_START and ACTION_CONTINUE
};

static void queue(struct relationship *r, struct verb_change *change, bool from_start)
{
    change->number = tasks_next_number(change->tasks);
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
}

// Stop in the queue: the state that it had.
static void leave_queue(struct relationship *r)
{
    r->queue_number = 0;
    r->from_start = false;
    r->overwrite_replica = false;
    r->adopt_identity = false;
    r->state = r->state_before;
    if (r->state == REPLICATION_SUSPENDED)
        r->reason = REASON_NONE;
}

static enum status suspend_record(struct relationship *r, const struct verb_change *change)
{
    if (!change->was_queued)
        return STATUS_OK; // its task does it when it has let go
    r->queue_number = 0;
    r->state = REPLICATION_RESYNCHRONIZE_SUSPENDED;
    return relationship_set_text(&r->suspend_cause, change->suspend_cause);
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
    change->was_queued = r->state == REPLICATION_RESYNCHRONIZING && r->queue_number != 0;
    enum status s = decide(r, change);
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
    case ACTION_SUSPEND:
        return suspend_record(r, change);
    case ACTION_CANCEL:
        if (change->was_queued)
            leave_queue(r);
        else
            r->cancel_pending = true;
        break;
    case ACTION_NOTHING:
    case ACTION_RETRY_NOW:
    case ACTION_REMOVE:
        break;
    }
    return STATUS_OK;
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
        registry_clear_progress(supervisor->context.registry, key);
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

static enum status start(struct supervisor *supervisor, registry_key key,
                         const struct relationship *r, const struct verb_change *change,
                         const struct control_caller *caller, char *message)
{
    bool anew = change->action == ACTION_START;
    if (anew)
        EventWriteResynchronizeInitiated(supervisor->context.events, r->name, r->id.bytes,
                                         r->replica_server, resynchronize_reason_text(r->reason),
                                         caller->account, caller->client);
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

static bool sees_merge(struct registry *registry, registry_key key)
{
    struct resync_progress progress;
    if (!registry_get_progress(registry, key, &progress))
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
    char cause[400];
    snprintf(cause, sizeof cause, "Paused by %s (%s)", caller->account, caller->client);
    struct verb_change change = {.tasks = supervisor->tasks,
                                 .verb = verb,
                                 .options = options ? *options : (struct resume_options){false},
                                 .suspend_cause = cause,
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
