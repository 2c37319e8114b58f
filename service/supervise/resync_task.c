// One attempt of a resynchronization on the primary, and what its end makes of the relationship.
// The record is changed in steps that are each a valid state, so that a crash between any two is
// continued by the next start.
#include "service/supervise/tasks.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "service/supervise/resync_settle.h"
#include "service/vm_events.h"

#define RESTARTS_MAX          5 // from block 0 in a row; then the next one waits like a failed attempt
#define CANCEL_DEADLINE_MS    20000 // for asking the replica to grant a cancel
#define CANCEL_UNBEGUN_MS     3000  // the same of one that had not begun
#define CANCEL_RETRY_FIRST_MS 2000
#define CANCEL_RETRY_MAX_MS   60000

// What a step wants of the loop.
enum step { STEP_AGAIN, STEP_DONE, STEP_LATER };

static uint64_t bytes_resolved(const struct task *task)
{
    struct resync_progress progress;
    uint64_t sum = 0;
    if (registry_get_progress(task->supervisor->context.registry, task->key, PROGRESS_RESYNC,
                              &progress))
        for (size_t i = 0; i < progress.disk_count; i++)
            sum += progress.disk[i].compared + progress.disk[i].merged;
    return sum;
}

static void show_activity(const struct task *task, const char *activity)
{
    struct registry *registry = task->supervisor->context.registry;
    struct resync_progress progress;
    if (!registry_get_progress(registry, task->key, PROGRESS_RESYNC, &progress))
        return;
    progress.activity = activity;
    progress.rate = 0;
    progress.remaining_s = -1;
    registry_set_progress(registry, task->key, PROGRESS_RESYNC, &progress);
}

// ---- the start of an attempt ----

struct begin_change {
    bool begun;    // a new resynchronization
    bool finished; // what a crash kept from being settled: it had been merged
};

static enum status begin(struct relationship *r, void *argument)
{
    struct begin_change *change = argument;
    if (r->state != REPLICATION_RESYNCHRONIZING)
        return status_fail(STATUS_CANCELLED, 0, "The resynchronization was taken back.");
    bool same = !guid_is_zero(&r->resync_id) && !r->from_start;
    change->finished = same && r->phase == PHASE_NONE && r->last_outcome == OUTCOME_MERGED &&
                       guid_equal(&r->resync_id, &r->last_resync_id);
    r->queue_number = 0;
    if (same)
        return relationship_set_text(&r->suspend_cause, NULL);
    enum status s = guid_generate(&r->resync_id);
    if (s != STATUS_OK)
        return s;
    change->begun = true;
    r->from_start = false;
    r->phase = PHASE_NONE;
    for (size_t i = 0; i < r->disk_count; i++) {
        r->disks[i].compared_saved = false;
        r->disks[i].cursor = 0;
    }
    return relationship_set_text(&r->suspend_cause, NULL);
}

// Keeps the record as it is now for a fresh start that comes to nothing; at the first attempt only.
static void keep_before(struct task *task, struct relationship *now)
{
    if (task->fresh && !task->before)
        task->before = now;
    else
        relationship_free(now);
}

static enum status begin_attempt(struct task *task, struct begin_change *change)
{
    struct registry *registry = task->supervisor->context.registry;
    struct relationship *r;
    enum status s = registry_get(registry, task->key, &r);
    if (s != STATUS_OK)
        return s;
    keep_before(task, r);
    s = registry_update(registry, task->key, begin, change);
    if (s != STATUS_OK || !change->begun)
        return s;
    registry_clear_progress(registry, task->key, PROGRESS_RESYNC);
    if (registry_get(registry, task->key, &r) != STATUS_OK)
        return STATUS_OK;
    EventWriteResynchronizeStarted(task->supervisor->context.events, r->name, r->id.bytes,
                                   r->replica_server, r->resync_id.bytes,
                                   resynchronize_reason_text(r->reason), (uint32_t)r->disk_count);
    relationship_free(r);
    return STATUS_OK;
}

// Holds the primary's disks, which may take as long as a disk takes. Once a commit was sent they
// are only needed when the replica turns out not to have it; the attempt holds them then.
static enum status hold_disks(struct task *task)
{
    struct supervisor *supervisor = task->supervisor;
    struct relationship *r;
    if (task->hold)
        return STATUS_OK;
    enum status s = registry_get(supervisor->context.registry, task->key, &r);
    if (s != STATUS_OK)
        return s;
    if (r->phase != PHASE_COMMITTING)
        s = supervisor->ops->hold_open(&supervisor->context, r, &task->hold);
    relationship_free(r);
    return s;
}

