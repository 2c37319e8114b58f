// Growing and shrinking VHDX disks of all types.
#include <stdlib.h>
#include <string.h>

#include "tests/support/vhdx_disk.h"
#include "vhd/errors.h"
#include "vhd/vhdx/region.h"

#define PARENT "/parent.vhdx"
#define CHILD  "/child.vhdx"

static enum status resize(struct mem_fs *fs, const char *path, uint64_t size, bool unsafe)
{
    const struct vhd_resize how = {.fs = mem_fs_system(fs), .virtual_size = size, .unsafe = unsafe};
    return vhd_resize(path, &how);
}

static void write_bytes(struct mem_fs *fs, const char *path, uint64_t offset, size_t size,
                        uint8_t value)
{
    struct vhd *disk = vhdx_test_open(mem_fs_system(fs), path, true);
    uint8_t *data = malloc(size);
    assert_non_null(data);
    memset(data, value, size);
    assert_ok(vhd_write(disk, offset, data, size));
    assert_ok(vhd_close(disk));
    free(data);
}

// All of [offset, offset + length) must be `value`, read and, for zeros, also as the map says.
static void assert_bytes(struct mem_fs *fs, const char *path, uint64_t offset, uint64_t length,
                         uint8_t value)
{
    struct vhd *disk = vhdx_test_open(mem_fs_system(fs), path, false);
    uint8_t data[4096];
    for (uint64_t at = offset; at < offset + length; at += sizeof data) {
        size_t size =
            offset + length - at < sizeof data ? (size_t)(offset + length - at) : sizeof data;
        assert_ok(vhd_read(disk, at, data, size));
        for (size_t i = 0; i < size; i++)
            assert_int_equal(data[i], value);
    }
    vhd_abandon(disk);
}

static void assert_size(struct mem_fs *fs, const char *path, uint64_t size)
{
    assert_int_equal(vhdx_test_info(mem_fs_system(fs), path).virtual_size, size);
}

static void grow__within_the_table__zeros_follow(void **state)
{
    (void)state;
    struct mem_fs *fs = mem_fs_new();
    vhdx_test_create(mem_fs_system(fs), PARENT, VHD_TYPE_DYNAMIC, 3 * MIB + 512, 1 << 20);
    write_bytes(fs, PARENT, 3 * MIB, 512, 0x31);
    struct vhd_info before = vhdx_test_info(mem_fs_system(fs), PARENT);
    // What lies in the last block past the disk's end may be anything, and so may entries.
    uint64_t last = vhdx_test_entry(fs, PARENT, VHDX_TEST_BAT, 3) / MIB * MIB;
    mem_fs_poke(fs, PARENT, last + 512, "junk", 4);
    vhdx_test_set_entry(fs, PARENT, VHDX_TEST_BAT, 4, last | 6);
    assert_ok(resize(fs, PARENT, 9 * MIB, false));
    struct vhd_info after = vhdx_test_info(mem_fs_system(fs), PARENT);
    assert_int_equal(after.virtual_size, 9 * MIB);
    assert_false(guid_equal(&before.identity.guid, &after.identity.guid));
    assert_bytes(fs, PARENT, 0, 3 * MIB, 0);
    assert_bytes(fs, PARENT, 3 * MIB, 512, 0x31);
    assert_bytes(fs, PARENT, 3 * MIB + 512, 6 * MIB - 512, 0);
    write_bytes(fs, PARENT, 9 * MIB - 512, 512, 0x32);
    assert_bytes(fs, PARENT, 9 * MIB - 512, 512, 0x32);
    mem_fs_free(fs);
}

