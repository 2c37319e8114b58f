// Takes an unmerged resynchronization back: the base was never written, so deleting the children is
// all.
#include <stdlib.h>

#include "base/checked.h"
#include "service/replicate/fault_point.h"
#include "service/replicate/replica_session.h"
#include "service/vm_events.h"

#define DELETE_PIECE (64ull << 20)

// Room that commit reserved on the base's volume. A base that is no longer the child's parent keeps
// what it has.
static enum status release_room(const struct service_context *service, const char *child)
{
    if (!service->fs->exists(service->fs, child))
        return STATUS_OK;
    enum status st = vhd_merge_release(child, service->fs);
    return st == STATUS_PARENT_MISMATCH || st == STATUS_PARENT_MISSING ? STATUS_OK : st;
}

static enum status cut_down(struct file *file, bool (*give_up)(void *context), void *context)
{
    uint64_t size = 0;
    enum status st = file_size(file, &size);
    while (st == STATUS_OK && size > 0) {
        if (give_up && give_up(context))
            return status_fail(STATUS_CANCELLED, 0, "The deletion of '%s' was put off.",
                               file->path);
        size -= min_u64(size, DELETE_PIECE);
        st = file->ops->set_size(file, size);
    }
    return st;
}

enum status replica_delete_child(const struct file_system *fs, const char *path,
                                 bool (*give_up)(void *context), void *context)
{
    struct file_open how = {
        .writable = true, .share = FILE_SHARE_NOTHING, .wait_ms = FILE_SHARING_WAIT_MS};
    struct file *file = NULL;
    enum status st = fs->open(fs, path, &how, &file);
    if (st == STATUS_OK)
        st = cut_down(file, give_up, context);
    file_close(file);
    if (st == STATUS_CANCELLED)
        return st;
    st = fs->remove(fs, path); // whatever came of cutting it down
    return st == STATUS_NOT_FOUND ? STATUS_OK : st;
}

enum status replica_remove_children(const struct service_context *service,
                                    const struct relationship *r, struct replica_claim *claim)
{
    enum status st = STATUS_OK;
    replica_claim_drop_bases(claim);
    for (size_t i = 0; st == STATUS_OK && i < r->disk_count; i++) {
        char *child = resync_child_path(r->disks[i].path, &r->resync_id, false);
        if (!child)
            return status_no_memory("the name of a differencing disk");
        if (r->disks[i].reserved)
            st = release_room(service, child);
        FAULT_POINT("child-remove");
        // One that was never made may have a name that cannot even be removed.
        if (st == STATUS_OK && service->fs->exists(service->fs, child))
            st = replica_delete_child(service->fs, child, NULL, NULL);
        free(child);
    }
    return st;
}

struct discard_change {
    struct guid resync_id;
    const struct vhd_identity *identities; // one a disk
    enum resynchronize_required_reason reason;
};

static enum status change_discard(struct relationship *r, void *argument)
{
    const struct discard_change *change = argument;
    if (r->phase != PHASE_COMPARING || !guid_equal(&r->resync_id, &change->resync_id))
        return status_fail(STATUS_REFUSED, 0, "The resynchronization of '%s' went on meanwhile.",
                           r->name);
    r->state = REPLICATION_WAITING_FOR_START_RESYNCHRONIZE;
    r->reason = change->reason;
    r->last_resync_id = r->resync_id;
    r->last_outcome = OUTCOME_CANCELLED;
    r->last_unbegun = false;
    r->resync_id = (struct guid){{0}};
    r->phase = PHASE_NONE;
    r->overwrite_replica = false;
    r->adopt_identity = false;
    for (size_t i = 0; i < r->disk_count; i++) {
        r->disks[i].cursor = 0;
        r->disks[i].identity = change->identities[i];
        r->disks[i].reserved = false;
        r->disks[i].compared_saved = false;
        r->disks[i].adopt_id = (struct guid){{0}};
    }
    return STATUS_OK;
}

static enum status discard_comparing(const struct service_context *service, registry_key key,
                                     const struct relationship *r, struct replica_claim *claim,
                                     enum resynchronize_required_reason reason)
{
    struct vhd_identity *identities = calloc(r->disk_count, sizeof *identities);
    if (!identities)
        return status_no_memory("the identities of disks");
    struct discard_change change = {
        .resync_id = r->resync_id, .identities = identities, .reason = reason};
    enum status st = replica_remove_children(service, r, claim);
    for (size_t i = 0; st == STATUS_OK && i < r->disk_count; i++)
        st = replica_identity_after_reserving(service, &r->disks[i], &identities[i]);
    if (st == STATUS_OK)
        st = registry_update(service->registry, key, change_discard, &change);
    free(identities);
    return st;
}

enum status replica_discard(const struct service_context *service, registry_key key,
                            struct replica_claim *claim, enum resynchronize_required_reason reason)
{
    struct relationship *r = NULL;
    enum status st = registry_get(service->registry, key, &r);
    if (st != STATUS_OK)
        return st;
    if (r->phase == PHASE_MERGING || r->phase == PHASE_MERGED) {
        (void)status_fail(
            STATUS_REFUSED, 0,
            "The resynchronization of '%s' is being merged and can no longer be cancelled.",
            r->name);
        st = status_advise(RefusedWhileMerging_value, "Wait for the merge to finish.");
    } else if (r->phase == PHASE_COMPARING) {
        st = discard_comparing(service, key, r, claim, reason);
    } else {
        replica_claim_drop_bases(claim);
    }
    relationship_free(r);
    return st;
}

enum status resync_replica_discard(const struct service_context *service, registry_key key)
{
    struct replica_claim *claim = NULL;
    enum status st =
        replica_claim_take(service->replicas, key, NULL, REPLICA_CLAIM_WAIT_MS, &claim);
    if (st != STATUS_OK)
        return st;
    st = replica_discard(service, key, claim, REASON_CANCELLED);
    replica_claim_release(claim);
    return st;
}
