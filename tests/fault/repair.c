// Every call of the file table fails once while a disk is repaired: the failure is told, nothing
// leaks, and the disk can be repaired afterwards and reads as before.
#include "tests/support/test.h"

#include <string.h>

#include "tests/support/fault_fs.h"
#include "tests/support/forge/forge.h"
#include "vhd/vhd.h"

// Larger ones are slow to read and are mended by the same writes.
#define SIZE_MAX_TRIED (64ull << 20)

static void see(void *context, const struct vhd_problem *problem)
{
    unsigned *damage = context;
    *damage += problem->kind == VHD_PROBLEM_DAMAGE;
}

static enum status repair(const char *leaf, const struct file_system *fs, struct vhd_checked *out)
{
    unsigned damage = 0;
    const struct vhd_check how = {.fs = fs, .repair = true, .problem = see, .context = &damage};
    enum status status = vhd_check(leaf, &how, out);
    if (status == STATUS_OK && damage != 0)
        fail_msg("%s is taken for damaged", leaf);
    return status;
}

static void assert_repairs(const struct forged *d, struct mem_fs *fs)
{
    struct vhd_open how = {.fs = mem_fs_system(fs), .share = FILE_SHARE_DENY_WRITE};
    struct vhd_checked checked;
    struct vhd *disk;
    assert_ok(repair(d->leaf, mem_fs_system(fs), &checked));
    assert_int_equal(checked.repaired, checked.problems);
    assert_ok(repair(d->leaf, mem_fs_system(fs), &checked));
    assert_int_equal(checked.problems, 0);
    assert_ok(vhd_open(d->leaf, &how, &disk));
    assert_int_equal(forge_model_sample(&d->model, disk), 0);
    vhd_abandon(disk);
}

// False: the repair needs fewer calls.
static bool fail_nth(const struct forged *d, const char *name, unsigned kinds, uint64_t nth,
                     enum status failure)
{
    struct mem_fs *fs = mem_fs_clone(d->fs);
    struct fault_fs *fault = fault_fs_new(mem_fs_system(fs));
    struct vhd_checked checked;
    fault_fs_arm(fault, kinds, nth, failure, false);
    enum status status = repair(d->leaf, fault_fs_system(fault), &checked);
    bool fired = fault_fs_fired(fault);
    fault_fs_free(fault);
    // What a look at the file's times or at a parent cannot tell does not matter to a check.
    if (fired && status != STATUS_OK && status != failure)
        fail_msg("%s: call %llu fails with %s, not %s", name, (unsigned long long)nth,
                 status_name(status), status_name(failure));
    if (fired)
        assert_repairs(d, fs);
    mem_fs_free(fs);
    return fired;
}

static void fail_each(const struct forged *d, const char *name)
{
    for (uint64_t nth = 1; fail_nth(d, name, FAULT_ANY, nth, STATUS_IO); nth++)
        ;
    for (uint64_t nth = 1; fail_nth(d, name, FAULT_CHANGE, nth, STATUS_NO_SPACE); nth++)
        ;
}

static void repair__each_call_fails_once__can_be_repaired_after(void **state)
{
    (void)state;
    uint64_t seed = random_seed("fault.repair");
    const struct forge_fault *fault;
    for (size_t i = 0; (fault = forge_fault_at(i)) != NULL; i++) {
        struct forged d;
        if (fault->kind != VHD_PROBLEM_REPAIRABLE)
            continue;
        forge_make_fault(fault, seed + i, &d);
        if (d.model.size <= SIZE_MAX_TRIED)
            fail_each(&d, fault->name);
        forge_free(&d);
    }
}

static void repair__each_call_fails_once_with_a_live_log__can_be_repaired_after(void **state)
{
    (void)state;
    uint64_t seed = random_seed("fault.repair");
    const struct forge_disk *maker;
    for (size_t i = 0; (maker = forge_disk_at(i)) != NULL; i++) {
        struct forged d;
        if (strncmp(maker->name, "log-", 4) != 0)
            continue;
        forge_make(maker, seed + i, &d);
        fail_each(&d, maker->name);
        forge_free(&d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repair__each_call_fails_once__can_be_repaired_after),
        cmocka_unit_test(repair__each_call_fails_once_with_a_live_log__can_be_repaired_after),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
