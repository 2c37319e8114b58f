#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/disk_change.h"
#include "tests/support/mem_fs.h"
#include "vhd/errors.h"
#include "vhd/vhd.h"

#define PARENT     "/parent.vhdx"
#define CHILD      "/child.avhdx"
#define GRANDCHILD "/grandchild.avhdx"
#define MIB        (1ull << 20)
#define DISK_SIZE  (21 * MIB + 8192)

static struct mem_fs *fs;
static struct disk_model *model;

static int set_up(void **state)
{
    (void)state;
    fs = mem_fs_new();
    model = NULL;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mem_fs_free(fs);
    if (model)
        disk_model_free(model);
    return 0;
}

static struct vhd *open_disk(const char *path, bool writable)
{
    const struct vhd_open how = {
        .fs = mem_fs_system(fs), .writable = writable, .share = FILE_SHARE_DENY_WRITE};
    struct vhd *disk = NULL;
    assert_ok(vhd_open(path, &how, &disk));
    return disk;
}

static void change(const char *path, int changes, uint64_t longest, uint64_t seed)
{
    struct random random = random_start(seed);
    struct vhd *disk = open_disk(path, true);
    for (int i = 0; i < changes; i++)
        assert_ok(disk_change(model, disk, &random, i % 4 == 0 ? longest : 16384));
    assert_ok(vhd_close(disk));
}

static void make_parent(enum vhd_type type, uint32_t block_size, uint32_t sector_size)
{
    const struct vhd_create how = {.fs = mem_fs_system(fs),
                                   .format = VHD_FORMAT_VHDX,
                                   .type = type,
                                   .virtual_size = DISK_SIZE,
                                   .block_size = block_size,
                                   .logical_sector_size = sector_size};
    assert_ok(vhd_create(PARENT, &how));
    model = disk_model_new(DISK_SIZE, sector_size);
    change(PARENT, 12, 6 * MIB, 1);
}

static void make_pair(enum vhd_type type, uint32_t block_size, uint32_t sector_size)
{
    make_parent(type, block_size, sector_size);
    assert_ok(vhd_create_child(CHILD, PARENT, mem_fs_system(fs)));
    change(CHILD, 30, 6 * MIB, 2);
}

static void assert_content(const char *path)
{
    struct vhd *disk = open_disk(path, false);
    assert_true(disk_is_exact(model, disk));
    assert_ok(vhd_close(disk));
}

static enum status merge(const char *child)
{
    const struct vhd_merge how = {.fs = mem_fs_system(fs)};
    return vhd_merge(child, &how);
}

static struct vhd_info info_of(const char *path)
{
    const struct vhd_open how = {
        .fs = mem_fs_system(fs), .share = FILE_SHARE_DENY_WRITE, .no_parents = true};
    struct vhd_info info;
    struct vhd *disk;
    assert_ok(vhd_open(path, &how, &disk));
    vhd_get_info(disk, &info);
    info.path = info.parent_path = NULL; // the disk's
    assert_ok(vhd_close(disk));
    return info;
}

static void merge_and_check(enum vhd_type type, uint32_t block_size, uint32_t sector_size)
{
    make_pair(type, block_size, sector_size);
    struct vhd_info before = info_of(PARENT);
    assert_content(CHILD);
    assert_ok(merge(CHILD));
    assert_content(PARENT);
    assert_content(CHILD); // still a child of the same content, until it is deleted
    struct vhd_info after = info_of(PARENT);
    assert_false(after.log_live);
    assert_false(guid_equal(&before.identity.guid, &after.identity.guid));
    assert_true(guid_equal(&before.virtual_disk_id, &after.virtual_disk_id));
}

static void merge__blocks_smaller_than_the_childs__parent_has_the_content(void **state)
{
    (void)state;
    merge_and_check(VHD_TYPE_DYNAMIC, 1 << 20, 512);
}

static void merge__blocks_larger_than_the_childs__parent_has_the_content(void **state)
{
    (void)state;
    merge_and_check(VHD_TYPE_DYNAMIC, 8 << 20, 512);
}

static void merge__sectors_of_4096__parent_has_the_content(void **state)
{
    (void)state;
    merge_and_check(VHD_TYPE_DYNAMIC, 2 << 20, 4096);
}

static void merge__fixed_parent__parent_has_the_content(void **state)
{
    (void)state;
    merge_and_check(VHD_TYPE_FIXED, 2 << 20, 512);
    assert_int_equal(info_of(PARENT).type, VHD_TYPE_FIXED);
}

