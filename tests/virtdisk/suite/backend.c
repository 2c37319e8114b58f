// The backend on the double: what it calls, and what it makes of failures.
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "tests/support/temp.h"
#include "tests/virtdisk/double.h"
#include "vhd/errors.h"
#include "vhd/vhd.h"

#define MIB               (1ull << 20)
#define DISK_SIZE         (4 * MIB)
#define SHARING_VIOLATION 32u
#define DISK_FULL         112u
#define DEVICE_ERROR      1117u // ERROR_IO_DEVICE

static const char *folder;
static char *disk_path, *child_path;
static uint8_t data[2 * MIB];

static int set_up(void **state)
{
    (void)state;
    const struct vhd_create how = {.format = VHD_FORMAT_VHDX,
                                   .type = VHD_TYPE_DYNAMIC,
                                   .virtual_size = DISK_SIZE,
                                   .block_size = MIB};
    assert_ok(vhd_choose_backend(VHD_BACKEND_VIRTDISK));
    assert_int_equal(vhd_chosen_backend(), VHD_BACKEND_VIRTDISK);
    folder = temp_folder();
    disk_path = temp_path(folder, "disk.vhdx");
    child_path = temp_path(folder, "child.avhdx");
    memset(data, 0x77, sizeof data);
    assert_ok(vhd_create(disk_path, &how));
    assert_ok(vhd_create_child(child_path, disk_path, NULL));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    double_fail(NULL, 0, 0);
    double_slow_down(0);
    free(disk_path);
    free(child_path);
    assert_int_equal(double_broken_rules(), 0);
    assert_int_equal(double_open_handles(), 0);
    return 0;
}

static enum status open_disk(const char *path, bool writable, struct vhd **disk)
{
    const struct vhd_open how = {.writable = writable,
                                 .share = writable ? FILE_SHARE_NOTHING : FILE_SHARE_DENY_WRITE,
                                 .wait_ms = 500};
    return vhd_open(path, &how, disk);
}

static void default__double_is_there__virtdisk(void **state)
{
    (void)state;
    assert_int_equal(vhd_default_backend(), VHD_BACKEND_VIRTDISK);
}

static void calls__all_by_virtdisk(void **state)
{
    (void)state;
    struct vhd *disk;
    unsigned opens = double_calls("OpenVirtualDisk"), reads = double_calls("ReadFile"),
             writes = double_calls("WriteFile"), flushes = double_calls("FlushFileBuffers");
    assert_ok(open_disk(child_path, true, &disk));
    assert_ok(vhd_write(disk, 0, data, sizeof data));
    assert_ok(vhd_read(disk, 0, data, sizeof data));
    assert_ok(vhd_flush(disk));
    assert_ok(vhd_close(disk));
    assert_int_equal(double_calls("OpenVirtualDisk"), opens + 1);
    assert_int_equal(double_calls("WriteFile"), writes + 2); // of 1 MiB each
    assert_int_equal(double_calls("ReadFile"), reads + 2);
    assert_int_equal(double_calls("FlushFileBuffers"), flushes + 2); // closing flushes too
}

static void calls__looks_and_live_logs__none(void **state)
{
    (void)state;
    const struct vhd_open look = {.share = FILE_SHARE_ANYTHING};
    const struct vhd_open alone = {.share = FILE_SHARE_DENY_WRITE, .no_parents = true};
    const struct vhd_open native = {.writable = true, .share = FILE_SHARE_NOTHING, .native = true};
    struct vhd *disk;
    unsigned opens = double_calls("OpenVirtualDisk");
    assert_ok(vhd_open(disk_path, &look, &disk));
    assert_ok(vhd_close(disk));
    assert_ok(vhd_open(child_path, &alone, &disk));
    assert_ok(vhd_close(disk));
    assert_ok(vhd_open(child_path, &native, &disk));
    assert_ok(vhd_write(disk, 0, data, MIB));
    assert_ok(vhd_flush(disk));
    vhd_abandon(disk); // leaves its log live
    assert_ok(open_disk(child_path, false, &disk));
    assert_ok(vhd_close(disk));
    assert_int_equal(double_calls("OpenVirtualDisk"), opens);
}

