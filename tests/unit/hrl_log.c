// Replica logs: what is written is read again, from logs of every size and shape, closed or not,
// cut anywhere.
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/endian.h"
#include "tests/support/hrl_model.h"
#include "tests/support/test_fs.h"
#include "vhd/hrl/layout.h"

#define PATH "/disk.hrl"
#define MIB  (1ull << 20)

static struct hrl_writer *create(uint32_t metadata_size, const struct guid *previous)
{
    const struct hrl_create how = {
        .fs = mem_fs_system(test_fs), .metadata_size = metadata_size, .previous_id = previous};
    struct hrl_writer *writer;
    assert_ok(hrl_create(PATH, &how, &writer));
    return writer;
}

static enum status open_log(struct hrl **log)
{
    const struct hrl_open how = {.fs = mem_fs_system(test_fs), .share = FILE_SHARE_DENY_WRITE};
    return hrl_open(PATH, &how, log);
}

static struct hrl_info info_of(void)
{
    struct hrl_info info;
    struct hrl *log = hrl_model_open(mem_fs_system(test_fs), PATH);
    hrl_get_info(log, &info);
    hrl_close(log);
    return info;
}

// The header of the log, changed by `change` and sealed again.
static void change_header(void (*change)(struct hrl_header *header))
{
    uint8_t raw[HRL_HEADER_SIZE];
    struct hrl_header header;
    mem_fs_peek(test_fs, PATH, 0, raw, sizeof raw);
    assert_int_equal(hrl_header_decode(raw, &header), HRL_FAULT_NONE);
    change(&header);
    hrl_header_encode(&header, raw);
    mem_fs_poke(test_fs, PATH, 0, raw, sizeof raw);
}

static void finish__empty_log__is_closed_and_lists_nothing(void **state)
{
    (void)state;
    static const struct guid previous = {{1, 2, 3}}, data_write = {{4, 5, 6}};
    struct hrl_writer *writer = create(0, &previous);
    struct guid id = hrl_writer_id(writer);
    assert_int_equal(hrl_writer_size(writer), 8192);
    assert_ok(hrl_finish(writer, &data_write));
    struct hrl_info info = info_of();
    assert_true(info.closed);
    assert_int_equal(info.version, HRL_VERSION_2);
    assert_int_equal(info.groups, 1);
    assert_int_equal(info.writes, 0);
    assert_int_equal(info.end, 8192);
    assert_int_equal(info.current_size, 8192);
    assert_int_equal(info.metadata_size, 4096);
    assert_true(guid_equal(&info.unique_id, &id));
    assert_true(guid_equal(&info.previous_id, &previous));
    assert_true(guid_equal(&info.data_write_guid, &data_write));
    assert_false(guid_is_zero(&id));
}

static void create__file_exists__leaves_it_alone(void **state)
{
    (void)state;
    mem_fs_put(test_fs, PATH, "mine", 4);
    const struct hrl_create how = {.fs = mem_fs_system(test_fs)};
    struct hrl_writer *writer;
    assert_status(hrl_create(PATH, &how, &writer), STATUS_EXISTS);
    assert_int_equal(mem_fs_size(test_fs, PATH), 4);
}

static void create__bad_metadata_size__refused(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {1, 511, 513, 4097, (1u << 20) + 512};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const struct hrl_create how = {.fs = mem_fs_system(test_fs), .metadata_size = sizes[i]};
        struct hrl_writer *writer;
        assert_status(hrl_create(PATH, &how, &writer), STATUS_INVALID_ARGUMENT);
        assert_false(mem_fs_has(test_fs, PATH));
    }
}

static void append__no_whole_sectors__refused_and_log_goes_on(void **state)
{
    (void)state;
    static const uint8_t data[1024];
    struct hrl_writer *writer = create(0, NULL);
    assert_status(hrl_append(writer, 0, data, 100), STATUS_INVALID_ARGUMENT);
    assert_status(hrl_append(writer, UINT64_MAX - 511, data, 1024), STATUS_INVALID_ARGUMENT);
    assert_ok(hrl_append(writer, 512, data, 1024));
    assert_ok(hrl_finish(writer, NULL));
    assert_int_equal(info_of().writes, 1);
}

