// Every I/O of a replica log fails once: the failure is reported, the log is written no further,
// and what was flushed before is listed afterwards.
#include "tests/support/test.h"

#include "tests/support/fault_fs.h"
#include "tests/support/hrl_model.h"
#include "tests/support/mem_fs.h"

#define LOG       "/disk.hrl"
#define DISK      "/disk.vhdx"
#define MIB       (1ull << 20)
#define DISK_SIZE (4 * MIB)

// Creates, appends, flushes now and then, closes; *flushed: writes that were promised.
static enum status session(const struct file_system *fs, struct hrl_model *model, size_t *flushed)
{
    struct random random = random_start(3);
    const struct hrl_create how = {.fs = fs, .metadata_size = 512};
    struct hrl_writer *writer;
    enum status status = hrl_create(LOG, &how, &writer);
    if (status != STATUS_OK)
        return status;
    for (int i = 0; i < 40 && status == STATUS_OK; i++) {
        status = hrl_model_append(model, writer, &random);
        if (status == STATUS_OK && i % 7 == 6) {
            status = hrl_flush(writer);
            *flushed = status == STATUS_OK ? model->count : *flushed;
        }
    }
    if (status == STATUS_OK)
        return hrl_finish(writer, NULL);
    static const uint8_t sector[512];
    assert_status(hrl_append(writer, 0, sector, sizeof sector), STATUS_IO);
    assert_status(hrl_flush(writer), STATUS_IO);
    assert_status(hrl_finish(writer, NULL), STATUS_IO);
    return status;
}

// False: the session needs fewer calls than `nth`.
static bool fail_nth(uint64_t nth, enum status failure)
{
    struct hrl_model *model = hrl_model_new(DISK_SIZE, 8192);
    struct mem_fs *fs = mem_fs_new();
    struct fault_fs *fault = fault_fs_new(mem_fs_system(fs));
    size_t flushed = 0;
    fault_fs_arm(fault, FAULT_ANY, nth, failure, false);
    enum status status = session(fault_fs_system(fault), model, &flushed);
    bool fired = fault_fs_fired(fault);
    fault_fs_free(fault);
    assert_int_equal(status, fired ? failure : STATUS_OK);
    if (mem_fs_has(fs, LOG)) {
        struct hrl_info info;
        struct hrl *log = hrl_model_open(mem_fs_system(fs), LOG);
        hrl_get_info(log, &info);
        assert_in_range(hrl_model_compare(model, log), flushed, model->count);
        // The very last flush may fail behind a header that is written.
        assert_true(!fired || !info.closed || info.writes == model->count);
        hrl_close(log);
    } else {
        assert_true(fired && flushed == 0);
    }
    mem_fs_free(fs);
    hrl_model_free(model);
    return fired;
}

static void write__any_call_fails__reported_and_flushed_writes_there(void **state)
{
    (void)state;
    static const enum status failures[] = {STATUS_IO, STATUS_NO_SPACE};
    for (size_t i = 0; i < 2; i++) {
        uint64_t nth = 1;
        while (fail_nth(nth, failures[i]))
            nth++;
        assert_true(nth > 50);
    }
}

static enum status read_log(const struct file_system *fs, const struct hrl_model *model)
{
    const struct hrl_open how = {.fs = fs, .share = FILE_SHARE_DENY_WRITE};
    struct hrl *log;
    struct hrl_entry entry;
    uint64_t count = 0;
    bool found = true;
    enum status status = hrl_open(LOG, &how, &log);
    if (status != STATUS_OK)
        return status;
    while (status == STATUS_OK && found) {
        status = hrl_next(log, &entry, &found);
        if (status != STATUS_OK || !found)
            break;
        assert_int_equal(entry.offset, model->writes[count++].offset);
        status = hrl_verify(log, &entry);
    }
    assert_true(status != STATUS_OK || count == model->count);
    hrl_close(log);
    return status;
}

static enum status apply_log(const struct file_system *fs, struct hrl_applied *applied)
{
    const struct vhd_open open = {.fs = fs, .writable = true, .share = FILE_SHARE_NOTHING};
    const struct hrl_open how = {.fs = fs, .share = FILE_SHARE_DENY_WRITE};
    const struct hrl_apply apply = {0};
    struct vhd *disk;
    struct hrl *log;
    enum status status = hrl_open(LOG, &how, &log);
    if (status != STATUS_OK)
        return status;
    status = vhd_open(DISK, &open, &disk);
    if (status == STATUS_OK) {
        status = hrl_apply(log, disk, &apply, applied);
        if (status == STATUS_OK)
            status = vhd_close(disk);
        else
            vhd_abandon(disk);
    }
    hrl_close(log);
    return status;
}

static void read__any_call_fails__reported(void **state)
{
    (void)state;
    struct hrl_model *model = hrl_model_new(DISK_SIZE, 8192);
    struct mem_fs *fs = mem_fs_new();
    size_t flushed = 0;
    bool fired = true;
    assert_ok(session(mem_fs_system(fs), model, &flushed));
    for (uint64_t nth = 1; fired; nth++) {
        struct fault_fs *fault = fault_fs_new(mem_fs_system(fs));
        fault_fs_arm(fault, FAULT_ANY, nth, STATUS_IO, false);
        enum status status = read_log(fault_fs_system(fault), model);
        fired = fault_fs_fired(fault);
        fault_fs_free(fault);
        assert_int_equal(status, fired ? STATUS_IO : STATUS_OK);
    }
    mem_fs_free(fs);
    hrl_model_free(model);
}

static void apply__any_call_fails__reported_and_can_be_run_again(void **state)
{
    (void)state;
    struct hrl_model *model = hrl_model_new(DISK_SIZE, 8192);
    struct mem_fs *start = mem_fs_new();
    const struct vhd_create disk = {.fs = mem_fs_system(start),
                                    .format = VHD_FORMAT_VHDX,
                                    .type = VHD_TYPE_DYNAMIC,
                                    .virtual_size = DISK_SIZE,
                                    .block_size = (uint32_t)MIB};
    size_t flushed = 0;
    bool fired = true;
    assert_ok(vhd_create(DISK, &disk));
    assert_ok(session(mem_fs_system(start), model, &flushed));
    for (uint64_t nth = 1; fired; nth++) {
        struct mem_fs *fs = mem_fs_clone(start);
        struct fault_fs *fault = fault_fs_new(mem_fs_system(fs));
        struct hrl_applied applied = {0};
        fault_fs_arm(fault, FAULT_ANY & ~FAULT_LOOK, nth, STATUS_IO, false);
        enum status status = apply_log(fault_fs_system(fault), &applied);
        fired = fault_fs_fired(fault);
        fault_fs_free(fault);
        assert_int_equal(status, fired ? STATUS_IO : STATUS_OK);
        assert_ok(apply_log(mem_fs_system(fs), &applied));
        assert_int_equal(applied.writes, model->count);
        mem_fs_free(fs);
    }
    mem_fs_free(start);
    hrl_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(write__any_call_fails__reported_and_flushed_writes_there),
        cmocka_unit_test(read__any_call_fails__reported),
        cmocka_unit_test(apply__any_call_fails__reported_and_can_be_run_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
