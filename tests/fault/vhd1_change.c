// Every I/O fails once while a child is made and written, a VHD resized, compacted, given another
// id or repaired: the failure is reported, and the disk opens and holds what it may.
#include "tests/support/test.h"

#include <string.h>

#include "tests/support/disk_change.h"
#include "tests/support/fault_fs.h"
#include "tests/support/vhd1_disk.h"

#define PATH   "/disk.vhd"
#define PARENT "/parent.vhd"
#define MIB    (1ull << 20)
#define SIZE   (3 * MIB)
#define BLOCK  4096u
// Looks at size and time may fail without consequence.
#define KINDS (FAULT_ANY & ~FAULT_LOOK)

struct change {
    const char *name;
    void (*prepare)(struct mem_fs *fs);
    enum status (*apply)(const struct file_system *fs);
    uint64_t old_size, new_size;
};

static void write_places(const struct file_system *fs, const char *path)
{
    uint8_t data[BLOCK];
    struct vhd *disk = vhd1_disk_open(fs, path, true);
    memset(data, 0x5a, sizeof data);
    for (uint64_t i = 0; i < 16; i += 3)
        assert_ok(vhd_write(disk, i * BLOCK, data, sizeof data));
    assert_ok(vhd_zero(disk, 3 * BLOCK, BLOCK));
    assert_ok(vhd_close(disk));
}

// True when the disk holds what write_places wrote, and zeros otherwise.
static bool holds_places(struct vhd *disk)
{
    struct vhd_info info;
    uint8_t data[BLOCK];
    bool right = true;
    vhd_get_info(disk, &info);
    for (uint64_t at = 0; at + BLOCK <= info.virtual_size; at += BLOCK) {
        uint8_t expected[BLOCK] = {0};
        uint64_t i = at / BLOCK;
        if (i < 16 && i % 3 == 0 && i != 3)
            memset(expected, 0x5a, sizeof expected);
        assert_ok(vhd_read(disk, at, data, sizeof data));
        right = right && memcmp(data, expected, sizeof data) == 0;
    }
    return right;
}

static void prepare_dynamic(struct mem_fs *fs)
{
    vhd1_disk_create_tiny(fs, PATH, VHD_TYPE_DYNAMIC, SIZE, BLOCK);
    write_places(mem_fs_system(fs), PATH);
}

static void prepare_fixed(struct mem_fs *fs)
{
    vhd1_disk_create_tiny(fs, PATH, VHD_TYPE_FIXED, SIZE, 0);
    write_places(mem_fs_system(fs), PATH);
}

static void prepare_large(struct mem_fs *fs)
{
    vhd1_disk_create_tiny(fs, PATH, VHD_TYPE_DYNAMIC, 16 * MIB, BLOCK);
    write_places(mem_fs_system(fs), PATH);
}

static void prepare_damaged(struct mem_fs *fs)
{
    prepare_dynamic(fs);
    mem_fs_resize(fs, PATH, vhd1_disk_footer_at(fs, PATH));
    vhd1_disk_poke_be32(fs, PATH, 512 + VHD1_DISK_HEADER_CHECKSUM, 1);
}

static enum status resize(const struct file_system *fs, uint64_t size)
{
    const struct vhd_resize how = {.fs = fs, .virtual_size = size};
    return vhd_resize(PATH, &how);
}

static enum status grow(const struct file_system *fs)
{
    return resize(fs, 16 * MIB);
}

static enum status shrink(const struct file_system *fs)
{
    return resize(fs, SIZE);
}

static enum status compact(const struct file_system *fs)
{
    const struct vhd_compact how = {.fs = fs};
    struct vhd_compacted out;
    return vhd_compact(PATH, &how, &out);
}

static enum status identify(const struct file_system *fs)
{
    static const struct guid id = {{7}};
    const struct vhd_set_identity how = {.fs = fs, .virtual_disk_id = &id};
    return vhd_set_identity(PATH, &how);
}

static void ignore_problem(void *context, const struct vhd_problem *problem)
{
    (void)context;
    (void)problem;
}

static enum status repair(const struct file_system *fs)
{
    const struct vhd_check how = {.fs = fs, .repair = true, .problem = ignore_problem};
    struct vhd_checked result;
    return vhd_check(PATH, &how, &result);
}

static bool opens_as_before_or_after(struct mem_fs *fs, const struct change *change)
{
    struct vhd_info info;
    struct vhd *disk = vhd1_disk_open(mem_fs_system(fs), PATH, false);
    vhd_get_info(disk, &info);
    bool right = holds_places(disk) &&
                 (info.virtual_size == change->old_size || info.virtual_size == change->new_size);
    assert_ok(vhd_close(disk));
    return right;
}

