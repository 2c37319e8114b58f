// Every call of the file table fails once while a VHDX is created, written, given a child, merged
// in its linkage and closed: the failure is reported, nothing leaks, and the files open again with
// what was promised.
#include "tests/support/test.h"

#include "tests/support/disk_model.h"
#include "tests/support/fault_fs.h"
#include "tests/support/mem_fs.h"
#include "vhd/vhd.h"

#define PARENT    "/parent.vhdx"
#define CHILD     "/child.vhdx"
#define MIB       (1ull << 20)
#define DISK_SIZE (6 * MIB + 4096)

// The state of one attempt; `promises` counts the flushes that were reported as done.
struct attempt {
    const struct file_system *fs;
    struct disk_model *model;
    size_t promises;
};

static enum status open_disk(const struct file_system *fs, const char *path, bool writable,
                             struct vhd **out)
{
    struct vhd_open how = {.fs = fs,
                           .writable = writable,
                           .share = writable ? FILE_SHARE_NOTHING : FILE_SHARE_DENY_WRITE};
    return vhd_open(path, &how, out);
}

static enum status flush(struct attempt *a, struct vhd *disk)
{
    enum status status = vhd_flush(disk);
    if (status == STATUS_OK)
        disk_model_promise(a->model, ++a->promises);
    return status;
}

static enum status change(struct attempt *a, struct vhd *disk)
{
    enum status status = disk_model_write(a->model, disk, 0, 4096);
    if (!status)
        status = disk_model_write(a->model, disk, MIB - 512, 2 * MIB);
    if (!status)
        status = flush(a, disk);
    if (!status)
        status = disk_model_zero(a->model, disk, MIB, MIB);
    if (!status)
        status = disk_model_zero(a->model, disk, 4 * MIB + 4096, 8192);
    if (!status)
        status = disk_model_write(a->model, disk, 5 * MIB, MIB + 4096);
    if (!status)
        status = flush(a, disk);
    if (!status)
        status = disk_model_write(a->model, disk, MIB + 4096, 512);
    return status;
}

static enum status write_session(struct attempt *a, const char *path)
{
    struct vhd *disk;
    enum status status = open_disk(a->fs, path, true, &disk);
    if (status)
        return status;
    status = change(a, disk);
    if (status) {
        // Poisoned: nothing goes any further.
        uint8_t sector[512] = {0};
        assert_status(vhd_write(disk, 0, sector, sizeof sector), STATUS_IO);
        assert_status(vhd_flush(disk), STATUS_IO);
        struct status_details first = *status_last();
        vhd_abandon(disk);
        return status_restore(&first);
    }
    status = vhd_close(disk);
    if (!status)
        disk_model_promise(a->model, ++a->promises);
    return status;
}

static void create_parent(const struct file_system *fs)
{
    struct vhd_create how = {.fs = fs,
                             .format = VHD_FORMAT_VHDX,
                             .type = VHD_TYPE_DYNAMIC,
                             .virtual_size = DISK_SIZE,
                             .block_size = 1 << 20};
    assert_ok(vhd_create(PARENT, &how));
}

static void check_contents(const struct attempt *a, struct mem_fs *fs, const char *path)
{
    for (int writable = 0; writable < 2; writable++) {
        struct vhd *disk;
        assert_ok(open_disk(mem_fs_system(fs), path, writable, &disk));
        assert_int_equal(disk_model_violations(a->model, disk, SIZE_MAX), 0);
        assert_ok(vhd_close(disk));
    }
}

// Runs write_session with the n-th call failing. False: it needs fewer calls.
static bool fail_nth(const struct mem_fs *start, const char *path, unsigned kinds, uint64_t nth,
                     enum status failure, bool for_ever)
{
    struct mem_fs *fs = mem_fs_clone(start);
    struct fault_fs *fault = fault_fs_new(mem_fs_system(fs));
    struct attempt a = {fault_fs_system(fault), disk_model_new(DISK_SIZE, 512), 0};
    fault_fs_arm(fault, kinds, nth, failure, for_ever);
    enum status status = write_session(&a, path);
    bool fired = fault_fs_fired(fault);
    if (!fired)
        assert_ok(status);
    fault_fs_free(fault);
    check_contents(&a, fs, path);
    disk_model_free(a.model);
    mem_fs_free(fs);
    return fired;
}

static void fail_each(const char *path, unsigned kinds, enum status failure, bool for_ever)
{
    struct mem_fs *start = mem_fs_new();
    create_parent(mem_fs_system(start));
    assert_ok(vhd_create_child(CHILD, PARENT, mem_fs_system(start)));
    uint64_t nth = 1;
    while (fail_nth(start, path, kinds, nth, failure, for_ever))
        nth++;
    print_message("%s: %llu calls\n", path, (unsigned long long)(nth - 1));
    assert_true(nth > 10);
    mem_fs_free(start);
}

