// What a VHDX holds after writes and zeroings of every size and place, in all types, sector sizes
// and block sizes.
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/endian.h"
#include "tests/support/disk_model.h"
#include "tests/support/random.h"
#include "tests/support/vhdx_disk.h"
#include "vhd/vhd.h"
#include "vhd/vhdx/bat.h"

#define PARENT "/parent.vhdx"
#define CHILD  "/child.vhdx"

static void create_disk(struct mem_fs *fs, enum vhd_type type, uint64_t size, uint32_t block_size,
                        uint32_t sector_size)
{
    struct vhd_create how = {.fs = mem_fs_system(fs),
                             .format = VHD_FORMAT_VHDX,
                             .type = type,
                             .virtual_size = size,
                             .block_size = block_size,
                             .logical_sector_size = sector_size};
    assert_ok(vhd_create(PARENT, &how));
}

// The extents of the whole disk must cover it, and what the map calls zero or the parent's must be
// so.
static void check_map(struct vhd *disk, uint64_t size, uint32_t sector_size)
{
    uint8_t *data = malloc(MIB);
    assert_non_null(data);
    for (uint64_t at = 0; at < size;) {
        struct vhd_extent extent;
        assert_ok(vhd_map(disk, VHD_MAP_CHAIN, at, size - at, &extent));
        assert_int_equal(extent.offset, at);
        assert_true(extent.length > 0 && extent.length <= size - at);
        assert_true(is_aligned(extent.length, sector_size));
        assert_true(extent.kind != VHD_EXTENT_PARENT);
        for (uint64_t part; extent.kind == VHD_EXTENT_ZERO && extent.length > 0;
             extent.length -= part, extent.offset += part) {
            part = min_u64(extent.length, MIB);
            assert_ok(vhd_read(disk, extent.offset, data, (size_t)part));
            for (uint64_t i = 0; i < part; i += 8)
                assert_true(load_le64(data + i) == 0);
        }
        at = extent.offset + extent.length;
    }
    free(data);
}

static void check_disk(struct mem_fs *fs, const char *path, const struct disk_model *model,
                       uint64_t size, uint32_t sector_size)
{
    struct vhd *disk = vhdx_test_open(mem_fs_system(fs), path, false);
    struct vhd_info info;
    vhd_get_info(disk, &info);
    assert_int_equal(info.virtual_size, size);
    assert_int_equal(info.logical_sector_size, sector_size);
    assert_false(info.log_live);
    assert_true(is_aligned(info.file_size, MIB));
    assert_int_equal(disk_model_violations(model, disk, SIZE_MAX), 0);
    check_map(disk, size, sector_size);
    vhd_abandon(disk);
}

static void write_randomly(struct disk_model *model, struct vhd *disk, struct random *random,
                           uint64_t size, uint32_t sector_size, int changes)
{
    uint64_t sectors = size / sector_size;
    for (int i = 0; i < changes; i++) {
        uint64_t most = random_chance(random, 70) ? 40 : 3 * MIB / sector_size;
        uint64_t length = 1 + random_below(random, min_u64(most, sectors));
        uint64_t offset = random_below(random, sectors - length + 1);
        if (random_chance(random, 20))
            offset = min_u64(align_down(offset, MIB / sector_size), sectors - length);
        if (random_chance(random, 30))
            assert_ok(disk_model_zero(model, disk, offset * sector_size, length * sector_size));
        else
            assert_ok(disk_model_write(model, disk, offset * sector_size, length * sector_size));
        if (random_chance(random, 15))
            assert_ok(vhd_flush(disk));
    }
}

static void run_sessions(struct mem_fs *fs, const char *path, struct disk_model *model,
                         struct random *random, uint64_t size, uint32_t sector_size)
{
    for (int session = 0; session < 4; session++) {
        struct vhd *disk = vhdx_test_open(mem_fs_system(fs), path, true);
        write_randomly(model, disk, random, size, sector_size, 25);
        assert_int_equal(disk_model_violations(model, disk, SIZE_MAX), 0);
        assert_ok(vhd_close(disk));
        disk_model_promise(model, 0);
        check_disk(fs, path, model, size, sector_size);
    }
}

