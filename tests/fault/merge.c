// Every I/O of a merge fails once, or from some point on for ever: the failure is reported, the
// leaf reads as it did, and the next merge ends right. Planning and reserving fail without changing
// anything.
#include "tests/support/test.h"

#include "tests/support/disk_change.h"
#include "tests/support/fault_fs.h"
#include "tests/support/mem_fs.h"
#include "vhd/vhd.h"

#define BASE   "/base"
#define MIDDLE "/middle"
#define LEAF   "/leaf"
#define MIB    (1ull << 20)

struct shape {
    enum vhd_format format;
    unsigned levels;
    uint64_t size;
    uint64_t longest; // change
    int changes;      // of the leaf
    uint64_t step;    // every how many calls one is failed
};

static const struct shape vhdx = {VHD_FORMAT_VHDX, 1, 9 * MIB + 4096, 3 * MIB, 12, 1};
static const struct shape vhdx_levels = {VHD_FORMAT_VHDX, 2, 4 * MIB + 4096, MIB, 6, 1};
static const struct shape vhd = {VHD_FORMAT_VHD, 1, 9 * MIB + 4096, 3 * MIB, 12, 1};
static const struct shape vhd_levels = {VHD_FORMAT_VHD, 2, 4 * MIB + 4096, MIB, 6, 1};
// So much that a second thread reads.
static const struct shape large = {VHD_FORMAT_VHDX, 1, 48 * MIB, 40 * MIB, 5, 7};

static const struct shape *shape;
static struct mem_fs *start; // a base and its child or children
static struct disk_model *model;

static struct vhd *open_disk(const struct file_system *fs, const char *path, bool writable)
{
    const struct vhd_open how = {.fs = fs, .writable = writable, .share = FILE_SHARE_DENY_WRITE};
    struct vhd *disk;
    assert_ok(vhd_open(path, &how, &disk));
    return disk;
}

static void change(const char *path, int changes, struct random *random)
{
    struct vhd *disk = open_disk(mem_fs_system(start), path, true);
    for (int i = 0; i < changes; i++)
        assert_ok(disk_change(model, disk, random, i % 3 == 0 ? shape->longest : 16384));
    if (shape == &large)
        assert_ok(disk_model_write(model, disk, 4 * MIB, shape->longest));
    assert_ok(vhd_close(disk));
}

static void make_child(const char *child, const char *parent, int changes, struct random *random)
{
    assert_ok(vhd_create_child(child, parent, mem_fs_system(start)));
    change(child, changes, random);
}

