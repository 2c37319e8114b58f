// One attempt of a resynchronization: connect, agree, begin, compare every disk, commit, follow the
// merge.
#include "service/replicate/resync_primary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/clock.h"
#include "service/replicate/fault_point.h"
#include "service/replicate/primary_session.h"
#include "service/replicate/replication_events.h"

// ---- agree ----

static enum status describe_disks(const struct disk_hold *hold, struct peer_disks *out)
{
    out->disk = calloc(hold->count, sizeof *out->disk);
    if (!out->disk)
        return status_no_memory("the description of disks");
    out->count = hold->count;
    for (size_t i = 0; i < hold->count; i++) {
        struct vhd_info info;
        vhd_get_info(hold->disk[i], &info);
        peer_disk_describe(&info, &out->disk[i]);
    }
    return STATUS_OK;
}

// What a refused agree means for this host's administrators.
static void tell_refusal(const struct primary_session *s, enum status st,
                         const struct pair_mismatch *mismatch, const struct peer_disks *ours)
{
    struct status_details why = *status_last();
    if (st == STATUS_MISMATCH && mismatch->present && mismatch->disk < ours->count) {
        const struct peer_disk *disk = &ours->disk[mismatch->disk];
        VM_EVENT(s->service, EVENT_DISK_SIZES_DIFFER, s->r,
                 EVENT_STRING(s->r->disks[mismatch->disk].path), EVENT_STRING(mismatch->name),
                 EVENT_NUMBER(disk->size), EVENT_NUMBER(mismatch->size),
                 EVENT_NUMBER(disk->logical_sector), EVENT_NUMBER(mismatch->logical_sector),
                 EVENT_STRING(why.action));
    } else if (st == STATUS_NOT_FOUND) {
        VM_EVENT(s->service, EVENT_RELATIONSHIP_NOT_FOUND, s->r, EVENT_STRING(s->theirs.host),
                 EVENT_STRING(why.action));
    }
    (void)status_restore(&why);
}

static enum status agree(struct primary_session *s, const struct disk_hold *hold, bool probe,
                         struct agreement *out)
{
    struct request request = {.verb = REQUEST_AGREE,
                              .relationship_id = s->r->id,
                              .resync_id = s->r->resync_id,
                              .probe = probe,
                              .overwrite_replica = s->r->overwrite_replica,
                              .adopt_identity = s->r->adopt_identity};
    struct pair_mismatch mismatch = {.present = false};
    json_t *reply = NULL;
    bool answered = false;
    snprintf(request.vm_name, sizeof request.vm_name, "%s", s->r->name);
    enum status st = describe_disks(hold, &request.disks);
    if (st == STATUS_OK)
        st = primary_ask(s, &request, PRIMARY_ANSWER_MS, &mismatch, &answered, &reply);
    if (st == STATUS_OK)
        st = agreement_decode(reply, out);
    else if (answered)
        tell_refusal(s, st, &mismatch, &request.disks);
    json_decref(reply);
    request_free(&request);
    return st;
}

// ---- begin ----

struct begin_change {
    const struct disk_hold *hold;
    const struct agreement *agreement;
};

static enum status change_begin(struct relationship *r, void *argument)
{
    const struct begin_change *change = argument;
    r->phase = PHASE_COMPARING;
    for (size_t i = 0; i < r->disk_count; i++) {
        struct relationship_disk *d = &r->disks[i];
        struct vhd_info info;
        vhd_get_info(change->hold->disk[i], &info);
        d->compared = info.identity;
        d->compared_saved = true;
        d->total = info.virtual_size;
        char *name = strdup(change->agreement->disks.disk[i].name);
        if (!name)
            return status_no_memory("a name");
        free(d->peer_name);
        d->peer_name = name;
    }
    return STATUS_OK;
}

static enum status ask_simple(struct primary_session *s, enum request_verb verb,
                              uint32_t deadline_ms, bool *answered, json_t **reply)
{
    struct request request = {
        .verb = verb, .relationship_id = s->r->id, .resync_id = s->r->resync_id};
    return primary_ask(s, &request, deadline_ms, NULL, answered, reply);
}

