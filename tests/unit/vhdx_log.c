// The log: what the writer writes, and what the replay takes from rings that are whole, wrapped,
// torn, stale or hostile.
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/endian.h"
#include "tests/support/mem_fs.h"
#include "vhd/errors.h"
#include "vhd/vhdx/log_entry.h"
#include "vhd/vhdx/log_replay.h"
#include "vhd/vhdx/log_write.h"

#define PATH        "/disk.vhdx"
#define MIB         (1ull << 20)
#define RING_OFFSET MIB
#define RING_LENGTH ((uint32_t)MIB)
#define HOME        (3 * MIB) // pages that the log writes

static const struct guid log_guid = GUID_INIT(0xAAAAAAAA, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10);

// A file of 4 MiB whose headers name a live log in its second MiB.
struct fixture {
    struct mem_fs *fs;
    struct file *file;
    struct vhdx_headers headers;
    uint64_t sequence_number; // of the next entry
};

static void setup(struct fixture *f)
{
    static uint8_t bytes[4 << 20];
    const struct file_open how = {.writable = true, .share = FILE_SHARE_NOTHING};
    memset(bytes, 0xee, sizeof bytes);
    memset(f, 0, sizeof *f);
    f->fs = mem_fs_new();
    mem_fs_put(f->fs, PATH, bytes, sizeof bytes);
    assert_ok(mem_fs_system(f->fs)->open(mem_fs_system(f->fs), PATH, &how, &f->file));
    f->headers.slot = 1;
    struct vhdx_header header = {
        .version = 1, .log_guid = log_guid, .log_length = RING_LENGTH, .log_offset = RING_OFFSET};
    assert_ok(vhdx_headers_replace_both(&f->headers, f->file, &header));
    f->sequence_number = 1000;
}

static void teardown(struct fixture *f)
{
    file_close(f->file);
    mem_fs_free(f->fs);
}

// Puts an entry of one page, filled with `fill`, at `at` of the ring, wrapping. Returns its end.
static uint32_t put_entry(struct fixture *f, uint32_t at, uint32_t tail, uint64_t home, int fill)
{
    static struct vhdx_page page;
    struct vhdx_page *pages[] = {&page};
    uint8_t raw[2 * VHDX_LOG_SECTOR];
    struct vhdx_log_entry entry = {.tail = tail,
                                   .sequence_number = f->sequence_number++,
                                   .log_guid = log_guid,
                                   .flushed_file_offset = 4 * MIB,
                                   .last_file_offset = 4 * MIB};
    page.offset = home;
    memset(page.data, fill, sizeof page.data);
    vhdx_log_entry_encode(&entry, pages, 1, raw);
    for (uint32_t s = 0; s < 2; s++)
        mem_fs_poke(f->fs, PATH, RING_OFFSET + (at + s * VHDX_LOG_SECTOR) % RING_LENGTH,
                    raw + s * VHDX_LOG_SECTOR, VHDX_LOG_SECTOR);
    return (at + 2 * VHDX_LOG_SECTOR) % RING_LENGTH;
}

// The byte that a reader sees at `offset` after a replay in memory; the file does not change.
static void assert_replays(struct fixture *f, uint64_t offset, uint8_t expected)
{
    struct mem_fs *before = mem_fs_clone(f->fs);
    struct vhdx_view view;
    uint8_t byte;
    assert_ok(vhdx_view_init(&view, f->file));
    assert_ok(vhdx_log_replay_to_view(&view, &f->headers.current));
    assert_ok(vhdx_view_read(&view, offset, &byte, 1));
    assert_int_equal(byte, expected);
    vhdx_view_free(&view);
    assert_true(mem_fs_equal(before, PATH, f->fs, PATH));
    mem_fs_free(before);
}

static void assert_refused(struct fixture *f, enum status expected)
{
    struct vhdx_view view;
    assert_ok(vhdx_view_init(&view, f->file));
    assert_status(vhdx_log_replay_to_view(&view, &f->headers.current), expected);
    vhdx_view_free(&view);
}

