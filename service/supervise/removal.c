// Removing a relationship: whatever runs is cut, the other side or the children are put in order as
// far as they can be reached in time, then the record goes.
#include <stdio.h>
#include <stdlib.h>

#include "service/supervise/verbs.h"
#include "service/vm_events.h"

#define REMOVE_ANSWER_MS 1600 // the request's answer waits so long for the removal
#define REMOVE_TASK_MS \
    1500 // what runs has so long to let go; a task that a disk blocks is left behind
#define REMARK_MAX       512
#define REMOVE_CANCEL_MS 5000 // a replica has so long to answer

struct removal {
    struct supervisor *supervisor;
    registry_key key;
    struct relationship *r;
    struct task_caller caller;
    char remark[REMARK_MAX]; // what was or was not done elsewhere
    enum status status;
    struct status_details why;
};

static void removal_free(void *context)
{
    struct removal *removal = context;
    relationship_free(removal->r);
    free(removal);
}

static bool may_have_child(const struct relationship *r)
{
    return r->phase != PHASE_NONE;
}

// Asks the replica to cancel, and notes what becomes of what is there.
static void tidy_replica(struct removal *removal)
{
    const struct supervisor *supervisor = removal->supervisor;
    const struct relationship *r = removal->r;
    struct job *job;
    if (!may_have_child(r))
        return;
    if (job_new(&job) != STATUS_OK)
        return;
    enum resync_end end =
        supervisor->ops->cancel(&supervisor->context, removal->key, job, REMOVE_CANCEL_MS);
    job_free(job);
    if (end == RESYNC_CANCELLED || end == RESYNC_REFUSED)
        snprintf(removal->remark, sizeof removal->remark,
                 "The unfinished resynchronization was cancelled on the replica server %s.",
                 r->replica_server);
    else if (end == RESYNC_MERGED)
        snprintf(removal->remark, sizeof removal->remark,
                 "The replica server %s had begun to merge and finishes that by itself.",
                 r->replica_server);
    else if (end == RESYNC_GUARD)
        snprintf(removal->remark, sizeof removal->remark,
                 "The replica server %s does not know the unfinished resynchronization any more: "
                 "look beside its disks for unfinished differencing disks (*.avhdx).",
                 r->replica_server);
    else
        snprintf(removal->remark, sizeof removal->remark,
                 "The replica server %s could not be reached: the unfinished differencing disks "
                 "(*.part.avhdx) stay there "
                 "beside its disks until the relationship is removed there, too.",
                 r->replica_server);
}

// Deletes what was not committed. A merge is left to whoever finds its files again.
static enum status tidy_here(struct removal *removal)
{
    if (!may_have_child(removal->r))
        return STATUS_OK;
    if (!relationship_is_merging(removal->r))
        return removal->supervisor->ops->discard(&removal->supervisor->context, removal->key);
    snprintf(removal->remark, sizeof removal->remark,
             "A merge was not finished, for its files are gone. Should they come back: vrepdisk "
             "merge *.avhdx (*.avhd), before the disk is used.");
    return STATUS_OK;
}

// The record as what ran has left it.
static void refresh(struct removal *removal)
{
    struct relationship *now;
    if (registry_get(removal->supervisor->context.registry, removal->key, &now) != STATUS_OK)
        return;
    relationship_free(removal->r);
    removal->r = now;
}

static void remove_now(void *context)
{
    struct removal *removal = context;
    struct supervisor *supervisor = removal->supervisor;
    const struct service_context *service = &supervisor->context;
    (void)tasks_order(supervisor->tasks, removal->key, JOB_CUT, NULL);
    if (!tasks_wait_gone(supervisor->tasks, removal->key, REMOVE_TASK_MS))
        tasks_orphan(supervisor->tasks, removal->key);
    refresh(removal);
    enum status s = STATUS_OK;
    if (removal->r->mode == MODE_PRIMARY)
        tidy_replica(removal);
    else
        s = tidy_here(removal);
    if (s == STATUS_OK)
        s = registry_remove(service->registry, removal->key);
    removal->status = s;
    removal->why = *status_last();
    if (s == STATUS_OK)
        EventWriteReplicationRemoved(service->events, removal->r->name, removal->r->id.bytes,
                                     removal->remark, removal->caller.account,
                                     removal->caller.client);
}

static enum status removal_new(struct supervisor *supervisor, registry_key key,
                               const struct control_caller *caller, struct removal **out)
{
    struct removal *removal = calloc(1, sizeof *removal);
    if (!removal)
        return status_no_memory("a removal");
    enum status s = registry_get(supervisor->context.registry, key, &removal->r);
    if (s != STATUS_OK) {
        free(removal);
        return s;
    }
    removal->supervisor = supervisor;
    removal->key = key;
    snprintf(removal->caller.account, sizeof removal->caller.account, "%s", caller->account);
    snprintf(removal->caller.client, sizeof removal->caller.client, "%s", caller->client);
    *out = removal;
    return STATUS_OK;
}

enum status verb_remove(struct supervisor *supervisor, registry_key key,
                        const struct control_caller *caller, char message[VERB_MESSAGE_MAX])
{
    struct removal *removal = NULL;
    enum relationship_action action;
    bool finished;
    enum status s = removal_new(supervisor, key, caller, &removal);
    if (s != STATUS_OK)
        return s;
    s = relationship_decide(removal->r, VERB_REMOVE, removal->r->queue_number != 0, &action);
    if (s != STATUS_OK)
        vm_event_refused(&supervisor->context, removal->r, caller->account, caller->client);
    else
        s = workers_call(supervisor->workers, "the removal of a relationship", removal->r->name,
                         remove_now, removal_free, removal, REMOVE_ANSWER_MS, &finished);
    if (s != STATUS_OK) {
        removal_free(removal);
        return s;
    }
    if (!finished) {
        snprintf(message, VERB_MESSAGE_MAX,
                 "Replication is being removed; the disks or the other server are slow to answer. "
                 "An event tells of the "
                 "end.");
        return STATUS_OK;
    }
    s = removal->status;
    if (s == STATUS_OK)
        snprintf(message, VERB_MESSAGE_MAX,
                 "Replication of '%s' was removed; its disks were kept.%s%s", removal->r->name,
                 removal->remark[0] ? " " : "", removal->remark);
    else
        status_restore(&removal->why);
    removal_free(removal);
    return s;
}
