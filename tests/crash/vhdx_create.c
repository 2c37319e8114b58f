// Power cuts while a VHDX or a child is created: what is left is no disk at all or a complete one.
#include "tests/support/test.h"

#include <string.h>

#include "tests/support/crash_fs.h"
#include "vhd/vhd.h"

#define PARENT    "/parent.vhdx"
#define CHILD     "/child.avhdx"
#define MIB       (1ull << 20)
#define DISK_SIZE (5 * MIB + 512)

struct scenario {
    const char *path;
    uint8_t first_byte; // of the disk: what the parent holds there
    size_t promised;    // operations after which creation has returned
    size_t complete;    // states in which the disk was there
};

static enum status open_disk(struct mem_fs *fs, const char *path, struct vhd **disk)
{
    struct vhd_open how = {.fs = mem_fs_system(fs), .share = FILE_SHARE_DENY_WRITE};
    return vhd_open(path, &how, disk);
}

static void assert_contents(struct vhd *disk, uint8_t first_byte)
{
    uint8_t data[4096];
    struct vhd_info info;
    vhd_get_info(disk, &info);
    assert_int_equal(info.virtual_size, DISK_SIZE);
    for (uint64_t at = 0; at + sizeof data <= DISK_SIZE; at += sizeof data) {
        assert_ok(vhd_read(disk, at, data, sizeof data));
        for (size_t i = 0; i < sizeof data; i++)
            assert_int_equal(data[i], at == 0 && i < 512 ? first_byte : 0);
    }
}

static void check_state(void *context, const struct crash_state *at, struct mem_fs *state)
{
    struct scenario *s = context;
    struct vhd *disk;
    bool there = mem_fs_has(state, s->path);
    enum status status = there ? open_disk(state, s->path, &disk) : STATUS_NOT_FOUND;
    if (at->operations >= s->promised)
        assert_ok(status);
    if (!there)
        return;
    if (status != STATUS_OK) {
        // Nobody takes the rest for a disk.
        assert_status(status, STATUS_NOT_A_DISK);
        return;
    }
    assert_contents(disk, s->first_byte);
    vhd_abandon(disk);
    s->complete++;
}

static void cut_everywhere(struct scenario *s, struct crash_fs *crash)
{
    struct crash_plan plan = CRASH_PLAN_DEFAULT;
    s->promised = crash_fs_operations(crash);
    size_t states = crash_fs_each_state(crash, &plan, check_state, s);
    print_message("%zu states, %zu with a disk\n", states, s->complete);
    assert_true(s->complete > 0 && s->complete < states);
    crash_fs_free(crash);
}

static void create(const struct file_system *fs, enum vhd_type type)
{
    struct vhd_create how = {.fs = fs,
                             .format = VHD_FORMAT_VHDX,
                             .type = type,
                             .virtual_size = DISK_SIZE,
                             .block_size = 1 << 20};
    assert_ok(vhd_create(PARENT, &how));
}

static void create__any_type_cut_anywhere__nothing_or_a_disk_of_zeros(void **state)
{
    (void)state;
    static const enum vhd_type types[] = {VHD_TYPE_DYNAMIC, VHD_TYPE_FIXED};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        struct scenario s = {.path = PARENT};
        struct crash_fs *crash = crash_fs_new(NULL);
        create(crash_fs_system(crash), types[i]);
        cut_everywhere(&s, crash);
    }
}

// The parent's log is live in one of the two runs, so that creating the child closes it first.
static void create_child__cut_anywhere__nothing_or_a_child_that_shows_its_parent(void **state)
{
    (void)state;
    for (int live = 0; live < 2; live++) {
        struct mem_fs *start = mem_fs_new();
        create(mem_fs_system(start), VHD_TYPE_DYNAMIC);
        struct vhd_open how = {
            .fs = mem_fs_system(start), .writable = true, .share = FILE_SHARE_NOTHING};
        struct vhd *disk;
        uint8_t sector[512];
        memset(sector, 0x42, sizeof sector);
        assert_ok(vhd_open(PARENT, &how, &disk));
        assert_ok(vhd_write(disk, 0, sector, sizeof sector));
        assert_ok(vhd_flush(disk));
        if (live)
            vhd_abandon(disk);
        else
            assert_ok(vhd_close(disk));
        struct scenario s = {.path = CHILD, .first_byte = 0x42};
        struct crash_fs *crash = crash_fs_new(start);
        assert_ok(vhd_create_child(CHILD, PARENT, crash_fs_system(crash)));
        cut_everywhere(&s, crash);
        mem_fs_free(start);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(create__any_type_cut_anywhere__nothing_or_a_disk_of_zeros),
        cmocka_unit_test(create_child__cut_anywhere__nothing_or_a_child_that_shows_its_parent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
