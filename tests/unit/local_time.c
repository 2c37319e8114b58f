// Local time by zones of a few rules, which are the same on every system.
#include "tests/support/test.h"

#include <string.h>

#include "base/clock.h"
#include "tests/support/zones.h"

static int64_t utc(const char *text)
{
    int64_t ms = 0;
    assert_true(clock_parse_utc(text, &ms));
    return ms;
}

// What the local clock shows, read as if it were UTC.
static void shows(const struct time_zone *zone, const char *at, const char *local)
{
    char text[CLOCK_TEXT_SIZE];
    clock_format_utc(local_time_from_utc(zone, utc(at)), text);
    assert_memory_equal(text, local, 19);
}

static void becomes(const struct time_zone *zone, const char *local, const char *wanted)
{
    char text[CLOCK_TEXT_SIZE];
    assert_string_equal(clock_format_utc(local_time_to_utc(zone, utc(local)), text), wanted);
}

static void from_utc__around_changes__as_the_clock_on_the_wall(void **state)
{
    (void)state;
    shows(&zone_utc, "2026-03-29T01:00:00Z", "2026-03-29T01:00:00");
    shows(&zone_berlin, "2026-03-29T00:59:59Z", "2026-03-29T01:59:59");
    shows(&zone_berlin, "2026-03-29T01:00:00Z", "2026-03-29T03:00:00");
    shows(&zone_berlin, "2026-10-25T00:59:59Z", "2026-10-25T02:59:59");
    shows(&zone_berlin, "2026-10-25T01:00:00Z", "2026-10-25T02:00:00");
    shows(&zone_new_york, "2026-07-01T00:00:00Z", "2026-06-30T20:00:00");
    shows(&zone_apia, "2011-12-30T09:59:59Z", "2011-12-29T23:59:59");
    shows(&zone_apia, "2011-12-30T10:00:00Z", "2011-12-31T00:00:00");
}

static void to_utc__valid_once__that_instant(void **state)
{
    (void)state;
    becomes(&zone_utc, "2026-03-29T02:30:00Z", "2026-03-29T02:30:00.000Z");
    becomes(&zone_berlin, "2026-03-29T01:59:59Z", "2026-03-29T00:59:59.000Z");
    becomes(&zone_berlin, "2026-03-29T03:00:00Z", "2026-03-29T01:00:00.000Z");
    becomes(&zone_berlin, "2026-10-25T03:00:00Z", "2026-10-25T02:00:00.000Z");
    becomes(&zone_berlin, "2026-07-01T18:30:00Z", "2026-07-01T16:30:00.000Z");
    becomes(&zone_lord_howe, "2026-10-04T02:30:00Z", "2026-10-03T15:30:00.000Z");
}

static void to_utc__skipped__first_valid_instant(void **state)
{
    (void)state;
    becomes(&zone_berlin, "2026-03-29T02:00:00Z", "2026-03-29T01:00:00.000Z");
    becomes(&zone_berlin, "2026-03-29T02:30:00Z", "2026-03-29T01:00:00.000Z");
    becomes(&zone_berlin, "2026-03-29T02:59:59Z", "2026-03-29T01:00:00.000Z");
    becomes(&zone_new_york, "2026-03-08T02:30:00Z", "2026-03-08T07:00:00.000Z");
    becomes(&zone_lord_howe, "2026-10-04T02:15:00Z", "2026-10-03T15:30:00.000Z"); // half an hour
    becomes(&zone_apia, "2011-12-30T12:00:00Z", "2011-12-30T10:00:00.000Z");      // a day
}

static void to_utc__comes_twice__the_first(void **state)
{
    (void)state;
    becomes(&zone_berlin, "2026-10-25T02:00:00Z", "2026-10-25T00:00:00.000Z");
    becomes(&zone_berlin, "2026-10-25T02:59:59Z", "2026-10-25T00:59:59.000Z");
    becomes(&zone_new_york, "2026-11-01T01:30:00Z", "2026-11-01T05:30:00.000Z");
    becomes(&zone_lord_howe, "2026-04-05T01:45:00Z", "2026-04-04T14:45:00.000Z");
}

static void system__there_and_back__the_same_minute(void **state)
{
    (void)state;
    char text[CLOCK_TEXT_SIZE], again[CLOCK_TEXT_SIZE];
    for (int64_t ms = utc("2020-01-01T00:00:00Z"); ms < utc("2030-01-01T00:00:00Z");
         ms += INT64_C(56789012)) {
        int64_t back;
        clock_format_local(ms, text);
        assert_true(clock_parse(text, &back));
        assert_string_equal(clock_format_local(back, again), text);
        assert_in_range(ms - back, 0, 2 * 3600 * 1000); // an hour that comes twice
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_utc__around_changes__as_the_clock_on_the_wall),
        cmocka_unit_test(to_utc__valid_once__that_instant),
        cmocka_unit_test(to_utc__skipped__first_valid_instant),
        cmocka_unit_test(to_utc__comes_twice__the_first),
        cmocka_unit_test(system__there_and_back__the_same_minute),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
