#include "tests/support/test.h"

#include <string.h>

#include "base/endian.h"
#include "tests/support/test_fs.h"
#include "tests/support/vhd1_disk.h"
#include "vhd/errors.h"
#include "vhd/vhd1/vhd1.h"

#define PATH "/disk.vhd"
#define MIB  (1ull << 20)
#define SIZE (8 * MIB)
#define BAT  ((uint64_t)VHD1_DISK_TABLE)
// Where create and the first two writes of make_dynamic put things.
#define FIRST_BLOCK_SECTOR 15u

static enum status open_as(bool writable, bool no_parents, struct vhd **disk)
{
    const struct vhd_open how = {.fs = mem_fs_system(test_fs),
                                 .writable = writable,
                                 .share = FILE_SHARE_DENY_WRITE,
                                 .no_parents = no_parents};
    return vhd_open(PATH, &how, disk);
}

// Opening must fail so for reading and for writing, and change nothing.
static void assert_refused(enum status expected, uint32_t code)
{
    struct vhd *disk;
    struct mem_fs *before = mem_fs_clone(test_fs);
    for (int writable = 0; writable < 2; writable++) {
        assert_status(open_as(writable != 0, false, &disk), expected);
        assert_int_equal(status_last()->os_code, code);
        assert_non_null(strstr(status_last()->message, PATH));
        assert_true(mem_fs_equal(test_fs, PATH, before, PATH));
    }
    mem_fs_free(before);
}

static void create(enum vhd_type type)
{
    vhd1_disk_create(test_fs, PATH, type, SIZE, 0);
}

// Two blocks are there: 0 at sector 15, 3 behind it.
static void make_dynamic(void)
{
    uint8_t sector[512];
    struct vhd *disk;
    memset(sector, 0x5a, sizeof sector);
    create(VHD_TYPE_DYNAMIC);
    assert_ok(open_as(true, false, &disk));
    assert_ok(vhd_write(disk, 0, sector, sizeof sector));
    assert_ok(vhd_write(disk, 6 * MIB, sector, sizeof sector));
    assert_ok(vhd_close(disk));
}

static uint64_t footer_at(void)
{
    return vhd1_disk_footer_at(test_fs, PATH);
}

static void poke_be32(uint64_t offset, uint32_t value)
{
    vhd1_disk_poke_be32(test_fs, PATH, offset, value);
}

static void poke_footers(uint64_t field, const void *data, size_t size)
{
    vhd1_disk_poke_footers(test_fs, PATH, field, data, size);
}

static void open__no_disk__says_so(void **state)
{
    (void)state;
    uint8_t noise[2048];
    memset(noise, 0x11, sizeof noise);
    mem_fs_put(test_fs, PATH, noise, sizeof noise);
    assert_refused(STATUS_NOT_A_DISK, VHD_ERROR_NOT_VIRTUAL_DISK);
    mem_fs_put(test_fs, PATH, noise, 100);
    assert_refused(STATUS_NOT_A_DISK, VHD_ERROR_NOT_VIRTUAL_DISK);
    mem_fs_put(test_fs, PATH, noise, 0);
    assert_refused(STATUS_NOT_A_DISK, VHD_ERROR_NOT_VIRTUAL_DISK);
}

static void open__both_footers_bad__damaged(void **state)
{
    (void)state;
    make_dynamic();
    poke_be32(40, 1);
    poke_be32(footer_at() + 40, 1);
    assert_refused(STATUS_DAMAGED, VHD_ERROR_DRIVE_FOOTER_CHECKSUM_MISMATCH);
}

static void open__fixed_footer_bad__first_sector_is_not_believed(void **state)
{
    (void)state;
    uint8_t footer[512];
    create(VHD_TYPE_FIXED);
    mem_fs_peek(test_fs, PATH, footer_at(), footer, sizeof footer);
    mem_fs_poke(test_fs, PATH, 0, footer, sizeof footer); // what a guest can write
    poke_be32(footer_at() + 40, 1);
    assert_refused(STATUS_DAMAGED, VHD_ERROR_DRIVE_FOOTER_CHECKSUM_MISMATCH);
}

