// Windows and what they ask for, by a table of instants; zones are those of tests/support/zones.h.
#include "tests/support/test.h"

#include <string.h>

#include "base/clock.h"
#include "service/engine/schedule.h"
#include "tests/support/records.h"
#include "tests/support/zones.h"

#define HOUR_MS  INT64_C(3600000)
#define AT(h, m) ((h)*3600 + (m)*60)

static int64_t utc(const char *text)
{
    int64_t ms = 0;
    assert_true(clock_parse_utc(text, &ms));
    return ms;
}

// ---- the window ----

struct window_row {
    const struct time_zone *zone;
    uint32_t start_s, end_s;
    const char *now; // all of them UTC
    const char *start, *end, *next;
};

static const struct window_row window_rows[] = {
    // Within a day: before, at its start, inside, at its end, after.
    {&zone_utc, AT(9, 0), AT(17, 0), "2026-06-10T08:59:59.999Z", "2026-06-09T09:00:00.000Z",
     "2026-06-09T17:00:00.000Z", "2026-06-10T09:00:00.000Z"},
    {&zone_utc, AT(9, 0), AT(17, 0), "2026-06-10T09:00:00Z", "2026-06-10T09:00:00.000Z",
     "2026-06-10T17:00:00.000Z", "2026-06-11T09:00:00.000Z"},
    {&zone_utc, AT(9, 0), AT(17, 0), "2026-06-10T12:00:00Z", "2026-06-10T09:00:00.000Z",
     "2026-06-10T17:00:00.000Z", "2026-06-11T09:00:00.000Z"},
    {&zone_utc, AT(9, 0), AT(17, 0), "2026-06-10T17:00:00Z", "2026-06-10T09:00:00.000Z",
     "2026-06-10T17:00:00.000Z", "2026-06-11T09:00:00.000Z"},
    // Hyper-V's default, past midnight, the month and the year.
    {&zone_berlin, AT(18, 30), AT(6, 0), "2026-06-10T16:29:59Z", "2026-06-09T16:30:00.000Z",
     "2026-06-10T04:00:00.000Z", "2026-06-10T16:30:00.000Z"},
    {&zone_berlin, AT(18, 30), AT(6, 0), "2026-06-10T22:00:00Z", "2026-06-10T16:30:00.000Z",
     "2026-06-11T04:00:00.000Z", "2026-06-11T16:30:00.000Z"},
    {&zone_berlin, AT(18, 30), AT(6, 0), "2026-06-11T03:59:59Z", "2026-06-10T16:30:00.000Z",
     "2026-06-11T04:00:00.000Z", "2026-06-11T16:30:00.000Z"},
    {&zone_utc, AT(18, 30), AT(6, 0), "2027-01-01T00:00:00Z", "2026-12-31T18:30:00.000Z",
     "2027-01-01T06:00:00.000Z", "2027-01-01T18:30:00.000Z"},
    // Equal: all day, a window a day. Midnight to a second before: the article's all day.
    {&zone_utc, AT(8, 0), AT(8, 0), "2026-06-10T07:59:59Z", "2026-06-09T08:00:00.000Z",
     "2026-06-10T08:00:00.000Z", "2026-06-10T08:00:00.000Z"},
    {&zone_utc, AT(8, 0), AT(8, 0), "2026-06-10T08:00:00Z", "2026-06-10T08:00:00.000Z",
     "2026-06-11T08:00:00.000Z", "2026-06-11T08:00:00.000Z"},
    {&zone_utc, 0, 0, "2026-06-10T00:00:00Z", "2026-06-10T00:00:00.000Z",
     "2026-06-11T00:00:00.000Z", "2026-06-11T00:00:00.000Z"},
    {&zone_utc, 0, 86399, "2026-06-10T23:59:59.500Z", "2026-06-10T00:00:00.000Z",
     "2026-06-10T23:59:59.000Z", "2026-06-11T00:00:00.000Z"},
    // 29 March: 2 to 3 o'clock is skipped. The start is, the end is, both are.
    {&zone_berlin, AT(2, 30), AT(5, 0), "2026-03-29T01:00:00Z", "2026-03-29T01:00:00.000Z",
     "2026-03-29T03:00:00.000Z", "2026-03-30T00:30:00.000Z"},
    {&zone_berlin, AT(2, 30), AT(5, 0), "2026-03-29T00:59:59.999Z", "2026-03-28T01:30:00.000Z",
     "2026-03-28T04:00:00.000Z", "2026-03-29T01:00:00.000Z"},
    {&zone_berlin, AT(22, 0), AT(2, 30), "2026-03-29T00:59:59Z", "2026-03-28T21:00:00.000Z",
     "2026-03-29T01:00:00.000Z", "2026-03-29T20:00:00.000Z"},
    {&zone_berlin, AT(2, 15), AT(2, 45), "2026-03-29T01:00:00Z", "2026-03-29T01:00:00.000Z",
     "2026-03-29T01:30:00.000Z", "2026-03-30T00:15:00.000Z"},
    {&zone_berlin, AT(2, 30), AT(2, 30), "2026-03-29T12:00:00Z", "2026-03-29T01:00:00.000Z",
     "2026-03-30T00:30:00.000Z", "2026-03-30T00:30:00.000Z"},
    // 25 October: 2 to 3 o'clock comes twice, and counts once.
    {&zone_berlin, AT(2, 30), AT(5, 0), "2026-10-25T00:30:00Z", "2026-10-25T00:30:00.000Z",
     "2026-10-25T04:00:00.000Z", "2026-10-26T01:30:00.000Z"},
    {&zone_berlin, AT(2, 30), AT(5, 0), "2026-10-25T01:30:00Z", "2026-10-25T00:30:00.000Z",
     "2026-10-25T04:00:00.000Z", "2026-10-26T01:30:00.000Z"},
    {&zone_berlin, AT(2, 15), AT(2, 45), "2026-10-25T01:20:00Z", "2026-10-25T00:15:00.000Z",
     "2026-10-25T00:45:00.000Z", "2026-10-26T01:15:00.000Z"},
    {&zone_berlin, AT(22, 0), AT(2, 30), "2026-10-25T01:10:00Z", "2026-10-24T20:00:00.000Z",
     "2026-10-25T00:30:00.000Z", "2026-10-25T21:00:00.000Z"},
    {&zone_berlin, 0, 0, "2026-10-25T22:59:59Z", "2026-10-24T22:00:00.000Z",
     "2026-10-25T23:00:00.000Z", "2026-10-25T23:00:00.000Z"}, // a day of 25 hours
    // West of UTC; changes of half an hour.
    {&zone_new_york, AT(18, 30), AT(6, 0), "2026-03-08T09:59:59Z", "2026-03-07T23:30:00.000Z",
     "2026-03-08T10:00:00.000Z", "2026-03-08T22:30:00.000Z"},
    {&zone_new_york, AT(2, 30), AT(3, 30), "2026-03-08T07:00:00Z", "2026-03-08T07:00:00.000Z",
     "2026-03-08T07:30:00.000Z", "2026-03-09T06:30:00.000Z"},
    {&zone_lord_howe, AT(2, 15), AT(6, 0), "2026-10-03T15:30:00Z", "2026-10-03T15:30:00.000Z",
     "2026-10-03T19:00:00.000Z", "2026-10-04T15:15:00.000Z"},
    // The day that Samoa left out, from its midnight to the next one.
    {&zone_apia, 0, AT(6, 0), "2011-12-30T09:59:59Z", "2011-12-29T10:00:00.000Z",
     "2011-12-29T16:00:00.000Z", "2011-12-30T10:00:00.000Z"},
    {&zone_apia, 0, AT(6, 0), "2011-12-30T10:00:00Z", "2011-12-30T10:00:00.000Z",
     "2011-12-30T16:00:00.000Z", "2011-12-31T10:00:00.000Z"},
    {&zone_apia, AT(18, 0), AT(6, 0), "2011-12-30T12:00:00Z", "2011-12-30T10:00:00.000Z",
     "2011-12-30T16:00:00.000Z", "2011-12-31T04:00:00.000Z"},
};

