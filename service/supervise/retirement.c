#include "service/supervise/retirement.h"

#include <stdlib.h>

#include "base/clock.h"
#include "service/supervise/verbs.h"
#include "service/vm_events.h"

#define REPLICAS_ANSWER_MS 10000 // all replica servers together have so long to grant their cancels

static const struct control_caller caller = {.account = "", .client = "vrepsvc configure"};

struct retirement {
    struct supervisor *supervisor;
    bool force;
    struct buffer *report;
    registry_key *keys;
    size_t count;
    struct status_details first; // failure; STATUS_OK: none
};

static enum status get(const struct retirement *t, size_t i, struct relationship **out)
{
    return registry_get(t->supervisor->context.registry, t->keys[i], out);
}

static void keep_failure(struct retirement *t)
{
    if (t->first.status == STATUS_OK)
        t->first = *status_last();
}

// ---- primaries ----

static bool may_be_stopped(const struct relationship *r)
{
    return r->mode == MODE_PRIMARY &&
           (r->cancel_pending || r->state == REPLICATION_RESYNCHRONIZING ||
            r->state == REPLICATION_RESYNCHRONIZE_SUSPENDED || r->state == REPLICATION_ERROR);
}

// Asks for a stop; what becomes of it is seen later. True: there is something to wait for.
static bool ask_to_stop(struct retirement *t, size_t i)
{
    char message[VERB_MESSAGE_MAX];
    struct relationship *r;
    if (get(t, i, &r) != STATUS_OK)
        return false;
    bool asked = may_be_stopped(r) && verb_apply(t->supervisor, t->keys[i], VERB_STOP, NULL,
                                                 &caller, message) == STATUS_OK;
    relationship_free(r);
    return asked;
}

static enum status tell_stopped(struct retirement *t, const struct relationship *r)
{
    if (r->cancel_pending)
        return buffer_printf(
            t->report,
            "The replica server %s does not answer: the unfinished differencing disks of '%s' "
            "(*.part.avhdx, *.part.avhd) stay there until this service is back and has its answer, "
            "or the relationship is removed there.\n",
            r->replica_server, r->name);
    if (r->state == REPLICATION_RESYNCHRONIZING)
        return buffer_printf(t->report,
                             "The replica server %s had begun to merge '%s' and finishes that by "
                             "itself.\n",
                             r->replica_server, r->name);
    return buffer_printf(t->report, "The resynchronization of '%s' was stopped; its state is %s.\n",
                         r->name, replication_state_text(r->state));
}

static enum status stop_primaries(struct retirement *t)
{
    enum status s = STATUS_OK;
    bool *asked = calloc(t->count + 1, sizeof *asked);
    if (!asked)
        return status_no_memory("a list of relationships");
    for (size_t i = 0; i < t->count; i++)
        asked[i] = ask_to_stop(t, i);
    int64_t end = clock_mono_ms() + REPLICAS_ANSWER_MS;
    for (size_t i = 0; i < t->count && s == STATUS_OK; i++) {
        struct relationship *r;
        int64_t left = end - clock_mono_ms();
        if (!asked[i])
            continue;
        (void)tasks_wait_gone(t->supervisor->tasks, t->keys[i], left > 0 ? (uint32_t)left : 0);
        s = get(t, i, &r);
        if (s != STATUS_OK)
            continue;
        s = tell_stopped(t, r);
        relationship_free(r);
    }
    free(asked);
    return s;
}

// ---- replicas ----

// The child that is there under one of its two names. NULL: none, or no memory.
static char *present_child(const struct file_system *fs, const struct relationship *r, size_t disk)
{
    for (int merging = 0; merging < 2; merging++) {
        char *child = resync_child_path(r->disks[disk].path, &r->resync_id, merging != 0);
        if (child && fs->exists(fs, child))
            return child;
        free(child);
    }
    return NULL;
}

static enum status tell_left(struct retirement *t, const struct relationship *r, const char *disk,
                             const char *child, const struct status_details *why)
{
    if (!t->force)
        return buffer_printf(t->report, "Unfinished: \"%s\" beside the disk \"%s\" of '%s'.\n",
                             child, disk, r->name);
    EventWriteUnfinishedChildLeft(t->supervisor->context.events, r->name, r->id.bytes,
                                  r->resync_id.bytes, disk, child, why->message, event_code(why));
    return buffer_printf(
        t->report, "Left unfinished: \"%s\" beside the disk \"%s\" of '%s'. %s%s\n", child, disk,
        r->name, why->message,
        r->phase == PHASE_COMPARING ? " It may be deleted; the disk is what it was."
                                    : " Finish it before the disk is used: vrepdisk merge.");
}

