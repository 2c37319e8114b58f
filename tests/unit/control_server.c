// The control server as clients see it: through the client library, and through raw bytes on the
// pipe or socket.
#include "tests/support/test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/control_name.h"
#include "base/endian.h"
#include "base/frame.h"
#include "base/os.h"
#include "ps/client/link.h"
#include "ps/client/vrep.h"
#include "service/control/server.h"
#include "tests/support/control.h"

#define CLIENTS  50
#define REQUESTS 20

struct fixture {
    char instance[INSTANCE_NAME_MAX];
    struct control_server *server;
    pthread_mutex_t mutex; // the two below
    char account[256];     // of the last caller
    char client[256];
};

static enum status answer(void *context, const struct control_caller *caller, const json_t *request,
                          json_t **result)
{
    struct fixture *f = context;
    const char *verb = json_string_value(json_object_get(request, "verb"));
    pthread_mutex_lock(&f->mutex);
    snprintf(f->account, sizeof f->account, "%s", caller->account);
    snprintf(f->client, sizeof f->client, "%s", caller->client);
    pthread_mutex_unlock(&f->mutex);
    if (verb && strcmp(verb, "refuse") == 0) {
        status_fail(STATUS_REFUSED, 5, "Not now.");
        return status_advise(32546, "Later.");
    }
    if (verb && strcmp(verb, "slow") == 0)
        clock_sleep_ms(500);
    *result = json_pack("{s:O}", "Echo", json_object_get(request, "number"));
    return *result ? STATUS_OK : status_no_memory("an answer");
}

static int set_up(void **state)
{
    static struct fixture f = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    snprintf(f.instance, sizeof f.instance, "ctl-%u", (unsigned)os_process_id());
    *state = &f;
    return control_server_start(f.instance, answer, &f, &f.server) == STATUS_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    control_server_stop(f->server);
    control_remove_folder(f->instance);
    return 0;
}

static struct vrep_client *open_client(const struct fixture *f)
{
    struct vrep_client *client;
    assert_int_equal(vrep_open(f->instance, "unit test", &client), VREP_OK);
    return client;
}

static void request_echo(struct vrep_client *client, int number)
{
    char request[64], expected[64];
    char *reply;
    snprintf(request, sizeof request, "{\"verb\":\"echo\",\"number\":%d}", number);
    snprintf(expected, sizeof expected, "{\"Echo\":%d}", number);
    int32_t result = vrep_request(client, request, 0, &reply);
    if (result != VREP_OK)
        print_error("%s\n", vrep_error(client));
    assert_int_equal(result, VREP_OK);
    assert_string_equal(reply, expected);
    vrep_free(reply);
}

static void control_server__requests_of_one_client__are_answered_in_order(void **state)
{
    struct fixture *f = *state;
    struct vrep_client *client = open_client(f);
    for (int i = 0; i < REQUESTS; i++)
        request_echo(client, i);
    assert_string_equal(f->client, "unit test");
    assert_true(f->account[0] != '\0');
    vrep_close(client);
}

static void control_server__refusal__arrives_with_its_details(void **state)
{
    struct vrep_client *client = open_client(*state);
    char *reply;
    assert_int_equal(vrep_request(client, "{\"verb\":\"refuse\"}", 0, &reply), STATUS_REFUSED);
    assert_string_equal(vrep_error(client),
                        "{\"code\":\"Refused\",\"message\":\"Not now.\","
                        "\"action\":\"Later.\",\"osCode\":5,\"eventId\":32546}");
    request_echo(client, 7);
    vrep_close(client);
}

static void *many_requests(void *argument)
{
    struct vrep_client *client = open_client(argument);
    for (int i = 0; i < REQUESTS; i++)
        request_echo(client, i);
    vrep_close(client);
    return NULL;
}

static void control_server__fifty_clients_at_once__are_all_served(void **state)
{
    pthread_t thread[CLIENTS];
    for (int i = 0; i < CLIENTS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, many_requests, *state), 0);
    for (int i = 0; i < CLIENTS; i++)
        assert_int_equal(pthread_join(thread[i], NULL), 0);
}

static void control_server__more_clients_than_threads__wait_for_their_turn(void **state)
{
    struct vrep_client *client[CONTROL_CLIENTS_MAX];
    for (int i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        client[i] = open_client(*state);
        request_echo(client[i], i);
    }
    pthread_t late;
    assert_int_equal(pthread_create(&late, NULL, many_requests, *state), 0);
    clock_sleep_ms(100);
    for (int i = 0; i < CONTROL_CLIENTS_MAX; i++)
        vrep_close(client[i]);
    assert_int_equal(pthread_join(late, NULL), 0);
}

static void control_server__second_server__is_in_use(void **state)
{
    struct fixture *f = *state;
    struct control_server *second;
    assert_int_equal(control_server_start(f->instance, answer, f, &second), STATUS_IN_USE);
    many_requests(f);
}

// Raw bytes.