static void append__longer_than_an_entry__is_several(void **state)
{
    (void)state;
    size_t length = HRL_DATA_LENGTH_MAX + 4096;
    uint8_t *data = malloc(length);
    assert_non_null(data);
    memset(data, 0xff, length);
    struct hrl_writer *writer = create(0, NULL);
    assert_ok(hrl_append(writer, MIB, data, length));
    assert_ok(hrl_finish(writer, NULL));
    free(data);
    struct hrl *log;
    struct hrl_entry entry;
    bool found;
    assert_ok(open_log(&log));
    assert_ok(hrl_next(log, &entry, &found));
    assert_int_equal(entry.length, HRL_DATA_LENGTH_MAX);
    assert_int_not_equal(entry.data_checksum, 0); // which would say "not recorded"
    assert_ok(hrl_verify(log, &entry));
    assert_ok(hrl_next(log, &entry, &found));
    assert_int_equal(entry.offset, MIB + HRL_DATA_LENGTH_MAX);
    assert_int_equal(entry.length, 4096);
    uint8_t byte;
    assert_ok(hrl_read(log, &entry, 4095, &byte, 1));
    assert_int_equal(byte, 0xff);
    assert_status(hrl_read(log, &entry, 4096, &byte, 1), STATUS_INVALID_ARGUMENT);
    hrl_close(log);
}

// Random logs; *flushed: how many writes the last flush promised.
static struct hrl_model *random_log(struct random *random, bool finish, size_t *flushed)
{
    struct hrl_model *model =
        hrl_model_new(64 * MIB, random_chance(random, 30) ? 256 * 1024 : 16 * 1024);
    struct hrl_writer *writer = create((uint32_t)(1 + random_below(random, 16)) * 512, NULL);
    size_t appends = (size_t)random_below(random, 400);
    unsigned flush_percent = (unsigned)random_below(random, 60);
    *flushed = 0;
    for (size_t i = 0; i < appends; i++) {
        assert_ok(hrl_model_append(model, writer, random));
        if (random_chance(random, flush_percent)) {
            assert_ok(hrl_flush(writer));
            *flushed = model->count;
        }
    }
    if (finish)
        assert_ok(hrl_finish(writer, NULL));
    else
        hrl_abandon(writer);
    return model;
}

static void read__random_closed_logs__list_every_write(void **state)
{
    (void)state;
    struct random random = random_start(random_seed("unit.hrl_log closed"));
    for (int i = 0; i < 40; i++) {
        size_t flushed;
        struct hrl_model *model = random_log(&random, true, &flushed);
        struct hrl *log = hrl_model_open(mem_fs_system(test_fs), PATH);
        struct hrl_info info;
        hrl_get_info(log, &info);
        assert_true(info.closed);
        assert_int_equal(info.stated_entries, model->count);
        assert_int_equal(info.end, mem_fs_size(test_fs, PATH));
        assert_int_equal(hrl_model_compare(model, log), model->count);
        assert_int_equal(hrl_model_compare(model, log), model->count); // after a rewind too
        hrl_close(log);
        hrl_model_free(model);
        assert_ok(mem_fs_system(test_fs)->remove(mem_fs_system(test_fs), PATH));
    }
}

static void read__random_unclosed_logs__list_what_was_flushed(void **state)
{
    (void)state;
    struct random random = random_start(random_seed("unit.hrl_log unclosed"));
    for (int i = 0; i < 40; i++) {
        size_t flushed;
        struct hrl_model *model = random_log(&random, false, &flushed);
        struct hrl *log = hrl_model_open(mem_fs_system(test_fs), PATH);
        struct hrl_info info;
        hrl_get_info(log, &info);
        assert_false(info.closed);
        assert_in_range(hrl_model_compare(model, log), flushed, model->count);
        hrl_close(log);
        hrl_model_free(model);
        assert_ok(mem_fs_system(test_fs)->remove(mem_fs_system(test_fs), PATH));
    }
}