static void window__at_an_instant__the_period_it_falls_in(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof window_rows / sizeof *window_rows; i++) {
        const struct window_row *row = &window_rows[i];
        const struct resync_schedule schedule = {.start_s = row->start_s, .end_s = row->end_s};
        struct schedule_window window = schedule_window_at(&schedule, utc(row->now), row->zone);
        char start[CLOCK_TEXT_SIZE], end[CLOCK_TEXT_SIZE], next[CLOCK_TEXT_SIZE];
        if (strcmp(clock_format_utc(window.start, start), row->start) != 0 ||
            strcmp(clock_format_utc(window.end, end), row->end) != 0 ||
            strcmp(clock_format_utc(window.next, next), row->next) != 0)
            fail_msg("row %zu at %s: [%s, %s) then %s", i, row->now, start, end, next);
    }
}

// Every instant belongs to one period, and periods follow each other without a gap.
static void periods__minute_by_minute_over_changes__cover_the_time(void **state)
{
    (void)state;
    static const struct time_zone *const zones[] = {&zone_berlin, &zone_new_york, &zone_lord_howe};
    static const char *const begins[] = {"2026-03-07T00:00:00Z", "2026-03-28T00:00:00Z",
                                         "2026-04-03T00:00:00Z", "2026-10-02T00:00:00Z",
                                         "2026-10-24T00:00:00Z", "2026-10-31T00:00:00Z"};
    static const uint32_t times[] = {0, AT(1, 45), AT(2, 15), AT(2, 45), AT(6, 0), 86399};
    for (size_t c = 0; c < 3 * 6 * 6; c++) {
        const struct time_zone *zone = zones[c % 3];
        const struct resync_schedule schedule = {.start_s = times[c / 3 % 6],
                                                 .end_s = times[c / 18]};
        for (size_t b = 0; b < sizeof begins / sizeof *begins; b++) {
            int64_t now = utc(begins[b]);
            struct schedule_window last = schedule_window_at(&schedule, now, zone);
            for (int64_t end = now + 60 * HOUR_MS; now < end; now += 10 * 60000) {
                struct schedule_window window = schedule_window_at(&schedule, now, zone);
                assert_true(window.start <= now && now < window.next);
                assert_true(window.start < window.end && window.end <= window.next);
                assert_true(window.start == last.start || window.start == last.next);
                last = window;
            }
        }
    }
}