static void open__each_step_fails__error_kept_and_nothing_left_open(void **state)
{
    (void)state;
    static const struct {
        const char *function;
        uint32_t error;
        enum status status;
    } failures[] = {
        {"OpenVirtualDisk", VHD_ERROR_CHILD_PARENT_ID_MISMATCH, STATUS_PARENT_MISMATCH},
        {"OpenVirtualDisk", VHD_ERROR_VIRTUAL_DISK_LIMITATION, STATUS_UNSUPPORTED},
        {"AttachVirtualDisk", 1314, STATUS_ACCESS_DENIED},
        {"AttachVirtualDisk", 0xC03A001E, STATUS_IN_USE},
        {"GetVirtualDiskInformation", DEVICE_ERROR, STATUS_IO},
    };
    for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
        struct vhd *disk = NULL;
        unsigned opens = double_calls("OpenVirtualDisk");
        double_fail(failures[i].function, 0, failures[i].error);
        assert_status(open_disk(child_path, true, &disk), failures[i].status);
        assert_int_equal(status_last()->os_code, failures[i].error);
        assert_non_null(strstr(status_last()->message, "child.avhdx"));
        assert_null(disk);
        assert_int_equal(double_calls("OpenVirtualDisk"), opens + 1); // not tried in another way
        assert_int_equal(double_open_handles(), 0);
    }
}

static void open__sharing_violation__tried_again(void **state)
{
    (void)state;
    struct vhd *disk = NULL;
    unsigned opens = double_calls("OpenVirtualDisk");
    double_fail("OpenVirtualDisk", 0, SHARING_VIOLATION);
    assert_ok(open_disk(disk_path, true, &disk));
    assert_ok(vhd_close(disk));
    assert_int_equal(double_calls("OpenVirtualDisk"), opens + 2);
}

static void write__fails__poisoned_with_the_error(void **state)
{
    (void)state;
    struct vhd *disk;
    for (unsigned skip = 0; skip < 2; skip++) {
        assert_ok(open_disk(child_path, true, &disk));
        double_fail("WriteFile", skip, DISK_FULL);
        assert_status(vhd_write(disk, 0, data, sizeof data), STATUS_NO_SPACE);
        assert_int_equal(status_last()->os_code, DISK_FULL);
        assert_status(vhd_write(disk, 0, data, MIB), STATUS_IO);
        assert_status(vhd_flush(disk), STATUS_IO);
        vhd_abandon(disk);
    }
}

static void read__fails__the_next_one_works(void **state)
{
    (void)state;
    struct vhd *disk;
    assert_ok(open_disk(child_path, false, &disk));
    double_fail("ReadFile", 1, DEVICE_ERROR);
    assert_status(vhd_read(disk, 0, data, sizeof data), STATUS_IO);
    assert_int_equal(status_last()->os_code, DEVICE_ERROR);
    assert_ok(vhd_read(disk, 0, data, sizeof data));
    assert_ok(vhd_close(disk));
}

static void flush__fails__close_says_so(void **state)
{
    (void)state;
    struct vhd *disk;
    assert_ok(open_disk(child_path, true, &disk));
    double_fail("FlushFileBuffers", 0, DEVICE_ERROR);
    assert_status(vhd_close(disk), STATUS_IO);
    assert_ok(open_disk(child_path, true, &disk));
    double_fail("FlushFileBuffers", 0, DEVICE_ERROR);
    assert_status(vhd_flush(disk), STATUS_IO);
    assert_status(vhd_close(disk), STATUS_IO);
}

static void create__fails__error_kept_and_no_file(void **state)
{
    (void)state;
    char *path = temp_path(folder, "new.vhdx");
    const struct vhd_create how = {
        .format = VHD_FORMAT_VHDX, .type = VHD_TYPE_FIXED, .virtual_size = DISK_SIZE};
    double_fail("CreateVirtualDisk", 0, DISK_FULL);
    assert_status(vhd_create(path, &how), STATUS_NO_SPACE);
    assert_int_equal(status_last()->os_code, DISK_FULL);
    double_fail("CreateVirtualDisk", 0, VHD_ERROR_PARENT_VHD_ACCESS_DENIED);
    assert_status(vhd_create_child(path, disk_path, NULL), STATUS_ACCESS_DENIED);
    assert_false(os_file_exists(path));
    free(path);
}

