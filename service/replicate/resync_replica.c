// One connection of a primary: routes its frames, answers its requests in order, ends it with a
// reason.
#include "service/replicate/resync_replica.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "service/replicate/fault_point.h"
#include "service/replicate/replica_session.h"
#include "service/vm_events.h"

// Requests and window ends come besides the data that credit allows.
#define INBOX_LIMIT        (REPLICA_DATA_CREDIT + 2 * WIRE_PAYLOAD_MAX)
#define FOLLOW_INTERVAL_MS 200
#define WAIT_MS            1000

// ---- the reading thread ----

// Past the inbox: what the primary waits for must not wait for our writing.
static enum status on_hasher_frame(struct replica_session *s, const struct wire_header *header,
                                   const uint8_t *payload)
{
    pthread_mutex_lock(&s->hasher_mutex);
    enum status st =
        s->hasher ? replica_hasher_frame(s->hasher, header, payload)
                  : status_fail(STATUS_PROTOCOL, 0, "The primary sent a %s frame out of turn.",
                                wire_type_name(header->type));
    pthread_mutex_unlock(&s->hasher_mutex);
    return st;
}

static enum status on_frame(void *context, const struct wire_header *header, const uint8_t *payload)
{
    struct replica_session *s = context;
    switch (header->type) {
    case WIRE_REQUEST:
    case WIRE_UNIT:
    case WIRE_ZERO:
    case WIRE_WINDOW_END:
        return inbox_put(s->inbox, header, payload);
    case WIRE_DIGEST_CREDIT:
    case WIRE_LEAF_REQUEST:
        return on_hasher_frame(s, header, payload);
    default:
        return status_fail(STATUS_PROTOCOL, 0, "A primary does not send %s frames.",
                           wire_type_name(header->type));
    }
}

static void on_end(void *context, const struct status_details *why)
{
    struct replica_session *s = context;
    inbox_end(s->inbox, why);
}

static void on_wake(void *context)
{
    struct replica_session *s = context;
    if (job_get_order(s->job) == JOB_CUT)
        connection_interrupt(s->connection);
}

// ---- requests ----

static enum status send_reply(struct replica_session *s, json_t *reply)
{
    return connection_send_json(s->connection, WIRE_REPLY, reply);
}

static enum status grant_data(struct replica_session *s)
{
    uint8_t number[LENGTH_PAYLOAD_SIZE];
    message_length_encode(REPLICA_DATA_CREDIT, number);
    return connection_send(s->connection, WIRE_DATA_CREDIT, 0, 0, number, sizeof number, NULL, 0);
}

static enum status answer_agree(struct replica_session *s, struct request *request, json_t **reply)
{
    struct agreement agreement = {.free_space = 0};
    if (s->agreed.disks.count > 0)
        return status_fail(STATUS_PROTOCOL, 0, "The primary agrees twice in one connection.");
    enum status st = replica_agree(s, request, &agreement);
    if (st == STATUS_OK) {
        *reply = agreement_encode(&agreement);
        agreement_free(&agreement);
    }
    return st;
}

static enum status answer_compare(struct replica_session *s, struct request *request,
                                  json_t **reply)
{
    enum status st = answer_agree(s, request, reply);
    if (st != STATUS_OK)
        return st;
    st = replica_begin_comparison(s);
    if (st != STATUS_OK) {
        json_decref(*reply);
        *reply = NULL;
    }
    return st;
}

static enum status answer_begin(struct replica_session *s, const struct request *request,
                                json_t **reply)
{
    struct beginning beginning = {.count = 0};
    if (s->agreed.disks.count == 0 || s->begun ||
        !guid_equal(&request->resync_id, &s->agreed.resync_id))
        return status_fail(STATUS_PROTOCOL, 0, "The primary begins what was not agreed on.");
    enum status st = replica_begin(s, &beginning);
    if (st == STATUS_OK)
        st = grant_data(s);
    if (st == STATUS_OK)
        *reply = beginning_encode(&beginning);
    return st;
}

static enum status answer_commit(struct replica_session *s, const struct request *request,
                                 json_t **reply)
{
    struct outcome_report report;
    enum status st = STATUS_OK;
    if (s->claim && !guid_equal(&request->resync_id, &s->agreed.resync_id))
        return status_fail(STATUS_PROTOCOL, 0, "The primary commits what was not agreed on.");
    if (!s->claim)
        st = status_fail(STATUS_PROTOCOL, 0, "The primary commits without a beginning.");
    if (st == STATUS_OK)
        st = replica_commit(s, request, &report);
    if (st == STATUS_OK)
        *reply = outcome_encode(&report);
    return st;
}

