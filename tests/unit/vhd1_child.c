// Differencing VHDs: what is written, what is hidden, and how the parent is found.
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "base/endian.h"
#include "tests/support/disk_change.h"
#include "tests/support/test_fs.h"
#include "tests/support/vhd1_disk.h"
#include "vhd/errors.h"
#include "vhd/vhd1/vhd1.h"

#define PARENT "/parent.vhd"
#define CHILD  "/child.avhd"
#define MIB    (1ull << 20)
#define SIZE   (9 * MIB + 3 * 512)
#define HEADER 512u

static struct vhd *open_disk(const char *path, bool writable)
{
    return vhd1_disk_open(mem_fs_system(test_fs), path, writable);
}

static void create_pair(enum vhd_type type, uint64_t size)
{
    vhd1_disk_create(test_fs, PARENT, type, size, 0);
    assert_ok(vhd_create_child(CHILD, PARENT, mem_fs_system(test_fs)));
}

static uint32_t peek_be32(uint64_t offset)
{
    return vhd1_disk_peek_be32(test_fs, CHILD, offset);
}

// The `text` in UTF-16LE, as locators have it.
static void assert_utf16(uint64_t offset, const char *text)
{
    for (size_t i = 0; text[i]; i++) {
        uint8_t unit[2];
        mem_fs_peek(test_fs, CHILD, offset + i * 2, unit, sizeof unit);
        assert_int_equal(load_le16(unit), text[i]);
    }
}

// The figures are those of the corpus' ntfs-differential.vhd, which Windows 10 made over a disk of
// this size.
static void create__layout__is_what_windows_writes(void **state)
{
    (void)state;
    uint8_t header[1024], parent[512], table[4096];
    create_pair(VHD_TYPE_FIXED, 4 * MIB);
    mem_fs_peek(test_fs, CHILD, HEADER, header, sizeof header);
    mem_fs_peek(test_fs, PARENT, 4 * MIB, parent, sizeof parent);
    assert_int_equal(peek_be32(60), VHD_TYPE_DIFFERENCING);
    assert_int_equal(load_be64(header + 16), 8192); // table
    assert_int_equal(load_be32(header + 28), 2);
    assert_int_equal(load_be32(header + 32), 2 * MIB);
    assert_memory_equal(header + 40, parent + 68, 16); // unique id, byte for byte
    assert_int_equal(load_be32(header + 56), 0);       // time
    for (size_t i = 0; i < strlen(PARENT); i++)
        assert_int_equal(load_be16(header + 64 + i * 2), PARENT[i]);
    assert_memory_equal(header + 576, "W2ku", 4);
    assert_int_equal(load_be32(header + 580), 4096);
    assert_int_equal(load_be32(header + 584), strlen(PARENT) * 2);
    assert_int_equal(load_be64(header + 592), 4096);
    assert_memory_equal(header + 600, "W2ru", 4);
    assert_int_equal(load_be32(header + 604), 65536);
    assert_int_equal(load_be32(header + 608), strlen(".\\parent.vhd") * 2);
    assert_int_equal(load_be64(header + 616), 12288);
    assert_utf16(4096, PARENT);
    assert_utf16(12288, ".\\parent.vhd");
    mem_fs_peek(test_fs, CHILD, 8192, table, sizeof table);
    for (size_t i = 0; i < 512; i++)
        assert_int_equal(table[i], 0xff);
    assert_int_equal(vhd1_disk_footer_at(test_fs, CHILD), 159 * 512);
    assert_true(vhd1_disk_has_two_footers(test_fs, CHILD));
}

static void write__blocks__placed_as_windows_does(void **state)
{
    (void)state;
    uint8_t sector[512] = {1}, bitmap[512];
    create_pair(VHD_TYPE_DYNAMIC, 4 * MIB);
    struct vhd *disk = open_disk(CHILD, true);
    assert_ok(vhd_write(disk, 10 * 512, sector, sizeof sector));
    assert_ok(vhd_write(disk, 3 * MIB, sector, sizeof sector));
    assert_ok(vhd_close(disk));
    assert_int_equal(peek_be32(8192), 159);
    assert_int_equal(peek_be32(8196), 4263);
    mem_fs_peek(test_fs, CHILD, 159 * 512, bitmap, sizeof bitmap);
    assert_int_equal(bitmap[1], 0x20); // sector 10, the highest bit first
    bitmap[1] = 0;
    for (size_t i = 0; i < sizeof bitmap; i++)
        assert_int_equal(bitmap[i], 0);
}

