#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "tests/support/disk_change.h"
#include "tests/support/mem_fs.h"
#include "tests/support/temp.h"
#include "vhd/errors.h"
#include "vhd/vhd.h"

#define MIB       (1ull << 20)
#define DISK_SIZE (9 * MIB + 4096)

static struct mem_fs *fs;
static struct disk_model *model;

static int set_up(void **state)
{
    (void)state;
    fs = mem_fs_new();
    model = disk_model_new(DISK_SIZE, 512);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mem_fs_free(fs);
    disk_model_free(model);
    return 0;
}

static const char *generation(unsigned number)
{
    static char names[VHD_CHAIN_DEPTH_MAX + 2][16];
    snprintf(names[number], sizeof names[number], "/g%u.vhdx", number);
    return names[number];
}

static enum status open_as(const char *path, bool writable, bool no_parents, struct vhd **disk)
{
    const struct vhd_open how = {.fs = mem_fs_system(fs),
                                 .writable = writable,
                                 .share = FILE_SHARE_DENY_WRITE,
                                 .no_parents = no_parents};
    return vhd_open(path, &how, disk);
}

static void create_base(void)
{
    const struct vhd_create how = {.fs = mem_fs_system(fs),
                                   .format = VHD_FORMAT_VHDX,
                                   .type = VHD_TYPE_DYNAMIC,
                                   .virtual_size = DISK_SIZE,
                                   .block_size = 1 << 20};
    assert_ok(vhd_create(generation(0), &how));
}

static void create_child(unsigned number)
{
    assert_ok(vhd_create_child(generation(number), generation(number - 1), mem_fs_system(fs)));
}

static void change(const char *path, int changes, uint64_t seed)
{
    struct random random = random_start(seed);
    struct vhd *disk;
    assert_ok(open_as(path, true, false, &disk));
    for (int i = 0; i < changes; i++)
        assert_ok(disk_change(model, disk, &random, i % 3 == 0 ? 3 * MIB : 16384));
    assert_true(disk_is_exact(model, disk));
    assert_ok(vhd_close(disk));
}

static void remove_file(const char *path)
{
    assert_ok(mem_fs_system(fs)->remove(mem_fs_system(fs), path));
}

static void read__three_generations__newest_wins(void **state)
{
    (void)state;
    struct vhd *disk;
    struct vhd_info info;
    create_base();
    change(generation(0), 6, 1);
    for (unsigned i = 1; i <= 2; i++) {
        create_child(i);
        change(generation(i), 8, i + 1);
    }
    assert_ok(open_as(generation(2), false, false, &disk));
    assert_true(disk_is_exact(model, disk));
    vhd_get_info(disk, &info);
    assert_int_equal(info.depth, 3);
    assert_string_equal(info.path, generation(2));
    assert_string_equal(info.parent_path, generation(1));
    vhd_get_info(vhd_parent(vhd_parent(disk)), &info);
    assert_int_equal(info.depth, 1);
    assert_null(info.parent_path);
    assert_null(vhd_parent(vhd_parent(vhd_parent(disk))));
    assert_ok(vhd_close(disk));
}