static void merge__empty_child__parent_untouched_for_its_other_children(void **state)
{
    (void)state;
    make_parent(VHD_TYPE_DYNAMIC, 2 << 20, 512);
    assert_ok(vhd_create_child(CHILD, PARENT, mem_fs_system(fs)));
    assert_ok(merge(CHILD));
    assert_content(PARENT);
    assert_content(CHILD);
}

static void merge__again_after_success__same_content(void **state)
{
    (void)state;
    make_pair(VHD_TYPE_DYNAMIC, 2 << 20, 512);
    for (int i = 0; i < 3; i++) {
        assert_ok(merge(CHILD));
        assert_content(PARENT);
        assert_content(CHILD);
    }
}

// Into a parent that is a child itself: what it leaves to its own parent must go on showing
// through.
static void merge__three_generations__one_after_the_other(void **state)
{
    (void)state;
    make_pair(VHD_TYPE_DYNAMIC, 4 << 20, 512);
    assert_ok(vhd_create_child(GRANDCHILD, CHILD, mem_fs_system(fs)));
    change(GRANDCHILD, 30, 6 * MIB, 3);
    assert_content(GRANDCHILD);
    assert_ok(merge(GRANDCHILD));
    assert_content(CHILD);
    assert_ok(merge(CHILD));
    assert_content(PARENT);
}

static void make_generations(enum vhd_format format)
{
    const struct vhd_create how = {.fs = mem_fs_system(fs),
                                   .format = format,
                                   .type = VHD_TYPE_DYNAMIC,
                                   .virtual_size = DISK_SIZE};
    assert_ok(vhd_create(PARENT, &how));
    model = disk_model_new(DISK_SIZE, 512);
    change(PARENT, 12, 6 * MIB, 1);
    assert_ok(vhd_create_child(CHILD, PARENT, mem_fs_system(fs)));
    change(CHILD, 20, 6 * MIB, 2);
    assert_ok(vhd_create_child(GRANDCHILD, CHILD, mem_fs_system(fs)));
    change(GRANDCHILD, 20, 6 * MIB, 3);
}

// As vrepdisk deletes them: whatever is left on the way is whole.
static void levels__files_deleted_in_order__the_rest_holds_the_content(void **state)
{
    (void)state;
    static const enum vhd_format formats[] = {VHD_FORMAT_VHDX, VHD_FORMAT_VHD};
    for (size_t f = 0; f < 2; f++) {
        const struct vhd_merge how = {.fs = mem_fs_system(fs), .levels = 2};
        char **files;
        make_generations(formats[f]);
        assert_ok(vhd_merge_files(GRANDCHILD, 2, mem_fs_system(fs), &files));
        assert_string_equal(files[0], GRANDCHILD);
        assert_string_equal(files[1], CHILD);
        assert_string_equal(files[2], PARENT);
        assert_null(files[3]);
        assert_ok(vhd_merge(GRANDCHILD, &how));
        for (size_t i = 0; i < 2; i++) {
            assert_content(files[i]);
            assert_ok(mem_fs_system(fs)->remove(mem_fs_system(fs), files[i]));
            if (i == 0)
                assert_ok(merge(CHILD)); // again, by somebody who found it left over
            assert_content(files[2]);
        }
        vhd_free_paths(files);
        assert_ok(mem_fs_system(fs)->remove(mem_fs_system(fs), PARENT));
        disk_model_free(model);
        model = NULL;
    }
}

static void levels__more_than_there_are_parents__refused_untouched(void **state)
{
    (void)state;
    const struct vhd_merge how = {.fs = mem_fs_system(fs), .levels = 3};
    make_generations(VHD_FORMAT_VHDX);
    struct mem_fs *before = mem_fs_clone(fs);
    assert_status(vhd_merge(GRANDCHILD, &how), STATUS_INVALID_ARGUMENT);
    assert_non_null(strstr(status_last()->message, "2 parents"));
    assert_true(mem_fs_equal(fs, PARENT, before, PARENT));
    assert_true(mem_fs_equal(fs, CHILD, before, CHILD));
    assert_true(mem_fs_equal(fs, GRANDCHILD, before, GRANDCHILD));
    mem_fs_free(before);
}

static void assert_refused_untouched(enum status expected, uint32_t code)
{
    struct vhd_merge_need need;
    struct mem_fs *before = mem_fs_clone(fs);
    assert_status(merge(CHILD), expected);
    assert_int_equal(status_last()->os_code, code);
    assert_status(vhd_merge_plan(CHILD, mem_fs_system(fs), &need), expected);
    assert_status(vhd_merge_reserve(CHILD, mem_fs_system(fs), &need), expected);
    assert_true(mem_fs_equal(fs, PARENT, before, PARENT));
    assert_true(mem_fs_equal(fs, CHILD, before, CHILD));
    mem_fs_free(before);
}