static void changes__over_each_type__read_back(void **state)
{
    (void)state;
    static const enum vhd_type types[] = {VHD_TYPE_FIXED, VHD_TYPE_DYNAMIC};
    for (size_t t = 0; t < 2; t++) {
        struct random r = random_start(t + 1);
        struct disk_model *model = disk_model_new(SIZE, 512);
        vhd1_disk_create(test_fs, PARENT, types[t], SIZE, 0);
        struct vhd *disk = open_disk(PARENT, true);
        assert_ok(disk_model_write(model, disk, 0, SIZE));
        assert_ok(vhd_close(disk));
        assert_ok(vhd_create_child(CHILD, PARENT, mem_fs_system(test_fs)));
        struct mem_fs *before = mem_fs_clone(test_fs);
        for (int session = 0; session < 4; session++) {
            disk = open_disk(CHILD, true);
            for (int i = 0; i < 40; i++)
                assert_ok(disk_change(model, disk, &r, i % 9 == 0 ? 4 * MIB : 20000));
            assert_true(disk_is_exact(model, disk));
            assert_ok(vhd_close(disk));
            disk = open_disk(CHILD, false);
            assert_true(disk_is_exact(model, disk));
            assert_ok(vhd_close(disk));
            assert_true(vhd1_disk_has_two_footers(test_fs, CHILD));
        }
        assert_true(mem_fs_equal(test_fs, PARENT, before, PARENT));
        mem_fs_free(before);
        disk_model_free(model);
        mem_fs_free(test_fs);
        test_fs = mem_fs_new();
    }
}

// Five generations, each changed; a block that the leaf lacks is read through all of them.
static void changes__five_generations__read_back(void **state)
{
    (void)state;
    struct random r = random_start(5);
    struct disk_model *model = disk_model_new(SIZE, 512);
    char path[32], parent[32];
    vhd1_disk_create(test_fs, "/g0.vhd", VHD_TYPE_DYNAMIC, SIZE, 512 * 1024);
    for (int g = 0; g < 5; g++) {
        snprintf(path, sizeof path, "/g%d.vhd", g);
        snprintf(parent, sizeof parent, "/g%d.vhd", g - 1);
        if (g > 0)
            assert_ok(vhd_create_child(path, parent, mem_fs_system(test_fs)));
        struct vhd *disk = open_disk(path, true);
        for (int i = 0; i < 15; i++)
            assert_ok(disk_change(model, disk, &r, i % 5 == 0 ? 2 * MIB : 4000));
        assert_true(disk_is_exact(model, disk));
        assert_ok(vhd_close(disk));
    }
    struct vhd *disk = open_disk(path, false);
    struct vhd_info info;
    vhd_get_info(disk, &info);
    assert_int_equal(info.depth, 5);
    assert_true(disk_is_exact(model, disk));
    assert_ok(vhd_close(disk));
    disk_model_free(model);
}

static void zero__over_the_parents_data__hides_it(void **state)
{
    (void)state;
    uint8_t data[8192], zeros[8192] = {0}, read[8192];
    struct vhd_extent extent;
    memset(data, 0x5a, sizeof data);
    vhd1_disk_create(test_fs, PARENT, VHD_TYPE_DYNAMIC, SIZE, 0);
    struct vhd *disk = open_disk(PARENT, true);
    assert_ok(vhd_write(disk, 4 * MIB, data, sizeof data));
    assert_ok(vhd_close(disk));
    assert_ok(vhd_create_child(CHILD, PARENT, mem_fs_system(test_fs)));
    disk = open_disk(CHILD, true);
    assert_ok(vhd_zero(disk, 4 * MIB, 4096));
    assert_ok(vhd_read(disk, 4 * MIB, read, sizeof read));
    assert_memory_equal(read, zeros, 4096);
    assert_memory_equal(read + 4096, data, 4096);
    assert_ok(vhd_map(disk, VHD_MAP_LEAF, 4 * MIB, MIB, &extent));
    assert_int_equal(extent.kind, VHD_EXTENT_ZERO);
    assert_int_equal(extent.length, 4096);
    assert_ok(vhd_map(disk, VHD_MAP_LEAF, 4 * MIB + 4096, MIB, &extent));
    assert_int_equal(extent.kind, VHD_EXTENT_PARENT);
    assert_ok(vhd_close(disk));
}

