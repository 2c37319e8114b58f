// Hostile and foreign primaries: each gets an error and is cut, and the service goes on.
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "service/wire/connection.h"
#include "service/wire/inbox.h"
#include "service/wire/message.h"
#include "service/wire/request.h"
#include "tests/support/service/resync_pair.h"
#include "tests/support/test.h"

#define MIB       (1024ull * 1024)
#define DISK_SIZE (4 * MIB + 512)

// ---- bytes that are no protocol ----

static struct stream *open_stream(struct resync_pair *pair)
{
    struct stream *stream = NULL;
    assert_ok(transport_connect("127.0.0.1", pair_port(pair), 5000, NULL, NULL, &stream));
    return stream;
}

static void send_bytes(struct stream *stream, const void *data, size_t size)
{
    assert_ok(stream->ops->send(stream, data, size, 5000));
}

// Reads until the service ends the connection; a hello, and an error if it says one.
static void assert_cut(struct stream *stream)
{
    uint8_t data[4096];
    size_t received = 0;
    enum status st;
    do
        st = stream->ops->receive(stream, data, sizeof data, 15000, &received);
    while (st == STATUS_OK && received > 0);
    assert_true(st == STATUS_OK || st == STATUS_CONNECTION);
    stream->ops->close(stream);
}

static void assert_still_serves(struct resync_pair *pair)
{
    pair_request(pair, false);
    enum resync_end end = pair_attempt(pair, NULL, NULL);
    if (end != RESYNC_MERGED)
        print_error("%s\n", status_last()->message);
    assert_int_equal(end, RESYNC_MERGED);
    pair_wait_for_clean_up(pair);
}

static void service__garbage__cut_and_serves_on(void **state)
{
    (void)state;
    struct random r = random_start(random_seed("wire_peer"));
    struct resync_pair *pair = pair_new(&(struct pair_options){.size = DISK_SIZE});
    for (int i = 0; i < 20; i++) {
        uint8_t garbage[1000];
        struct stream *stream = open_stream(pair);
        random_fill(&r, garbage, sizeof garbage);
        send_bytes(stream, garbage, sizeof garbage);
        assert_cut(stream);
    }
    struct stream *stream = open_stream(pair);
    send_bytes(stream, "GET / HTTP/1.1\r\nHost: replica\r\n\r\n", 34);
    assert_cut(stream);
    assert_still_serves(pair);
    pair_free(pair);
}

static void service__bad_first_frame__cut(void **state)
{
    (void)state;
    static const struct wire_header headers[] = {
        {.type = WIRE_HELLO, .length = WIRE_HANDSHAKE_MAX + 1},
        {.type = WIRE_HELLO, .length = UINT32_MAX},
        {.type = WIRE_REQUEST},
        {.type = 200, .flags = WIRE_REQUIRED},
        {.type = WIRE_HELLO}, // empty
    };
    struct resync_pair *pair = pair_new(&(struct pair_options){.size = DISK_SIZE});
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        uint8_t bytes[WIRE_HEADER_SIZE];
        struct stream *stream = open_stream(pair);
        wire_header_encode(&headers[i], bytes);
        send_bytes(stream, bytes, sizeof bytes);
        assert_cut(stream);
    }
    assert_still_serves(pair);
    pair_free(pair);
}

// ---- a primary that speaks the protocol and breaks it ----

struct client {
    struct connection *connection;
    struct inbox *inbox;
    struct request request;
};

static enum status on_frame(void *context, const struct wire_header *header, const uint8_t *payload)
{
    struct client *client = context;
    return inbox_put(client->inbox, header, payload);
}

static void on_end(void *context, const struct status_details *why)
{
    struct client *client = context;
    inbox_end(client->inbox, why);
}

static enum status ask(struct client *client, enum request_verb verb)
{
    client->request.verb = verb;
    assert_ok(
        connection_send_json(client->connection, WIRE_REQUEST, request_encode(&client->request)));
    for (;;) {
        struct inbox_frame *frame = NULL;
        struct pair_mismatch mismatch;
        json_t *reply = NULL;
        enum status st = inbox_take(client->inbox, 5000, &frame);
        if (st != STATUS_OK)
            return st;
        assert_non_null(frame);
        bool answer = frame->header.type == WIRE_REPLY;
        if (answer)
            st = reply_decode(frame->payload, frame->header.length, &mismatch, &reply);
        json_decref(reply);
        free(frame);
        if (answer)
            return st;
    }
}