static void entry__known_page__bytes_are_split_as_the_format_wants(void **state)
{
    (void)state;
    static struct vhdx_page page;
    struct vhdx_page *pages[] = {&page};
    uint8_t raw[2 * VHDX_LOG_SECTOR];
    struct vhdx_log_entry entry = {.tail = 0x3000,
                                   .sequence_number = 0x1122334455667788,
                                   .log_guid = log_guid,
                                   .flushed_file_offset = 4 * MIB,
                                   .last_file_offset = 36 * MIB};
    page.offset = 0x300000;
    for (size_t i = 0; i < sizeof page.data; i++)
        page.data[i] = (uint8_t)(i * 7);
    assert_int_equal(vhdx_log_entry_size(1), sizeof raw);
    vhdx_log_entry_encode(&entry, pages, 1, raw);
    assert_memory_equal(raw, "loge", 4);
    assert_int_equal(load_le32(raw + 4), vhdx_checksum(raw, sizeof raw, 4));
    assert_int_equal(load_le32(raw + 8), sizeof raw);
    assert_int_equal(load_le32(raw + 12), 0x3000);
    assert_true(load_le64(raw + 16) == 0x1122334455667788);
    assert_int_equal(load_le32(raw + 24), 1);
    assert_int_equal(load_le64(raw + 48), 4 * MIB);
    assert_int_equal(load_le64(raw + 56), 36 * MIB);
    assert_memory_equal(raw + 64, "desc", 4);
    assert_memory_equal(raw + 68, page.data + 4092, 4);
    assert_memory_equal(raw + 72, page.data, 8);
    assert_int_equal(load_le64(raw + 80), 0x300000);
    assert_memory_equal(raw + 4096, "data", 4);
    assert_int_equal(load_le32(raw + 4100), 0x11223344);
    assert_memory_equal(raw + 4104, page.data + 8, 4084);
    assert_int_equal(load_le32(raw + 8188), 0x55667788);
    // 126 descriptors fit into the first sector, 128 into each further one.
    assert_int_equal(vhdx_log_descriptor_sectors(126), 1);
    assert_int_equal(vhdx_log_descriptor_sectors(127), 2);
    assert_int_equal(vhdx_log_descriptor_sectors(254), 2);
    assert_int_equal(vhdx_log_descriptor_sectors(255), 3);
}

static void replay__several_entries__in_order_from_the_tail(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    uint32_t at = put_entry(&f, 0, 0, HOME, 1);
    at = put_entry(&f, at, 0, HOME + 4096, 2);
    put_entry(&f, at, 0, HOME, 3);
    assert_replays(&f, HOME, 3);
    assert_replays(&f, HOME + 4096, 2);
    assert_replays(&f, HOME + 8192, 0xee);
    teardown(&f);
}

static void replay__tail_past_the_first_entry__older_entries_do_not_count(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    uint32_t second = put_entry(&f, 0, 0, HOME, 1);
    put_entry(&f, second, second, HOME + 4096, 2);
    assert_replays(&f, HOME, 0xee);
    assert_replays(&f, HOME + 4096, 2);
    teardown(&f);
}

static void replay__sequence_over_the_end_of_the_ring__found(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    // The second of three entries lies half at the end, half at the beginning of the ring.
    uint32_t first = RING_LENGTH - 3 * VHDX_LOG_SECTOR;
    uint32_t at = put_entry(&f, first, first, HOME, 1);
    at = put_entry(&f, at, first, HOME + 4096, 2);
    assert_int_equal(at, VHDX_LOG_SECTOR);
    put_entry(&f, at, first, HOME + 8192, 3);
    assert_replays(&f, HOME, 1);
    assert_replays(&f, HOME + 4096, 2);
    assert_replays(&f, HOME + 8192, 3);
    teardown(&f);
}

static void replay__torn_head__sequence_before_counts(void **state)
{
    (void)state;
    for (uint32_t torn = 0; torn < 2 * VHDX_LOG_SECTOR; torn += 512) {
        struct fixture f;
        setup(&f);
        uint32_t at = put_entry(&f, 0, 0, HOME, 1);
        uint8_t junk[512];
        memset(junk, 0x99, sizeof junk);
        put_entry(&f, at, at, HOME, 2);
        mem_fs_poke(f.fs, PATH, RING_OFFSET + at + torn, junk, sizeof junk);
        assert_replays(&f, HOME, 1);
        teardown(&f);
    }
}

static void replay__entries_of_another_session__ignored(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    put_entry(&f, 0, 0, HOME, 1);
    // An older log with greater sequence numbers, as Windows leaves it in the ring.
    struct vhdx_log_writer old;
    struct guid other = log_guid;
    other.bytes[0] ^= 1;
    assert_ok(vhdx_log_writer_start(&old, f.file, RING_OFFSET + 64 * 1024, 1 << 19, &other, 4 * MIB,
                                    4 * MIB));
    vhdx_log_writer_free(&old);
    assert_replays(&f, HOME, 1);
    teardown(&f);
}

