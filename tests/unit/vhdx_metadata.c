#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/endian.h"
#include "tests/support/mem_fs.h"
#include "vhd/errors.h"
#include "vhd/vhdx/metadata.h"

#define PATH "/region"

static const struct vhdx_metadata sample = {
    .virtual_size = 4 << 20,
    .block_size = 2 << 20,
    .has_parent = true,
    .logical_sector_size = 512,
    .physical_sector_size = 4096,
    .virtual_disk_id =
        GUID_INIT(0xD62318CC, 0x56CE, 0x42E2, 0x89, 0x8D, 0x16, 0xE1, 0xD1, 0xC9, 0x84, 0x3E),
};

// Where the entries of the table and the items are, as Windows orders them.
enum { PARAMETERS, SIZE, LOGICAL, PHYSICAL, DISK_ID, LOCATOR };
#define ENTRY(index) (32 + 32 * (index))
#define ITEMS        VHDX_METADATA_TABLE_SIZE

static uint8_t *raw;
static size_t raw_size;

static int build(void **state)
{
    (void)state;
    assert_ok(vhdx_metadata_encode(&sample, (const uint8_t *)"locator", 7, &raw, &raw_size));
    return 0;
}

static int discard(void **state)
{
    (void)state;
    free(raw);
    return 0;
}

// Reads `raw` as a metadata region at the beginning of a file.
static enum status read_region(struct vhdx_metadata *out)
{
    const struct vhdx_region region = {.offset = 0, .length = 1 << 20};
    struct mem_fs *fs = mem_fs_new();
    mem_fs_put(fs, PATH, raw, raw_size);
    struct file_open how = {.share = FILE_SHARE_DENY_WRITE};
    struct file *file;
    struct vhdx_view view;
    assert_ok(mem_fs_system(fs)->open(mem_fs_system(fs), PATH, &how, &file));
    assert_ok(vhdx_view_init(&view, file));
    enum status status = vhdx_metadata_read(&view, &region, out);
    vhdx_view_free(&view);
    file_close(file);
    mem_fs_free(fs);
    return status;
}

static void assert_reads(enum status expected)
{
    struct vhdx_metadata metadata;
    enum status status = read_region(&metadata);
    assert_status(status, expected);
    if (!status)
        vhdx_metadata_free(&metadata);
}

static void encode__all_items__packed_as_windows_packs_them(void **state)
{
    (void)state;
    static const struct {
        const struct guid *guid;
        uint32_t offset, length, flags;
    } items[] = {
        {&vhdx_guid_file_parameters, ITEMS, 8, 4},
        {&vhdx_guid_virtual_disk_size, ITEMS + 0x08, 8, 6},
        {&vhdx_guid_logical_sector_size, ITEMS + 0x10, 4, 6},
        {&vhdx_guid_physical_sector_size, ITEMS + 0x14, 4, 6},
        {&vhdx_guid_virtual_disk_id, ITEMS + 0x18, 16, 6},
        {&vhdx_guid_parent_locator, ITEMS + 0x28, 7, 4},
    };
    assert_memory_equal(raw, "metadata", 8);
    assert_int_equal(load_le16(raw + 10), 6);
    for (size_t i = 0; i < 6; i++) {
        const uint8_t *entry = raw + ENTRY(i);
        assert_memory_equal(entry, items[i].guid, 16);
        assert_int_equal(load_le32(entry + 16), items[i].offset);
        assert_int_equal(load_le32(entry + 20), items[i].length);
        assert_int_equal(load_le32(entry + 24), items[i].flags);
    }
    assert_int_equal(load_le32(raw + ITEMS + 4), 2); // HasParent
}

static void read__what_was_encoded__comes_back(void **state)
{
    (void)state;
    struct vhdx_metadata m;
    assert_ok(read_region(&m));
    assert_int_equal(m.virtual_size, sample.virtual_size);
    assert_int_equal(m.block_size, sample.block_size);
    assert_int_equal(m.logical_sector_size, 512);
    assert_int_equal(m.physical_sector_size, 4096);
    assert_true(m.has_parent);
    assert_false(m.leave_blocks_allocated);
    assert_true(guid_equal(&m.virtual_disk_id, &sample.virtual_disk_id));
    assert_int_equal(m.item_count, 6);
    vhdx_metadata_free(&m);
}

static void read__values_out_of_range__refused(void **state)
{
    (void)state;
    static const uint32_t block_sizes[] = {0, 1, 512 << 10, 3 << 20, 512u << 20};
    for (size_t i = 0; i < sizeof block_sizes / sizeof *block_sizes; i++) {
        store_le32(raw + ITEMS, block_sizes[i]);
        assert_reads(STATUS_DAMAGED);
        assert_int_equal(status_last()->os_code, VHD_ERROR_INVALID_BLOCK_SIZE);
    }
    store_le32(raw + ITEMS, 1 << 20);
    static const uint64_t sizes[] = {0, 511, 4096 + 100, (64ull << 40) + 512, UINT64_MAX - 511};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        store_le64(raw + ITEMS + 8, sizes[i]);
        assert_reads(STATUS_DAMAGED);
        assert_int_equal(status_last()->os_code, VHD_ERROR_INVALID_SIZE);
    }
    store_le64(raw + ITEMS + 8, 64ull << 40);
    assert_reads(STATUS_OK);
    store_le32(raw + ITEMS + 0x10, 1024);
    assert_reads(STATUS_DAMAGED);
    store_le32(raw + ITEMS + 0x10, 4096);
    store_le32(raw + ITEMS + 0x14, 0);
    assert_reads(STATUS_DAMAGED);
}

