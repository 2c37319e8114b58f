// Makes the children of a new resynchronization, or finds those of one that goes on.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/os.h"
#include "service/replicate/fault_point.h"
#include "service/replicate/replica_session.h"
#include "service/vm_events.h"

char *resync_child_path(const char *disk_path, const struct guid *resync_id, bool merging)
{
    const char *name = os_path_base_name(disk_path);
    const char *dot = strrchr(name, '.');
    size_t stem = dot && dot != name ? (size_t)(dot - disk_path) : strlen(disk_path);
    bool vhd = dot && strcasecmp(dot, ".vhd") == 0;
    char id[GUID_TEXT_SIZE];
    size_t size = stem + GUID_TEXT_SIZE + sizeof "..part.avhdx";
    char *path = malloc(size);
    if (path)
        snprintf(path, size, "%.*s.%s%s.%s", (int)stem, disk_path, guid_format(resync_id, id),
                 merging ? "" : ".part", vhd ? "avhd" : "avhdx");
    return path;
}

static void set_hasher(struct replica_session *s, struct replica_hasher *hasher)
{
    pthread_mutex_lock(&s->hasher_mutex);
    s->hasher = hasher;
    pthread_mutex_unlock(&s->hasher_mutex);
}

void replica_stop_streams(struct replica_session *session)
{
    struct replica_hasher *hasher = session->hasher; // only this thread sets it
    set_hasher(session, NULL);
    replica_hasher_stop(hasher);
    replica_writer_free(session->writer);
    session->writer = NULL;
    digest_cache_free(session->digests);
    session->digests = NULL;
}

void replica_unbegin(struct replica_session *session)
{
    replica_stop_streams(session);
    for (size_t i = 0; session->child_paths && i < session->agreed.disks.count; i++)
        free(session->child_paths[i]);
    free(session->child_paths);
    session->child_paths = NULL;
    session->begun = false;
}

// ---- going on ----

// Why this disk's child cannot be gone on with; "" when it can. A failure is one of reading, not of
// the child.
static enum status find_flaw(struct replica_session *s, const struct relationship *r, size_t i,
                             char *why, size_t size)
{
    const struct relationship_disk *d = &r->disks[i];
    const struct peer_disk *primary = &s->agreed.disks.disk[i];
    if (!d->compared_saved || !vhd_identity_unchanged(&d->compared, &primary->identity) ||
        d->total != primary->size) {
        snprintf(why, size, "the primary's disk '%.200s' was changed since it was compared",
                 primary->name);
        return STATUS_OK;
    }
    struct vhd_open how = {
        .fs = s->service->fs, .share = FILE_SHARE_DENY_WRITE, .wait_ms = REPLICA_OPEN_WAIT_MS};
    struct vhd *child = NULL;
    enum status st = vhd_open(s->child_paths[i], &how, &child);
    switch (st) {
    case STATUS_OK:
        vhd_abandon(child);
        return STATUS_OK;
    case STATUS_NOT_FOUND:
        snprintf(why, size, "the differencing disk of '%.200s' is gone",
                 os_path_base_name(d->path));
        return STATUS_OK;
    case STATUS_PARENT_MISMATCH:
    case STATUS_PARENT_MISSING:
    case STATUS_DAMAGED:
    case STATUS_NOT_A_DISK:
        snprintf(why, size, "the differencing disk of '%.200s' cannot be used: %.200s",
                 os_path_base_name(d->path), status_last()->message);
        return STATUS_OK;
    default:
        return st;
    }
}

// ---- a new one ----

struct beginning_change {
    const struct replica_session *session;
    const struct vhd_info *infos;
};

static enum status change_begin(struct relationship *r, void *argument)
{
    const struct beginning_change *change = argument;
    const struct request *agreed = &change->session->agreed;
    r->state = REPLICATION_RESYNCHRONIZING;
    r->reason = REASON_NONE;
    r->resync_id = agreed->resync_id;
    r->phase = PHASE_COMPARING;
    r->overwrite_replica = agreed->overwrite_replica;
    r->adopt_identity = agreed->adopt_identity;
    for (size_t i = 0; i < r->disk_count; i++) {
        struct relationship_disk *d = &r->disks[i];
        d->identity = change->infos[i].identity;
        d->identity_saved = true;
        d->compared = agreed->disks.disk[i].identity;
        d->compared_saved = true;
        d->cursor = 0;
        d->total = agreed->disks.disk[i].size;
        d->reserved = false;
        d->merged = false;
        d->adopt_id = replica_id_to_adopt(change->session, i, &change->infos[i]);
    }
    return STATUS_OK;
}

