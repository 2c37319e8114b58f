// Disks with parents.
#include "tests/door/support/door.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/os.h"

#define DEPTH 5

static void read__chain_of_five__each_level_shows_through(void **state)
{
    (void)state;
    for (size_t i = 0; i < door_kind_count; i++) {
        const char *path = door_create(&door_kinds[i], DISK_SIZE);
        struct vhd_info info;
        door_fill_file(path, 0, MIB, 1);
        for (uint32_t level = 2; level <= DEPTH; level++) {
            char name[32];
            snprintf(name, sizeof name, "level%u.avhdx", (unsigned)level);
            path = door_child(path, name);
            door_fill_file(path, (level - 1) * MIB, MIB, level);
        }
        struct vhd *disk = door_open(path, false);
        vhd_get_info(disk, &info);
        assert_int_equal(info.depth, DEPTH);
        for (uint32_t level = 1; level <= DEPTH; level++)
            door_expect(disk, (level - 1) * MIB, MIB, level);
        door_expect_zeros(disk, DEPTH * MIB, DISK_SIZE - DEPTH * MIB);
        door_close(disk);
    }
}

static void zero__child__hides_the_parents_data(void **state)
{
    (void)state;
    for (size_t i = 0; i < door_kind_count; i++) {
        const char *parent = door_create(&door_kinds[i], DISK_SIZE);
        door_fill_file(parent, 0, DISK_SIZE, 1);
        const char *child = door_child(parent, "child.avhdx");
        struct vhd *disk = door_open(child, true);
        assert_ok(vhd_zero(disk, 4096, 3 * MIB));
        door_close(disk);
        disk = door_open(child, false);
        door_expect(disk, 0, 4096, 1);
        door_expect_zeros(disk, 4096, 3 * MIB);
        door_expect(disk, 3 * MIB + 4096, 4 * MIB, 1);
        door_close(disk);
        door_expect_file(parent, 0, DISK_SIZE, 1);
    }
}

static void open__parent_gone__parent_missing(void **state)
{
    (void)state;
    for (size_t i = 0; i < door_kind_count; i++) {
        const char *parent = door_create(&door_kinds[i], DISK_SIZE);
        const char *child = door_child(parent, "child.avhdx");
        assert_ok(os_remove_file(parent));
        door_refuses(child, false, STATUS_PARENT_MISSING, VHD_ERROR_PARENT_VHD_NOT_FOUND);
        door_refuses(child, true, STATUS_PARENT_MISSING, VHD_ERROR_PARENT_VHD_NOT_FOUND);
    }
}

// A VHD's unique id says nothing of what was written to it.
static void open__parent_written_since__parent_mismatch(void **state)
{
    (void)state;
    for (size_t i = 0; i < door_kind_count; i++) {
        if (door_kinds[i].format != VHD_FORMAT_VHDX)
            continue;
        const char *parent = door_create(&door_kinds[i], DISK_SIZE);
        const char *child = door_child(parent, "child.avhdx");
        door_fill_file(parent, 0, 4096, 1);
        door_refuses(child, false, STATUS_PARENT_MISMATCH, VHD_ERROR_CHILD_PARENT_ID_MISMATCH);
        door_refuses(child, true, STATUS_PARENT_MISMATCH, VHD_ERROR_CHILD_PARENT_ID_MISMATCH);
    }
}

static void open__another_disk_in_the_parents_place__parent_mismatch(void **state)
{
    (void)state;
    for (size_t i = 0; i < door_kind_count; i++) {
        const char *parent = door_create(&door_kinds[i], DISK_SIZE);
        const char *child = door_child(parent, "child.avhdx");
        const char *other = door_create(&door_kinds[i], DISK_SIZE);
        assert_ok(os_remove_file(parent));
        assert_ok(file_system_os()->rename(file_system_os(), other, parent));
        door_refuses(child, false, STATUS_PARENT_MISMATCH, VHD_ERROR_CHILD_PARENT_ID_MISMATCH);
    }
}