static void read__items_out_of_place__refused(void **state)
{
    (void)state;
    uint8_t *entry = raw + ENTRY(DISK_ID);
    static const uint32_t places[][2] = {
        {ITEMS - 8, 16},     // on the table
        {(1 << 20) - 8, 16}, // past the region
        {0xfffffff8, 16},    // far past it
        {ITEMS + 0x18, 8},   // too short
        {ITEMS + 0x10, 16},  // on another one
        {ITEMS, 0},          // empty, but somewhere
        {0, 0},              // empty
        {ITEMS, 2u << 20},   // too long
    };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        store_le32(entry + 16, places[i][0]);
        store_le32(entry + 20, places[i][1]);
        assert_reads(STATUS_DAMAGED);
    }
}

static void read__same_item_twice__refused(void **state)
{
    (void)state;
    memcpy(raw + ENTRY(LOCATOR), raw + ENTRY(DISK_ID), 16);
    assert_reads(STATUS_DAMAGED);
}

static void read__missing_item__refused(void **state)
{
    (void)state;
    for (unsigned i = PARAMETERS; i <= LOCATOR; i++) {
        uint8_t first = raw[ENTRY(i)];
        uint32_t flags = load_le32(raw + ENTRY(i) + 24);
        raw[ENTRY(i)] ^= 0xff;
        store_le32(raw + ENTRY(i) + 24, 0);
        assert_reads(STATUS_DAMAGED);
        raw[ENTRY(i)] = first;
        store_le32(raw + ENTRY(i) + 24, flags);
    }
    assert_reads(STATUS_OK);
}

static void read__unknown_item__kept_when_optional_refused_when_required(void **state)
{
    (void)state;
    uint8_t *entry = raw + ENTRY(6);
    store_le16(raw + 10, 7);
    memset(entry, 0x5a, 16);
    assert_reads(STATUS_OK);
    store_le32(entry + 24, 4);
    assert_reads(STATUS_UNSUPPORTED);
    // The same GUID as a known one is another item when it is a user's.
    memcpy(entry, &vhdx_guid_virtual_disk_id, 16);
    store_le32(entry + 24, 1);
    assert_reads(STATUS_OK);
}

static void read__incomplete_file_marker__refused(void **state)
{
    (void)state;
    store_le16(raw + 10, 7);
    memcpy(raw + ENTRY(6), &vhdx_guid_incomplete_file, 16);
    store_le32(raw + ENTRY(6) + 24, 4);
    assert_reads(STATUS_UNSUPPORTED);
    assert_non_null(strstr(status_last()->message, "unfinished"));
}

static void read__damaged_table__refused(void **state)
{
    (void)state;
    raw[0] = 'M';
    assert_reads(STATUS_DAMAGED);
    raw[0] = 'm';
    store_le16(raw + 10, 2048);
    assert_reads(STATUS_DAMAGED);
    raw_size = 60000;
    store_le16(raw + 10, 6);
    assert_reads(STATUS_DAMAGED);
}

static void encode__further_items__entries_come_last_and_do_not_overlap(void **state)
{
    (void)state;
    struct vhdx_metadata_item items[] = {
        {.guid = GUID_INIT(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11), .flags = 2, .length = 5},
        {.guid = GUID_INIT(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12), .flags = 3, .length = 0},
        {.guid = GUID_INIT(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13), .flags = 3, .length = 100000},
    };
    struct vhdx_metadata with_items = sample;
    with_items.items = items;
    with_items.item_count = 3;
    free(raw);
    assert_ok(vhdx_metadata_encode(&with_items, (const uint8_t *)"locator", 7, &raw, &raw_size));
    struct vhdx_metadata m;
    assert_ok(read_region(&m));
    assert_int_equal(m.item_count, 9);
    for (size_t i = 0; i < 3; i++) {
        struct vhdx_metadata_item *item =
            vhdx_metadata_find_item(&m, &items[i].guid, items[i].flags & VHDX_METADATA_IS_USER);
        assert_non_null(item);
        assert_int_equal(item->index, 6 + i);
        assert_int_equal(item->flags, items[i].flags);
        assert_int_equal(item->length, items[i].length);
        assert_int_equal(item->offset % 8, 0);
    }
    vhdx_metadata_free(&m);
}

#define WITH_REGION(test) cmocka_unit_test_setup_teardown(test, build, discard)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_REGION(encode__all_items__packed_as_windows_packs_them),
        WITH_REGION(read__what_was_encoded__comes_back),
        WITH_REGION(read__values_out_of_range__refused),
        WITH_REGION(read__items_out_of_place__refused),
        WITH_REGION(read__same_item_twice__refused),
        WITH_REGION(read__missing_item__refused),
        WITH_REGION(read__unknown_item__kept_when_optional_refused_when_required),
        WITH_REGION(read__incomplete_file_marker__refused),
        WITH_REGION(read__damaged_table__refused),
        WITH_REGION(encode__further_items__entries_come_last_and_do_not_overlap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