static struct link *open_link(const struct fixture *f)
{
    char *name;
    struct link *link;
    assert_int_equal(control_name(f->instance, &name), STATUS_OK);
    assert_int_equal(link_new(name, &link), STATUS_OK);
    assert_int_equal(link_connect(link, 5000), STATUS_OK);
    free(name);
    return link;
}

// The "code" of the error reply that the server sends, and that it ends the connection after it.
static void assert_cut_with(struct link *link, const char *code)
{
    struct buffer reply = {0};
    bool ready = false;
    uint32_t size;
    char expected[64];
    while (!ready) {
        size_t got;
        assert_int_equal(buffer_reserve(&reply, 4096), STATUS_OK);
        assert_int_equal(link_receive(link, reply.data + reply.size, 4096, 15000, &got), STATUS_OK);
        reply.size += got;
        assert_int_equal(frame_peek(&reply, FRAME_REPLY_MAX, &ready, &size), STATUS_OK);
    }
    assert_int_equal(buffer_append(&reply, "", 1), STATUS_OK);
    snprintf(expected, sizeof expected, "\"code\":\"%s\"", code);
    assert_non_null(strstr((const char *)reply.data + FRAME_HEADER_SIZE, expected));
    size_t got;
    uint8_t byte;
    assert_int_equal(link_receive(link, &byte, 1, 15000, &got), STATUS_UNAVAILABLE);
    buffer_free(&reply);
    link_free(link);
}

static void control_server__oversized_frame__is_refused_at_its_header(void **state)
{
    struct link *link = open_link(*state);
    uint8_t header[FRAME_HEADER_SIZE];
    store_le32(header, FRAME_REQUEST_MAX + 1);
    assert_int_equal(link_send(link, header, sizeof header, 5000), STATUS_OK);
    assert_cut_with(link, "Protocol");
    many_requests(*state);
}

static void control_server__garbage__is_refused(void **state)
{
    struct link *link = open_link(*state);
    assert_int_equal(link_send(link, "GET / HTTP/1.1\r\n\r\n", 18, 5000), STATUS_OK);
    assert_cut_with(link, "Protocol");
    many_requests(*state);
}

static void send_frame(struct link *link, const char *text)
{
    struct buffer frame = {0};
    assert_int_equal(frame_append(&frame, text, strlen(text), FRAME_REQUEST_MAX), STATUS_OK);
    assert_int_equal(link_send(link, frame.data, frame.size, 5000), STATUS_OK);
    buffer_free(&frame);
}

// The text of the next reply.
static char *receive_text(struct link *link)
{
    struct buffer reply = {0};
    bool ready = false;
    uint32_t size;
    while (!ready) {
        size_t got;
        assert_int_equal(buffer_reserve(&reply, 4096), STATUS_OK);
        assert_int_equal(link_receive(link, reply.data + reply.size, 4096, 15000, &got), STATUS_OK);
        reply.size += got;
        assert_int_equal(frame_peek(&reply, FRAME_REPLY_MAX, &ready, &size), STATUS_OK);
    }
    buffer_consume(&reply, FRAME_HEADER_SIZE);
    assert_int_equal(buffer_append(&reply, "", 1), STATUS_OK);
    return (char *)reply.data;
}

static void control_server__wrong_envelope__is_an_error_reply_and_no_more(void **state)
{
    static const struct {
        const char *request;
        const char *code;
    } cases[] = {
        {"not json", "InvalidArgument"},
        {"[]", "InvalidArgument"},
        {"{\"verb\":\"echo\"}", "InvalidArgument"},
        {"{\"version\":{\"major\":2,\"minor\":0},\"verb\":\"echo\"}", "Version"},
        {"{\"version\":{\"major\":1},\"client\":\"\\u0007\",\"verb\":\"echo\"}", "InvalidArgument"},
    };
    struct link *link = open_link(*state);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        send_frame(link, cases[i].request);
        char *reply = receive_text(link);
        assert_non_null(strstr(reply, cases[i].code));
        free(reply);
    }
    send_frame(link, "{\"version\":{\"major\":1},\"verb\":\"echo\",\"number\":5,\"unknown\":1}");
    char *reply = receive_text(link);
    assert_string_equal(reply, "{\"ok\":true,\"result\":{\"Echo\":5}}");
    free(reply);
    link_free(link);
}

static void control_server__two_requests_in_one_write__are_both_answered(void **state)
{
    struct link *link = open_link(*state);
    const char *text = "{\"version\":{\"major\":1},\"verb\":\"echo\",\"number\":5}";
    struct buffer frames = {0};
    for (int i = 0; i < 2; i++)
        assert_int_equal(frame_append(&frames, text, strlen(text), FRAME_REQUEST_MAX), STATUS_OK);
    // The second comes with the first, one byte late at its end.
    assert_int_equal(link_send(link, frames.data, frames.size - 1, 5000), STATUS_OK);
    clock_sleep_ms(50);
    assert_int_equal(link_send(link, frames.data + frames.size - 1, 1, 5000), STATUS_OK);
    uint8_t reply[128];
    size_t have = 0, got;
    while (have < 2 * (FRAME_HEADER_SIZE + strlen("{\"ok\":true,\"result\":{\"Echo\":5}}"))) {
        assert_int_equal(link_receive(link, reply + have, sizeof reply - have, 5000, &got),
                         STATUS_OK);
        have += got;
    }
    buffer_free(&frames);
    link_free(link);
}