// ---- what to do ----

// A primary that waits for its resynchronization, with the window 18:30 to 06:00.
static struct relationship *waiting(bool enabled)
{
    struct relationship *r = record_new("vm", MODE_PRIMARY, 1);
    r->schedule.enabled = enabled;
    return r;
}

static enum schedule_step decide(const struct relationship *r, const char *now)
{
    return schedule_decide(r, utc(now), &zone_utc);
}

static void required__inside_its_window__starts(void **state)
{
    (void)state;
    struct relationship *r = waiting(true);
    assert_int_equal(decide(r, "2026-06-10T18:30:00Z"), SCHEDULE_START);
    assert_int_equal(decide(r, "2026-06-11T05:59:59.999Z"), SCHEDULE_START);
    r->schedule.end_s = r->schedule.start_s;
    assert_int_equal(decide(r, "2026-06-11T12:00:00Z"), SCHEDULE_START);
    relationship_free(r);
}

static void required__outside__told_once_in_each_period(void **state)
{
    (void)state;
    struct relationship *r = waiting(true);
    assert_int_equal(decide(r, "2026-06-11T06:00:00Z"), SCHEDULE_TELL_OUTSIDE);
    assert_int_equal(decide(r, "2026-06-11T18:29:59Z"), SCHEDULE_TELL_OUTSIDE);
    r->schedule.told = utc("2026-06-11T06:00:00Z");
    assert_true(schedule_is_told(&r->schedule, utc("2026-06-11T18:29:59Z"), &zone_utc));
    assert_int_equal(decide(r, "2026-06-11T18:29:59Z"), SCHEDULE_NOTHING);
    assert_int_equal(decide(r, "2026-06-12T06:00:00Z"), SCHEDULE_TELL_OUTSIDE);
    relationship_free(r);
}

