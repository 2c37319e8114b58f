#include "tests/support/test.h"

#include "service/replicate/progress_pace.h"

#define GIB (1ull << 30)

// Counts the events of work that goes on evenly, looked at every `step_ms`.
static unsigned events_of(int64_t duration_ms, int64_t step_ms)
{
    struct progress_pace pace;
    unsigned told = 0, percent, last = 0;
    int64_t told_at = 5000; // the clock begins anywhere
    progress_pace_begin(&pace, 0, 100 * GIB, told_at);
    for (int64_t at = 0; at <= duration_ms; at += step_ms) {
        uint64_t done = 100 * GIB / (uint64_t)duration_ms * (uint64_t)at;
        if (!progress_pace_due(&pace, done, 100 * GIB, 5000 + at, &percent))
            continue;
        assert_true(percent / 10 > last / 10 && percent < 100);
        assert_true(5000 + at - told_at >= PROGRESS_PACE_MS);
        told_at = 5000 + at;
        last = percent;
        told++;
    }
    return told;
}

static void pace__slow_work__is_told_at_each_tenth(void **state)
{
    (void)state;
    assert_int_equal(events_of(3600000, 100), 9); // 10 to 90 percent
    assert_int_equal(events_of(300000, 100), 9);  // each tenth takes just half a minute
}

static void pace__fast_work__is_told_every_half_minute_at_most(void **state)
{
    (void)state;
    assert_int_equal(events_of(100000, 100), 3);
    assert_int_equal(events_of(29000, 100), 0);
}

static void pace__work_that_jumps__is_told_once_with_what_it_is_at(void **state)
{
    (void)state;
    struct progress_pace pace;
    unsigned percent = 0;
    progress_pace_begin(&pace, 0, 1000, 0);
    assert_false(progress_pace_due(&pace, 800, 1000, PROGRESS_PACE_MS - 1, &percent));
    assert_true(progress_pace_due(&pace, 855, 1000, PROGRESS_PACE_MS, &percent));
    assert_int_equal(percent, 85);
    assert_false(progress_pace_due(&pace, 899, 1000, 10 * PROGRESS_PACE_MS, &percent));
    assert_true(progress_pace_due(&pace, 900, 1000, 10 * PROGRESS_PACE_MS, &percent));
}

static void pace__continued_work__begins_with_what_was_done(void **state)
{
    (void)state;
    struct progress_pace pace;
    unsigned percent = 0;
    progress_pace_begin(&pace, 750, 1000, 0);
    assert_false(progress_pace_due(&pace, 799, 1000, 10 * PROGRESS_PACE_MS, &percent));
    assert_true(progress_pace_due(&pace, 800, 1000, 10 * PROGRESS_PACE_MS, &percent));
}

static void pace__the_end_and_nothing__are_not_told(void **state)
{
    (void)state;
    struct progress_pace pace;
    unsigned percent = 0;
    progress_pace_begin(&pace, 0, 1000, 0);
    assert_false(progress_pace_due(&pace, 1000, 1000, PROGRESS_PACE_MS, &percent));
    progress_pace_begin(&pace, 0, 0, 0);
    assert_false(progress_pace_due(&pace, 0, 0, PROGRESS_PACE_MS, &percent));
}

static void pace__numbers_near_the_limit__do_not_overflow(void **state)
{
    (void)state;
    struct progress_pace pace;
    unsigned percent = 0;
    progress_pace_begin(&pace, 0, UINT64_MAX, 0);
    assert_true(progress_pace_due(&pace, UINT64_MAX / 2, UINT64_MAX, PROGRESS_PACE_MS, &percent));
    assert_int_equal(percent, 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pace__slow_work__is_told_at_each_tenth),
        cmocka_unit_test(pace__fast_work__is_told_every_half_minute_at_most),
        cmocka_unit_test(pace__work_that_jumps__is_told_once_with_what_it_is_at),
        cmocka_unit_test(pace__continued_work__begins_with_what_was_done),
        cmocka_unit_test(pace__the_end_and_nothing__are_not_told),
        cmocka_unit_test(pace__numbers_near_the_limit__do_not_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
