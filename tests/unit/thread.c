#include "tests/support/test.h"

#include <pthread.h>

#include "base/clock.h"
#include "base/thread.h"

struct waited {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    bool set;
};

static void *set_it(void *context)
{
    struct waited *w = context;
    clock_sleep_ms(20);
    pthread_mutex_lock(&w->mutex);
    w->set = true;
    pthread_cond_signal(&w->cond);
    pthread_mutex_unlock(&w->mutex);
    return NULL;
}

static void cond_wait__nobody_signals__times_out(void **state)
{
    (void)state;
    struct waited w = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    assert_int_equal(thread_cond_init(&w.cond), 0);
    pthread_mutex_lock(&w.mutex);
    int64_t before = clock_mono_ms();
    while (thread_cond_wait_ms(&w.cond, &w.mutex, 40)) {
    }
    int64_t spent = clock_mono_ms() - before;
    assert_false(thread_cond_wait_ms(&w.cond, &w.mutex, 0));
    pthread_mutex_unlock(&w.mutex);
    assert_in_range(spent, 35, 5000);
    pthread_cond_destroy(&w.cond);
}

static void cond_wait__signalled__returns_before_the_time_out(void **state)
{
    (void)state;
    struct waited w = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    pthread_t thread;
    assert_int_equal(thread_cond_init(&w.cond), 0);
    assert_int_equal(pthread_create(&thread, NULL, set_it, &w), 0);
    int64_t before = clock_mono_ms();
    pthread_mutex_lock(&w.mutex);
    while (!w.set)
        assert_true(thread_cond_wait_ms(&w.cond, &w.mutex, 30000));
    pthread_mutex_unlock(&w.mutex);
    assert_true(clock_mono_ms() - before < 20000);
    pthread_join(thread, NULL);
    pthread_cond_destroy(&w.cond);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cond_wait__nobody_signals__times_out),
        cmocka_unit_test(cond_wait__signalled__returns_before_the_time_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
