// Applying and checking replica logs.
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/endian.h"
#include "tests/support/hrl_model.h"
#include "tests/support/mem_fs.h"
#include "vhd/hrl/layout.h"

#define LOG       "/disk.hrl"
#define DISK      "/disk.vhdx"
#define MIB       (1ull << 20)
#define DISK_SIZE (8 * MIB)
#define BLOCK     512u // metadata size of these logs

static struct mem_fs *fs;
static struct hrl_model *model;

static struct vhd *open_disk(void)
{
    const struct vhd_open how = {
        .fs = mem_fs_system(fs), .writable = true, .share = FILE_SHARE_NOTHING};
    struct vhd *disk;
    assert_ok(vhd_open(DISK, &how, &disk));
    return disk;
}

static void create_disk(uint64_t size)
{
    const struct vhd_create how = {.fs = mem_fs_system(fs),
                                   .format = VHD_FORMAT_VHDX,
                                   .type = VHD_TYPE_DYNAMIC,
                                   .virtual_size = size,
                                   .block_size = (uint32_t)MIB};
    assert_ok(vhd_create(DISK, &how));
}

// A log of `writes` writes, flushed after every fifth.
static void make_log(size_t writes, bool finish)
{
    struct random random = random_start(random_seed("unit.hrl_apply"));
    const struct hrl_create how = {.fs = mem_fs_system(fs), .metadata_size = BLOCK};
    struct hrl_writer *writer;
    assert_ok(hrl_create(LOG, &how, &writer));
    for (size_t i = 0; i < writes; i++) {
        assert_ok(hrl_model_append(model, writer, &random));
        if (i % 5 == 4)
            assert_ok(hrl_flush(writer));
    }
    assert_ok(hrl_flush(writer));
    if (finish)
        assert_ok(hrl_finish(writer, NULL));
    else
        hrl_abandon(writer);
}

static int set_up(void **state)
{
    (void)state;
    fs = mem_fs_new();
    model = hrl_model_new(DISK_SIZE, 64 * 1024);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    hrl_model_free(model);
    mem_fs_free(fs);
    return 0;
}

static enum status apply(const struct hrl_apply *how, struct hrl_applied *applied)
{
    struct hrl *log = hrl_model_open(mem_fs_system(fs), LOG);
    struct vhd *disk = open_disk();
    enum status status = hrl_apply(log, disk, how, applied);
    assert_ok(vhd_close(disk));
    hrl_close(log);
    return status;
}

// The disk must hold the first `writes` writes of the model and nothing else.
static void check_disk(size_t writes)
{
    uint8_t *wanted = calloc(1, DISK_SIZE);
    uint8_t *found = malloc(DISK_SIZE);
    assert_true(wanted && found);
    hrl_model_apply(model, writes, wanted);
    struct vhd *disk = open_disk();
    assert_ok(vhd_read(disk, 0, found, DISK_SIZE));
    assert_ok(vhd_close(disk));
    assert_memory_equal(found, wanted, DISK_SIZE);
    free(wanted);
    free(found);
}

// Where in the log's file the data of a write begins.
static uint64_t data_of(uint64_t number)
{
    struct hrl *log = hrl_model_open(mem_fs_system(fs), LOG);
    struct hrl_entry entry;
    bool found;
    do {
        assert_ok(hrl_next(log, &entry, &found));
        assert_true(found);
    } while (entry.number != number);
    hrl_close(log);
    return entry.data_at;
}

static void flip(uint64_t at)
{
    uint8_t byte;
    mem_fs_peek(fs, LOG, at, &byte, 1);
    byte ^= 0x10;
    mem_fs_poke(fs, LOG, at, &byte, 1);
}

static void apply__closed_log__disk_holds_every_write_in_order(void **state)
{
    (void)state;
    struct hrl_applied applied;
    const struct hrl_apply how = {0};
    create_disk(DISK_SIZE);
    make_log(203, true);
    assert_ok(apply(&how, &applied));
    assert_int_equal(applied.writes, 203);
    check_disk(203);
    assert_ok(apply(&how, &applied)); // again: the same
    check_disk(203);
}

static void apply__unclosed_log__only_when_asked_for(void **state)
{
    (void)state;
    struct hrl_applied applied;
    struct hrl_apply how = {0};
    create_disk(DISK_SIZE);
    make_log(20, false);
    assert_status(apply(&how, &applied), STATUS_REFUSED);
    check_disk(0);
    how.unclosed = true;
    assert_ok(apply(&how, &applied));
    assert_int_equal(applied.writes, 20);
    check_disk(20);
}

static void apply__data_changed__nothing_of_that_group_is_applied(void **state)
{
    (void)state;
    struct hrl_applied applied;
    const struct hrl_apply how = {0};
    create_disk(DISK_SIZE);
    make_log(50, true);
    flip(data_of(22)); // the third of its group
    assert_status(apply(&how, &applied), STATUS_DAMAGED);
    assert_int_equal(applied.writes, 20);
    check_disk(20);
}