static void map__both_scopes__as_long_as_the_kind_lasts(void **state)
{
    (void)state;
    uint8_t data[8192];
    struct vhd *disk;
    struct vhd_extent extent;
    memset(data, 0x99, sizeof data);
    create_base();
    assert_ok(open_as(generation(0), true, false, &disk));
    assert_ok(vhd_write(disk, 2 * MIB, data, sizeof data));
    assert_ok(vhd_close(disk));
    create_child(1);
    assert_ok(open_as(generation(1), true, false, &disk));
    assert_ok(vhd_write(disk, 4 * MIB, data, 1024));
    assert_ok(vhd_zero(disk, 2 * MIB, 512));
    assert_ok(vhd_close(disk));

    assert_ok(open_as(generation(1), false, false, &disk));
    assert_ok(vhd_map(disk, VHD_MAP_LEAF, 0, UINT64_MAX, &extent));
    assert_int_equal(extent.kind, VHD_EXTENT_PARENT);
    assert_int_equal(extent.length, 2 * MIB);
    assert_ok(vhd_map(disk, VHD_MAP_LEAF, 2 * MIB + 512, UINT64_MAX, &extent));
    assert_int_equal(extent.kind, VHD_EXTENT_PARENT);
    assert_int_equal(extent.length, 2 * MIB - 512);
    assert_ok(vhd_map(disk, VHD_MAP_LEAF, 4 * MIB, UINT64_MAX, &extent));
    assert_int_equal(extent.kind, VHD_EXTENT_DATA);
    assert_int_equal(extent.length, 1024);
    assert_ok(vhd_map(disk, VHD_MAP_CHAIN, 0, UINT64_MAX, &extent));
    assert_int_equal(extent.kind, VHD_EXTENT_ZERO);
    assert_true(extent.length >= 2 * MIB);
    assert_ok(vhd_map(disk, VHD_MAP_CHAIN, 0, 4096, &extent));
    assert_int_equal(extent.length, 4096);
    assert_ok(vhd_map(disk, VHD_MAP_CHAIN, DISK_SIZE - 512, UINT64_MAX, &extent));
    assert_int_equal(extent.length, 512);
    assert_status(vhd_map(disk, VHD_MAP_CHAIN, DISK_SIZE, 512, &extent), STATUS_INVALID_ARGUMENT);
    assert_status(vhd_map(disk, VHD_MAP_CHAIN, 0, 0, &extent), STATUS_INVALID_ARGUMENT);
    assert_status(vhd_map(disk, VHD_MAP_CHAIN, 100, 512, &extent), STATUS_INVALID_ARGUMENT);
    assert_ok(vhd_close(disk));
}

static void open__parent_missing__named_and_alone_it_opens(void **state)
{
    (void)state;
    struct vhd *disk;
    struct vhd_info info;
    struct vhd_extent extent;
    uint8_t sector[512];
    create_base();
    create_child(1);
    remove_file(generation(0));
    assert_status(open_as(generation(1), false, false, &disk), STATUS_PARENT_MISSING);
    assert_int_equal(status_last()->os_code, VHD_ERROR_PARENT_VHD_NOT_FOUND);
    assert_non_null(strstr(status_last()->message, generation(0)));
    assert_non_null(strstr(status_last()->message, generation(1)));

    assert_ok(open_as(generation(1), false, true, &disk));
    vhd_get_info(disk, &info);
    assert_int_equal(info.type, VHD_TYPE_DIFFERENCING);
    assert_string_equal(info.parent_path, generation(0));
    assert_ok(vhd_map(disk, VHD_MAP_LEAF, 0, DISK_SIZE, &extent));
    assert_status(vhd_map(disk, VHD_MAP_CHAIN, 0, DISK_SIZE, &extent), STATUS_PARENT_MISSING);
    assert_status(vhd_read(disk, 0, sector, sizeof sector), STATUS_PARENT_MISSING);
    assert_ok(vhd_close(disk));
}

static void open__parent_written_since__mismatch(void **state)
{
    (void)state;
    struct vhd *disk;
    create_base();
    create_child(1);
    change(generation(0), 1, 1);
    assert_status(open_as(generation(1), false, false, &disk), STATUS_PARENT_MISMATCH);
    assert_int_equal(status_last()->os_code, VHD_ERROR_CHILD_PARENT_ID_MISMATCH);
}

static void open__parent_is_another_disk__mismatch(void **state)
{
    (void)state;
    struct vhd *disk;
    create_base();
    create_child(1);
    remove_file(generation(0));
    create_base();
    assert_status(open_as(generation(1), false, false, &disk), STATUS_PARENT_MISMATCH);
}

static void open__parent_is_damaged__says_so(void **state)
{
    (void)state;
    struct vhd *disk;
    create_base();
    create_child(1);
    mem_fs_clear(fs, generation(0), 64 * 1024, 128 * 1024); // both headers
    assert_status(open_as(generation(1), false, false, &disk), STATUS_DAMAGED);
    assert_non_null(strstr(status_last()->message, generation(0)));
    assert_non_null(strstr(status_last()->message, generation(1)));
}