static void merge__parent_written_since__refused_untouched(void **state)
{
    (void)state;
    make_pair(VHD_TYPE_DYNAMIC, 2 << 20, 512);
    change(PARENT, 1, 4096, 4);
    assert_refused_untouched(STATUS_PARENT_MISMATCH, VHD_ERROR_CHILD_PARENT_ID_MISMATCH);
}

static void merge__merged_and_then_written__refused_untouched(void **state)
{
    (void)state;
    make_pair(VHD_TYPE_DYNAMIC, 2 << 20, 512);
    assert_ok(merge(CHILD));
    change(PARENT, 1, 4096, 4);
    assert_refused_untouched(STATUS_PARENT_MISMATCH, VHD_ERROR_CHILD_PARENT_ID_MISMATCH);
}

static void merge__no_child__refused(void **state)
{
    (void)state;
    make_parent(VHD_TYPE_DYNAMIC, 2 << 20, 512);
    assert_status(merge(PARENT), STATUS_INVALID_ARGUMENT);
    assert_status(merge("/nothing.avhdx"), STATUS_NOT_FOUND);
}

static void merge__parent_gone__refused(void **state)
{
    (void)state;
    make_pair(VHD_TYPE_DYNAMIC, 2 << 20, 512);
    assert_ok(mem_fs_system(fs)->remove(mem_fs_system(fs), PARENT));
    assert_status(merge(CHILD), STATUS_PARENT_MISSING);
}

static void merge__somebody_has_the_parent_open__in_use(void **state)
{
    (void)state;
    make_pair(VHD_TYPE_DYNAMIC, 2 << 20, 512);
    const struct file_open how = {.share = FILE_SHARE_DENY_WRITE};
    struct file *held;
    assert_ok(mem_fs_system(fs)->open(mem_fs_system(fs), PARENT, &how, &held));
    assert_status(merge(CHILD), STATUS_IN_USE);
    file_close(held);
    assert_ok(merge(CHILD));
    assert_content(PARENT);
}

struct watch {
    uint64_t done;
    uint64_t total;
    unsigned calls;
    unsigned stop_after; // calls; 0: never
};

static bool progress(void *context, uint64_t done, uint64_t total)
{
    struct watch *watch = context;
    assert_true(done > watch->done);
    assert_true(done - watch->done <= 8 * MIB);
    assert_true(watch->calls == 0 || watch->total == total);
    watch->done = done;
    watch->total = total;
    return ++watch->calls != watch->stop_after;
}

static void merge__progress__reaches_what_was_planned(void **state)
{
    (void)state;
    struct vhd_merge_need need;
    struct watch watch = {0};
    const struct vhd_merge how = {.fs = mem_fs_system(fs), .progress = progress, .context = &watch};
    make_pair(VHD_TYPE_DYNAMIC, 8 << 20, 512);
    assert_ok(vhd_merge_plan(CHILD, mem_fs_system(fs), &need));
    assert_ok(vhd_merge(CHILD, &how));
    assert_int_equal(watch.done, watch.total);
    assert_int_equal(watch.total, need.data);
}

static void merge__several_levels__progress_reaches_its_total(void **state)
{
    (void)state;
    struct watch watch = {0};
    const struct vhd_merge how = {
        .fs = mem_fs_system(fs), .levels = 2, .progress = progress, .context = &watch};
    make_generations(VHD_FORMAT_VHDX);
    assert_ok(vhd_merge(GRANDCHILD, &how));
    assert_int_equal(watch.done, watch.total);
}

static void merge__vhd__parent_has_the_content_and_its_id(void **state)
{
    (void)state;
    struct vhd_merge_need need;
    make_generations(VHD_FORMAT_VHD);
    struct vhd_info before = info_of(CHILD);
    assert_ok(vhd_merge_plan(GRANDCHILD, mem_fs_system(fs), &need));
    assert_ok(merge(GRANDCHILD));
    struct vhd_info after = info_of(CHILD);
    assert_content(CHILD);
    assert_content(GRANDCHILD);
    assert_true(guid_equal(&before.virtual_disk_id, &after.virtual_disk_id));
    assert_true(after.file_size <= before.file_size + need.growth);
    assert_ok(merge(CHILD));
    assert_content(PARENT);
}