// A small log with blocks of one sector, 15 entries each; *ends: where its groups end.
static struct hrl_model *small_log(bool finish, uint64_t *ends, size_t *writes, size_t *groups)
{
    struct random random = random_start(7);
    struct hrl_model *model = hrl_model_new(MIB, 1024);
    struct hrl_writer *writer = create(512, NULL);
    for (*groups = 0; *groups < 4; ++*groups) {
        for (int i = 0; i < 3; i++)
            assert_ok(hrl_model_append(model, writer, &random));
        assert_ok(hrl_flush(writer));
        ends[*groups] = hrl_writer_size(writer);
        writes[*groups] = model->count;
    }
    if (finish)
        assert_ok(hrl_finish(writer, NULL));
    else
        hrl_abandon(writer);
    return model;
}

static void open__closed_log_cut_at_every_byte__refused(void **state)
{
    (void)state;
    uint64_t ends[4];
    size_t writes[4], groups;
    struct hrl_model *model = small_log(true, ends, writes, &groups);
    struct hrl *log;
    for (uint64_t size = mem_fs_size(test_fs, PATH); size-- > 0;) {
        mem_fs_resize(test_fs, PATH, size);
        assert_status(open_log(&log), size < HRL_HEADER_SIZE ? STATUS_NOT_A_DISK : STATUS_DAMAGED);
    }
    hrl_model_free(model);
}

static void open__unclosed_log_cut_at_every_byte__lists_the_groups_before(void **state)
{
    (void)state;
    uint64_t ends[4];
    size_t writes[4], groups;
    struct hrl_model *model = small_log(false, ends, writes, &groups);
    for (uint64_t size = mem_fs_size(test_fs, PATH); size >= HRL_HEADER_SIZE; size--) {
        mem_fs_resize(test_fs, PATH, size);
        size_t expected = 0;
        for (size_t i = 0; i < groups; i++)
            if (ends[i] <= size)
                expected = writes[i];
        struct hrl *log = hrl_model_open(mem_fs_system(test_fs), PATH);
        assert_int_equal(hrl_model_compare(model, log), expected);
        hrl_close(log);
    }
    hrl_model_free(model);
}

// Every single byte changed: a closed log is refused, or lists what was written; where it lists
// something else, verifying the data tells.
static void open__any_byte_changed__refused_or_told_by_a_checksum(void **state)
{
    (void)state;
    uint64_t ends[4];
    size_t writes[4], groups;
    struct hrl_model *model = small_log(true, ends, writes, &groups);
    uint64_t size = mem_fs_size(test_fs, PATH);
    size_t refused = 0, told = 0, same = 0;
    for (uint64_t at = 0; at < size; at++) {
        struct hrl *log;
        struct hrl_entry entry;
        bool found = true;
        uint8_t byte;
        mem_fs_peek(test_fs, PATH, at, &byte, 1);
        uint8_t other = (uint8_t)(byte ^ 0x41);
        mem_fs_poke(test_fs, PATH, at, &other, 1);
        enum status status = open_log(&log);
        if (status == STATUS_OK) {
            while (status == STATUS_OK && found) {
                status = hrl_next(log, &entry, &found);
                if (status == STATUS_OK && found)
                    status = hrl_verify(log, &entry);
            }
            told += status != STATUS_OK;
            if (status == STATUS_OK) {
                // Only what nothing depends on: slots of blocks that are not in use.
                assert_int_equal(hrl_model_compare(model, log), model->count);
                same++;
            }
            hrl_close(log);
        } else {
            refused++;
        }
        mem_fs_poke(test_fs, PATH, at, &byte, 1);
    }
    assert_true(refused >= HRL_HEADER_SIZE);
    assert_true(told > 0);
    assert_true(same < 5 * 512);
    hrl_model_free(model);
}

