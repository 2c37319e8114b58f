// The map of a disk that virtdisk works on.
#include "tests/support/test.h"

#include <stdlib.h>

#include "tests/support/test_fs.h"
#include "tests/support/random.h"
#include "vhd/virtdisk/known_map.h"

#define MIB       (1ull << 20)
#define GRANULE   (64ull << 10)
#define DISK_SIZE (64 * MIB)

static struct vhd *open_disk(const char *path, uint64_t size)
{
    const struct vhd_create how = {.fs = mem_fs_system(test_fs),
                                   .format = VHD_FORMAT_VHDX,
                                   .type = VHD_TYPE_DYNAMIC,
                                   .virtual_size = size,
                                   .block_size = MIB};
    const struct vhd_open open = {
        .fs = mem_fs_system(test_fs), .writable = true, .share = FILE_SHARE_NOTHING};
    struct vhd *disk;
    assert_ok(vhd_create(path, &how));
    assert_ok(vhd_open(path, &open, &disk));
    return disk;
}

static void write_block(struct vhd *disk, uint64_t offset)
{
    static const uint8_t data[MIB] = {1};
    assert_ok(vhd_write(disk, offset, data, sizeof data));
}

static void find__nothing_written__as_the_disk_says(void **state)
{
    (void)state;
    struct random random = random_start(random_seed("known_map"));
    struct vhd *disk = open_disk("/disk.vhdx", DISK_SIZE);
    struct known_map map;
    struct vhd_extent extent;
    for (unsigned i = 0; i < 20; i++)
        write_block(disk, random_below(&random, DISK_SIZE / MIB) * MIB);
    assert_ok(known_map_read(&map, disk, VHD_MAP_CHAIN));
    for (unsigned i = 0; i < 500; i++) {
        uint64_t offset = random_below(&random, DISK_SIZE / 512) * 512;
        uint64_t limit = (1 + random_below(&random, (DISK_SIZE - offset) / 512)) * 512;
        struct vhd_extent actual;
        known_map_find(&map, offset, limit, &extent);
        assert_ok(vhd_map(disk, VHD_MAP_CHAIN, offset, limit, &actual));
        assert_int_equal(extent.offset, offset);
        assert_int_equal(extent.length, actual.length);
        assert_int_equal(extent.kind, actual.kind);
    }
    known_map_free(&map);
    vhd_abandon(disk);
}

static void find__written__data_in_whole_granules(void **state)
{
    (void)state;
    struct vhd *disk = open_disk("/disk.vhdx", DISK_SIZE);
    struct known_map map;
    struct vhd_extent extent;
    assert_ok(known_map_read(&map, disk, VHD_MAP_CHAIN));
    assert_ok(known_map_write(&map, 10 * MIB + 512, 512));
    assert_ok(known_map_write(&map, 20 * MIB - 512, 1024));
    assert_ok(known_map_write(&map, DISK_SIZE - 512, 512));
    static const struct {
        uint64_t from, to;
        enum vhd_extent_kind kind;
    } expected[] = {
        {0, 10 * MIB, VHD_EXTENT_ZERO},
        {10 * MIB, 10 * MIB + GRANULE, VHD_EXTENT_DATA},
        {10 * MIB + GRANULE, 20 * MIB - GRANULE, VHD_EXTENT_ZERO},
        {20 * MIB - GRANULE, 20 * MIB + GRANULE, VHD_EXTENT_DATA},
        {20 * MIB + GRANULE, DISK_SIZE - GRANULE, VHD_EXTENT_ZERO},
        {DISK_SIZE - GRANULE, DISK_SIZE, VHD_EXTENT_DATA},
    };
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        known_map_find(&map, expected[i].from, DISK_SIZE - expected[i].from, &extent);
        assert_int_equal(extent.length, expected[i].to - expected[i].from);
        assert_int_equal(extent.kind, expected[i].kind);
    }
    known_map_free(&map);
    vhd_abandon(disk);
}

static void write__largest_disk__half_a_mib_of_memory(void **state)
{
    (void)state;
    struct vhd *disk = open_disk("/large.vhdx", VHDX_SIZE_MAX);
    struct known_map map;
    struct vhd_extent extent;
    assert_ok(known_map_read(&map, disk, VHD_MAP_CHAIN));
    assert_true(VHDX_SIZE_MAX / map.granule <= 4ull << 20);
    assert_ok(known_map_write(&map, VHDX_SIZE_MAX / 2, 512));
    known_map_find(&map, 0, VHDX_SIZE_MAX, &extent);
    assert_int_equal(extent.length, VHDX_SIZE_MAX / 2);
    known_map_find(&map, VHDX_SIZE_MAX / 2, VHDX_SIZE_MAX / 2, &extent);
    assert_int_equal(extent.kind, VHD_EXTENT_DATA);
    assert_int_equal(extent.length, map.granule);
    known_map_free(&map);
    vhd_abandon(disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_WITH_FS(find__nothing_written__as_the_disk_says),
        TEST_WITH_FS(find__written__data_in_whole_granules),
        TEST_WITH_FS(write__largest_disk__half_a_mib_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
