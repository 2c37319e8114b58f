// Power cuts while a VHD is written: what was flushed is there, what was not is there or not,
// sector by sector, and the file opens.
#include "tests/support/test.h"

#include <string.h>

#include "tests/support/disk_change.h"
#include "tests/support/vhd1_cut.h"
#include "tests/support/vhd1_disk.h"

#define PATH            "/disk.vhd"
#define PARENT          "/parent.vhd"
#define SIZE            (96 * 1024u + 512)
#define BLOCK           8192u
#define CHANGES         40
#define SESSIONS        6
#define STATES_MAX      90
#define RECOVERY_STRIDE 9

// One session with flushes now and then, over `start`, cut everywhere.
static void write_and_cut(struct mem_fs *start, struct disk_model *model, struct random *random)
{
    struct crash_fs *crash = crash_fs_new(start);
    struct vhd *disk = vhd1_disk_open(crash_fs_system(crash), PATH, true);
    for (int i = 0; i < CHANGES; i++) {
        assert_ok(disk_change(model, disk, random, i % 4 == 0 ? 3 * BLOCK : 4096));
        if (random_chance(random, 30)) {
            assert_ok(vhd_flush(disk));
            disk_model_promise(model, crash_fs_operations(crash));
        }
    }
    assert_ok(vhd_close(disk));
    disk_model_promise(model, crash_fs_operations(crash));
    const struct vhd1_cut cut = {.path = PATH,
                                 .violations = vhd1_cut_model_violations,
                                 .context = model,
                                 .recovery_stride = RECOVERY_STRIDE};
    vhd1_cut_everywhere(crash, &cut, STATES_MAX);
    crash_fs_free(crash);
}

static void cut_sessions(enum vhd_type type, const char *name)
{
    struct random random = random_start(random_seed(name));
    for (int session = 0; session < SESSIONS; session++) {
        struct mem_fs *start = mem_fs_new();
        struct disk_model *model = disk_model_new(SIZE, 512);
        vhd1_disk_create_tiny(start, PATH, type, SIZE, BLOCK);
        write_and_cut(start, model, &random);
        disk_model_free(model);
        mem_fs_free(start);
    }
}

static void write__dynamic_cut_anywhere__flushed_data_is_there(void **state)
{
    (void)state;
    cut_sessions(VHD_TYPE_DYNAMIC, "crash.vhd1 dynamic");
}

static void write__fixed_cut_anywhere__flushed_data_is_there(void **state)
{
    (void)state;
    cut_sessions(VHD_TYPE_FIXED, "crash.vhd1 fixed");
}

// A sector of a child is the parent's or what was written last, never what the file held there.
static void write__child_cut_anywhere__flushed_data_is_there(void **state)
{
    (void)state;
    struct random random = random_start(random_seed("crash.vhd1 child"));
    for (int session = 0; session < SESSIONS; session++) {
        struct mem_fs *start = mem_fs_new();
        struct disk_model *model = disk_model_new(SIZE, 512);
        vhd1_disk_create_tiny(start, PARENT, VHD_TYPE_DYNAMIC, SIZE, BLOCK);
        struct vhd *disk = vhd1_disk_open(mem_fs_system(start), PARENT, true);
        assert_ok(disk_model_write(model, disk, 0, SIZE / 1024 * 512));
        assert_ok(vhd_close(disk));
        // Blocks as small as the parent's, and one large block with bits of all kinds.
        if (session % 2 == 0)
            vhd1_disk_create_tiny_child(start, PATH, PARENT, SIZE, BLOCK);
        else
            assert_ok(vhd_create_child(PATH, PARENT, mem_fs_system(start)));
        disk_model_promise(model, 0);
        write_and_cut(start, model, &random);
        disk_model_free(model);
        mem_fs_free(start);
    }
}

// New blocks after a crash that left blocks in no table and no footer at the end.
static void write__over_what_a_crash_left__flushed_data_is_there(void **state)
{
    (void)state;
    struct random random = random_start(random_seed("crash.vhd1 again"));
    struct mem_fs *start = mem_fs_new();
    struct disk_model *model = disk_model_new(SIZE, 512);
    uint8_t junk[8192];
    memset(junk, 0xdb, sizeof junk);
    vhd1_disk_create_tiny(start, PATH, VHD_TYPE_DYNAMIC, SIZE, BLOCK);
    struct vhd *disk = vhd1_disk_open(mem_fs_system(start), PATH, true);
    assert_ok(disk_model_write(model, disk, 0, 4096));
    assert_ok(vhd_flush(disk));
    disk_model_promise(model, 0);
    // Never flushed: it must not come up again.
    assert_ok(vhd_write(disk, 40 * 1024, junk, sizeof junk));
    vhd_abandon(disk);
    mem_fs_resize(start, PATH, vhd1_disk_footer_at(start, PATH));
    write_and_cut(start, model, &random);
    disk_model_free(model);
    mem_fs_free(start);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(write__dynamic_cut_anywhere__flushed_data_is_there),
        cmocka_unit_test(write__fixed_cut_anywhere__flushed_data_is_there),
        cmocka_unit_test(write__child_cut_anywhere__flushed_data_is_there),
        cmocka_unit_test(write__over_what_a_crash_left__flushed_data_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
