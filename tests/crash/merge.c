// Power cuts while a child is merged. In every state the child still opens and reads as it did, and
// a second merge ends with that content in the parent; the second merge is cut as well, and the
// third ends right.
#include "tests/support/test.h"

#include "tests/support/crash_fs.h"
#include "tests/support/disk_change.h"
#include "vhd/vhd.h"

#define PARENT      "/parent.vhdx"
#define CHILD       "/child.avhdx"
#define GRANDPARENT "/grandparent.vhdx"
#define MIB         (1ull << 20)
#define DISK_SIZE   (5 * MIB + 4096)

struct scenario {
    struct disk_model *model;
    size_t stride; // every how many states the second merge is cut too
};

static struct vhd *open_disk(const struct file_system *fs, const char *path, bool writable)
{
    const struct vhd_open how = {.fs = fs, .writable = writable, .share = FILE_SHARE_DENY_WRITE};
    struct vhd *disk;
    assert_ok(vhd_open(path, &how, &disk));
    return disk;
}

static void assert_content(const struct scenario *s, const struct file_system *fs, const char *path,
                           const struct crash_state *at)
{
    struct vhd *disk = open_disk(fs, path, false);
    uint64_t violations = disk_model_violations(s->model, disk, SIZE_MAX);
    vhd_abandon(disk);
    if (violations == 0)
        return;
    if (at)
        crash_state_print(at);
    fail_msg("%s does not hold what the child held", path);
}

static void merge(const struct file_system *fs)
{
    const struct vhd_merge how = {.fs = fs};
    assert_ok(vhd_merge(CHILD, &how));
}

static void check_second_cut(void *context, const struct crash_state *at, struct mem_fs *state)
{
    const struct scenario *s = context;
    const struct file_system *fs = mem_fs_system(state);
    assert_content(s, fs, CHILD, at);
    merge(fs);
    assert_content(s, fs, PARENT, at);
}

static void check_first_cut(void *context, const struct crash_state *at, struct mem_fs *state)
{
    const struct scenario *s = context;
    assert_content(s, mem_fs_system(state), CHILD, at);
    struct crash_fs *second = crash_fs_new(state);
    merge(crash_fs_system(second));
    assert_content(s, crash_fs_system(second), PARENT, at);
    assert_content(s, crash_fs_system(second), CHILD, at);
    if (at->number % s->stride == 0) {
        struct crash_plan plan = CRASH_PLAN_DEFAULT;
        plan.states_max = 3;
        crash_fs_each_state(second, &plan, check_second_cut, context);
    }
    crash_fs_free(second);
}

static void create(struct mem_fs *fs, const char *path, enum vhd_type type, uint32_t block_size)
{
    const struct vhd_create how = {.fs = mem_fs_system(fs),
                                   .format = VHD_FORMAT_VHDX,
                                   .type = type,
                                   .virtual_size = DISK_SIZE,
                                   .block_size = block_size};
    assert_ok(vhd_create(path, &how));
}

static void change(struct scenario *s, struct mem_fs *fs, const char *path, int changes,
                   struct random *random, bool clean)
{
    struct vhd *disk = open_disk(mem_fs_system(fs), path, true);
    for (int i = 0; i < changes; i++)
        assert_ok(disk_change(s->model, disk, random, i % 3 == 0 ? 2 * MIB : 16384));
    if (clean) {
        assert_ok(vhd_close(disk));
        return;
    }
    assert_ok(vhd_flush(disk));
    vhd_abandon(disk); // its log stays live
}

// Merges once, cut everywhere.
static void merge_and_cut(struct scenario *s, struct mem_fs *start, size_t states_max)
{
    disk_model_promise(s->model, 0);
    struct crash_fs *crash = crash_fs_new(start);
    merge(crash_fs_system(crash));
    assert_content(s, crash_fs_system(crash), PARENT, NULL);
    struct crash_plan plan = CRASH_PLAN_DEFAULT;
    plan.states_max = states_max;
    size_t states = crash_fs_each_state(crash, &plan, check_first_cut, s);
    print_message("%zu states after %zu operations\n", states, crash_fs_operations(crash));
    crash_fs_free(crash);
}

static void pair_and_cut(const char *name, enum vhd_type type, uint32_t block_size, bool clean)
{
    struct scenario s = {disk_model_new(DISK_SIZE, 512), 23};
    struct random random = random_start(random_seed(name));
    struct mem_fs *start = mem_fs_new();
    create(start, PARENT, type, block_size);
    change(&s, start, PARENT, 5, &random, true);
    assert_ok(vhd_create_child(CHILD, PARENT, mem_fs_system(start)));
    change(&s, start, CHILD, 12, &random, clean);
    merge_and_cut(&s, start, 10);
    mem_fs_free(start);
    disk_model_free(s.model);
}

static void merge__dynamic_cut_anywhere_and_again__ends_right(void **state)
{
    (void)state;
    pair_and_cut("crash.merge dynamic", VHD_TYPE_DYNAMIC, 1 << 20, true);
}

static void merge__fixed_cut_anywhere_and_again__ends_right(void **state)
{
    (void)state;
    pair_and_cut("crash.merge fixed", VHD_TYPE_FIXED, 2 << 20, true);
}

static void merge__child_with_live_log_cut_anywhere__ends_right(void **state)
{
    (void)state;
    pair_and_cut("crash.merge live log", VHD_TYPE_DYNAMIC, 4 << 20, false);
}

// The parent is a child itself: sector bitmaps are written on both sides.
static void merge__into_a_child_cut_anywhere__ends_right(void **state)
{
    (void)state;
    struct scenario s = {disk_model_new(DISK_SIZE, 512), 23};
    struct random random = random_start(random_seed("crash.merge generations"));
    struct mem_fs *start = mem_fs_new();
    create(start, GRANDPARENT, VHD_TYPE_DYNAMIC, 1 << 20);
    change(&s, start, GRANDPARENT, 5, &random, true);
    assert_ok(vhd_create_child(PARENT, GRANDPARENT, mem_fs_system(start)));
    change(&s, start, PARENT, 6, &random, true);
    assert_ok(vhd_create_child(CHILD, PARENT, mem_fs_system(start)));
    change(&s, start, CHILD, 10, &random, true);
    merge_and_cut(&s, start, 10);
    mem_fs_free(start);
    disk_model_free(s.model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merge__dynamic_cut_anywhere_and_again__ends_right),
        cmocka_unit_test(merge__fixed_cut_anywhere_and_again__ends_right),
        cmocka_unit_test(merge__child_with_live_log_cut_anywhere__ends_right),
        cmocka_unit_test(merge__into_a_child_cut_anywhere__ends_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