static enum status ask_outcome(struct primary_session *s, enum request_verb verb,
                               uint32_t deadline_ms, bool *answered, enum request_outcome *outcome)
{
    struct outcome_report report;
    json_t *reply = NULL;
    enum status st = ask_simple(s, verb, deadline_ms, answered, &reply);
    if (st == STATUS_OK)
        st = outcome_decode(reply, &report);
    json_decref(reply);
    if (st == STATUS_OK)
        *outcome = report.outcome;
    return st;
}

static enum status check_starts(const struct primary_session *s, const struct beginning *beginning)
{
    if (beginning->count != s->r->disk_count)
        return status_fail(STATUS_PROTOCOL, 0, "The replica begins %zu disks instead of %zu.",
                           beginning->count, s->r->disk_count);
    for (size_t i = 0; i < beginning->count; i++) {
        uint64_t start = beginning->start[i], size = s->progress.disk[i].total;
        if (start > size || (start != size && !is_aligned(start, UNIT_SIZE)))
            return status_fail(STATUS_PROTOCOL, 0,
                               "The replica begins disk %zu at %llu, which is not on it.", i,
                               (unsigned long long)start);
    }
    return STATUS_OK;
}

static enum status change_phase(struct relationship *r, void *argument)
{
    const enum resynchronize_phase *phase = argument;
    r->phase = *phase;
    return STATUS_OK;
}

static enum status persist_phase(struct primary_session *s, enum resynchronize_phase phase)
{
    return registry_update(s->service->registry, s->key, change_phase, &phase);
}

// The replica could not make the children and has none.
static enum status take_back_begin(struct primary_session *s)
{
    struct status_details why = *status_last();
    enum status st = persist_phase(s, PHASE_NONE);
    return st == STATUS_OK ? status_restore(&why) : st;
}

// From here on a child may exist on the replica, which the record says first.
static enum status begin(struct primary_session *s, const struct disk_hold *hold,
                         const struct agreement *agreement, struct beginning *out)
{
    struct begin_change change = {.hold = hold, .agreement = agreement};
    json_t *reply = NULL;
    bool answered = false;
    enum status st = registry_update(s->service->registry, s->key, change_begin, &change);
    if (st == STATUS_OK)
        st = ask_simple(s, REQUEST_BEGIN, PRIMARY_ANSWER_MS, &answered, &reply);
    if (st == STATUS_OK)
        st = beginning_decode(reply, out);
    if (st == STATUS_OK)
        st = check_starts(s, out);
    json_decref(reply);
    if (answered && begin_was_refused(st) && s->r->phase == PHASE_NONE)
        return take_back_begin(s);
    for (size_t i = 0; st == STATUS_OK && i < out->count; i++) {
        struct disk_progress *progress = &s->progress.disk[i];
        progress->start = progress->compared = progress->verified = out->start[i];
    }
    return st;
}

// Not for a resynchronization that goes on: it was said at its beginning.
static void tell_identities(const struct primary_session *s, const struct disk_hold *hold,
                            const struct agreement *agreement)
{
    if (s->r->adopt_identity || s->r->phase != PHASE_NONE)
        return;
    for (size_t i = 0; i < hold->count; i++) {
        const struct peer_disk *theirs = &agreement->disks.disk[i];
        struct peer_disk ours;
        struct vhd_info info;
        vhd_get_info(hold->disk[i], &info);
        peer_disk_describe(&info, &ours);
        if (peer_disk_identity_differs(&ours, theirs))
            VM_EVENT(s->service, EVENT_DISK_IDENTITY_DIFFERS, s->r, EVENT_GUID(s->r->resync_id),
                     EVENT_STRING(s->r->disks[i].path), EVENT_STRING(theirs->name),
                     EVENT_GUID(ours.virtual_disk_id), EVENT_GUID(theirs->virtual_disk_id),
                     EVENT_NUMBER(ours.physical_sector), EVENT_NUMBER(theirs->physical_sector));
    }
}

