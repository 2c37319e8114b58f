// The filters of 'vrepctl events' as people type them.
#include "tests/support/test.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "ps/client/ctl/args.c" // NOLINT(bugprone-suspicious-include): parts of a program
#include "ps/client/ctl/when.c" // NOLINT(bugprone-suspicious-include)

#define NOW INT64_C(1795369749123) // 2026-11-22T17:49:09.123Z

static void when__so_long_ago(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ago_ms;
    } rows[] = {{"0s", 0},
                {"90s", 90000},
                {"30m", 1800000},
                {"2h", 7200000},
                {"7d", 604800000},
                {"00012h", 43200000},
                {"20000d", INT64_C(1728000000000)}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t time = 0;
        assert_ok(parse_when("--since", rows[i].text, NOW, &time));
        assert_int_equal(time, NOW - rows[i].ago_ms);
    }
}

static void when__a_time_with_its_zone(void **state)
{
    (void)state;
    int64_t time = 0;
    assert_ok(parse_when("--since", "2026-11-22T18:49:09.123+01:00", 0, &time));
    assert_int_equal(time, NOW);
}

static void when__anything_else__is_refused_with_the_option(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",          "2",          "h",         "-2h", "2h30m", "2w",      "2 h",
        "h2",        "2026-02-30", "yesterday", "2hh", "1e3s",  "20001d0", "99999999999999999999d",
        "999999999d"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        int64_t time = 42;
        assert_status(parse_when("--since", texts[i], NOW, &time), STATUS_INVALID_ARGUMENT);
        assert_non_null(strstr(status_last()->message, "--since"));
        assert_int_equal(time, 42);
    }
}

static void assert_list(enum status (*parse)(const char *text, json_t **out), const char *text,
                        const char *expected)
{
    json_t *list;
    assert_ok(parse(text, &list));
    char *json = js_text(list);
    assert_string_equal(json, expected);
    free(json);
    json_decref(list);
}

static void lists__become_what_the_service_is_asked(void **state)
{
    (void)state;
    assert_list(parse_ids, "29242", "[[29242,29242]]");
    assert_list(parse_ids, "29242,29244,32300-32399",
                "[[29242,29242],[29244,29244],[32300,32399]]");
    assert_list(parse_ids, "0-4294967295", "[[0,4294967295]]");
    assert_list(parse_levels, "error", "[2]");
    assert_list(parse_levels, "warning+", "[1,2,3]");
    assert_list(parse_levels, "information,error", "[4,2]");
}

static void lists__anything_else__is_refused(void **state)
{
    (void)state;
    static const char *const ids[] = {"",
                                      ",",
                                      "29242,",
                                      "a",
                                      "1-",
                                      "2-1",
                                      "-1",
                                      "1--2",
                                      "4294967296",
                                      "1-2-3",
                                      "1 ,2",
                                      "0x1",
                                      "000000000000000000000000000000001"};
    static const char *const levels[] = {"", "warn", "warning++", "+", "warning,", "Warning", "3"};
    json_t *list;
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
        assert_status(parse_ids(ids[i], &list), STATUS_INVALID_ARGUMENT);
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++)
        assert_status(parse_levels(levels[i], &list), STATUS_INVALID_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(when__so_long_ago),
        cmocka_unit_test(when__a_time_with_its_zone),
        cmocka_unit_test(when__anything_else__is_refused_with_the_option),
        cmocka_unit_test(lists__become_what_the_service_is_asked),
        cmocka_unit_test(lists__anything_else__is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
