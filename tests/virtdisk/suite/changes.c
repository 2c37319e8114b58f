// Change tracking by virtdisk.
#include "vhd/virtdisk/changes.h"

#include "tests/support/test.h"

#include <stdlib.h>

#include "tests/support/temp.h"
#include "tests/virtdisk/double.h"
#include "vhd/errors.h"
#include "vhd/vhd.h"

#define KIB       (1ull << 10)
#define MIB       (1ull << 20)
#define DISK_SIZE (256 * MIB)
#define SCATTERED 1500 // more than one call tells

static char *path;

static int set_up(void **state)
{
    (void)state;
    const struct vhd_create how = {
        .format = VHD_FORMAT_VHDX, .type = VHD_TYPE_DYNAMIC, .virtual_size = DISK_SIZE};
    path = temp_path(temp_folder(), "disk.vhdx");
    assert_ok(vhd_choose_backend(VHD_BACKEND_VIRTDISK));
    assert_ok(vhd_create(path, &how));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(path);
    assert_int_equal(double_broken_rules(), 0);
    assert_int_equal(double_open_handles(), 0);
    return 0;
}

static void write_at(uint64_t first, uint64_t step, unsigned count)
{
    static const uint8_t data[4096] = {1};
    const struct vhd_open how = {.writable = true, .share = FILE_SHARE_NOTHING};
    struct vhd *disk;
    assert_ok(vhd_open(path, &how, &disk));
    for (unsigned i = 0; i < count; i++)
        assert_ok(vhd_write(disk, first + i * step, data, sizeof data));
    assert_ok(vhd_close(disk));
}

struct sum {
    unsigned ranges;
    uint64_t bytes;
    uint64_t end;
    unsigned stop_after;
};

static bool add(void *context, uint64_t offset, uint64_t length)
{
    struct sum *sum = context;
    assert_true(offset >= sum->end && length > 0);
    sum->end = offset + length;
    sum->bytes += length;
    return ++sum->ranges != sum->stop_after;
}

static void list__since_a_moment__what_was_written_after_it(void **state)
{
    (void)state;
    struct sum sum = {0};
    char *moment;
    assert_ok(virtdisk_track_changes(path, true));
    write_at(10 * MIB, 0, 1);
    assert_ok(virtdisk_name_moment(path, &moment));
    assert_ok(virtdisk_list_changes(path, moment, add, &sum));
    assert_int_equal(sum.ranges, 0);
    write_at(100 * MIB, 64 * KIB, 3);
    assert_ok(virtdisk_list_changes(path, moment, add, &sum));
    assert_int_equal(sum.ranges, 1);
    assert_int_equal(sum.bytes, 3 * 64 * KIB);
    assert_int_equal(sum.end, 100 * MIB + 3 * 64 * KIB);
    free(moment);
}

static void list__more_than_one_call_tells__all(void **state)
{
    (void)state;
    struct sum sum = {0};
    struct sum cut = {.stop_after = 7};
    char *moment;
    assert_ok(virtdisk_track_changes(path, true));
    assert_ok(virtdisk_name_moment(path, &moment));
    write_at(0, 128 * KIB, SCATTERED);
    assert_ok(virtdisk_list_changes(path, moment, add, &sum));
    assert_int_equal(sum.ranges, SCATTERED);
    assert_int_equal(sum.bytes, SCATTERED * 64 * KIB);
    assert_status(virtdisk_list_changes(path, moment, add, &cut), STATUS_CANCELLED);
    assert_int_equal(cut.ranges, 7);
    free(moment);
}

static void list__unknown_moment_or_not_tracked__refused(void **state)
{
    (void)state;
    struct sum sum = {0};
    char *moment = NULL;
    assert_status(virtdisk_name_moment(path, &moment), STATUS_REFUSED);
    assert_int_equal(status_last()->os_code, VHD_ERROR_CHANGE_TRACKING_DISABLED);
    assert_null(moment);
    assert_status(virtdisk_list_changes(path, "x", add, &sum), STATUS_REFUSED);
    assert_ok(virtdisk_track_changes(path, true));
    assert_status(virtdisk_list_changes(path, "x", add, &sum), STATUS_NOT_FOUND);
    assert_int_equal(status_last()->os_code, VHD_ERROR_INVALID_CHANGE_TRACKING_ID);
    assert_ok(virtdisk_track_changes(path, false));
    assert_status(virtdisk_name_moment(path, &moment), STATUS_REFUSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(list__since_a_moment__what_was_written_after_it, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(list__more_than_one_call_tells__all, set_up, tear_down),
        cmocka_unit_test_setup_teardown(list__unknown_moment_or_not_tracked__refused, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