// More blocks than the cache of bitmaps has places, written in an order that throws out each.
static void write__more_blocks_than_bitmaps_in_memory__all_there(void **state)
{
    (void)state;
    enum { BLOCKS = 40000 }; // of 2 MiB; 8192 bitmaps stay
    uint8_t sector[512] = {0};
    vhd1_disk_create(test_fs, PARENT, VHD_TYPE_DYNAMIC, BLOCKS * 2 * MIB, 0);
    assert_ok(vhd_create_child(CHILD, PARENT, mem_fs_system(test_fs)));
    struct vhd *disk = open_disk(CHILD, true);
    for (int pass = 0; pass < 2; pass++)
        for (uint64_t block = 5; block < BLOCKS; block += 4096) {
            memset(sector, (int)(block / 4096 + 1 + pass), sizeof sector);
            assert_ok(vhd_write(disk, block * 2 * MIB + pass * 512, sector, sizeof sector));
        }
    assert_ok(vhd_close(disk));
    disk = open_disk(CHILD, false);
    for (int pass = 0; pass < 2; pass++)
        for (uint64_t block = 5; block < BLOCKS; block += 4096) {
            assert_ok(vhd_read(disk, block * 2 * MIB + pass * 512, sector, sizeof sector));
            assert_int_equal(sector[511], block / 4096 + 1 + pass);
        }
    assert_ok(vhd_close(disk));
}

static void open__other_unique_id__mismatch(void **state)
{
    (void)state;
    static const uint8_t id[16] = {9};
    struct vhd *disk;
    create_pair(VHD_TYPE_DYNAMIC, SIZE);
    vhd1_disk_poke_footers(test_fs, PARENT, 68, id, sizeof id);
    assert_status(vhd1_disk_try_open(mem_fs_system(test_fs), CHILD, false, &disk),
                  STATUS_PARENT_MISMATCH);
    assert_int_equal(status_last()->os_code, VHD_ERROR_CHILD_PARENT_ID_MISMATCH);
}

static void open__other_time_of_the_parent__no_matter(void **state)
{
    (void)state;
    create_pair(VHD_TYPE_DYNAMIC, SIZE);
    vhd1_disk_poke_header(test_fs, CHILD, 56, 12345);
    assert_ok(vhd_close(open_disk(CHILD, false)));
}

// Sectors as the specification has it, bytes as Windows does; both locators gone, and the name in
// the header is left; nothing left.
static void open__locators__each_way_to_the_parent(void **state)
{
    (void)state;
    struct vhd *disk;
    create_pair(VHD_TYPE_DYNAMIC, SIZE);
    vhd1_disk_poke_header(test_fs, CHILD, 580, 8);
    vhd1_disk_poke_header(test_fs, CHILD, 604, 128);
    assert_ok(vhd_close(open_disk(CHILD, false)));
    vhd1_disk_poke_header(test_fs, CHILD, 608, 0x10000000); // the relative one is damaged
    assert_ok(vhd_close(open_disk(CHILD, false)));
    vhd1_disk_poke_header(test_fs, CHILD, 576, 0x4d616358); // MacX, which is for others
    vhd1_disk_poke_header(test_fs, CHILD, 600, 0);
    assert_ok(vhd_close(open_disk(CHILD, false)));
    mem_fs_clear(test_fs, CHILD, HEADER + 64, 512);
    vhd1_disk_poke_header(test_fs, CHILD, 600, 0);
    assert_status(vhd1_disk_try_open(mem_fs_system(test_fs), CHILD, false, &disk),
                  STATUS_PARENT_MISSING);
}

static void write__locators_of_others__kept(void **state)
{
    (void)state;
    uint8_t before[1024], after[1024], sector[512] = {1};
    create_pair(VHD_TYPE_DYNAMIC, SIZE);
    vhd1_disk_poke_header(test_fs, CHILD, 576 + 48, 0x4d616358);
    vhd1_disk_poke_header(test_fs, CHILD, 576 + 56, 7);
    mem_fs_peek(test_fs, CHILD, HEADER, before, sizeof before);
    struct vhd *disk = open_disk(CHILD, true);
    assert_ok(vhd_write(disk, 0, sector, sizeof sector));
    assert_ok(vhd_close(disk));
    mem_fs_peek(test_fs, CHILD, HEADER, after, sizeof after);
    assert_memory_equal(before, after, sizeof before);
}

