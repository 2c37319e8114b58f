#include "service/supervise/resync_settle.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "service/vm_events.h"

// A change of the record that cannot be persisted leaves the old state, which the next start of the
// service continues; the failure is told here, once.
static void change(struct task *task, const struct relationship *r, registry_change how,
                   void *argument)
{
    const struct service_context *context = &task->supervisor->context;
    enum status s = registry_update(context->registry, task->key, how, argument);
    if (s == STATUS_OK || s == STATUS_NOT_FOUND) // not found: removed meanwhile
        return;
    const struct status_details why = *status_last();
    EventWriteResynchronizeCompleteFailed(
        context->events, r->name, r->id.bytes, why.message, event_code(&why),
        "Make room on the volume of VRep's data folder, then restart the service.");
}

// What a resynchronization that runs no more leaves behind in no case. A cancel that was asked for
// stays asked for.
static void clear_run(struct relationship *r)
{
    r->queue_number = 0;
    r->from_start = false;
    r->attempts = 0;
    r->next_attempt = 0;
}

// The running one is over, with all that was asked for.
static void end_run(struct relationship *r)
{
    clear_run(r);
    r->cancel_pending = false;
    r->phase = PHASE_NONE;
    r->overwrite_replica = false;
    r->adopt_identity = false;
    r->resync_id = (struct guid){{0}};
    for (size_t i = 0; i < r->disk_count; i++) {
        r->disks[i].compared_saved = false;
        r->disks[i].cursor = 0;
    }
}

static void note_outcome(struct relationship *r, enum resynchronize_outcome outcome)
{
    if (!guid_is_zero(&r->resync_id))
        r->last_resync_id = r->resync_id;
    r->last_outcome = outcome;
}

static void count_failure(const struct task *task)
{
    registry_count(task->supervisor->context.registry, task->key, COUNT_FAILED_ATTEMPTS, 1);
}

// `why` NULL: it ended well.
static void raise_finished(const struct task *task, const struct relationship *r,
                           const char *completion, const char *text,
                           const struct status_details *why)
{
    uint32_t result = why ? event_code(why) : 0;
    EventWriteResynchronizeFinished(task->supervisor->context.events, r->name, r->id.bytes, result,
                                    completion, text, r->resync_id.bytes, r->replica_server);
}

// ---- merged ----

static enum status to_replicating(struct relationship *r, void *argument)
{
    (void)argument;
    note_outcome(r, OUTCOME_MERGED);
    end_run(r);
    r->state = REPLICATION_REPLICATING;
    r->reason = REASON_NONE;
    r->error = (struct status_details){.status = STATUS_OK};
    r->look_in_use = false;
    return relationship_set_text(&r->suspend_cause, NULL);
}

void settle_merged(struct task *task, const struct relationship *r)
{
    const struct service_context *context = &task->supervisor->context;
    change(task, r, to_replicating, NULL);
    if (r->cancel_pending) {
        struct task_caller caller;
        task_get_caller(task, &caller);
        EventWriteResynchronizeNotCancellable(
            context->events, r->name, r->id.bytes,
            "The cancel came too late; the merge had begun and has finished.", caller.account,
            caller.client, "Nothing need be done.");
    }
    raise_finished(task, r, "Merged", "The replica's disks equal the primary's.", NULL);
    EventWriteResynchronizeCompleted(context->events, r->name, r->id.bytes, r->replica_server,
                                     r->resync_id.bytes);
}

// ---- cancelled ----

static enum status to_cancelled(struct relationship *r, void *argument)
{
    (void)argument;
    note_outcome(r, OUTCOME_CANCELLED);
    end_run(r);
    r->state = REPLICATION_WAITING_FOR_START_RESYNCHRONIZE;
    r->reason = REASON_CANCELLED;
    r->schedule.stopped = clock_wall_ms();
    r->error = (struct status_details){.status = STATUS_OK};
    return relationship_set_text(&r->suspend_cause, NULL);
}

void settle_cancelled(struct task *task, const struct relationship *r)
{
    const struct service_context *context = &task->supervisor->context;
    struct task_caller caller;
    task_get_caller(task, &caller);
    change(task, r, to_cancelled, NULL);
    registry_clear_progress(context->registry, task->key, PROGRESS_RESYNC);
    EventWriteResynchronizeCancelled(context->events, r->name, r->id.bytes, caller.account,
                                     caller.client);
    raise_finished(task, r, "Cancelled", "The replica's disks were never written.", NULL);
}