// Connected and greeted, the pair's own relationship and disk in the request.
static void client_open(struct client *client, struct resync_pair *pair)
{
    struct hello mine, theirs;
    struct relationship *r = NULL;
    struct vhd *disk = NULL;
    struct vhd_info info;
    memset(client, 0, sizeof *client);
    assert_ok(inbox_new(4 * MIB, &client->inbox));
    assert_ok(connection_new(open_stream(pair), &client->connection));
    assert_ok(hello_init(&mine, "primary-host"));
    assert_ok(connection_hello(client->connection, &mine, &theirs));
    struct connection_reader reader = {.context = client, .frame = on_frame, .ended = on_end};
    assert_ok(connection_start(client->connection, &reader));
    assert_ok(registry_get(pair_primary(pair)->registry, pair_primary(pair)->key, &r));
    client->request.relationship_id = r->id;
    client->request.resync_id = r->resync_id;
    strcpy(client->request.vm_name, r->name);
    relationship_free(r);
    client->request.disks.count = 1;
    client->request.disks.disk = calloc(1, sizeof *client->request.disks.disk);
    assert_ok(vhd_open(pair_primary(pair)->disk[0],
                       &(struct vhd_open){.share = FILE_SHARE_DENY_WRITE}, &disk));
    vhd_get_info(disk, &info);
    peer_disk_describe(&info, &client->request.disks.disk[0]);
    vhd_abandon(disk);
}

static void client_begin(struct client *client, struct resync_pair *pair)
{
    client_open(client, pair);
    assert_ok(ask(client, REQUEST_AGREE));
    assert_ok(ask(client, REQUEST_BEGIN));
}

static void client_close(struct client *client)
{
    connection_end(client->connection, false);
    inbox_free(client->inbox);
    request_free(&client->request);
}

// The service must end the connection, and say that the protocol was broken.
static void assert_refused(struct client *client)
{
    enum status st;
    assert_ok(connection_flush(client->connection));
    do {
        struct inbox_frame *frame = NULL;
        st = inbox_take(client->inbox, 10000, &frame);
        assert_true(st != STATUS_OK || frame);
        free(frame);
    } while (st == STATUS_OK);
    assert_status(st, STATUS_PROTOCOL);
    client_close(client);
}

static void send_number(struct client *client, enum wire_type type, uint32_t stream,
                        uint64_t offset, uint64_t number)
{
    uint8_t payload[LENGTH_PAYLOAD_SIZE];
    message_length_encode(number, payload);
    assert_ok(connection_send(client->connection, type, stream, offset, payload, sizeof payload,
                              NULL, 0));
}

static void send_unit(struct client *client, uint32_t stream, uint64_t offset, uint16_t differs,
                      uint32_t size)
{
    static const uint8_t data[UNIT_SIZE], digest[DIGEST_SIZE];
    struct unit_message unit = {.differs = differs, .digest = digest};
    uint8_t header[UNIT_HEADER_SIZE];
    message_unit_encode(&unit, header);
    assert_ok(connection_send(client->connection, WIRE_UNIT, stream, offset, header, sizeof header,
                              data, size));
}

static void send_units(struct client *client, const uint32_t *units, size_t count)
{
    uint64_t offsets[8];
    uint8_t payload[32];
    for (size_t i = 0; i < count; i++)
        offsets[i] = (uint64_t)units[i] * UNIT_SIZE;
    message_units_encode(offsets, count, payload);
    assert_ok(
        connection_send(client->connection, WIRE_LEAF_REQUEST, 0, 0, payload, 4 * count, NULL, 0));
}

static void send_empty(struct client *client, enum wire_type type, uint32_t stream, uint64_t offset)
{
    assert_ok(connection_send(client->connection, type, stream, offset, NULL, 0, NULL, 0));
}

typedef void (*misdeed)(struct client *client);

