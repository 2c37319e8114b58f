// Power cuts while a replica log is written: it opens, lists every write that was flushed, and of
// the later ones some first groups, each whole or not at all. Power cuts while one is applied to a
// disk: applying it again ends with the disk that an undisturbed run leaves.
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/crash_fs.h"
#include "tests/support/hrl_model.h"

#define LOG       "/disk.hrl"
#define DISK      "/disk.vhdx"
#define MIB       (1ull << 20)
#define DISK_SIZE (4 * MIB)
#define MARKS_MAX 64

// What a reader may find: after so many operations, so many writes were promised.
struct written {
    struct hrl_model *model;
    size_t created;  // operations when the log's creation had returned
    size_t finished; // and its closing; SIZE_MAX: it was not closed
    struct {
        size_t operations, writes;
    } flushes[MARKS_MAX];
    size_t flush_count;
};

static size_t promised_writes(const struct written *written, size_t operations)
{
    size_t writes = 0;
    for (size_t i = 0; i < written->flush_count; i++)
        if (written->flushes[i].operations <= operations)
            writes = written->flushes[i].writes;
    return writes;
}

static void check_state(void *context, const struct crash_state *at, struct mem_fs *state)
{
    const struct written *written = context;
    const struct hrl_open how = {.fs = mem_fs_system(state), .share = FILE_SHARE_DENY_WRITE};
    struct hrl *log;
    struct hrl_info info;
    enum status status = hrl_open(LOG, &how, &log);
    if (at->operations < written->created && status != STATUS_OK)
        return; // no log yet
    assert_ok(status);
    hrl_get_info(log, &info);
    size_t writes = hrl_model_compare(written->model, log);
    assert_in_range(writes, promised_writes(written, at->operations), written->model->count);
    if (info.closed) {
        assert_int_equal(writes, written->model->count);
        assert_int_equal(info.stated_entries, writes);
    }
    assert_true(info.closed || at->operations < written->finished);
    hrl_close(log);
}

static void mark(struct written *written, const struct crash_fs *crash)
{
    assert_true(written->flush_count < MARKS_MAX);
    written->flushes[written->flush_count].operations = crash_fs_operations(crash);
    written->flushes[written->flush_count++].writes = written->model->count;
}

// Writes a log with flushes now and then, and cuts it everywhere.
static void write_and_cut(uint32_t metadata_size, unsigned flush_percent, bool finish)
{
    struct random random = random_start(random_seed("crash.hrl"));
    struct written written = {.model = hrl_model_new(DISK_SIZE, 8192), .finished = SIZE_MAX};
    struct crash_fs *crash = crash_fs_new(NULL);
    const struct hrl_create how = {.fs = crash_fs_system(crash), .metadata_size = metadata_size};
    struct hrl_writer *writer;
    assert_ok(hrl_create(LOG, &how, &writer));
    written.created = crash_fs_operations(crash);
    for (int i = 0; i < 60; i++) {
        assert_ok(hrl_model_append(written.model, writer, &random));
        if (!random_chance(&random, flush_percent))
            continue;
        assert_ok(hrl_flush(writer));
        mark(&written, crash);
    }
    if (finish) {
        assert_ok(hrl_finish(writer, NULL));
        written.finished = crash_fs_operations(crash);
        mark(&written, crash);
    } else {
        hrl_abandon(writer);
    }
    struct crash_plan plan = CRASH_PLAN_DEFAULT;
    plan.states_max = 256;
    size_t states = crash_fs_each_state(crash, &plan, check_state, &written);
    print_message("%zu states after %zu operations\n", states, crash_fs_operations(crash));
    crash_fs_free(crash);
    hrl_model_free(written.model);
}

static void write__often_flushed_cut_anywhere__lists_what_was_flushed(void **state)
{
    (void)state;
    write_and_cut(4096, 40, true);
}

static void write__seldom_flushed_cut_anywhere__lists_what_was_flushed(void **state)
{
    (void)state;
    write_and_cut(512, 8, true);
}

static void write__never_closed_cut_anywhere__lists_what_was_flushed(void **state)
{
    (void)state;
    write_and_cut(1024, 15, false);
}

static void apply_to(const struct file_system *fs)
{
    const struct vhd_open open = {.fs = fs, .writable = true, .share = FILE_SHARE_NOTHING};
    const struct hrl_apply how = {0};
    struct hrl_applied applied;
    struct vhd *disk;
    struct hrl *log = hrl_model_open(fs, LOG);
    assert_ok(vhd_open(DISK, &open, &disk));
    assert_ok(hrl_apply(log, disk, &how, &applied));
    assert_ok(vhd_close(disk));
    hrl_close(log);
}

static void check_applied_again(void *context, const struct crash_state *at, struct mem_fs *state)
{
    (void)at;
    static uint8_t found[DISK_SIZE];
    const struct vhd_open how = {.fs = mem_fs_system(state), .share = FILE_SHARE_DENY_WRITE};
    struct vhd *disk;
    apply_to(mem_fs_system(state));
    assert_ok(vhd_open(DISK, &how, &disk));
    assert_ok(vhd_read(disk, 0, found, sizeof found));
    assert_ok(vhd_close(disk));
    assert_memory_equal(found, context, sizeof found);
}

static void apply__cut_anywhere__can_be_run_again(void **state)
{
    (void)state;
    struct mem_fs *start = mem_fs_new();
    struct random random = random_start(random_seed("crash.hrl apply"));
    struct hrl_model *model = hrl_model_new(DISK_SIZE, 64 * 1024);
    const struct vhd_create disk = {.fs = mem_fs_system(start),
                                    .format = VHD_FORMAT_VHDX,
                                    .type = VHD_TYPE_DYNAMIC,
                                    .virtual_size = DISK_SIZE,
                                    .block_size = (uint32_t)MIB};
    const struct hrl_create how = {.fs = mem_fs_system(start), .metadata_size = 512};
    struct hrl_writer *writer;
    assert_ok(vhd_create(DISK, &disk));
    assert_ok(hrl_create(LOG, &how, &writer));
    for (int i = 0; i < 30; i++)
        assert_ok(hrl_model_append(model, writer, &random));
    assert_ok(hrl_finish(writer, NULL));
    uint8_t *wanted = calloc(1, DISK_SIZE);
    assert_non_null(wanted);
    hrl_model_apply(model, model->count, wanted);

    struct crash_fs *crash = crash_fs_new(start);
    apply_to(crash_fs_system(crash));
    struct crash_plan plan = CRASH_PLAN_DEFAULT;
    plan.states_max = 16;
    size_t states = crash_fs_each_state(crash, &plan, check_applied_again, wanted);
    print_message("%zu states after %zu operations\n", states, crash_fs_operations(crash));
    crash_fs_free(crash);
    free(wanted);
    hrl_model_free(model);
    mem_fs_free(start);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(write__often_flushed_cut_anywhere__lists_what_was_flushed),
        cmocka_unit_test(write__seldom_flushed_cut_anywhere__lists_what_was_flushed),
        cmocka_unit_test(write__never_closed_cut_anywhere__lists_what_was_flushed),
        cmocka_unit_test(apply__cut_anywhere__can_be_run_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