static void required__disabled__told_once_in_each_period(void **state)
{
    (void)state;
    struct relationship *r = waiting(false);
    assert_int_equal(decide(r, "2026-06-10T20:00:00Z"), SCHEDULE_TELL_DISABLED);
    r->schedule.told = utc("2026-06-10T20:00:00Z");
    assert_int_equal(decide(r, "2026-06-10T21:00:00Z"), SCHEDULE_NOTHING);
    assert_int_equal(decide(r, "2026-06-11T12:00:00Z"), SCHEDULE_NOTHING);
    assert_int_equal(decide(r, "2026-06-11T18:30:00Z"), SCHEDULE_TELL_DISABLED);
    relationship_free(r);
}

static void stopped_in_a_window__not_again_in_it(void **state)
{
    (void)state;
    struct relationship *r = waiting(true);
    r->schedule.stopped = utc("2026-06-10T20:00:00Z");
    assert_int_equal(decide(r, "2026-06-10T20:00:01Z"), SCHEDULE_NOTHING);
    assert_int_equal(decide(r, "2026-06-11T05:00:00Z"), SCHEDULE_NOTHING);
    assert_int_equal(decide(r, "2026-06-11T18:30:00Z"), SCHEDULE_START);
    r->schedule.stopped = utc("2026-06-10T12:00:00Z"); // between two windows
    assert_int_equal(decide(r, "2026-06-10T18:30:00Z"), SCHEDULE_START);
    relationship_free(r);
}

static void clock_set_back_or_forward__only_the_window_matters(void **state)
{
    (void)state;
    struct relationship *r = waiting(true);
    r->schedule.stopped = utc("2026-06-10T20:00:00Z");
    r->schedule.told = utc("2026-06-10T20:00:00Z");
    assert_int_equal(decide(r, "2026-06-10T19:00:00Z"),
                     SCHEDULE_NOTHING);                                  // back in the same window
    assert_int_equal(decide(r, "2026-06-09T20:00:00Z"), SCHEDULE_START); // in the one before
    assert_int_equal(decide(r, "2026-06-10T17:00:00Z"), SCHEDULE_TELL_OUTSIDE);
    assert_int_equal(decide(r, "2026-06-10T20:30:00Z"), SCHEDULE_NOTHING); // and forward again
    assert_int_equal(decide(r, "2030-01-01T20:00:00Z"), SCHEDULE_START);
    assert_int_equal(decide(r, "1999-01-01T20:00:00Z"), SCHEDULE_START);
    relationship_free(r);
}

// An hour that comes twice is no second window.
static void stopped__the_hour_comes_again__not_again(void **state)
{
    (void)state;
    struct relationship *r = waiting(true);
    r->schedule.start_s = AT(2, 15);
    r->schedule.end_s = AT(2, 45);
    r->schedule.stopped = utc("2026-10-25T00:20:00Z");
    r->schedule.told = r->schedule.stopped;
    assert_int_equal(schedule_decide(r, utc("2026-10-25T00:30:00Z"), &zone_berlin),
                     SCHEDULE_NOTHING);
    assert_int_equal(schedule_decide(r, utc("2026-10-25T01:20:00Z"), &zone_berlin),
                     SCHEDULE_NOTHING);
    assert_int_equal(schedule_decide(r, utc("2026-10-26T01:20:00Z"), &zone_berlin), SCHEDULE_START);
    relationship_free(r);
}

