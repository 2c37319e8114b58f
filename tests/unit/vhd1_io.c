#include "tests/support/test.h"

#include <string.h>

#include "tests/support/disk_change.h"
#include "tests/support/test_fs.h"
#include "tests/support/vhd1_disk.h"
#include "vhd/vhd1/vhd1.h"

#define PATH "/disk.vhd"
#define MIB  (1ull << 20)
// No multiple of the block size, and of nothing larger than a sector.
#define ODD_SIZE (9 * MIB + 3 * 512)

static void create(enum vhd_type type, uint64_t size, uint32_t block_size)
{
    vhd1_disk_create(test_fs, PATH, type, size, block_size);
}

static struct vhd *open_disk(bool writable)
{
    return vhd1_disk_open(mem_fs_system(test_fs), PATH, writable);
}

// Two valid, equal footers, the last where the next block's bitmap would go.
static void assert_footers(void)
{
    assert_true(vhd1_disk_has_two_footers(test_fs, PATH));
    // The bitmap of 512 bytes lies just before aligned data.
    assert_int_equal(mem_fs_size(test_fs, PATH) % 4096, 0);
}

static void random_changes(enum vhd_type type, uint64_t size, uint32_t block_size, uint64_t seed)
{
    struct random r = random_start(seed);
    struct disk_model *model = disk_model_new(size, 512);
    create(type, size, block_size);
    for (int session = 0; session < 4; session++) {
        struct vhd *disk = open_disk(true);
        for (int i = 0; i < 25; i++)
            assert_ok(disk_change(model, disk, &r, i % 5 == 0 ? 4 * MIB : 20000));
        assert_true(disk_is_exact(model, disk));
        if (session % 2 == 0)
            assert_ok(vhd_flush(disk));
        assert_ok(vhd_close(disk));
        disk = open_disk(false);
        assert_true(disk_is_exact(model, disk));
        assert_ok(vhd_close(disk));
        if (type == VHD_TYPE_DYNAMIC)
            assert_footers();
    }
    disk_model_free(model);
}

static void changes__dynamic__read_back(void **state)
{
    (void)state;
    random_changes(VHD_TYPE_DYNAMIC, ODD_SIZE, 0, 1);
}

static void changes__small_blocks__read_back(void **state)
{
    (void)state;
    random_changes(VHD_TYPE_DYNAMIC, ODD_SIZE, 512 * 1024, 2);
}

static void changes__fixed__read_back(void **state)
{
    (void)state;
    random_changes(VHD_TYPE_FIXED, ODD_SIZE, 0, 3);
}

static void write__new_block__placed_as_windows_does(void **state)
{
    (void)state;
    uint8_t sector[512], bitmap[512];
    memset(sector, 0xa5, sizeof sector);
    create(VHD_TYPE_DYNAMIC, 4 * MIB, 0);
    struct vhd *disk = open_disk(true);
    assert_ok(vhd_write(disk, 3 * MIB, sector, sizeof sector));
    assert_ok(vhd_write(disk, 0, sector, sizeof sector));
    assert_ok(vhd_close(disk));
    // The numbers of a disk of this size that Windows 10 wrote.
    assert_int_equal(vhd1_disk_peek_be32(test_fs, PATH, VHD1_DISK_TABLE + 4), 15);
    assert_int_equal(vhd1_disk_peek_be32(test_fs, PATH, VHD1_DISK_TABLE), 4119);
    mem_fs_peek(test_fs, PATH, 15 * 512, bitmap, sizeof bitmap);
    for (size_t i = 0; i < sizeof bitmap; i++)
        assert_int_equal(bitmap[i], 0xff);
    assert_footers();
}

static void write__entries__only_after_the_flush(void **state)
{
    (void)state;
    uint8_t sector[512] = {1};
    create(VHD_TYPE_DYNAMIC, 4 * MIB, 0);
    struct vhd *disk = open_disk(true);
    assert_ok(vhd_write(disk, 0, sector, sizeof sector));
    assert_int_equal(vhd1_disk_peek_be32(test_fs, PATH, VHD1_DISK_TABLE), VHD1_BAT_UNUSED);
    assert_ok(vhd_flush(disk));
    assert_int_equal(vhd1_disk_peek_be32(test_fs, PATH, VHD1_DISK_TABLE), 15);
    vhd_abandon(disk);
}

static void zero__unallocated__takes_no_room(void **state)
{
    (void)state;
    create(VHD_TYPE_DYNAMIC, 100 * MIB, 0);
    uint64_t before = mem_fs_size(test_fs, PATH);
    struct vhd *disk = open_disk(true);
    assert_ok(vhd_zero(disk, 0, 100 * MIB));
    assert_ok(vhd_close(disk));
    assert_int_equal(mem_fs_size(test_fs, PATH), before);
}

