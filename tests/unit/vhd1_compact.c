#include "tests/support/test.h"

#include <string.h>

#include "tests/support/disk_change.h"
#include "tests/support/test_fs.h"
#include "tests/support/vhd1_disk.h"
#include "vhd/errors.h"
#include "vhd/vhd1/vhd1.h"

#define PATH  "/disk.vhd"
#define CHILD "/child.avhd"
#define MIB   (1ull << 20)
#define SIZE  (256 * 1024u)
#define BLOCK 4096u

static struct vhd_compacted compact(const char *path)
{
    const struct vhd_compact how = {.fs = mem_fs_system(test_fs)};
    struct vhd_compacted out;
    assert_ok(vhd_compact(path, &how, &out));
    assert_int_equal(out.size_after, mem_fs_size(test_fs, path));
    assert_true(vhd1_disk_has_two_footers(test_fs, path));
    return out;
}

static void compact__random_holes__same_contents_less_file(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        struct random r = random_start(seed);
        struct disk_model *model = disk_model_new(SIZE, 512);
        vhd1_disk_create_tiny(test_fs, PATH, VHD_TYPE_DYNAMIC, SIZE, BLOCK << seed % 3);
        for (int session = 0; session < 3; session++) {
            struct vhd *disk = vhd1_disk_open(mem_fs_system(test_fs), PATH, true);
            for (int i = 0; i < 30; i++)
                assert_ok(disk_change(model, disk, &r, 20000));
            assert_ok(disk_model_zero(model, disk, random_below(&r, 40) * BLOCK, 20 * BLOCK));
            assert_ok(vhd_close(disk));
            struct vhd_compacted first = compact(PATH);
            struct vhd_compacted second = compact(PATH);
            assert_true(first.size_after <= first.size_before);
            assert_int_equal(second.size_after, first.size_after);
            disk = vhd1_disk_open(mem_fs_system(test_fs), PATH, false);
            assert_true(disk_is_exact(model, disk));
            struct vhd_info info;
            vhd_get_info(disk, &info);
            // Head, table and padding, then whole blocks with their bitmaps.
            uint64_t blocks = info.allocated / info.block_size;
            assert_true(first.size_after <= 8192 + blocks * (info.block_size + 4096ull));
            assert_ok(vhd_close(disk));
        }
        disk_model_free(model);
    }
}

static void compact__child__keeps_what_hides_the_parent(void **state)
{
    (void)state;
    struct disk_model *model = disk_model_new(9 * MIB, 512);
    vhd1_disk_create(test_fs, PATH, VHD_TYPE_DYNAMIC, 9 * MIB, 0);
    struct vhd *disk = vhd1_disk_open(mem_fs_system(test_fs), PATH, true);
    assert_ok(disk_model_write(model, disk, 0, 9 * MIB));
    assert_ok(vhd_close(disk));
    assert_ok(vhd_create_child(CHILD, PATH, mem_fs_system(test_fs)));
    disk = vhd1_disk_open(mem_fs_system(test_fs), CHILD, true);
    assert_ok(disk_model_write(model, disk, 0, 512));
    assert_ok(disk_model_zero(model, disk, 2 * MIB, 2 * MIB)); // hides the parent's data
    assert_ok(disk_model_write(model, disk, 8 * MIB, 512));
    assert_ok(vhd_close(disk));
    // The first block loses its only bit, as if it had never been written.
    uint32_t table = vhd1_disk_peek_be32(test_fs, CHILD, 512 + 20);
    uint32_t first = vhd1_disk_peek_be32(test_fs, CHILD, table);
    mem_fs_clear(test_fs, CHILD, first * 512ull, 512);
    uint64_t before = mem_fs_size(test_fs, CHILD);
    struct vhd_compacted out = compact(CHILD);
    assert_int_equal(out.size_before, before);
    assert_int_equal(out.size_after, before - 2 * MIB - 4096);
    disk = vhd1_disk_open(mem_fs_system(test_fs), CHILD, false);
    uint8_t sector[512], zeros[512] = {0};
    assert_ok(vhd_read(disk, 3 * MIB, sector, sizeof sector));
    assert_memory_equal(sector, zeros, sizeof sector);
    assert_ok(vhd_close(disk));
    // The child's first sector is the parent's again; all else is as it was written.
    disk = vhd1_disk_open(mem_fs_system(test_fs), CHILD, true);
    assert_ok(disk_model_write(model, disk, 0, 512));
    assert_true(disk_is_exact(model, disk));
    assert_ok(vhd_close(disk));
    disk_model_free(model);
}