// Whatever works on the relationship now is displaced first, so that no commit can pass this by.
// A cancel of a resynchronization that never began here: what still comes of it is refused, and it
// is shown as cancelled on both hosts. To its primary it stays unknown: this replica may have
// forgotten a merge.
static enum status change_unbegun(struct relationship *r, void *argument)
{
    if (relationship_is_merging(r))
        return STATUS_OK;
    r->last_resync_id = *(const struct guid *)argument;
    r->last_outcome = OUTCOME_CANCELLED;
    r->last_unbegun = true;
    return STATUS_OK;
}

static enum status answer_cancel(struct replica_session *s, const struct request *request,
                                 json_t **reply)
{
    struct outcome_report report;
    enum status st = STATUS_OK;
    if (s->agreed.disks.count > 0)
        return status_fail(STATUS_PROTOCOL, 0, "A cancel comes in a connection of its own.");
    if (!s->claim)
        st = replica_claim_take(s->service->replicas, s->key, s->job, REPLICA_CLAIM_WAIT_MS,
                                &s->claim);
    if (st == STATUS_OK)
        st = replica_outcome(s->service, s->key, &request->resync_id, &report);
    if (st == STATUS_OK && report.outcome == REQUEST_OUTCOME_COMPARING) {
        st = replica_discard(s->service, s->key, s->claim, REASON_CANCELLED);
        report.outcome = REQUEST_OUTCOME_CANCELLED;
    } else if (st == STATUS_OK && report.outcome == REQUEST_OUTCOME_UNKNOWN) {
        struct guid id = request->resync_id;
        st = registry_update(s->service->registry, s->key, change_unbegun, &id);
    }
    if (st == STATUS_OK)
        *reply = outcome_encode(&report);
    return st;
}

// Answers when the merge is over; tells its progress meanwhile.
static enum status answer_follow(struct replica_session *s, const struct request *request,
                                 bool follow, json_t **reply)
{
    struct outcome_report report;
    uint64_t seen = replica_table_await(s->service->replicas, UINT64_MAX, 0);
    int64_t told = clock_mono_ms();
    enum status st = replica_outcome(s->service, s->key, &request->resync_id, &report);
    while (st == STATUS_OK && follow && report.outcome == REQUEST_OUTCOME_MERGING) {
        struct inbox_frame *frame = NULL;
        seen = replica_table_await(s->service->replicas, seen, FOLLOW_INTERVAL_MS);
        st = inbox_take(s->inbox, 0, &frame);
        if (st == STATUS_OK && frame)
            st = status_fail(STATUS_PROTOCOL, 0, "The primary asks again before its answer.");
        free(frame);
        if (st == STATUS_OK)
            st = replica_outcome(s->service, s->key, &request->resync_id, &report);
        if (st == STATUS_OK && clock_mono_ms() - told >= FOLLOW_INTERVAL_MS) {
            st = connection_send_json(s->connection, WIRE_MERGE_PROGRESS, outcome_encode(&report));
            told = clock_mono_ms();
        }
    }
    if (st == STATUS_OK)
        *reply = outcome_encode(&report);
    return st;
}

static enum status answer(struct replica_session *s, struct request *request, json_t **reply)
{
    if (s->compares)
        return status_fail(STATUS_PROTOCOL, 0, "The primary asks for more than to compare.");
    if (request->verb == REQUEST_AGREE)
        return answer_agree(s, request, reply);
    if (request->verb == REQUEST_COMPARE)
        return answer_compare(s, request, reply);
    registry_key key = 0;
    enum status st = replica_find(s, request, false, &key);
    if (st == STATUS_OK && s->claim && key != s->key)
        st = status_fail(STATUS_PROTOCOL, 0, "One connection is about one relationship.");
    if (st != STATUS_OK)
        return st;
    s->key = key;
    switch (request->verb) {
    case REQUEST_BEGIN:
        return answer_begin(s, request, reply);
    case REQUEST_COMMIT:
        return answer_commit(s, request, reply);
    case REQUEST_CANCEL:
        return answer_cancel(s, request, reply);
    default:
        return answer_follow(s, request, request->verb == REQUEST_FOLLOW, reply);
    }
}

// A refusal is an answer and the connection goes on; a breach of the protocol or a lost connection
// ends it.
static enum status take_request(struct replica_session *s, const struct inbox_frame *frame)
{
    struct request request = {.verb = REQUEST_AGREE};
    json_t *reply = NULL;
    enum status st = request_decode(frame->payload, frame->header.length, &request);
    if (st != STATUS_OK)
        return st;
    st = answer(s, &request, &reply);
    request_free(&request);
    if (st == STATUS_PROTOCOL || st == STATUS_CONNECTION)
        return st;
    if (st != STATUS_OK) {
        struct status_details why = *status_last();
        return send_reply(s, reply_error(&why, &s->mismatch));
    }
    return send_reply(s, reply);
}