static void write__incomplete_bitmap__bits_are_set(void **state)
{
    (void)state;
    uint8_t sectors[1024], bitmap[512] = {0};
    memset(sectors, 0x77, sizeof sectors);
    create(VHD_TYPE_DYNAMIC, 4 * MIB, 0);
    struct vhd *disk = open_disk(true);
    assert_ok(vhd_write(disk, 0, sectors, sizeof sectors));
    assert_ok(vhd_close(disk));
    mem_fs_poke(test_fs, PATH, 15 * 512, bitmap, sizeof bitmap); // as tapdisk leaves it

    disk = open_disk(true);
    assert_ok(vhd_write(disk, 9 * 512, sectors, sizeof sectors));
    assert_ok(vhd_close(disk));
    mem_fs_peek(test_fs, PATH, 15 * 512, bitmap, sizeof bitmap);
    assert_int_equal(bitmap[0], 0);
    assert_int_equal(bitmap[1], 0x60); // sectors 9 and 10, the highest bit first
    assert_int_equal(bitmap[2], 0);
    disk = open_disk(false);
    uint8_t read[1024];
    assert_ok(vhd_read(disk, 0, read, sizeof read));
    assert_memory_equal(read, sectors, sizeof read); // the bitmap of a dynamic disk hides nothing
    assert_ok(vhd_close(disk));
}

// The old footer lay where the repaired one must not overwrite anything: at the end of what there
// is.
static void open__no_trailing_footer__copy_used_and_footer_restored(void **state)
{
    (void)state;
    struct random r = random_start(4);
    struct disk_model *model = disk_model_new(8 * MIB, 512);
    create(VHD_TYPE_DYNAMIC, 8 * MIB, 0);
    struct vhd *disk = open_disk(true);
    assert_ok(disk_change(model, disk, &r, 3 * MIB));
    assert_ok(vhd_close(disk));
    mem_fs_resize(test_fs, PATH, mem_fs_size(test_fs, PATH) - 512);

    uint64_t cut = mem_fs_size(test_fs, PATH);
    disk = open_disk(false);
    assert_true(disk_is_exact(model, disk));
    assert_ok(vhd_close(disk));
    assert_int_equal(mem_fs_size(test_fs, PATH), cut);

    disk = open_disk(true);
    assert_footers();
    for (int i = 0; i < 5; i++)
        assert_ok(disk_change(model, disk, &r, 3 * MIB));
    assert_ok(vhd_close(disk));
    assert_footers();
    disk = open_disk(false);
    assert_true(disk_is_exact(model, disk));
    assert_ok(vhd_close(disk));
    disk_model_free(model);
}

static void open__damaged_copy__restored_when_written(void **state)
{
    (void)state;
    create(VHD_TYPE_DYNAMIC, 8 * MIB, 0);
    mem_fs_clear(test_fs, PATH, 0, 512);
    struct vhd *disk = open_disk(false);
    assert_ok(vhd_close(disk));
    disk = open_disk(true);
    assert_ok(vhd_close(disk));
    assert_footers();
}

static void info__after_growth__tells_the_file_as_it_is(void **state)
{
    (void)state;
    uint8_t sector[512] = {1};
    struct vhd_info before, after;
    create(VHD_TYPE_DYNAMIC, 8 * MIB, 0);
    struct vhd *disk = open_disk(true);
    vhd_get_info(disk, &before);
    assert_int_equal(before.allocated, 0);
    assert_ok(vhd_write(disk, 5 * MIB, sector, sizeof sector));
    vhd_get_info(disk, &after);
    assert_int_equal(after.allocated, 2 * MIB);
    assert_int_equal(after.file_size, mem_fs_size(test_fs, PATH));
    assert_false(vhd_identity_unchanged(&before.identity, &after.identity));
    assert_ok(vhd_close(disk));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_WITH_FS(changes__dynamic__read_back),
        TEST_WITH_FS(changes__small_blocks__read_back),
        TEST_WITH_FS(changes__fixed__read_back),
        TEST_WITH_FS(write__new_block__placed_as_windows_does),
        TEST_WITH_FS(write__entries__only_after_the_flush),
        TEST_WITH_FS(zero__unallocated__takes_no_room),
        TEST_WITH_FS(write__incomplete_bitmap__bits_are_set),
        TEST_WITH_FS(open__no_trailing_footer__copy_used_and_footer_restored),
        TEST_WITH_FS(open__damaged_copy__restored_when_written),
        TEST_WITH_FS(info__after_growth__tells_the_file_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
