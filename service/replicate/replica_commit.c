// The point of no return, and what is said of it afterwards.
#include <stdlib.h>

#include "service/replicate/fault_point.h"
#include "service/replicate/replica_session.h"
#include "service/vm_events.h"

struct reserving_change {
    bool reserved;
    const struct vhd_identity *identities; // one a disk; NULL: they stay
};

static enum status change_reserving(struct relationship *r, void *argument)
{
    const struct reserving_change *change = argument;
    for (size_t i = 0; i < r->disk_count; i++) {
        r->disks[i].reserved = change->reserved;
        if (change->identities)
            r->disks[i].identity = change->identities[i];
    }
    return STATUS_OK;
}

static enum status persist_reserving(struct replica_session *s)
{
    struct reserving_change change = {.reserved = true};
    return registry_update(s->service->registry, s->key, change_reserving, &change);
}

// Afterwards the identities are those that reserving has left.
static enum status persist_reserved(struct replica_session *s, bool reserved)
{
    struct relationship *r = NULL;
    enum status st = registry_get(s->service->registry, s->key, &r);
    if (st != STATUS_OK)
        return st;
    struct vhd_identity *identities = calloc(r->disk_count, sizeof *identities);
    struct reserving_change change = {.reserved = reserved, .identities = identities};
    if (!identities)
        st = status_no_memory("the identities of disks");
    for (size_t i = 0; st == STATUS_OK && i < r->disk_count; i++)
        st = replica_identity_after_reserving(s->service, &r->disks[i], &identities[i]);
    if (st == STATUS_OK)
        st = registry_update(s->service->registry, s->key, change_reserving, &change);
    free(identities);
    relationship_free(r);
    return st;
}

// Where nothing can be reserved, what the disks of one volume need in all must be there together.
static enum status check_together(const struct replica_session *s, const struct relationship *r,
                                  const struct vhd_merge_need *needs)
{
    for (size_t i = 0; i < r->disk_count; i++) {
        uint64_t sum = 0, free_space = 0;
        for (size_t j = 0; j < r->disk_count; j++)
            if (!needs[j].reserved && r->disks[j].file.volume == r->disks[i].file.volume)
                sum += needs[j].allocation;
        if (needs[i].reserved || needs[i].allocation == 0)
            continue;
        enum status st = s->service->fs->free_space(s->service->fs, r->disks[i].path, &free_space);
        if (st != STATUS_OK)
            return st;
        EventWriteRoomNotReserved(s->service->events, r->name, r->id.bytes, r->resync_id.bytes,
                                  r->disks[i].path, needs[i].allocation, free_space);
        if (free_space >= sum)
            continue;
        (void)status_fail(STATUS_NO_SPACE, 0,
                          "Merging the disks of '%s' needs up to %llu bytes more on the volume of "
                          "'%s', where %llu are free.",
                          r->name, (unsigned long long)sum, r->disks[i].path,
                          (unsigned long long)free_space);
        return status_advise(0, "Make room on that volume; nothing was changed.");
    }
    return STATUS_OK;
}

// Takes room for every merge; *needed: bytes to merge in all.
static enum status reserve_all(struct replica_session *s, const struct relationship *r,
                               uint64_t *needed)
{
    enum status st = STATUS_OK;
    struct vhd_merge_need *needs = calloc(r->disk_count, sizeof *needs);
    if (!needs)
        return status_no_memory("what merges need");
    *needed = 0;
    for (size_t i = 0; st == STATUS_OK && i < r->disk_count; i++) {
        st = vhd_merge_reserve(s->child_paths[i], s->service->fs, &needs[i]);
        *needed += needs[i].data;
    }
    if (st == STATUS_OK)
        st = check_together(s, r, needs);
    free(needs);
    return st;
}

static enum status give_back(struct replica_session *s, const struct relationship *r)
{
    for (size_t i = 0; i < r->disk_count; i++) {
        enum status st = vhd_merge_release(s->child_paths[i], s->service->fs);
        if (st != STATUS_OK)
            return st;
    }
    return persist_reserved(s, false);
}

static enum status change_merging(struct relationship *r, void *argument)
{
    const struct guid *resync_id = argument;
    if (r->phase != PHASE_COMPARING || !guid_equal(&r->resync_id, resync_id))
        return status_fail(STATUS_CANCELLED, 0,
                           "The resynchronization of '%s' was ended on the replica meanwhile.",
                           r->name);
    r->phase = PHASE_MERGING;
    return STATUS_OK;
}