// A replica log inside the data of another: the guest is a replication host itself.
static void open__unclosed_log_of_a_disk_with_logs_on_it__lists_its_own_writes(void **state)
{
    (void)state;
    uint64_t ends[4];
    size_t writes[4], groups;
    struct hrl_model *model = small_log(false, ends, writes, &groups);
    hrl_model_free(model);
    uint64_t size = mem_fs_size(test_fs, PATH);
    uint8_t *inner = malloc((size_t)size);
    assert_non_null(inner);
    mem_fs_peek(test_fs, PATH, 0, inner, (size_t)size);
    assert_ok(mem_fs_system(test_fs)->remove(mem_fs_system(test_fs), PATH));

    // Each group of the inner log is one write, in a group of the same shape in the outer log: its
    // block is where a block of the outer log could be.
    struct hrl_writer *writer = create(512, NULL);
    uint64_t from = HRL_HEADER_SIZE + 512;
    for (size_t i = 0; i < groups; i++) {
        assert_ok(hrl_append(writer, from, inner + from, (size_t)(ends[i] - from)));
        assert_ok(hrl_append(writer, 0, inner, 512));
        assert_ok(hrl_flush(writer));
        from = ends[i];
    }
    hrl_abandon(writer);
    struct hrl *log;
    struct hrl_entry entry;
    bool found = true;
    uint64_t count = 0;
    assert_ok(open_log(&log));
    from = HRL_HEADER_SIZE + 512;
    while (found) {
        assert_ok(hrl_next(log, &entry, &found));
        if (!found)
            break;
        assert_int_equal(entry.offset, count % 2 ? 0 : from);
        assert_int_equal(entry.length, count % 2 ? 512 : ends[count / 2] - from);
        if (count % 2 == 0)
            from = ends[count / 2];
        count++;
    }
    assert_int_equal(count, 2 * groups);
    hrl_close(log);
    free(inner);
}

static void make_version_1(struct hrl_header *header)
{
    header->version = HRL_VERSION_1;
    memset(&header->data_write_guid, 0, sizeof header->data_write_guid);
}

static void make_version_3(struct hrl_header *header)
{
    header->version = 0x00030000;
}

static void make_other_file(struct hrl_header *header)
{
    header->file_type = 7;
}

static void make_counts_wrong(struct hrl_header *header)
{
    header->total_entries = UINT64_MAX;
    header->original_size = UINT64_MAX;
    header->current_size = 1;
}

static void make_metadata_huge(struct hrl_header *header)
{
    header->metadata_size = 0xfffffe00;
}

static void make_metadata_none(struct hrl_header *header)
{
    header->metadata_size = 0;
}

static void make_end_far(struct hrl_header *header)
{
    header->end = UINT64_MAX;
}

static void make_end_early(struct hrl_header *header)
{
    header->end = HRL_HEADER_SIZE + 100;
}

static void open__headers_of_all_kinds__read_or_refused(void **state)
{
    (void)state;
    static const struct {
        void (*change)(struct hrl_header *header);
        enum status expected;
    } cases[] = {
        {make_version_1, STATUS_OK},           {make_version_3, STATUS_UNSUPPORTED},
        {make_other_file, STATUS_UNSUPPORTED}, {make_counts_wrong, STATUS_OK},
        {make_metadata_huge, STATUS_DAMAGED},  {make_metadata_none, STATUS_DAMAGED},
        {make_end_far, STATUS_DAMAGED},        {make_end_early, STATUS_DAMAGED},
    };
    uint64_t ends[4];
    size_t writes[4], groups;
    uint8_t raw[HRL_HEADER_SIZE];
    struct hrl_model *model = small_log(true, ends, writes, &groups);
    mem_fs_peek(test_fs, PATH, 0, raw, sizeof raw);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct hrl *log;
        change_header(cases[i].change);
        assert_status(open_log(&log), cases[i].expected);
        if (cases[i].expected == STATUS_OK) {
            assert_int_equal(hrl_model_compare(model, log), model->count);
            hrl_close(log);
        }
        mem_fs_poke(test_fs, PATH, 0, raw, sizeof raw);
    }
    hrl_model_free(model);
}

