// Finishes a committed resynchronization: restartable at any point, and only ever goes forward.
#include <stdlib.h>

#include "base/clock.h"
#include "service/replicate/fault_point.h"
#include "service/replicate/progress_pace.h"
#include "service/replicate/replica_session.h"
#include "service/vm_events.h"

#define PROGRESS_INTERVAL_MS 100

struct merge_run {
    const struct service_context *service;
    registry_key key;
    struct job *job;
    struct relationship *r; // as it was at the beginning
    struct resync_progress progress;
    int64_t shown;
    size_t disk; // the one that is merged now
    struct progress_pace pace;
};

static bool is_cut(void *context)
{
    const struct merge_run *run = context;
    return job_get_order(run->job) == JOB_CUT;
}

static void show(struct merge_run *run)
{
    registry_set_progress(run->service->registry, run->key, PROGRESS_RESYNC, &run->progress);
    replica_table_announce(run->service->replicas);
    run->shown = clock_mono_ms();
}

static void tell_progress(struct merge_run *run, uint64_t done, uint64_t total, int64_t now)
{
    const struct relationship *r = run->r;
    unsigned percent;
    if (progress_pace_due(&run->pace, done, total, now, &percent))
        EventWriteMergeProgress(run->service->events, r->name, r->id.bytes, r->resync_id.bytes,
                                r->disks[run->disk].path, percent, done, total);
}

static bool on_progress(void *context, uint64_t done, uint64_t total)
{
    struct merge_run *run = context;
    struct disk_progress *progress = &run->progress.disk[run->disk];
    int64_t now = clock_mono_ms();
    FAULT_POINT("merge-step");
    if (progress->merge_total == 0) // the first call for this disk
        progress_pace_begin(&run->pace, done, total, now);
    progress->merged = done;
    progress->merge_total = total;
    if (now - run->shown >= PROGRESS_INTERVAL_MS)
        show(run);
    tell_progress(run, done, total, now);
    return !is_cut(run);
}

// Gives the child its final name. *present false: neither name is there.
static enum status settle_name(struct merge_run *run, size_t i, bool *present)
{
    const struct file_system *fs = run->service->fs;
    char *part = resync_child_path(run->r->disks[i].path, &run->r->resync_id, false);
    char *child = resync_child_path(run->r->disks[i].path, &run->r->resync_id, true);
    enum status st =
        part && child ? STATUS_OK : status_no_memory("the name of a differencing disk");
    if (st == STATUS_OK) {
        *present = fs->exists(fs, child);
        if (!*present && fs->exists(fs, part)) {
            FAULT_POINT("rename");
            st = fs->rename(fs, part, child);
            *present = st == STATUS_OK;
        }
    }
    free(part);
    free(child);
    return st;
}

struct merged_change {
    size_t disk;
    struct vhd_identity identity;
};

static enum status change_merged(struct relationship *r, void *argument)
{
    const struct merged_change *change = argument;
    struct relationship_disk *d = &r->disks[change->disk];
    d->merged = true;
    d->reserved = false;
    d->identity = change->identity;
    d->identity_saved = true;
    bool all = true;
    for (size_t i = 0; i < r->disk_count; i++)
        all = all && r->disks[i].merged;
    if (!all)
        return STATUS_OK;
    r->phase = PHASE_MERGED;
    r->state = REPLICATION_REPLICATING;
    r->reason = REASON_NONE;
    r->last_replication_time = clock_wall_ms();
    return STATUS_OK;
}

