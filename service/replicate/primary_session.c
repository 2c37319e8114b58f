// The primary's end of a connection: opened, asked over, ended by orders.
#include "service/replicate/primary_session.h"

#include <stdlib.h>

#include "base/clock.h"
#include "service/vm_events.h"

// Digests within the credit that compare.c gives, answers for leaves, and an answer in JSON.
#define INBOX_LIMIT (4 * WIRE_PAYLOAD_MAX)
#define PROGRESS_MS 100
#define RATE_MS     1000
#define WAIT_MS     1000
#define SUSPEND_MS  10000 // a suspension waits so long for what was sent to be verified

static bool may_interrupt(struct primary_session *s, enum job_order order)
{
    return order == JOB_CUT || (order != JOB_GO && !s->for_cancel && !atomic_load(&s->committing));
}

bool primary_is_ordered(void *session)
{
    struct primary_session *s = session;
    return may_interrupt(s, job_get_order(s->job));
}

static bool may_settle(struct primary_session *s)
{
    return job_get_order(s->job) == JOB_SUSPEND && atomic_load(&s->comparing);
}

bool primary_must_end(void *session)
{
    struct primary_session *s = session;
    if (!primary_is_ordered(s))
        return false;
    if (s->suspend_until == 0)
        s->suspend_until = clock_mono_ms() + SUSPEND_MS;
    return !may_settle(s) || clock_mono_ms() >= s->suspend_until;
}

static void on_wake(void *context)
{
    struct primary_session *s = context;
    if (may_settle(s))
        inbox_wake(s->inbox);
    else if (primary_is_ordered(s))
        connection_interrupt(s->connection);
}

static enum status on_frame(void *context, const struct wire_header *header, const uint8_t *payload)
{
    struct primary_session *s = context;
    switch (header->type) {
    case WIRE_REPLY:
    case WIRE_MERGE_PROGRESS:
    case WIRE_ZERO_RUN:
    case WIRE_HASH:
    case WIRE_LEAVES:
    case WIRE_DATA_CREDIT:
    case WIRE_RESEND:
    case WIRE_VERIFIED:
        return inbox_put(s->inbox, header, payload);
    default:
        return status_fail(STATUS_PROTOCOL, 0, "A replica does not send %s frames.",
                           wire_type_name(header->type));
    }
}

static void on_end(void *context, const struct status_details *why)
{
    struct primary_session *s = context;
    inbox_end(s->inbox, why);
}

static enum status change_clocks(struct relationship *r, void *argument)
{
    r->clocks_differ = *(const bool *)argument;
    return STATUS_OK;
}

// Told when it begins and when it ends, not with each connection.
static void compare_clocks(const struct primary_session *s)
{
    int64_t apart = s->theirs.wall_ms - s->mine.wall_ms;
    apart = apart < 0 ? -apart : apart;
    bool differ = apart > WIRE_CLOCK_SKEW_MS;
    if (differ == s->r->clocks_differ ||
        registry_update(s->service->registry, s->key, change_clocks, &differ) != STATUS_OK)
        return;
    if (differ)
        EventWriteClocksDiffer(s->service->events, s->theirs.host, (uint64_t)apart / 1000);
    else
        EventWriteClocksAgree(s->service->events, s->theirs.host);
}

// Whoever listens there is no VRep, and will be none at the next attempt.
static enum status refuse_stranger(const struct primary_session *s)
{
    struct status_details why = *status_last();
    (void)status_fail(STATUS_REFUSED, 0, "%s port %u: %s", s->r->replica_server, s->r->replica_port,
                      why.message);
    return status_advise(0, "Check that the replica's name and port are those of a VRep service.");
}

