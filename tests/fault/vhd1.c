// Every I/O of a VHD fails once: the failure is reported, the disk is written no further, and what
// was flushed before is there afterwards.
#include "tests/support/test.h"

#include "tests/support/disk_change.h"
#include "tests/support/fault_fs.h"
#include "tests/support/mem_fs.h"
#include "vhd/vhd.h"

#define PATH      "/disk.vhd"
#define MIB       (1ull << 20)
#define DISK_SIZE (7 * MIB + 512)

static enum status open_disk(const struct file_system *fs, bool writable, struct vhd **disk)
{
    const struct vhd_open how = {.fs = fs, .writable = writable, .share = FILE_SHARE_DENY_WRITE};
    return vhd_open(PATH, &how, disk);
}

static struct mem_fs *new_disk(enum vhd_type type, struct disk_model *model)
{
    struct mem_fs *fs = mem_fs_new();
    struct vhd *disk;
    const struct vhd_create how = {
        .fs = mem_fs_system(fs), .format = VHD_FORMAT_VHD, .type = type, .virtual_size = DISK_SIZE};
    assert_ok(vhd_create(PATH, &how));
    assert_ok(open_disk(mem_fs_system(fs), true, &disk));
    assert_ok(disk_model_write(model, disk, 2 * MIB, 8192));
    assert_ok(vhd_close(disk));
    disk_model_promise(model, 0);
    return fs;
}

// Opens, writes, flushes, writes, closes; *promised: the first flush went through.
static enum status session(const struct file_system *fs, struct disk_model *model,
                           struct random *random, bool *promised)
{
    struct vhd *disk;
    enum status status = open_disk(fs, true, &disk);
    if (status != STATUS_OK)
        return status;
    for (int i = 0; i < 6 && status == STATUS_OK; i++) {
        status = disk_change(model, disk, random, MIB);
        if (status == STATUS_OK && i == 3) {
            status = vhd_flush(disk);
            if (status == STATUS_OK) {
                *promised = true;
                disk_model_promise(model, 1);
            }
        }
    }
    if (status == STATUS_OK)
        return vhd_close(disk);
    uint8_t sector[512] = {0};
    assert_status(vhd_write(disk, 0, sector, sizeof sector), STATUS_IO);
    assert_status(vhd_flush(disk), STATUS_IO);
    assert_status(vhd_close(disk), STATUS_IO);
    return status;
}

// False: the session needs fewer calls than `nth`.
static bool fail_nth(enum vhd_type type, unsigned kinds, uint64_t nth, enum status failure)
{
    struct disk_model *model = disk_model_new(DISK_SIZE, 512);
    struct mem_fs *fs = new_disk(type, model);
    struct fault_fs *fault = fault_fs_new(mem_fs_system(fs));
    struct random random = random_start(5);
    bool promised = false;
    struct vhd *disk;

    fault_fs_arm(fault, kinds, nth, failure, false);
    enum status status = session(fault_fs_system(fault), model, &random, &promised);
    bool fired = fault_fs_fired(fault);
    fault_fs_free(fault);
    assert_int_equal(status, fired ? failure : STATUS_OK);

    assert_ok(open_disk(mem_fs_system(fs), false, &disk));
    assert_int_equal(disk_model_violations(model, disk, promised), 0);
    assert_ok(vhd_close(disk));
    assert_ok(open_disk(mem_fs_system(fs), true, &disk));
    assert_int_equal(disk_model_violations(model, disk, promised), 0);
    assert_ok(vhd_close(disk));
    mem_fs_free(fs);
    disk_model_free(model);
    return fired;
}

static void fail_each(enum vhd_type type, enum status failure)
{
    uint64_t nth = 1;
    // Looks at size and time that only serve `info` may fail without consequence.
    while (fail_nth(type, FAULT_ANY & ~FAULT_LOOK, nth, failure))
        nth++;
    print_message("%llu calls\n", (unsigned long long)nth - 1);
    assert_true(nth > 10);
}

static void session__dynamic_any_call_fails__reported_and_flushed_data_there(void **state)
{
    (void)state;
    fail_each(VHD_TYPE_DYNAMIC, STATUS_IO);
}

static void session__dynamic_volume_full__reported_and_flushed_data_there(void **state)
{
    (void)state;
    fail_each(VHD_TYPE_DYNAMIC, STATUS_NO_SPACE);
}

static void session__fixed_any_call_fails__reported_and_flushed_data_there(void **state)
{
    (void)state;
    fail_each(VHD_TYPE_FIXED, STATUS_IO);
}

static void open__any_look_fails__reported(void **state)
{
    (void)state;
    struct disk_model *model = disk_model_new(DISK_SIZE, 512);
    struct mem_fs *fs = new_disk(VHD_TYPE_DYNAMIC, model);
    bool failed = true;
    uint64_t nth = 0;
    while (failed) {
        struct fault_fs *fault = fault_fs_new(mem_fs_system(fs));
        struct vhd *disk;
        fault_fs_arm(fault, FAULT_ANY, ++nth, STATUS_IO, false);
        enum status status = open_disk(fault_fs_system(fault), false, &disk);
        failed = status != STATUS_OK;
        assert_true(fault_fs_fired(fault) || !failed);
        if (!failed)
            assert_ok(vhd_close(disk));
        fault_fs_free(fault);
    }
    assert_true(nth > 5);
    mem_fs_free(fs);
    disk_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(session__dynamic_any_call_fails__reported_and_flushed_data_there),
        cmocka_unit_test(session__dynamic_volume_full__reported_and_flushed_data_there),
        cmocka_unit_test(session__fixed_any_call_fails__reported_and_flushed_data_there),
        cmocka_unit_test(open__any_look_fails__reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
