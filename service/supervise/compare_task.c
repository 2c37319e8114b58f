// A comparison on the primary that changes nothing, and what its end leaves in the record. It is
// made once: whatever goes wrong ends it, and the person who asked for it asks again.
#include "base/clock.h"
#include "service/supervise/comparisons.h"
#include "service/vm_events.h"

struct compared {
    const struct comparison *comparison;
    uint64_t rate;
};

static enum status change_compared(struct relationship *r, void *argument)
{
    struct compared *compared = argument;
    struct comparison comparison;
    enum status s = comparison_copy(compared->comparison, &comparison);
    if (s != STATUS_OK)
        return s;
    comparison.started = r->comparing_since;
    comparison_free(&r->comparison);
    r->comparison = comparison;
    r->comparing_since = 0;
    if (compared->rate > 0)
        r->measured_rate = compared->rate;
    return STATUS_OK;
}

static void tell(const struct service_context *service, const struct relationship *r,
                 const struct comparison *comparison)
{
    uint64_t compared = 0, different = 0, ranges = 0;
    for (size_t i = 0; i < comparison->disk_count; i++) {
        compared += comparison->disk[i].compared;
        different += comparison->disk[i].different;
        ranges += comparison->disk[i].ranges;
    }
    uint64_t seconds = (uint64_t)(comparison->ended - r->comparing_since) / 1000;
    if (comparison->outcome == COMPARISON_FINISHED && different == 0)
        EventWriteComparisonFoundNothing(service->events, r->name, r->id.bytes, r->replica_server,
                                         compared, seconds);
    else if (comparison->outcome == COMPARISON_FINISHED)
        EventWriteComparisonFoundDifferences(service->events, r->name, r->id.bytes,
                                             r->replica_server, compared, different, ranges,
                                             seconds);
    else
        EventWriteComparisonFailed(
            service->events, r->name, r->id.bytes, r->replica_server,
            comparison_outcome_text(comparison->outcome), comparison->error.message,
            event_code(&comparison->error),
            event_advice(&comparison->error, "Start it again when the cause is mended."));
}

void comparison_settle(const struct service_context *service, registry_key key,
                       struct comparison *comparison, uint64_t rate)
{
    struct relationship *r;
    struct compared compared = {comparison, rate};
    registry_clear_progress(service->registry, key, PROGRESS_COMPARISON);
    comparison->ended = clock_wall_ms();
    if (registry_get(service->registry, key, &r) != STATUS_OK)
        return; // removed meanwhile
    enum status s = registry_update(service->registry, key, change_compared, &compared);
    if (s != STATUS_OK && s != STATUS_NOT_FOUND) { // its next start ends it, as interrupted
        comparison->outcome = COMPARISON_FAILED;
        comparison->error = *status_last();
    }
    tell(service, r, comparison);
    relationship_free(r);
}

static enum comparison_outcome outcome_of(enum status s, enum job_order order)
{
    if (s == STATUS_OK)
        return COMPARISON_FINISHED;
    if (order == JOB_CUT)
        return COMPARISON_INTERRUPTED;
    return order == JOB_GO ? COMPARISON_FAILED : COMPARISON_STOPPED;
}

static enum status compare(struct task *task, const struct relationship *r,
                           struct comparison *comparison, uint64_t *rate)
{
    struct supervisor *supervisor = task->supervisor;
    struct disk_hold *hold = NULL;
    enum status s = supervisor->ops->hold_open(&supervisor->context, r, &hold);
    if (s != STATUS_OK)
        return s;
    s = supervisor->ops->compare(&supervisor->context, task->key, task->job, hold, comparison,
                                 rate);
    const struct status_details why = *status_last();
    supervisor->ops->hold_close(hold);
    return s == STATUS_OK ? STATUS_OK : status_restore(&why);
}

struct task_verdict compare_task_attempt(struct task *task)
{
    struct comparison comparison = {.outcome = COMPARISON_NONE};
    struct relationship *r;
    uint64_t rate = 0;
    const struct task_verdict done = {TASK_DONE, 0};
    if (registry_get(task->supervisor->context.registry, task->key, &r) != STATUS_OK)
        return done;
    if (r->comparing_since != 0) { // else it was ended before an order came
        enum job_order order = task_take_order(task);
        enum status s = order == JOB_GO
                            ? compare(task, r, &comparison, &rate)
                            : status_fail(STATUS_CANCELLED, 0, "The comparison had not begun.");
        if (s != STATUS_OK)
            comparison.error = *status_last();
        comparison.outcome = outcome_of(s, job_get_order(task->job));
        comparison_settle(&task->supervisor->context, task->key, &comparison, rate);
    }
    relationship_free(r);
    comparison_free(&comparison);
    return done;
}
