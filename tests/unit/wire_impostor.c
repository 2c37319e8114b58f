// A primary whose replica is none, is too old, or breaks the protocol.
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "service/replicate/comparison.h"
#include "service/wire/connection.h"
#include "service/wire/inbox.h"
#include "service/wire/message.h"
#include "service/wire/request.h"
#include "tests/support/service/resync_pair.h"
#include "tests/support/test.h"

#define MIB       (1024ull * 1024)
#define DISK_SIZE (4 * MIB + 512)

struct impostor {
    struct listener *listener;
    void (*answer)(struct stream *stream);
    pthread_t thread;
};

static void *impostor_run(void *argument)
{
    struct impostor *impostor = argument;
    struct stream *stream = NULL;
    while (transport_accept(impostor->listener, &stream) == STATUS_OK)
        impostor->answer(stream);
    return NULL;
}

static enum status change_port(struct relationship *r, void *argument)
{
    r->replica_port = *(const uint16_t *)argument;
    return STATUS_OK;
}

// A version that can resynchronize but knows no comparison without it.
static void answer_as_an_older_version(struct stream *stream)
{
    struct connection *connection = NULL;
    struct hello mine, theirs;
    assert_ok(connection_new(stream, &connection));
    assert_ok(hello_init(&mine, "old-host"));
    mine.compare = false;
    assert_ok(connection_hello(connection, &mine, &theirs));
    connection_end(connection, true);
}

static enum status comparison_with(struct resync_pair *pair)
{
    struct pair_side *primary = pair_primary(pair);
    struct comparison comparison = {.outcome = COMPARISON_NONE};
    struct relationship *r = NULL;
    struct disk_hold *hold = NULL;
    struct job *job = NULL;
    uint64_t rate = 0;
    assert_ok(job_new(&job));
    assert_ok(registry_get(primary->registry, primary->key, &r));
    assert_ok(disk_hold_open(&primary->context, r, &hold));
    enum status st = comparison_run(&primary->context, primary->key, job, hold, &comparison, &rate);
    disk_hold_close(hold);
    relationship_free(r);
    job_free(job);
    comparison_free(&comparison);
    return st;
}

// Has an impostor in the replica's place.
static void impostor_start(struct impostor *impostor, struct resync_pair *pair)
{
    assert_ok(transport_listen("127.0.0.1", 0, &impostor->listener));
    uint16_t port = transport_port(impostor->listener);
    assert_ok(
        registry_update(pair_primary(pair)->registry, pair_primary(pair)->key, change_port, &port));
    assert_int_equal(pthread_create(&impostor->thread, NULL, impostor_run, impostor), 0);
}

static void impostor_stop(struct impostor *impostor)
{
    transport_stop(impostor->listener);
    pthread_join(impostor->thread, NULL);
    transport_close(impostor->listener);
}

static enum resync_end attempt_with(void (*answer)(struct stream *stream))
{
    struct impostor impostor = {.answer = answer};
    struct resync_pair *pair = pair_new(&(struct pair_options){.size = DISK_SIZE});
    impostor_start(&impostor, pair);
    enum resync_end end = pair_attempt(pair, NULL, NULL);
    impostor_stop(&impostor);
    pair_free(pair);
    return end;
}

static void comparison__replica_too_old__says_so(void **state)
{
    (void)state;
    struct impostor impostor = {.answer = answer_as_an_older_version};
    struct resync_pair *pair = pair_new(&(struct pair_options){.size = DISK_SIZE});
    assert_ok(comparison_with(pair)); // the real one
    impostor_start(&impostor, pair);
    assert_status(comparison_with(pair), STATUS_VERSION);
    assert_non_null(strstr(status_last()->message, "old-host"));
    assert_non_null(strstr(status_last()->action, "old-host"));
    impostor_stop(&impostor);
    pair_free(pair);
}

static void close_at_once(struct stream *stream)
{
    stream->ops->close(stream);
}

static void answer_with_garbage(struct stream *stream)
{
    (void)stream->ops->send(stream, "220 mail.example ESMTP ready for you\r\n", 38, 1000);
    // Until the primary ends it: its hello, and an error if it says one.
    uint8_t data[4096];
    size_t received = 0;
    while (stream->ops->receive(stream, data, sizeof data, 15000, &received) == STATUS_OK &&
           received > 0)
        ;
    stream->ops->close(stream);
}

