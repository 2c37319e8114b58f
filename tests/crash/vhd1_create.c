// Power cuts while a VHD is created or repaired. What was created exists once the call has
// returned; before, there may be a file that is no disk, but none that reads as something else. A
// repair that was cut off is done by the next one.
#include "tests/support/test.h"

#include <string.h>

#include "tests/support/crash_fs.h"
#include "tests/support/vhd1_disk.h"
#include "vhd/vhd1/vhd1.h"

#define PATH       "/disk.vhd"
#define PARENT     "/parent.vhd"
#define MIB        (1ull << 20)
#define SIZE       (3 * MIB)
#define PLACE      (2 * MIB + 512) // of what the disk holds
#define STATES_MAX 400

struct created {
    size_t promised; // operations
    uint8_t value;   // of every byte of the sector at PLACE
};

// How a disk's sectors at PLACE and before it are; false when they are something else.
static bool is_right(struct vhd *disk, uint8_t value)
{
    uint8_t read[1024], expected[1024] = {0};
    struct vhd_info info;
    vhd_get_info(disk, &info);
    memset(expected + 512, value, 512);
    return info.virtual_size == SIZE &&
           vhd_read(disk, PLACE - 512, read, sizeof read) == STATUS_OK &&
           memcmp(read, expected, sizeof read) == 0;
}

static void check_created(void *context, const struct crash_state *at, struct mem_fs *state)
{
    const struct created *created = context;
    for (int writable = 0; writable < 2; writable++) {
        struct vhd *disk;
        enum status status =
            mem_fs_has(state, PATH)
                ? vhd1_disk_try_open(mem_fs_system(state), PATH, writable != 0, &disk)
                : STATUS_NOT_FOUND;
        if (status == STATUS_OK) {
            assert_true(is_right(disk, created->value));
            assert_ok(vhd_close(disk));
        } else {
            assert_true(at->operations < created->promised);
        }
    }
}

static void cut_everywhere(struct crash_fs *crash, struct created *created)
{
    struct crash_plan plan = CRASH_PLAN_DEFAULT;
    plan.states_max = STATES_MAX;
    created->promised = crash_fs_operations(crash);
    size_t states = crash_fs_each_state(crash, &plan, check_created, created);
    print_message("%zu states after %zu operations\n", states, crash_fs_operations(crash));
    crash_fs_free(crash);
}

static void create__cut_anywhere__there_or_no_disk(void **state)
{
    (void)state;
    static const struct vhd_create how[] = {
        {.type = VHD_TYPE_FIXED},
        {.type = VHD_TYPE_DYNAMIC},
        {.type = VHD_TYPE_DYNAMIC, .block_size = 512 * 1024},
    };
    for (size_t i = 0; i < sizeof how / sizeof *how; i++) {
        struct crash_fs *crash = crash_fs_new(NULL);
        struct vhd_create one = how[i];
        struct created created = {0};
        one.fs = crash_fs_system(crash);
        one.format = VHD_FORMAT_VHD;
        one.virtual_size = SIZE;
        assert_ok(vhd_create(PATH, &one));
        cut_everywhere(crash, &created);
    }
}

static void create_child__cut_anywhere__there_or_no_disk(void **state)
{
    (void)state;
    uint8_t sector[512];
    struct mem_fs *start = mem_fs_new();
    struct created created = {.value = 0x7c};
    memset(sector, created.value, sizeof sector);
    vhd1_disk_create(start, PARENT, VHD_TYPE_DYNAMIC, SIZE, 0);
    struct vhd *disk = vhd1_disk_open(mem_fs_system(start), PARENT, true);
    assert_ok(vhd_write(disk, PLACE, sector, sizeof sector));
    assert_ok(vhd_close(disk));
    struct crash_fs *crash = crash_fs_new(start);
    assert_ok(vhd_create_child(PATH, PARENT, crash_fs_system(crash)));
    cut_everywhere(crash, &created);
    mem_fs_free(start);
}

static void ignore_problem(void *context, const struct vhd_problem *problem)
{
    (void)context;
    (void)problem;
}

static struct vhd_checked repair(const struct file_system *fs)
{
    const struct vhd_check how = {.fs = fs, .repair = true, .problem = ignore_problem};
    struct vhd_checked result;
    assert_ok(vhd_check(PATH, &how, &result));
    return result;
}

static void check_repaired_again(void *context, const struct crash_state *at, struct mem_fs *state)
{
    (void)context;
    (void)at;
    struct vhd_checked result = repair(mem_fs_system(state));
    assert_int_equal(result.repaired, result.problems);
    assert_true(vhd1_disk_has_two_footers(state, PATH));
    struct vhd *disk = vhd1_disk_open(mem_fs_system(state), PATH, false);
    assert_true(is_right(disk, 0x7c));
    assert_ok(vhd_close(disk));
}

static void repair__cut_anywhere__next_one_ends_it(void **state)
{
    (void)state;
    enum { NO_TRAILING, NO_COPY, OTHER_COPY, HEADER_CHECKSUM, HEADER_AND_TRAILING, CASES };
    for (int damage = 0; damage < CASES; damage++) {
        uint8_t sector[512];
        struct mem_fs *start = mem_fs_new();
        memset(sector, 0x7c, sizeof sector);
        vhd1_disk_create(start, PATH, VHD_TYPE_DYNAMIC, SIZE, 0);
        struct vhd *disk = vhd1_disk_open(mem_fs_system(start), PATH, true);
        assert_ok(vhd_write(disk, PLACE, sector, sizeof sector));
        assert_ok(vhd_close(disk));
        if (damage == NO_TRAILING || damage == HEADER_AND_TRAILING)
            mem_fs_resize(start, PATH, vhd1_disk_footer_at(start, PATH) - 100);
        if (damage == NO_COPY)
            mem_fs_clear(start, PATH, 0, 512);
        if (damage == OTHER_COPY) {
            vhd1_disk_poke_be32(start, PATH, 68, 1);
            vhd1_disk_seal(start, PATH, 0, 512, VHD1_DISK_FOOTER_CHECKSUM);
        }
        if (damage == HEADER_CHECKSUM || damage == HEADER_AND_TRAILING)
            vhd1_disk_poke_be32(start, PATH, 512 + VHD1_DISK_HEADER_CHECKSUM, 1);
        struct crash_fs *crash = crash_fs_new(start);
        struct vhd_checked result = repair(crash_fs_system(crash));
        assert_int_equal(result.problems, damage == HEADER_AND_TRAILING ? 2 : 1);
        assert_int_equal(result.repaired, result.problems);
        struct crash_plan plan = CRASH_PLAN_DEFAULT;
        crash_fs_each_state(crash, &plan, check_repaired_again, NULL);
        crash_fs_free(crash);
        mem_fs_free(start);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(create__cut_anywhere__there_or_no_disk),
        cmocka_unit_test(create_child__cut_anywhere__there_or_no_disk),
        cmocka_unit_test(repair__cut_anywhere__next_one_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
