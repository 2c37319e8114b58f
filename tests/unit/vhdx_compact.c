// Compacting: what goes, what stays, and that nobody can tell from the contents.
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "tests/support/disk_change.h"
#include "tests/support/vhdx_disk.h"
#include "vhd/errors.h"
#include "vhd/vhdx/bat.h"

#define PARENT "/parent.vhdx"
#define CHILD  "/child.vhdx"

static struct vhd_compacted compact(struct mem_fs *fs, const char *path)
{
    const struct vhd_compact how = {.fs = mem_fs_system(fs)};
    struct vhd_compacted result;
    assert_ok(vhd_compact(path, &how, &result));
    assert_int_equal(result.size_after, mem_fs_size(fs, path));
    return result;
}

// 16 blocks of 1 MiB, all written, every second one with zeros.
static struct mem_fs *with_dynamic(void)
{
    struct mem_fs *fs = mem_fs_new();
    vhdx_test_create(mem_fs_system(fs), PARENT, VHD_TYPE_DYNAMIC, 16 * MIB, 1 << 20);
    struct vhd *disk = vhdx_test_open(mem_fs_system(fs), PARENT, true);
    for (uint64_t i = 0; i < 16; i++)
        vhdx_test_fill(disk, i * MIB, (size_t)MIB, i % 2 ? (uint8_t)i : 0);
    assert_ok(vhd_close(disk));
    return fs;
}

static void compact__dynamic_with_zeros__half_of_it_goes_and_the_contents_stay(void **state)
{
    (void)state;
    struct mem_fs *fs = with_dynamic();
    struct vhd_info before = vhdx_test_info(mem_fs_system(fs), PARENT);
    struct vhd_compacted result = compact(fs, PARENT);
    assert_int_equal(result.size_before, 20 * MIB);
    assert_int_equal(result.size_after, 12 * MIB);
    struct vhd_info after = vhdx_test_info(mem_fs_system(fs), PARENT);
    assert_true(guid_equal(&before.identity.guid, &after.identity.guid));
    assert_int_equal(after.allocated, 8 * MIB);
    struct vhd *disk = vhdx_test_open(mem_fs_system(fs), PARENT, false);
    for (uint64_t i = 0; i < 16; i++) {
        uint8_t ends[2][512];
        assert_ok(vhd_read(disk, i * MIB, ends[0], 512));
        assert_ok(vhd_read(disk, (i + 1) * MIB - 512, ends[1], 512));
        for (size_t k = 0; k < 1024; k++)
            assert_int_equal(ends[k / 512][k % 512], i % 2 ? i : 0);
    }
    vhd_abandon(disk);
    // Again there is nothing to do, and nothing is done.
    struct mem_fs *copy = mem_fs_clone(fs);
    result = compact(fs, PARENT);
    assert_int_equal(result.size_before, result.size_after);
    assert_true(mem_fs_equal(fs, PARENT, copy, PARENT));
    mem_fs_free(copy);
    mem_fs_free(fs);
}

// Zeros of a child hide what its parent has; its sector bitmap goes when no block needs it.
static void compact__child__zeros_go_on_hiding_the_parent(void **state)
{
    (void)state;
    struct mem_fs *fs = with_dynamic();
    assert_ok(vhd_create_child(CHILD, PARENT, mem_fs_system(fs)));
    struct vhd *disk = vhdx_test_open(mem_fs_system(fs), CHILD, true);
    vhdx_test_fill(disk, 0, (size_t)(2 * MIB), 0);          // zeros over data
    vhdx_test_fill(disk, 4 * MIB, (size_t)(2 * MIB), 0x44); // data
    vhdx_test_fill(disk, 9 * MIB, 512, 0);                  // part of a block
    assert_ok(vhd_close(disk));
    uint64_t entries = VHDX_TEST_BAT;
    assert_int_equal(compact(fs, CHILD).size_after, 4 * MIB + 2 * 2 * MIB + MIB);
    assert_int_equal(vhdx_test_entry(fs, CHILD, entries, 0), VHDX_BLOCK_ZERO);
    assert_int_equal(vhdx_test_entry(fs, CHILD, entries, 2) & 7, VHDX_BLOCK_FULLY_PRESENT);
    assert_int_equal(vhdx_test_entry(fs, CHILD, entries, 4) & 7, VHDX_BLOCK_PARTIALLY_PRESENT);
    disk = vhdx_test_open(mem_fs_system(fs), CHILD, true);
    uint8_t sector[512];
    static const struct {
        uint64_t at;
        uint8_t value;
    } expected[] = {{MIB, 0},           {3 * MIB, 3},   {4 * MIB, 0x44}, {9 * MIB, 0},
                    {9 * MIB + 512, 9}, {15 * MIB, 15}, {8 * MIB, 0},    {10 * MIB - 512, 9}};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        assert_ok(vhd_read(disk, expected[i].at, sector, sizeof sector));
        assert_int_equal(sector[0], expected[i].value);
        assert_int_equal(sector[511], expected[i].value);
    }
    // Without its only partial block it has no use for the bitmap.
    assert_ok(vhd_zero(disk, 8 * MIB, 2 * MIB));
    assert_ok(vhd_close(disk));
    assert_int_equal(compact(fs, CHILD).size_after, 4 * MIB + 2 * MIB);
    mem_fs_free(fs);
}

