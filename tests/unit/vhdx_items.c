// Metadata items beyond those of the format: what children inherit, what a merge hands on, what
// changes of identity leave alone; and the paths in a child's locator.
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "tests/support/vhdx_disk.h"
#include "vhd/chain.h"
#include "vhd/errors.h"
#include "vhd/vhdx/image.h"

#define PARENT "/parent.vhdx"
#define CHILD  "/child.vhdx"

// An item that nobody here knows.
struct item {
    struct guid guid;
    uint32_t flags;
    uint32_t length;
    uint8_t seed; // of its contents
};

#define OF_DISK VHDX_METADATA_IS_VIRTUAL_DISK
#define OF_USER VHDX_METADATA_IS_USER

#define FIRST  GUID_INIT(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1)
#define SECOND GUID_INIT(2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2)
#define THIRD  GUID_INIT(3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3)

static uint8_t byte_of(const struct item *item, uint32_t at)
{
    return (uint8_t)(item->seed + at * 7);
}

// Puts items behind those of the format into a file, as a program that knows them would.
static void add_items(struct mem_fs *fs, const char *path, const struct item *items, size_t count)
{
    static uint8_t table[VHDX_METADATA_TABLE_SIZE];
    mem_fs_peek(fs, path, VHDX_TEST_METADATA, table, sizeof table);
    uint32_t offset = 128 << 10; // far from the others
    for (size_t i = 0; i < count; i++) {
        struct vhdx_metadata_item entry = {.guid = items[i].guid,
                                           .offset = items[i].length ? offset : 0,
                                           .length = items[i].length,
                                           .flags = items[i].flags};
        assert_true(vhdx_metadata_table_append(table, &entry));
        for (uint32_t k = 0; k < items[i].length; k++) {
            uint8_t byte = byte_of(&items[i], k);
            mem_fs_poke(fs, path, VHDX_TEST_METADATA + offset + k, &byte, 1);
        }
        offset += items[i].length;
    }
    mem_fs_poke(fs, path, VHDX_TEST_METADATA, table, sizeof table);
}

static struct vhdx_metadata_item *find(struct vhd *disk, const struct item *item)
{
    return vhdx_metadata_find_item(&vhdx_of(disk->image)->metadata, &item->guid,
                                   item->flags & VHDX_METADATA_IS_USER);
}

static void assert_items(struct mem_fs *fs, const char *path, const struct item *items,
                         size_t count)
{
    struct vhd *disk = vhdx_test_open(mem_fs_system(fs), path, false);
    struct vhdx *x = vhdx_of(disk->image);
    for (size_t i = 0; i < count; i++) {
        const struct vhdx_metadata_item *found = find(disk, &items[i]);
        assert_non_null(found);
        assert_int_equal(found->flags, items[i].flags);
        assert_int_equal(found->length, items[i].length);
        uint8_t *data = malloc(found->length + 1);
        assert_non_null(data);
        assert_ok(vhdx_view_read(&x->view, x->regions.metadata.offset + found->offset, data,
                                 found->length));
        for (uint32_t k = 0; k < found->length; k++)
            assert_int_equal(data[k], byte_of(&items[i], k));
        free(data);
    }
    vhd_abandon(disk);
}

static bool has_item(struct mem_fs *fs, const char *path, const struct item *item)
{
    struct vhd *disk = vhdx_test_open(mem_fs_system(fs), path, false);
    bool found = find(disk, item) != NULL;
    vhd_abandon(disk);
    return found;
}

static struct mem_fs *with_parent(void)
{
    struct mem_fs *fs = mem_fs_new();
    vhdx_test_create(mem_fs_system(fs), PARENT, VHD_TYPE_DYNAMIC, 8 * MIB, 1 << 20);
    return fs;
}

static const struct item of_parent[] = {
    {FIRST, OF_DISK, 300000, 3},       // a system item that is not required
    {SECOND, OF_DISK | OF_USER, 5, 5}, // of a program
    {THIRD, OF_DISK, 0, 0},            // empty
    {THIRD, OF_USER, 70000, 7},        // of the file, not of the disk: same GUID, other kind
};

static void create_child__items_of_the_disk__inherited(void **state)
{
    (void)state;
    struct mem_fs *fs = with_parent();
    add_items(fs, PARENT, of_parent, 4);
    assert_ok(vhd_create_child(CHILD, PARENT, mem_fs_system(fs)));
    assert_items(fs, CHILD, of_parent, 3);
    assert_false(has_item(fs, CHILD, &of_parent[3]));
    mem_fs_free(fs);
}