static void replay__gap_in_the_sequence_numbers__later_run_counts(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    uint32_t at = put_entry(&f, 0, 0, HOME, 1);
    f.sequence_number++;
    put_entry(&f, at, at, HOME, 2);
    assert_replays(&f, HOME, 2);
    teardown(&f);
}

static void replay__head_whose_tail_is_lost__run_does_not_count(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    put_entry(&f, 0, 0, HOME, 1);
    f.sequence_number += 5;
    put_entry(&f, 0x40000, 0x30000, HOME, 2);
    assert_replays(&f, HOME, 1);
    teardown(&f);
}

static void replay__no_sequence__refused(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    assert_refused(&f, STATUS_DAMAGED);
    assert_non_null(strstr(status_last()->message, "no valid sequence"));
    teardown(&f);
}

// Changes a field of an entry at the beginning of the ring and makes the checksum right again.
static void change_entry(struct fixture *f, size_t at, uint64_t value, size_t size)
{
    uint8_t raw[2 * VHDX_LOG_SECTOR];
    mem_fs_peek(f->fs, PATH, RING_OFFSET, raw, sizeof raw);
    memcpy(raw + at, &value, size);
    store_le32(raw + 4, vhdx_checksum(raw, sizeof raw, 4));
    mem_fs_poke(f->fs, PATH, RING_OFFSET, raw, sizeof raw);
}

static void replay__truncated_file__refused(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    put_entry(&f, 0, 0, HOME, 1);
    change_entry(&f, 48, 5 * MIB, 8);
    assert_refused(&f, STATUS_DAMAGED);
    assert_int_equal(status_last()->os_code, VHD_ERROR_INVALID_FILE_SIZE);
    teardown(&f);
}

static void replay__targets_where_a_log_must_not_write__refused(void **state)
{
    (void)state;
    static const uint64_t targets[] = {
        0, 64 * 1024, 128 * 1024, RING_OFFSET, RING_OFFSET + RING_LENGTH - 4096, 200ull << 40};
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        struct fixture f;
        setup(&f);
        put_entry(&f, 0, 0, HOME, 1);
        change_entry(&f, 80, targets[i], 8);
        struct mem_fs *before = mem_fs_clone(f.fs);
        assert_refused(&f, STATUS_DAMAGED);
        struct vhdx_view view;
        assert_ok(vhdx_view_init(&view, f.file));
        assert_status(vhdx_log_replay_to_file(&view, &f.headers), STATUS_DAMAGED);
        vhdx_view_free(&view);
        assert_true(mem_fs_equal(before, PATH, f.fs, PATH));
        mem_fs_free(before);
        teardown(&f);
    }
}

static void replay__malformed_entries__not_taken(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        uint64_t value;
        size_t size;
    } changes[] = {
        {8, 3 * VHDX_LOG_SECTOR, 4}, // longer than its descriptors say
        {8, 0, 4},
        {8, 0xfffff000, 4},
        {8, 4095, 4},
        {12, 0x100000, 4},
        {12, 100, 4}, // tail
        {16, 0, 8},   // sequence number
        {24, 2, 4},
        {24, 0xffffffff, 4}, // descriptors
        {64, 0x12345678, 4}, // kind of descriptor
        {80, HOME + 512, 8}, // not a page
        {88, 1, 8},          // sequence number of the descriptor
        {4096, 0, 4},
        {4100, 0, 4},
        {8188, 0, 4}, // data sector
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        struct fixture f;
        setup(&f);
        f.sequence_number = 0x100000001;
        put_entry(&f, 0, 0, HOME, 1);
        change_entry(&f, changes[i].at, changes[i].value, changes[i].size);
        assert_refused(&f, STATUS_DAMAGED);
        teardown(&f);
    }
}