// A partially present block none of whose sectors is here is the parent's.
static void compact__partial_block_without_sectors__is_the_parents_again(void **state)
{
    (void)state;
    struct mem_fs *fs = with_dynamic();
    assert_ok(vhd_create_child(CHILD, PARENT, mem_fs_system(fs)));
    struct vhd *disk = vhdx_test_open(mem_fs_system(fs), CHILD, true);
    vhdx_test_fill(disk, 2 * MIB, 512, 0x33);
    assert_ok(vhd_close(disk));
    struct vhdx_geometry g;
    vhdx_geometry_init(&g, 16 * MIB, 2 << 20, 512, true);
    uint64_t bitmap =
        vhdx_test_entry(fs, CHILD, VHDX_TEST_BAT, vhdx_bitmap_index(&g, 0)) / MIB * MIB;
    mem_fs_poke(fs, CHILD, bitmap + 4096 / 8, "", 1); // the sector's bit, the first of block 1
    assert_int_equal(compact(fs, CHILD).size_after, 4 * MIB);
    assert_int_equal(vhdx_test_entry(fs, CHILD, VHDX_TEST_BAT, 1), VHDX_BLOCK_NOT_PRESENT);
    uint8_t sector[512];
    disk = vhdx_test_open(mem_fs_system(fs), CHILD, false);
    assert_ok(vhd_read(disk, 3 * MIB, sector, sizeof sector));
    assert_int_equal(sector[0], 3);
    vhd_abandon(disk);
    mem_fs_free(fs);
}

// Old data that a soft anchor remembers goes with it.
static void compact__soft_anchors__dropped(void **state)
{
    (void)state;
    struct mem_fs *fs = with_dynamic();
    uint64_t raw = vhdx_test_entry(fs, PARENT, VHDX_TEST_BAT, 1);
    vhdx_test_set_entry(fs, PARENT, VHDX_TEST_BAT, 1, (raw & ~7ull) | VHDX_BLOCK_UNMAPPED);
    assert_int_equal(compact(fs, PARENT).size_after, 11 * MIB);
    assert_int_equal(vhdx_test_entry(fs, PARENT, VHDX_TEST_BAT, 1), VHDX_BLOCK_UNMAPPED);
    mem_fs_free(fs);
}

// A table that went to the end of the file when the disk grew does not keep it long.
static void compact__table_that_has_moved__moves_down(void **state)
{
    (void)state;
    struct mem_fs *fs = mem_fs_new();
    vhdx_test_create(mem_fs_system(fs), PARENT, VHD_TYPE_DYNAMIC, 100ull << 30, 1 << 20);
    struct vhd *disk = vhdx_test_open(mem_fs_system(fs), PARENT, true);
    for (uint64_t i = 0; i < 10; i++)
        vhdx_test_fill(disk, i * MIB, (size_t)MIB, (uint8_t)(i + 1));
    assert_ok(vhd_close(disk));
    const struct vhd_resize larger = {.fs = mem_fs_system(fs), .virtual_size = 200ull << 30};
    assert_ok(vhd_resize(PARENT, &larger));
    disk = vhdx_test_open(mem_fs_system(fs), PARENT, true);
    vhdx_test_fill(disk, larger.virtual_size - 4096, 4096, 0x77);
    assert_ok(vhd_zero(disk, 0, 8 * MIB));
    assert_ok(vhd_close(disk));
    struct vhd_info before = vhdx_test_info(mem_fs_system(fs), PARENT);
    // Headers, log and metadata, a table of 2 MiB, three blocks.
    assert_int_equal(compact(fs, PARENT).size_after, 3 * MIB + 2 * MIB + 3 * MIB);
    struct vhd_info after = vhdx_test_info(mem_fs_system(fs), PARENT);
    assert_true(guid_equal(&before.identity.guid, &after.identity.guid));
    static const struct {
        uint64_t at;
        uint8_t value;
    } expected[] = {{0, 0}, {8 * MIB, 9}, {10 * MIB - 512, 10}, {(200ull << 30) - 512, 0x77}};
    disk = vhdx_test_open(mem_fs_system(fs), PARENT, true);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        uint8_t sector[512];
        assert_ok(vhd_read(disk, expected[i].at, sector, sizeof sector));
        assert_int_equal(sector[0], expected[i].value);
    }
    vhdx_test_fill(disk, 20 * MIB, 4096, 0x78); // the table is where it is written, too
    assert_ok(vhd_close(disk));
    assert_int_equal(vhdx_test_info(mem_fs_system(fs), PARENT).allocated, 4 * MIB);
    mem_fs_free(fs);
}

