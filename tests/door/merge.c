// Merging children.
#include "tests/door/support/door.h"

#include "base/os.h"

struct watch {
    uint64_t last;
    uint64_t total;
    unsigned calls;
    unsigned stop_after; // 0: never
};

static bool watch(void *context, uint64_t done, uint64_t total)
{
    struct watch *w = context;
    assert_true(done >= w->last && done <= total);
    assert_true(w->total == 0 || w->total == total);
    w->last = done;
    w->total = total;
    w->calls++;
    return w->stop_after == 0 || w->calls < w->stop_after;
}

// A disk of this kind and a child over it, both with data and zeros; the child's contents.
static const char *make_pair(const struct door_kind *kind, uint64_t *contents, const char **parent)
{
    *parent = door_create(kind, DISK_SIZE);
    door_fill_file(*parent, 0, 6 * MIB, 1);
    const char *child = door_child(*parent, "child.avhdx");
    struct vhd *disk = door_open(child, true);
    door_fill(disk, MIB + 64 * KIB, 3 * MIB, 2);
    assert_ok(vhd_zero(disk, 5 * MIB, 64 * KIB));
    door_fill(disk, 7 * MIB, 4096, 3);
    door_close(disk);
    *contents = door_contents(child);
    return child;
}

static void merge__every_kind__parent_is_what_the_child_was(void **state)
{
    (void)state;
    for (size_t i = 0; i < door_kind_count; i++) {
        uint64_t contents;
        const char *parent;
        struct vhd_info before, after;
        struct watch w = {0};
        const char *child = make_pair(&door_kinds[i], &contents, &parent);
        door_info(parent, &before);
        const struct vhd_merge how = {.progress = watch, .context = &w};
        assert_ok(vhd_merge(child, &how));
        assert_true(w.calls > 0);
        assert_int_equal(w.last, w.total);
        assert_true(os_file_exists(child));
        assert_int_equal(door_contents(parent), contents);
        door_info(parent, &after);
        assert_true(guid_equal(&before.virtual_disk_id, &after.virtual_disk_id));
        assert_int_equal(after.type, before.type);
        assert_int_equal(after.virtual_size, before.virtual_size);
        assert_false(after.log_live);
        assert_false(vhd_identity_unchanged(&before.identity, &after.identity));
    }
}

static void merge__again__same(void **state)
{
    (void)state;
    for (size_t i = 0; i < door_kind_count; i++) {
        uint64_t contents;
        const char *parent;
        const struct vhd_merge how = {0};
        const char *child = make_pair(&door_kinds[i], &contents, &parent);
        assert_ok(vhd_merge(child, &how));
        assert_ok(vhd_merge(child, &how));
        assert_int_equal(door_contents(parent), contents);
    }
}

static void merge__stopped__goes_on_later(void **state)
{
    (void)state;
    uint64_t contents;
    const char *parent;
    const char *child = make_pair(&door_kinds[0], &contents, &parent);
    struct watch w = {.stop_after = 1};
    const struct vhd_merge stopped = {.progress = watch, .context = &w};
    const struct vhd_merge whole = {0};
    enum status status = vhd_merge(child, &stopped);
    // Work that is quicker than its first look at the progress is not stopped.
    if (status != STATUS_OK)
        assert_status(status, STATUS_CANCELLED);
    assert_int_equal(door_contents(child), contents);
    assert_ok(vhd_merge(child, &whole));
    assert_int_equal(door_contents(parent), contents);
}

static void merge__two_levels__each_file_below_has_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < door_kind_count; i++) {
        uint64_t contents;
        const char *parent;
        struct watch w = {0};
        const struct vhd_merge how = {.levels = 2, .progress = watch, .context = &w};
        const struct vhd_merge too_many = {.levels = 3};
        const char *child = make_pair(&door_kinds[i], &contents, &parent);
        const char *leaf = door_child(child, "leaf.avhdx");
        door_fill_file(leaf, 2 * MIB, 64 * KIB, 9);
        contents = door_contents(leaf);
        assert_failure(vhd_merge(leaf, &too_many), STATUS_INVALID_ARGUMENT, VHD_ERROR_INVALID_TYPE);
        assert_ok(vhd_merge(leaf, &how));
        assert_int_equal(w.last, w.total);
        assert_int_equal(door_contents(parent), contents);
        assert_int_equal(door_contents(child), contents);
        assert_int_equal(door_contents(leaf), contents);
    }
}

static void merge__nothing_written__contents_stay(void **state)
{
    (void)state;
    for (size_t i = 0; i < door_kind_count; i++) {
        const char *parent = door_create(&door_kinds[i], DISK_SIZE);
        door_fill_file(parent, MIB, MIB, 9);
        uint64_t contents = door_contents(parent);
        const struct vhd_merge how = {0};
        assert_ok(vhd_merge(door_child(parent, "empty.avhdx"), &how));
        assert_int_equal(door_contents(parent), contents);
    }
}

static void merge__part_name__merged(void **state)
{
    (void)state;
    const char *parent = door_create(&door_kinds[0], DISK_SIZE);
    const char *child = door_child(parent, "disk.1234.part.avhdx");
    const struct vhd_merge how = {0};
    door_fill_file(child, 3 * MIB, MIB, 4);
    assert_ok(vhd_merge(child, &how));
    door_expect_file(parent, 3 * MIB, MIB, 4);
}

