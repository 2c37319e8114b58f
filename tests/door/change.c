// Changing disks as a whole: resize, compact, set_identity.
#include "tests/door/support/door.h"

static enum status resize(const char *path, uint64_t size, bool unsafe)
{
    const struct vhd_resize how = {.virtual_size = size, .unsafe = unsafe};
    return vhd_resize(path, &how);
}

static void resize__grown__old_contents_then_zeros(void **state)
{
    (void)state;
    for (size_t i = 0; i < door_kind_count; i++) {
        const char *path = door_create(&door_kinds[i], DISK_SIZE);
        struct vhd_info info;
        door_fill_file(path, 0, DISK_SIZE, 1);
        assert_ok(resize(path, 3 * DISK_SIZE, false));
        door_info(path, &info);
        assert_int_equal(info.virtual_size, 3 * DISK_SIZE);
        assert_int_equal(info.type, door_kinds[i].type);
        struct vhd *disk = door_open(path, false);
        door_expect(disk, 0, DISK_SIZE, 1);
        door_expect_zeros(disk, DISK_SIZE, 2 * DISK_SIZE);
        door_close(disk);
        door_fill_file(path, 3 * DISK_SIZE - MIB, MIB, 2);
        door_expect_file(path, 3 * DISK_SIZE - MIB, MIB, 2);
    }
}

static void resize__shrunk_where_zeros_are__rest_stays(void **state)
{
    (void)state;
    for (size_t i = 0; i < door_kind_count; i++) {
        const char *path = door_create(&door_kinds[i], DISK_SIZE);
        struct vhd_info info;
        door_fill_file(path, 0, 4 * MIB, 1);
        assert_ok(resize(path, 4 * MIB, false));
        door_info(path, &info);
        assert_int_equal(info.virtual_size, 4 * MIB);
        door_expect_file(path, 0, 4 * MIB, 1);
        assert_ok(resize(path, DISK_SIZE, false));
        struct vhd *disk = door_open(path, false);
        door_expect_zeros(disk, 4 * MIB, 4 * MIB);
        door_close(disk);
    }
}

static void resize__would_cut_data__refused_unless_unsafe(void **state)
{
    (void)state;
    for (size_t i = 0; i < door_kind_count; i++) {
        const char *path = door_create(&door_kinds[i], DISK_SIZE);
        door_fill_file(path, 0, DISK_SIZE, 1);
        uint64_t bytes = door_file_bytes(path);
        assert_failure(resize(path, 4 * MIB, false), STATUS_REFUSED,
                       VHD_ERROR_RESIZE_WOULD_TRUNCATE_DATA);
        assert_int_equal(door_file_bytes(path), bytes);
        assert_ok(resize(path, 4 * MIB, true));
        door_expect_file(path, 0, 4 * MIB, 1);
    }
}

struct watch {
    uint64_t done;
    bool stop;
};

static bool watch(void *context, uint64_t done, uint64_t total)
{
    struct watch *w = context;
    assert_int_equal(total, 4 * MIB);
    assert_true(done > w->done && done <= total);
    w->done = done;
    return !w->stop;
}

static void resize__shrunk__tells_what_it_looks_at_and_stops_with_nothing_changed(void **state)
{
    (void)state;
    for (size_t i = 0; i < door_kind_count; i++) {
        const char *path = door_create(&door_kinds[i], DISK_SIZE);
        struct watch w = {.stop = true};
        const struct vhd_resize how = {
            .virtual_size = DISK_SIZE - 4 * MIB, .progress = watch, .context = &w};
        uint64_t bytes = door_file_bytes(path);
        assert_failure(vhd_resize(path, &how), STATUS_CANCELLED, 0);
        assert_int_equal(door_file_bytes(path), bytes);
        w = (struct watch){0};
        assert_ok(vhd_resize(path, &how));
        assert_int_equal(w.done, 4 * MIB);
    }
}

static void resize__same_size__nothing_happens(void **state)
{
    (void)state;
    for (size_t i = 0; i < door_kind_count; i++) {
        const char *path = door_create(&door_kinds[i], DISK_SIZE);
        door_fill_file(path, 0, MIB, 1);
        assert_ok(resize(path, DISK_SIZE, false));
        door_expect_file(path, 0, MIB, 1);
    }
}

