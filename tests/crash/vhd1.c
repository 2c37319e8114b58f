// Power cuts while a VHD is written: what was flushed is there, what was not is there or not,
// sector by sector, and the file opens. The recovery, which is making both footers good, is cut as
// well.
#include "tests/support/test.h"

#include <string.h>

#include "tests/support/crash_fs.h"
#include "tests/support/disk_change.h"
#include "vhd/vhd.h"

#define PATH            "/disk.vhd"
#define MIB             (1ull << 20)
#define DISK_SIZE       (9 * MIB + 512)
#define RECOVERY_STRIDE 7 // every how many states the recovery is cut too

static struct vhd *open_disk(const struct file_system *fs, bool writable)
{
    const struct vhd_open how = {.fs = fs, .writable = writable, .share = FILE_SHARE_DENY_WRITE};
    struct vhd *disk;
    assert_ok(vhd_open(PATH, &how, &disk));
    return disk;
}

struct cut {
    struct disk_model *model;
    const struct crash_state *at; // the cut whose promises hold
};

static void check_contents(const struct cut *cut, struct vhd *disk)
{
    if (disk_model_violations(cut->model, disk, cut->at->operations) == 0)
        return;
    crash_state_print(cut->at);
    fail_msg("sectors hold what they may not");
}

static void check_reader(void *context, const struct crash_state *at, struct mem_fs *state)
{
    (void)at;
    struct vhd *disk = open_disk(mem_fs_system(state), false);
    check_contents(context, disk);
    vhd_abandon(disk);
}

static void check_state(void *context, const struct crash_state *at, struct mem_fs *state)
{
    struct cut cut = {context, at};
    check_reader(&cut, at, state);

    struct crash_fs *recovery = crash_fs_new(state);
    struct vhd *disk = open_disk(crash_fs_system(recovery), true);
    check_contents(&cut, disk);
    assert_ok(vhd_close(disk));
    if (at->number % RECOVERY_STRIDE == 0) {
        struct crash_plan plan = CRASH_PLAN_DEFAULT;
        plan.states_max = 8;
        crash_fs_each_state(recovery, &plan, check_reader, &cut);
    }
    crash_fs_free(recovery);
}

static struct mem_fs *new_disk(enum vhd_type type)
{
    struct mem_fs *fs = mem_fs_new();
    const struct vhd_create how = {
        .fs = mem_fs_system(fs), .format = VHD_FORMAT_VHD, .type = type, .virtual_size = DISK_SIZE};
    assert_ok(vhd_create(PATH, &how));
    return fs;
}

// One session with flushes now and then, over `start`, cut everywhere.
static void write_and_cut(struct mem_fs *start, struct disk_model *model, const char *name)
{
    struct crash_fs *crash = crash_fs_new(start);
    struct random random = random_start(random_seed(name));
    struct vhd *disk = open_disk(crash_fs_system(crash), true);
    for (int i = 0; i < 20; i++) {
        assert_ok(disk_change(model, disk, &random, i % 4 == 0 ? 3 * MIB : 16384));
        if (random_chance(&random, 30)) {
            assert_ok(vhd_flush(disk));
            disk_model_promise(model, crash_fs_operations(crash));
        }
    }
    assert_ok(vhd_close(disk));
    disk_model_promise(model, crash_fs_operations(crash));

    struct crash_plan plan = CRASH_PLAN_DEFAULT;
    plan.states_max = 40;
    size_t states = crash_fs_each_state(crash, &plan, check_state, model);
    print_message("%zu states after %zu operations\n", states, crash_fs_operations(crash));
    crash_fs_free(crash);
}

static void write__dynamic_cut_anywhere__flushed_data_is_there(void **state)
{
    (void)state;
    struct mem_fs *start = new_disk(VHD_TYPE_DYNAMIC);
    struct disk_model *model = disk_model_new(DISK_SIZE, 512);
    write_and_cut(start, model, "crash.vhd1 dynamic");
    disk_model_free(model);
    mem_fs_free(start);
}

static void write__fixed_cut_anywhere__flushed_data_is_there(void **state)
{
    (void)state;
    struct mem_fs *start = new_disk(VHD_TYPE_FIXED);
    struct disk_model *model = disk_model_new(DISK_SIZE, 512);
    write_and_cut(start, model, "crash.vhd1 fixed");
    disk_model_free(model);
    mem_fs_free(start);
}

// New blocks after a crash that left blocks in no table and no footer at the end.
static void write__over_what_a_crash_left__flushed_data_is_there(void **state)
{
    (void)state;
    struct mem_fs *start = new_disk(VHD_TYPE_DYNAMIC);
    struct disk_model *model = disk_model_new(DISK_SIZE, 512);
    struct vhd *disk = open_disk(mem_fs_system(start), true);
    assert_ok(disk_model_write(model, disk, 0, 4096));
    assert_ok(vhd_flush(disk));
    disk_model_promise(model, 0);
    uint8_t junk[8192];
    memset(junk, 0xdb, sizeof junk);
    assert_ok(
        vhd_write(disk, 4 * MIB, junk, sizeof junk)); // never flushed: it must not come up again
    vhd_abandon(disk);
    mem_fs_resize(start, PATH, mem_fs_size(start, PATH) - 512);
    write_and_cut(start, model, "crash.vhd1 again");
    disk_model_free(model);
    mem_fs_free(start);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(write__dynamic_cut_anywhere__flushed_data_is_there),
        cmocka_unit_test(write__fixed_cut_anywhere__flushed_data_is_there),
        cmocka_unit_test(write__over_what_a_crash_left__flushed_data_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
