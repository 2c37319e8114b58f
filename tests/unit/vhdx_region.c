#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/endian.h"
#include "tests/support/mem_fs.h"
#include "vhd/vhd.h"
#include "vhd/vhdx/region.h"

#define PATH "/disk.vhdx"

static const struct vhdx_region bat = {.offset = 3 << 20, .length = 1 << 20, .required = true};
static const struct vhdx_region metadata = {.offset = 2 << 20, .length = 1 << 20, .required = true};

static uint8_t raw[VHDX_REGION_TABLE_SIZE];

static void build(void)
{
    struct vhdx_region b = bat, m = metadata;
    b.guid = vhdx_guid_bat;
    m.guid = vhdx_guid_metadata;
    vhdx_regions_encode(&b, &m, raw);
}

static void seal(uint8_t *table)
{
    store_le32(table + 4, vhdx_checksum(table, VHDX_REGION_TABLE_SIZE, 4));
}

// Adds an entry for a region that nobody knows.
static void add_unknown(uint64_t offset, uint32_t length, uint32_t required)
{
    uint32_t count = load_le32(raw + 8);
    uint8_t *entry = raw + 16 + 32 * count;
    memset(entry, (int)(0x50 + count), 16);
    store_le64(entry + 16, offset);
    store_le32(entry + 24, length);
    store_le32(entry + 28, required);
    store_le32(raw + 8, count + 1);
    seal(raw);
}

static void assert_decodes(enum status expected)
{
    struct vhdx_regions regions;
    enum status status = vhdx_regions_decode(raw, PATH, &regions);
    assert_status(status, expected);
    if (!status)
        vhdx_regions_free(&regions);
}

static void encode__both_regions__bat_first_and_required(void **state)
{
    (void)state;
    build();
    assert_memory_equal(raw, "regi", 4);
    assert_int_equal(load_le32(raw + 8), 2);
    assert_memory_equal(raw + 16, "\x66\x77\xC2\x2D\x23\xF6\x00\x42", 8);
    assert_int_equal(load_le64(raw + 32), 3 << 20);
    assert_int_equal(load_le32(raw + 44), 1);
    struct vhdx_regions regions;
    assert_ok(vhdx_regions_decode(raw, PATH, &regions));
    assert_int_equal(regions.count, 2);
    assert_int_equal(regions.bat.offset, 3 << 20);
    assert_int_equal(regions.metadata.offset, 2 << 20);
    vhdx_regions_free(&regions);
}

static void decode__required_bits_as_qemu_writes_them__accepted(void **state)
{
    (void)state;
    build();
    store_le32(raw + 44, 0);
    store_le32(raw + 76, 0);
    seal(raw);
    assert_decodes(STATUS_OK);
}

static void decode__unknown_region__kept_when_optional_refused_when_required(void **state)
{
    (void)state;
    build();
    add_unknown(4 << 20, 1 << 20, 0);
    struct vhdx_regions regions;
    assert_ok(vhdx_regions_decode(raw, PATH, &regions));
    assert_int_equal(regions.count, 3);
    vhdx_regions_free(&regions);
    add_unknown(5 << 20, 1 << 20, 1);
    assert_decodes(STATUS_UNSUPPORTED);
}

static void decode__entries_out_of_place__refused(void **state)
{
    (void)state;
    static const struct {
        uint64_t offset;
        uint32_t length;
    } cases[] = {
        {3 << 20, 1 << 20},              // on the BAT
        {1 << 20, 2 << 20},              // reaches into the metadata
        {(4 << 20) + 4096, 1 << 20},     // not whole MiB
        {4 << 20, 4096},                 // not whole MiB
        {4 << 20, 0},                    // empty
        {0, 1 << 20},                    // on the headers
        {UINT64_MAX - 0xfffff, 1 << 20}, // past all files
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        build();
        add_unknown(cases[i].offset, cases[i].length, 0);
        assert_decodes(STATUS_DAMAGED);
    }
}

static void decode__damaged_table__refused(void **state)
{
    (void)state;
    build();
    raw[40000] ^= 1;
    assert_decodes(STATUS_DAMAGED); // checksum
    build();
    raw[0] = 'x';
    seal(raw);
    assert_decodes(STATUS_DAMAGED); // signature
    build();
    store_le32(raw + 8, 2048);
    seal(raw);
    assert_decodes(STATUS_DAMAGED); // count
    build();
    store_le32(raw + 8, 1);
    seal(raw);
    assert_decodes(STATUS_DAMAGED); // no metadata
    build();
    memcpy(raw + 48, raw + 16, 16);
    seal(raw);
    assert_decodes(STATUS_DAMAGED); // the BAT twice
}

static struct mem_fs *with_disk(void)
{
    struct mem_fs *fs = mem_fs_new();
    struct vhd_create how = {.fs = mem_fs_system(fs),
                             .format = VHD_FORMAT_VHDX,
                             .type = VHD_TYPE_DYNAMIC,
                             .virtual_size = 8 << 20};
    assert_ok(vhd_create(PATH, &how));
    return fs;
}

static enum status open_disk(struct mem_fs *fs, bool writable, struct vhd **disk)
{
    struct vhd_open how = {
        .fs = mem_fs_system(fs), .writable = writable, .share = FILE_SHARE_NOTHING};
    return vhd_open(PATH, &how, disk);
}