// A base with a live log must be closed clean below a child, for which our own hold is in the way.
static enum status make_child(struct replica_session *s, const struct relationship *r, size_t i)
{
    struct vhd_info info;
    vhd_get_info(s->bases[i], &info);
    FAULT_POINT("child-create");
    if (!info.log_live)
        return vhd_create_child(s->child_paths[i], r->disks[i].path, s->service->fs);
    struct vhd_identity before = info.identity;
    vhd_abandon(s->bases[i]);
    s->bases[i] = NULL;
    enum status st = vhd_create_child(s->child_paths[i], r->disks[i].path, s->service->fs);
    if (st == STATUS_OK)
        st = replica_hold_bases(s->service, s->claim, r, &s->bases);
    if (st != STATUS_OK)
        return st;
    vhd_get_info(s->bases[i], &info);
    if (!vhd_identity_unchanged(&before, &info.identity))
        return status_fail(STATUS_IN_USE, 0, "Somebody else wrote '%s' while its log was replayed.",
                           r->disks[i].path);
    EventWriteDiskLogReplayed(s->service->events, r->name, r->id.bytes, r->disks[i].path);
    return STATUS_OK;
}

static enum status save_identities(struct replica_session *s, const struct relationship *r)
{
    struct vhd_info *infos = calloc(r->disk_count, sizeof *infos);
    if (!infos)
        return status_no_memory("the description of disks");
    for (size_t i = 0; i < r->disk_count; i++)
        vhd_get_info(s->bases[i], &infos[i]);
    struct beginning_change change = {.session = s, .infos = infos};
    enum status st = registry_update(s->service->registry, s->key, change_begin, &change);
    free(infos);
    return st;
}

static enum status adopt_into_children(const struct replica_session *s,
                                       const struct relationship *r)
{
    enum status st = STATUS_OK;
    for (size_t i = 0; st == STATUS_OK && i < r->disk_count; i++)
        st = replica_adopt_into_child(s, i);
    return st;
}

// First the record, then the children: a crash in between leaves a record whose children are
// missing, which the next attempt makes; never a child that nobody knows.
static enum status begin_new(struct replica_session *s, const struct relationship *r)
{
    bool replayed = false;
    enum status st = save_identities(s, r);
    for (size_t i = 0; st == STATUS_OK && i < r->disk_count; i++) {
        struct vhd_info info;
        vhd_get_info(s->bases[i], &info);
        replayed = replayed || info.log_live;
        st = make_child(s, r, i);
        s->start[i] = 0;
    }
    if (st == STATUS_OK)
        st = adopt_into_children(s, r);
    if (st == STATUS_OK && replayed)
        st = save_identities(s, r);
    return st;
}

static enum status check_guard_all(struct replica_session *s, const struct relationship *r)
{
    enum status st = STATUS_OK;
    for (size_t i = 0; st == STATUS_OK && i < r->disk_count; i++) {
        struct vhd_info info;
        vhd_get_info(s->bases[i], &info);
        st = replica_check_guard(r, i, &info, &s->agreed.disks.disk[i]);
    }
    return st;
}

// Somebody wrote a base below our child: nothing of this resynchronization can be used any more.
static enum status guard_going_on(struct replica_session *s, const struct relationship *r)
{
    enum status st = check_guard_all(s, r);
    if (st != STATUS_REPLICA_CHANGED)
        return st;
    struct status_details why = *status_last();
    EventWriteReplicaChanged(s->service->events, r->name, r->id.bytes, why.message);
    st = replica_discard(s->service, s->key, s->claim, REASON_REPLICA_CHANGED);
    s->bases = NULL;
    return st == STATUS_OK ? status_restore(&why) : st;
}

// Finds a reason to start anew. *progressed: something would be lost by that.
static enum status examine(struct replica_session *s, const struct relationship *r, char *why,
                           size_t size, bool *progressed)
{
    enum status st = guard_going_on(s, r);
    for (size_t i = 0; st == STATUS_OK && i < r->disk_count; i++) {
        s->start[i] = r->disks[i].cursor;
        *progressed = *progressed || r->disks[i].cursor > 0;
        if (why[0] == '\0')
            st = find_flaw(s, r, i, why, size);
    }
    return st;
}

static enum status go_on(struct replica_session *s, const struct relationship *r,
                         struct beginning *out)
{
    char why[sizeof out->restarted] = "";
    bool progressed = false;
    enum status st = examine(s, r, why, sizeof why, &progressed);
    if (st != STATUS_OK)
        return st;
    if (why[0] == '\0')
        return adopt_into_children(s, r); // a crash may have come between making them and that
    st = replica_remove_children(s->service, r, s->claim);
    s->bases = NULL;
    if (st == STATUS_OK)
        st = replica_hold_bases(s->service, s->claim, r, &s->bases);
    if (st == STATUS_OK)
        st = begin_new(s, r);
    if (st == STATUS_OK && progressed)
        snprintf(out->restarted, sizeof out->restarted, "%s", why);
    return st;
}