// 131072 entries fill 1 MiB of table; the next one needs another place, which both region tables
// name.
static void grow__past_the_table__it_moves(void **state)
{
    (void)state;
    struct mem_fs *fs = mem_fs_new();
    uint64_t size = 100ull << 30;
    vhdx_test_create(mem_fs_system(fs), PARENT, VHD_TYPE_DYNAMIC, size, 1 << 20);
    write_bytes(fs, PARENT, size - MIB, (size_t)MIB, 0x41);
    assert_ok(resize(fs, PARENT, 2 * size, false));
    assert_size(fs, PARENT, 2 * size);
    assert_bytes(fs, PARENT, size - MIB, MIB, 0x41);
    assert_bytes(fs, PARENT, size, MIB, 0);
    uint8_t first[65536], second[65536];
    mem_fs_peek(fs, PARENT, VHDX_REGION_TABLE1_OFFSET, first, sizeof first);
    mem_fs_peek(fs, PARENT, VHDX_REGION_TABLE2_OFFSET, second, sizeof second);
    assert_memory_equal(first, second, sizeof first);
    struct vhdx_regions regions;
    assert_ok(vhdx_regions_decode(first, PARENT, &regions));
    assert_int_equal(regions.bat.length, 2 * MIB);
    assert_int_not_equal(regions.bat.offset, VHDX_TEST_BAT);
    assert_true(regions.bat.required);
    vhdx_regions_free(&regions);
    // The old table's room is given to blocks again; nothing of it is seen in them.
    write_bytes(fs, PARENT, 2 * size - 512, 512, 0x42);
    assert_bytes(fs, PARENT, 2 * size - 512, 512, 0x42);
    assert_bytes(fs, PARENT, 2 * size - MIB, MIB - 512, 0);
    mem_fs_free(fs);
}

static void shrink__data_beyond__refused_untouched_unless_unsafe(void **state)
{
    (void)state;
    struct mem_fs *fs = mem_fs_new();
    vhdx_test_create(mem_fs_system(fs), PARENT, VHD_TYPE_DYNAMIC, 8 * MIB, 1 << 20);
    write_bytes(fs, PARENT, 5 * MIB + 512, 512, 0x51);
    write_bytes(fs, PARENT, 0, 512, 0x52);
    struct mem_fs *before = mem_fs_clone(fs);
    assert_status(resize(fs, PARENT, 5 * MIB + 512, false), STATUS_REFUSED);
    assert_int_equal(status_last()->os_code, VHD_ERROR_RESIZE_WOULD_TRUNCATE_DATA);
    assert_true(mem_fs_equal(fs, PARENT, before, PARENT));
    assert_ok(resize(fs, PARENT, 5 * MIB + 1024, false));
    assert_size(fs, PARENT, 5 * MIB + 1024);
    assert_ok(resize(fs, PARENT, 5 * MIB + 512, true));
    assert_size(fs, PARENT, 5 * MIB + 512);
    // It does not come back.
    assert_ok(resize(fs, PARENT, 8 * MIB, false));
    assert_bytes(fs, PARENT, 0, 512, 0x52);
    assert_bytes(fs, PARENT, 512, 8 * MIB - 512, 0);
    // Nor from a block that was cut off whole; its room is free.
    write_bytes(fs, PARENT, 6 * MIB, (size_t)MIB, 0x53);
    uint64_t size = mem_fs_size(fs, PARENT);
    assert_ok(resize(fs, PARENT, 2 * MIB, true));
    assert_true(mem_fs_size(fs, PARENT) < size);
    assert_ok(resize(fs, PARENT, 8 * MIB, false));
    assert_bytes(fs, PARENT, 6 * MIB, MIB, 0);
    mem_fs_free(before);
    mem_fs_free(fs);
}