// A disk that somebody holds, or a volume that is away, comes back; damage does not mend itself.
static enum resync_end end_of_hold_failure(enum status s)
{
    switch (s) {
    case STATUS_DAMAGED:
    case STATUS_NOT_A_DISK:
    case STATUS_UNSUPPORTED:
    case STATUS_PARENT_MISMATCH:
    case STATUS_INVALID_ARGUMENT:
        return RESYNC_FAILED;
    default:
        return RESYNC_RETRY;
    }
}

// ---- the end of an attempt ----

static enum step retry_later(struct task *task, struct relationship *r,
                             const struct status_details *why, uint64_t *delay_ms)
{
    uint64_t resolved = bytes_resolved(task);
    bool moved = resolved > task->best;
    task->best = resolved;
    task->fresh = false;
    *delay_ms = settle_retry(task, r, why, moved);
    show_activity(task, "Waiting to retry");
    return STEP_LATER;
}

// Nothing was begun: a start that a person asked for goes back to where it came from, with the
// error.
static bool comes_to_nothing(const struct task *task, const struct relationship *r,
                             enum resync_end end)
{
    if (r->phase != PHASE_NONE)
        return false;
    return end != RESYNC_RETRY || (task->fresh && job_get_order(task->job) == JOB_GO);
}

static enum step restart(struct task *task, struct relationship *r,
                         const struct status_details *why, uint64_t *delay_ms)
{
    settle_restart(task, r, why);
    if (++task->restarts <= RESTARTS_MAX)
        return STEP_AGAIN;
    task->restarts = 0;
    return retry_later(task, r, why, delay_ms);
}

static enum step act_on(struct task *task, enum resync_end end, struct relationship *r,
                        const struct status_details *why, uint64_t *delay_ms)
{
    switch (end) {
    case RESYNC_MERGED:
        settle_merged(task, r);
        return STEP_DONE;
    case RESYNC_CANCELLED:
        settle_cancelled(task, r);
        return STEP_DONE;
    case RESYNC_CUT:
        return STEP_DONE;
    case RESYNC_GUARD:
        settle_guard(task, r, why);
        return STEP_DONE;
    case RESYNC_RESTART:
        return restart(task, r, why, delay_ms);
    case RESYNC_SUSPENDED:
        settle_suspended(task, r, job_get_order(task->job) == JOB_SUSPEND ? NULL : why);
        return STEP_DONE;
    case RESYNC_NO_SPACE:
    case RESYNC_REFUSED:
    case RESYNC_FAILED:
    case RESYNC_RETRY:
        break;
    }
    if (comes_to_nothing(task, r, end)) {
        settle_not_started(task, r, why, end != RESYNC_RETRY);
        return STEP_DONE;
    }
    if (end == RESYNC_NO_SPACE) {
        settle_no_space(task, r, why);
        return STEP_DONE;
    }
    // An order that the attempt could not follow any more is followed without a connection.
    if (job_get_order(task->job) != JOB_GO && end == RESYNC_RETRY)
        return STEP_AGAIN;
    if (end == RESYNC_RETRY)
        return retry_later(task, r, why, delay_ms);
    settle_failed(task, r, why);
    return STEP_DONE;
}

static void release_hold(struct task *task)
{
    if (task->hold)
        task->supervisor->ops->hold_close(task->hold);
    task->hold = NULL;
}

static enum step run_step(struct task *task, uint64_t *delay_ms)
{
    struct supervisor *supervisor = task->supervisor;
    struct begin_change change = {0};
    struct relationship *r;
    enum resync_end end;
    enum status s = begin_attempt(task, &change);
    if (s == STATUS_NOT_FOUND || s == STATUS_CANCELLED)
        return STEP_DONE;
    if (s != STATUS_OK) {
        end = RESYNC_RETRY;
    } else if (change.finished) {
        end = RESYNC_MERGED;
    } else if ((s = hold_disks(task)) != STATUS_OK) {
        end = end_of_hold_failure(s);
    } else {
        show_activity(task, "Connecting");
        end = supervisor->ops->run(&supervisor->context, task->key, task->job, &task->hold,
                                   task->throttle);
    }
    const struct status_details why = *status_last();
    if (registry_get(supervisor->context.registry, task->key, &r) != STATUS_OK)
        return STEP_DONE; // removed meanwhile
    if (r->phase != PHASE_NONE)
        task->fresh = false;
    enum step step = act_on(task, end, r, &why, delay_ms);
    relationship_free(r);
    return step;
}