// The first tapdisk had the lowest bit first.
static void read__reversed_bitmaps__understood(void **state)
{
    (void)state;
    static const uint8_t creator[8] = {'t', 'a', 'p', 0, 0, 0, 0, 1};
    uint8_t sector[512] = {7}, bits;
    create_pair(VHD_TYPE_DYNAMIC, 4 * MIB);
    vhd1_disk_poke_footers(test_fs, CHILD, 28, creator, sizeof creator);
    struct vhd *disk = open_disk(CHILD, true);
    assert_ok(vhd_write(disk, 512, sector, sizeof sector));
    assert_ok(vhd_close(disk));
    mem_fs_peek(test_fs, CHILD, 159 * 512, &bits, 1);
    assert_int_equal(bits, 0x02);
}

static void create__too_large__refused_without_a_file(void **state)
{
    (void)state;
    vhd1_disk_create_tiny(test_fs, PARENT, VHD_TYPE_FIXED, VHD1_SIZE_MAX + 512, 0);
    assert_status(vhd_create_child(CHILD, PARENT, mem_fs_system(test_fs)), STATUS_UNSUPPORTED);
    assert_int_equal(status_last()->os_code, VHD_ERROR_INVALID_SIZE);
    assert_false(mem_fs_has(test_fs, CHILD));
}

static void create__long_path__in_the_locators_only(void **state)
{
    (void)state;
    char path[600] = "/";
    memset(path + 1, 'p', 500);
    strcpy(path + 501, ".vhd");
    vhd1_disk_create(test_fs, path, VHD_TYPE_DYNAMIC, 4 * MIB, 0);
    assert_ok(vhd_create_child(CHILD, path, mem_fs_system(test_fs)));
    assert_int_equal(peek_be32(HEADER + 64), 0);
    assert_ok(vhd_close(open_disk(CHILD, true)));
}

static void merge__into_each_type__parent_is_the_child(void **state)
{
    (void)state;
    static const enum vhd_type types[] = {VHD_TYPE_FIXED, VHD_TYPE_DYNAMIC};
    for (size_t t = 0; t < 2; t++) {
        struct random r = random_start(t + 8);
        struct disk_model *model = disk_model_new(SIZE, 512);
        const struct vhd_merge how = {.fs = mem_fs_system(test_fs)};
        create_pair(types[t], SIZE);
        struct vhd *disk = open_disk(CHILD, true);
        for (int i = 0; i < 40; i++)
            assert_ok(disk_change(model, disk, &r, i % 9 == 0 ? 4 * MIB : 20000));
        assert_ok(vhd_close(disk));
        assert_ok(vhd_merge(CHILD, &how));
        disk = open_disk(PARENT, false);
        assert_true(disk_is_exact(model, disk));
        assert_ok(vhd_close(disk));
        disk = open_disk(CHILD, false); // still fits: the merge can be run again
        assert_true(disk_is_exact(model, disk));
        assert_ok(vhd_close(disk));
        disk_model_free(model);
        mem_fs_free(test_fs);
        test_fs = mem_fs_new();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_WITH_FS(create__layout__is_what_windows_writes),
        TEST_WITH_FS(write__blocks__placed_as_windows_does),
        TEST_WITH_FS(changes__over_each_type__read_back),
        TEST_WITH_FS(changes__five_generations__read_back),
        TEST_WITH_FS(zero__over_the_parents_data__hides_it),
        TEST_WITH_FS(write__more_blocks_than_bitmaps_in_memory__all_there),
        TEST_WITH_FS(open__other_unique_id__mismatch),
        TEST_WITH_FS(open__other_time_of_the_parent__no_matter),
        TEST_WITH_FS(open__locators__each_way_to_the_parent),
        TEST_WITH_FS(write__locators_of_others__kept),
        TEST_WITH_FS(read__reversed_bitmaps__understood),
        TEST_WITH_FS(create__too_large__refused_without_a_file),
        TEST_WITH_FS(create__long_path__in_the_locators_only),
        TEST_WITH_FS(merge__into_each_type__parent_is_the_child),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