// Enough for a second thread to read ahead.
static void merge__much_data__parent_has_the_content(void **state)
{
    (void)state;
    const uint64_t size = 100 * MIB;
    const struct vhd_create how = {.fs = mem_fs_system(fs),
                                   .format = VHD_FORMAT_VHDX,
                                   .type = VHD_TYPE_DYNAMIC,
                                   .virtual_size = size};
    struct watch watch = {0};
    const struct vhd_merge watched = {
        .fs = mem_fs_system(fs), .progress = progress, .context = &watch};
    assert_ok(vhd_create(PARENT, &how));
    model = disk_model_new(size, 512);
    change(PARENT, 12, 6 * MIB, 1);
    assert_ok(vhd_create_child(CHILD, PARENT, mem_fs_system(fs)));
    struct vhd *disk = open_disk(CHILD, true);
    assert_ok(disk_model_write(model, disk, 512, 60 * MIB));
    assert_ok(vhd_close(disk));
    change(CHILD, 600, 16384, 2);
    assert_ok(vhd_merge(CHILD, &watched));
    assert_int_equal(watch.done, watch.total);
    assert_content(PARENT);
    assert_content(CHILD);
}

static void merge__stopped_anywhere__finished_by_the_next(void **state)
{
    (void)state;
    make_pair(VHD_TYPE_DYNAMIC, 2 << 20, 512);
    struct mem_fs *start = mem_fs_clone(fs);
    bool stopped = true;
    for (unsigned after = 1; stopped; after += 3) {
        mem_fs_free(fs);
        fs = mem_fs_clone(start);
        struct watch watch = {.stop_after = after};
        const struct vhd_merge how = {
            .fs = mem_fs_system(fs), .progress = progress, .context = &watch};
        enum status status = vhd_merge(CHILD, &how);
        stopped = status != STATUS_OK;
        if (stopped)
            assert_int_equal(status, STATUS_CANCELLED);
        assert_content(CHILD);
        assert_ok(merge(CHILD));
        assert_content(PARENT);
    }
    mem_fs_free(start);
}

static void plan__missing_blocks_and_holes__counted(void **state)
{
    (void)state;
    struct vhd_merge_need need;
    make_parent(VHD_TYPE_DYNAMIC, 2 << 20, 512);
    assert_ok(vhd_create_child(CHILD, PARENT, mem_fs_system(fs)));
    assert_ok(vhd_merge_plan(CHILD, mem_fs_system(fs), &need));
    assert_int_equal(need.data, 0);
    assert_int_equal(need.growth, 0);

    struct vhd *disk = open_disk(CHILD, true);
    assert_ok(disk_model_write(model, disk, 0, DISK_SIZE));
    assert_ok(vhd_close(disk));
    struct vhd_info parent = info_of(PARENT);
    assert_ok(vhd_merge_plan(CHILD, mem_fs_system(fs), &need));
    assert_int_equal(need.data, DISK_SIZE);
    uint64_t blocks = (DISK_SIZE + 2 * MIB - 1) / (2 * MIB);
    assert_int_equal(need.growth, blocks * 2 * MIB - parent.allocated / (2 * MIB) * 2 * MIB -
                                      (parent.allocated % (2 * MIB) ? 2 * MIB : 0));
    assert_true(need.allocation >= need.growth);
    assert_false(need.reserved);
}

static void reserve__nothing_changes_and_the_merge_cannot_run_out(void **state)
{
    (void)state;
    struct vhd_merge_need planned, need;
    make_pair(VHD_TYPE_DYNAMIC, 2 << 20, 512);
    struct mem_fs *before = mem_fs_clone(fs);
    uint64_t used = mem_fs_used(fs);
    assert_ok(vhd_merge_plan(CHILD, mem_fs_system(fs), &planned));
    assert_true(planned.growth > 0);
    for (int i = 0; i < 2; i++) { // again: after a restart of the service
        assert_ok(vhd_merge_reserve(CHILD, mem_fs_system(fs), &need));
        assert_true(need.reserved);
        assert_int_equal(mem_fs_size(fs, PARENT), mem_fs_size(before, PARENT));
        assert_true(mem_fs_equal(fs, PARENT, before, PARENT));
        assert_true(mem_fs_equal(fs, CHILD, before, CHILD));
        assert_true(mem_fs_used(fs) >= used + planned.growth);
    }
    mem_fs_set_capacity(fs, mem_fs_used(fs) + MIB); // the child's log
    assert_ok(merge(CHILD));
    assert_content(PARENT);
    mem_fs_free(before);
}

