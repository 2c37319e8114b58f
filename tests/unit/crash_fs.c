#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tests/support/crash_fs.h"
#include "tests/support/random.h"

static struct file *open_file(const struct file_system *fs, const char *path, bool create)
{
    struct file_open how = {.writable = true, .create = create, .share = FILE_SHARE_NOTHING};
    struct file *f = NULL;
    assert_ok(fs->open(fs, path, &how, &f));
    return f;
}

// How often each text of 3 bytes in "f" was seen, and at which points.
struct seen {
    struct {
        char text[4];
        unsigned points; // bit k: after k operations
    } texts[64];
    size_t count;
};

static void note(void *context, const struct crash_state *at, struct mem_fs *state)
{
    struct seen *seen = context;
    char text[4] = "";
    mem_fs_peek(state, "f", 0, text, 3);
    for (int i = 0; i < 3; i++)
        text[i] = text[i] ? text[i] : '-';
    size_t i = 0;
    while (i < seen->count && strcmp(seen->texts[i].text, text) != 0)
        i++;
    if (i == seen->count) {
        assert_true(seen->count < 64);
        memcpy(seen->texts[seen->count++].text, text, 4);
    }
    seen->texts[i].points |= 1u << at->operations;
}

static unsigned points_of(const struct seen *seen, const char *text)
{
    for (size_t i = 0; i < seen->count; i++) {
        if (strcmp(seen->texts[i].text, text) == 0)
            return seen->texts[i].points;
    }
    return 0;
}

static struct mem_fs *start_with(const char *text)
{
    struct mem_fs *start = mem_fs_new();
    mem_fs_put(start, "f", text, strlen(text));
    return start;
}

static void writes__before_and_after_a_flush__every_combination(void **state)
{
    (void)state;
    struct mem_fs *start = start_with("...");
    struct crash_fs *crash = crash_fs_new(start);
    struct file *f = open_file(crash_fs_system(crash), "f", false);
    assert_ok(file_write(f, 0, "a", 1)); // operation 1
    assert_ok(file_flush(f));            // 2
    assert_ok(file_write(f, 1, "b", 1)); // 3
    assert_ok(file_write(f, 2, "c", 1)); // 4
    assert_ok(file_flush(f));            // 5
    file_close(f);
    assert_int_equal(crash_fs_operations(crash), 5);
    assert_int_equal(crash_fs_flushes(crash), 2);

    struct seen seen = {0};
    struct crash_plan plan = CRASH_PLAN_DEFAULT;
    size_t states = crash_fs_each_state(crash, &plan, note, &seen);
    assert_int_equal(states, 1 + 1 + 1 + 1 + 2 + 1);
    assert_int_equal(seen.count, 5);
    assert_int_equal(points_of(&seen, "..."), 1u << 0);
    assert_int_equal(points_of(&seen, "a.."), 1u << 1 | 1u << 2);
    assert_int_equal(points_of(&seen, "ab."), 1u << 3);
    assert_int_equal(points_of(&seen, "a.c"), 1u << 4);
    assert_int_equal(points_of(&seen, "abc"), 1u << 4 | 1u << 5);
    crash_fs_free(crash);
    mem_fs_free(start);
}

static void flush__of_another_file__changes_nothing_for_this_one(void **state)
{
    (void)state;
    struct mem_fs *start = start_with("...");
    mem_fs_put(start, "g", "", 0);
    struct crash_fs *crash = crash_fs_new(start);
    struct file *f = open_file(crash_fs_system(crash), "f", false);
    struct file *g = open_file(crash_fs_system(crash), "g", false);
    assert_ok(file_write(f, 0, "a", 1));
    assert_ok(file_flush(g));
    file_close(g);
    file_close(f);
    struct seen seen = {0};
    struct crash_plan plan = CRASH_PLAN_DEFAULT;
    crash_fs_each_state(crash, &plan, note, &seen);
    assert_int_equal(points_of(&seen, "..."), 1u << 0 | 1u << 2);
    assert_int_equal(points_of(&seen, "a.."), 1u << 1 | 1u << 2);
    crash_fs_free(crash);
    mem_fs_free(start);
}

