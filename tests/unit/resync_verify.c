// What the replica writes is read back: damage between the primary's disk and the child is noticed,
// mended once, and never merged. Failing disks end in a state that goes on.
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "service/replicate/resync_primary.h"
#include "tests/support/fault_fs.h"
#include "tests/support/must.h"
#include "tests/support/service/resync_pair.h"
#include "tests/support/test.h"

#define MIB (1024ull * 1024)

// ---- a file system that damages what it writes ----

// Guest data in these tests; no structure of a disk format looks like it.
#define PATTERN 0xa5

static struct {
    atomic_int left; // how many writes of guest data to damage
    atomic_int done;
} damage;

struct bad_file {
    struct file file; // first
    struct file *under;
};

static struct file *under(struct file *file)
{
    return ((struct bad_file *)(void *)file)->under;
}

static enum status bad_read(struct file *file, uint64_t offset, void *buffer, size_t size)
{
    return file_read(under(file), offset, buffer, size);
}

static enum status bad_write(struct file *file, uint64_t offset, const void *buffer, size_t size)
{
    static const uint8_t pattern[64] = {[0 ... 63] = PATTERN};
    if (size < sizeof pattern || memcmp(buffer, pattern, sizeof pattern) != 0 ||
        atomic_load(&damage.left) == 0)
        return file_write(under(file), offset, buffer, size);
    uint8_t *copy = must_alloc(size);
    memcpy(copy, buffer, size);
    copy[size / 2] ^= 1;
    atomic_fetch_sub(&damage.left, 1);
    atomic_fetch_add(&damage.done, 1);
    enum status st = file_write(under(file), offset, copy, size);
    free(copy);
    return st;
}

static enum status bad_flush(struct file *file)
{
    return file_flush(under(file));
}
static enum status bad_size(struct file *file, uint64_t *size)
{
    return file_size(under(file), size);
}
static enum status bad_set_size(struct file *file, uint64_t size)
{
    return under(file)->ops->set_size(under(file), size);
}
static enum status bad_zero(struct file *file, uint64_t offset, uint64_t length)
{
    return under(file)->ops->zero(under(file), offset, length);
}
static enum status bad_reserve(struct file *file, uint64_t offset, uint64_t length)
{
    return under(file)->ops->reserve(under(file), offset, length);
}
static enum status bad_trim(struct file *file)
{
    return under(file)->ops->trim_reservation(under(file));
}
static enum status bad_extent(struct file *file, uint64_t offset, enum file_extent_kind *kind,
                              uint64_t *length)
{
    return under(file)->ops->extent(under(file), offset, kind, length);
}
static enum status bad_identify(struct file *file, struct file_id *id)
{
    return under(file)->ops->identify(under(file), id);
}
static enum status bad_write_time(struct file *file, uint64_t *time)
{
    return under(file)->ops->write_time(under(file), time);
}
static void bad_close(struct file *file)
{
    file_close(under(file));
    free(file->path);
    free(file);
}

static const struct file_ops bad_ops = {.read = bad_read,
                                        .write = bad_write,
                                        .flush = bad_flush,
                                        .size = bad_size,
                                        .set_size = bad_set_size,
                                        .zero = bad_zero,
                                        .reserve = bad_reserve,
                                        .trim_reservation = bad_trim,
                                        .extent = bad_extent,
                                        .identify = bad_identify,
                                        .write_time = bad_write_time,
                                        .close = bad_close};

static enum status bad_open(const struct file_system *fs, const char *path,
                            const struct file_open *how, struct file **out)
{
    (void)fs;
    struct file *file = NULL;
    enum status st = file_system_os()->open(file_system_os(), path, how, &file);
    if (st != STATUS_OK)
        return st;
    struct bad_file *bad = must_alloc(sizeof *bad);
    bad->file = (struct file){.ops = &bad_ops, .path = must_copy(path)};
    bad->under = file;
    *out = &bad->file;
    return STATUS_OK;
}

static struct file_system bad_system(void)
{
    struct file_system fs = *file_system_os();
    fs.open = bad_open;
    atomic_store(&damage.left, 0);
    atomic_store(&damage.done, 0);
    return fs;
}

// ---- tests ----

static void fill(const char *path, uint64_t offset, size_t length)
{
    struct vhd_open how = {.writable = true, .share = FILE_SHARE_DENY_WRITE};
    struct vhd *disk = NULL;
    uint8_t *data = must_alloc(length);
    memset(data, PATTERN, length);
    assert_ok(vhd_open(path, &how, &disk));
    assert_ok(vhd_write(disk, offset, data, length));
    assert_ok(vhd_close(disk));
    free(data);
}