static void open__other_files__are_no_logs(void **state)
{
    (void)state;
    static const uint8_t zeros[8192];
    struct hrl *log;
    assert_status(open_log(&log), STATUS_NOT_FOUND);
    mem_fs_put(test_fs, PATH, "", 0);
    assert_status(open_log(&log), STATUS_NOT_A_DISK);
    mem_fs_put(test_fs, PATH, "msctlog ", 8);
    assert_status(open_log(&log), STATUS_NOT_A_DISK);
    mem_fs_put(test_fs, PATH, zeros, sizeof zeros);
    assert_status(open_log(&log), STATUS_NOT_A_DISK);
}

// More groups than an index keeps places of: those between are found again.
static void read__log_of_very_many_groups__lists_every_write(void **state)
{
    (void)state;
    enum { GROUPS = 2 * 65536 + 12345 };
    static uint8_t sector[512];
    struct hrl_writer *writer = create(512, NULL);
    for (uint64_t i = 0; i < GROUPS; i++) {
        store_le64(sector, i);
        assert_ok(hrl_append(writer, i * 512, sector, sizeof sector));
        assert_ok(hrl_flush(writer));
    }
    assert_ok(hrl_finish(writer, NULL));
    struct hrl *log;
    struct hrl_entry entry;
    bool found;
    assert_ok(open_log(&log));
    for (uint64_t i = 0; i < GROUPS; i++) {
        assert_ok(hrl_next(log, &entry, &found));
        assert_true(found);
        assert_int_equal(entry.offset, i * 512);
        assert_int_equal(entry.group, i + 1);
        assert_ok(hrl_verify(log, &entry));
    }
    assert_ok(hrl_next(log, &entry, &found));
    assert_false(found);
    hrl_close(log);
}

static void open__while_it_is_written__is_a_look(void **state)
{
    (void)state;
    static const uint8_t data[512];
    struct hrl_writer *writer = create(0, NULL);
    struct hrl_open how = {.fs = mem_fs_system(test_fs), .share = FILE_SHARE_DENY_WRITE};
    struct hrl *log;
    struct hrl_info info;
    assert_ok(hrl_append(writer, 0, data, sizeof data));
    assert_ok(hrl_flush(writer));
    assert_status(hrl_open(PATH, &how, &log), STATUS_IN_USE);
    how.share = FILE_SHARE_ANYTHING;
    assert_ok(hrl_open(PATH, &how, &log));
    hrl_get_info(log, &info);
    assert_false(info.closed);
    assert_int_equal(info.writes, 1);
    hrl_close(log);
    assert_ok(hrl_finish(writer, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_WITH_FS(finish__empty_log__is_closed_and_lists_nothing),
        TEST_WITH_FS(create__file_exists__leaves_it_alone),
        TEST_WITH_FS(create__bad_metadata_size__refused),
        TEST_WITH_FS(append__no_whole_sectors__refused_and_log_goes_on),
        TEST_WITH_FS(append__longer_than_an_entry__is_several),
        TEST_WITH_FS(read__random_closed_logs__list_every_write),
        TEST_WITH_FS(read__random_unclosed_logs__list_what_was_flushed),
        TEST_WITH_FS(open__closed_log_cut_at_every_byte__refused),
        TEST_WITH_FS(open__unclosed_log_cut_at_every_byte__lists_the_groups_before),
        TEST_WITH_FS(open__any_byte_changed__refused_or_told_by_a_checksum),
        TEST_WITH_FS(open__unclosed_log_of_a_disk_with_logs_on_it__lists_its_own_writes),
        TEST_WITH_FS(open__headers_of_all_kinds__read_or_refused),
        TEST_WITH_FS(open__other_files__are_no_logs),
        TEST_WITH_FS(read__log_of_very_many_groups__lists_every_write),
        TEST_WITH_FS(open__while_it_is_written__is_a_look),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