// More than 1 MiB of items: the region of the child is longer, and all that follows lies later.
static void create_child__many_items__in_a_longer_region(void **state)
{
    (void)state;
    static const struct item items[] = {{FIRST, OF_DISK, 800000, 1}};
    static const struct item large[] = {{SECOND, OF_DISK, 700000, 2}, {THIRD, OF_DISK, 600000, 9}};
    struct mem_fs *fs = with_parent();
    add_items(fs, PARENT, items, 1);
    assert_ok(vhd_create_child(CHILD, PARENT, mem_fs_system(fs)));
    assert_items(fs, CHILD, items, 1);
    // A region of 2 MiB, so that there can be more: made by hand, the table moved behind it.
    struct vhd_create how = {.fs = mem_fs_system(fs),
                             .format = VHD_FORMAT_VHDX,
                             .type = VHD_TYPE_DYNAMIC,
                             .virtual_size = 8 * MIB};
    assert_ok(vhd_create("/2.vhdx", &how));
    mem_fs_resize(fs, "/2.vhdx", 6 * MIB);
    static uint8_t raw[VHDX_REGION_TABLE_SIZE];
    struct vhdx_region bat = {.guid = vhdx_guid_bat, .offset = 5 * MIB, .length = 1 << 20};
    struct vhdx_region metadata = {
        .guid = vhdx_guid_metadata, .offset = 2 * MIB, .length = 2 << 20};
    vhdx_regions_encode(&bat, &metadata, raw);
    mem_fs_poke(fs, "/2.vhdx", VHDX_REGION_TABLE1_OFFSET, raw, sizeof raw);
    mem_fs_poke(fs, "/2.vhdx", VHDX_REGION_TABLE2_OFFSET, raw, sizeof raw);
    add_items(fs, "/2.vhdx", large, 2);
    assert_items(fs, "/2.vhdx", large, 2);
    assert_ok(vhd_create_child("/3.vhdx", "/2.vhdx", mem_fs_system(fs)));
    assert_items(fs, "/3.vhdx", large, 2);
    struct vhd *disk = vhdx_test_open(mem_fs_system(fs), "/3.vhdx", true);
    uint8_t sector[512] = {1};
    assert_ok(vhd_write(disk, 0, sector, sizeof sector));
    assert_ok(vhd_close(disk));
    assert_items(fs, "/3.vhdx", large, 2);
    mem_fs_free(fs);
}

// The parent's own items of the disk go, the child's come; those of the file stay.
static void merge__items_of_the_disk__are_the_childs(void **state)
{
    (void)state;
    static const struct item of_child[] = {{SECOND, OF_DISK | OF_USER, 9000, 11},
                                           {FIRST, OF_DISK, 2, 12}};
    struct mem_fs *fs = with_parent();
    assert_ok(vhd_create_child(CHILD, PARENT, mem_fs_system(fs)));
    add_items(fs, PARENT, of_parent, 4);
    add_items(fs, CHILD, of_child, 2);
    struct vhd_merge how = {.fs = mem_fs_system(fs)};
    assert_ok(vhd_merge(CHILD, &how));
    assert_items(fs, PARENT, of_child, 2);
    assert_items(fs, PARENT, &of_parent[3], 1);
    assert_false(has_item(fs, PARENT, &of_parent[2]));
    mem_fs_free(fs);
}

// Flags may be wrong in what other programs write, and a check mends them: block size, having a
// parent, and the parent's name stay what they are.
static void merge__items_of_the_file_flagged_as_the_disks__stay(void **state)
{
    (void)state;
    static const struct guid *const of_file[] = {&vhdx_guid_file_parameters,
                                                 &vhdx_guid_parent_locator};
    static uint8_t table[VHDX_METADATA_TABLE_SIZE];
    struct mem_fs *fs = with_parent();
    assert_ok(vhd_create_child(CHILD, PARENT, mem_fs_system(fs)));
    struct vhd_info before = vhdx_test_info(mem_fs_system(fs), PARENT);
    mem_fs_peek(fs, CHILD, VHDX_TEST_METADATA, table, sizeof table);
    for (uint32_t i = 0; i < 6; i++) {
        uint8_t *entry = table + vhdx_metadata_entry_offset(i);
        for (size_t k = 0; k < sizeof of_file / sizeof *of_file; k++)
            if (memcmp(entry, of_file[k], sizeof *of_file[k]) == 0)
                entry[VHDX_METADATA_FLAGS_OFFSET] |= VHDX_METADATA_IS_VIRTUAL_DISK;
    }
    mem_fs_poke(fs, CHILD, VHDX_TEST_METADATA, table, sizeof table);
    struct vhd_merge how = {.fs = mem_fs_system(fs)};
    assert_ok(vhd_merge(CHILD, &how));
    struct vhd_info after = vhdx_test_info(mem_fs_system(fs), PARENT);
    assert_int_equal(after.type, before.type);
    assert_int_equal(after.block_size, before.block_size);
    mem_fs_free(fs);
}

