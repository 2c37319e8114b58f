// A VHDX whose log is live: somebody was cut off while writing it.
#include "tests/door/support/door.h"

#include "base/os.h"

// A disk with data in [0, MIB) that is only whole when its log is replayed.
static const char *make_live(void)
{
    const char *path = door_create(&door_kinds[0], DISK_SIZE);
    const struct vhd_open how = {.writable = true, .share = FILE_SHARE_NOTHING, .native = true};
    struct vhd_info info;
    struct vhd *disk;
    assert_ok(vhd_open(path, &how, &disk));
    door_fill(disk, 0, MIB, 1);
    assert_ok(vhd_flush(disk));
    vhd_abandon(disk);
    door_info(path, &info);
    assert_true(info.log_live);
    return path;
}

static void read__live_log__replayed_in_memory_and_the_file_stays(void **state)
{
    (void)state;
    const char *path = make_live();
    uint64_t bytes = door_file_bytes(path);
    struct vhd *disk = door_open(path, false);
    door_expect(disk, 0, MIB, 1);
    door_expect_zeros(disk, MIB, DISK_SIZE - MIB);
    door_close(disk);
    assert_int_equal(door_file_bytes(path), bytes);
}

static void write__live_log__replayed_into_the_file(void **state)
{
    (void)state;
    const char *path = make_live();
    struct vhd_info info;
    door_fill_file(path, 2 * MIB, MIB, 2);
    door_info(path, &info);
    assert_false(info.log_live);
    door_expect_file(path, 0, MIB, 1);
    door_expect_file(path, 2 * MIB, MIB, 2);
}

static void create_child__live_log__parent_is_closed_clean_first(void **state)
{
    (void)state;
    const char *parent = make_live();
    struct vhd_info info;
    const char *child = door_child(parent, "child.avhdx");
    door_info(parent, &info);
    assert_false(info.log_live);
    door_expect_file(child, 0, MIB, 1);
    door_expect_file(parent, 0, MIB, 1);
}

static void read__child_of_a_parent_with_a_live_log__the_parent_stays(void **state)
{
    (void)state;
    const char *parent = door_create(&door_kinds[0], DISK_SIZE);
    const struct vhd_open how = {.writable = true, .share = FILE_SHARE_NOTHING, .native = true};
    struct vhd *disk;
    const char *child = door_child(parent, "child.avhdx");
    const char *grandchild = door_child(child, "grandchild.avhdx");
    assert_ok(vhd_open(child, &how, &disk));
    door_fill(disk, 0, MIB, 4);
    assert_ok(vhd_flush(disk));
    vhd_abandon(disk);
    // The grandchild knows the child as it was before.
    door_refuses(grandchild, false, STATUS_PARENT_MISMATCH, VHD_ERROR_CHILD_PARENT_ID_MISMATCH);
    uint64_t bytes = door_file_bytes(child);
    door_expect_file(child, 0, MIB, 4);
    assert_int_equal(door_file_bytes(child), bytes);
}

static void merge__child_with_a_live_log__its_data_too(void **state)
{
    (void)state;
    const char *parent = door_create(&door_kinds[0], DISK_SIZE);
    const struct vhd_open how = {.writable = true, .share = FILE_SHARE_NOTHING, .native = true};
    const struct vhd_merge merge = {0};
    struct vhd *disk;
    const char *child = door_child(parent, "child.avhdx");
    assert_ok(vhd_open(child, &how, &disk));
    door_fill(disk, 3 * MIB, MIB, 5);
    assert_ok(vhd_flush(disk));
    vhd_abandon(disk);
    assert_ok(vhd_merge(child, &merge));
    door_expect_file(parent, 3 * MIB, MIB, 5);
}

static void resize_and_compact__live_log__replayed_first(void **state)
{
    (void)state;
    const char *path = make_live();
    const struct vhd_resize resize = {.virtual_size = 2 * DISK_SIZE};
    assert_ok(vhd_resize(path, &resize));
    door_expect_file(path, 0, MIB, 1);
    path = make_live();
    const struct vhd_compact compact = {0};
    struct vhd_compacted sizes;
    assert_ok(vhd_compact(path, &compact, &sizes));
    door_expect_file(path, 0, MIB, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(read__live_log__replayed_in_memory_and_the_file_stays),
        cmocka_unit_test(write__live_log__replayed_into_the_file),
        cmocka_unit_test(create_child__live_log__parent_is_closed_clean_first),
        cmocka_unit_test(read__child_of_a_parent_with_a_live_log__the_parent_stays),
        cmocka_unit_test(merge__child_with_a_live_log__its_data_too),
        cmocka_unit_test(resize_and_compact__live_log__replayed_first),
    };
    return cmocka_run_group_tests(tests, door_start, door_end);
}