// The children cannot be made, and could not at another attempt: nothing of it stays.
static enum status take_back(struct replica_session *s, const struct relationship *r)
{
    struct status_details why = *status_last();
    enum resynchronize_required_reason reason =
        r->reason == REASON_NONE ? REASON_CANCELLED : r->reason;
    enum status st = replica_discard(s->service, s->key, s->claim, reason);
    s->bases = NULL;
    if (st != STATUS_OK)
        return st;
    st = status_restore(&why);
    return why.action[0] ? st
                         : status_advise(0, "A differencing disk is made beside the replica's "
                                            "disk; give that a shorter name or another folder.");
}

// A resynchronization of another id that was left here: its end was not heard of. It was not
// committed.
static enum status begin_after(struct replica_session *s, const struct relationship *r)
{
    enum status st = STATUS_OK;
    if (r->phase == PHASE_COMPARING) {
        st = replica_discard(s->service, s->key, s->claim, REASON_CANCELLED);
        s->bases = NULL;
        if (st == STATUS_OK)
            st = replica_hold_bases(s->service, s->claim, r, &s->bases);
    }
    if (st == STATUS_OK && !s->agreed.overwrite_replica)
        st = check_guard_all(s, r);
    if (st != STATUS_OK)
        return st;
    st = begin_new(s, r);
    return begin_was_refused(st) ? take_back(s, r) : st;
}

static enum status name_children(struct replica_session *s, const struct relationship *r)
{
    s->child_paths = calloc(r->disk_count, sizeof *s->child_paths);
    for (size_t i = 0; s->child_paths && i < r->disk_count; i++)
        if (!(s->child_paths[i] = resync_child_path(r->disks[i].path, &s->agreed.resync_id, false)))
            return status_no_memory("the name of a differencing disk");
    return s->child_paths ? STATUS_OK : status_no_memory("the names of differencing disks");
}

enum status replica_begin_comparison(struct replica_session *session)
{
    struct relationship *r = NULL;
    struct replica_hasher *hasher = NULL;
    session->compares = true;
    enum status st = registry_get(session->service->registry, session->key, &r);
    if (st != STATUS_OK)
        return st;
    for (size_t i = 0; i < r->disk_count; i++) // a copy; agree has compared the sizes
        r->disks[i].total = session->agreed.disks.disk[i].size;
    st = replica_hold_bases(session->service, session->claim, r, &session->bases);
    if (st == STATUS_OK)
        st = digest_cache_new(&session->digests);
    if (st == STATUS_OK)
        st = replica_hasher_start(session, r, &hasher);
    set_hasher(session, hasher);
    relationship_free(r);
    return st;
}

static enum status check_phase(const struct relationship *r, const struct guid *resync_id)
{
    if (r->phase == PHASE_MERGING || r->phase == PHASE_MERGED)
        return status_fail(STATUS_IN_USE, 0, "An earlier resynchronization of '%s' still merges.",
                           r->name);
    if (guid_equal(&r->last_resync_id, resync_id) && r->last_outcome == OUTCOME_CANCELLED &&
        !guid_equal(&r->resync_id, resync_id))
        return status_fail(STATUS_CANCELLED, 0, "This resynchronization of '%s' was cancelled.",
                           r->name);
    if (guid_equal(&r->last_resync_id, resync_id) && r->last_outcome == OUTCOME_MERGED)
        return status_fail(STATUS_REFUSED, 0, "This resynchronization of '%s' was merged already.",
                           r->name);
    return STATUS_OK;
}

enum status replica_begin(struct replica_session *session, struct beginning *out)
{
    struct relationship *r = NULL;
    struct beginning beginning = {.count = session->agreed.disks.count};
    enum status st = registry_get(session->service->registry, session->key, &r);
    if (st != STATUS_OK)
        return st;
    if (r->disk_count != session->agreed.disks.count)
        st = status_fail(STATUS_MISMATCH, 0,
                         "The disks of '%s' were changed on the replica meanwhile.", r->name);
    if (st == STATUS_OK)
        st = check_phase(r, &session->agreed.resync_id);
    if (st == STATUS_OK)
        st = name_children(session, r);
    if (st == STATUS_OK)
        st = replica_hold_bases(session->service, session->claim, r, &session->bases);
    bool ours =
        guid_equal(&r->resync_id, &session->agreed.resync_id) && r->phase == PHASE_COMPARING;
    if (st == STATUS_OK)
        st = ours ? go_on(session, r, &beginning) : begin_after(session, r);
    relationship_free(r);
    r = NULL;
    if (st == STATUS_OK)
        st = registry_get(session->service->registry, session->key, &r);
    if (st == STATUS_OK)
        st = digest_cache_new(&session->digests);
    if (st == STATUS_OK)
        st = replica_writer_new(session, r, &session->writer);
    struct replica_hasher *hasher = NULL;
    if (st == STATUS_OK)
        st = replica_hasher_start(session, r, &hasher);
    set_hasher(session, hasher);
    relationship_free(r);
    if (st != STATUS_OK) {
        struct status_details why = *status_last();
        replica_unbegin(session);
        return status_restore(&why);
    }
    session->begun = true;
    memcpy(beginning.start, session->start, sizeof beginning.start);
    *out = beginning;
    return STATUS_OK;
}
