#include "tests/support/test.h"

#include <string.h>

#include "base/endian.h"
#include "tests/support/vhdx_disk.h"
#include "vhd/errors.h"
#include "vhd/chain.h"
#include "vhd/vhdx/image.h"

#define PATH  "/disk.vhdx"
#define CHILD "/child.vhdx"

static void geometry__spec_examples__match(void **state)
{
    (void)state;
    struct vhdx_geometry g;
    vhdx_geometry_init(&g, 4 * MIB, 32 << 20, 512, false);
    assert_int_equal(1 << g.chunk_ratio_shift, 128);
    assert_int_equal(g.block_count, 1);
    assert_int_equal(g.entry_count, 1);
    assert_int_equal(vhdx_block_length(&g, 0), 4 * MIB);
    // 4097 blocks of 1 MiB with a ratio of 4096: one bitmap entry lies between the last two.
    vhdx_geometry_init(&g, 4097 * MIB, 1 << 20, 512, false);
    assert_int_equal(g.entry_count, 4098);
    assert_int_equal(vhdx_payload_index(&g, 4095), 4095);
    assert_int_equal(vhdx_bitmap_index(&g, 0), 4096);
    assert_int_equal(vhdx_payload_index(&g, 4096), 4097);
    vhdx_geometry_init(&g, 4097 * MIB, 1 << 20, 512, true);
    assert_int_equal(g.entry_count, 2 * 4097);
    vhdx_geometry_init(&g, 4 * MIB, 256 << 20, 4096, true);
    assert_int_equal(1 << g.chunk_ratio_shift, 128);
    // The largest table: 513 MiB.
    vhdx_geometry_init(&g, 64ull << 40, 1 << 20, 512, true);
    assert_int_equal(g.entry_count * 8, (512ull << 20) + 16384 * 8);
}

static void decode__every_state__says_what_a_reader_does(void **state)
{
    (void)state;
    static const struct {
        uint64_t raw;
        enum vhdx_block_state base, child;
        uint64_t offset;
    } cases[] = {
        {5 * MIB | 0, VHDX_BLOCK_NOT_PRESENT, VHDX_BLOCK_NOT_PRESENT, 0},
        {5 * MIB | 1, VHDX_BLOCK_UNDEFINED, VHDX_BLOCK_UNDEFINED, 5 * MIB},
        {5 * MIB | 2, VHDX_BLOCK_ZERO, VHDX_BLOCK_ZERO, 0},
        {5 * MIB | 3, VHDX_BLOCK_UNMAPPED, VHDX_BLOCK_UNMAPPED, 5 * MIB},
        {5 * MIB | 4, VHDX_BLOCK_UNMAPPED, VHDX_BLOCK_UNMAPPED, 5 * MIB},
        {5 * MIB | 5, VHDX_BLOCK_UNMAPPED, VHDX_BLOCK_UNMAPPED, 5 * MIB},
        {5 * MIB | 6, VHDX_BLOCK_FULLY_PRESENT, VHDX_BLOCK_FULLY_PRESENT, 5 * MIB},
        {5 * MIB | 7, VHDX_BLOCK_FULLY_PRESENT, VHDX_BLOCK_PARTIALLY_PRESENT, 5 * MIB},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct vhdx_block block = vhdx_payload_decode(cases[i].raw, false);
        assert_int_equal(block.state, cases[i].base);
        assert_int_equal(block.offset, cases[i].offset);
        block = vhdx_payload_decode(cases[i].raw, true);
        assert_int_equal(block.state, cases[i].child);
        assert_int_equal(block.offset, cases[i].offset);
    }
    struct vhdx_block full = {.state = VHDX_BLOCK_FULLY_PRESENT, .offset = 7 * MIB};
    assert_int_equal(vhdx_block_encode(&full), 7 * MIB | 6);
}

// A dynamic disk of 16 MiB in blocks of 1 MiB, the first two of them written, and a child with one
// partial block.
static struct mem_fs *with_disks(void)
{
    struct mem_fs *fs = mem_fs_new();
    vhdx_test_create(mem_fs_system(fs), PATH, VHD_TYPE_DYNAMIC, 16 * MIB, 1 << 20);
    struct vhd *disk = vhdx_test_open(mem_fs_system(fs), PATH, true);
    vhdx_test_fill(disk, 0, 2 * MIB, 0x11);
    assert_ok(vhd_close(disk));
    assert_ok(vhd_create_child(CHILD, PATH, mem_fs_system(fs)));
    disk = vhdx_test_open(mem_fs_system(fs), CHILD, true);
    vhdx_test_fill(disk, 4096, 512, 0x11);
    assert_ok(vhd_close(disk));
    return fs;
}