// The base is closed: what it is now is what we leave it as.
static enum status persist_merged(struct merge_run *run, size_t i)
{
    struct vhd_open how = {
        .fs = run->service->fs, .share = FILE_SHARE_DENY_WRITE, .wait_ms = REPLICA_OPEN_WAIT_MS};
    struct vhd *base = NULL;
    enum status st = vhd_open(run->r->disks[i].path, &how, &base);
    if (st != STATUS_OK)
        return st;
    struct vhd_info info;
    vhd_get_info(base, &info);
    struct merged_change change = {.disk = i, .identity = info.identity};
    st = registry_update(run->service->registry, run->key, change_merged, &change);
    vhd_abandon(base);
    // What a VHDX takes over was in its child.
    if (st == STATUS_OK && run->r->adopt_identity && info.format == VHD_FORMAT_VHDX)
        EventWriteDiskIdentityAdopted(run->service->events, run->r->name, run->r->id.bytes,
                                      run->r->resync_id.bytes, run->r->disks[i].path,
                                      info.virtual_disk_id.bytes);
    return st;
}

static enum status remove_child(struct merge_run *run, size_t i)
{
    char *child = resync_child_path(run->r->disks[i].path, &run->r->resync_id, true);
    if (!child)
        return status_no_memory("the name of a differencing disk");
    FAULT_POINT("before-child-delete");
    enum status st = replica_delete_child(run->service->fs, child, is_cut, run);
    free(child);
    return st;
}

static enum status merge_disk(struct merge_run *run, size_t i)
{
    struct vhd_merge how = {.fs = run->service->fs, .progress = on_progress, .context = run};
    char *child = resync_child_path(run->r->disks[i].path, &run->r->resync_id, true);
    if (!child)
        return status_no_memory("the name of a differencing disk");
    run->disk = i;
    enum status st = vhd_merge(child, &how);
    free(child);
    FAULT_POINT("before-merged-persist");
    return st == STATUS_OK ? persist_merged(run, i) : st;
}

static enum status change_finished(struct relationship *r, void *argument)
{
    const bool *elsewhere = argument;
    r->last_resync_id = r->resync_id;
    r->last_outcome = *elsewhere ? OUTCOME_NONE : OUTCOME_MERGED;
    r->last_unbegun = false;
    r->resync_id = (struct guid){{0}};
    r->phase = PHASE_NONE;
    r->overwrite_replica = false;
    r->adopt_identity = false;
    if (*elsewhere) {
        r->state = REPLICATION_WAITING_FOR_START_RESYNCHRONIZE;
        r->reason = REASON_FINISHED_ELSEWHERE;
    }
    for (size_t i = 0; i < r->disk_count; i++) {
        r->disks[i].cursor = 0;
        r->disks[i].compared_saved = false;
        r->disks[i].merged = false;
        r->disks[i].reserved = false;
    }
    return STATUS_OK;
}

// Somebody merged the child, removed it, or wrote its base: this service must not touch the disks
// any more.
static enum resync_end finish_elsewhere(struct merge_run *run, size_t i)
{
    bool elsewhere = true;
    if (registry_update(run->service->registry, run->key, change_finished, &elsewhere) != STATUS_OK)
        return RESYNC_RETRY;
    EventWriteMergeFinishedElsewhere(run->service->events, run->r->name, run->r->id.bytes,
                                     run->r->resync_id.bytes, run->r->disks[i].path);
    (void)status_fail(STATUS_REPLICA_CHANGED, 0,
                      "The merge of '%s' was finished or undone outside the service: the "
                      "differencing disk of '%s' is gone "
                      "or no longer fits it.",
                      run->r->name, run->r->disks[i].path);
    (void)status_advise(ReplicaChanged_value, "Resynchronize from the primary.");
    return RESYNC_GUARD;
}

static enum resync_end interrupted(struct merge_run *run, enum status st)
{
    if (st == STATUS_CANCELLED && is_cut(run))
        return RESYNC_CUT;
    struct status_details why = *status_last();
    EventWriteMergeInterrupted(run->service->events, run->r->name, run->r->id.bytes,
                               run->r->resync_id.bytes, why.message, event_code(&why),
                               event_advice(&why, "Mend the cause; nothing is lost meanwhile."));
    (void)status_restore(&why);
    return RESYNC_RETRY;
}