static void open__legacy_footer_of_511_bytes__opens(void **state)
{
    (void)state;
    struct vhd *disk;
    uint8_t read[512];
    make_dynamic();
    mem_fs_resize(test_fs, PATH, mem_fs_size(test_fs, PATH) - 1);
    assert_ok(open_as(true, false, &disk));
    memset(read, 0x33, sizeof read);
    assert_ok(vhd_write(disk, 3 * MIB, read, sizeof read));
    assert_ok(vhd_read(disk, 6 * MIB, read, sizeof read));
    assert_int_equal(read[511], 0x5a);
    assert_ok(vhd_close(disk));
    assert_ok(open_as(false, false, &disk));
    assert_ok(vhd_read(disk, 3 * MIB, read, sizeof read));
    assert_int_equal(read[0], 0x33);
    assert_ok(vhd_close(disk));
}

// The same at the end of a dynamic disk whose footer was lost: a header and a parent of the guest's
// choice would follow.
static void open__guests_footer_at_the_end__copy_is_believed(void **state)
{
    (void)state;
    uint8_t footer[512], sector[512];
    struct vhd_info info;
    make_dynamic();
    mem_fs_peek(test_fs, PATH, 0, footer, sizeof footer);
    store_be32(footer + 60, VHD_TYPE_DIFFERENCING);
    store_be64(footer + 16, 15 * 512 + 512);
    store_be32(footer + 64, vhd1_checksum(footer, sizeof footer, 64));
    mem_fs_poke(test_fs, PATH, footer_at(), footer, sizeof footer);
    for (int writable = 0; writable < 2; writable++) {
        struct vhd *disk;
        assert_ok(open_as(writable != 0, false, &disk));
        vhd_get_info(disk, &info);
        assert_int_equal(info.type, VHD_TYPE_DYNAMIC);
        assert_ok(vhd_read(disk, 6 * MIB, sector, sizeof sector));
        assert_int_equal(sector[0], 0x5a);
        assert_ok(vhd_close(disk));
    }
    assert_true(vhd1_disk_has_two_footers(test_fs, PATH));
}

// A guest may write what it likes into its disk, a VHDX with any file of the host as its parent
// included.
static void open__fixed_vhd_that_begins_like_a_vhdx__is_a_vhd(void **state)
{
    (void)state;
    struct vhd_info info;
    struct vhd *disk;
    create(VHD_TYPE_FIXED);
    mem_fs_poke(test_fs, PATH, 0, "vhdxfile", 8);
    assert_ok(open_as(false, false, &disk));
    vhd_get_info(disk, &info);
    assert_int_equal(info.format, VHD_FORMAT_VHD);
    assert_ok(vhd_close(disk));
}

static void open__fixed__cut_short__damaged(void **state)
{
    (void)state;
    uint8_t footer[512];
    create(VHD_TYPE_FIXED);
    mem_fs_peek(test_fs, PATH, footer_at(), footer, sizeof footer);
    mem_fs_resize(test_fs, PATH, SIZE - 4096);
    mem_fs_poke(test_fs, PATH, SIZE - 4096, footer, sizeof footer);
    assert_refused(STATUS_DAMAGED, VHD_ERROR_INVALID_FILE_SIZE);
}

static void open__fixed__longer_than_the_disk__opens(void **state)
{
    (void)state;
    uint8_t footer[512];
    struct vhd *disk;
    struct vhd_info info;
    create(VHD_TYPE_FIXED);
    mem_fs_peek(test_fs, PATH, footer_at(), footer, sizeof footer);
    mem_fs_poke(test_fs, PATH, SIZE + 4096, footer, sizeof footer);
    assert_ok(open_as(false, false, &disk));
    vhd_get_info(disk, &info);
    assert_int_equal(info.virtual_size, SIZE);
    assert_ok(vhd_close(disk));
}

