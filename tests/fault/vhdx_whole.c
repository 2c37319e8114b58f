// Every call of the file table fails once, or from one on, while a VHDX is resized, compacted,
// given another identity or made the parent of a child with items of its own: the failure is
// reported, the disk opens with its contents and the old size or the new one, and the same change
// asked for again goes through.
#include <stdlib.h>

#include "tests/support/fault_fs.h"
#include "tests/support/vhdx_samples.h"

#define PARENT "/parent.vhdx"
#define CHILD  "/child.vhdx"

struct change {
    const char *path;
    enum status (*run)(const struct file_system *fs, const char *path);
    struct samples samples;
    uint64_t sizes[2]; // before and after
};

static enum status grow_table(const struct file_system *fs, const char *path)
{
    const struct vhd_resize how = {.fs = fs, .virtual_size = 300ull << 30};
    return vhd_resize(path, &how);
}

static enum status grow_little(const struct file_system *fs, const char *path)
{
    const struct vhd_resize how = {.fs = fs, .virtual_size = 14 * MIB};
    return vhd_resize(path, &how);
}

static enum status shrink(const struct file_system *fs, const char *path)
{
    const struct vhd_resize how = {.fs = fs, .virtual_size = 5 * MIB + 512, .unsafe = true};
    return vhd_resize(path, &how);
}

static enum status compact(const struct file_system *fs, const char *path)
{
    const struct vhd_compact how = {.fs = fs};
    struct vhd_compacted result;
    return vhd_compact(path, &how, &result);
}

static enum status identify(const struct file_system *fs, const char *path)
{
    static const struct guid id = GUID_INIT(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
    const struct vhd_set_identity how = {
        .fs = fs, .virtual_disk_id = &id, .physical_sector_size = 512};
    return vhd_set_identity(path, &how);
}

static void check(const struct change *c, struct mem_fs *fs, bool changed)
{
    for (int writable = 0; writable < 2; writable++) {
        struct vhd *disk = vhdx_test_open(mem_fs_system(fs), c->path, writable);
        struct vhd_info info;
        vhd_get_info(disk, &info);
        assert_true(info.virtual_size == c->sizes[1] ||
                    (!changed && info.virtual_size == c->sizes[0]));
        assert_null(samples_wrong(&c->samples, disk));
        assert_ok(vhd_close(disk));
    }
}

// Runs the change with the n-th call failing. False: it needs fewer calls.
static bool fail_nth(const struct change *c, const struct mem_fs *start, unsigned kinds,
                     uint64_t nth, enum status failure, bool for_ever)
{
    struct mem_fs *fs = mem_fs_clone(start);
    struct fault_fs *fault = fault_fs_new(mem_fs_system(fs));
    fault_fs_arm(fault, kinds, nth, failure, for_ever);
    enum status status = c->run(fault_fs_system(fault), c->path);
    bool fired = fault_fs_fired(fault);
    if (!fired)
        assert_ok(status);
    // Identifying a file for its info is the only thing that may fail without harm.
    if (fired && !(kinds & FAULT_LOOK))
        assert_status(status, failure);
    fault_fs_free(fault);
    check(c, fs, status == STATUS_OK);
    assert_ok(c->run(mem_fs_system(fs), c->path));
    check(c, fs, true);
    mem_fs_free(fs);
    return fired;
}

static void fail_each(struct change *c, struct mem_fs *start)
{
    static const struct {
        unsigned kinds;
        enum status failure;
        bool for_ever;
    } ways[] = {{FAULT_ANY, STATUS_IO, false},
                {FAULT_ANY & ~(unsigned)FAULT_LOOK, STATUS_IO, true},
                {FAULT_WRITE | FAULT_SET_SIZE, STATUS_NO_SPACE, true},
                {FAULT_FLUSH, STATUS_IO, false}};
    struct mem_fs *end = mem_fs_clone(start);
    c->sizes[0] = vhdx_test_info(mem_fs_system(end), c->path).virtual_size;
    assert_ok(c->run(mem_fs_system(end), c->path));
    c->sizes[1] = vhdx_test_info(mem_fs_system(end), c->path).virtual_size;
    mem_fs_free(end);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        uint64_t nth = 1;
        while (fail_nth(c, start, ways[i].kinds, nth, ways[i].failure, ways[i].for_ever))
            nth++;
        print_message("%s: %llu calls\n", c->path, (unsigned long long)(nth - 1));
        assert_true(nth > 5);
    }
    mem_fs_free(start);
}

// Ten blocks, some of them zeros; a child has some of its own, whole and partial.
static struct mem_fs *with_disk(struct change *c, enum vhd_type type)
{
    static uint8_t zeros[2 << 20];
    bool child = type == VHD_TYPE_DIFFERENCING;
    struct mem_fs *fs = mem_fs_new();
    vhdx_test_create(mem_fs_system(fs), PARENT, child ? VHD_TYPE_DYNAMIC : type, 10 * MIB + 512,
                     1 << 20);
    c->path = PARENT;
    for (int leaf = 0; leaf <= child; leaf++) {
        struct vhd *disk = vhdx_test_open(mem_fs_system(fs), c->path, true);
        for (uint64_t i = 0; i < 10; i += 1 + (uint64_t)leaf)
            samples_write(&c->samples, disk, i * MIB + 4096, (uint8_t)(i + 1 + 16 * leaf));
        assert_ok(vhd_write(disk, 2 * MIB, zeros, sizeof zeros));
        samples_note(&c->samples, 2 * MIB + 4096, 0);
        samples_note(&c->samples, 3 * MIB + 4096, 0);
        samples_note(&c->samples, 11 * MIB, 0);
        assert_ok(vhd_close(disk));
        if (leaf == child)
            break;
        assert_ok(vhd_create_child(CHILD, PARENT, mem_fs_system(fs)));
        c->path = CHILD;
    }
    return fs;
}

static void every_type(enum status (*run)(const struct file_system *fs, const char *path))
{
    static const enum vhd_type types[] = {VHD_TYPE_DYNAMIC, VHD_TYPE_FIXED, VHD_TYPE_DIFFERENCING};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        struct change c = {.run = run};
        if (types[i] == VHD_TYPE_FIXED && run == compact)
            continue;
        fail_each(&c, with_disk(&c, types[i]));
    }
}

static void grow__any_call_fails__old_or_new_size(void **state)
{
    (void)state;
    every_type(grow_little);
    struct change c = {.run = grow_table};
    fail_each(&c, with_disk(&c, VHD_TYPE_DYNAMIC));
}

static void shrink__any_call_fails__old_or_new_size(void **state)
{
    (void)state;
    every_type(shrink);
}

static void compact__any_call_fails__same_contents(void **state)
{
    (void)state;
    every_type(compact);
    // With a table that lies behind the blocks and moves down.
    struct change c = {.run = compact};
    struct mem_fs *start = with_disk(&c, VHD_TYPE_DYNAMIC);
    assert_ok(grow_table(mem_fs_system(start), c.path));
    fail_each(&c, start);
}

static void set_identity__any_call_fails__same_contents(void **state)
{
    (void)state;
    every_type(identify);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grow__any_call_fails__old_or_new_size),
        cmocka_unit_test(shrink__any_call_fails__old_or_new_size),
        cmocka_unit_test(compact__any_call_fails__same_contents),
        cmocka_unit_test(set_identity__any_call_fails__same_contents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