// A child that is gone beside a disk that is there was merged or removed by somebody. When the disk
// cannot be seen either, its volume is away, and both will be back with it.
static enum status check_base_is_there(const struct merge_run *run, size_t i)
{
    struct vhd_open how = {
        .fs = run->service->fs, .share = FILE_SHARE_ANYTHING, .no_parents = true};
    struct vhd *base = NULL;
    enum status st = vhd_open(run->r->disks[i].path, &how, &base);
    if (st == STATUS_OK)
        vhd_abandon(base);
    return st;
}

// Every child loses ".part" before the first write: from then on anybody may finish the merge.
static enum status settle_names(struct merge_run *run, size_t *missing)
{
    *missing = run->r->disk_count;
    for (size_t i = 0; i < run->r->disk_count; i++) {
        bool present = true;
        enum status st = run->r->disks[i].merged ? STATUS_OK : settle_name(run, i, &present);
        if (st == STATUS_OK && !present)
            st = check_base_is_there(run, i);
        if (st != STATUS_OK)
            return st;
        if (!present && *missing == run->r->disk_count)
            *missing = i;
    }
    return STATUS_OK;
}

static enum resync_end merge_all(struct merge_run *run)
{
    size_t missing = 0;
    enum status st = settle_names(run, &missing);
    if (st != STATUS_OK)
        return interrupted(run, st);
    if (missing < run->r->disk_count)
        return finish_elsewhere(run, missing);
    for (size_t i = 0; i < run->r->disk_count; i++) {
        if (is_cut(run))
            return RESYNC_CUT;
        st = run->r->disks[i].merged ? STATUS_OK : merge_disk(run, i);
        // From the last one's record on, the replica is what it should be: the primary need not
        // wait for the deletion, which takes seconds where a file system tells the disk of every
        // freed block.
        replica_table_announce(run->service->replicas);
        if (st == STATUS_PARENT_MISMATCH)
            return finish_elsewhere(run, i);
        if (st == STATUS_OK)
            st = remove_child(run, i);
        if (st == STATUS_OK)
            st = replica_adopt_into_base(run->service, run->key, i);
        if (st != STATUS_OK)
            return interrupted(run, st);
    }
    bool elsewhere = false;
    st = registry_update(run->service->registry, run->key, change_finished, &elsewhere);
    return st == STATUS_OK ? RESYNC_MERGED : interrupted(run, st);
}

enum resync_end resync_replica_merge(const struct service_context *service, registry_key key,
                                     struct job *job)
{
    struct merge_run run = {.service = service, .key = key, .job = job};
    if (registry_get(service->registry, key, &run.r) != STATUS_OK)
        return RESYNC_RETRY;
    if (run.r->phase != PHASE_MERGING && run.r->phase != PHASE_MERGED) {
        relationship_free(run.r);
        return RESYNC_MERGED;
    }
    run.progress.activity = "Merging";
    run.progress.started = clock_wall_ms();
    run.progress.mono_started = clock_mono_ms();
    run.progress.remaining_s = -1;
    run.progress.disk_count = run.r->disk_count;
    for (size_t i = 0; i < run.r->disk_count; i++)
        run.progress.disk[i].total = run.progress.disk[i].compared = run.r->disks[i].total;
    show(&run);
    enum resync_end end = merge_all(&run);
    if (end == RESYNC_MERGED) {
        uint64_t merged = 0;
        for (size_t i = 0; i < run.r->disk_count; i++)
            merged += run.progress.disk[i].merged;
        EventWriteMergeFinished(service->events, run.r->name, run.r->id.bytes,
                                run.r->resync_id.bytes, merged,
                                (uint64_t)(clock_mono_ms() - run.progress.mono_started) / 1000);
    }
    struct status_details why = *status_last();
    registry_clear_progress(service->registry, key, PROGRESS_RESYNC);
    replica_table_announce(service->replicas);
    relationship_free(run.r);
    (void)status_restore(&why);
    return end;
}