static void open__footer_fields__checked(void **state)
{
    (void)state;
    uint8_t raw[8];
    make_dynamic();
    struct mem_fs *good = mem_fs_clone(test_fs);

    store_be32(raw, 0x00020000);
    poke_footers(12, raw, 4);
    assert_refused(STATUS_UNSUPPORTED, VHD_ERROR_FORMAT_UNSUPPORTED_VERSION);

    static const struct {
        uint64_t size;
        uint32_t code;
    } sizes[] = {{0, VHD_ERROR_INVALID_SIZE},
                 {SIZE + 1, VHD_ERROR_INVALID_SIZE},
                 {VHD1_SIZE_MAX + 512, VHD_ERROR_INVALID_SIZE},
                 {UINT64_MAX - 511, VHD_ERROR_INVALID_SIZE},
                 {SIZE + 512, VHD_ERROR_SPARSE_HEADER_CORRUPT}}; // the table is too short for that
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        mem_fs_free(test_fs);
        test_fs = mem_fs_clone(good);
        store_be64(raw, sizes[i].size);
        poke_footers(48, raw, 8);
        assert_refused(STATUS_DAMAGED, sizes[i].code);
    }
    mem_fs_free(test_fs);
    test_fs = mem_fs_clone(good);
    store_be32(raw, 7);
    poke_footers(60, raw, 4);
    assert_refused(STATUS_UNSUPPORTED, VHD_ERROR_INVALID_TYPE);

    static const uint64_t header_places[] = {0, 256, UINT64_MAX, UINT64_MAX - 100, 1ull << 40};
    for (size_t i = 0; i < sizeof header_places / sizeof *header_places; i++) {
        mem_fs_free(test_fs);
        test_fs = mem_fs_clone(good);
        store_be64(raw, header_places[i]);
        poke_footers(16, raw, 8);
        assert_refused(STATUS_DAMAGED, VHD_ERROR_SPARSE_HEADER_CORRUPT);
    }
    mem_fs_free(good);
}

static void open__header_fields__checked(void **state)
{
    (void)state;
    static const struct {
        uint64_t field;
        uint32_t value;
        bool sealed;
        enum status status;
        uint32_t code;
    } cases[] = {
        {0, 0, true, STATUS_DAMAGED, VHD_ERROR_SPARSE_HEADER_CORRUPT},
        {100, 1, false, STATUS_DAMAGED, VHD_ERROR_SPARSE_HEADER_CHECKSUM_MISMATCH},
        {24, 0x00020000, true, STATUS_UNSUPPORTED, VHD_ERROR_SPARSE_HEADER_UNSUPPORTED_VERSION},
        {28, 3, true, STATUS_DAMAGED, VHD_ERROR_SPARSE_HEADER_CORRUPT}, // entries: 4 are needed
        {32, 0, true, STATUS_DAMAGED, VHD_ERROR_INVALID_BLOCK_SIZE},
        {32, 2048, true, STATUS_DAMAGED, VHD_ERROR_INVALID_BLOCK_SIZE},
        {32, 3 << 20, true, STATUS_DAMAGED, VHD_ERROR_INVALID_BLOCK_SIZE},
        {32, 1u << 31, true, STATUS_DAMAGED, VHD_ERROR_INVALID_BLOCK_SIZE},
        {20, 0, true, STATUS_DAMAGED, VHD_ERROR_SPARSE_HEADER_CORRUPT}, // the table over the footer
        {20, 1537, true, STATUS_DAMAGED, VHD_ERROR_SPARSE_HEADER_CORRUPT},
        {20, 512, true, STATUS_DAMAGED, VHD_ERROR_BLOCK_ALLOCATION_TABLE_CORRUPT},
        {16, 1, true, STATUS_DAMAGED, VHD_ERROR_BLOCK_ALLOCATION_TABLE_CORRUPT}, // past the end
    };
    make_dynamic();
    struct mem_fs *good = mem_fs_clone(test_fs);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mem_fs_free(test_fs);
        test_fs = mem_fs_clone(good);
        poke_be32(512 + cases[i].field, cases[i].value);
        if (cases[i].sealed)
            vhd1_disk_seal(test_fs, PATH, 512, 1024, VHD1_DISK_HEADER_CHECKSUM);
        assert_refused(cases[i].status, cases[i].code);
    }
    mem_fs_free(good);
}

static void open__table_entries__checked(void **state)
{
    (void)state;
    static const uint32_t bad[] = {
        0, // over the footer's copy
        1,
        2,                         // over the header
        3,                         // over the table
        FIRST_BLOCK_SECTOR,        // the same as block 0
        FIRST_BLOCK_SECTOR + 1,    // inside block 0
        FIRST_BLOCK_SECTOR + 4096, // its last sector
        100000,                    // past the end
        VHD1_BAT_UNUSED - 1,
    };
    make_dynamic();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        poke_be32(BAT + 4, bad[i]);
        assert_refused(STATUS_DAMAGED, VHD_ERROR_BLOCK_ALLOCATION_TABLE_CORRUPT);
    }
}

