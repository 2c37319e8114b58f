#include "tests/support/test.h"

#include <string.h>

#include "base/endian.h"
#include "tests/support/disk_change.h"
#include "tests/support/test_fs.h"
#include "tests/support/vhd1_disk.h"
#include "vhd/errors.h"
#include "vhd/vhd1/vhd1.h"

#define PATH "/disk.vhd"
#define MIB  (1ull << 20)
#define GIB  (1ull << 30)

static enum status resize(uint64_t size, bool unsafe)
{
    const struct vhd_resize how = {
        .fs = mem_fs_system(test_fs), .virtual_size = size, .unsafe = unsafe};
    return vhd_resize(PATH, &how);
}

static struct vhd *open_disk(bool writable)
{
    return vhd1_disk_open(mem_fs_system(test_fs), PATH, writable);
}

static void write_at(uint64_t offset, uint8_t value, size_t size)
{
    uint8_t data[8192];
    struct vhd *disk = open_disk(true);
    memset(data, value, sizeof data);
    assert_ok(vhd_write(disk, offset, data, size));
    assert_ok(vhd_close(disk));
}

static void assert_holds(uint64_t offset, uint8_t value, size_t size)
{
    uint8_t data[8192], expected[8192];
    struct vhd *disk = open_disk(false);
    memset(expected, value, sizeof expected);
    assert_ok(vhd_read(disk, offset, data, size));
    assert_memory_equal(data, expected, size);
    assert_ok(vhd_close(disk));
}

// All of [from, to) reads as zeros.
static void assert_zero(uint64_t from, uint64_t to)
{
    static uint8_t data[1u << 20], zeros[1u << 20];
    struct vhd *disk = open_disk(false);
    while (from < to) {
        struct vhd_extent extent;
        assert_ok(vhd_map(disk, VHD_MAP_CHAIN, from, to - from, &extent));
        if (extent.kind == VHD_EXTENT_DATA) {
            if (extent.length > sizeof data)
                extent.length = sizeof data;
            assert_ok(vhd_read(disk, from, data, (size_t)extent.length));
            assert_memory_equal(data, zeros, (size_t)extent.length);
        }
        from += extent.length;
    }
    assert_ok(vhd_close(disk));
}

static void assert_size(uint64_t size)
{
    struct vhd_info info;
    struct vhd *disk = open_disk(false);
    vhd_get_info(disk, &info);
    assert_int_equal(info.virtual_size, size);
    assert_ok(vhd_close(disk));
    uint8_t footer[512];
    mem_fs_peek(test_fs, PATH, vhd1_disk_footer_at(test_fs, PATH), footer, sizeof footer);
    assert_int_equal(load_be64(footer + 48), size);
}

static void fixed__grow_and_shrink__contents_stay(void **state)
{
    (void)state;
    vhd1_disk_create(test_fs, PATH, VHD_TYPE_FIXED, 4 * MIB + 512, 0);
    write_at(4 * MIB, 0x11, 512);
    assert_ok(resize(6 * MIB, false));
    assert_size(6 * MIB);
    assert_int_equal(mem_fs_size(test_fs, PATH), 6 * MIB + 512);
    assert_true(mem_fs_used(test_fs) >= 6 * MIB); // fixed as before
    assert_holds(4 * MIB, 0x11, 512);
    assert_zero(4 * MIB + 512, 6 * MIB);
    assert_ok(resize(6 * MIB + 512, false)); // the old footer lies in what is added
    assert_zero(6 * MIB, 6 * MIB + 512);

    assert_ok(resize(5 * MIB, false));
    assert_size(5 * MIB);
    assert_int_equal(mem_fs_size(test_fs, PATH), 5 * MIB + 512);
    assert_status(resize(4 * MIB, false), STATUS_REFUSED);
    assert_int_equal(status_last()->os_code, VHD_ERROR_RESIZE_WOULD_TRUNCATE_DATA);
    assert_size(5 * MIB);
    assert_ok(resize(4 * MIB, true));
    assert_ok(resize(5 * MIB, false));
    assert_zero(4 * MIB, 5 * MIB); // what was cut off does not come back
}

static void fixed__longer_file__grows_over_the_slack(void **state)
{
    (void)state;
    uint8_t footer[512], junk[4096];
    vhd1_disk_create(test_fs, PATH, VHD_TYPE_FIXED, 4 * MIB, 0);
    mem_fs_peek(test_fs, PATH, 4 * MIB, footer, sizeof footer);
    memset(junk, 0x77, sizeof junk);
    mem_fs_poke(test_fs, PATH, 4 * MIB, junk, sizeof junk);
    mem_fs_poke(test_fs, PATH, 5 * MIB, footer, sizeof footer);
    assert_ok(resize(4 * MIB + 8192, false));
    assert_zero(4 * MIB, 4 * MIB + 8192);
    assert_int_equal(mem_fs_size(test_fs, PATH), 4 * MIB + 8192 + 512);
}