static void other_states_replicas_and_cancels__are_left_alone(void **state)
{
    (void)state;
    static const enum replication_state states[] = {0, 4, 8, 9, 11, 12};
    struct relationship *r = waiting(true);
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        r->state = states[i];
        assert_int_equal(decide(r, "2026-06-10T20:00:00Z"), SCHEDULE_NOTHING);
        assert_int_equal(decide(r, "2026-06-10T12:00:00Z"), SCHEDULE_NOTHING);
    }
    r->state = REPLICATION_WAITING_FOR_START_RESYNCHRONIZE;
    r->cancel_pending = true;
    assert_int_equal(decide(r, "2026-06-10T20:00:00Z"), SCHEDULE_NOTHING);
    r->cancel_pending = false;
    r->mode = MODE_REPLICA;
    assert_int_equal(decide(r, "2026-06-10T20:00:00Z"), SCHEDULE_NOTHING);
    relationship_free(r);
}

// A comparison reads the disks that a resynchronization would hold; both wait for its end.
static void comparing__window_and_start_time__wait_for_its_end(void **state)
{
    (void)state;
    struct relationship *r = waiting(true);
    const char *inside = "2026-06-10T20:00:00Z", *outside = "2026-06-10T12:00:00Z";
    r->comparing_since = utc("2026-06-10T11:00:00Z");
    assert_int_equal(decide(r, inside), SCHEDULE_NOTHING);
    assert_int_equal(decide(r, outside), SCHEDULE_NOTHING); // nor is anything told
    r->schedule.start_time = utc("2026-06-10T19:00:00Z");
    assert_int_equal(decide(r, inside), SCHEDULE_NOTHING);
    r->comparing_since = 0;
    assert_int_equal(decide(r, inside), SCHEDULE_START_DUE);
    r->schedule.start_time = 0;
    assert_int_equal(decide(r, inside), SCHEDULE_START);
    assert_int_equal(decide(r, outside), SCHEDULE_TELL_OUTSIDE);
    r->state = REPLICATION_RESYNCHRONIZE_SUSPENDED;
    r->schedule.suspended_by_end = true;
    r->comparing_since = utc("2026-06-10T11:00:00Z");
    assert_int_equal(decide(r, inside), SCHEDULE_NOTHING);
    r->comparing_since = 0;
    assert_int_equal(decide(r, inside), SCHEDULE_CONTINUE);
    relationship_free(r);
}

static void start_time__due_and_missed__fires_and_the_window_waits_for_it(void **state)
{
    (void)state;
    struct relationship *r = waiting(true);
    r->schedule.start_time = utc("2026-06-10T22:00:00Z");
    assert_int_equal(decide(r, "2026-06-10T21:59:59.999Z"), SCHEDULE_NOTHING); // inside its window
    assert_int_equal(decide(r, "2026-06-10T22:00:00Z"), SCHEDULE_START_DUE);
    assert_int_equal(decide(r, "2026-06-14T09:00:00Z"), SCHEDULE_START_DUE);
    r->schedule.enabled = false;
    assert_int_equal(decide(r, "2026-06-10T21:00:00Z"), SCHEDULE_NOTHING); // nothing to tell either
    r->state = REPLICATION_SUSPENDED;
    assert_int_equal(decide(r, "2026-06-10T22:00:00Z"), SCHEDULE_START_DUE);
    relationship_free(r);
}

static void running__its_window_ends__suspended_when_wanted(void **state)
{
    (void)state;
    struct relationship *r = waiting(true);
    r->state = REPLICATION_RESYNCHRONIZING;
    r->schedule.run_since = utc("2026-06-10T20:00:00Z");
    assert_int_equal(decide(r, "2026-06-11T06:00:00Z"), SCHEDULE_NOTHING);
    r->schedule.suspend_at_end = true;
    assert_int_equal(decide(r, "2026-06-11T05:59:59Z"), SCHEDULE_NOTHING);
    assert_int_equal(decide(r, "2026-06-11T06:00:00Z"), SCHEDULE_SUSPEND);
    assert_int_equal(decide(r, "2026-06-11T12:00:00Z"),
                     SCHEDULE_SUSPEND); // after a service's pause
    assert_int_equal(decide(r, "2026-06-11T19:00:00Z"), SCHEDULE_NOTHING); // the next one is here
    r->phase = PHASE_COMMITTING;
    assert_int_equal(decide(r, "2026-06-11T06:00:00Z"), SCHEDULE_NOTHING);
    r->phase = PHASE_COMPARING;
    r->schedule.run_since = utc("2026-06-11T06:00:00Z"); // a person wanted it outside
    assert_int_equal(decide(r, "2026-06-11T12:00:00Z"), SCHEDULE_NOTHING);
    assert_int_equal(decide(r, "2026-06-12T06:00:00Z"), SCHEDULE_SUSPEND);
    r->schedule.enabled = false;
    assert_int_equal(decide(r, "2026-06-12T06:00:00Z"), SCHEDULE_NOTHING);
    r->schedule.enabled = true;
    r->schedule.end_s = r->schedule.start_s; // it never ends
    assert_int_equal(decide(r, "2026-06-12T18:30:00Z"), SCHEDULE_NOTHING);
    relationship_free(r);
}

