// Who may have a disk open with whom.
#include "tests/door/support/door.h"

static enum status open_as(const char *path, bool writable, enum file_share share,
                           struct vhd **disk)
{
    const struct vhd_open how = {.writable = writable, .share = share};
    return vhd_open(path, &how, disk);
}

// A second open while the first one holds: goes on only when `expected` is STATUS_OK.
static void second(const char *path, bool writable, enum file_share share, enum status expected)
{
    struct vhd *disk = NULL;
    enum status status = open_as(path, writable, share, &disk);
    if (expected == STATUS_OK) {
        assert_ok(status);
        door_close(disk);
    } else {
        assert_failure(status, expected, 0);
        assert_true(status_last()->action[0] != '\0');
    }
}

static void reader__others__read_but_do_not_write(void **state)
{
    (void)state;
    for (size_t i = 0; i < door_kind_count; i++) {
        const char *path = door_create(&door_kinds[i], DISK_SIZE);
        struct vhd *reader = door_open(path, false);
        second(path, false, FILE_SHARE_DENY_WRITE, STATUS_OK);
        second(path, false, FILE_SHARE_ANYTHING, STATUS_OK);
        second(path, true, FILE_SHARE_NOTHING, STATUS_IN_USE);
        second(path, true, FILE_SHARE_DENY_WRITE, STATUS_IN_USE);
        door_close(reader);
        second(path, true, FILE_SHARE_NOTHING, STATUS_OK);
    }
}

static void writer__others__neither_read_nor_write(void **state)
{
    (void)state;
    for (size_t i = 0; i < door_kind_count; i++) {
        const char *path = door_create(&door_kinds[i], DISK_SIZE);
        struct vhd *writer = door_open(path, true);
        second(path, false, FILE_SHARE_DENY_WRITE, STATUS_IN_USE);
        second(path, true, FILE_SHARE_NOTHING, STATUS_IN_USE);
        door_close(writer);
        second(path, false, FILE_SHARE_DENY_WRITE, STATUS_OK);
    }
}

static void child__its_parent__is_read_but_not_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < door_kind_count; i++) {
        const char *parent = door_create(&door_kinds[i], DISK_SIZE);
        const char *child = door_child(parent, "child.avhdx");
        struct vhd *disk = door_open(child, true);
        second(parent, false, FILE_SHARE_DENY_WRITE, STATUS_OK);
        second(parent, true, FILE_SHARE_NOTHING, STATUS_IN_USE);
        door_close(disk);
    }
}

// How a resynchronization works: the base is held by a reader, children come and are written.
static void held_parent__child__made_and_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < door_kind_count; i++) {
        const char *parent = door_create(&door_kinds[i], DISK_SIZE);
        door_fill_file(parent, 0, DISK_SIZE, 1);
        struct vhd *base = door_open(parent, false);
        const char *child = door_child(parent, "child.avhdx");
        struct vhd *disk = door_open(child, true);
        door_fill(disk, 0, MIB, 2);
        door_expect(disk, MIB, MIB, 1);
        door_expect(base, 0, DISK_SIZE, 1);
        door_close(disk);
        door_close(base);
    }
}

static void write__shared_with_anything__refused(void **state)
{
    (void)state;
    const char *path = door_create(&door_kinds[0], DISK_SIZE);
    struct vhd *disk = NULL;
    assert_failure(open_as(path, true, FILE_SHARE_ANYTHING, &disk), STATUS_INVALID_ARGUMENT, 0);
    assert_null(disk);
}

static void look__while_it_is_read__allowed_and_disturbs_nobody(void **state)
{
    (void)state;
    const char *path = door_create(&door_kinds[0], DISK_SIZE);
    struct vhd *look = NULL;
    assert_ok(open_as(path, false, FILE_SHARE_ANYTHING, &look));
    second(path, true, FILE_SHARE_DENY_WRITE,
           door_may(DOOR_WRITER_EXCLUDES) ? STATUS_IN_USE : STATUS_OK);
    second(path, false, FILE_SHARE_DENY_WRITE, STATUS_OK);
    door_close(look);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reader__others__read_but_do_not_write),
        cmocka_unit_test(writer__others__neither_read_nor_write),
        cmocka_unit_test(child__its_parent__is_read_but_not_written),
        cmocka_unit_test(held_parent__child__made_and_written),
        cmocka_unit_test(write__shared_with_anything__refused),
        cmocka_unit_test(look__while_it_is_read__allowed_and_disturbs_nobody),
    };
    return cmocka_run_group_tests(tests, door_start, door_end);
}