static void unit_past_the_end(struct client *client)
{
    send_unit(client, 0, 5 * MIB, 1, LEAF_SIZE);
}
static void unit_of_another_disk(struct client *client)
{
    send_unit(client, 1, 0, 1, LEAF_SIZE);
}
static void unit_with_too_little_data(struct client *client)
{
    send_unit(client, 0, 0, 3, LEAF_SIZE);
}
static void zero_past_the_end(struct client *client)
{
    send_number(client, WIRE_ZERO, 0, 4 * MIB, UNIT_SIZE);
}
static void zero_that_wraps(struct client *client)
{
    send_number(client, WIRE_ZERO, 0, UNIT_SIZE, UINT64_MAX - UNIT_SIZE + 1);
}
static void window_end_past_the_end(struct client *client)
{
    send_empty(client, WIRE_WINDOW_END, 0, 5 * MIB);
}
static void window_end_twice(struct client *client)
{
    send_empty(client, WIRE_WINDOW_END, 0, MIB);
    send_empty(client, WIRE_WINDOW_END, 0, MIB);
}
static void unit_behind_the_cursor(struct client *client)
{
    send_empty(client, WIRE_WINDOW_END, 0, MIB);
    send_unit(client, 0, 0, 1, LEAF_SIZE);
}
static void credit_past_the_end(struct client *client)
{
    send_number(client, WIRE_DIGEST_CREDIT, 0, 0, 64 * MIB);
}
static void credit_taken_back(struct client *client)
{
    send_number(client, WIRE_DIGEST_CREDIT, 0, 0, MIB);
    send_number(client, WIRE_DIGEST_CREDIT, 0, 0, UNIT_SIZE);
}
static void leaves_of_no_unit(struct client *client)
{
    static const uint32_t units[] = {70};
    send_number(client, WIRE_DIGEST_CREDIT, 0, 0, MIB);
    send_units(client, units, 1);
}
static void leaves_descending(struct client *client)
{
    static const uint32_t units[] = {5, 4};
    send_number(client, WIRE_DIGEST_CREDIT, 0, 0, MIB);
    send_units(client, units, 2);
}
static void leaves_before_credit(struct client *client)
{
    static const uint32_t units[] = {1};
    send_units(client, units, 1);
}
static void frame_of_a_replica(struct client *client)
{
    send_empty(client, WIRE_VERIFIED, 0, MIB);
}
static void commit_too_early(struct client *client)
{
    client->request.verb = REQUEST_COMMIT;
    assert_ok(
        connection_send_json(client->connection, WIRE_REQUEST, request_encode(&client->request)));
}
static void begin_twice(struct client *client)
{
    client->request.verb = REQUEST_BEGIN;
    assert_ok(
        connection_send_json(client->connection, WIRE_REQUEST, request_encode(&client->request)));
}
static void units_beyond_all_credit(struct client *client)
{
    // More than the replica can have written meanwhile may be refused or cut; it must never be
    // stored without a bound.
    for (int i = 0; i < 100000 && connection_flush(client->connection) == STATUS_OK; i++) {
        static const uint8_t nothing[WIRE_PAYLOAD_MAX];
        if (connection_send(client->connection, WIRE_UNIT, 0, 0, nothing, sizeof nothing, NULL,
                            0) != STATUS_OK)
            break;
    }
}

static void replica__primary_breaks_the_protocol__cut_and_serves_on(void **state)
{
    (void)state;
    static const misdeed misdeeds[] = {
        unit_past_the_end,    unit_of_another_disk,   unit_with_too_little_data,
        zero_past_the_end,    zero_that_wraps,        window_end_past_the_end,
        window_end_twice,     unit_behind_the_cursor, credit_past_the_end,
        credit_taken_back,    leaves_of_no_unit,      leaves_descending,
        leaves_before_credit, frame_of_a_replica,     commit_too_early,
        begin_twice,
    };
    struct resync_pair *pair = pair_new(&(struct pair_options){.size = DISK_SIZE});
    for (size_t i = 0; i < sizeof misdeeds / sizeof *misdeeds; i++) {
        struct client client;
        pair_request(pair, false); // a new resynchronization each time
        client_begin(&client, pair);
        misdeeds[i](&client);
        assert_refused(&client);
    }
    assert_still_serves(pair);
    pair_free(pair);
}

// A connection that compares carries nothing else.
static void begin_what_is_compared(struct client *client)
{
    client->request.verb = REQUEST_BEGIN;
    assert_ok(
        connection_send_json(client->connection, WIRE_REQUEST, request_encode(&client->request)));
}
static void agree_on_what_is_compared(struct client *client)
{
    client->request.verb = REQUEST_AGREE;
    assert_ok(
        connection_send_json(client->connection, WIRE_REQUEST, request_encode(&client->request)));
}
static void unit_into_what_is_compared(struct client *client)
{
    send_unit(client, 0, 0, 1, LEAF_SIZE);
}
static void window_of_what_is_compared(struct client *client)
{
    send_empty(client, WIRE_WINDOW_END, 0, MIB);
}