// ---- the session ----

static enum status take_frame(struct replica_session *s, const struct inbox_frame *frame)
{
    if (frame->header.type == WIRE_REQUEST)
        return take_request(s, frame);
    if (!s->begun)
        return status_fail(STATUS_PROTOCOL, 0, "The primary sent a %s frame before a beginning.",
                           wire_type_name(frame->header.type));
    return replica_writer_frame(s->writer, &frame->header, frame->payload);
}

static enum status greet(struct replica_session *s)
{
    enum status st = hello_init(&s->mine, s->service->host_name);
    if (st == STATUS_OK)
        st = connection_hello(s->connection, &s->mine, &s->theirs);
    if (st == STATUS_OK && !s->theirs.digest_xxh3)
        st = status_fail(STATUS_VERSION, 0,
                         "The primary %s does not know the digest that this version uses.",
                         s->theirs.host);
    if (st != STATUS_OK)
        return st;
    digest_key_derive(s->theirs.nonce, s->mine.nonce, &s->digest_key);
    struct connection_reader reader = {.context = s, .frame = on_frame, .ended = on_end};
    return connection_start(s->connection, &reader);
}

static enum status serve(struct replica_session *s)
{
    for (;;) {
        struct inbox_frame *frame = NULL;
        enum status st = inbox_take(s->inbox, WAIT_MS, &frame);
        if (st == STATUS_OK && job_get_order(s->job) == JOB_CUT)
            st = status_fail(STATUS_CONNECTION, 0,
                             "The service or a newer connection ends this one.");
        if (st == STATUS_OK && frame)
            st = take_frame(s, frame);
        free(frame);
        if (st != STATUS_OK)
            return st;
    }
}

void resync_replica_hold(const struct service_context *service, registry_key key)
{
    struct replica_claim *claim = NULL;
    struct relationship *r = NULL;
    struct vhd **bases = NULL;
    if (replica_claim_take(service->replicas, key, NULL, REPLICA_CLAIM_WAIT_MS, &claim) !=
        STATUS_OK)
        return; // a primary is back already, and holds them
    if (registry_get(service->registry, key, &r) == STATUS_OK && r->phase == PHASE_COMPARING &&
        replica_hold_bases(service, claim, r, &bases) != STATUS_OK)
        replica_claim_drop_bases(claim); // all or none
    relationship_free(r);
    replica_claim_release(claim);
}

// Bases stay held while a child exists.
static void let_go(struct replica_session *s)
{
    struct relationship *r = NULL;
    replica_unbegin(s);
    if (s->claim && registry_get(s->service->registry, s->key, &r) == STATUS_OK) {
        if (r->phase != PHASE_COMPARING)
            replica_claim_drop_bases(s->claim);
        relationship_free(r);
    } else if (s->claim) {
        replica_claim_drop_bases(s->claim);
    }
    replica_claim_release(s->claim);
    request_free(&s->agreed);
}

void resync_replica_session(const struct service_context *service,
                            const struct replica_hooks *hooks, struct stream *stream,
                            struct job *job)
{
    struct replica_session *s = calloc(1, sizeof *s);
    if (!s || pthread_mutex_init(&s->hasher_mutex, NULL) != 0) {
        free(s);
        stream->ops->close(stream);
        return;
    }
    s->service = service;
    s->hooks = hooks;
    s->job = job;
    enum status st = connection_new(stream, &s->connection);
    if (st == STATUS_OK)
        st = inbox_new(INBOX_LIMIT, &s->inbox);
    if (st == STATUS_OK) {
        job_set_wake(job, on_wake, s);
        if (job_get_order(job) == JOB_CUT)
            connection_interrupt(s->connection);
        st = greet(s);
        if (st == STATUS_OK)
            st = serve(s);
    }
    struct status_details why = *status_last();
    if (st == STATUS_PROTOCOL && s->connection)
        EventWritePeerMisbehaved(service->events, connection_peer(s->connection), why.message,
                                 event_code(&why));
    // The disks first: whoever displaces this connection waits for them, not for the peer.
    if (st != STATUS_CONNECTION && s->connection)
        connection_tell(s->connection, &why);
    let_go(s);
    job_set_wake(job, NULL, NULL);
    connection_end(s->connection, st != STATUS_CONNECTION);
    inbox_free(s->inbox);
    pthread_mutex_destroy(&s->hasher_mutex);
    free(s);
}