// As on Windows: what was taken goes back when the parent is closed, so it must not be promised.
static void reserve__room_goes_back_with_the_closing__not_called_reserved(void **state)
{
    (void)state;
    struct vhd_merge_need need;
    struct file_system *system = (struct file_system *)mem_fs_system(fs);
    make_pair(VHD_TYPE_DYNAMIC, 2 << 20, 512);
    system->reservation_ends_with_close = true;
    assert_ok(vhd_merge_reserve(CHILD, mem_fs_system(fs), &need));
    assert_false(need.reserved);
    assert_true(need.allocation > 0);
}

static void release__gives_the_growth_back(void **state)
{
    (void)state;
    struct vhd_merge_need need;
    make_pair(VHD_TYPE_DYNAMIC, 2 << 20, 512);
    assert_ok(vhd_merge_reserve(CHILD, mem_fs_system(fs), &need));
    uint64_t reserved = mem_fs_used(fs);
    assert_ok(vhd_merge_release(CHILD, mem_fs_system(fs)));
    assert_int_equal(mem_fs_used(fs), reserved - need.growth);
    assert_ok(vhd_merge_release(CHILD, mem_fs_system(fs)));
    assert_ok(merge(CHILD));
    assert_content(PARENT);
}

static void reserve__volume_too_small__both_figures_and_nothing_kept(void **state)
{
    (void)state;
    struct vhd_merge_need need;
    char figure[32];
    make_pair(VHD_TYPE_DYNAMIC, 2 << 20, 512);
    assert_ok(vhd_merge_plan(CHILD, mem_fs_system(fs), &need));
    uint64_t used = mem_fs_used(fs);
    struct mem_fs *before = mem_fs_clone(fs);
    mem_fs_set_capacity(fs, used + need.growth - 4096);
    uint64_t allocation = need.allocation;
    assert_status(vhd_merge_reserve(CHILD, mem_fs_system(fs), &need), STATUS_NO_SPACE);
    snprintf(figure, sizeof figure, "%llu", (unsigned long long)allocation);
    assert_non_null(strstr(status_last()->message, figure));
    snprintf(figure, sizeof figure, "%llu", (unsigned long long)(need.growth - 4096));
    assert_non_null(strstr(status_last()->message, figure));
    assert_int_equal(mem_fs_used(fs), used);
    assert_true(mem_fs_equal(fs, PARENT, before, PARENT));
    mem_fs_free(before);
}

static void merge__volume_full__finished_when_there_is_room(void **state)
{
    (void)state;
    make_pair(VHD_TYPE_DYNAMIC, 2 << 20, 512);
    uint64_t room = 0;
    for (enum status status = STATUS_NO_SPACE; status != STATUS_OK; room += 3 * MIB) {
        mem_fs_set_capacity(fs, mem_fs_used(fs) + room);
        status = merge(CHILD);
        if (status != STATUS_OK)
            assert_int_equal(status, STATUS_NO_SPACE);
        assert_content(CHILD);
    }
    assert_content(PARENT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(merge__blocks_smaller_than_the_childs__parent_has_the_content),
        TEST(merge__blocks_larger_than_the_childs__parent_has_the_content),
        TEST(merge__sectors_of_4096__parent_has_the_content),
        TEST(merge__fixed_parent__parent_has_the_content),
        TEST(merge__empty_child__parent_untouched_for_its_other_children),
        TEST(merge__again_after_success__same_content),
        TEST(merge__three_generations__one_after_the_other),
        TEST(merge__parent_written_since__refused_untouched),
        TEST(merge__merged_and_then_written__refused_untouched),
        TEST(merge__no_child__refused),
        TEST(merge__parent_gone__refused),
        TEST(merge__somebody_has_the_parent_open__in_use),
        TEST(merge__progress__reaches_what_was_planned),
        TEST(merge__stopped_anywhere__finished_by_the_next),
        TEST(levels__files_deleted_in_order__the_rest_holds_the_content),
        TEST(levels__more_than_there_are_parents__refused_untouched),
        TEST(merge__several_levels__progress_reaches_its_total),
        TEST(merge__vhd__parent_has_the_content_and_its_id),
        TEST(merge__much_data__parent_has_the_content),
        TEST(plan__missing_blocks_and_holes__counted),
        TEST(reserve__nothing_changes_and_the_merge_cannot_run_out),
        TEST(reserve__room_goes_back_with_the_closing__not_called_reserved),
        TEST(release__gives_the_growth_back),
        TEST(reserve__volume_too_small__both_figures_and_nothing_kept),
        TEST(merge__volume_full__finished_when_there_is_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