static void open__moved_together__parent_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < door_kind_count; i++) {
        const char *parent = door_create(&door_kinds[i], DISK_SIZE);
        door_fill_file(parent, 0, MIB, 1);
        const char *child = door_child(parent, "child.avhdx");
        const char *moved = door_path("moved.avhdx");
        const char *moved_parent = door_beside(moved, door_kinds[i].name);
        assert_ok(file_system_os()->rename(file_system_os(), child, moved));
        assert_ok(file_system_os()->rename(file_system_os(), parent, moved_parent));
        door_expect_file(moved, 0, MIB, 1);
    }
}

static void open__alone__tells_its_info(void **state)
{
    (void)state;
    const struct vhd_open alone = {.share = FILE_SHARE_DENY_WRITE, .no_parents = true};
    for (size_t i = 0; i < door_kind_count; i++) {
        const char *parent = door_create(&door_kinds[i], DISK_SIZE);
        const char *child = door_child(parent, "child.avhdx");
        uint8_t sector[4096];
        struct vhd_info info;
        struct vhd *disk;
        assert_ok(os_remove_file(parent));
        assert_ok(vhd_open(child, &alone, &disk));
        vhd_get_info(disk, &info);
        assert_int_equal(info.type, VHD_TYPE_DIFFERENCING);
        assert_int_equal(info.virtual_size, DISK_SIZE);
        assert_non_null(info.parent_path);
        assert_failure(vhd_read(disk, 0, sector, sizeof sector), STATUS_PARENT_MISSING,
                       VHD_ERROR_PARENT_VHD_NOT_FOUND);
        door_close(disk);
    }
}

static void open__alone_for_writing__written_unless_the_backend_may_not(void **state)
{
    (void)state;
    const struct vhd_open alone = {
        .writable = true, .share = FILE_SHARE_NOTHING, .no_parents = true};
    const char *parent = door_create(&door_kinds[0], DISK_SIZE);
    const char *child = door_child(parent, "child.avhdx");
    struct vhd *disk;
    enum status status = vhd_open(child, &alone, &disk);
    if (door_may(DOOR_NOT_ALONE)) {
        assert_failure(status, STATUS_UNSUPPORTED, VHD_ERROR_INVALID_STATE);
        return;
    }
    assert_ok(status);
    door_fill(disk, 0, 4096, 2);
    door_close(disk);
    door_expect_file(child, 0, 4096, 2);
}

static void parent__of_an_open_child__its_file(void **state)
{
    (void)state;
    const char *parent = door_create(&door_kinds[0], DISK_SIZE);
    struct vhd *disk = door_open(door_child(parent, "child.avhdx"), false);
    struct vhd_info info;
    if (vhd_parent(disk)) {
        vhd_get_info(vhd_parent(disk), &info);
        assert_string_equal(info.path, parent);
    } else {
        assert_true(door_may(DOOR_PARENT_IS_HIDDEN));
    }
    door_close(disk);
}

static void find_child__one_beside_it__found(void **state)
{
    (void)state;
    for (size_t i = 0; i < door_kind_count; i++) {
        char *found = NULL;
        const char *parent = door_create(&door_kinds[i], DISK_SIZE);
        assert_ok(vhd_find_child(parent, &found));
        assert_null(found);
        const char *child = door_child(parent, "child.avhdx");
        assert_ok(vhd_find_child(parent, &found));
        assert_string_equal(found, child);
        free(found);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(read__chain_of_five__each_level_shows_through),
        cmocka_unit_test(zero__child__hides_the_parents_data),
        cmocka_unit_test(open__parent_gone__parent_missing),
        cmocka_unit_test(open__parent_written_since__parent_mismatch),
        cmocka_unit_test(open__another_disk_in_the_parents_place__parent_mismatch),
        cmocka_unit_test(open__moved_together__parent_found),
        cmocka_unit_test(open__alone__tells_its_info),
        cmocka_unit_test(open__alone_for_writing__written_unless_the_backend_may_not),
        cmocka_unit_test(parent__of_an_open_child__its_file),
        cmocka_unit_test(find_child__one_beside_it__found),
    };
    return cmocka_run_group_tests(tests, door_start, door_end);
}