// ---- orders ----

static uint64_t cancel_delay(unsigned failures)
{
    uint64_t delay = CANCEL_RETRY_FIRST_MS;
    while (failures-- > 1 && delay < CANCEL_RETRY_MAX_MS)
        delay *= 2;
    return delay < CANCEL_RETRY_MAX_MS ? delay : CANCEL_RETRY_MAX_MS;
}

// The replica has merged: the only way is forward.
static enum step cancel_too_late(struct task *task, struct relationship *r)
{
    settle_cancel_too_late(task, r);
    return task_renew_job(task) == STATUS_OK ? STEP_AGAIN : STEP_LATER;
}

static enum step ask_for_cancel(struct task *task, struct relationship *r, uint64_t *delay_ms)
{
    struct supervisor *supervisor = task->supervisor;
    show_activity(task, "Cancelling");
    enum resync_end end =
        supervisor->ops->cancel(&supervisor->context, task->key, task->job, CANCEL_DEADLINE_MS);
    const struct status_details why = *status_last();
    switch (end) {
    case RESYNC_CANCELLED:
    case RESYNC_REFUSED: // the replica knows nothing of us: nothing is there to cancel
        settle_cancelled(task, r);
        return STEP_DONE;
    case RESYNC_MERGED:
        return cancel_too_late(task, r);
    case RESYNC_GUARD:
        settle_guard(task, r, &why);
        return STEP_DONE;
    case RESYNC_CUT:
        return STEP_DONE;
    default:
        if (task->failures++ == 0)
            settle_cancel_pending(task, r, &why);
        *delay_ms = cancel_delay(task->failures);
        return STEP_LATER;
    }
}

// Nothing of it lies on the replica, which may have heard of it, though: it is told, so that both
// hosts say the same of it, but nothing depends on its answer.
static enum step cancel_unbegun(struct task *task, struct relationship *r)
{
    struct supervisor *supervisor = task->supervisor;
    enum resync_end end =
        supervisor->ops->cancel(&supervisor->context, task->key, task->job, CANCEL_UNBEGUN_MS);
    if (end == RESYNC_MERGED)
        return cancel_too_late(task, r);
    if (end != RESYNC_CUT)
        settle_cancelled(task, r);
    return STEP_DONE;
}

static enum step cancel_step(struct task *task, uint64_t *delay_ms)
{
    struct relationship *r;
    release_hold(task);
    if (registry_get(task->supervisor->context.registry, task->key, &r) != STATUS_OK)
        return STEP_DONE;
    enum step step = STEP_DONE;
    if (r->cancel_pending && r->phase == PHASE_NONE)
        step = cancel_unbegun(task, r);
    else if (r->cancel_pending)
        step = ask_for_cancel(task, r, delay_ms);
    relationship_free(r);
    return step;
}

static enum step suspend_step(struct task *task)
{
    struct relationship *r;
    if (registry_get(task->supervisor->context.registry, task->key, &r) != STATUS_OK)
        return STEP_DONE;
    enum step step = STEP_DONE;
    if (relationship_is_merging(r))
        step = task_renew_job(task) == STATUS_OK ? STEP_AGAIN : STEP_LATER;
    else
        settle_suspended(task, r, NULL);
    relationship_free(r);
    return step;
}

struct task_verdict resync_task_attempt(struct task *task)
{
    uint64_t delay_ms = CANCEL_RETRY_FIRST_MS;
    enum step step;
    do {
        switch (task_take_order(task)) {
        case JOB_CUT:
            step = STEP_DONE;
            break;
        case JOB_CANCEL:
            step = cancel_step(task, &delay_ms);
            break;
        case JOB_SUSPEND:
            step = suspend_step(task);
            break;
        default:
            step = run_step(task, &delay_ms);
            break;
        }
    } while (step == STEP_AGAIN);
    if (step == STEP_DONE)
        release_hold(task);
    return (struct task_verdict){step == STEP_DONE ? TASK_DONE : TASK_LATER, delay_ms};
}