static void resize__impossible_size__refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < door_kind_count; i++) {
        const char *path = door_create(&door_kinds[i], DISK_SIZE);
        uint64_t bytes = door_file_bytes(path);
        assert_failure(resize(path, DISK_SIZE + 100, true), STATUS_INVALID_ARGUMENT,
                       VHD_ERROR_INVALID_SIZE);
        assert_failure(resize(path, 0, true), STATUS_INVALID_ARGUMENT, VHD_ERROR_INVALID_SIZE);
        assert_failure(resize(path, VHDX_SIZE_MAX + MIB, true), STATUS_INVALID_ARGUMENT,
                       VHD_ERROR_INVALID_SIZE);
        assert_int_equal(door_file_bytes(path), bytes);
    }
}

static void resize__disk_with_a_child__refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < door_kind_count; i++) {
        const char *path = door_create(&door_kinds[i], DISK_SIZE);
        door_child(path, "child.avhdx");
        uint64_t bytes = door_file_bytes(path);
        assert_failure(resize(path, 2 * DISK_SIZE, false), STATUS_REFUSED, 0);
        assert_int_equal(door_file_bytes(path), bytes);
    }
}

static void resize__child__vhdx_grows_and_vhd_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < door_kind_count; i++) {
        const char *parent = door_create(&door_kinds[i], DISK_SIZE);
        door_fill_file(parent, 0, DISK_SIZE, 1);
        const char *child = door_child(parent, "child.avhdx");
        if (door_kinds[i].format == VHD_FORMAT_VHD) {
            assert_failure(resize(child, 2 * DISK_SIZE, false), STATUS_UNSUPPORTED,
                           VHD_ERROR_INVALID_TYPE);
            assert_failure(resize(child, 4 * MIB, false), STATUS_UNSUPPORTED,
                           VHD_ERROR_INVALID_TYPE);
            continue;
        }
        assert_ok(resize(child, 2 * DISK_SIZE, false));
        struct vhd *disk = door_open(child, false);
        door_expect(disk, 0, DISK_SIZE, 1);
        door_expect_zeros(disk, DISK_SIZE, DISK_SIZE);
        door_close(disk);
    }
}

static void resize__held__in_use(void **state)
{
    (void)state;
    const char *path = door_create(&door_kinds[0], DISK_SIZE);
    struct vhd *reader = door_open(path, false);
    assert_failure(resize(path, 2 * DISK_SIZE, false), STATUS_IN_USE, 0);
    door_close(reader);
    assert_ok(resize(path, 2 * DISK_SIZE, false));
}

static bool count_calls(void *context, uint64_t done, uint64_t total)
{
    unsigned *calls = context;
    assert_true(done <= total);
    ++*calls;
    return true;
}

static void compact__zeroed_blocks__contents_stay_and_the_file_shrinks(void **state)
{
    (void)state;
    static const uint8_t zeros[256 * KIB];
    for (size_t i = 0; i < door_kind_count; i++) {
        if (door_kinds[i].type == VHD_TYPE_FIXED)
            continue;
        const char *path = door_create(&door_kinds[i], DISK_SIZE);
        struct vhd_info before, after;
        struct vhd_compacted sizes;
        unsigned calls = 0;
        const struct vhd_compact how = {.progress = count_calls, .context = &calls};
        door_fill_file(path, 0, DISK_SIZE, 1);
        struct vhd *disk = door_open(path, true);
        for (uint64_t at = 0; at < 4 * MIB; at += sizeof zeros)
            assert_ok(vhd_write(disk, at, zeros, sizeof zeros));
        door_close(disk);
        door_info(path, &before);
        assert_ok(vhd_compact(path, &how, &sizes));
        door_info(path, &after);
        assert_int_equal(sizes.size_before, before.file_size);
        assert_int_equal(sizes.size_after, after.file_size);
        assert_true(after.file_size <= before.file_size);
        if (!door_may(DOOR_COMPACTS_LESS))
            assert_true(after.file_size <= before.file_size - 4 * MIB);
        assert_true(guid_equal(&before.identity.guid, &after.identity.guid));
        disk = door_open(path, false);
        door_expect_zeros(disk, 0, 4 * MIB);
        door_expect(disk, 4 * MIB, 4 * MIB, 1);
        door_close(disk);
    }
}

static void compact__parent__child_stays_valid(void **state)
{
    (void)state;
    for (size_t i = 0; i < door_kind_count; i++) {
        if (door_kinds[i].type == VHD_TYPE_FIXED)
            continue;
        const char *parent = door_create(&door_kinds[i], DISK_SIZE);
        struct vhd_compacted sizes;
        const struct vhd_compact how = {0};
        door_fill_file(parent, 2 * MIB, MIB, 1);
        const char *child = door_child(parent, "child.avhdx");
        assert_ok(vhd_compact(parent, &how, &sizes));
        door_expect_file(child, 2 * MIB, MIB, 1);
    }
}

