// The token bucket of the bandwidth limits.
#include <pthread.h>

#include "base/clock.h"
#include "service/wire/throttle.h"
#include "tests/support/test.h"

#define KIB 1024ull

static void take__no_limit__at_once(void **state)
{
    (void)state;
    struct throttle *t = NULL;
    assert_ok(throttle_new(0, &t));
    int64_t began = clock_mono_ms();
    for (int i = 0; i < 100000; i++)
        assert_true(throttle_take(t, UINT32_MAX, NULL, NULL));
    assert_in_range(clock_mono_ms() - began, 0, 5000);
    throttle_free(t);
}

static void take__limit__rate_is_kept(void **state)
{
    (void)state;
    struct throttle *t = NULL;
    assert_ok(throttle_new(1024 * KIB, &t));
    int64_t began = clock_mono_ms();
    for (int i = 0; i < 17; i++)
        assert_true(throttle_take(t, 64 * KIB, NULL, NULL));
    // The first piece goes at once, the other sixteen are a second's.
    assert_in_range(clock_mono_ms() - began, 900, 3000);
    throttle_free(t);
}

struct taker {
    struct throttle *throttle;
    pthread_t thread;
    bool taken;
};

static void *take_twice(void *argument)
{
    struct taker *taker = argument;
    taker->taken = throttle_take(taker->throttle, 64 * KIB, NULL, NULL) &&
                   throttle_take(taker->throttle, 64 * KIB, NULL, NULL);
    return NULL;
}

static void set_rate__somebody_waits_for_hours__goes_at_once(void **state)
{
    (void)state;
    struct taker taker = {.taken = false};
    assert_ok(throttle_new(1, &taker.throttle));
    assert_int_equal(pthread_create(&taker.thread, NULL, take_twice, &taker), 0);
    clock_sleep_ms(100);
    int64_t began = clock_mono_ms();
    throttle_set_rate(taker.throttle, 100 * 1024 * KIB);
    pthread_join(taker.thread, NULL);
    assert_true(taker.taken);
    assert_in_range(clock_mono_ms() - began, 0, 900);
    throttle_free(taker.throttle);
}

static bool give_up(void *context)
{
    int *asked = context;
    return ++*asked == 3;
}

static void take__given_up__false_soon(void **state)
{
    (void)state;
    struct throttle *t = NULL;
    int asked = 0;
    assert_ok(throttle_new(1, &t));
    assert_true(throttle_take(t, 64 * KIB, give_up, &asked));
    int64_t began = clock_mono_ms();
    assert_false(throttle_take(t, 1, give_up, &asked));
    assert_int_equal(asked, 3);
    assert_in_range(clock_mono_ms() - began, 0, 900);
    throttle_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(take__no_limit__at_once),
        cmocka_unit_test(take__limit__rate_is_kept),
        cmocka_unit_test(set_rate__somebody_waits_for_hours__goes_at_once),
        cmocka_unit_test(take__given_up__false_soon),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
