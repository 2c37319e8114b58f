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
#include "service/vm_events.h"

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
            EventWriteDiskIdentityDiffers(s->service->events, s->r->name, s->r->id.bytes,
                                          s->r->resync_id.bytes, s->r->disks[i].path, theirs->name,
                                          ours.virtual_disk_id.bytes, theirs->virtual_disk_id.bytes,
                                          ours.physical_sector, theirs->physical_sector);
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
    bool answered = false;
    enum status st = primary_agree(s, REQUEST_AGREE, hold, &answered, &agreement);
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
        (void)status_advise(ReplicaChanged_value, "Resynchronize.");
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
    const struct primary_session *s = argument;
    r->phase = PHASE_COMMITTING;
    r->commit_time = clock_wall_ms();
    r->measured_rate = primary_measured_rate(s, r->measured_rate);
    return STATUS_OK;
}

static enum resync_end commit(struct primary_session *s, struct disk_hold **hold)
{
    enum request_outcome outcome = REQUEST_OUTCOME_UNKNOWN;
    bool answered = false;
    atomic_store(&s->committing, true);
    FAULT_POINT("before-committing-persist");
    enum status st = registry_update(s->service->registry, s->key, change_committing, s);
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

// The end of 29292 and 32315.
static void tell_connected_again(const struct primary_session *s)
{
    if (s->r->attempts > 0)
        EventWriteAttemptSucceeded(s->service->events, s->r->name, s->r->id.bytes,
                                   s->r->resync_id.bytes, s->r->replica_server, s->r->attempts);
}

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
    tell_connected_again(s);
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
    if (outcome != REQUEST_OUTCOME_COMPARING)
        tell_connected_again(s);
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

// A replica that has begun nothing has nothing to cancel. But COMMIT may have reached it before it
// forgot: then nobody can say what its disks are.
static enum resync_end end_of_forgotten(const struct primary_session *s, enum resync_end otherwise)
{
    if (s->r->phase != PHASE_COMMITTING)
        return otherwise;
    (void)status_fail(STATUS_REPLICA_CHANGED, 0,
                      "%s does not know this resynchronization of '%s' any more; whether it was "
                      "merged into the replica's disks before cannot be told.",
                      s->theirs.host, s->r->name);
    (void)status_advise(0, "Resynchronize.");
    return RESYNC_GUARD;
}

// Only a replica that says so itself has nothing to cancel. One that does not let us in may have
// everything.
static enum resync_end end_of_cancel(struct primary_session *s, enum status st, bool answered,
                                     enum request_outcome outcome)
{
    if (answered && st == STATUS_NOT_FOUND)
        return end_of_forgotten(s, RESYNC_REFUSED);
    if (st != STATUS_OK)
        return job_get_order(s->job) == JOB_CUT ? RESYNC_CUT : RESYNC_RETRY;
    if (outcome == REQUEST_OUTCOME_UNKNOWN)
        return end_of_forgotten(s, RESYNC_CANCELLED);
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