// The base must be free for writing from here on, and the record says so first: our own hold is
// what kept it.
static enum status reserve_and_persist(struct replica_session *s, const struct relationship *r)
{
    uint64_t needed = 0;
    replica_claim_drop_bases(s->claim);
    s->bases = NULL;
    enum status st = persist_reserving(s);
    if (st != STATUS_OK)
        return st;
    FAULT_POINT("reserve");
    st = reserve_all(s, r, &needed);
    if (st == STATUS_OK)
        st = persist_reserved(s, true);
    if (st != STATUS_OK) {
        struct status_details why = *status_last();
        if (why.status == STATUS_NO_SPACE && give_back(s, r) != STATUS_OK)
            return status_context("After the merge found no room");
        return status_restore(&why);
    }
    FAULT_POINT("before-merging-persist");
    st =
        registry_update(s->service->registry, s->key, change_merging, (void *)&s->agreed.resync_id);
    FAULT_POINT("after-merging-persist");
    if (st == STATUS_OK)
        EventWriteMergeBegun(s->service->events, r->name, r->id.bytes, r->resync_id.bytes, needed,
                             (uint32_t)r->disk_count);
    return st;
}

// A differencing disk that somebody else has made over a base since the beginning would break.
static enum status check_no_other_child(const struct replica_session *s,
                                        const struct relationship *r)
{
    struct vhd_children *children = NULL;
    enum status st = STATUS_OK;
    for (size_t i = 0; i < r->disk_count && st == STATUS_OK; i++) {
        char *other = NULL;
        st = vhd_find_among_children(&children, r->disks[i].path, s->child_paths[i], &other);
        if (st != STATUS_OK || !other)
            continue;
        (void)status_fail(
            STATUS_REFUSED, 0,
            "The replica's disk '%s' has become the parent of '%s', which the merge would break.",
            r->disks[i].path, other);
        free(other);
        st = status_advise(0, "Merge or delete that differencing disk, then resume replication.");
    }
    vhd_children_free(children);
    return st;
}

static enum status commit_now(struct replica_session *s, const struct relationship *r)
{
    if (!s->begun || !replica_writer_complete(s->writer))
        return status_fail(STATUS_PROTOCOL, 0,
                           "The primary commits what is not compared to its end.");
    replica_stop_streams(s);
    enum status st = check_no_other_child(s, r);
    if (st == STATUS_OK)
        st = reserve_and_persist(s, r);
    struct status_details why = *status_last();
    replica_unbegin(s);
    if (st != STATUS_OK) {
        // Not committed: the bases are held again. One that cannot be is guarded later.
        struct vhd **bases = NULL;
        if (replica_hold_bases(s->service, s->claim, r, &bases) == STATUS_OK)
            s->bases = bases;
        return status_restore(&why);
    }
    s->hooks->start_merge(s->hooks->context, s->key);
    return STATUS_OK;
}

enum status replica_commit(struct replica_session *session, const struct request *request,
                           struct outcome_report *out)
{
    struct relationship *r = NULL;
    enum status st = registry_get(session->service->registry, session->key, &r);
    if (st != STATUS_OK)
        return st;
    if (r->phase == PHASE_COMPARING && guid_equal(&r->resync_id, &request->resync_id))
        st = commit_now(session, r);
    relationship_free(r);
    return st == STATUS_OK
               ? replica_outcome(session->service, session->key, &request->resync_id, out)
               : st;
}

static enum request_outcome outcome_of(const struct relationship *r, const struct guid *resync_id)
{
    if (guid_equal(&r->resync_id, resync_id) && r->phase == PHASE_MERGED)
        return REQUEST_OUTCOME_MERGED; // only children remain to be deleted
    if (guid_equal(&r->resync_id, resync_id) && r->phase != PHASE_NONE)
        return r->phase == PHASE_COMPARING ? REQUEST_OUTCOME_COMPARING : REQUEST_OUTCOME_MERGING;
    if (!guid_equal(&r->last_resync_id, resync_id))
        return REQUEST_OUTCOME_UNKNOWN;
    switch (r->last_outcome) {
    case OUTCOME_MERGED:
        return REQUEST_OUTCOME_MERGED;
    case OUTCOME_CANCELLED:
        return r->last_unbegun ? REQUEST_OUTCOME_UNKNOWN : REQUEST_OUTCOME_CANCELLED;
    default:
        return REQUEST_OUTCOME_ELSEWHERE;
    }
}

enum status replica_outcome(const struct service_context *service, registry_key key,
                            const struct guid *resync_id, struct outcome_report *out)
{
    struct relationship *r = NULL;
    struct resync_progress progress;
    enum status st = registry_get(service->registry, key, &r);
    if (st != STATUS_OK)
        return st;
    *out = (struct outcome_report){.outcome = outcome_of(r, resync_id)};
    relationship_free(r);
    if (out->outcome == REQUEST_OUTCOME_MERGING &&
        registry_get_progress(service->registry, key, PROGRESS_RESYNC, &progress)) {
        out->count = progress.disk_count;
        for (size_t i = 0; i < progress.disk_count; i++) {
            out->disk[i].total = progress.disk[i].merge_total;
            out->disk[i].merged = progress.disk[i].merged;
        }
    }
    return STATUS_OK;
}