// A zero descriptor over 100 TiB costs nothing, in memory or time; the file is as large as the log
// says.
static void replay__huge_zero_descriptor__sparse(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    uint8_t raw[VHDX_LOG_SECTOR] = {0};
    struct vhdx_log_entry entry = {
        .sequence_number = 5, .log_guid = log_guid, .last_file_offset = 4 * MIB};
    vhdx_log_entry_encode(&entry, NULL, 0, raw);
    store_le32(raw + 24, 1);
    memcpy(raw + 64, "zero", 4);
    store_le64(raw + 72, 100ull << 40);
    store_le64(raw + 80, HOME);
    store_le64(raw + 88, 5);
    store_le32(raw + 4, vhdx_checksum(raw, sizeof raw, 4));
    mem_fs_poke(f.fs, PATH, RING_OFFSET, raw, sizeof raw);
    assert_replays(&f, HOME, 0);
    assert_replays(&f, HOME + (99ull << 40), 0);
    assert_replays(&f, HOME - 1, 0xee);
    struct vhdx_view view;
    assert_ok(vhdx_view_init(&view, f.file));
    assert_ok(vhdx_log_replay_to_file(&view, &f.headers));
    assert_true(mem_fs_size(f.fs, PATH) == HOME + (100ull << 40));
    assert_true(mem_fs_used(f.fs) <= 3 * MIB);
    vhdx_view_free(&view);
    teardown(&f);
}

static void replay_to_file__live_log__guids_and_home_pages_as_the_format_wants(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    put_entry(&f, 0, 0, HOME + MIB - 4096, 7);
    change_entry(&f, 56, 6 * MIB, 8);
    struct vhdx_header before = f.headers.current;
    struct vhdx_view view;
    assert_ok(vhdx_view_init(&view, f.file));
    assert_ok(vhdx_log_replay_to_file(&view, &f.headers));
    uint8_t byte;
    mem_fs_peek(f.fs, PATH, HOME + MIB - 1, &byte, 1);
    assert_int_equal(byte, 7);
    assert_int_equal(mem_fs_size(f.fs, PATH), 6 * MIB);
    assert_int_equal(view.file_size, 6 * MIB);
    assert_true(guid_is_zero(&f.headers.current.log_guid));
    assert_true(guid_equal(&f.headers.current.data_write_guid, &before.data_write_guid));
    assert_false(guid_equal(&f.headers.current.file_write_guid, &before.file_write_guid));
    assert_int_equal(f.headers.current.sequence_number, before.sequence_number + 4);
    vhdx_view_free(&view);
    teardown(&f);
}

// The writer's ring holds two entries of its capacity, so the last one is valid while the next is
// written.
static void writer__full_entries_round_the_ring__last_one_is_always_found(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    struct vhdx_log_writer w;
    assert_ok(
        vhdx_log_writer_start(&w, f.file, RING_OFFSET, RING_LENGTH, &log_guid, 4 * MIB, 4 * MIB));
    assert_replays(&f, HOME, 0xee);
    uint32_t capacity = vhdx_log_writer_capacity(&w);
    assert_int_equal(capacity, 126);
    struct vhdx_page *pages = calloc(capacity, sizeof *pages);
    struct vhdx_page **list = calloc(capacity, sizeof *list);
    assert_non_null(pages);
    assert_non_null(list);
    for (int round = 1; round < 20; round++) {
        uint32_t count = round % 3 ? capacity : 5;
        for (uint32_t i = 0; i < count; i++) {
            list[i] = &pages[i];
            pages[i].offset = HOME + (uint64_t)i * 4096;
            memset(pages[i].data, round, sizeof pages[i].data);
        }
        assert_ok(vhdx_log_writer_append(&w, list, count, 4 * MIB, 4 * MIB));
        assert_replays(&f, HOME + (count - 1) * 4096, (uint8_t)round);
    }
    free(pages);
    free(list);
    vhdx_log_writer_free(&w);
    teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entry__known_page__bytes_are_split_as_the_format_wants),
        cmocka_unit_test(replay__several_entries__in_order_from_the_tail),
        cmocka_unit_test(replay__tail_past_the_first_entry__older_entries_do_not_count),
        cmocka_unit_test(replay__sequence_over_the_end_of_the_ring__found),
        cmocka_unit_test(replay__torn_head__sequence_before_counts),
        cmocka_unit_test(replay__entries_of_another_session__ignored),
        cmocka_unit_test(replay__gap_in_the_sequence_numbers__later_run_counts),
        cmocka_unit_test(replay__head_whose_tail_is_lost__run_does_not_count),
        cmocka_unit_test(replay__no_sequence__refused),
        cmocka_unit_test(replay__truncated_file__refused),
        cmocka_unit_test(replay__targets_where_a_log_must_not_write__refused),
        cmocka_unit_test(replay__malformed_entries__not_taken),
        cmocka_unit_test(replay__huge_zero_descriptor__sparse),
        cmocka_unit_test(replay_to_file__live_log__guids_and_home_pages_as_the_format_wants),
        cmocka_unit_test(writer__full_entries_round_the_ring__last_one_is_always_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