static void compact__fixed__unsupported(void **state)
{
    (void)state;
    for (size_t i = 0; i < door_kind_count; i++) {
        struct vhd_compacted sizes;
        const struct vhd_compact how = {0};
        if (door_kinds[i].type == VHD_TYPE_FIXED)
            assert_failure(vhd_compact(door_create(&door_kinds[i], DISK_SIZE), &how, &sizes),
                           STATUS_UNSUPPORTED, VHD_ERROR_INVALID_TYPE);
    }
}

static void set_identity__new_id__shown_and_contents_stay(void **state)
{
    (void)state;
    const struct guid id =
        GUID_INIT(0x11111111u, 0x2222, 0x4333, 0x84, 0x44, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55);
    const struct vhd_set_identity how = {.virtual_disk_id = &id};
    for (size_t i = 0; i < door_kind_count; i++) {
        const char *path = door_create(&door_kinds[i], DISK_SIZE);
        struct vhd_info before, after;
        door_fill_file(path, 0, MIB, 1);
        door_info(path, &before);
        assert_ok(vhd_set_identity(path, &how));
        door_info(path, &after);
        assert_true(guid_equal(&after.virtual_disk_id, &id));
        assert_false(vhd_identity_unchanged(&before.identity, &after.identity));
        door_expect_file(path, 0, MIB, 1);
    }
}

static void set_identity__physical_sectors__vhdx_only(void **state)
{
    (void)state;
    const struct vhd_set_identity how = {.physical_sector_size = 512};
    const struct vhd_set_identity impossible = {.physical_sector_size = 1024};
    for (size_t i = 0; i < door_kind_count; i++) {
        const char *path = door_create(&door_kinds[i], DISK_SIZE);
        struct vhd_info info;
        if (door_kinds[i].format == VHD_FORMAT_VHD) {
            assert_failure(vhd_set_identity(path, &how), STATUS_UNSUPPORTED,
                           VHD_ERROR_UNSUPPORTED_DISK_SECTOR_SIZE);
            continue;
        }
        assert_failure(vhd_set_identity(path, &impossible), STATUS_INVALID_ARGUMENT,
                       VHD_ERROR_INVALID_SIZE);
        assert_ok(vhd_set_identity(path, &how));
        door_info(path, &info);
        assert_int_equal(info.physical_sector_size, 512);
    }
}

static void set_identity__disk_with_a_child__refused(void **state)
{
    (void)state;
    const struct guid id =
        GUID_INIT(0x11111111u, 0x2222, 0x4333, 0x84, 0x44, 0x55, 0x55, 0x55, 0x55, 0x55, 0x56);
    const struct vhd_set_identity how = {.virtual_disk_id = &id};
    for (size_t i = 0; i < door_kind_count; i++) {
        const char *path = door_create(&door_kinds[i], DISK_SIZE);
        door_child(path, "child.avhdx");
        assert_failure(vhd_set_identity(path, &how), STATUS_REFUSED, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resize__grown__old_contents_then_zeros),
        cmocka_unit_test(resize__shrunk_where_zeros_are__rest_stays),
        cmocka_unit_test(resize__would_cut_data__refused_unless_unsafe),
        cmocka_unit_test(resize__shrunk__tells_what_it_looks_at_and_stops_with_nothing_changed),
        cmocka_unit_test(resize__same_size__nothing_happens),
        cmocka_unit_test(resize__impossible_size__refused),
        cmocka_unit_test(resize__disk_with_a_child__refused),
        cmocka_unit_test(resize__child__vhdx_grows_and_vhd_is_refused),
        cmocka_unit_test(resize__held__in_use),
        cmocka_unit_test(compact__zeroed_blocks__contents_stay_and_the_file_shrinks),
        cmocka_unit_test(compact__parent__child_stays_valid),
        cmocka_unit_test(compact__fixed__unsupported),
        cmocka_unit_test(set_identity__new_id__shown_and_contents_stay),
        cmocka_unit_test(set_identity__physical_sectors__vhdx_only),
        cmocka_unit_test(set_identity__disk_with_a_child__refused),
    };
    return cmocka_run_group_tests(tests, door_start, door_end);
}