static void write_and_zero__all_types_and_sizes__read_back(void **state)
{
    (void)state;
    static const struct {
        enum vhd_type type;
        uint64_t size;
        uint32_t block_size, sector_size;
    } cases[] = {
        {VHD_TYPE_DYNAMIC, 9 * MIB + 512, 1 << 20, 512},
        {VHD_TYPE_DYNAMIC, 9 * MIB + 4096, 2 << 20, 4096},
        {VHD_TYPE_DYNAMIC, 70 * MIB, 32 << 20, 512},
        {VHD_TYPE_DYNAMIC, 512, 256u << 20, 512},
        {VHD_TYPE_FIXED, 5 * MIB + 1536, 0, 512},
        {VHD_TYPE_FIXED, 5 * MIB, 1 << 20, 4096},
    };
    struct random random = random_start(random_seed("unit.vhdx_io"));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t size = cases[i].size;
        uint32_t sector_size = cases[i].sector_size;
        struct mem_fs *fs = mem_fs_new();
        struct disk_model *model = disk_model_new(size, sector_size);
        create_disk(fs, cases[i].type, size, cases[i].block_size, sector_size);
        check_disk(fs, PARENT, model, size, sector_size);
        run_sessions(fs, PARENT, model, &random, size, sector_size);
        // A child goes on from here; the parent stays as it is.
        struct mem_fs *before = mem_fs_clone(fs);
        assert_ok(vhd_create_child(CHILD, PARENT, mem_fs_system(fs)));
        check_disk(fs, CHILD, model, size, sector_size);
        run_sessions(fs, CHILD, model, &random, size, sector_size);
        assert_true(mem_fs_equal(fs, PARENT, before, PARENT));
        mem_fs_free(before);
        disk_model_free(model);
        mem_fs_free(fs);
    }
}

// Bitmap bits lie in the second page, and in the bitmap of the second chunk.
static void write__child_far_out__other_pages_and_chunks_of_the_bitmap(void **state)
{
    (void)state;
    const uint64_t size = 9ull << 30;
    struct mem_fs *fs = mem_fs_new();
    create_disk(fs, VHD_TYPE_DYNAMIC, size, 0, 512);
    assert_ok(vhd_create_child(CHILD, PARENT, mem_fs_system(fs)));
    static const uint64_t places[] = {16 * MIB - 512, 17 * MIB, (4ull << 30) - 1024, (4ull << 30),
                                      (8ull << 30) + 33 * MIB};
    uint8_t data[2048], back[2048];
    struct vhd *disk = vhdx_test_open(mem_fs_system(fs), CHILD, true);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        memset(data, (int)(i + 1), sizeof data);
        assert_ok(vhd_write(disk, places[i], data, sizeof data));
    }
    assert_ok(vhd_close(disk));
    disk = vhdx_test_open(mem_fs_system(fs), CHILD, false);
    struct vhd_extent extent;
    assert_ok(vhd_map(disk, VHD_MAP_LEAF, 0, size, &extent));
    assert_int_equal(extent.kind, VHD_EXTENT_PARENT);
    assert_int_equal(extent.length, 16 * MIB - 512);
    assert_ok(vhd_map(disk, VHD_MAP_LEAF, extent.length, size - extent.length, &extent));
    assert_int_equal(extent.kind, VHD_EXTENT_DATA);
    assert_int_equal(extent.length, 2048);
    for (size_t i = 3; i < sizeof places / sizeof *places; i++) {
        memset(data, (int)(i + 1), sizeof data);
        assert_ok(vhd_read(disk, places[i], back, sizeof back));
        assert_memory_equal(back, data, sizeof data);
    }
    vhd_abandon(disk);
    mem_fs_free(fs);
}

static uint64_t get_entry(struct mem_fs *fs, const char *path, uint64_t index)
{
    uint8_t raw[8];
    mem_fs_peek(fs, path, VHDX_TEST_BAT + index * 8, raw, sizeof raw);
    return load_le64(raw);
}

// A parent of 8 MiB full of 0x11 and a fresh child, whose blocks have 2 MiB.
static struct mem_fs *with_child(void)
{
    struct mem_fs *fs = mem_fs_new();
    create_disk(fs, VHD_TYPE_DYNAMIC, 8 * MIB, 2 << 20, 512);
    uint8_t *data = malloc(8 * MIB);
    assert_non_null(data);
    memset(data, 0x11, 8 * MIB);
    struct vhd *disk = vhdx_test_open(mem_fs_system(fs), PARENT, true);
    assert_ok(vhd_write(disk, 0, data, 8 * MIB));
    assert_ok(vhd_close(disk));
    free(data);
    assert_ok(vhd_create_child(CHILD, PARENT, mem_fs_system(fs)));
    return fs;
}

static void assert_byte(struct vhd *disk, uint64_t offset, uint8_t expected)
{
    uint8_t sector[512];
    assert_ok(vhd_read(disk, align_down(offset, 512), sector, sizeof sector));
    assert_int_equal(sector[offset % 512], expected);
}