static void apply__smaller_disk__refused_before_anything_is_written(void **state)
{
    (void)state;
    struct hrl_applied applied;
    const struct hrl_apply how = {0};
    create_disk(DISK_SIZE / 2);
    make_log(50, true);
    assert_status(apply(&how, &applied), STATUS_MISMATCH);
    assert_int_equal(applied.writes, 0);
    struct vhd *disk = open_disk();
    struct vhd_info info;
    vhd_get_info(disk, &info);
    assert_int_equal(info.allocated, 0);
    assert_ok(vhd_close(disk));
}

static void apply__disk_of_larger_sectors__refused(void **state)
{
    (void)state;
    static const uint8_t sector[512];
    const struct vhd_create disk = {.fs = mem_fs_system(fs),
                                    .format = VHD_FORMAT_VHDX,
                                    .type = VHD_TYPE_DYNAMIC,
                                    .virtual_size = DISK_SIZE,
                                    .logical_sector_size = 4096};
    const struct hrl_create create = {.fs = mem_fs_system(fs)};
    const struct hrl_apply how = {0};
    struct hrl_writer *writer;
    struct hrl_applied applied;
    assert_ok(vhd_create(DISK, &disk));
    assert_ok(hrl_create(LOG, &create, &writer));
    assert_ok(hrl_append(writer, 512, sector, sizeof sector));
    assert_ok(hrl_finish(writer, NULL));
    assert_status(apply(&how, &applied), STATUS_MISMATCH);
}

struct stop {
    uint64_t done, total;
    uint64_t stop_at;
};

static bool stop_later(void *context, uint64_t done, uint64_t total)
{
    struct stop *stop = context;
    assert_true(done >= stop->done && done <= total);
    stop->done = done;
    stop->total = total;
    return done < stop->stop_at;
}

static void apply__stopped__ends_between_two_groups_and_can_be_run_again(void **state)
{
    (void)state;
    struct stop stop = {.stop_at = MIB};
    struct hrl_applied applied;
    const struct hrl_apply how = {.progress = stop_later, .context = &stop};
    create_disk(DISK_SIZE);
    make_log(203, true);
    assert_status(apply(&how, &applied), STATUS_CANCELLED);
    assert_int_equal(applied.writes % 5, 0);
    check_disk((size_t)applied.writes);
    stop = (struct stop){.stop_at = UINT64_MAX};
    assert_ok(apply(&how, &applied));
    assert_int_equal(stop.done, stop.total);
    check_disk(203);
}

// ---- check ----

struct findings {
    const char *names[16];
    enum vhd_problem_kind kinds[16];
    size_t count;
};

static void collect(void *context, const struct vhd_problem *problem)
{
    struct findings *findings = context;
    assert_false(problem->repaired);
    assert_true(problem->message[0] != '\0');
    if (findings->count < 16) {
        findings->names[findings->count] = problem->name;
        findings->kinds[findings->count++] = problem->kind;
    }
}

// Checks the log; it must have exactly the findings `name`, or none when NULL.
static void check_finds(const char *name, enum vhd_problem_kind kind)
{
    struct findings findings = {.count = 0};
    const struct vhd_check how = {
        .fs = mem_fs_system(fs), .problem = collect, .context = &findings};
    struct vhd_checked checked;
    assert_ok(hrl_check(LOG, &how, &checked));
    for (size_t i = 0; i < findings.count; i++) {
        assert_string_equal(findings.names[i], name ? name : "nothing");
        assert_int_equal(findings.kinds[i], kind);
    }
    assert_int_equal(findings.count > 0, name != NULL);
    assert_int_equal(checked.problems > 0, name != NULL && kind != VHD_PROBLEM_NOTE);
}

static void reseal_header(void (*change)(struct hrl_header *header))
{
    uint8_t raw[HRL_HEADER_SIZE];
    struct hrl_header header;
    mem_fs_peek(fs, LOG, 0, raw, sizeof raw);
    assert_int_equal(hrl_header_decode(raw, &header), HRL_FAULT_NONE);
    change(&header);
    hrl_header_encode(&header, raw);
    mem_fs_poke(fs, LOG, 0, raw, sizeof raw);
}

static void change_entries(struct hrl_header *header)
{
    header->total_entries++;
}

static void change_error(struct hrl_header *header)
{
    header->error_code = -5;
}

static void change_size(struct hrl_header *header)
{
    header->current_size--;
}

static void change_flags(struct hrl_header *header)
{
    header->flags = 1;
}

static void change_metadata_size(struct hrl_header *header)
{
    header->metadata_size = 700;
}

static void change_end(struct hrl_header *header)
{
    header->end += 512;
}