static uint64_t get_entry(struct mem_fs *fs, const char *path, uint64_t index)
{
    return vhdx_test_entry(fs, path, VHDX_TEST_BAT, index);
}

static void set_entry(struct mem_fs *fs, const char *path, uint64_t index, uint64_t value)
{
    vhdx_test_set_entry(fs, path, VHDX_TEST_BAT, index, value);
}

static enum status try_open(struct mem_fs *fs, const char *path)
{
    struct vhd_open how = {.fs = mem_fs_system(fs), .share = FILE_SHARE_DENY_WRITE};
    struct vhd *disk;
    enum status status = vhd_open(path, &how, &disk);
    if (!status)
        vhd_abandon(disk);
    return status;
}

static void open__entries_that_would_corrupt__refused(void **state)
{
    (void)state;
    struct mem_fs *fs = with_disks();
    uint64_t first = get_entry(fs, PATH, 0);
    assert_int_equal(first & 7, VHDX_BLOCK_FULLY_PRESENT);
    const uint64_t bad[] = {
        VHDX_BLOCK_FULLY_PRESENT,                 // on the headers
        1 * MIB | VHDX_BLOCK_FULLY_PRESENT,       // on the log
        2 * MIB | VHDX_BLOCK_FULLY_PRESENT,       // on the metadata
        VHDX_TEST_BAT | VHDX_BLOCK_FULLY_PRESENT, // on the table itself
        mem_fs_size(fs, PATH) | VHDX_BLOCK_FULLY_PRESENT,
        UINT64_MAX << 20 | VHDX_BLOCK_FULLY_PRESENT,
        get_entry(fs, PATH, 1), // where block 1 is
        first | 1u << 9,        // reserved bits
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        set_entry(fs, PATH, 0, bad[i]);
        assert_status(try_open(fs, PATH), STATUS_DAMAGED);
        assert_int_equal(status_last()->os_code, VHD_ERROR_BLOCK_ALLOCATION_TABLE_CORRUPT);
    }
    set_entry(fs, PATH, 0, first);
    assert_ok(try_open(fs, PATH));
    mem_fs_free(fs);
}

static void open__entries_that_other_programs_leave__accepted(void **state)
{
    (void)state;
    struct mem_fs *fs = with_disks();
    set_entry(fs, PATH, 16, 2); // past the last entry: QEMU
    set_entry(fs, PATH, 17, 4 * MIB | 6);
    set_entry(fs, PATH, 5, 900 * MIB | 0); // reserved offset of a block that is not present
    set_entry(fs, PATH, 6, 5);             // UNMAPPED of version 0.95
    set_entry(fs, PATH, 7, get_entry(fs, PATH, 1) - 6 + 3); // where the block once was
    assert_ok(try_open(fs, PATH));
    mem_fs_free(fs);
}

static void open__partial_block_without_bitmap__refused(void **state)
{
    (void)state;
    struct mem_fs *fs = with_disks();
    struct vhdx_geometry g;
    vhdx_geometry_init(&g, 16 * MIB, 2 << 20, 512, true);
    assert_int_equal(get_entry(fs, CHILD, 0) & 7, VHDX_BLOCK_PARTIALLY_PRESENT);
    assert_int_equal(get_entry(fs, CHILD, vhdx_bitmap_index(&g, 0)) & 7, 6);
    set_entry(fs, CHILD, vhdx_bitmap_index(&g, 0), 0);
    assert_status(try_open(fs, CHILD), STATUS_DAMAGED);
    assert_non_null(strstr(status_last()->message, "sector bitmap"));
    mem_fs_free(fs);
}