// States that hide the parent: what is not written of them must not show it (openvmm's rule,
// DiscUtils' bug).
static void write__part_of_a_hidden_block__rest_reads_as_zeros(void **state)
{
    (void)state;
    static const uint64_t states[] = {VHDX_BLOCK_UNDEFINED, VHDX_BLOCK_ZERO, VHDX_BLOCK_UNMAPPED,
                                      5};
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        struct mem_fs *fs = with_child();
        uint8_t raw[8];
        store_le64(raw, states[i]);
        mem_fs_poke(fs, CHILD, VHDX_TEST_BAT + 8, raw, sizeof raw);
        struct vhd *disk = vhdx_test_open(mem_fs_system(fs), CHILD, true);
        assert_byte(disk, 2 * MIB, 0);
        assert_byte(disk, 4 * MIB, 0x11);
        vhdx_test_fill(disk, 2 * MIB + 4096, 512, 0x22);
        assert_ok(vhd_close(disk));
        assert_int_equal(get_entry(fs, CHILD, 1) & 7, VHDX_BLOCK_FULLY_PRESENT);
        disk = vhdx_test_open(mem_fs_system(fs), CHILD, false);
        assert_byte(disk, 2 * MIB + 4096, 0x22);
        assert_byte(disk, 2 * MIB + 4608, 0);
        assert_byte(disk, 4 * MIB - 1, 0);
        vhd_abandon(disk);
        mem_fs_free(fs);
    }
}

// Bits left from before mean nothing once a block is not present; a new partial block starts with
// none.
static void write__part_of_a_block_with_stale_bits__parent_shows_through(void **state)
{
    (void)state;
    struct mem_fs *fs = with_child();
    struct vhd *disk = vhdx_test_open(mem_fs_system(fs), CHILD, true);
    vhdx_test_fill(disk, 0, MIB, 0x22);
    vhdx_test_fill(disk, 4 * MIB, 512, 0x33);
    assert_ok(vhd_close(disk));
    uint8_t zero[8] = {0};
    mem_fs_poke(fs, CHILD, VHDX_TEST_BAT, zero, sizeof zero);
    disk = vhdx_test_open(mem_fs_system(fs), CHILD, true);
    assert_byte(disk, 0, 0x11);
    vhdx_test_fill(disk, 512, 512, 0x44);
    assert_ok(vhd_close(disk));
    disk = vhdx_test_open(mem_fs_system(fs), CHILD, false);
    assert_byte(disk, 0, 0x11);
    assert_byte(disk, 512, 0x44);
    assert_byte(disk, 1024, 0x11);
    assert_byte(disk, 4 * MIB, 0x33);
    vhd_abandon(disk);
    mem_fs_free(fs);
}

static void write__last_missing_sectors__block_becomes_fully_present(void **state)
{
    (void)state;
    struct mem_fs *fs = with_child();
    struct vhd *disk = vhdx_test_open(mem_fs_system(fs), CHILD, true);
    vhdx_test_fill(disk, 512, 2 * MIB - 1024, 0x22);
    assert_ok(vhd_flush(disk));
    assert_int_equal(get_entry(fs, CHILD, 0) & 7, VHDX_BLOCK_PARTIALLY_PRESENT);
    vhdx_test_fill(disk, 0, 512, 0x22);
    assert_ok(vhd_zero(disk, 2 * MIB - 512, 512));
    assert_ok(vhd_close(disk));
    assert_int_equal(get_entry(fs, CHILD, 0) & 7, VHDX_BLOCK_FULLY_PRESENT);
    mem_fs_free(fs);
}

static void zero__whole_blocks_of_a_child__hides_the_parent_without_room(void **state)
{
    (void)state;
    struct mem_fs *fs = with_child();
    uint64_t size = mem_fs_size(fs, CHILD);
    struct vhd *disk = vhdx_test_open(mem_fs_system(fs), CHILD, true);
    struct vhd_extent extent;
    assert_ok(vhd_zero(disk, 2 * MIB, 4 * MIB));
    assert_ok(vhd_map(disk, VHD_MAP_LEAF, 2 * MIB, 6 * MIB, &extent));
    assert_int_equal(extent.kind, VHD_EXTENT_ZERO);
    assert_int_equal(extent.length, 4 * MIB);
    assert_byte(disk, 2 * MIB, 0);
    assert_byte(disk, 6 * MIB, 0x11);
    assert_ok(vhd_close(disk));
    assert_int_equal(get_entry(fs, CHILD, 1), VHDX_BLOCK_ZERO);
    assert_int_equal(mem_fs_size(fs, CHILD), size);
    mem_fs_free(fs);
}

