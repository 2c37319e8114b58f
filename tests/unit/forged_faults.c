// Disks with one fault each: the check finds it and says how bad it is, the door opens or refuses
// the disk as the verdict says, and a repair mends what can be mended without a guess, once and
// for all, and touches nothing else.
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/forge/forge.h"
#include "vhd/vhd.h"

struct seen {
    const struct forge_fault *fault;
    bool found;
    unsigned others; // problems with another name
    char names[512];
};

static void see(void *context, const struct vhd_problem *problem)
{
    struct seen *seen = context;
    size_t used = strlen(seen->names);
    snprintf(seen->names + used, sizeof seen->names - used, " %s(%d)", problem->name,
             problem->kind);
    if (strcmp(problem->name, seen->fault->finding) == 0 && problem->kind == seen->fault->kind)
        seen->found = true;
    else
        seen->others += problem->kind != VHD_PROBLEM_NOTE;
}

static struct vhd_checked check(const struct forged *d, bool repair, struct seen *seen)
{
    const struct vhd_check how = {
        .fs = mem_fs_system(d->fs), .repair = repair, .problem = see, .context = seen};
    struct vhd_checked checked;
    seen->names[0] = '\0';
    assert_ok(vhd_check(d->leaf, &how, &checked));
    return checked;
}

static bool parent_is_at_fault(const struct forge_fault *fault)
{
    return strncmp(fault->finding, "parent-", 7) == 0;
}

// True when the verdict on opening holds.
static bool opens_as_expected(const struct forged *d, const struct forge_fault *fault)
{
    struct vhd_open how = {.fs = mem_fs_system(d->fs), .share = FILE_SHARE_DENY_WRITE};
    struct vhd *disk;
    enum status status = vhd_open(d->leaf, &how, &disk);
    bool expected = status == fault->open;
    if (status != STATUS_OK) {
        expected = expected && status_last()->os_code == fault->open_code;
        if (!expected)
            print_error("%s: open says %s %08x: %s\n", fault->name, status_name(status),
                        (unsigned)status_last()->os_code, status_last()->message);
        return expected;
    }
    if (!expected)
        print_error("%s: it was opened\n", fault->name);
    if (fault->read && forge_model_differences(&d->model, disk) != 0) {
        print_error("%s: it reads as something else\n", fault->name);
        expected = false;
    }
    vhd_abandon(disk);
    return expected;
}

static bool same_files(const struct mem_fs *a, const struct mem_fs *b, const char *leaf)
{
    return mem_fs_equal(a, leaf, b, leaf);
}

// Neither a damaged file nor one with notes only is touched.
static bool is_left_alone(const struct forged *d, struct seen *seen)
{
    struct mem_fs *before = mem_fs_clone(d->fs);
    struct vhd_checked checked = check(d, true, seen);
    bool alone = checked.repaired == 0 && same_files(d->fs, before, d->leaf);
    mem_fs_free(before);
    if (!alone)
        print_error("%s: a repair changed it\n", seen->fault->name);
    return alone;
}

static bool reads_as_model(const struct forged *d)
{
    struct vhd_open how = {.fs = mem_fs_system(d->fs), .share = FILE_SHARE_DENY_WRITE};
    struct vhd *disk;
    if (vhd_open(d->leaf, &how, &disk) != STATUS_OK) {
        print_error("%s\n", status_last()->message);
        return false;
    }
    bool same = forge_model_differences(&d->model, disk) == 0;
    vhd_abandon(disk);
    return same;
}

static bool is_repaired(const struct forged *d, struct seen *seen)
{
    struct vhd_checked first = check(d, true, seen);
    struct mem_fs *after = mem_fs_clone(d->fs);
    struct vhd_checked second = check(d, true, seen);
    bool mended = first.problems > 0 && first.repaired == first.problems && second.problems == 0 &&
                  same_files(d->fs, after, d->leaf) && reads_as_model(d);
    mem_fs_free(after);
    if (!mended)
        print_error("%s: %llu problems, %llu repaired, then %llu:%s\n", seen->fault->name,
                    (unsigned long long)first.problems, (unsigned long long)first.repaired,
                    (unsigned long long)second.problems, seen->names);
    return mended;
}

static bool verdict_holds(const struct forge_fault *fault, uint64_t seed)
{
    struct forged d;
    struct seen seen = {.fault = fault};
    forge_make_fault(fault, seed, &d);
    struct mem_fs *before = mem_fs_clone(d.fs);
    check(&d, false, &seen);
    bool holds = seen.found && (seen.others == 0 || parent_is_at_fault(fault));
    if (!holds)
        print_error("%s: instead of %s(%d) the check found%s\n", fault->name, fault->finding,
                    fault->kind, seen.names);
    holds &= same_files(d.fs, before, d.leaf);
    holds &= opens_as_expected(&d, fault);
    holds &=
        fault->kind == VHD_PROBLEM_REPAIRABLE ? is_repaired(&d, &seen) : is_left_alone(&d, &seen);
    mem_fs_free(before);
    forge_free(&d);
    return holds;
}

static void forged__each_fault__verdict_holds(void **state)
{
    (void)state;
    uint64_t seed = random_seed("unit.forged_faults");
    const struct forge_fault *fault;
    unsigned count = 0, wrong = 0;
    for (; (fault = forge_fault_at(count)) != NULL; count++)
        wrong += !verdict_holds(fault, seed + count);
    print_message("%u faults\n", count);
    assert_int_equal(wrong, 0);
    assert_true(count >= 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forged__each_fault__verdict_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