static void dynamic__grow_within_the_table__zeros_added(void **state)
{
    (void)state;
    vhd1_disk_create(test_fs, PATH, VHD_TYPE_DYNAMIC, 5 * MIB, 0);
    write_at(5 * MIB - 4096, 0x22, 4096);
    assert_ok(resize(9 * MIB + 512, false));
    assert_size(9 * MIB + 512);
    assert_true(vhd1_disk_has_two_footers(test_fs, PATH));
    assert_int_equal(vhd1_disk_peek_be32(test_fs, PATH, 512 + 28), 5);
    assert_holds(5 * MIB - 4096, 0x22, 4096);
    assert_zero(5 * MIB, 9 * MIB + 512);
    write_at(9 * MIB, 0x23, 512);
    assert_holds(9 * MIB, 0x23, 512);
}

// 640 entries were one after the other with the first block behind them; 2048 need its place.
static void dynamic__grow_beyond_the_table__blocks_move(void **state)
{
    (void)state;
    vhd1_disk_create(test_fs, PATH, VHD_TYPE_DYNAMIC, 300 * MIB, 512 * 1024);
    for (uint64_t i = 0; i < 10; i++)
        write_at(i * 20 * MIB, (uint8_t)(0x30 + i), 8192);
    assert_ok(resize(1000 * GIB, false)); // the table grows to 8 MiB
    assert_size(1000 * GIB);
    assert_true(vhd1_disk_has_two_footers(test_fs, PATH));
    for (uint64_t i = 0; i < 10; i++)
        assert_holds(i * 20 * MIB, (uint8_t)(0x30 + i), 8192);
    assert_zero(300 * MIB, 1000 * GIB);
    write_at(999 * GIB, 0x55, 512);
    // 512 KiB take 516 in the file, which the table can address for this size, but not for 2040
    // GiB.
    assert_status(resize(2040 * GIB, false), STATUS_INVALID_ARGUMENT);
    assert_ok(resize(2028 * GIB, false));
    assert_holds(999 * GIB, 0x55, 512);
    assert_zero(1000 * GIB, 2028 * GIB);
}

static void dynamic__grow_empty__footer_makes_room(void **state)
{
    (void)state;
    vhd1_disk_create(test_fs, PATH, VHD_TYPE_DYNAMIC, 3 * MIB, 0);
    assert_ok(resize(100 * GIB, false));
    assert_size(100 * GIB);
    assert_zero(0, 100 * GIB);
    write_at(0, 1, 512);
    write_at(100 * GIB - 512, 2, 512);
    assert_holds(0, 1, 512);
    assert_holds(100 * GIB - 512, 2, 512);
}

// What a program left in the last block behind the end of the disk must not come up.
static void dynamic__junk_behind_the_end__is_cleared(void **state)
{
    (void)state;
    uint8_t junk[4096];
    vhd1_disk_create(test_fs, PATH, VHD_TYPE_DYNAMIC, 5 * MIB, 0);
    write_at(4 * MIB, 0x44, 512);
    uint64_t data = (vhd1_disk_peek_be32(test_fs, PATH, VHD1_DISK_TABLE + 8) + 1) * 512ull;
    memset(junk, 0x66, sizeof junk);
    mem_fs_poke(test_fs, PATH, data + MIB, junk, sizeof junk);
    assert_ok(resize(6 * MIB, false));
    assert_zero(5 * MIB, 6 * MIB);
    assert_holds(4 * MIB, 0x44, 512);
}

// Some programs end the last block where the disk ends, and the footer follows at once.
static void dynamic__last_block_cut_short__becomes_whole(void **state)
{
    (void)state;
    uint8_t footer[512];
    vhd1_disk_create(test_fs, PATH, VHD_TYPE_DYNAMIC, 5 * MIB, 0);
    write_at(4 * MIB, 0x44, 512);
    uint64_t data = (vhd1_disk_peek_be32(test_fs, PATH, VHD1_DISK_TABLE + 8) + 1) * 512ull;
    mem_fs_peek(test_fs, PATH, 0, footer, sizeof footer);
    mem_fs_resize(test_fs, PATH, data + MIB);
    mem_fs_poke(test_fs, PATH, data + MIB, footer, sizeof footer);
    assert_ok(resize(6 * MIB, false));
    assert_holds(4 * MIB, 0x44, 512);
    assert_zero(5 * MIB, 6 * MIB);
}

