// The verb "events" of docs/control.md: pages and filters. Replicas, for a primary has events of
// its schedule whenever it likes.
#include "tests/support/test.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/must.h"
#include "tests/support/service/ask.h"

static void events__pages__each_once_in_order(void **state)
{
    struct stage *s = *state;
    ask_do(s, ENABLE("vm", "p1.vhdx", "\"as_replica\": true"));
    for (int i = 0; i < 9; i++)
        ask_do(s, "{\"verb\": \"set\", \"name\": \"vm\", \"bandwidth_limit\": 1}");
    json_int_t last = 0;
    size_t seen = 0, page_size;
    do {
        char request[100];
        snprintf(request, sizeof request,
                 "{\"verb\": \"events\", \"after\": %" PRId64 ", \"limit\": 4}", (int64_t)last);
        json_t *page = ask_done(s, request);
        const json_t *events = json_object_get(page, "Events");
        page_size = json_array_size(events);
        for (size_t i = 0; i < page_size; i++)
            assert_true(json_integer_value(
                            json_object_get(json_array_get(events, i), "RecordId")) == ++last);
        assert_true(json_integer_value(json_object_get(page, "Last")) == last);
        assert_int_equal(json_integer_value(json_object_get(page, "Newest")), 10);
        seen += page_size;
        json_decref(page);
    } while (page_size > 0);
    assert_int_equal(seen, 10);
    ask_refused(s, "{\"verb\": \"events\", \"limit\": 1001}", STATUS_INVALID_ARGUMENT, "1000");
    ask_refused(s, "{\"verb\": \"events\", \"limit\": 0}", STATUS_INVALID_ARGUMENT, "limit");
}

static void assert_events(struct stage *s, const char *filter, size_t expected)
{
    char request[300];
    snprintf(request, sizeof request, "{\"verb\": \"events\", %s}", filter);
    json_t *page = ask_done(s, request);
    assert_int_equal(json_array_size(json_object_get(page, "Events")), expected);
    json_decref(page);
}

static void events__filters__a_page_is_one_of_matches(void **state)
{
    struct stage *s = *state;
    ask_do(s, ENABLE("vm", "p1.vhdx", "\"as_replica\": true"));
    ask_do(s, ENABLE("copy", "p2.vhdx", "\"as_replica\": true"));
    for (int i = 0; i < 5; i++) {
        ask_do(s, "{\"verb\": \"set\", \"name\": \"vm\", \"bandwidth_limit\": 1}");
        ask_do(s, "{\"verb\": \"server-set\", \"bandwidth_limit\": 1}");
    }
    ask_refused(s, "{\"verb\": \"stop\", \"name\": \"vm\"}", STATUS_REFUSED, "");
    assert_events(s, "\"ids\": [[32074, 32074]]", 2);
    assert_events(s, "\"ids\": [[50002, 50002], [50003, 50004]]", 10);
    assert_events(s, "\"ids\": [[50002, 50002]], \"limit\": 3", 3);
    assert_events(s, "\"name\": \"copy\"", 1);
    assert_events(s, "\"name\": \"vm\", \"levels\": [1, 2, 3]", 1);
    assert_events(s, "\"levels\": [2]", 0);
    assert_events(s, "\"since\": \"2026-01-01T00:00:00Z\", \"ids\": [[50003, 50003]]", 5);
    assert_events(s, "\"until\": \"2026-01-01T00:00:00Z\"", 0);
    assert_events(s, "\"newest\": true, \"limit\": 4, \"ids\": [[50003, 50003]]", 4);
    json_t *page = ask_done(
        s, "{\"verb\": \"events\", \"newest\": true, \"limit\": 1, \"ids\": [[32074, 32074]]}");
    assert_string_equal(ask_text(json_array_get(json_object_get(page, "Events"), 0), "VmName"),
                        "copy");
    assert_true(json_is_true(json_object_get(page, "More")));
    assert_int_equal(json_integer_value(json_object_get(page, "First")), 2);
    assert_int_equal(json_integer_value(json_object_get(page, "Last")), 13);
    json_decref(page);
}

static void events__wrong_filters__one_clear_error_each(void **state)
{
    struct stage *s = *state;
    static const struct {
        const char *request, *says;
    } rows[] = {
        {"{\"verb\": \"events\", \"ids\": []}", "ids"},
        {"{\"verb\": \"events\", \"ids\": 29242}", "ids"},
        {"{\"verb\": \"events\", \"ids\": [29242]}", "pairs"},
        {"{\"verb\": \"events\", \"ids\": [[29242]]}", "pairs"},
        {"{\"verb\": \"events\", \"ids\": [[-1, 5]]}", "pairs"},
        {"{\"verb\": \"events\", \"ids\": [[1, 4294967296]]}", "pairs"},
        {"{\"verb\": \"events\", \"levels\": []}", "levels"},
        {"{\"verb\": \"events\", \"levels\": [0]}", "1 to 5"},
        {"{\"verb\": \"events\", \"levels\": [\"Error\"]}", "1 to 5"},
        {"{\"verb\": \"events\", \"name\": 5}", "name"},
        {"{\"verb\": \"events\", \"since\": \"2h\"}", "since"},
        {"{\"verb\": \"events\", \"until\": 5}", "until"},
        {"{\"verb\": \"events\", \"newest\": 1}", "newest"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        ask_refused(s, rows[i].request, STATUS_INVALID_ARGUMENT, rows[i].says);
}

static void events__of_a_person__name_account_and_client(void **state)
{
    struct stage *s = *state;
    ask_do(s, ENABLE("vm", "p1.vhdx", "\"as_replica\": true"));
    json_t *page = ask_done(s, "{\"verb\": \"events\"}");
    const json_t *event = json_array_get(json_object_get(page, "Events"), 0);
    assert_string_equal(ask_text(event, "Account"), "HOST\\alice");
    assert_string_equal(ask_text(event, "Client"), "test");
    json_decref(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(events__pages__each_once_in_order, ask_set_up,
                                        stage_tear_down),
        cmocka_unit_test_setup_teardown(events__filters__a_page_is_one_of_matches, ask_set_up,
                                        stage_tear_down),
        cmocka_unit_test_setup_teardown(events__wrong_filters__one_clear_error_each, ask_set_up,
                                        stage_tear_down),
        cmocka_unit_test_setup_teardown(events__of_a_person__name_account_and_client, ask_set_up,
                                        stage_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