static void resize__fixed_disk__blocks_come_and_go(void **state)
{
    (void)state;
    struct mem_fs *fs = mem_fs_new();
    vhdx_test_create(mem_fs_system(fs), PARENT, VHD_TYPE_FIXED, 4 * MIB, 1 << 20);
    write_bytes(fs, PARENT, 0, (size_t)(4 * MIB), 0x61);
    uint64_t size = mem_fs_size(fs, PARENT);
    assert_ok(resize(fs, PARENT, 7 * MIB, false));
    assert_int_equal(mem_fs_size(fs, PARENT), size + 3 * MIB);
    struct vhd_info info = vhdx_test_info(mem_fs_system(fs), PARENT);
    assert_int_equal(info.type, VHD_TYPE_FIXED);
    assert_int_equal(info.allocated, 7 * MIB);
    assert_bytes(fs, PARENT, 0, 4 * MIB, 0x61);
    assert_bytes(fs, PARENT, 4 * MIB, 3 * MIB, 0);
    assert_ok(resize(fs, PARENT, 3 * MIB, true));
    assert_int_equal(mem_fs_size(fs, PARENT), size - MIB);
    assert_bytes(fs, PARENT, 0, 3 * MIB, 0x61);
    mem_fs_free(fs);
}

// A leaf may be larger than its parent; what it has there is zeros, and so is what it had cut off
// over data of its parent.
static void resize__differencing__reads_zeros_past_its_parent(void **state)
{
    (void)state;
    struct mem_fs *fs = mem_fs_new();
    vhdx_test_create(mem_fs_system(fs), PARENT, VHD_TYPE_DYNAMIC, 7 * MIB + 512, 1 << 20);
    write_bytes(fs, PARENT, 0, (size_t)(7 * MIB + 512), 0x71);
    assert_ok(vhd_create_child(CHILD, PARENT, mem_fs_system(fs)));
    assert_ok(resize(fs, CHILD, 20 * MIB, false));
    assert_bytes(fs, CHILD, 0, 7 * MIB + 512, 0x71);
    assert_bytes(fs, CHILD, 7 * MIB + 512, 13 * MIB - 512, 0);
    // Cut off: the parent's data counts as data.
    assert_status(resize(fs, CHILD, 5 * MIB, false), STATUS_REFUSED);
    assert_ok(resize(fs, CHILD, 5 * MIB, true));
    assert_ok(resize(fs, CHILD, 7 * MIB, false));
    assert_bytes(fs, CHILD, 0, 5 * MIB, 0x71);
    assert_bytes(fs, CHILD, 5 * MIB, 2 * MIB, 0);
    write_bytes(fs, CHILD, 6 * MIB, 512, 0x72);
    assert_bytes(fs, CHILD, 6 * MIB, 512, 0x72);
    assert_bytes(fs, CHILD, 6 * MIB + 512, MIB - 512, 0);
    mem_fs_free(fs);
}

// A sector bitmap of a chunk that is cut off goes with it: 8 GiB of a chunk with blocks of 2 MiB.
static void shrink__differencing__bitmaps_of_cut_chunks_go(void **state)
{
    (void)state;
    struct mem_fs *fs = mem_fs_new();
    vhdx_test_create(mem_fs_system(fs), PARENT, VHD_TYPE_DYNAMIC, 20ull << 30, 1 << 20);
    assert_ok(vhd_create_child(CHILD, PARENT, mem_fs_system(fs)));
    uint64_t empty = mem_fs_size(fs, CHILD);
    write_bytes(fs, CHILD, 17ull << 30, 512, 0x21);
    assert_int_equal(mem_fs_size(fs, CHILD), empty + 3 * MIB);
    assert_ok(resize(fs, CHILD, 1ull << 30, true));
    assert_int_equal(mem_fs_size(fs, CHILD), empty);
    assert_ok(resize(fs, CHILD, 20ull << 30, false));
    assert_bytes(fs, CHILD, 17ull << 30, 4096, 0);
    mem_fs_free(fs);
}