static void compact__fixed_disk__refused_untouched(void **state)
{
    (void)state;
    struct mem_fs *fs = mem_fs_new();
    vhdx_test_create(mem_fs_system(fs), PARENT, VHD_TYPE_FIXED, 4 * MIB, 1 << 20);
    struct mem_fs *before = mem_fs_clone(fs);
    const struct vhd_compact how = {.fs = mem_fs_system(fs)};
    struct vhd_compacted result;
    assert_status(vhd_compact(PARENT, &how, &result), STATUS_UNSUPPORTED);
    assert_int_equal(status_last()->os_code, VHD_ERROR_INVALID_TYPE);
    assert_true(mem_fs_equal(fs, PARENT, before, PARENT));
    mem_fs_free(before);
    mem_fs_free(fs);
}

struct patience {
    unsigned calls; // before it is stopped
    uint64_t last;
};

static bool lose_patience(void *context, uint64_t done, uint64_t total)
{
    struct patience *p = context;
    assert_true(done >= p->last && done <= total);
    p->last = done;
    return p->calls-- > 0;
}

static void compact__stopped_anywhere__can_be_run_again(void **state)
{
    (void)state;
    struct mem_fs *whole = with_dynamic();
    compact(whole, PARENT);
    enum status status = STATUS_CANCELLED;
    for (unsigned calls = 0; status == STATUS_CANCELLED; calls++) {
        struct mem_fs *fs = with_dynamic();
        struct patience patience = {.calls = calls};
        const struct vhd_compact how = {
            .fs = mem_fs_system(fs), .progress = lose_patience, .context = &patience};
        struct vhd_compacted result;
        status = vhd_compact(PARENT, &how, &result);
        assert_true(status == STATUS_OK || status == STATUS_CANCELLED);
        assert_false(vhdx_test_info(mem_fs_system(fs), PARENT).log_live);
        compact(fs, PARENT);
        assert_int_equal(mem_fs_size(fs, PARENT), mem_fs_size(whole, PARENT));
        mem_fs_free(fs);
    }
    mem_fs_free(whole);
}

static void compact__after_random_changes__same_contents_and_no_room_wasted(void **state)
{
    (void)state;
    struct random random = random_start(random_seed("unit.vhdx_compact"));
    for (unsigned round = 0; round < 8; round++) {
        struct mem_fs *fs = mem_fs_new();
        uint64_t size = 40 * MIB + 512;
        struct disk_model *model = disk_model_new(size, 512);
        vhdx_test_create(mem_fs_system(fs), PARENT, VHD_TYPE_DYNAMIC, size, 1 << 20);
        const char *path = PARENT;
        if (round % 2) {
            struct vhd *parent = vhdx_test_open(mem_fs_system(fs), PARENT, true);
            for (unsigned i = 0; i < 10; i++)
                assert_ok(disk_change(model, parent, &random, 3 * MIB));
            assert_ok(vhd_close(parent));
            assert_ok(vhd_create_child(CHILD, PARENT, mem_fs_system(fs)));
            path = CHILD;
        }
        for (unsigned i = 0; i < 4; i++) {
            struct vhd *disk = vhdx_test_open(mem_fs_system(fs), path, true);
            for (unsigned k = 0; k < 10; k++)
                assert_ok(disk_change(model, disk, &random, 5 * MIB));
            assert_ok(vhd_close(disk));
            compact(fs, path);
            disk = vhdx_test_open(mem_fs_system(fs), path, false);
            assert_true(disk_is_exact(model, disk));
            vhd_abandon(disk);
            struct vhd_info info = vhdx_test_info(mem_fs_system(fs), path);
            // Headers, log, metadata, table; blocks, the last one whole; a bitmap.
            assert_true(mem_fs_size(fs, path) <=
                        4 * MIB + align_up(info.allocated, info.block_size) + 3 * MIB);
        }
        disk_model_free(model);
        mem_fs_free(fs);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compact__dynamic_with_zeros__half_of_it_goes_and_the_contents_stay),
        cmocka_unit_test(compact__child__zeros_go_on_hiding_the_parent),
        cmocka_unit_test(compact__partial_block_without_sectors__is_the_parents_again),
        cmocka_unit_test(compact__soft_anchors__dropped),
        cmocka_unit_test(compact__table_that_has_moved__moves_down),
        cmocka_unit_test(compact__fixed_disk__refused_untouched),
        cmocka_unit_test(compact__stopped_anywhere__can_be_run_again),
        cmocka_unit_test(compact__after_random_changes__same_contents_and_no_room_wasted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