static void suspended_by_the_end__goes_on_in_the_next_window(void **state)
{
    (void)state;
    struct relationship *r = waiting(true);
    r->state = REPLICATION_RESYNCHRONIZE_SUSPENDED;
    assert_int_equal(decide(r, "2026-06-11T18:30:00Z"), SCHEDULE_NOTHING); // by a person
    r->schedule.suspended_by_end = true;
    assert_int_equal(decide(r, "2026-06-11T18:29:59Z"), SCHEDULE_NOTHING);
    assert_int_equal(decide(r, "2026-06-11T18:30:00Z"), SCHEDULE_CONTINUE);
    r->schedule.enabled = false;
    assert_int_equal(decide(r, "2026-06-11T18:30:00Z"), SCHEDULE_NOTHING);
    relationship_free(r);
}

static void next_start__what_status_shows(void **state)
{
    (void)state;
    struct relationship *r = waiting(true);
    int64_t inside = utc("2026-06-10T20:00:00Z"), outside = utc("2026-06-10T12:00:00Z");
    int64_t today = utc("2026-06-10T18:30:00Z"), tomorrow = utc("2026-06-11T18:30:00Z");
    assert_true(schedule_next_start(r, outside, &zone_utc) == today);
    assert_true(schedule_next_start(r, inside, &zone_utc) == today); // it only waits for its disks
    r->schedule.stopped = inside;
    assert_true(schedule_next_start(r, inside, &zone_utc) == tomorrow);
    r->schedule.start_time = tomorrow;
    assert_true(schedule_next_start(r, inside, &zone_utc) == 0);
    r->schedule.start_time = 0;
    r->state = REPLICATION_RESYNCHRONIZE_SUSPENDED;
    assert_true(schedule_next_start(r, outside, &zone_utc) == 0);
    r->schedule.suspended_by_end = true;
    assert_true(schedule_next_start(r, outside, &zone_utc) == today);
    assert_true(schedule_next_start(r, inside, &zone_utc) == today); // a stop does not bind it
    r->schedule.enabled = false;
    assert_true(schedule_next_start(r, outside, &zone_utc) == 0);
    relationship_free(r);
}

static void next_change__the_nearest_of_window_and_start_time(void **state)
{
    (void)state;
    struct relationship *r = waiting(true);
    const struct resync_schedule *schedule = &r->schedule;
    int64_t noon = utc("2026-06-10T12:00:00Z");
    assert_true(schedule_next_change(schedule, noon, &zone_utc) == utc("2026-06-10T18:30:00Z"));
    assert_true(schedule_next_change(schedule, utc("2026-06-10T18:30:00Z"), &zone_utc) ==
                utc("2026-06-11T06:00:00Z"));
    r->schedule.start_time = noon + 1;
    assert_true(schedule_next_change(schedule, noon, &zone_utc) == noon + 1);
    assert_true(schedule_next_change(schedule, noon + 1, &zone_utc) == utc("2026-06-10T18:30:00Z"));
    r->schedule.start_time = utc("2026-06-10T18:30:01Z");
    assert_true(schedule_next_change(schedule, noon, &zone_utc) == utc("2026-06-10T18:30:00Z"));
    relationship_free(r);
}