static enum status greet(struct primary_session *s)
{
    enum status st = hello_init(&s->mine, s->service->host_name);
    if (st == STATUS_OK)
        st = connection_hello(s->connection, &s->mine, &s->theirs);
    if (st == STATUS_OK && !s->theirs.digest_xxh3) {
        (void)status_fail(STATUS_VERSION, 0,
                          "The replica %s (VRep %s) does not know the digest that this host uses.",
                          s->theirs.host, s->theirs.product);
        st = status_advise(0, "Upgrade VRep on %s.", s->theirs.host);
    }
    if (st == STATUS_PROTOCOL)
        st = refuse_stranger(s);
    if (st != STATUS_OK)
        return st;
    if (!s->question)
        compare_clocks(s);
    digest_key_derive(s->mine.nonce, s->theirs.nonce, &s->digest_key);
    struct connection_reader reader = {.context = s, .frame = on_frame, .ended = on_end};
    return connection_start(s->connection, &reader);
}

static void tell_unreachable(const struct primary_session *s)
{
    struct status_details why = *status_last();
    EventWriteReplicaNotReachable(s->service->events, s->r->name, s->r->id.bytes, why.message,
                                  event_code(&why), s->r->replica_server, s->r->replica_port);
    (void)status_restore(&why);
}

enum status primary_open(struct primary_session *s, uint32_t deadline_ms)
{
    struct stream *stream = NULL;
    enum status st = s->r ? STATUS_OK : registry_get(s->service->registry, s->key, &s->r);
    if (st == STATUS_OK)
        st = inbox_new(INBOX_LIMIT, &s->inbox);
    if (st != STATUS_OK)
        return st;
    st = transport_connect(s->r->replica_server, s->r->replica_port, deadline_ms,
                           primary_is_ordered, s, &stream);
    if (st == STATUS_OK)
        st = connection_new(stream, &s->connection);
    if (st == STATUS_OK) {
        job_set_wake(s->job, on_wake, s);
        if (primary_is_ordered(s))
            st = status_fail(STATUS_CANCELLED, 0, "The connection was given up on request.");
        else
            st = greet(s);
    }
    if (st == STATUS_CONNECTION && !s->question && !primary_is_ordered(s))
        tell_unreachable(s);
    return st;
}

void primary_close(struct primary_session *s)
{
    job_set_wake(s->job, NULL, NULL);
    connection_end(s->connection, false);
    s->connection = NULL;
    inbox_free(s->inbox);
    s->inbox = NULL;
    relationship_free(s->r);
    s->r = NULL;
}

enum resync_end primary_end_of(struct primary_session *s, enum status st)
{
    enum job_order order = job_get_order(s->job);
    if (order == JOB_CUT)
        return RESYNC_CUT;
    if (primary_is_ordered(s))
        return order == JOB_SUSPEND ? RESYNC_SUSPENDED : RESYNC_RETRY;
    switch (st) {
    case STATUS_CANCELLED:
        return RESYNC_CANCELLED;
    case STATUS_CONNECTION:
    case STATUS_TIMEOUT:
    case STATUS_PROTOCOL: // after a hello: bytes damaged on the way, most likely
    case STATUS_IN_USE:
    case STATUS_OUT_OF_MEMORY:
    case STATUS_UNAVAILABLE:
        return RESYNC_RETRY;
    case STATUS_NO_SPACE:
        return RESYNC_NO_SPACE;
    case STATUS_REPLICA_CHANGED:
        return RESYNC_GUARD;
    case STATUS_NOT_FOUND:
    case STATUS_ACCESS_DENIED:
    case STATUS_MISMATCH:
    case STATUS_REFUSED:
    case STATUS_UNSUPPORTED:
    case STATUS_VERSION:
    case STATUS_INVALID_ARGUMENT:
        return RESYNC_REFUSED;
    default:
        return RESYNC_FAILED;
    }
}

// ---- progress ----

static uint64_t resolved(const struct resync_progress *p)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < p->disk_count; i++)
        sum += p->disk[i].compared + p->disk[i].merged;
    return sum;
}

static uint64_t remaining(const struct resync_progress *p)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < p->disk_count; i++)
        sum += p->disk[i].total - p->disk[i].compared + p->disk[i].merge_total - p->disk[i].merged;
    return sum;
}