static enum status agree_and_begin(struct primary_session *s, const struct disk_hold *hold,
                                   struct beginning *out)
{
    struct agreement agreement = {.free_space = 0};
    s->progress.disk_count = hold->count;
    for (size_t i = 0; i < hold->count; i++) {
        struct vhd_info info;
        vhd_get_info(hold->disk[i], &info);
        s->progress.disk[i].total = info.virtual_size;
    }
    enum status st = agree(s, hold, false, &agreement);
    if (st == STATUS_OK && agreement.disks.count != hold->count)
        st = status_fail(STATUS_PROTOCOL, 0, "The replica agreed on another number of disks.");
    if (st == STATUS_OK) {
        tell_identities(s, hold, &agreement);
        st = begin(s, hold, &agreement, out);
    }
    agreement_free(&agreement);
    return st;
}

// ---- commit and follow ----

static enum status change_merged(struct relationship *r, void *argument)
{
    r->phase = PHASE_NONE;
    (void)argument;
    r->last_replication_time = r->commit_time;
    r->commit_time = 0;
    r->last_resync_id = r->resync_id;
    r->last_outcome = OUTCOME_MERGED;
    for (size_t i = 0; i < r->disk_count; i++) {
        struct relationship_disk *d = &r->disks[i];
        if (d->compared_saved) {
            d->identity = d->compared;
            d->identity_saved = true;
        }
    }
    return STATUS_OK;
}

static enum resync_end finished(struct primary_session *s)
{
    for (size_t i = 0; i < s->progress.disk_count; i++)
        s->progress.disk[i].merged = s->progress.disk[i].merge_total;
    enum status st = registry_update(s->service->registry, s->key, change_merged, NULL);
    if (st != STATUS_OK)
        return RESYNC_RETRY;
    primary_show(s, true);
    return RESYNC_MERGED;
}

static enum resync_end act_on_outcome(struct primary_session *s, enum request_outcome outcome)
{
    switch (outcome) {
    case REQUEST_OUTCOME_MERGED:
        return finished(s);
    case REQUEST_OUTCOME_CANCELLED:
        return RESYNC_CANCELLED;
    case REQUEST_OUTCOME_ELSEWHERE:
        (void)status_fail(
            STATUS_REPLICA_CHANGED, 0,
            "The merge of '%s' was finished or undone on %s by somebody else than its service.",
            s->r->name, s->theirs.host);
        (void)status_advise(EVENT_REPLICA_CHANGED, "Resynchronize.");
        return RESYNC_GUARD;
    case REQUEST_OUTCOME_MERGING: // the answer to a follow is never this
    case REQUEST_OUTCOME_COMPARING:
    case REQUEST_OUTCOME_UNKNOWN:
        break;
    }
    (void)status_fail(STATUS_REFUSED, 0,
                      "The replica %s does not know this resynchronization of '%s' any more.",
                      s->theirs.host, s->r->name);
    return RESYNC_RESTART;
}

static enum resync_end follow(struct primary_session *s)
{
    enum request_outcome outcome = REQUEST_OUTCOME_UNKNOWN;
    bool answered = false;
    s->progress.activity = "Merging";
    primary_show(s, true);
    enum status st = ask_outcome(s, REQUEST_FOLLOW, 0, &answered, &outcome);
    return st == STATUS_OK ? act_on_outcome(s, outcome) : primary_end_of(s, st);
}

// The replica has answered: it merges, whatever happens. The disks are free again.
static enum resync_end committed(struct primary_session *s, struct disk_hold **hold)
{
    disk_hold_close(*hold);
    *hold = NULL;
    return follow(s);
}

// As of now the replica's disks will equal ours, which only then are let go.
static enum status change_committing(struct relationship *r, void *argument)
{
    (void)argument;
    r->phase = PHASE_COMMITTING;
    r->commit_time = clock_wall_ms();
    return STATUS_OK;
}

static enum resync_end commit(struct primary_session *s, struct disk_hold **hold)
{
    enum request_outcome outcome = REQUEST_OUTCOME_UNKNOWN;
    bool answered = false;
    atomic_store(&s->committing, true);
    FAULT_POINT("before-committing-persist");
    enum status st = registry_update(s->service->registry, s->key, change_committing, NULL);
    if (st != STATUS_OK)
        return RESYNC_RETRY;
    FAULT_POINT("after-committing-persist");
    s->progress.activity = "Committing";
    primary_show(s, true);
    st = ask_outcome(s, REQUEST_COMMIT, PRIMARY_ANSWER_MS, &answered, &outcome);
    if (st == STATUS_OK &&
        (outcome == REQUEST_OUTCOME_MERGING || outcome == REQUEST_OUTCOME_MERGED))
        return committed(s, hold);
    if (st == STATUS_OK)
        return act_on_outcome(s, outcome);
    if (!answered)
        return primary_end_of(s, st); // it may or may not have committed: the next attempt asks
    struct status_details why = *status_last();
    atomic_store(&s->committing, false);
    if (persist_phase(s, PHASE_COMPARING) != STATUS_OK)
        return RESYNC_RETRY;
    return primary_end_of(s, status_restore(&why));
}