// Names each child that is left, and what kept it. `why`: the failure, recorded again as that of
// the first of them.
static enum status leave_children(struct retirement *t, const struct relationship *r,
                                  const char *what, const struct status_details *why)
{
    const char *first = NULL;
    enum status s = STATUS_OK;
    for (size_t i = 0; i < r->disk_count && s == STATUS_OK; i++) {
        char *child = present_child(t->supervisor->context.fs, r, i);
        if (child) {
            first = first ? first : r->disks[i].path;
            s = tell_left(t, r, r->disks[i].path, child, why);
        }
        free(child);
    }
    if (s != STATUS_OK || t->force)
        return s;
    (void)status_restore(why);
    (void)status_context("%s the disk \"%s\" of '%s'", what, first ? first : r->disks[0].path,
                         r->name);
    (void)status_advise(why->event_id,
                        "%s%sThen uninstall again, or force it (--force; FORCE=1 for the "
                        "installer), which leaves the differencing disk where it is.",
                        why->action, why->action[0] ? " " : "");
    keep_failure(t);
    return STATUS_OK;
}

static enum status discard(struct retirement *t, size_t i, const struct relationship *r)
{
    const struct service_context *context = &t->supervisor->context;
    if (t->supervisor->ops->discard(context, t->keys[i]) != STATUS_OK) {
        const struct status_details why = *status_last();
        return leave_children(t, r, "The unmerged differencing disk cannot be deleted beside",
                              &why);
    }
    EventWriteUnmergedChildrenDeleted(context->events, r->name, r->id.bytes, r->resync_id.bytes);
    return buffer_printf(t->report,
                         "The unmerged differencing disks of '%s' were deleted; its disks are what "
                         "they were before.\n",
                         r->name);
}

static enum status merge(struct retirement *t, size_t i, const struct relationship *r)
{
    const struct service_context *context = &t->supervisor->context;
    struct job *job;
    enum status s = job_new(&job);
    if (s != STATUS_OK)
        return s;
    enum resync_end end = t->supervisor->ops->merge(context, t->keys[i], job);
    const struct status_details why = *status_last();
    job_free(job);
    if (end == RESYNC_MERGED)
        return buffer_printf(t->report, "The merge of '%s' is finished.\n", r->name);
    if (end != RESYNC_GUARD)
        return leave_children(t, r, "The merge is not finished into", &why);
    vm_event_required(context, r);
    return buffer_printf(t->report, "%s\n", why.message);
}

static enum status finish_replica(struct retirement *t, size_t i)
{
    struct relationship *r;
    enum status s = get(t, i, &r);
    if (s != STATUS_OK)
        return s;
    if (r->mode == MODE_REPLICA && r->phase == PHASE_COMPARING)
        s = discard(t, i, r);
    else if (r->mode == MODE_REPLICA && relationship_is_merging(r))
        s = merge(t, i, r);
    relationship_free(r);
    return s;
}

// ---- all ----

// What such a file says of children is not known.
static enum status name_unreadable(struct retirement *t)
{
    size_t count;
    enum status s = STATUS_OK;
    const struct unreadable_state *files =
        registry_unreadable(t->supervisor->context.registry, &count);
    for (size_t i = 0; i < count && s == STATUS_OK; i++) {
        s = buffer_printf(t->report, "Not looked at: %s\n", files[i].why.message);
        if (t->force)
            continue;
        (void)status_restore(&files[i].why);
        (void)status_advise(files[i].why.event_id,
                            "Put back a copy of it, or force the uninstallation (--force; FORCE=1 "
                            "for the installer) and look for *.avhdx and *.avhd beside the disks.");
        keep_failure(t);
    }
    return s;
}

enum status retire_all(struct supervisor *supervisor, bool force, struct buffer *report)
{
    struct retirement t = {.supervisor = supervisor, .force = force, .report = report};
    enum status s = registry_list(supervisor->context.registry, &t.keys, &t.count);
    if (s != STATUS_OK)
        return s;
    s = stop_primaries(&t);
    for (size_t i = 0; i < t.count && s == STATUS_OK; i++)
        s = finish_replica(&t, i);
    if (s == STATUS_OK)
        s = name_unreadable(&t);
    free(t.keys);
    return s == STATUS_OK && t.first.status != STATUS_OK ? status_restore(&t.first) : s;
}