static void measure_rate(struct primary_session *s, int64_t now)
{
    int64_t passed = now - s->rate_time;
    uint64_t position = resolved(&s->progress);
    if (s->rate_time != 0 && passed < RATE_MS)
        return;
    if (s->rate_time != 0 && position >= s->rate_position) {
        uint64_t rate = (position - s->rate_position) * 1000 / (uint64_t)passed;
        s->progress.rate = s->progress.rate == 0 ? rate : (2 * s->progress.rate + rate) / 3;
        s->progress.remaining_s =
            s->progress.rate == 0 ? -1 : (int64_t)(remaining(&s->progress) / s->progress.rate);
    }
    s->rate_time = now;
    s->rate_position = position;
}

uint64_t primary_measured_rate(const struct primary_session *s, uint64_t otherwise)
{
    if (s->examined == 0)
        return otherwise;
    uint64_t ms = s->examining_ms > 0 ? (uint64_t)s->examining_ms : 1;
    return s->examined / ms * 1000 + s->examined % ms * 1000 / ms;
}

void primary_show(struct primary_session *s, bool now)
{
    int64_t mono = clock_mono_ms();
    if (!now && mono - s->progress_shown < PROGRESS_MS)
        return;
    s->progress_shown = mono;
    measure_rate(s, mono);
    registry_set_progress(s->service->registry, s->key, s->shown_as, &s->progress);
}

// ---- requests ----

static enum status show_merge(struct primary_session *s, const struct inbox_frame *frame)
{
    json_t *object = NULL;
    struct outcome_report report;
    enum status st = js_parse((const char *)frame->payload, frame->header.length, &object);
    if (st == STATUS_OK)
        st = outcome_decode(object, &report);
    json_decref(object);
    for (size_t i = 0; st == STATUS_OK && i < report.count && i < s->progress.disk_count; i++) {
        s->progress.disk[i].merge_total = report.disk[i].total;
        s->progress.disk[i].merged = report.disk[i].merged;
    }
    if (st == STATUS_OK)
        primary_show(s, true);
    return st;
}

enum status primary_take_frame(struct primary_session *s, const struct inbox_frame *frame)
{
    uint64_t credit = 0;
    enum status st;
    switch (frame->header.type) {
    case WIRE_DATA_CREDIT:
        st = message_number_decode(&frame->header, frame->payload, &credit);
        if (st == STATUS_OK && credit < s->data_credit)
            st = status_fail(STATUS_PROTOCOL, 0, "The replica takes credit back.");
        if (st == STATUS_OK)
            s->data_credit = credit;
        return st;
    case WIRE_MERGE_PROGRESS:
        return show_merge(s, frame);
    default:
        return status_fail(STATUS_PROTOCOL, 0, "The replica sent a %s frame out of turn.",
                           wire_type_name(frame->header.type));
    }
}

enum status primary_ask(struct primary_session *s, const struct request *request,
                        uint32_t deadline_ms, struct pair_mismatch *mismatch, bool *answered,
                        json_t **reply)
{
    int64_t deadline = deadline_ms ? clock_mono_ms() + deadline_ms : INT64_MAX;
    *answered = false;
    enum status st = connection_send_json(s->connection, WIRE_REQUEST, request_encode(request));
    while (st == STATUS_OK) {
        struct inbox_frame *frame = NULL;
        if (primary_is_ordered(s))
            return status_fail(STATUS_CANCELLED, 0, "The connection was given up on request.");
        if (clock_mono_ms() >= deadline)
            return status_fail(STATUS_TIMEOUT, 0, "%s has not answered for %u seconds.",
                               s->theirs.host, deadline_ms / 1000);
        st = inbox_take(s->inbox, WAIT_MS, &frame);
        if (st != STATUS_OK || !frame)
            continue;
        if (frame->header.type == WIRE_REPLY) {
            struct pair_mismatch told = {.present = false};
            st = reply_decode(frame->payload, frame->header.length, &told, reply);
            *answered = st != STATUS_PROTOCOL && st != STATUS_OUT_OF_MEMORY;
            if (mismatch)
                *mismatch = told;
            free(frame);
            return st;
        }
        st = primary_take_frame(s, frame);
        free(frame);
    }
    return st;
}