// ---- what people give ----

static void start_time__past_or_too_far__refused_with_the_date_as_understood(void **state)
{
    (void)state;
    int64_t now = utc("2026-06-10T12:00:00Z");
    static const struct {
        const char *at;
        const char *says; // NULL: fine
    } rows[] = {
        {"2026-06-10T12:00:00Z", "has passed"}, {"2026-06-10T12:00:00.001Z", NULL},
        {"2026-06-17T12:00:00Z", NULL},         {"2026-06-17T12:00:00.001Z", "more than 7 days"},
        {"2025-06-10T12:00:00Z", "has passed"}, {"9999-12-31T23:59:59Z", "more than 7 days"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char local[CLOCK_TEXT_SIZE];
        enum status s = schedule_check_start_time("vm", utc(rows[i].at), now);
        assert_int_equal(s, rows[i].says ? STATUS_INVALID_ARGUMENT : STATUS_OK);
        if (!rows[i].says)
            continue;
        assert_non_null(strstr(status_last()->message, rows[i].says));
        assert_non_null(strstr(status_last()->message, "'vm'"));
        clock_format_local(utc(rows[i].at), local);
        assert_non_null(strstr(status_last()->message, local));
        assert_int_equal(status_last()->event_id, 29178);
    }
}

static void time_of_day__both_forms__and_nothing_else(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t seconds;
    } fine[] = {{"00:00", 0},        {"18:30", AT(18, 30)}, {"18:30:00", AT(18, 30)},
                {"23:59:59", 86399}, {"06:00", AT(6, 0)},   {"00:00:01", 1}};
    static const char *const wrong[] = {"",      "6:00",       "24:00",     "18:60",   "18:30:60",
                                        "18",    "18:3",       "18:30:",    "18:30:0", "18:30:00Z",
                                        "1830",  "-1:30",      " 18:30",    "18:30 ",  "+8:30",
                                        "18.30", "18:30:00.0", "0.18:30:00"};
    uint32_t seconds;
    char text[TIME_OF_DAY_SIZE];
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
        assert_true(time_of_day_parse(fine[i].text, &seconds));
        assert_int_equal(seconds, fine[i].seconds);
        uint32_t again;
        assert_true(time_of_day_parse(time_of_day_format(seconds, text), &again));
        assert_int_equal(again, seconds);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        seconds = 42;
        assert_false(time_of_day_parse(wrong[i], &seconds));
        assert_int_equal(seconds, 42);
    }
    assert_string_equal(time_of_day_format(SCHEDULE_START_DEFAULT_S, text), "18:30:00");
    assert_string_equal(time_of_day_format(SCHEDULE_END_DEFAULT_S, text), "06:00:00");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(window__at_an_instant__the_period_it_falls_in),
        cmocka_unit_test(periods__minute_by_minute_over_changes__cover_the_time),
        cmocka_unit_test(required__inside_its_window__starts),
        cmocka_unit_test(required__outside__told_once_in_each_period),
        cmocka_unit_test(required__disabled__told_once_in_each_period),
        cmocka_unit_test(stopped_in_a_window__not_again_in_it),
        cmocka_unit_test(clock_set_back_or_forward__only_the_window_matters),
        cmocka_unit_test(stopped__the_hour_comes_again__not_again),
        cmocka_unit_test(other_states_replicas_and_cancels__are_left_alone),
        cmocka_unit_test(comparing__window_and_start_time__wait_for_its_end),
        cmocka_unit_test(start_time__due_and_missed__fires_and_the_window_waits_for_it),
        cmocka_unit_test(running__its_window_ends__suspended_when_wanted),
        cmocka_unit_test(suspended_by_the_end__goes_on_in_the_next_window),
        cmocka_unit_test(next_start__what_status_shows),
        cmocka_unit_test(next_change__the_nearest_of_window_and_start_time),
        cmocka_unit_test(start_time__past_or_too_far__refused_with_the_date_as_understood),
        cmocka_unit_test(time_of_day__both_forms__and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