static void write__any_call_fails_once__promised_data_survives(void **state)
{
    (void)state;
    fail_each(PARENT, FAULT_ANY, STATUS_IO, false);
    fail_each(CHILD, FAULT_ANY, STATUS_IO, false);
}

static void write__changes_fail_from_then_on__promised_data_survives(void **state)
{
    (void)state;
    fail_each(PARENT, FAULT_CHANGE, STATUS_NO_SPACE, true);
    fail_each(CHILD, FAULT_CHANGE, STATUS_NO_SPACE, true);
}

// A log is live when the writer dies; then each call of the replay fails once.
static void open__live_log_and_any_call_fails__replayed_by_the_next_open(void **state)
{
    (void)state;
    struct mem_fs *start = mem_fs_new();
    create_parent(mem_fs_system(start));
    struct attempt a = {mem_fs_system(start), disk_model_new(DISK_SIZE, 512), 0};
    struct vhd *disk;
    assert_ok(open_disk(a.fs, PARENT, true, &disk));
    assert_ok(change(&a, disk));
    vhd_abandon(disk);
    for (int writable = 0; writable < 2; writable++) {
        bool fired = true;
        for (uint64_t nth = 1; fired; nth++) {
            struct mem_fs *fs = mem_fs_clone(start);
            struct fault_fs *fault = fault_fs_new(mem_fs_system(fs));
            fault_fs_arm(fault, FAULT_ANY & ~(unsigned)FAULT_LOOK, nth, STATUS_IO, false);
            enum status status = open_disk(fault_fs_system(fault), PARENT, writable, &disk);
            fired = fault_fs_fired(fault);
            assert_status(status, fired ? STATUS_IO : STATUS_OK);
            if (!status)
                assert_ok(vhd_close(disk));
            fault_fs_free(fault);
            check_contents(&a, fs, PARENT);
            mem_fs_free(fs);
        }
    }
    disk_model_free(a.model);
    mem_fs_free(start);
}

// A failed creation leaves no file behind.
static void create__any_call_fails__no_file_is_left(void **state)
{
    (void)state;
    bool fired = true;
    for (uint64_t nth = 1; fired; nth++) {
        struct mem_fs *fs = mem_fs_new();
        struct fault_fs *fault = fault_fs_new(mem_fs_system(fs));
        fault_fs_arm(fault, FAULT_ANY, nth, STATUS_NO_SPACE, false);
        struct vhd_create how = {.fs = fault_fs_system(fault),
                                 .format = VHD_FORMAT_VHDX,
                                 .type = VHD_TYPE_FIXED,
                                 .virtual_size = DISK_SIZE};
        enum status status = vhd_create(PARENT, &how);
        fired = fault_fs_fired(fault);
        assert_status(status, fired ? STATUS_NO_SPACE : STATUS_OK);
        assert_int_equal(mem_fs_has(fs, PARENT), !fired);
        fault_fs_free(fault);
        mem_fs_free(fs);
    }
}

static void create_child__any_call_fails__no_child_is_left(void **state)
{
    (void)state;
    struct mem_fs *start = mem_fs_new();
    create_parent(mem_fs_system(start));
    bool fired = true;
    for (uint64_t nth = 1; fired; nth++) {
        struct mem_fs *fs = mem_fs_clone(start);
        struct fault_fs *fault = fault_fs_new(mem_fs_system(fs));
        fault_fs_arm(fault, FAULT_ANY & ~(unsigned)FAULT_LOOK, nth, STATUS_IO, false);
        enum status status = vhd_create_child(CHILD, PARENT, fault_fs_system(fault));
        fired = fault_fs_fired(fault);
        assert_status(status, fired ? STATUS_IO : STATUS_OK);
        assert_int_equal(mem_fs_has(fs, CHILD), !fired);
        assert_true(mem_fs_equal(fs, PARENT, start, PARENT));
        fault_fs_free(fault);
        mem_fs_free(fs);
    }
    mem_fs_free(start);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(write__any_call_fails_once__promised_data_survives),
        cmocka_unit_test(write__changes_fail_from_then_on__promised_data_survives),
        cmocka_unit_test(open__live_log_and_any_call_fails__replayed_by_the_next_open),
        cmocka_unit_test(create__any_call_fails__no_file_is_left),
        cmocka_unit_test(create_child__any_call_fails__no_child_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
