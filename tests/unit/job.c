// Orders to a job: they only grow, they wake sleeps and blocked calls.
#include <pthread.h>

#include "base/clock.h"
#include "service/replicate/job.h"
#include "tests/support/test.h"

static void order__only_grows(void **state)
{
    (void)state;
    struct job *job = NULL;
    assert_ok(job_new(&job));
    assert_int_equal(job_get_order(job), JOB_GO);
    job_give_order(job, JOB_CANCEL);
    job_give_order(job, JOB_SUSPEND);
    assert_int_equal(job_get_order(job), JOB_CANCEL);
    job_give_order(job, JOB_CUT);
    assert_int_equal(job_get_order(job), JOB_CUT);
    job_free(job);
}

static void count(void *context)
{
    ++*(int *)context;
}

static void wake__called_for_every_higher_order(void **state)
{
    (void)state;
    struct job *job = NULL;
    int calls = 0;
    assert_ok(job_new(&job));
    job_set_wake(job, count, &calls);
    job_give_order(job, JOB_SUSPEND);
    job_give_order(job, JOB_SUSPEND);
    assert_int_equal(calls, 1);
    job_give_order(job, JOB_CUT);
    assert_int_equal(calls, 2);
    job_set_wake(job, NULL, NULL);
    job_free(job);
}

static void sleep__nothing_comes__sleeps_it_out(void **state)
{
    (void)state;
    struct job *job = NULL;
    assert_ok(job_new(&job));
    int64_t began = clock_mono_ms();
    assert_true(job_sleep(job, 60));
    assert_true(clock_mono_ms() - began >= 59);
    job_free(job);
}

static void sleep__order_came_before__does_not_sleep_once(void **state)
{
    (void)state;
    struct job *job = NULL;
    assert_ok(job_new(&job));
    job_give_order(job, JOB_CANCEL);
    assert_false(job_sleep(job, 60000));
    assert_true(job_sleep(job, 10)); // the order was seen: waits between two tries are waits again
    job_poke(job);
    assert_false(job_sleep(job, 60000));
    job_give_order(job, JOB_CUT);
    assert_false(job_sleep(job, 60000));
    assert_false(job_sleep(job, 60000)); // after a cut never again
    job_free(job);
}

static void *poke_soon(void *argument)
{
    clock_sleep_ms(50);
    job_poke(argument);
    return NULL;
}

static void sleep__poked__wakes(void **state)
{
    (void)state;
    struct job *job = NULL;
    pthread_t thread;
    assert_ok(job_new(&job));
    assert_int_equal(pthread_create(&thread, NULL, poke_soon, job), 0);
    int64_t began = clock_mono_ms();
    assert_false(job_sleep(job, 60000));
    assert_in_range(clock_mono_ms() - began, 0, 5000);
    pthread_join(thread, NULL);
    job_free(job);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order__only_grows),
        cmocka_unit_test(wake__called_for_every_higher_order),
        cmocka_unit_test(sleep__nothing_comes__sleeps_it_out),
        cmocka_unit_test(sleep__order_came_before__does_not_sleep_once),
        cmocka_unit_test(sleep__poked__wakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
