// The client library beside what tests/unit/control_server.c shows of it: following a
// resynchronization, and services that do not speak its language.
#include "tests/support/test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/os.h"
#include "ps/client/vrep.h"
#include "service/control/server.h"
#include "tests/support/control.h"

// Answers of the service to come, in order; the last one is repeated.
struct script {
    char instance[32];
    struct control_server *server;
    const char *const *answers;
    size_t next;
};

static enum status answer(void *context, const struct control_caller *caller, const json_t *request,
                          json_t **result)
{
    (void)caller;
    (void)request;
    struct script *script = context;
    const char *text = script->answers[script->next];
    if (script->answers[script->next + 1])
        script->next++;
    if (strcmp(text, "refuse") == 0)
        return status_fail(STATUS_NOT_FOUND, 0, "No such relationship.");
    return js_parse(text, strlen(text), result);
}

static int set_up(void **state)
{
    static struct script script;
    snprintf(script.instance, sizeof script.instance, "client-%u", (unsigned)os_process_id());
    *state = &script;
    return control_server_start(script.instance, answer, &script, &script.server) == STATUS_OK ? 0
                                                                                               : -1;
}

static int tear_down(void **state)
{
    struct script *script = *state;
    control_server_stop(script->server);
    control_remove_folder(script->instance);
    return 0;
}

static struct vrep_client *open_with(struct script *script, const char *const *answers)
{
    struct vrep_client *client;
    script->answers = answers;
    script->next = 0;
    assert_int_equal(vrep_open(script->instance, "unit test", &client), VREP_OK);
    return client;
}

#define RELATIONSHIP(members) "{\"Relationships\": [{\"VMName\": \"vm\", " members "}]}"
#define RUNNING               RELATIONSHIP("\"ReplicationState\": 11, \"ResynchronizeQueuePosition\": 0")
#define QUEUED                RELATIONSHIP("\"ReplicationState\": 10, \"ResynchronizeQueuePosition\": 2")
#define IN_STEP               RELATIONSHIP("\"ReplicationState\": 4, \"ResynchronizeQueuePosition\": 0")

static int32_t VREP_CALL count_calls(void *context, const char *relationship)
{
    assert_non_null(strstr(relationship, "\"VMName\":\"vm\""));
    ++*(int *)context;
    return 1;
}

static void wait__queued_then_running_then_in_step__returns_the_end(void **state)
{
    static const char *const answers[] = {QUEUED, RUNNING, RUNNING, IN_STEP, NULL};
    struct vrep_client *client = open_with(*state, answers);
    int calls = 0;
    char *end;
    assert_int_equal(vrep_wait(client, "vm", 1, count_calls, &calls, &end), VREP_OK);
    assert_int_equal(calls, 3);
    assert_non_null(strstr(end, "\"ReplicationState\":4"));
    vrep_free(end);
    vrep_close(client);
}

static int32_t VREP_CALL enough(void *context, const char *relationship)
{
    (void)context;
    (void)relationship;
    return 0;
}

static void wait__progress_says_enough__is_cancelled(void **state)
{
    static const char *const answers[] = {RUNNING, NULL};
    struct vrep_client *client = open_with(*state, answers);
    char *end;
    assert_int_equal(vrep_wait(client, "vm", 1, enough, NULL, &end), STATUS_CANCELLED);
    assert_non_null(strstr(vrep_error(client), "Cancelled"));
    vrep_close(client);
}

static void *cancel_soon(void *client)
{
    clock_sleep_ms(100);
    vrep_cancel(client);
    return NULL;
}

static void wait__cancelled_between_two_looks__returns_at_once(void **state)
{
    static const char *const answers[] = {RUNNING, NULL};
    struct vrep_client *client = open_with(*state, answers);
    pthread_t thread;
    char *end;
    int64_t begun = clock_mono_ms();
    assert_int_equal(pthread_create(&thread, NULL, cancel_soon, client), 0);
    assert_int_equal(vrep_wait(client, "vm", 60000, NULL, NULL, &end), STATUS_CANCELLED);
    assert_true(clock_mono_ms() - begun < 10000);
    assert_int_equal(pthread_join(thread, NULL), 0);
    vrep_close(client);
}

static void wait__relationship_removed_meanwhile__is_not_found(void **state)
{
    static const char *const answers[] = {RUNNING, "refuse", NULL};
    struct vrep_client *client = open_with(*state, answers);
    char *end;
    assert_int_equal(vrep_wait(client, "vm", 1, NULL, NULL, &end), STATUS_NOT_FOUND);
    assert_non_null(strstr(vrep_error(client), "No such relationship."));
    vrep_close(client);
}

static void request__not_an_object_with_a_verb__is_refused_here(void **state)
{
    static const char *const answers[] = {"{}", NULL};
    static const char *const bad[] = {"", "[]", "{\"verb\": 1}", "{}", "{\"verb\"", "\"verb\""};
    struct vrep_client *client = open_with(*state, answers);
    char *reply;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(vrep_request(client, bad[i], 0, &reply), STATUS_INVALID_ARGUMENT);
    assert_int_equal(vrep_request(client, NULL, 0, &reply), STATUS_INVALID_ARGUMENT);
    assert_int_equal(vrep_request(client, "{\"verb\": \"x\"}", 0, &reply), VREP_OK);
    assert_string_equal(reply, "{}");
    vrep_free(reply);
    vrep_close(client);
}

static void request__too_large__is_refused_here(void **state)
{
    static const char *const answers[] = {"{}", NULL};
    struct vrep_client *client = open_with(*state, answers);
    size_t size = 2 * 1024 * 1024;
    char *request = malloc(size);
    char *reply;
    assert_non_null(request);
    memset(request, 'x', size);
    memcpy(request, "{\"verb\":\"", 9);
    memcpy(request + size - 3, "\"}", 3);
    assert_int_equal(vrep_request(client, request, 0, &reply), STATUS_INVALID_ARGUMENT);
    free(request);
    vrep_close(client);
}

static void open__wrong_arguments__are_refused_with_a_text(void **state)
{
    (void)state;
    struct vrep_client *client;
    char long_name[66];
    memset(long_name, 'x', 65);
    long_name[65] = '\0';
    assert_int_equal(vrep_open("a/b", "unit test", &client), STATUS_INVALID_ARGUMENT);
    assert_int_equal(vrep_open(NULL, "", &client), STATUS_INVALID_ARGUMENT);
    assert_int_equal(vrep_open(NULL, NULL, &client), STATUS_INVALID_ARGUMENT);
    assert_int_equal(vrep_open(NULL, "a\nb", &client), STATUS_INVALID_ARGUMENT);
    assert_int_equal(vrep_open(NULL, long_name, &client), STATUS_INVALID_ARGUMENT);
    assert_null(client);
    assert_non_null(strstr(vrep_error(NULL), "ASCII"));
    vrep_close(NULL);
    vrep_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wait__queued_then_running_then_in_step__returns_the_end),
        cmocka_unit_test(wait__progress_says_enough__is_cancelled),
        cmocka_unit_test(wait__cancelled_between_two_looks__returns_at_once),
        cmocka_unit_test(wait__relationship_removed_meanwhile__is_not_found),
        cmocka_unit_test(request__not_an_object_with_a_verb__is_refused_here),
        cmocka_unit_test(request__too_large__is_refused_here),
        cmocka_unit_test(open__wrong_arguments__are_refused_with_a_text),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