static void set_size_and_zero__are_lost_independently(void **state)
{
    (void)state;
    struct mem_fs *start = start_with("abc");
    struct crash_fs *crash = crash_fs_new(start);
    struct file *f = open_file(crash_fs_system(crash), "f", false);
    assert_ok(f->ops->zero(f, 0, 1));
    assert_ok(f->ops->set_size(f, 2));
    file_close(f);
    struct seen seen = {0};
    struct crash_plan plan = CRASH_PLAN_DEFAULT;
    crash_fs_each_state(crash, &plan, note, &seen);
    assert_int_equal(seen.count, 4);
    assert_int_equal(points_of(&seen, "ab-"), 1u << 2);
    assert_int_equal(points_of(&seen, "-b-"), 1u << 2);
    assert_int_equal(points_of(&seen, "-bc"), 1u << 1);
    crash_fs_free(crash);
    mem_fs_free(start);
}

struct tears {
    unsigned whole, none, torn;
};

static void judge_tear(void *context, const struct crash_state *at, struct mem_fs *state)
{
    struct tears *t = context;
    uint8_t bytes[8 * 512];
    unsigned present = 0;
    mem_fs_peek(state, "f", 0, bytes, sizeof bytes);
    for (size_t sector = 0; sector < 8; sector++) {
        for (size_t i = 1; i < 512; i++)
            assert_int_equal(bytes[sector * 512 + i], bytes[sector * 512]);
        present += bytes[sector * 512] != 0;
    }
    if (present == 8)
        t->whole++;
    else if (present == 0)
        t->none++;
    else
        t->torn++;
    if (at->operations == 2) // the creation is the first
        assert_int_equal(present == 8, at->fates[0] == CRASH_WRITTEN);
}

static void torn_write__is_cut_at_sectors(void **state)
{
    (void)state;
    uint8_t bytes[8 * 512];
    memset(bytes, 1, sizeof bytes);
    struct crash_plan plan = CRASH_PLAN_DEFAULT;
    struct tears with = {0}, without = {0};
    for (plan.seed = 0; plan.seed < 50; plan.seed++) {
        struct crash_fs *crash = crash_fs_new(NULL);
        struct file *f = open_file(crash_fs_system(crash), "f", true);
        assert_ok(file_write(f, 0, bytes, sizeof bytes));
        file_close(f);
        plan.first = 1;
        plan.torn = true;
        crash_fs_each_state(crash, &plan, judge_tear, &with);
        plan.torn = false;
        crash_fs_each_state(crash, &plan, judge_tear, &without);
        crash_fs_free(crash);
    }
    assert_int_equal(with.whole, 50);
    assert_int_equal(with.none, 50); // after the creation
    assert_int_equal(with.torn, 50);
    assert_int_equal(without.torn, 0);
}

static void forget(void *context, const struct crash_state *at, struct mem_fs *state)
{
    (void)at;
    (void)state;
    (*(size_t *)context)++;
}

static void many_pending__sample__is_limited_and_has_the_extremes(void **state)
{
    (void)state;
    struct crash_fs *crash = crash_fs_new(NULL);
    struct file *f = open_file(crash_fs_system(crash), "f", true);
    for (uint64_t i = 0; i < 100; i++)
        assert_ok(file_write(f, i * 700, "0123456789", 10));
    file_close(f);
    struct crash_plan plan = CRASH_PLAN_DEFAULT;
    plan.first = plan.last = 101;
    plan.states_max = 40;
    size_t shown = 0;
    assert_int_equal(crash_fs_each_state(crash, &plan, forget, &shown), 40);
    assert_int_equal(shown, 40);
    crash_fs_free(crash);
}

static void check_names(void *context, const struct crash_state *at, struct mem_fs *state)
{
    (void)context;
    // create "n" (1), write (2), flush (3), rename to "m" (4), write (5), remove "f" (6), remove
    // "m" (7)
    assert_int_equal(mem_fs_has(state, "n"), at->operations >= 1 && at->operations < 4);
    assert_int_equal(mem_fs_has(state, "m"), at->operations >= 4 && at->operations < 7);
    assert_int_equal(mem_fs_has(state, "f"), at->operations < 6);
    if (at->operations >= 4 && at->operations < 7) {
        char text[4] = "";
        mem_fs_peek(state, "m", 0, text, 3);
        assert_memory_equal(text, "new", 3);
    }
}