static struct resync_pair *pair_on(const struct file_system *replica_fs)
{
    struct resync_pair *pair =
        pair_new(&(struct pair_options){.size = 8 * MIB, .replica_fs = replica_fs});
    fill(pair_primary(pair)->disk[0], MIB, 300 * 1024);
    return pair;
}

static void assert_merges(struct resync_pair *pair)
{
    enum resync_end end = pair_attempt(pair, NULL, NULL);
    if (end != RESYNC_MERGED)
        print_error("ended with %d: %s\n", end, status_last()->message);
    assert_int_equal(end, RESYNC_MERGED);
    pair_wait_for_clean_up(pair);
    assert_true(pair_equal(pair_primary(pair)->disk[0], pair_replica(pair)->disk[0]));
}

static void verify__one_write_damaged__sent_again(void **state)
{
    (void)state;
    struct file_system fs = bad_system();
    struct resync_pair *pair = pair_on(&fs);
    atomic_store(&damage.left, 1);
    assert_merges(pair);
    assert_int_equal(atomic_load(&damage.done), 1);
    assert_int_equal(pair_events(pair_replica(pair), 50035), 1);
    assert_int_equal(pair_events(pair_replica(pair), 50037),
                     1); // and it was told that it is right now
    pair_free(pair);
}

static void verify__several_writes_damaged__all_sent_again(void **state)
{
    (void)state;
    struct file_system fs = bad_system();
    struct resync_pair *pair = pair_on(&fs);
    atomic_store(&damage.left, 4);
    assert_merges(pair);
    assert_int_equal(atomic_load(&damage.done), 4);
    pair_free(pair);
}

static void verify__damaged_again__fails_and_nothing_is_merged(void **state)
{
    (void)state;
    struct file_system fs = bad_system();
    struct resync_pair *pair = pair_on(&fs);
    uint64_t before = pair_file_sum(pair_replica(pair)->disk[0]);
    atomic_store(&damage.left, 1000);
    assert_int_equal(pair_attempt(pair, NULL, NULL), RESYNC_FAILED);
    assert_int_equal(status_last()->status, STATUS_VERIFY_FAILED);
    assert_int_equal(pair_events(pair_replica(pair), 50037), 0);
    assert_true(pair_file_sum(pair_replica(pair)->disk[0]) == before);
    atomic_store(&damage.left, 0); // the memory module was changed
    assert_merges(pair);
    pair_free(pair);
}

// Fails the n-th call of these kinds on the replica, for a spread of n; the next attempts without
// failures must end merged.
static void fail_each(unsigned kinds, enum status status)
{
    for (uint64_t nth = 1;; nth += 1 + nth / 8) {
        struct fault_fs *fault = fault_fs_new(file_system_os());
        struct resync_pair *pair = pair_on(fault_fs_system(fault));
        fault_fs_arm(fault, kinds, nth, status, false);
        enum resync_end end = pair_attempt(pair, NULL, NULL);
        bool fired = fault_fs_fired(fault);
        fault_fs_arm(fault, kinds, 0, status, false);
        assert_true(fired || end == RESYNC_MERGED);
        if (end == RESYNC_RESTART || end == RESYNC_CANCELLED)
            pair_request(pair, false);
        if (end != RESYNC_MERGED)
            for (int i = 0; i < 3 && (end = pair_attempt(pair, NULL, NULL)) != RESYNC_MERGED; i++)
                if (end == RESYNC_CUT || end == RESYNC_GUARD)
                    fail_msg("call %llu failed, then ended with %d: %s", (unsigned long long)nth,
                             end, status_last()->message);
        assert_int_equal(end, RESYNC_MERGED);
        pair_free(pair);
        fault_fs_free(fault);
        if (!fired)
            break;
    }
}

static void replica__full_volume__goes_on_when_there_is_room(void **state)
{
    (void)state;
    fail_each(FAULT_WRITE | FAULT_SET_SIZE | FAULT_RESERVE, STATUS_NO_SPACE);
}

static void replica__a_call_fails_once__goes_on(void **state)
{
    (void)state;
    fail_each(FAULT_ANY, STATUS_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verify__one_write_damaged__sent_again),
        cmocka_unit_test(verify__several_writes_damaged__all_sent_again),
        cmocka_unit_test(verify__damaged_again__fails_and_nothing_is_merged),
        cmocka_unit_test(replica__full_volume__goes_on_when_there_is_room),
        cmocka_unit_test(replica__a_call_fails_once__goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
