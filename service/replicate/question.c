#include "service/replicate/question.h"

#include <stdlib.h>

#include "base/checked.h"
#include "base/clock.h"
#include "service/engine/json_writer.h"
#include "service/replicate/primary_session.h"

struct asking {
    const struct question *question;
    struct primary_session *session;
    struct disk_hold *look;     // the primary's disks; an element may be NULL
    bool looked;                // all of them could be opened
    bool answered;              // the replica has said what it thinks of them
    bool agreed;                // and agreed: `agreement` is valid
    struct agreement agreement; // how it sees its own disks
    json_t *refusals;           // failures that the start would end with
};

static enum status add_refusal(struct asking *a)
{
    return json_array_append_new(a->refusals, js_from_status(status_last())) == 0
               ? STATUS_OK
               : status_no_memory("a refusal");
}

// ---- the primary's disks ----

// As a start would open it, but without waiting for whoever holds it; then in any case to look.
static enum status look_at_disk(struct asking *a, size_t i)
{
    const char *path = a->session->r->disks[i].path;
    struct vhd_open how = {.fs = a->session->service->fs, .share = FILE_SHARE_DENY_WRITE};
    enum status st = vhd_open(path, &how, &a->look->disk[i]);
    if (st == STATUS_OK)
        return STATUS_OK;
    bool in_use = st == STATUS_IN_USE;
    st = add_refusal(a);
    how.share = FILE_SHARE_ANYTHING;
    if (st == STATUS_OK && (!in_use || vhd_open(path, &how, &a->look->disk[i]) != STATUS_OK))
        a->looked = false;
    return st;
}

static enum status look_at_disks(struct asking *a)
{
    size_t count = a->session->r->disk_count;
    a->look->disk = calloc(count, sizeof *a->look->disk);
    if (!a->look->disk)
        return status_no_memory("the look at disks");
    a->look->count = count;
    a->looked = true;
    enum status st = STATUS_OK;
    for (size_t i = 0; st == STATUS_OK && i < count; i++)
        st = look_at_disk(a, i);
    return st;
}

// ---- asking ----

static enum status ask_state(struct asking *a)
{
    const struct relationship *r = a->session->r;
    int64_t start_time = a->question->start_time;
    enum relationship_verb verb = VERB_RESUME_RESYNCHRONIZE;
    enum relationship_action action;
    enum status st = STATUS_OK;
    if (start_time != 0) {
        verb = VERB_SCHEDULE_RESYNCHRONIZE;
        st = schedule_check_start_time(r->name, start_time, clock_wall_ms());
    }
    if (st == STATUS_OK)
        st = relationship_decide(r, verb, r->queue_number != 0, &action);
    return st == STATUS_OK ? STATUS_OK : add_refusal(a);
}

static enum status ask_replica(struct asking *a)
{
    if (!a->looked)
        return STATUS_OK;
    a->session->r->overwrite_replica = a->question->overwrite_replica;
    enum status st = primary_agree(a->session, REQUEST_AGREE, a->look, &a->answered, &a->agreement);
    a->agreed = st == STATUS_OK;
    return st != STATUS_OK && a->answered ? add_refusal(a) : st;
}

// ---- the report ----

struct amounts {
    uint64_t size, allocated;
};

static json_t *disk_view(const struct asking *a, size_t i, struct amounts *sum)
{
    const struct relationship_disk *disk = &a->session->r->disks[i];
    const struct peer_disk *theirs = a->agreed ? &a->agreement.disks.disk[i] : NULL;
    struct json_writer w = json_writer_begin(NULL);
    json_writer_text(&w, "Path", disk->path);
    json_writer_text(&w, "PeerName", theirs ? theirs->name : disk->peer_name);
    if (a->look->disk[i]) {
        struct vhd_info info;
        vhd_get_info(a->look->disk[i], &info);
        json_writer_number(&w, "VirtualSize", info.virtual_size);
        json_writer_number(&w, "AllocatedBytes", info.allocated);
        sum->size += info.virtual_size;
        sum->allocated += info.allocated;
    } else {
        json_writer_null(&w, "VirtualSize");
        json_writer_null(&w, "AllocatedBytes");
    }
    if (theirs)
        json_writer_number(&w, "ReplicaAllocatedBytes", theirs->allocated);
    else
        json_writer_null(&w, "ReplicaAllocatedBytes");
    return json_writer_end(&w);
}

static json_t *disks_view(const struct asking *a, struct amounts *sum)
{
    json_t *array = json_array();
    for (size_t i = 0; array && i < a->session->r->disk_count; i++)
        if (json_array_append_new(array, disk_view(a, i, sum)) != 0) {
            json_decref(array);
            return NULL;
        }
    return array;
}