static void dynamic__shrink__cut_and_grown_again_is_zero(void **state)
{
    (void)state;
    vhd1_disk_create(test_fs, PATH, VHD_TYPE_DYNAMIC, 20 * MIB, 0);
    write_at(0, 1, 512);
    write_at(4 * MIB, 2, 512);
    write_at(15 * MIB, 3, 512);
    assert_status(resize(10 * MIB, false), STATUS_REFUSED);
    assert_int_equal(status_last()->os_code, VHD_ERROR_RESIZE_WOULD_TRUNCATE_DATA);
    assert_size(20 * MIB);
    assert_holds(15 * MIB, 3, 512);
    struct vhd *disk = open_disk(true);
    assert_ok(vhd_zero(disk, 15 * MIB, 512));
    assert_ok(vhd_close(disk));
    uint64_t before = mem_fs_size(test_fs, PATH);
    assert_ok(resize(10 * MIB, false));
    assert_size(10 * MIB);
    assert_int_equal(mem_fs_size(test_fs, PATH), before - 2 * MIB - 4096);
    assert_true(vhd1_disk_has_two_footers(test_fs, PATH));
    assert_ok(resize(4 * MIB + 256 * 1024 + 512, false));
    assert_holds(4 * MIB, 2, 512);
    assert_ok(resize(3 * MIB, true));
    assert_ok(resize(20 * MIB, false));
    assert_holds(0, 1, 512);
    assert_zero(3 * MIB, 20 * MIB);
}

static void resize__impossible__refused_unchanged(void **state)
{
    (void)state;
    vhd1_disk_create(test_fs, PATH, VHD_TYPE_DYNAMIC, 4 * MIB, 0);
    struct mem_fs *before = mem_fs_clone(test_fs);
    assert_status(resize(2040 * GIB + 512, false), STATUS_INVALID_ARGUMENT);
    assert_int_equal(status_last()->os_code, VHD_ERROR_INVALID_SIZE);
    assert_status(resize(3 * MIB - 512, false), STATUS_INVALID_ARGUMENT);
    assert_status(resize(4 * MIB + 1, false), STATUS_INVALID_ARGUMENT);
    assert_ok(resize(4 * MIB, false));
    assert_true(mem_fs_equal(test_fs, PATH, before, PATH));
    mem_fs_free(before);
}

static void resize__differencing__refused(void **state)
{
    (void)state;
    const struct vhd_resize how = {.fs = mem_fs_system(test_fs), .virtual_size = 8 * MIB};
    vhd1_disk_create(test_fs, PATH, VHD_TYPE_DYNAMIC, 4 * MIB, 0);
    assert_ok(vhd_create_child("/child.avhd", PATH, mem_fs_system(test_fs)));
    assert_status(vhd_resize("/child.avhd", &how), STATUS_UNSUPPORTED);
    assert_int_equal(status_last()->os_code, VHD_ERROR_INVALID_TYPE);
}

static void identity__changed__both_footers(void **state)
{
    (void)state;
    static const struct guid id = {{1, 2, 3, 4}};
    const struct vhd_set_identity how = {.fs = mem_fs_system(test_fs), .virtual_disk_id = &id};
    const struct vhd_set_identity sectors = {.fs = mem_fs_system(test_fs),
                                             .physical_sector_size = 512};
    struct vhd_info info;
    vhd1_disk_create(test_fs, PATH, VHD_TYPE_DYNAMIC, 4 * MIB, 0);
    write_at(0, 9, 512);
    assert_ok(vhd_set_identity(PATH, &how));
    assert_true(vhd1_disk_has_two_footers(test_fs, PATH));
    struct vhd *disk = open_disk(false);
    vhd_get_info(disk, &info);
    assert_true(guid_equal(&info.virtual_disk_id, &id));
    assert_ok(vhd_close(disk));
    assert_holds(0, 9, 512);
    assert_status(vhd_set_identity(PATH, &sectors), STATUS_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_WITH_FS(fixed__grow_and_shrink__contents_stay),
        TEST_WITH_FS(fixed__longer_file__grows_over_the_slack),
        TEST_WITH_FS(dynamic__grow_within_the_table__zeros_added),
        TEST_WITH_FS(dynamic__grow_beyond_the_table__blocks_move),
        TEST_WITH_FS(dynamic__grow_empty__footer_makes_room),
        TEST_WITH_FS(dynamic__junk_behind_the_end__is_cleared),
        TEST_WITH_FS(dynamic__last_block_cut_short__becomes_whole),
        TEST_WITH_FS(dynamic__shrink__cut_and_grown_again_is_zero),
        TEST_WITH_FS(resize__impossible__refused_unchanged),
        TEST_WITH_FS(resize__differencing__refused),
        TEST_WITH_FS(identity__changed__both_footers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