// ---- an attempt ----

static enum resync_end compare_and_commit(struct primary_session *s, struct disk_hold **hold)
{
    struct beginning beginning;
    enum status st = *hold ? STATUS_OK : disk_hold_open(s->service, s->r, hold);
    if (st == STATUS_OK)
        st = agree_and_begin(s, *hold, &beginning);
    if (st != STATUS_OK)
        return primary_end_of(s, st);
    if (beginning.restarted[0] != '\0') {
        (void)status_fail(STATUS_REFUSED, 0, "What was compared cannot be gone on with: %s.",
                          beginning.restarted);
        return RESYNC_RESTART;
    }
    s->progress.activity = "Comparing";
    for (size_t i = 0; st == STATUS_OK && i < beginning.count; i++)
        if (beginning.start[i] < s->progress.disk[i].total)
            st = primary_compare(s, i, (*hold)->disk[i], beginning.start[i]);
    if (st != STATUS_OK)
        return primary_end_of(s, st);
    if (primary_is_ordered(s))
        return primary_end_of(s, STATUS_CANCELLED);
    return commit(s, hold);
}

// COMMIT was or may have been sent: only the replica knows what became of it.
static enum resync_end resume_commit(struct primary_session *s, struct disk_hold **hold)
{
    enum request_outcome outcome = REQUEST_OUTCOME_UNKNOWN;
    bool answered = false;
    atomic_store(&s->committing, true);
    enum status st = ask_outcome(s, REQUEST_OUTCOME, PRIMARY_ANSWER_MS, &answered, &outcome);
    if (st != STATUS_OK)
        return primary_end_of(s, st);
    if (outcome == REQUEST_OUTCOME_MERGING)
        return committed(s, hold);
    if (outcome != REQUEST_OUTCOME_COMPARING)
        return act_on_outcome(s, outcome);
    atomic_store(&s->committing, false);
    st = persist_phase(s, PHASE_COMPARING);
    return st == STATUS_OK ? compare_and_commit(s, hold) : RESYNC_RETRY;
}

static void start_progress(struct primary_session *s)
{
    s->progress.activity = "Connecting";
    s->progress.started = clock_wall_ms();
    s->progress.mono_started = clock_mono_ms();
    s->progress.remaining_s = -1;
}

enum resync_end resync_primary_run(const struct service_context *service, registry_key key,
                                   struct job *job, struct disk_hold **hold,
                                   struct throttle *throttle)
{
    struct primary_session *s = calloc(1, sizeof *s);
    if (!s) {
        (void)status_no_memory("a resynchronization");
        return RESYNC_RETRY;
    }
    s->service = service;
    s->key = key;
    s->job = job;
    s->throttle = throttle;
    atomic_init(&s->committing, false);
    start_progress(s);
    enum status st = primary_open(s, TRANSPORT_CONNECT_MS);
    enum resync_end end;
    if (st != STATUS_OK)
        end = primary_end_of(s, st);
    else
        end =
            s->r->phase == PHASE_COMMITTING ? resume_commit(s, hold) : compare_and_commit(s, hold);
    struct status_details why = *status_last();
    primary_close(s);
    free(s);
    (void)status_restore(&why);
    return end;
}

// ---- cancel ----

// Only a replica that says so itself has nothing to cancel. One that does not let us in may have
// everything.
static enum resync_end end_of_cancel(struct primary_session *s, enum status st, bool answered,
                                     enum request_outcome outcome)
{
    if (answered && st == STATUS_NOT_FOUND)
        return RESYNC_REFUSED;
    if (st != STATUS_OK)
        return job_get_order(s->job) == JOB_CUT ? RESYNC_CUT : RESYNC_RETRY;
    return outcome == REQUEST_OUTCOME_MERGING || outcome == REQUEST_OUTCOME_MERGED ||
                   outcome == REQUEST_OUTCOME_ELSEWHERE
               ? RESYNC_MERGED
               : RESYNC_CANCELLED;
}