static void merge__disk_without_parent__refused(void **state)
{
    (void)state;
    const struct vhd_merge how = {0};
    for (size_t i = 0; i < door_kind_count; i++)
        assert_failure(vhd_merge(door_create(&door_kinds[i], DISK_SIZE), &how),
                       STATUS_INVALID_ARGUMENT, VHD_ERROR_INVALID_TYPE);
}

static void merge__parent_changed__refused_and_nothing_written(void **state)
{
    (void)state;
    uint64_t contents;
    const char *parent;
    const char *child = make_pair(&door_kinds[0], &contents, &parent);
    const struct vhd_merge how = {0};
    door_fill_file(parent, 0, 4096, 77);
    uint64_t bytes = door_file_bytes(parent);
    assert_failure(vhd_merge(child, &how), STATUS_PARENT_MISMATCH,
                   VHD_ERROR_CHILD_PARENT_ID_MISMATCH);
    assert_int_equal(door_file_bytes(parent), bytes);
}

static void merge__resized_child__refused_until_it_has_its_parents_size_again(void **state)
{
    (void)state;
    for (size_t i = 0; i < door_kind_count; i++) {
        if (door_kinds[i].format == VHD_FORMAT_VHD)
            continue; // has its parent's size for ever
        uint64_t contents;
        const char *parent;
        const struct vhd_merge how = {0};
        const struct vhd_resize grow = {.virtual_size = 2 * DISK_SIZE};
        const struct vhd_resize shrink = {.virtual_size = DISK_SIZE};
        const char *child = make_pair(&door_kinds[i], &contents, &parent);
        uint64_t bytes = door_file_bytes(parent);
        assert_ok(vhd_resize(child, &grow));
        assert_failure(vhd_merge(child, &how), STATUS_UNSUPPORTED,
                       VHD_ERROR_CHILD_PARENT_SIZE_MISMATCH);
        assert_non_null(strstr(status_last()->action, "resize"));
        assert_int_equal(door_file_bytes(parent), bytes);
        assert_ok(vhd_resize(child, &shrink));
        assert_ok(vhd_merge(child, &how));
        assert_int_equal(door_contents(parent), contents);
    }
}

static void merge__parent_gone__refused(void **state)
{
    (void)state;
    uint64_t contents;
    const char *parent;
    const char *child = make_pair(&door_kinds[0], &contents, &parent);
    const struct vhd_merge how = {0};
    assert_ok(os_remove_file(parent));
    assert_failure(vhd_merge(child, &how), STATUS_PARENT_MISSING, VHD_ERROR_PARENT_VHD_NOT_FOUND);
}

static void merge__held_by_a_reader__in_use(void **state)
{
    (void)state;
    uint64_t contents;
    const char *parent;
    const char *child = make_pair(&door_kinds[0], &contents, &parent);
    const struct vhd_merge how = {0};
    struct vhd *reader = door_open(parent, false);
    assert_failure(vhd_merge(child, &how), STATUS_IN_USE, 0);
    door_close(reader);
    assert_ok(vhd_merge(child, &how));
    assert_int_equal(door_contents(parent), contents);
}

static void merge__plan_and_reservation__contents_stay(void **state)
{
    (void)state;
    for (size_t i = 0; i < door_kind_count; i++) {
        uint64_t contents;
        const char *parent;
        struct vhd_merge_need plan, need;
        const struct vhd_merge how = {0};
        const char *child = make_pair(&door_kinds[i], &contents, &parent);
        uint64_t before = door_contents(parent);
        assert_ok(vhd_merge_plan(child, NULL, &plan));
        assert_ok(vhd_merge_reserve(child, NULL, &need));
        assert_true(plan.data >= 3 * MIB);
        assert_int_equal(plan.data, need.data);
        assert_int_equal(door_contents(parent), before);
        assert_ok(vhd_merge_release(child, NULL));
        assert_int_equal(door_contents(parent), before);
        assert_int_equal(door_contents(child), contents);
        assert_ok(vhd_merge(child, &how));
        assert_int_equal(door_contents(parent), contents);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merge__every_kind__parent_is_what_the_child_was),
        cmocka_unit_test(merge__again__same),
        cmocka_unit_test(merge__stopped__goes_on_later),
        cmocka_unit_test(merge__two_levels__each_file_below_has_it),
        cmocka_unit_test(merge__nothing_written__contents_stay),
        cmocka_unit_test(merge__part_name__merged),
        cmocka_unit_test(merge__disk_without_parent__refused),
        cmocka_unit_test(merge__parent_changed__refused_and_nothing_written),
        cmocka_unit_test(merge__resized_child__refused_until_it_has_its_parents_size_again),
        cmocka_unit_test(merge__parent_gone__refused),
        cmocka_unit_test(merge__held_by_a_reader__in_use),
        cmocka_unit_test(merge__plan_and_reservation__contents_stay),
    };
    return cmocka_run_group_tests(tests, door_start, door_end);
}
