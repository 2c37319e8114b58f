#include "tests/support/test.h"

#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "service/workers.h"

#define PATIENCE_MS 20000

static int set_up(void **state)
{
    return workers_new((struct workers **)state) == STATUS_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    assert_true(workers_wait(*state, PATIENCE_MS));
    workers_free(*state);
    return 0;
}

// A work that lasts until its gate is opened.
struct work {
    pthread_mutex_t gate;
    bool done, dropped;
};

static void work_init(struct work *work)
{
    *work = (struct work){.done = false};
    pthread_mutex_init(&work->gate, NULL);
}

static void work_run(void *context)
{
    struct work *work = context;
    pthread_mutex_lock(&work->gate);
    work->done = true;
    pthread_mutex_unlock(&work->gate);
}

static void work_drop(void *context)
{
    struct work *work = context;
    work->dropped = true;
}

static void call__ends_in_time__is_the_callers_again(void **state)
{
    struct work work;
    bool finished = false;
    work_init(&work);
    assert_ok(
        workers_call(*state, "a test", "", work_run, work_drop, &work, PATIENCE_MS, &finished));
    assert_true(finished);
    assert_true(work.done);
    assert_false(work.dropped);
}

static void call__takes_too_long__is_dropped_by_its_thread(void **state)
{
    struct work work;
    bool finished = true;
    work_init(&work);
    pthread_mutex_lock(&work.gate);
    int64_t begun = clock_mono_ms();
    assert_ok(workers_call(*state, "a test", "", work_run, work_drop, &work, 50, &finished));
    assert_false(finished);
    assert_true(clock_mono_ms() - begun >= 50);
    pthread_mutex_unlock(&work.gate);
    assert_true(workers_wait(*state, PATIENCE_MS));
    assert_true(work.done);
    assert_true(work.dropped);
}

static void name(void *context, const char *purpose, const char *object)
{
    assert_string_equal(purpose, "a test");
    assert_string_equal(object, "of this");
    ++*(unsigned *)context;
}

static void wait__one_is_blocked__tells_which(void **state)
{
    struct work work;
    unsigned named = 0;
    work_init(&work);
    pthread_mutex_lock(&work.gate);
    assert_ok(workers_start(*state, "a test", "of this", work_run, &work));
    assert_false(workers_wait(*state, 30));
    workers_each(*state, name, &named);
    assert_int_equal(named, 1);
    pthread_mutex_unlock(&work.gate);
    assert_true(workers_wait(*state, PATIENCE_MS));
    workers_each(*state, name, &named);
    assert_int_equal(named, 1);
}

static void start__object_too_long__is_cut(void **state)
{
    struct work work;
    char object[4096];
    work_init(&work);
    memset(object, 'x', sizeof object - 1);
    object[sizeof object - 1] = '\0';
    assert_ok(workers_start(*state, "a test", object, work_run, &work));
    assert_true(workers_wait(*state, PATIENCE_MS));
    assert_true(work.done);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(call__ends_in_time__is_the_callers_again),
        TEST(call__takes_too_long__is_dropped_by_its_thread),
        TEST(wait__one_is_blocked__tells_which),
        TEST(start__object_too_long__is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
