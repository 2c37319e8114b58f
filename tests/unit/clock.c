#include "tests/support/test.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"

static void format_utc__known_instants(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {INT64_C(951782399999), "2000-02-28T23:59:59.999Z"},
        {INT64_C(951782400000), "2000-02-29T00:00:00.000Z"},
        {INT64_C(951868800000), "2000-03-01T00:00:00.000Z"},
        {INT64_C(1795369749123), "2026-11-22T17:49:09.123Z"},
        {INT64_C(4107542400000), "2100-03-01T00:00:00.000Z"},
        {INT64_C(-11644473600000), "1601-01-01T00:00:00.000Z"},
        {INT64_C(-62135596800000), "0001-01-01T00:00:00.000Z"},
        {INT64_C(253402300799999), "9999-12-31T23:59:59.999Z"},
        {INT64_MAX, "9999-12-31T23:59:59.999Z"},
        {INT64_MIN, "0001-01-01T00:00:00.000Z"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[CLOCK_TEXT_SIZE];
        assert_string_equal(clock_format_utc(cases[i].ms, text), cases[i].text);
    }
}

static void parse_utc__what_format_wrote__comes_back(void **state)
{
    (void)state;
    // A step that hits every month, leap days, and all times of the day.
    for (int64_t ms = INT64_C(-62135596800000); ms <= INT64_C(253402300799999);
         ms += INT64_C(86400000) * 13 + 12345677) {
        char text[CLOCK_TEXT_SIZE];
        int64_t back = 0;
        assert_true(clock_parse_utc(clock_format_utc(ms, text), &back));
        assert_int_equal(back, ms);
    }
}

static void format_utc__agrees_with_the_system(void **state)
{
    (void)state;
    for (int64_t seconds = 0; seconds < INT64_C(4102444800); seconds += 1234567) {
        time_t t = (time_t)seconds;
        char expected[CLOCK_TEXT_SIZE], text[CLOCK_TEXT_SIZE];
        strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%S.000Z", gmtime(&t));
        assert_string_equal(clock_format_utc(seconds * 1000, text), expected);
    }
}

static void parse_utc__without_milliseconds__accepted(void **state)
{
    (void)state;
    int64_t ms;
    assert_true(clock_parse_utc("2026-11-22T17:49:09Z", &ms));
    assert_int_equal(ms, INT64_C(1795369749000));
}

static void parse_utc__malformed__refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "2026-11-22",
        "2026-11-22T17:49:09",
        "2026-11-22 17:49:09Z",
        "2026-11-22T17:49:09.1Z",
        "2026-11-22T17:49:09.1234Z",
        "2026-11-22T17:49:09.123",
        "2026-11-22T17:49:09.123Zx",
        "2026-13-22T17:49:09Z",
        "2026-00-22T17:49:09Z",
        "2026-02-29T17:49:09Z",
        "2100-02-29T17:49:09Z",
        "2026-11-31T17:49:09Z",
        "2026-11-00T17:49:09Z",
        "2026-11-22T24:00:00Z",
        "2026-11-22T17:60:09Z",
        "2026-11-22T17:49:60Z",
        "0000-11-22T17:49:09Z",
        "-026-11-22T17:49:09Z",
        "2026-11-22T17:49:09+00:00",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        int64_t ms = 42;
        assert_false(clock_parse_utc(texts[i], &ms));
        assert_int_equal(ms, 42);
    }
}

static void parse__times_with_a_zone__are_those_instants(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "2026-11-22T17:49:09Z",     "2026-11-22 17:49:09Z",      "2026-11-22T18:49:09+01:00",
        "2026-11-22T18:49:09+0100", "2026-11-22T12:19:09-05:30", "2026-11-23T07:49:09+14:00",
        "2026-11-22T17:49:09.000Z",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        int64_t ms = 0;
        assert_true(clock_parse(texts[i], &ms));
        assert_int_equal(ms, INT64_C(1795369749000));
    }
    int64_t ms = 0;
    assert_true(clock_parse("2026-11-22T17:49Z", &ms));
    assert_int_equal(ms, INT64_C(1795369740000));
}

static void parse__local_times__are_shown_so(void **state)
{
    (void)state;
    static const char *const texts[] = {"2026-11-22 18:49:09", "2026-07-01 00:00:00",
                                        "1999-12-31 23:59:59", "2037-02-28 12:30:01"};
    char text[CLOCK_TEXT_SIZE];
    int64_t ms, same;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_true(clock_parse(texts[i], &ms));
        assert_string_equal(clock_format_local(ms, text), texts[i]);
    }
    assert_true(clock_parse("2026-11-22", &ms));
    assert_string_equal(clock_format_local(ms, text), "2026-11-22 00:00:00");
    assert_true(clock_parse("2026-11-22T00:00", &same));
    assert_int_equal(same, ms);
    assert_true(clock_parse("2026-11-22 00:00:00.123", &same));
    assert_int_equal(same, ms + 123);
}

static void parse__malformed__refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "2026",
        "2026-11",
        "2026-11-22T",
        "2026-11-22 ",
        "2026-11-22Z",
        "2026-11-22 17",
        "2026-11-22 17:4",
        "2026-11-22  17:49",
        "2026-11-22 17:49:",
        "2026-11-22 17:49:0",
        "2026-11-22 17:49:09.1",
        "2026-11-22 17:49 Z",
        "2026-11-22 17:49Zx",
        "2026-11-22 17:49+1",
        "2026-11-22 17:49+15:00",
        "2026-11-22 17:49+01:60",
        "2026-11-22 17:49+01:00x",
        "2026-11-31 17:49",
        "2026-11-22 24:00",
        "0000-11-22",
        "today",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        int64_t ms = 42;
        assert_false(clock_parse(texts[i], &ms));
        assert_int_equal(ms, 42);
    }
}

static void format_local__has_the_shape_of_a_time(void **state)
{
    (void)state;
    char text[CLOCK_TEXT_SIZE];
    clock_format_local(INT64_C(1795369749123), text);
    assert_int_equal(strlen(text), 19);
    assert_memory_equal(text, "2026-11-2", 9);
    assert_string_equal(text + 16, ":09"); // no zone of today has seconds
    clock_format_local(INT64_MAX, text);
    clock_format_local(INT64_MIN, text);
}

static void wall__is_now(void **state)
{
    (void)state;
    int64_t before = (int64_t)time(NULL) * 1000;
    int64_t now = clock_wall_ms();
    int64_t after = ((int64_t)time(NULL) + 1) * 1000;
    assert_in_range(now, before - 50, after + 50); // Windows' time() has coarse ticks
}

static void mono__sleep__takes_its_time(void **state)
{
    (void)state;
    int64_t before = clock_mono_ms();
    clock_sleep_ms(30);
    int64_t spent = clock_mono_ms() - before;
    assert_in_range(spent, 25, 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(format_utc__known_instants),
        cmocka_unit_test(parse_utc__what_format_wrote__comes_back),
        cmocka_unit_test(format_utc__agrees_with_the_system),
        cmocka_unit_test(parse_utc__without_milliseconds__accepted),
        cmocka_unit_test(parse_utc__malformed__refused),
        cmocka_unit_test(parse__times_with_a_zone__are_those_instants),
        cmocka_unit_test(parse__local_times__are_shown_so),
        cmocka_unit_test(parse__malformed__refused),
        cmocka_unit_test(format_local__has_the_shape_of_a_time),
        cmocka_unit_test(wall__is_now),
        cmocka_unit_test(mono__sleep__takes_its_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