static json_t *volumes_view(const struct agreement *agreement)
{
    json_t *array = json_array();
    for (size_t i = 0; array && i < agreement->volume_count; i++) {
        const struct peer_volume *volume = &agreement->volume[i];
        struct json_writer w = json_writer_begin(NULL);
        json_writer_text(&w, "Name", volume->name);
        json_writer_number(&w, "BytesNeeded", volume->needed);
        json_writer_number(&w, "BytesFree", volume->free_space);
        if (json_array_append_new(array, json_writer_end(&w)) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static uint64_t smaller_limit(uint64_t a, uint64_t b)
{
    return a == 0 || b == 0 ? a + b : min_u64(a, b);
}

// What was measured says more than a limit, which is the slowest that it can be.
static void put_estimate(struct json_writer *w, const struct asking *a, uint64_t bytes)
{
    const struct relationship *r = a->session->r;
    uint64_t limit = smaller_limit(r->bandwidth_limit, a->question->bandwidth_limit);
    uint64_t rate = r->measured_rate ? r->measured_rate : limit;
    json_writer_text(w, "EstimateBasis",
                     r->measured_rate ? "MeasuredRate"
                     : limit          ? "BandwidthLimit"
                                      : "Unknown");
    if (rate == 0 || !a->looked) {
        json_writer_null(w, "EstimatedTime");
        json_writer_null(w, "EstimatedBytesPerSecond");
    } else {
        json_writer_number(w, "EstimatedTime", divide_up(bytes, rate));
        json_writer_number(w, "EstimatedBytesPerSecond", rate);
    }
}

static void put_plan(struct json_writer *w, const struct asking *a)
{
    struct amounts sum = {0};
    json_t *warnings = a->agreement.warnings ? json_incref(a->agreement.warnings) : json_array();
    json_writer_text(w, "VMName", a->session->r->name);
    json_writer_value(w, "Disks", disks_view(a, &sum));
    json_writer_number(w, "VirtualSize", sum.size);
    json_writer_number(w, "AllocatedBytes", sum.allocated);
    json_writer_value(w, "Volumes", volumes_view(&a->agreement));
    json_writer_value(w, "Warnings", warnings);
    json_writer_value(w, "Refusals", json_incref(a->refusals));
    put_estimate(w, a, sum.allocated);
}

static void put_acceptance(struct json_writer *w, const struct asking *a)
{
    json_t *refusal = json_array_get(a->refusals, 0);
    json_writer_text(w, "VMName", a->question->key ? a->session->r->name : NULL);
    if (a->question->key)
        json_writer_bool(w, "Accepted", !refusal);
    else
        json_writer_null(w, "Accepted");
    json_writer_value(w, "Refusal", refusal ? json_incref(refusal) : json_null());
}

static enum status make_report(const struct asking *a, json_t **report)
{
    const struct primary_session *s = a->session;
    struct json_writer w = json_writer_begin(NULL);
    json_writer_text(&w, "ReplicaServerName", s->r->replica_server);
    json_writer_number(&w, "ReplicaServerPort", s->r->replica_port);
    json_writer_text(&w, "ReplicaHost", s->theirs.host);
    json_writer_text(&w, "ReplicaVersion", s->theirs.product);
    if (a->question->kind == QUESTION_PLAN)
        put_plan(&w, a);
    else
        put_acceptance(&w, a);
    json_t *object = json_writer_end(&w);
    if (object)
        *report = object;
    return w.status;
}

// ---- the question ----

// Nobody's record, to name a server.
static enum status nobody_at(const struct question *question, struct relationship **out)
{
    struct relationship *r = relationship_new();
    if (!r)
        return status_no_memory("a question");
    enum status st = relationship_set_text(&r->name, "");
    if (st == STATUS_OK)
        st = relationship_set_text(&r->replica_server, question->server);
    r->replica_port = question->port;
    if (st == STATUS_OK)
        *out = r;
    else
        relationship_free(r);
    return st;
}

static enum status ask(struct asking *a, uint32_t deadline_ms, json_t **report)
{
    struct primary_session *s = a->session;
    enum status st = a->question->key ? STATUS_OK : nobody_at(a->question, &s->r);
    if (st == STATUS_OK)
        st = primary_open(s, deadline_ms);
    if (st == STATUS_OK && a->question->kind == QUESTION_PLAN)
        st = ask_state(a);
    if (st == STATUS_OK && a->question->key)
        st = look_at_disks(a);
    if (st == STATUS_OK && a->question->key)
        st = ask_replica(a);
    return st == STATUS_OK ? make_report(a, report) : st;
}

enum status question_ask(const struct service_context *service, const struct question *question,
                         struct job *job, uint32_t deadline_ms, json_t **report)
{
    struct disk_hold *look = calloc(1, sizeof *look);
    struct asking a = {.question = question,
                       .session = calloc(1, sizeof *a.session),
                       .look = look,
                       .refusals = json_array()};
    enum status st = STATUS_OK;
    if (!a.session || !look || !a.refusals) {
        st = status_no_memory("a question");
        free(a.session);
        free(look);
        json_decref(a.refusals);
        return st;
    }
    a.session->service = service;
    a.session->key = question->key;
    a.session->job = job;
    a.session->question = true;
    atomic_init(&a.session->committing, false);
    st = ask(&a, deadline_ms, report);
    struct status_details why = *status_last();
    disk_hold_close(look);
    agreement_free(&a.agreement);
    json_decref(a.refusals);
    primary_close(a.session);
    free(a.session);
    return st == STATUS_OK ? STATUS_OK : status_restore(&why);
}