// The table may lie anywhere: here between the blocks, and behind them all.
static void compact__table_elsewhere__stays(void **state)
{
    (void)state;
    for (int behind = 0; behind < 2; behind++) {
        uint8_t table[512], footer[512];
        struct disk_model *model = disk_model_new(SIZE, 512);
        vhd1_disk_create_tiny(test_fs, PATH, VHD_TYPE_DYNAMIC, SIZE, BLOCK);
        struct vhd *disk = vhd1_disk_open(mem_fs_system(test_fs), PATH, true);
        assert_ok(disk_model_write(model, disk, 0, 12 * BLOCK));
        assert_ok(vhd_close(disk));
        uint64_t end = vhd1_disk_footer_at(test_fs, PATH);
        uint64_t place = (end + 4096) / 4096 * 4096;
        mem_fs_peek(test_fs, PATH, VHD1_DISK_TABLE, table, sizeof table);
        mem_fs_peek(test_fs, PATH, 0, footer, sizeof footer);
        mem_fs_poke(test_fs, PATH, place, table, sizeof table);
        vhd1_disk_poke_header(test_fs, PATH, 20, (uint32_t)place);
        mem_fs_clear(test_fs, PATH, VHD1_DISK_TABLE, sizeof table);
        mem_fs_poke(test_fs, PATH, place + 512, footer, sizeof footer);
        disk = vhd1_disk_open(mem_fs_system(test_fs), PATH, true);
        if (behind == 0)
            assert_ok(disk_model_write(model, disk, 12 * BLOCK, 12 * BLOCK));
        // What stays is before and, in the first case, behind the table, with room on both sides.
        for (uint64_t i = 10; i < 18; i++)
            assert_ok(disk_model_zero(model, disk, i * BLOCK, BLOCK));
        assert_ok(vhd_close(disk));
        struct vhd_compacted out = compact(PATH);
        assert_true(behind || out.size_after < out.size_before);
        disk = vhd1_disk_open(mem_fs_system(test_fs), PATH, false);
        assert_true(disk_is_exact(model, disk));
        assert_ok(vhd_close(disk));
        disk_model_free(model);
    }
}

static void compact__batmap__is_dropped(void **state)
{
    (void)state;
    uint8_t batmap[512] = "tdbatmap", creator[8] = {'t', 'a', 'p', 0, 0, 1, 0, 3}, left[8];
    vhd1_disk_create_tiny(test_fs, PATH, VHD_TYPE_DYNAMIC, SIZE, BLOCK);
    vhd1_disk_poke_footers(test_fs, PATH, 28, creator, sizeof creator);
    uint64_t at = VHD1_DISK_TABLE + 512;
    mem_fs_poke(test_fs, PATH, at, batmap, sizeof batmap);
    compact(PATH);
    mem_fs_peek(test_fs, PATH, at, left, sizeof left);
    assert_int_equal(left[0], 0);
}

static bool stop_soon(void *context, uint64_t done, uint64_t total)
{
    int *calls = context;
    assert_true(done <= total);
    return ++*calls < 10;
}

static void compact__stopped__contents_are_right(void **state)
{
    (void)state;
    struct random r = random_start(77);
    struct disk_model *model = disk_model_new(SIZE, 512);
    vhd1_disk_create_tiny(test_fs, PATH, VHD_TYPE_DYNAMIC, SIZE, BLOCK);
    struct vhd *disk = vhd1_disk_open(mem_fs_system(test_fs), PATH, true);
    assert_ok(disk_model_write(model, disk, 0, SIZE));
    assert_ok(vhd_close(disk));
    disk = vhd1_disk_open(mem_fs_system(test_fs), PATH, true);
    for (int i = 0; i < 30; i++)
        assert_ok(disk_model_zero(model, disk, random_below(&r, 64) * BLOCK, BLOCK));
    assert_ok(vhd_close(disk));
    enum status status = STATUS_CANCELLED;
    for (int run = 0; run < 100 && status != STATUS_OK; run++) {
        int calls = -run;
        const struct vhd_compact how = {
            .fs = mem_fs_system(test_fs), .progress = stop_soon, .context = &calls};
        struct vhd_compacted out;
        status = vhd_compact(PATH, &how, &out);
        assert_true(status == STATUS_OK || status == STATUS_CANCELLED);
        disk = vhd1_disk_open(mem_fs_system(test_fs), PATH, false);
        assert_true(disk_is_exact(model, disk));
        assert_ok(vhd_close(disk));
    }
    assert_ok(status);
    disk_model_free(model);
}

static void compact__fixed__refused(void **state)
{
    (void)state;
    const struct vhd_compact how = {.fs = mem_fs_system(test_fs)};
    struct vhd_compacted out;
    vhd1_disk_create(test_fs, PATH, VHD_TYPE_FIXED, 4 * MIB, 0);
    assert_status(vhd_compact(PATH, &how, &out), STATUS_UNSUPPORTED);
    assert_int_equal(status_last()->os_code, VHD_ERROR_INVALID_TYPE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_WITH_FS(compact__random_holes__same_contents_less_file),
        TEST_WITH_FS(compact__child__keeps_what_hides_the_parent),
        TEST_WITH_FS(compact__table_elsewhere__stays),
        TEST_WITH_FS(compact__batmap__is_dropped),
        TEST_WITH_FS(compact__stopped__contents_are_right),
        TEST_WITH_FS(compact__fixed__refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