struct watch {
    unsigned calls;
    uint64_t last;
    unsigned stop_after;
};

static bool watch(void *context, uint64_t done, uint64_t total)
{
    struct watch *w = context;
    assert_true(done >= w->last && done <= total);
    assert_int_equal(total, sizeof data);
    w->last = done;
    return ++w->calls != w->stop_after;
}

static void fill_child(void)
{
    struct vhd *disk;
    assert_ok(open_disk(child_path, true, &disk));
    assert_ok(vhd_write(disk, 0, data, MIB));
    assert_ok(vhd_write(disk, DISK_SIZE - MIB, data, MIB));
    assert_ok(vhd_close(disk));
}

static void merge__pending__progress_in_bytes(void **state)
{
    (void)state;
    struct watch w = {0};
    const struct vhd_merge how = {.progress = watch, .context = &w};
    fill_child();
    double_slow_down(300); // longer than one look at the progress
    assert_ok(vhd_merge(child_path, &how));
    assert_true(w.calls >= 2);
    assert_int_equal(w.last, sizeof data);
    assert_true(double_calls("MergeVirtualDisk") > 0);
}

static void merge__told_to_stop__cancelled_and_goes_on_later(void **state)
{
    (void)state;
    struct watch w = {.stop_after = 1};
    const struct vhd_merge how = {.progress = watch, .context = &w};
    const struct vhd_merge whole = {0};
    struct vhd *disk;
    static uint8_t back[sizeof data];
    unsigned cancels = double_calls("CancelIoEx");
    fill_child();
    double_slow_down(300);
    assert_status(vhd_merge(child_path, &how), STATUS_CANCELLED);
    assert_int_equal(double_calls("CancelIoEx"), cancels + 1);
    double_slow_down(0);
    assert_ok(vhd_merge(child_path, &whole));
    assert_ok(open_disk(disk_path, false, &disk));
    assert_ok(vhd_read(disk, 0, back, MIB));
    assert_ok(vhd_read(disk, DISK_SIZE - MIB, back + MIB, MIB));
    assert_memory_equal(back, data, sizeof back);
    assert_ok(vhd_close(disk));
}

static void work__fails__error_kept(void **state)
{
    (void)state;
    const struct vhd_merge merge = {0};
    const struct vhd_resize resize = {.virtual_size = 2 * DISK_SIZE};
    const struct vhd_compact compact = {0};
    struct vhd_compacted sizes;
    double_fail("MergeVirtualDisk", 0, VHD_ERROR_CHILD_PARENT_ID_MISMATCH);
    assert_status(vhd_merge(child_path, &merge), STATUS_PARENT_MISMATCH);
    double_fail("ResizeVirtualDisk", 0, DISK_FULL);
    assert_status(vhd_resize(child_path, &resize), STATUS_NO_SPACE);
    double_fail("CompactVirtualDisk", 0, VHD_ERROR_VIRTUAL_DISK_LIMITATION);
    assert_status(vhd_compact(disk_path, &compact, &sizes), STATUS_UNSUPPORTED);
    assert_int_equal(status_last()->os_code, VHD_ERROR_VIRTUAL_DISK_LIMITATION);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(default__double_is_there__virtdisk),
        TEST(calls__all_by_virtdisk),
        TEST(calls__looks_and_live_logs__none),
        TEST(open__each_step_fails__error_kept_and_nothing_left_open),
        TEST(open__sharing_violation__tried_again),
        TEST(write__fails__poisoned_with_the_error),
        TEST(read__fails__the_next_one_works),
        TEST(flush__fails__close_says_so),
        TEST(create__fails__error_kept_and_no_file),
        TEST(merge__pending__progress_in_bytes),
        TEST(merge__told_to_stop__cancelled_and_goes_on_later),
        TEST(work__fails__error_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