static void open__one_copy_damaged__other_is_used_and_the_first_write_repairs(void **state)
{
    (void)state;
    static const uint64_t copies[] = {VHDX_REGION_TABLE1_OFFSET, VHDX_REGION_TABLE2_OFFSET};
    for (size_t i = 0; i < 2; i++) {
        struct mem_fs *fs = with_disk();
        mem_fs_poke(fs, PATH, copies[i] + 20, "damage", 6);
        struct mem_fs *before = mem_fs_clone(fs);
        struct vhd *disk;
        assert_ok(open_disk(fs, false, &disk));
        vhd_abandon(disk);
        assert_ok(open_disk(fs, true, &disk));
        assert_true(mem_fs_equal(fs, PATH, before, PATH));
        uint8_t sector[512] = {1};
        assert_ok(vhd_write(disk, 0, sector, sizeof sector));
        assert_ok(vhd_close(disk));
        static uint8_t first[VHDX_REGION_TABLE_SIZE], second[VHDX_REGION_TABLE_SIZE];
        mem_fs_peek(fs, PATH, copies[0], first, sizeof first);
        mem_fs_peek(fs, PATH, copies[1], second, sizeof second);
        assert_memory_equal(first, second, sizeof first);
        assert_int_equal(load_le32(first + 4), vhdx_checksum(first, sizeof first, 4));
        mem_fs_free(before);
        mem_fs_free(fs);
    }
}

static void open__both_copies_damaged__refused(void **state)
{
    (void)state;
    struct mem_fs *fs = with_disk();
    mem_fs_poke(fs, PATH, VHDX_REGION_TABLE1_OFFSET + 20, "damage", 6);
    mem_fs_poke(fs, PATH, VHDX_REGION_TABLE2_OFFSET + 20, "damage", 6);
    struct vhd *disk;
    assert_status(open_disk(fs, false, &disk), STATUS_DAMAGED);
    assert_non_null(strstr(status_last()->message, "region table"));
    mem_fs_free(fs);
}

// Whatever is done to a disk leaves a region that nobody knows where it is and as it is.
static void every_change__unknown_optional_region__never_touched(void **state)
{
    (void)state;
    const uint64_t place = 6 << 20, length = 2 << 20;
    struct mem_fs *fs = with_disk();
    mem_fs_peek(fs, PATH, VHDX_REGION_TABLE1_OFFSET, raw, sizeof raw);
    add_unknown(place, (uint32_t)length, 0);
    mem_fs_poke(fs, PATH, VHDX_REGION_TABLE1_OFFSET, raw, sizeof raw);
    mem_fs_poke(fs, PATH, VHDX_REGION_TABLE2_OFFSET, raw, sizeof raw);
    static uint8_t contents[2 << 20], now[2 << 20];
    memset(contents, 0x7e, sizeof contents);
    mem_fs_poke(fs, PATH, place, contents, sizeof contents);
    struct vhd *disk;
    assert_ok(open_disk(fs, true, &disk));
    assert_ok(vhd_write(disk, 0, contents, 4096));
    assert_ok(vhd_close(disk));
    const struct vhd_resize larger = {.fs = mem_fs_system(fs), .virtual_size = 64ull << 40};
    const struct vhd_resize smaller = {.fs = mem_fs_system(fs), .virtual_size = 8 << 20};
    const struct vhd_compact compact = {.fs = mem_fs_system(fs)};
    struct vhd_compacted result;
    assert_ok(vhd_resize(PATH, &larger));
    assert_ok(open_disk(fs, true, &disk));
    assert_ok(vhd_write(disk, 0, contents, sizeof contents));
    assert_ok(vhd_write(disk, 1ull << 40, contents, 4096));
    assert_ok(vhd_zero(disk, 1ull << 40, 64 << 20));
    assert_ok(vhd_close(disk));
    assert_ok(vhd_compact(PATH, &compact, &result));
    assert_ok(vhd_resize(PATH, &smaller));
    mem_fs_peek(fs, PATH, place, now, sizeof now);
    assert_memory_equal(now, contents, sizeof now);
    mem_fs_peek(fs, PATH, VHDX_REGION_TABLE1_OFFSET, raw, sizeof raw);
    struct vhdx_regions regions;
    assert_ok(vhdx_regions_decode(raw, PATH, &regions));
    assert_int_equal(regions.count, 3);
    assert_int_equal(regions.entries[2].offset, place);
    assert_int_equal(regions.entries[2].length, length);
    vhdx_regions_free(&regions);
    mem_fs_free(fs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encode__both_regions__bat_first_and_required),
        cmocka_unit_test(decode__required_bits_as_qemu_writes_them__accepted),
        cmocka_unit_test(decode__unknown_region__kept_when_optional_refused_when_required),
        cmocka_unit_test(decode__entries_out_of_place__refused),
        cmocka_unit_test(decode__damaged_table__refused),
        cmocka_unit_test(open__one_copy_damaged__other_is_used_and_the_first_write_repairs),
        cmocka_unit_test(open__both_copies_damaged__refused),
        cmocka_unit_test(every_change__unknown_optional_region__never_touched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