void settle_cancel_pending(struct task *task, const struct relationship *r,
                           const struct status_details *why)
{
    EventWriteResynchronizeCancelFailed(
        task->supervisor->context.events, r->name, r->id.bytes, why->message, event_code(why),
        event_advice(why,
                     "Bring the replica server back; the cancel takes effect when it answers."));
}

static enum status to_follow(struct relationship *r, void *argument)
{
    (void)argument;
    r->cancel_pending = false;
    r->state = REPLICATION_RESYNCHRONIZING;
    if (r->phase != PHASE_NONE)
        r->phase = PHASE_COMMITTING;
    return STATUS_OK;
}

void settle_cancel_too_late(struct task *task, const struct relationship *r)
{
    struct task_caller caller;
    task_get_caller(task, &caller);
    change(task, r, to_follow, NULL);
    EventWriteResynchronizeNotCancellable(
        task->supervisor->context.events, r->name, r->id.bytes,
        "The replica server has begun to merge; that is followed to its end.", caller.account,
        caller.client, "Wait for the merge to finish.");
}

// ---- guard ----

static enum status to_guarded(struct relationship *r, void *argument)
{
    bool committed = r->phase == PHASE_COMMITTING;
    end_run(r);
    r->state = REPLICATION_WAITING_FOR_START_RESYNCHRONIZE;
    r->reason = committed ? REASON_FINISHED_ELSEWHERE : REASON_REPLICA_CHANGED;
    r->schedule.stopped = clock_wall_ms();
    r->error = *(const struct status_details *)argument;
    return relationship_set_text(&r->suspend_cause, NULL);
}

void settle_guard(struct task *task, const struct relationship *r, const struct status_details *why)
{
    const struct service_context *context = &task->supervisor->context;
    struct status_details error = *why;
    struct relationship *now;
    change(task, r, to_guarded, &error);
    registry_clear_progress(context->registry, task->key, PROGRESS_RESYNC);
    EventWriteReplicaChanged(context->events, r->name, r->id.bytes, why->message);
    raise_finished(task, r, "Refused", why->message, why);
    if (registry_get(context->registry, task->key, &now) != STATUS_OK)
        return;
    vm_event_required(context, now);
    relationship_free(now);
}

// ---- suspended ----

struct suspension {
    char *cause;
    bool by_end; // of its window
};

static enum status to_suspended(struct relationship *r, void *argument)
{
    const struct suspension *suspension = argument;
    if (r->state != REPLICATION_RESYNCHRONIZING)
        return status_fail(STATUS_NOT_FOUND, 0, "The resynchronization has ended meanwhile.");
    clear_run(r);
    r->state = REPLICATION_RESYNCHRONIZE_SUSPENDED;
    r->schedule.suspended_by_end = suspension->by_end;
    return relationship_set_text(&r->suspend_cause, suspension->cause);
}

// A cause stands inside sentences.
static void drop_full_stop(char *text)
{
    size_t length = strlen(text);
    if (length > 0 && text[length - 1] == '.')
        text[length - 1] = '\0';
}

void settle_suspend_cause(const struct relationship *r, const char *account, const char *client,
                          char cause[SUSPEND_CAUSE_MAX])
{
    char end[TIME_OF_DAY_SIZE];
    if (account[0])
        snprintf(cause, SUSPEND_CAUSE_MAX, "Paused by %s (%s)", account, client);
    else
        snprintf(cause, SUSPEND_CAUSE_MAX,
                 "Paused by the end of its window at %s; it goes on in the next one",
                 time_of_day_format(r->schedule.end_s, end));
}

void settle_suspended(struct task *task, const struct relationship *r,
                      const struct status_details *why)
{
    struct task_caller caller = {{0}, {0}};
    char cause[STATUS_MESSAGE_MAX];
    if (why) {
        snprintf(cause, sizeof cause, "%s", why->message);
        drop_full_stop(cause);
    } else {
        task_get_caller(task, &caller);
        settle_suspend_cause(r, caller.account, caller.client, cause);
    }
    struct suspension suspension = {cause, !why && !caller.account[0]};
    change(task, r, to_suspended, &suspension);
    EventWriteResynchronizeSuspended(task->supervisor->context.events, r->name, r->id.bytes, cause,
                                     caller.account, caller.client, r->resync_id.bytes);
}

void settle_no_space(struct task *task, const struct relationship *r,
                     const struct status_details *why)
{
    char cause[STATUS_MESSAGE_MAX + 64];
    snprintf(cause, sizeof cause, "Too little room for the replica: %s", why->message);
    drop_full_stop(cause);
    change(task, r, to_suspended, &(struct suspension){cause, false});
    EventWriteSuspendedForSpace(task->supervisor->context.events, r->name, r->id.bytes,
                                r->replica_server, why->message);
}