static void open__parents__read_only_and_not_to_be_written(void **state)
{
    (void)state;
    struct vhd *child, *base;
    create_base();
    create_child(1);
    assert_ok(open_as(generation(1), true, false, &child));
    assert_status(open_as(generation(0), true, false, &base), STATUS_IN_USE);
    assert_ok(open_as(generation(0), false, false, &base)); // another reader
    assert_ok(vhd_close(base));
    uint8_t sector[512] = {0};
    assert_status(vhd_write(vhd_parent(child), 0, sector, sizeof sector), STATUS_INVALID_ARGUMENT);
    assert_ok(vhd_close(child));

    assert_ok(open_as(generation(0), true, false, &base));
    assert_status(open_as(generation(1), false, false, &child), STATUS_IN_USE);
    const struct vhd_open look = {.fs = mem_fs_system(fs), .share = FILE_SHARE_ANYTHING};
    assert_ok(vhd_open(generation(1), &look, &child));
    assert_ok(vhd_close(child));
    assert_ok(vhd_close(base));
}

static void open__circle__refused(void **state)
{
    (void)state;
    struct vhd *disk;
    create_base();
    create_child(1);
    create_child(2);
    // generation 1 is now what it calls its parent's child: it finds itself in its parent's place.
    struct mem_fs *copy = mem_fs_clone(fs);
    uint64_t size = mem_fs_size(copy, generation(2));
    uint8_t *contents = malloc((size_t)size);
    assert_non_null(contents);
    mem_fs_peek(copy, generation(2), 0, contents, (size_t)size);
    mem_fs_put(fs, generation(1), contents, (size_t)size);
    free(contents);
    mem_fs_free(copy);
    assert_status(open_as(generation(1), false, false, &disk), STATUS_DAMAGED);
    assert_int_equal(status_last()->os_code, VHD_ERROR_DIFFERENCING_CHAIN_CYCLE_DETECTED);
}

static void open__too_many_generations__refused(void **state)
{
    (void)state;
    struct vhd *disk;
    create_base();
    for (unsigned i = 1; i < VHD_CHAIN_DEPTH_MAX; i++)
        create_child(i);
    assert_ok(open_as(generation(VHD_CHAIN_DEPTH_MAX - 1), false, false, &disk));
    assert_ok(vhd_close(disk));
    create_child(VHD_CHAIN_DEPTH_MAX);
    assert_status(open_as(generation(VHD_CHAIN_DEPTH_MAX), false, false, &disk),
                  STATUS_UNSUPPORTED);
    assert_non_null(strstr(status_last()->message, "64"));
}

static void create_child__of_a_disk_with_a_live_log__log_replayed_first(void **state)
{
    (void)state;
    struct vhd *disk;
    struct vhd_info info;
    create_base();
    assert_ok(open_as(generation(0), true, false, &disk));
    assert_ok(disk_model_write(model, disk, 3 * MIB, 8192));
    assert_ok(vhd_flush(disk));
    vhd_abandon(disk);
    assert_ok(open_as(generation(0), false, false, &disk));
    vhd_get_info(disk, &info);
    assert_true(info.log_live);
    assert_true(disk_is_exact(model, disk)); // replayed in memory
    assert_ok(vhd_close(disk));

    create_child(1);
    assert_ok(open_as(generation(0), false, false, &disk));
    struct guid before = info.identity.guid;
    vhd_get_info(disk, &info);
    assert_false(info.log_live);
    assert_true(guid_equal(&before, &info.identity.guid)); // nothing that a reader sees has changed
    assert_ok(vhd_close(disk));
    change(generation(1), 3, 1);
}

static void create_child__refusals__leave_nothing(void **state)
{
    (void)state;
    assert_status(vhd_create_child("/child.avhd", "/nothing.vhdx", mem_fs_system(fs)),
                  STATUS_NOT_FOUND);
    assert_false(mem_fs_has(fs, "/child.avhd"));
    create_base();
    create_child(1);
    struct mem_fs *before = mem_fs_clone(fs);
    assert_status(vhd_create_child(generation(1), generation(0), mem_fs_system(fs)), STATUS_EXISTS);
    assert_true(mem_fs_equal(fs, generation(1), before, generation(1)));
    mem_fs_free(before);
}

