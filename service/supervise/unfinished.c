#include "service/supervise/unfinished.h"

#include <stdlib.h>

#include "service/supervise/comparisons.h"
#include "service/vm_events.h"

struct pending {
    registry_key key;
    struct relationship *r;
};

// Those that ran before those that waited, each in their order.
static int by_turn(const void *a, const void *b)
{
    const struct pending *left = a, *right = b;
    if (left->r->queue_number != right->r->queue_number)
        return left->r->queue_number < right->r->queue_number ? -1 : 1;
    return left->key < right->key ? -1 : left->key > right->key;
}

static bool asks_for_resync(const struct relationship *r)
{
    return r->mode == MODE_PRIMARY &&
           (r->state == REPLICATION_RESYNCHRONIZING || r->cancel_pending);
}

// Its disks were held when the service ended.
static bool asks_for_hold(const struct relationship *r)
{
    return r->mode == MODE_REPLICA && r->phase == PHASE_COMPARING;
}

static bool asks_for_merge(const struct relationship *r)
{
    return r->mode == MODE_REPLICA && (r->phase == PHASE_MERGING || r->phase == PHASE_MERGED);
}

// A comparison that the service's end cut changed nothing, and is not gone on with.
static bool was_compared(const struct relationship *r)
{
    return r->comparing_since != 0;
}

static void end_comparison(struct supervisor *supervisor, registry_key key)
{
    (void)status_fail(STATUS_CANCELLED, 0, "The service ended while the disks were compared.");
    struct comparison comparison = {.outcome = COMPARISON_INTERRUPTED, .error = *status_last()};
    comparison_settle(&supervisor->context, key, &comparison, 0);
}

struct hold {
    struct supervisor *supervisor;
    registry_key key;
};

static void hold_again(void *context)
{
    struct hold *hold = context;
    const struct supervisor *supervisor = hold->supervisor;
    supervisor->ops->hold_replica(&supervisor->context, hold->key);
    free(hold);
}

static enum status start_hold(struct supervisor *supervisor, const struct pending *pending)
{
    struct hold *hold = malloc(sizeof *hold);
    if (!hold)
        return status_no_memory("the hold of a replica's disks");
    *hold = (struct hold){supervisor, pending->key};
    enum status s = workers_start(supervisor->workers, "the hold of a replica's disks",
                                  pending->r->name, hold_again, hold);
    if (s != STATUS_OK)
        free(hold);
    return s;
}

static enum status go_on(struct supervisor *supervisor, const struct pending *pending)
{
    const struct relationship *r = pending->r;
    if (was_compared(r)) {
        end_comparison(supervisor, pending->key);
        return STATUS_OK; // only one that needs nothing else could be compared
    }
    if (asks_for_hold(r))
        return start_hold(supervisor, pending);
    if (asks_for_merge(r))
        return tasks_add_merge(supervisor->tasks, pending->key);
    if (r->queue_number == 0)
        EventWriteResynchronizeContinues(supervisor->context.events, r->name, r->id.bytes,
                                         r->resync_id.bytes, resynchronize_phase_text(r->phase));
    return tasks_add_resync(supervisor->tasks, pending->key, r->queue_number, false,
                            r->bandwidth_limit, r->cancel_pending ? JOB_CANCEL : JOB_GO, NULL);
}

// The relationships that a task must go on with; *pending and each record in it are the caller's.
static enum status collect_pending(struct registry *registry, struct pending **out, size_t *count)
{
    registry_key *keys;
    size_t all, found = 0;
    enum status s = registry_list(registry, &keys, &all);
    if (s != STATUS_OK)
        return s;
    struct pending *pending = calloc(all + 1, sizeof *pending);
    if (!pending)
        s = status_no_memory("the list of unfinished work");
    for (size_t i = 0; i < all && s == STATUS_OK; i++) {
        struct relationship *r;
        s = registry_get(registry, keys[i], &r);
        if (s == STATUS_OK &&
            (asks_for_resync(r) || asks_for_merge(r) || asks_for_hold(r) || was_compared(r)))
            pending[found++] = (struct pending){keys[i], r};
        else if (s == STATUS_OK)
            relationship_free(r);
    }
    free(keys);
    *out = pending;
    *count = found;
    return s;
}

enum status unfinished_resume(struct supervisor *supervisor)
{
    struct pending *pending = NULL;
    size_t count = 0;
    enum status s = collect_pending(supervisor->context.registry, &pending, &count);
    if (s == STATUS_OK)
        qsort(pending, count, sizeof *pending, by_turn);
    for (size_t i = 0; i < count && s == STATUS_OK; i++)
        s = go_on(supervisor, &pending[i]);
    for (size_t i = 0; i < count; i++)
        relationship_free(pending[i].r);
    free(pending);
    return s;
}