static void open__last_block_cut_where_the_disk_ends__opens_and_grows(void **state)
{
    (void)state;
    uint8_t footer[512], sector[512];
    struct vhd *disk;
    const struct vhd_create how = {.fs = mem_fs_system(test_fs),
                                   .format = VHD_FORMAT_VHD,
                                   .type = VHD_TYPE_DYNAMIC,
                                   .virtual_size = 5 * MIB};
    memset(sector, 0x44, sizeof sector);
    assert_ok(vhd_create(PATH, &how));
    assert_ok(open_as(true, false, &disk));
    assert_ok(vhd_write(disk, 4 * MIB, sector, sizeof sector));
    assert_ok(vhd_close(disk));
    mem_fs_peek(test_fs, PATH, 0, footer, sizeof footer);
    uint64_t data = (FIRST_BLOCK_SECTOR + 1) * 512;
    mem_fs_resize(test_fs, PATH, data + MIB);
    mem_fs_poke(test_fs, PATH, data + MIB, footer, sizeof footer);

    assert_ok(open_as(true, false, &disk));
    assert_ok(vhd_write(disk, 0, sector, sizeof sector));
    assert_ok(vhd_close(disk));
    assert_ok(open_as(false, false, &disk));
    assert_ok(vhd_read(disk, 4 * MIB, sector, sizeof sector));
    assert_int_equal(sector[0], 0x44);
    assert_ok(vhd_close(disk));
}

static void open__entries_past_the_disks_size__ignored(void **state)
{
    (void)state;
    struct vhd *disk;
    uint8_t sector[512] = {1}, kept[4];
    make_dynamic();
    poke_be32(512 + 28, 5);
    vhd1_disk_seal(test_fs, PATH, 512, 1024, VHD1_DISK_HEADER_CHECKSUM);
    poke_be32(BAT + 4 * 4, 2); // junk, as some programs leave it
    assert_ok(open_as(true, false, &disk));
    assert_ok(vhd_write(disk, 4 * MIB, sector, sizeof sector));
    assert_ok(vhd_close(disk));
    mem_fs_peek(test_fs, PATH, BAT + 4 * 4, kept, sizeof kept);
    assert_int_equal(load_be32(kept), 2);
}

static void open__differencing_alone__info_and_map(void **state)
{
    (void)state;
    struct vhd_info info;
    struct vhd_extent extent;
    struct vhd *disk;
    uint8_t type[4], sector[512];
    make_dynamic();
    store_be32(type, VHD_TYPE_DIFFERENCING);
    poke_footers(60, type, sizeof type);
    assert_refused(STATUS_PARENT_MISSING, VHD_ERROR_PARENT_VHD_NOT_FOUND);

    assert_ok(open_as(true, true, &disk));
    vhd_get_info(disk, &info);
    assert_int_equal(info.type, VHD_TYPE_DIFFERENCING);
    assert_int_equal(info.virtual_size, SIZE);
    assert_int_equal(info.allocated, 4 * MIB);
    assert_ok(vhd_map(disk, VHD_MAP_LEAF, 2 * MIB, SIZE, &extent));
    assert_int_equal(extent.kind, VHD_EXTENT_PARENT);
    assert_int_equal(extent.length, 4 * MIB);
    assert_ok(vhd_read(disk, 6 * MIB, sector, sizeof sector));
    assert_int_equal(sector[0], 0x5a);
    assert_status(vhd_read(disk, 2 * MIB, sector, sizeof sector), STATUS_PARENT_MISSING);
    assert_ok(vhd_close(disk));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_WITH_FS(open__no_disk__says_so),
        TEST_WITH_FS(open__both_footers_bad__damaged),
        TEST_WITH_FS(open__fixed_footer_bad__first_sector_is_not_believed),
        TEST_WITH_FS(open__legacy_footer_of_511_bytes__opens),
        TEST_WITH_FS(open__guests_footer_at_the_end__copy_is_believed),
        TEST_WITH_FS(open__fixed_vhd_that_begins_like_a_vhdx__is_a_vhd),
        TEST_WITH_FS(open__fixed__cut_short__damaged),
        TEST_WITH_FS(open__fixed__longer_than_the_disk__opens),
        TEST_WITH_FS(open__footer_fields__checked),
        TEST_WITH_FS(open__header_fields__checked),
        TEST_WITH_FS(open__table_entries__checked),
        TEST_WITH_FS(open__last_block_cut_where_the_disk_ends__opens_and_grows),
        TEST_WITH_FS(open__entries_past_the_disks_size__ignored),
        TEST_WITH_FS(open__differencing_alone__info_and_map),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