static void replica__more_than_a_comparison__cut_and_nothing_is_changed(void **state)
{
    (void)state;
    static const misdeed misdeeds[] = {
        begin_what_is_compared,     agree_on_what_is_compared, unit_into_what_is_compared,
        window_of_what_is_compared, commit_too_early,          credit_past_the_end,
        credit_taken_back,          leaves_before_credit,      frame_of_a_replica};
    struct resync_pair *pair = pair_new(&(struct pair_options){.size = DISK_SIZE});
    for (size_t i = 0; i < sizeof misdeeds / sizeof *misdeeds; i++) {
        struct client client;
        client_open(&client, pair);
        assert_ok(ask(&client, REQUEST_COMPARE));
        misdeeds[i](&client);
        assert_refused(&client);
    }
    assert_still_serves(pair);
    pair_free(pair);
}

static void replica__flood_of_units__cut(void **state)
{
    (void)state;
    struct client client;
    struct resync_pair *pair = pair_new(&(struct pair_options){.size = DISK_SIZE});
    client_begin(&client, pair);
    units_beyond_all_credit(&client);
    client_close(&client);
    assert_still_serves(pair);
    pair_free(pair);
}

static void replica__bulk_before_begin__cut(void **state)
{
    (void)state;
    struct client client;
    struct resync_pair *pair = pair_new(&(struct pair_options){.size = DISK_SIZE});
    client_open(&client, pair);
    send_unit(&client, 0, 0, 1, LEAF_SIZE);
    assert_refused(&client);
    client_open(&client, pair);
    send_number(&client, WIRE_DIGEST_CREDIT, 0, 0, MIB);
    assert_refused(&client);
    client_open(&client, pair);
    assert_ok(connection_send(client.connection, WIRE_REQUEST, 0, 0, "{\"verb\":1}", 10, NULL, 0));
    assert_refused(&client);
    pair_free(pair);
}

static void replica__unknown_optional_frame__skipped(void **state)
{
    (void)state;
    struct client client;
    struct resync_pair *pair = pair_new(&(struct pair_options){.size = DISK_SIZE});
    struct wire_header header = {.type = 200, .length = 3};
    uint8_t frame[WIRE_HEADER_SIZE + 3] = {0};
    struct hello mine, theirs;
    struct stream *stream = open_stream(pair);
    wire_header_encode(&header, frame);
    // The connection takes the stream over; raw bytes go before its own.
    memset(&client, 0, sizeof client);
    assert_ok(inbox_new(MIB, &client.inbox));
    assert_ok(connection_new(stream, &client.connection));
    assert_ok(hello_init(&mine, "primary-host"));
    assert_ok(connection_hello(client.connection, &mine, &theirs));
    send_bytes(stream, frame, sizeof frame);
    struct connection_reader reader = {.context = &client, .frame = on_frame, .ended = on_end};
    assert_ok(connection_start(client.connection, &reader));
    memset(client.request.relationship_id.bytes, 9, 16);
    memset(client.request.resync_id.bytes, 9, 16);
    assert_status(ask(&client, REQUEST_OUTCOME), STATUS_NOT_FOUND); // an answer, not an end
    client_close(&client);
    pair_free(pair);
}

static void listen__not_loopback__refused(void **state)
{
    (void)state;
    struct listener *listener = NULL;
    assert_status(transport_listen("0.0.0.0", 0, &listener), STATUS_REFUSED);
    assert_status(transport_listen("::", 0, &listener), STATUS_REFUSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(service__garbage__cut_and_serves_on),
        cmocka_unit_test(service__bad_first_frame__cut),
        cmocka_unit_test(replica__primary_breaks_the_protocol__cut_and_serves_on),
        cmocka_unit_test(replica__more_than_a_comparison__cut_and_nothing_is_changed),
        cmocka_unit_test(replica__flood_of_units__cut),
        cmocka_unit_test(replica__bulk_before_begin__cut),
        cmocka_unit_test(replica__unknown_optional_frame__skipped),
        cmocka_unit_test(listen__not_loopback__refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