// An item that does not fit into one entry of the log: 1 MiB.
static void merge__item_larger_than_an_entry__taken_over(void **state)
{
    (void)state;
    static const struct item of_child[] = {{FIRST, OF_DISK, 896 << 10, 21}};
    static const struct item old[] = {{FIRST, OF_DISK, 100, 22}, {THIRD, OF_USER, 100, 23}};
    struct mem_fs *fs = with_parent();
    assert_ok(vhd_create_child(CHILD, PARENT, mem_fs_system(fs)));
    // It goes past the old items, or between them: both are tried.
    for (size_t count = 0; count <= 2; count++) {
        struct mem_fs *copy = mem_fs_clone(fs);
        if (count > 0)
            add_items(copy, PARENT, old, count);
        add_items(copy, CHILD, of_child, 1);
        struct vhd_merge how = {.fs = mem_fs_system(copy)};
        enum status status = vhd_merge(CHILD, &how);
        // 896 KiB behind the table and the items in a region of 1 MiB: only without the others.
        assert_status(status, count == 0 ? STATUS_OK : STATUS_UNSUPPORTED);
        if (status == STATUS_OK)
            assert_items(copy, PARENT, of_child, 1);
        else
            assert_int_equal(status_last()->os_code, VHD_ERROR_METADATA_FULL);
        mem_fs_free(copy);
    }
    mem_fs_free(fs);
}

static void set_identity__id_and_sector_size__all_else_stays(void **state)
{
    (void)state;
    struct mem_fs *fs = with_parent();
    add_items(fs, PARENT, of_parent, 4);
    struct vhd_info before = vhdx_test_info(mem_fs_system(fs), PARENT);
    struct guid id;
    assert_ok(guid_generate(&id));
    struct vhd_set_identity how = {
        .fs = mem_fs_system(fs), .virtual_disk_id = &id, .physical_sector_size = 512};
    assert_ok(vhd_set_identity(PARENT, &how));
    struct vhd_info after = vhdx_test_info(mem_fs_system(fs), PARENT);
    assert_true(guid_equal(&after.virtual_disk_id, &id));
    assert_int_equal(after.physical_sector_size, 512);
    assert_int_equal(after.logical_sector_size, before.logical_sector_size);
    assert_false(guid_equal(&after.identity.guid, &before.identity.guid));
    assert_items(fs, PARENT, of_parent, 4);
    // The same again changes nothing, and neither does nothing.
    struct mem_fs *copy = mem_fs_clone(fs);
    assert_ok(vhd_set_identity(PARENT, &how));
    how.virtual_disk_id = NULL;
    how.physical_sector_size = 0;
    assert_ok(vhd_set_identity(PARENT, &how));
    how.physical_sector_size = 1024;
    assert_status(vhd_set_identity(PARENT, &how), STATUS_INVALID_ARGUMENT);
    assert_true(mem_fs_equal(fs, PARENT, copy, PARENT));
    mem_fs_free(copy);
    mem_fs_free(fs);
}

// Everything that is done to a disk leaves the items of programs as they are.
static void every_change__items_of_programs__byte_for_byte(void **state)
{
    (void)state;
    struct mem_fs *fs = with_parent();
    add_items(fs, PARENT, of_parent, 4);
    struct vhd *disk = vhdx_test_open(mem_fs_system(fs), PARENT, true);
    static uint8_t data[1 << 20] = {1};
    for (uint64_t i = 0; i < 8; i += 2)
        assert_ok(vhd_write(disk, i * MIB, data, sizeof data));
    assert_ok(vhd_zero(disk, 2 * MIB, MIB));
    assert_ok(vhd_close(disk));
    const struct vhd_resize larger = {.fs = mem_fs_system(fs), .virtual_size = 200ull << 30};
    const struct vhd_resize smaller = {.fs = mem_fs_system(fs), .virtual_size = 8 * MIB};
    const struct vhd_compact compact = {.fs = mem_fs_system(fs)};
    struct vhd_compacted result;
    assert_ok(vhd_resize(PARENT, &larger));
    assert_ok(vhd_compact(PARENT, &compact, &result));
    assert_ok(vhd_resize(PARENT, &smaller));
    assert_ok(vhd_create_child(CHILD, PARENT, mem_fs_system(fs)));
    struct vhd_merge merge = {.fs = mem_fs_system(fs)};
    assert_ok(vhd_merge(CHILD, &merge));
    assert_items(fs, PARENT, of_parent, 4);
    mem_fs_free(fs);
}