static void check__headers__have_the_finding_of_their_fault(void **state)
{
    (void)state;
    static const struct {
        void (*change)(struct hrl_header *header);
        const char *name;
        enum vhd_problem_kind kind;
    } cases[] = {
        {change_entries, "total-entries", VHD_PROBLEM_DAMAGE},
        {change_error, "error-code", VHD_PROBLEM_DAMAGE},
        {change_size, "current-size", VHD_PROBLEM_NOTE},
        {change_flags, "reserved", VHD_PROBLEM_NOTE},
        {change_metadata_size, "metadata-size", VHD_PROBLEM_DAMAGE},
        {change_end, "end-of-log", VHD_PROBLEM_DAMAGE},
    };
    uint8_t raw[HRL_HEADER_SIZE];
    make_log(20, true);
    check_finds(NULL, VHD_PROBLEM_NOTE);
    mem_fs_peek(fs, LOG, 0, raw, sizeof raw);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        reseal_header(cases[i].change);
        check_finds(cases[i].name, cases[i].kind);
        mem_fs_poke(fs, LOG, 0, raw, sizeof raw);
    }
    flip(60);
    check_finds("header-checksum", VHD_PROBLEM_DAMAGE);
}

static void check__unclosed_log__is_a_problem(void **state)
{
    (void)state;
    make_log(20, false);
    check_finds("not-closed", VHD_PROBLEM_DAMAGE);
}

static void check__bytes_behind_the_end__are_a_note(void **state)
{
    (void)state;
    make_log(20, true);
    mem_fs_resize(fs, LOG, mem_fs_size(fs, LOG) + 4096);
    check_finds("bytes-behind-end", VHD_PROBLEM_NOTE);
}

static void check__data_changed__names_each_write(void **state)
{
    (void)state;
    make_log(20, true);
    flip(data_of(3));
    flip(data_of(17));
    check_finds("data-checksum", VHD_PROBLEM_DAMAGE);
}

// The last block of the log, changed by `change` and sealed again where that is not the fault.
static void check_block(void (*change)(uint8_t *raw), const char *name)
{
    uint8_t good[BLOCK], raw[BLOCK];
    uint64_t at = mem_fs_size(fs, LOG) - BLOCK;
    mem_fs_peek(fs, LOG, at, good, sizeof good);
    memcpy(raw, good, sizeof raw);
    change(raw);
    mem_fs_poke(fs, LOG, at, raw, sizeof raw);
    check_finds(name, VHD_PROBLEM_DAMAGE);
    mem_fs_poke(fs, LOG, at, good, sizeof good);
}

static void break_checksum(uint8_t *raw)
{
    raw[12] ^= 1;
}

static void break_count(uint8_t *raw)
{
    hrl_block_seal(raw, load_le64(raw), 16);
}

static void break_count_hugely(uint8_t *raw)
{
    hrl_block_seal(raw, load_le64(raw), UINT32_MAX);
}

static void break_previous(uint8_t *raw)
{
    hrl_block_seal(raw, UINT64_MAX, load_le32(raw + 8));
}

static void break_previous_to_itself(uint8_t *raw)
{
    hrl_block_seal(raw, 511, load_le32(raw + 8));
}

static void break_length(uint8_t *raw)
{
    hrl_block_seal(raw, load_le64(raw), load_le32(raw + 8) - 1);
}

static void break_entry(uint8_t *raw)
{
    raw[32] ^= 1;
}

static void break_operation(uint8_t *raw)
{
    raw[32 + 20] = 2;
    store_le32(raw + 32 + 8, hrl_checksum(raw + 32, 32, 8));
}

static void check__blocks__have_the_finding_of_their_fault(void **state)
{
    (void)state;
    make_log(20, true);
    check_block(break_checksum, "block-checksum");
    check_block(break_count, "block-count");
    check_block(break_count_hugely, "block-count");
    check_block(break_previous, "block-previous");
    check_block(break_previous_to_itself, "block-previous");
    check_block(break_length, "block-length");
    check_block(break_entry, "entry-checksum");
    check_block(break_operation, "entry-operation");
    check_finds(NULL, VHD_PROBLEM_NOTE);
}

static void check__repair_asked_for__refused(void **state)
{
    (void)state;
    const struct vhd_check how = {.fs = mem_fs_system(fs), .repair = true, .problem = collect};
    struct vhd_checked checked;
    make_log(1, true);
    assert_status(hrl_check(LOG, &how, &checked), STATUS_UNSUPPORTED);
}

static void check__no_log__fails(void **state)
{
    (void)state;
    const struct vhd_check how = {.fs = mem_fs_system(fs), .problem = collect};
    struct vhd_checked checked;
    assert_status(hrl_check(LOG, &how, &checked), STATUS_NOT_FOUND);
    create_disk(DISK_SIZE);
    assert_status(hrl_check(DISK, &how, &checked), STATUS_NOT_A_DISK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(apply__closed_log__disk_holds_every_write_in_order),
        TEST(apply__unclosed_log__only_when_asked_for),
        TEST(apply__data_changed__nothing_of_that_group_is_applied),
        TEST(apply__smaller_disk__refused_before_anything_is_written),
        TEST(apply__disk_of_larger_sectors__refused),
        TEST(apply__stopped__ends_between_two_groups_and_can_be_run_again),
        TEST(check__headers__have_the_finding_of_their_fault),
        TEST(check__unclosed_log__is_a_problem),
        TEST(check__bytes_behind_the_end__are_a_note),
        TEST(check__data_changed__names_each_write),
        TEST(check__blocks__have_the_finding_of_their_fault),
        TEST(check__repair_asked_for__refused),
        TEST(check__no_log__fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