static void open__table_too_short_for_the_disk__refused(void **state)
{
    (void)state;
    struct mem_fs *fs = with_disks();
    uint8_t size[8];
    store_le64(size, 64ull << 40);
    // The size is the second item of the metadata.
    mem_fs_poke(fs, PATH, 2 * MIB + 64 * 1024 + 8, size, sizeof size);
    assert_status(try_open(fs, PATH), STATUS_DAMAGED);
    assert_int_equal(status_last()->os_code, VHD_ERROR_BLOCK_ALLOCATION_TABLE_CORRUPT);
    mem_fs_free(fs);
}

static void write_blocks(struct mem_fs *fs, uint64_t offset, size_t size, uint8_t value)
{
    struct vhd_open how = {.fs = mem_fs_system(fs), .writable = true, .share = FILE_SHARE_NOTHING};
    struct vhd *disk;
    static uint8_t data[4 << 20];
    assert_true(size <= sizeof data);
    memset(data, value, size);
    assert_ok(vhd_open(PATH, &how, &disk));
    assert_ok(vhd_write(disk, offset, data, size));
    assert_ok(vhd_close(disk));
}

static void assert_reads(struct mem_fs *fs, uint64_t offset, size_t size, uint8_t value)
{
    struct vhd_open how = {.fs = mem_fs_system(fs), .share = FILE_SHARE_DENY_WRITE};
    struct vhd *disk;
    static uint8_t data[4 << 20];
    assert_ok(vhd_open(PATH, &how, &disk));
    assert_ok(vhd_read(disk, offset, data, size));
    for (size_t i = 0; i < size; i++)
        assert_int_equal(data[i], value);
    vhd_abandon(disk);
}

// A block that became UNMAPPED or UNDEFINED and remembers its place: nobody else gets that, and it
// has it again when it is written, without what lay there.
static void write__soft_anchors__keep_their_room(void **state)
{
    (void)state;
    static const enum vhdx_block_state states[] = {VHDX_BLOCK_UNDEFINED, VHDX_BLOCK_UNMAPPED};
    for (size_t i = 0; i < 2; i++) {
        struct mem_fs *fs = with_disks();
        uint64_t place = get_entry(fs, PATH, 0) & ~7ull;
        set_entry(fs, PATH, 0, place | states[i]);
        assert_reads(fs, 0, 4096, 0);
        write_blocks(fs, 4 * MIB, 4 << 20, 0x22);
        assert_int_equal(get_entry(fs, PATH, 0), place | states[i]);
        for (uint64_t block = 1; block < 8; block++)
            assert_int_not_equal(get_entry(fs, PATH, block) & ~7ull, place);
        write_blocks(fs, 512, 512, 0x33);
        assert_int_equal(get_entry(fs, PATH, 0), place | VHDX_BLOCK_FULLY_PRESENT);
        assert_reads(fs, 0, 512, 0);
        assert_reads(fs, 512, 512, 0x33);
        assert_reads(fs, 1024, (1 << 20) - 1024, 0);
        mem_fs_free(fs);
    }
}

// Other programs may read what they like from a block without contents, but zeros where they were
// written: zeroing any part of it makes it ZERO, and the room of its anchor is free again.
static void zero__block_without_contents__is_zero_and_its_room_free(void **state)
{
    (void)state;
    static const enum vhdx_block_state states[] = {VHDX_BLOCK_UNDEFINED, VHDX_BLOCK_UNMAPPED};
    static const uint64_t lengths[] = {MIB, 4096};
    for (size_t i = 0; i < 4; i++) {
        struct mem_fs *fs = with_disks();
        uint64_t place = get_entry(fs, PATH, 0) & ~7ull;
        set_entry(fs, PATH, 0, place | states[i / 2]);
        struct vhd *disk = vhdx_test_open(mem_fs_system(fs), PATH, true);
        assert_ok(vhd_zero(disk, 0, lengths[i % 2]));
        assert_ok(vhd_close(disk));
        assert_int_equal(get_entry(fs, PATH, 0), VHDX_BLOCK_ZERO);
        write_blocks(fs, 9 * MIB, 512, 0x44);
        assert_int_equal(get_entry(fs, PATH, 9), place | VHDX_BLOCK_FULLY_PRESENT);
        assert_reads(fs, 9 * MIB + 512, (1 << 20) - 512, 0);
        mem_fs_free(fs);
    }
}

