// One attempt of a merge on the replica. A merge only ever ends in being finished; what goes wrong
// is tried again.
#include "base/clock.h"
#include "service/supervise/tasks.h"
#include "service/vm_events.h"

struct merge_note {
    const struct status_details *why; // NULL: nothing is wrong any more
    unsigned failures;
    uint64_t delay_ms;
};

static enum status note(struct relationship *r, void *argument)
{
    const struct merge_note *merge = argument;
    r->attempts = merge->failures;
    r->next_attempt = merge->why ? clock_wall_ms() + (int64_t)merge->delay_ms : 0;
    r->error = merge->why ? *merge->why : (struct status_details){.status = STATUS_OK};
    return STATUS_OK;
}

// The note is for status; the merge does not depend on it.
static void keep_note(const struct task *task, const struct merge_note *merge)
{
    if (registry_update(task->supervisor->context.registry, task->key, note, (void *)merge) !=
        STATUS_OK)
        return;
}

static struct task_verdict stalled(struct task *task, const struct relationship *r,
                                   const struct status_details *why)
{
    struct merge_note merge = {.why = why, .failures = ++task->failures};
    merge.delay_ms = relationship_retry_delay_ms(task->failures);
    keep_note(task, &merge);
    registry_count(task->supervisor->context.registry, task->key, COUNT_FAILED_ATTEMPTS, 1);
    EventWriteMergeStalled(task->supervisor->context.events, r->name, r->id.bytes, why->message,
                           event_code(why), (uint32_t)(merge.delay_ms / 60000));
    return (struct task_verdict){TASK_LATER, merge.delay_ms};
}

static void recovered(struct task *task, const struct relationship *r)
{
    if (task->failures == 0)
        return;
    keep_note(task, &(const struct merge_note){.why = NULL});
    EventWriteMergeRecovered(task->supervisor->context.events, r->name, r->id.bytes);
}

struct task_verdict merge_task_attempt(struct task *task)
{
    const struct service_context *context = &task->supervisor->context;
    struct task_verdict verdict = {TASK_DONE, 0};
    struct relationship *r;
    if (job_get_order(task->job) == JOB_CUT)
        return verdict;
    enum resync_end end = task->supervisor->ops->merge(context, task->key, task->job);
    const struct status_details why = *status_last();
    if (end == RESYNC_CUT || registry_get(context->registry, task->key, &r) != STATUS_OK)
        return verdict;
    if (end == RESYNC_MERGED)
        recovered(task, r);
    else if (end == RESYNC_GUARD)
        vm_event_required(context, r);
    else
        verdict = stalled(task, r, &why);
    relationship_free(r);
    return verdict;
}
