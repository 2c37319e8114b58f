#include "tests/support/vhd1_cut.h"

#include "tests/support/test.h"
#include "tests/support/vhd1_disk.h"

#define RECOVERY_STATES_MAX 8 // at each point of a recovery

// A state, and the cut whose promises hold in it: its own, or the one before the recovery.
struct seen {
    const struct vhd1_cut *cut;
    const struct crash_state *at;
};

uint64_t vhd1_cut_model_violations(void *model, struct vhd *disk, size_t operations)
{
    return disk_model_violations(model, disk, operations);
}

static void check_contents(const struct seen *seen, struct vhd *disk)
{
    const struct vhd1_cut *cut = seen->cut;
    if (cut->violations(cut->context, disk, seen->at->operations) == 0)
        return;
    crash_state_print(seen->at);
    fail_msg("sectors hold what they may not");
}

static void check_reader(void *context, const struct crash_state *at, struct mem_fs *state)
{
    const struct seen *seen = context;
    struct vhd *disk;
    (void)at;
    assert_ok(vhd1_disk_try_open(mem_fs_system(state), seen->cut->path, false, &disk));
    check_contents(seen, disk);
    vhd_abandon(disk);
}

static void refuse_damage(void *context, const struct vhd_problem *problem)
{
    (void)context;
    if (problem->kind == VHD_PROBLEM_DAMAGE)
        fail_msg("%s: %s", problem->name, problem->message);
}

static void check_structure(const struct vhd1_cut *cut, struct mem_fs *state)
{
    const struct vhd_check how = {.fs = mem_fs_system(state), .problem = refuse_damage};
    struct vhd_checked result;
    assert_ok(vhd_check(cut->path, &how, &result));
}

void vhd1_cut_check(void *context, const struct crash_state *at, struct mem_fs *state)
{
    const struct vhd1_cut *cut = context;
    struct seen seen = {cut, at};
    struct vhd *disk;
    check_reader(&seen, at, state);
    check_structure(cut, state);

    struct crash_fs *recovery = crash_fs_new(state);
    assert_ok(vhd1_disk_try_open(crash_fs_system(recovery), cut->path, true, &disk));
    check_contents(&seen, disk);
    assert_ok(vhd_close(disk));
    if (cut->recovery_stride != 0 && at->number % cut->recovery_stride == 0) {
        struct crash_plan plan = CRASH_PLAN_DEFAULT;
        plan.states_max = RECOVERY_STATES_MAX;
        crash_fs_each_state(recovery, &plan, check_reader, &seen);
    }
    crash_fs_free(recovery);
}

void vhd1_cut_everywhere(const struct crash_fs *crash, const struct vhd1_cut *cut,
                         size_t states_max)
{
    struct crash_plan plan = CRASH_PLAN_DEFAULT;
    plan.states_max = states_max;
    size_t states = crash_fs_each_state(crash, &plan, vhd1_cut_check, (void *)cut);
    print_message("%zu states after %zu operations\n", states, crash_fs_operations(crash));
}