// An anchor where something else is, or past the end of the file, is no reason to refuse a disk;
// then no anchor counts.
static void write__soft_anchors_in_bad_places__ignored(void **state)
{
    (void)state;
    struct mem_fs *fs = with_disks();
    uint64_t other = get_entry(fs, PATH, 1) & ~7ull;
    set_entry(fs, PATH, 4, other | VHDX_BLOCK_UNMAPPED);
    set_entry(fs, PATH, 5, 900 * MIB | VHDX_BLOCK_UNDEFINED);
    write_blocks(fs, 4 * MIB, 2 << 20, 0x55);
    write_blocks(fs, 6 * MIB, 512, 0x56);
    assert_reads(fs, MIB, 1 << 20, 0x11);
    assert_reads(fs, 4 * MIB, 2 << 20, 0x55);
    assert_int_not_equal(get_entry(fs, PATH, 4) & ~7ull, other);
    mem_fs_free(fs);
}

// LeaveBlocksAllocated is ignored when HasParent is set: a block of zeros loses its place.
static void zero__child_with_the_flag_of_fixed_disks__loses_its_block(void **state)
{
    (void)state;
    struct mem_fs *fs = with_disks();
    uint8_t flags = 3;
    mem_fs_poke(fs, CHILD, 2 * MIB + 64 * 1024 + 4, &flags, 1); // File Parameters
    struct vhd_open how = {.fs = mem_fs_system(fs), .writable = true, .share = FILE_SHARE_NOTHING};
    struct vhd *disk;
    struct vhd_info info;
    assert_ok(vhd_open(CHILD, &how, &disk));
    vhd_get_info(disk, &info);
    assert_int_equal(info.type, VHD_TYPE_DIFFERENCING);
    assert_ok(vhd_zero(disk, 0, 2 * MIB));
    assert_ok(vhd_close(disk));
    assert_int_equal(get_entry(fs, CHILD, 0), VHDX_BLOCK_ZERO);
    mem_fs_free(fs);
}

static void repeats__equal_entries__counted_over_bitmap_entries(void **state)
{
    (void)state;
    // Chunks of 16 blocks of 256 MiB, whose 17th entry is the bitmap's.
    struct mem_fs *fs = mem_fs_new();
    struct vhd_create how = {.fs = mem_fs_system(fs),
                             .format = VHD_FORMAT_VHDX,
                             .type = VHD_TYPE_DYNAMIC,
                             .virtual_size = 64ull * (256 * MIB),
                             .block_size = 256u << 20};
    assert_ok(vhd_create(PATH, &how));
    set_entry(fs, PATH, 16, 0x1234567); // junk
    set_entry(fs, PATH, 40 + 40 / 16, VHDX_BLOCK_ZERO);
    struct vhd_open open = {.fs = mem_fs_system(fs), .share = FILE_SHARE_DENY_WRITE};
    struct vhd *disk;
    assert_ok(vhd_open(PATH, &open, &disk));
    struct vhdx_bat *bat = &vhdx_of(disk->image)->bat;
    uint64_t count;
    assert_ok(vhdx_bat_repeats(bat, 0, 64, &count));
    assert_int_equal(count, 40);
    assert_ok(vhdx_bat_repeats(bat, 0, 20, &count));
    assert_int_equal(count, 20);
    assert_ok(vhdx_bat_repeats(bat, 40, 24, &count));
    assert_int_equal(count, 1);
    assert_ok(vhdx_bat_repeats(bat, 41, 23, &count));
    assert_int_equal(count, 23);
    vhd_abandon(disk);
    mem_fs_free(fs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(geometry__spec_examples__match),
        cmocka_unit_test(decode__every_state__says_what_a_reader_does),
        cmocka_unit_test(open__entries_that_would_corrupt__refused),
        cmocka_unit_test(open__entries_that_other_programs_leave__accepted),
        cmocka_unit_test(open__partial_block_without_bitmap__refused),
        cmocka_unit_test(open__table_too_short_for_the_disk__refused),
        cmocka_unit_test(write__soft_anchors__keep_their_room),
        cmocka_unit_test(zero__block_without_contents__is_zero_and_its_room_free),
        cmocka_unit_test(write__soft_anchors_in_bad_places__ignored),
        cmocka_unit_test(zero__child_with_the_flag_of_fixed_disks__loses_its_block),
        cmocka_unit_test(repeats__equal_entries__counted_over_bitmap_entries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