static void names__are_stable_at_once(void **state)
{
    (void)state;
    struct mem_fs *start = start_with("old");
    struct crash_fs *crash = crash_fs_new(start);
    const struct file_system *fs = crash_fs_system(crash);
    struct file *n = open_file(fs, "n", true);
    assert_ok(file_write(n, 0, "new", 3));
    assert_ok(file_flush(n));
    file_close(n);
    assert_ok(fs->rename(fs, "n", "m"));
    n = open_file(fs, "m", false);
    assert_ok(file_write(n, 3, "er", 2));
    file_close(n);
    assert_ok(fs->remove(fs, "f"));
    assert_ok(fs->remove(fs, "m"));
    struct crash_plan plan = CRASH_PLAN_DEFAULT;
    size_t states = crash_fs_each_state(crash, &plan, check_names, NULL);
    assert_true(states >= 9);
    assert_false(mem_fs_has(crash_fs_now(crash), "m"));
    crash_fs_free(crash);
    mem_fs_free(start);
}

static void recover_again(void *context, const struct crash_state *at, struct mem_fs *state)
{
    (void)at;
    // A recovery that writes, itself cut by a power failure.
    struct crash_fs *second = crash_fs_new(state);
    struct file *f = open_file(crash_fs_system(second), "f", false);
    assert_ok(file_write(f, 0, "R", 1));
    assert_ok(file_flush(f));
    file_close(f);
    struct crash_plan plan = CRASH_PLAN_DEFAULT;
    crash_fs_each_state(second, &plan, forget, context);
    crash_fs_free(second);
}

static void recovery__is_cut_too(void **state)
{
    (void)state;
    struct mem_fs *start = start_with("...");
    struct crash_fs *crash = crash_fs_new(start);
    struct file *f = open_file(crash_fs_system(crash), "f", false);
    assert_ok(file_write(f, 0, "a", 1));
    file_close(f);
    struct crash_plan plan = CRASH_PLAN_DEFAULT;
    size_t inner = 0;
    assert_int_equal(crash_fs_each_state(crash, &plan, recover_again, &inner), 2);
    assert_int_equal(inner, 2 * 3);
    crash_fs_free(crash);
    mem_fs_free(start);
}

static void states__of_a_small_disk__are_cheap(void **state)
{
    (void)state;
    // As a VHDX does: a disk of 8 MiB, log entries and metadata of 4 KiB, a flush every few writes.
    struct mem_fs *start = mem_fs_new();
    struct random r = random_start(1);
    uint8_t page[4096];
    mem_fs_put(start, "f", NULL, 0);
    for (uint64_t i = 0; i < 512; i++) {
        random_fill(&r, page, sizeof page);
        mem_fs_poke(start, "f", random_below(&r, 2048) * 4096, page, sizeof page);
    }
    struct crash_fs *crash = crash_fs_new(start);
    struct file *f = open_file(crash_fs_system(crash), "f", false);
    for (unsigned i = 0; i < 400; i++) {
        assert_ok(file_write(f, random_below(&r, 2048) * 4096, page, sizeof page));
        if (i % 5 == 4)
            assert_ok(file_flush(f));
    }
    file_close(f);
    struct crash_plan plan = CRASH_PLAN_DEFAULT;
    size_t shown = 0;
    int64_t before = clock_mono_ms();
    size_t states = crash_fs_each_state(crash, &plan, forget, &shown);
    int64_t ms = clock_mono_ms() - before;
    print_message("%u states in %u ms\n", (unsigned)states, (unsigned)ms);
    assert_true(states > 5000);
    crash_fs_free(crash);
    mem_fs_free(start);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes__before_and_after_a_flush__every_combination),
        cmocka_unit_test(flush__of_another_file__changes_nothing_for_this_one),
        cmocka_unit_test(set_size_and_zero__are_lost_independently),
        cmocka_unit_test(torn_write__is_cut_at_sectors),
        cmocka_unit_test(many_pending__sample__is_limited_and_has_the_extremes),
        cmocka_unit_test(names__are_stable_at_once),
        cmocka_unit_test(recovery__is_cut_too),
        cmocka_unit_test(states__of_a_small_disk__are_cheap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
