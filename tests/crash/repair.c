// Power cuts while a disk is repaired: every state that they leave has no damage, is repaired by
// another run, and reads as before. The disks are those with a fault that can be mended, and those
// with a log to be replayed. The second repair is cut as well.
#include "tests/support/test.h"

#include <string.h>

#include "tests/support/crash_fs.h"
#include "tests/support/forge/forge.h"
#include "vhd/vhd.h"

// Larger ones are slow to read and are mended by the same writes.
#define SIZE_MAX_TRIED (64ull << 20)

#define CUT_AGAIN_EVERY 17 // states

struct scenario {
    const char *name;
    const struct forged *d;
};

static void see(void *context, const struct vhd_problem *problem)
{
    unsigned *damage = context;
    *damage += problem->kind == VHD_PROBLEM_DAMAGE;
}

static struct vhd_checked check(const struct scenario *s, const struct file_system *fs, bool repair)
{
    unsigned damage = 0;
    const struct vhd_check how = {.fs = fs, .repair = repair, .problem = see, .context = &damage};
    struct vhd_checked checked;
    assert_ok(vhd_check(s->d->leaf, &how, &checked));
    if (damage != 0)
        fail_msg("%s: damaged", s->name);
    return checked;
}

static void assert_clean(const struct scenario *s, struct mem_fs *state)
{
    struct vhd_open how = {.fs = mem_fs_system(state), .share = FILE_SHARE_DENY_WRITE};
    struct vhd *disk;
    assert_int_equal(check(s, mem_fs_system(state), false).problems, 0);
    assert_ok(vhd_open(s->d->leaf, &how, &disk));
    assert_int_equal(forge_model_sample(&s->d->model, disk), 0);
    vhd_abandon(disk);
}

static void check_second_cut(void *context, const struct crash_state *at, struct mem_fs *state)
{
    const struct scenario *s = context;
    (void)at;
    struct vhd_checked checked = check(s, mem_fs_system(state), true);
    assert_int_equal(checked.repaired, checked.problems);
    assert_clean(s, state);
}

static void check_state(void *context, const struct crash_state *at, struct mem_fs *state)
{
    const struct scenario *s = context;
    check(s, mem_fs_system(state), false);
    if (at->number % CUT_AGAIN_EVERY != 0) {
        check_second_cut(context, at, state);
        return;
    }
    struct crash_fs *again = crash_fs_new(state);
    struct vhd_checked checked = check(s, crash_fs_system(again), true);
    assert_int_equal(checked.repaired, checked.problems);
    struct crash_plan plan = CRASH_PLAN_DEFAULT;
    plan.states_max = 4;
    crash_fs_each_state(again, &plan, check_second_cut, context);
    crash_fs_free(again);
}

static size_t cut_repair(const char *name, const struct forged *d)
{
    struct scenario s = {name, d};
    struct crash_fs *crash = crash_fs_new(d->fs);
    struct vhd_checked checked = check(&s, crash_fs_system(crash), true);
    assert_int_equal(checked.repaired, checked.problems);
    struct crash_plan plan = CRASH_PLAN_DEFAULT;
    plan.states_max = 8;
    size_t states = crash_fs_each_state(crash, &plan, check_state, &s);
    crash_fs_free(crash);
    return states;
}

static void repair__each_mendable_fault_cut_anywhere__another_repair_mends_it(void **state)
{
    (void)state;
    uint64_t seed = random_seed("crash.repair");
    const struct forge_fault *fault;
    size_t states = 0;
    for (size_t i = 0; (fault = forge_fault_at(i)) != NULL; i++) {
        struct forged d;
        if (fault->kind != VHD_PROBLEM_REPAIRABLE)
            continue;
        forge_make_fault(fault, seed + i, &d);
        if (d.model.size <= SIZE_MAX_TRIED)
            states += cut_repair(fault->name, &d);
        forge_free(&d);
    }
    print_message("%zu states\n", states);
}

static void repair__each_live_log_cut_anywhere__contents_stay(void **state)
{
    (void)state;
    uint64_t seed = random_seed("crash.repair");
    const struct forge_disk *maker;
    size_t states = 0;
    for (size_t i = 0; (maker = forge_disk_at(i)) != NULL; i++) {
        struct forged d;
        if (strncmp(maker->name, "log-", 4) != 0)
            continue;
        forge_make(maker, seed + i, &d);
        states += cut_repair(maker->name, &d);
        forge_free(&d);
    }
    print_message("%zu states\n", states);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repair__each_mendable_fault_cut_anywhere__another_repair_mends_it),
        cmocka_unit_test(repair__each_live_log_cut_anywhere__contents_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