static void resize__sizes_that_cannot_be__refused_untouched(void **state)
{
    (void)state;
    static const uint64_t bad[] = {0, 1, 513, 4 * MIB + 100, (64ull << 40) + 512};
    struct mem_fs *fs = mem_fs_new();
    vhdx_test_create(mem_fs_system(fs), PARENT, VHD_TYPE_DYNAMIC, 4 * MIB, 1 << 20);
    struct mem_fs *before = mem_fs_clone(fs);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_status(resize(fs, PARENT, bad[i], true), STATUS_INVALID_ARGUMENT);
    assert_ok(resize(fs, PARENT, 4 * MIB, false)); // as it is
    assert_true(mem_fs_equal(fs, PARENT, before, PARENT));
    mem_fs_free(before);
    mem_fs_free(fs);
}

static void resize__every_block_and_sector_size__zeros_where_nothing_was(void **state)
{
    (void)state;
    for (uint32_t block = 1 << 20; block <= 256u << 20; block *= 4) {
        for (uint32_t sector = 512; sector <= 4096; sector *= 8) {
            struct mem_fs *fs = mem_fs_new();
            uint64_t size = 3ull * block + 8192;
            struct vhd_create how = {.fs = mem_fs_system(fs),
                                     .format = VHD_FORMAT_VHDX,
                                     .type = VHD_TYPE_DYNAMIC,
                                     .virtual_size = size,
                                     .block_size = block,
                                     .logical_sector_size = sector};
            assert_ok(vhd_create(PARENT, &how));
            write_bytes(fs, PARENT, size - 4096, 4096, 0x81);
            write_bytes(fs, PARENT, 0, 4096, 0x82);
            assert_status(resize(fs, PARENT, size + sector / 2, false), STATUS_INVALID_ARGUMENT);
            assert_ok(resize(fs, PARENT, 40 * size, false));
            assert_bytes(fs, PARENT, size - 4096, 4096, 0x81);
            assert_bytes(fs, PARENT, size, MIB, 0);
            assert_ok(resize(fs, PARENT, size - 4096, true));
            assert_ok(resize(fs, PARENT, size, false));
            assert_bytes(fs, PARENT, size - 4096, 4096, 0);
            assert_bytes(fs, PARENT, 0, 4096, 0x82);
            mem_fs_free(fs);
        }
    }
}

static void grow__to_64_tib_in_blocks_of_1_mib__quick_and_back(void **state)
{
    (void)state;
    struct mem_fs *fs = mem_fs_new();
    vhdx_test_create(mem_fs_system(fs), PARENT, VHD_TYPE_DYNAMIC, 4 * MIB, 1 << 20);
    write_bytes(fs, PARENT, 0, 512, 0x11);
    assert_ok(resize(fs, PARENT, 64ull << 40, false));
    assert_size(fs, PARENT, 64ull << 40);
    write_bytes(fs, PARENT, (64ull << 40) - 512, 512, 0x12);
    struct vhd *disk = vhdx_test_open(mem_fs_system(fs), PARENT, false);
    struct vhd_extent extent;
    assert_ok(vhd_map(disk, VHD_MAP_CHAIN, MIB, UINT64_MAX, &extent));
    assert_int_equal(extent.kind, VHD_EXTENT_ZERO);
    assert_true(extent.length >= (64ull << 40) - 2 * MIB);
    vhd_abandon(disk);
    assert_ok(resize(fs, PARENT, 4 * MIB, true));
    assert_bytes(fs, PARENT, 0, 512, 0x11);
    mem_fs_free(fs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grow__within_the_table__zeros_follow),
        cmocka_unit_test(grow__past_the_table__it_moves),
        cmocka_unit_test(shrink__data_beyond__refused_untouched_unless_unsafe),
        cmocka_unit_test(resize__fixed_disk__blocks_come_and_go),
        cmocka_unit_test(resize__differencing__reads_zeros_past_its_parent),
        cmocka_unit_test(shrink__differencing__bitmaps_of_cut_chunks_go),
        cmocka_unit_test(resize__sizes_that_cannot_be__refused_untouched),
        cmocka_unit_test(resize__every_block_and_sector_size__zeros_where_nothing_was),
        cmocka_unit_test(grow__to_64_tib_in_blocks_of_1_mib__quick_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