// False: the change needs fewer calls than `nth`.
static bool fail_nth(const struct change *change, unsigned kinds, uint64_t nth, enum status failure)
{
    struct mem_fs *fs = mem_fs_new();
    struct vhd_info info;
    change->prepare(fs);
    struct fault_fs *fault = fault_fs_new(mem_fs_system(fs));
    fault_fs_arm(fault, kinds, nth, failure, false);
    enum status status = change->apply(fault_fs_system(fault));
    bool fired = fault_fs_fired(fault);
    fault_fs_free(fault);
    if (status != STATUS_OK) {
        assert_int_equal(status, failure);
        assert_true(change->apply == repair || opens_as_before_or_after(fs, change));
        // The same again, without a failure, ends the change.
        assert_ok(change->apply(mem_fs_system(fs)));
    }
    assert_true(vhd1_disk_has_two_footers(fs, PATH) || change->prepare == prepare_fixed);
    struct vhd *disk = vhd1_disk_open(mem_fs_system(fs), PATH, true);
    vhd_get_info(disk, &info);
    assert_int_equal(info.virtual_size, change->new_size);
    assert_true(holds_places(disk));
    assert_ok(vhd_close(disk));
    mem_fs_free(fs);
    return fired;
}

static void change__any_call_fails__reported_and_done_again(void **state)
{
    (void)state;
    static const struct change changes[] = {
        {"fixed grows", prepare_fixed, grow, SIZE, 16 * MIB},
        {"dynamic grows", prepare_dynamic, grow, SIZE, 16 * MIB},
        {"dynamic shrinks", prepare_large, shrink, 16 * MIB, SIZE},
        {"compact", prepare_dynamic, compact, SIZE, SIZE},
        {"identity", prepare_dynamic, identify, SIZE, SIZE},
        {"repair", prepare_damaged, repair, SIZE, SIZE},
    };
    static const struct {
        unsigned kinds;
        enum status failure;
    } failures[] = {{KINDS, STATUS_IO}, {FAULT_WRITE | FAULT_SET_SIZE, STATUS_NO_SPACE}};
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        for (size_t f = 0; f < 2; f++) {
            uint64_t nth = 1;
            while (fail_nth(&changes[i], failures[f].kinds, nth, failures[f].failure))
                nth++;
            print_message("%s: %llu calls\n", changes[i].name, (unsigned long long)nth - 1);
            assert_true(nth > 2);
        }
    }
}

static void create_child__any_call_fails__no_file_stays(void **state)
{
    (void)state;
    bool fired = true;
    for (uint64_t nth = 1; fired; nth++) {
        struct mem_fs *fs = mem_fs_new();
        prepare_dynamic(fs);
        struct fault_fs *fault = fault_fs_new(mem_fs_system(fs));
        fault_fs_arm(fault, KINDS, nth, STATUS_IO, false);
        enum status status = vhd_create_child("/child.avhd", PATH, fault_fs_system(fault));
        fired = fault_fs_fired(fault);
        fault_fs_free(fault);
        assert_int_equal(status, fired ? STATUS_IO : STATUS_OK);
        assert_int_equal(mem_fs_has(fs, "/child.avhd"), !fired);
        mem_fs_free(fs);
    }
}

// A session in a child: what was flushed is there, and nothing that was never written.
static void write_child__any_call_fails__flushed_data_there(void **state)
{
    (void)state;
    enum { CHILD_SIZE = 64 * 1024 };
    bool fired = true;
    for (uint64_t nth = 1; fired; nth++) {
        struct mem_fs *fs = mem_fs_new();
        struct disk_model *model = disk_model_new(CHILD_SIZE, 512);
        struct random random = random_start(nth % 7);
        vhd1_disk_create_tiny(fs, PARENT, VHD_TYPE_DYNAMIC, CHILD_SIZE, BLOCK);
        struct vhd *disk = vhd1_disk_open(mem_fs_system(fs), PARENT, true);
        assert_ok(disk_model_write(model, disk, 0, CHILD_SIZE));
        assert_ok(vhd_close(disk));
        assert_ok(vhd_create_child(PATH, PARENT, mem_fs_system(fs)));
        disk_model_promise(model, 0);

        struct fault_fs *fault = fault_fs_new(mem_fs_system(fs));
        fault_fs_arm(fault, KINDS, nth, STATUS_IO, false);
        size_t promised = 0;
        enum status status = vhd1_disk_try_open(fault_fs_system(fault), PATH, true, &disk);
        bool opened = status == STATUS_OK;
        for (int i = 0; i < 9 && status == STATUS_OK; i++) {
            status = disk_change(model, disk, &random, 6000);
            if (status == STATUS_OK && i % 3 == 2)
                status = vhd_flush(disk);
            if (status == STATUS_OK && i % 3 == 2)
                disk_model_promise(model, ++promised);
        }
        if (opened && status == STATUS_OK)
            status = vhd_close(disk);
        else if (opened)
            vhd_abandon(disk);
        fired = fault_fs_fired(fault);
        fault_fs_free(fault);
        assert_int_equal(status, fired ? STATUS_IO : STATUS_OK);
        disk = vhd1_disk_open(mem_fs_system(fs), PATH, true);
        assert_int_equal(disk_model_violations(model, disk, promised), 0);
        assert_ok(vhd_close(disk));
        disk_model_free(model);
        mem_fs_free(fs);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(change__any_call_fails__reported_and_done_again),
        cmocka_unit_test(create_child__any_call_fails__no_file_stays),
        cmocka_unit_test(write_child__any_call_fails__flushed_data_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