static enum status on_frame(void *context, const struct wire_header *header, const uint8_t *payload)
{
    return inbox_put(context, header, payload);
}

static void on_end(void *context, const struct status_details *why)
{
    inbox_end(context, why);
}

// Greets, answers agree and begin (or compare alone) as a replica would, then floods.
static void flood(struct stream *stream, bool begins)
{
    struct connection *c = NULL;
    struct hello mine, theirs;
    struct inbox *inbox = NULL;
    assert_ok(connection_new(stream, &c));
    assert_ok(hello_init(&mine, "replica-host"));
    assert_ok(connection_hello(c, &mine, &theirs));
    assert_ok(inbox_new(4 * MIB, &inbox));
    struct connection_reader reader = {.context = inbox, .frame = on_frame, .ended = on_end};
    assert_ok(connection_start(c, &reader));
    struct inbox_frame *frame = NULL;
    struct request request;
    assert_ok(inbox_take(inbox, 5000, &frame));
    assert_ok(request_decode(frame->payload, frame->header.length, &request));
    free(frame);
    struct agreement agreement = {.disks = request.disks, .free_space = 1};
    assert_ok(connection_send_json(c, WIRE_REPLY, agreement_encode(&agreement)));
    request_free(&request);
    if (begins) {
        struct beginning beginning = {.count = 1};
        frame = NULL;
        assert_ok(inbox_take(inbox, 5000, &frame));
        free(frame);
        assert_ok(connection_send_json(c, WIRE_REPLY, beginning_encode(&beginning)));
    }
    static const uint8_t digests[64 * DIGEST_SIZE];
    for (uint64_t i = 0; i < 100000; i++)
        if (connection_send(c, WIRE_HASH, 0, 0, digests, sizeof digests, NULL, 0) != STATUS_OK)
            break;
    connection_end(c, false);
    inbox_free(inbox);
}

static void flood_a_resynchronization(struct stream *stream)
{
    flood(stream, true);
}

static void flood_a_comparison(struct stream *stream)
{
    flood(stream, false);
}

static void primary__stranger_on_the_port__refused(void **state)
{
    (void)state;
    assert_int_equal(attempt_with(answer_with_garbage), RESYNC_REFUSED);
}

static void primary__connection_closed_at_once__retries(void **state)
{
    (void)state;
    assert_int_equal(attempt_with(close_at_once), RESYNC_RETRY);
}

static void primary__flood_of_digests__cut(void **state)
{
    (void)state;
    assert_int_equal(attempt_with(flood_a_resynchronization), RESYNC_RETRY);
}

static void comparison__flood_of_digests__ends(void **state)
{
    (void)state;
    struct impostor impostor = {.answer = flood_a_comparison};
    struct resync_pair *pair = pair_new(&(struct pair_options){.size = DISK_SIZE});
    impostor_start(&impostor, pair);
    assert_status(comparison_with(pair), STATUS_PROTOCOL);
    impostor_stop(&impostor);
    pair_free(pair);
}

static void primary__nobody_listens__not_reachable(void **state)
{
    (void)state;
    struct listener *listener = NULL;
    struct resync_pair *pair = pair_new(&(struct pair_options){.size = DISK_SIZE});
    assert_ok(transport_listen("127.0.0.1", 0, &listener));
    uint16_t port = transport_port(listener);
    transport_close(listener);
    assert_ok(
        registry_update(pair_primary(pair)->registry, pair_primary(pair)->key, change_port, &port));
    assert_int_equal(pair_attempt(pair, NULL, NULL), RESYNC_RETRY);
    assert_int_equal(status_last()->event_id, 29292);
    pair_free(pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(primary__stranger_on_the_port__refused),
        cmocka_unit_test(comparison__replica_too_old__says_so),
        cmocka_unit_test(primary__connection_closed_at_once__retries),
        cmocka_unit_test(primary__flood_of_digests__cut),
        cmocka_unit_test(comparison__flood_of_digests__ends),
        cmocka_unit_test(primary__nobody_listens__not_reachable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