enum resync_end resync_primary_cancel(const struct service_context *service, registry_key key,
                                      struct job *job, uint32_t deadline_ms)
{
    struct primary_session *s = calloc(1, sizeof *s);
    if (!s) {
        (void)status_no_memory("a cancel");
        return RESYNC_RETRY;
    }
    s->service = service;
    s->key = key;
    s->job = job;
    s->for_cancel = true;
    atomic_init(&s->committing, false);
    int64_t deadline = clock_mono_ms() + deadline_ms;
    enum request_outcome outcome = REQUEST_OUTCOME_UNKNOWN;
    bool answered = false;
    enum status st =
        primary_open(s, deadline_ms < TRANSPORT_CONNECT_MS ? deadline_ms : TRANSPORT_CONNECT_MS);
    int64_t left = deadline - clock_mono_ms();
    if (st == STATUS_OK)
        st = ask_outcome(s, REQUEST_CANCEL, left > 0 ? (uint32_t)left : 1, &answered, &outcome);
    enum resync_end end = end_of_cancel(s, st, answered, outcome);
    struct status_details why = *status_last();
    primary_close(s);
    free(s);
    (void)status_restore(&why);
    return end;
}

// ---- probe ----

// The disks as they are, without keeping anybody from writing them.
static enum status look_at_disks(const struct primary_session *s, struct disk_hold *look)
{
    struct vhd_open how = {.fs = s->service->fs, .share = FILE_SHARE_ANYTHING};
    enum status st = STATUS_OK;
    for (size_t i = 0; st == STATUS_OK && i < look->count; i++)
        st = vhd_open(s->r->disks[i].path, &how, &look->disk[i]);
    return st;
}

static json_t *report_disks(const struct agreement *agreement)
{
    json_t *disks = json_array();
    for (size_t i = 0; disks && i < agreement->disks.count; i++) {
        const struct peer_disk *disk = &agreement->disks.disk[i];
        if (json_array_append_new(disks, json_pack("{s:s, s:I, s:i}", "Name", disk->name, "Size",
                                                   (json_int_t)disk->size, "LogicalSectorSize",
                                                   (int)disk->logical_sector)) != 0) {
            json_decref(disks);
            return NULL;
        }
    }
    return disks;
}

static enum status probe(struct primary_session *s, json_t **report)
{
    struct disk_hold *look = calloc(1, sizeof *look);
    struct agreement agreement = {.free_space = 0};
    enum status st = STATUS_OK;
    if (!look || !(look->disk = calloc(s->r->disk_count, sizeof *look->disk))) {
        free(look);
        return status_no_memory("the look at disks");
    }
    look->count = s->r->disk_count;
    st = look_at_disks(s, look);
    if (st == STATUS_OK)
        st = agree(s, look, true, &agreement);
    disk_hold_close(look);
    if (st != STATUS_OK)
        return st;
    json_t *object = json_pack("{s:s, s:s, s:o, s:I, s:O}", "ReplicaHost", s->theirs.host,
                               "Version", s->theirs.product, "Disks", report_disks(&agreement),
                               "FreeSpace", (json_int_t)agreement.free_space, "Warnings",
                               agreement.warnings ? agreement.warnings : json_null());
    agreement_free(&agreement);
    if (!object)
        return status_no_memory("the report of a probe");
    *report = object;
    return STATUS_OK;
}

enum status resync_primary_probe(const struct service_context *service, registry_key key,
                                 struct job *job, uint32_t deadline_ms, json_t **report)
{
    struct primary_session *s = calloc(1, sizeof *s);
    if (!s)
        return status_no_memory("a probe");
    s->service = service;
    s->key = key;
    s->job = job;
    atomic_init(&s->committing, false);
    enum status st = primary_open(s, deadline_ms);
    if (st == STATUS_OK)
        st = probe(s, report);
    struct status_details why = *status_last();
    primary_close(s);
    free(s);
    return st == STATUS_OK ? STATUS_OK : status_restore(&why);
}