static int set_up(void **state)
{
    struct random random = random_start(11);
    shape = *state;
    start = mem_fs_new();
    model = disk_model_new(shape->size, 512);
    const struct vhd_create how = {.fs = mem_fs_system(start),
                                   .format = shape->format,
                                   .type = VHD_TYPE_DYNAMIC,
                                   .virtual_size = shape->size,
                                   .block_size = shape->format == VHD_FORMAT_VHDX ? 1 << 20 : 0};
    assert_ok(vhd_create(BASE, &how));
    change(BASE, 6, &random);
    if (shape->levels > 1)
        make_child(MIDDLE, BASE, 6, &random);
    make_child(LEAF, shape->levels > 1 ? MIDDLE : BASE, shape->changes, &random);
    disk_model_promise(model, 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mem_fs_free(start);
    disk_model_free(model);
    return 0;
}

static void assert_content(const struct file_system *fs, const char *path)
{
    struct vhd *disk = open_disk(fs, path, false);
    assert_int_equal(disk_model_violations(model, disk, SIZE_MAX), 0);
    vhd_abandon(disk);
}

static enum status merge(const struct file_system *fs)
{
    const struct vhd_merge how = {.fs = fs, .levels = shape->levels};
    return vhd_merge(LEAF, &how);
}

// False: the merge needs fewer calls than `nth`.
static bool fail_nth(uint64_t nth, enum status failure, bool for_ever)
{
    struct mem_fs *fs = mem_fs_clone(start);
    struct fault_fs *fault = fault_fs_new(mem_fs_system(fs));
    // A failing look may be one that only info asks for.
    fault_fs_arm(fault, FAULT_ANY & ~FAULT_LOOK, nth, failure, for_ever);
    enum status status = merge(fault_fs_system(fault));
    bool fired = fault_fs_fired(fault);
    fault_fs_free(fault);
    if (status == STATUS_OK)
        assert_content(mem_fs_system(fs), BASE);
    else
        assert_true(fired);
    assert_content(mem_fs_system(fs), LEAF);
    assert_ok(merge(mem_fs_system(fs)));
    assert_content(mem_fs_system(fs), BASE);
    mem_fs_free(fs);
    return fired;
}

static void merge__any_call_fails__finished_by_the_next(void **state)
{
    (void)state;
    uint64_t nth = 1;
    while (fail_nth(nth, STATUS_IO, false))
        nth += shape->step;
    print_message("%llu calls\n", (unsigned long long)nth - 1);
    assert_true(nth > 30);
}

static void merge__everything_fails_from_some_call_on__finished_by_the_next(void **state)
{
    (void)state;
    uint64_t nth = 1;
    while (fail_nth(nth, STATUS_NO_SPACE, true))
        nth += shape->step;
    assert_true(nth > 30);
}

static void merge__write_fails__that_failure_is_told(void **state)
{
    (void)state;
    bool fired = true;
    for (uint64_t nth = 1; fired; nth += shape->step) {
        struct mem_fs *fs = mem_fs_clone(start);
        struct fault_fs *fault = fault_fs_new(mem_fs_system(fs));
        fault_fs_arm(fault, FAULT_WRITE | FAULT_FLUSH, nth, STATUS_NO_SPACE, false);
        enum status status = merge(fault_fs_system(fault));
        fired = fault_fs_fired(fault);
        assert_int_equal(status, fired ? STATUS_NO_SPACE : STATUS_OK);
        fault_fs_free(fault);
        mem_fs_free(fs);
    }
}

static void reserve__any_call_fails__contents_untouched(void **state)
{
    (void)state;
    bool fired = true;
    for (uint64_t nth = 1; fired; nth += shape->step) {
        struct vhd_merge_need need;
        struct mem_fs *fs = mem_fs_clone(start);
        struct fault_fs *fault = fault_fs_new(mem_fs_system(fs));
        fault_fs_arm(fault, FAULT_ANY, nth, STATUS_IO, false);
        enum status status = vhd_merge_reserve(LEAF, fault_fs_system(fault), &need);
        fired = fault_fs_fired(fault);
        fault_fs_free(fault);
        assert_true(fired || status == STATUS_OK);
        assert_true(mem_fs_equal(fs, BASE, start, BASE));
        assert_true(mem_fs_equal(fs, LEAF, start, LEAF));
        mem_fs_free(fs);
    }
}

// As under Wine: no room can be taken beforehand.
static void reserve__file_system_cannot__free_space_is_compared(void **state)
{
    (void)state;
    struct vhd_merge_need need;
    struct fault_fs *fault = fault_fs_new(mem_fs_system(start));
    fault_fs_arm(fault, FAULT_RESERVE, 1, STATUS_UNSUPPORTED, true);
    assert_ok(vhd_merge_reserve(LEAF, fault_fs_system(fault), &need));
    assert_true(fault_fs_fired(fault));
    assert_false(need.reserved);
    mem_fs_set_capacity(start, mem_fs_used(start) + need.allocation - 4096);
    assert_status(vhd_merge_reserve(LEAF, fault_fs_system(fault), &need), STATUS_NO_SPACE);
    mem_fs_set_capacity(start, UINT64_MAX);
    fault_fs_free(fault);
}

int main(void)
{
#define TEST(name, of)                                             \
    {                                                              \
#name " (" #of ")", name, set_up, tear_down, (void *)&(of) \
    }
#define MERGE_TESTS(of)                                                            \
    TEST(merge__any_call_fails__finished_by_the_next, of),                         \
        TEST(merge__everything_fails_from_some_call_on__finished_by_the_next, of), \
        TEST(merge__write_fails__that_failure_is_told, of)
    const struct CMUnitTest tests[] = {
        MERGE_TESTS(vhdx),
        MERGE_TESTS(vhdx_levels),
        MERGE_TESTS(vhd),
        MERGE_TESTS(vhd_levels),
        MERGE_TESTS(large),
        TEST(reserve__any_call_fails__contents_untouched, vhdx),
        TEST(reserve__any_call_fails__contents_untouched, vhd),
        TEST(reserve__file_system_cannot__free_space_is_compared, vhdx),
        TEST(reserve__file_system_cannot__free_space_is_compared, vhd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