// ---- failed ----

static enum status to_error(struct relationship *r, void *argument)
{
    clear_run(r);
    r->state = REPLICATION_ERROR;
    r->error = *(const struct status_details *)argument;
    return STATUS_OK;
}

#define MEND_AND_RESUME "Mend the cause, then resume: it goes on from where it was."

void settle_failed(struct task *task, const struct relationship *r,
                   const struct status_details *why)
{
    const struct service_context *context = &task->supervisor->context;
    struct status_details error = *why;
    change(task, r, to_error, &error);
    count_failure(task);
    EventWriteResynchronizeCompleteFailed(context->events, r->name, r->id.bytes, why->message,
                                          event_code(why), event_advice(why, MEND_AND_RESUME));
    EventWriteResynchronizeFailed(context->events, r->name, r->id.bytes, why->message,
                                  event_code(why), event_advice(why, MEND_AND_RESUME));
    raise_finished(task, r, "Failed", why->message, why);
}

// ---- not started ----

struct go_back {
    const struct relationship
        *before; // NULL: the service was restarted since; only the state is known
    const struct status_details *why;
    bool refused;
};

static enum status restore_disks(struct relationship *r, const struct relationship *before)
{
    for (size_t i = 0; i < r->disk_count && i < before->disk_count; i++) {
        r->disks[i].compared_saved = before->disks[i].compared_saved;
        r->disks[i].compared = before->disks[i].compared;
        r->disks[i].cursor = before->disks[i].cursor;
    }
    return relationship_set_text(&r->suspend_cause, before->suspend_cause);
}

static enum status to_before(struct relationship *r, void *argument)
{
    const struct go_back *back = argument;
    end_run(r);
    // From 9 and 12 the old one can still be continued or cancelled.
    if (back->before) {
        r->resync_id = back->before->resync_id;
        r->phase = back->before->phase;
    }
    r->state = r->state_before == REPLICATION_DISABLED ? REPLICATION_WAITING_FOR_START_RESYNCHRONIZE
                                                       : r->state_before;
    if (r->state == REPLICATION_SUSPENDED)
        r->reason = REASON_NONE;
    if (back->refused)
        r->schedule.stopped = clock_wall_ms();
    r->error = *back->why;
    return back->before ? restore_disks(r, back->before) : STATUS_OK;
}

void settle_not_started(struct task *task, const struct relationship *r,
                        const struct status_details *why, bool refused)
{
    const struct service_context *context = &task->supervisor->context;
    struct go_back back = {task->before, why, refused};
    change(task, r, to_before, &back);
    count_failure(task);
    registry_clear_progress(context->registry, task->key, PROGRESS_RESYNC);
    EventWriteResynchronizeStartFailed(context->events, r->name, r->id.bytes, why->message,
                                       event_code(why),
                                       event_advice(why, "Mend the cause, then start it again."));
    raise_finished(task, r, "NotStarted", why->message, why);
}

// ---- again ----

static enum status to_start(struct relationship *r, void *argument)
{
    r->phase = PHASE_NONE;
    r->from_start = true;
    r->error = *(const struct status_details *)argument;
    return STATUS_OK;
}

void settle_restart(struct task *task, const struct relationship *r,
                    const struct status_details *why)
{
    struct status_details error = *why;
    change(task, r, to_start, &error);
    EventWriteResynchronizeRestarted(task->supervisor->context.events, r->name, r->id.bytes,
                                     r->resync_id.bytes, why->message);
}

struct retry {
    const struct status_details *why;
    bool moved;
    unsigned attempts; // failed, this one included
    uint64_t delay_ms;
};

static enum status to_retry(struct relationship *r, void *argument)
{
    struct retry *retry = argument;
    r->attempts = retry->attempts = retry->moved ? 1 : r->attempts + 1;
    r->error = *retry->why;
    retry->delay_ms = relationship_retry_delay_ms(r->attempts);
    r->next_attempt = clock_wall_ms() + (int64_t)retry->delay_ms;
    return STATUS_OK;
}

uint64_t settle_retry(struct task *task, const struct relationship *r,
                      const struct status_details *why, bool moved)
{
    struct retry retry = {
        .why = why, .moved = moved, .attempts = 1, .delay_ms = relationship_retry_delay_ms(1)};
    change(task, r, to_retry, &retry);
    count_failure(task);
    EventWriteReplicationWillRetry(task->supervisor->context.events, r->name, r->id.bytes,
                                   (uint32_t)(retry.delay_ms / 60000), why->message,
                                   event_code(why), retry.attempts);
    return retry.delay_ms;
}