// Room of zeroed blocks is used again, once the log says that they are gone; the file ends after
// the last block.
static void zero__then_write__room_is_used_again(void **state)
{
    (void)state;
    struct mem_fs *fs = mem_fs_new();
    create_disk(fs, VHD_TYPE_DYNAMIC, 8 * MIB, 1 << 20, 512);
    struct vhd *disk = vhdx_test_open(mem_fs_system(fs), PARENT, true);
    struct vhd_info info;
    vhdx_test_fill(disk, 0, 4 * MIB, 0x22);
    assert_ok(vhd_flush(disk));
    assert_ok(vhd_zero(disk, 0, 2 * MIB));
    assert_ok(vhd_flush(disk));
    // Old contents must not come up in the part that is not written.
    vhdx_test_fill(disk, 6 * MIB, 512, 0x33);
    vhd_get_info(disk, &info);
    assert_int_equal(info.allocated, 3 * MIB);
    assert_byte(disk, 6 * MIB + 512, 0);
    assert_ok(vhd_close(disk));
    assert_int_equal(mem_fs_size(fs, PARENT), 4 * MIB + 4 * MIB);
    disk = vhdx_test_open(mem_fs_system(fs), PARENT, true);
    assert_byte(disk, 6 * MIB + 512, 0);
    assert_byte(disk, 2 * MIB, 0x22);
    assert_ok(vhd_zero(disk, 0, 8 * MIB));
    assert_ok(vhd_close(disk));
    assert_int_equal(mem_fs_size(fs, PARENT), 4 * MIB);
    mem_fs_free(fs);
}

// qemu-img writes fixed disks whose blocks are all ZERO without a place.
static void write__fixed_disk_without_blocks__gets_them(void **state)
{
    (void)state;
    struct mem_fs *fs = mem_fs_new();
    create_disk(fs, VHD_TYPE_FIXED, 4 * MIB, 1 << 20, 512);
    uint64_t size = mem_fs_size(fs, PARENT);
    for (uint64_t block = 0; block < 4; block++) {
        uint8_t raw[8];
        store_le64(raw, VHDX_BLOCK_ZERO);
        mem_fs_poke(fs, PARENT, VHDX_TEST_BAT + 8 * block, raw, sizeof raw);
    }
    struct vhd *disk = vhdx_test_open(mem_fs_system(fs), PARENT, true);
    assert_byte(disk, 0, 0);
    vhdx_test_fill(disk, MIB, 512, 0x44);
    assert_ok(vhd_close(disk));
    assert_int_equal(mem_fs_size(fs, PARENT), size);
    disk = vhdx_test_open(mem_fs_system(fs), PARENT, false);
    assert_byte(disk, MIB, 0x44);
    assert_byte(disk, MIB + 512, 0);
    vhd_abandon(disk);
    mem_fs_free(fs);
}

static void zero__fixed_disk__blocks_stay_where_they_are(void **state)
{
    (void)state;
    struct mem_fs *fs = mem_fs_new();
    create_disk(fs, VHD_TYPE_FIXED, 4 * MIB, 1 << 20, 512);
    uint64_t entry = get_entry(fs, PARENT, 1);
    assert_int_equal(entry & 7, VHDX_BLOCK_FULLY_PRESENT);
    struct vhd *disk = vhdx_test_open(mem_fs_system(fs), PARENT, true);
    vhdx_test_fill(disk, 0, 4 * MIB, 0x55);
    assert_ok(vhd_zero(disk, MIB, MIB + 4096));
    assert_ok(vhd_close(disk));
    assert_int_equal(get_entry(fs, PARENT, 1), entry);
    disk = vhdx_test_open(mem_fs_system(fs), PARENT, false);
    assert_byte(disk, MIB - 1, 0x55);
    assert_byte(disk, MIB, 0);
    assert_byte(disk, 2 * MIB + 4095, 0);
    assert_byte(disk, 2 * MIB + 4096, 0x55);
    vhd_abandon(disk);
    mem_fs_free(fs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(write_and_zero__all_types_and_sizes__read_back),
        cmocka_unit_test(write__child_far_out__other_pages_and_chunks_of_the_bitmap),
        cmocka_unit_test(write__part_of_a_hidden_block__rest_reads_as_zeros),
        cmocka_unit_test(write__part_of_a_block_with_stale_bits__parent_shows_through),
        cmocka_unit_test(write__last_missing_sectors__block_becomes_fully_present),
        cmocka_unit_test(zero__whole_blocks_of_a_child__hides_the_parent_without_room),
        cmocka_unit_test(zero__then_write__room_is_used_again),
        cmocka_unit_test(write__fixed_disk_without_blocks__gets_them),
        cmocka_unit_test(zero__fixed_disk__blocks_stay_where_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