// On the operating system's files, for a folder is listed.
static void find_child__beside_its_parent__found(void **state)
{
    (void)state;
    const char *folder = temp_folder();
    char *base = temp_path(folder, "base.vhdx");
    char *child = temp_path(folder, "child.AVHDX");
    char *other = temp_path(folder, "other.avhdx");
    char *noise = temp_path(folder, "noise.vhd");
    char *missing = temp_path(folder, "missing.vhdx");
    char *found;
    const struct vhd_create how = {
        .format = VHD_FORMAT_VHDX, .type = VHD_TYPE_DYNAMIC, .virtual_size = DISK_SIZE};
    assert_ok(os_replace_file(noise, "no disk at all", 14));
    assert_ok(vhd_create(base, &how));
    assert_ok(vhd_find_child(base, &found));
    assert_null(found);
    assert_ok(vhd_create_child(child, base, NULL));
    assert_ok(vhd_find_child(base, &found));
    assert_string_equal(os_path_base_name(found), "child.AVHDX");
    free(found);
    assert_ok(vhd_find_child(child, &found));
    assert_null(found);
    assert_ok(vhd_find_other_child(base, child, &found));
    assert_null(found);
    assert_ok(vhd_create_child(other, base, NULL));
    assert_ok(vhd_find_other_child(base, child, &found));
    assert_string_equal(os_path_base_name(found), "other.avhdx");
    free(found);
    assert_status(vhd_find_child(missing, &found), STATUS_NOT_FOUND);
    temp_remove(folder);
    free(base);
    free(child);
    free(other);
    free(noise);
    free(missing);
}

// The last place where a child looks for its parent is its own folder: a disk of that name which is
// another one is no parent, and the copy of the parent that is used when the first is gone is one.
static void find_child__disk_of_the_parents_name__only_if_the_child_would_use_it(void **state)
{
    (void)state;
    const char *folder = temp_folder(), *elsewhere = temp_folder();
    char *base = temp_path(elsewhere, "base.vhdx");
    char *child = temp_path(folder, "child.avhdx");
    char *same_name = temp_path(folder, "base.vhdx");
    char *found;
    const struct vhd_create how = {
        .format = VHD_FORMAT_VHDX, .type = VHD_TYPE_DYNAMIC, .virtual_size = DISK_SIZE};
    assert_ok(vhd_create(base, &how));
    assert_ok(vhd_create_child(child, base, NULL));
    assert_ok(vhd_create(same_name, &how));
    assert_ok(vhd_find_child(same_name, &found));
    assert_null(found);

    char *contents;
    size_t size;
    assert_ok(os_read_file(base, 64 * MIB, &contents, &size));
    assert_ok(os_replace_file(same_name, contents, size));
    free(contents);
    assert_ok(vhd_find_child(same_name, &found));
    assert_string_equal(os_path_base_name(found), "child.avhdx");
    free(found);
    temp_remove(folder);
    temp_remove(elsewhere);
    free(base);
    free(child);
    free(same_name);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(read__three_generations__newest_wins),
        TEST(map__both_scopes__as_long_as_the_kind_lasts),
        TEST(open__parent_missing__named_and_alone_it_opens),
        TEST(open__parent_written_since__mismatch),
        TEST(open__parent_is_another_disk__mismatch),
        TEST(open__parent_is_damaged__says_so),
        TEST(open__parents__read_only_and_not_to_be_written),
        TEST(open__circle__refused),
        TEST(open__too_many_generations__refused),
        TEST(create_child__of_a_disk_with_a_live_log__log_replayed_first),
        TEST(create_child__refusals__leave_nothing),
        TEST(find_child__beside_its_parent__found),
        TEST(find_child__disk_of_the_parents_name__only_if_the_child_would_use_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