static void control_server__clients_that_die_in_the_middle__leave_it_unharmed(void **state)
{
    const char *text = "{\"version\":{\"major\":1},\"verb\":\"slow\",\"number\":5}";
    for (int i = 0; i < 10; i++) {
        struct link *half = open_link(*state);
        assert_int_equal(link_send(half, "\x10\0\0\0{", 5, 5000), STATUS_OK);
        link_free(half);
        struct link *silent = open_link(*state);
        link_free(silent);
        struct link *asking = open_link(*state);
        send_frame(asking, text);
        link_free(asking);
    }
    many_requests(*state);
}

static void *cancel_soon(void *argument)
{
    clock_sleep_ms(100);
    vrep_cancel(argument);
    return NULL;
}

static void client__cancel_of_a_request__returns_and_next_request_works(void **state)
{
    struct vrep_client *client = open_client(*state);
    char *reply;
    pthread_t thread;
    vrep_cancel(client); // nothing to cancel
    assert_int_equal(pthread_create(&thread, NULL, cancel_soon, client), 0);
    assert_int_equal(vrep_request(client, "{\"verb\":\"slow\",\"number\":1}", 0, &reply),
                     STATUS_CANCELLED);
    assert_int_equal(pthread_join(thread, NULL), 0);
    request_echo(client, 2);
    vrep_close(client);
}

static void client__reply_too_late__is_a_timeout_and_not_the_next_answer(void **state)
{
    struct vrep_client *client = open_client(*state);
    char *reply;
    assert_int_equal(vrep_request(client, "{\"verb\":\"slow\",\"number\":1}", 50, &reply),
                     STATUS_TIMEOUT);
    request_echo(client, 2);
    vrep_close(client);
}

static void client__restarted_server__is_found_again(void **state)
{
    struct fixture *f = *state;
    struct vrep_client *client = open_client(f);
    request_echo(client, 1);
    control_server_stop(f->server);
    char *reply;
    assert_int_equal(vrep_request(client, "{\"verb\":\"echo\"}", 0, &reply), STATUS_UNAVAILABLE);
    struct vrep_client *none;
    assert_int_equal(vrep_open(f->instance, "unit test", &none), STATUS_UNAVAILABLE);
    assert_null(none);
    assert_non_null(strstr(vrep_error(NULL), "Unavailable"));
    assert_int_equal(control_server_start(f->instance, answer, f, &f->server), STATUS_OK);
    request_echo(client, 3);
    vrep_close(client);
}

static void
control_server__stop_with_idle_and_busy_clients__takes_less_than_two_seconds(void **state)
{
    struct fixture *f = *state;
    struct vrep_client *idle = open_client(f);
    request_echo(idle, 1);
    struct link *busy = open_link(f);
    send_frame(busy, "{\"version\":{\"major\":1},\"verb\":\"slow\",\"number\":5}");
    clock_sleep_ms(100);
    int64_t begun = clock_mono_ms();
    control_server_stop(f->server);
    assert_true(clock_mono_ms() - begun < 2000);
    char *reply = receive_text(busy); // what ran was answered
    assert_non_null(strstr(reply, "\"Echo\":5"));
    free(reply);
    link_free(busy);
    vrep_close(idle);
    assert_int_equal(control_server_start(f->instance, answer, f, &f->server), STATUS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(control_server__requests_of_one_client__are_answered_in_order),
        cmocka_unit_test(control_server__refusal__arrives_with_its_details),
        cmocka_unit_test(control_server__fifty_clients_at_once__are_all_served),
        cmocka_unit_test(control_server__more_clients_than_threads__wait_for_their_turn),
        cmocka_unit_test(control_server__second_server__is_in_use),
        cmocka_unit_test(control_server__oversized_frame__is_refused_at_its_header),
        cmocka_unit_test(control_server__garbage__is_refused),
        cmocka_unit_test(control_server__wrong_envelope__is_an_error_reply_and_no_more),
        cmocka_unit_test(control_server__two_requests_in_one_write__are_both_answered),
        cmocka_unit_test(control_server__clients_that_die_in_the_middle__leave_it_unharmed),
        cmocka_unit_test(client__cancel_of_a_request__returns_and_next_request_works),
        cmocka_unit_test(client__reply_too_late__is_a_timeout_and_not_the_next_answer),
        cmocka_unit_test(client__restarted_server__is_found_again),
        cmocka_unit_test(
            control_server__stop_with_idle_and_busy_clients__takes_less_than_two_seconds),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