static void move(struct mem_fs *fs, const char *from, const char *to)
{
    assert_ok(mem_fs_system(fs)->rename(mem_fs_system(fs), from, to));
}

static void assert_paths(struct mem_fs *fs, const char *path, const char *absolute,
                         const char *relative)
{
    struct vhd *disk = vhdx_test_open(mem_fs_system(fs), path, false);
    const struct vhdx_locator *locator = &vhdx_of(disk->image)->locator;
    assert_string_equal(vhdx_locator_find(locator, VHDX_KEY_ABSOLUTE_PATH), absolute);
    assert_string_equal(vhdx_locator_find(locator, VHDX_KEY_RELATIVE_PATH), relative);
    vhd_abandon(disk);
}

static void write_once(struct mem_fs *fs, const char *path)
{
    struct vhd *disk = vhdx_test_open(mem_fs_system(fs), path, true);
    uint8_t sector[512] = {1};
    assert_ok(vhd_write(disk, 0, sector, sizeof sector));
    assert_ok(vhd_close(disk));
}

// Both in `folder`, made there.
static struct mem_fs *with_child_in(const char *folder)
{
    struct mem_fs *fs = mem_fs_new();
    const char *parent = vhdx_test_path(folder, "parent.vhdx");
    vhdx_test_create(mem_fs_system(fs), parent, VHD_TYPE_DYNAMIC, 8 * MIB, 1 << 20);
    assert_ok(vhd_create_child(vhdx_test_path(folder, "child.vhdx"), parent, mem_fs_system(fs)));
    return fs;
}

static void open_writable__parent_moved__locator_corrected_with_the_first_change(void **state)
{
    (void)state;
    struct mem_fs *fs = with_child_in("a");
    assert_paths(fs, vhdx_test_path("a", "child.vhdx"), vhdx_test_path("a", "parent.vhdx"),
                 ".\\parent.vhdx");
    // Both together: the relative path still leads there.
    const char *child = vhdx_test_path("other", "child.vhdx");
    const char *parent = vhdx_test_path("other", "parent.vhdx");
    move(fs, vhdx_test_path("a", "parent.vhdx"), parent);
    move(fs, vhdx_test_path("a", "child.vhdx"), child);
    struct mem_fs *before = mem_fs_clone(fs);
    assert_ok(vhd_close(vhdx_test_open(mem_fs_system(fs), child, true)));
    assert_true(mem_fs_equal(fs, child, before, child));
    mem_fs_free(before);
    write_once(fs, child);
    assert_paths(fs, child, parent, ".\\parent.vhdx");
    // The child alone: now the absolute path does.
    const char *elsewhere = vhdx_test_path("b", "child.vhdx");
    move(fs, child, elsewhere);
    write_once(fs, elsewhere);
    assert_paths(fs, elsewhere, parent, "..\\other\\parent.vhdx");
    mem_fs_free(fs);
}

// The path of another kind of system says nothing here, and is not ours to replace.
static void open_writable__path_of_another_system__stays(void **state)
{
    (void)state;
    const char *foreign = os_path_is_absolute("/") ? "C:\\Hyper-V\\p.vhdx" : "/hyper-v/p.vhdx";
    struct mem_fs *fs = with_child_in("a");
    const char *child = vhdx_test_path("a", "child.vhdx");
    struct vhd *disk = vhdx_test_open(mem_fs_system(fs), child, true);
    struct vhdx *x = vhdx_of(disk->image);
    assert_ok(vhdx_begin_change(x, false));
    assert_ok(vhdx_locator_set(&x->locator, VHDX_KEY_ABSOLUTE_PATH, foreign));
    assert_ok(vhdx_write_locator(x));
    assert_ok(vhd_close(disk));
    write_once(fs, child);
    assert_paths(fs, child, foreign, ".\\parent.vhdx");
    mem_fs_free(fs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(create_child__items_of_the_disk__inherited),
        cmocka_unit_test(create_child__many_items__in_a_longer_region),
        cmocka_unit_test(merge__items_of_the_disk__are_the_childs),
        cmocka_unit_test(merge__items_of_the_file_flagged_as_the_disks__stay),
        cmocka_unit_test(merge__item_larger_than_an_entry__taken_over),
        cmocka_unit_test(set_identity__id_and_sector_size__all_else_stays),
        cmocka_unit_test(every_change__items_of_programs__byte_for_byte),
        cmocka_unit_test(open_writable__parent_moved__locator_corrected_with_the_first_change),
        cmocka_unit_test(open_writable__path_of_another_system__stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
