// Power cuts while a child is merged, through one level or several. In every state the leaf still
// opens and reads as it did, and running the merge again, or the single merges one after the other,
// ends with that content in the last one; that is cut as well, and ends right the third time.
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/crash_fs.h"
#include "tests/support/must.h"
#include "tests/support/random.h"
#include "vhd/vhd.h"

#define MIB           (1ull << 20)
#define DISK_SIZE     (3 * MIB + 8192)
#define SECTOR        512u
#define GENERATIONS   4
#define CHANGES       7
#define FIRST_STATES  24 // at each point of the first merge
#define SECOND_STATES 6  // at each point of the second

struct shape {
    const char *name;
    enum vhd_format format;
    enum vhd_type type; // of the first disk
    uint32_t block_size;
    uint32_t sector_size;
    unsigned generations; // at least 2
    unsigned levels;
    bool live_log;  // of the leaf
    size_t cut_one; // one in so many of the first states has its second merge cut
};

struct scenario {
    const struct shape *shape;
    uint8_t *expected; // DISK_SIZE bytes
    uint32_t *used;    // how many of the sectors before each are not zero
    bool one_by_one;   // how the recovery merges
};

static const char *const paths[GENERATIONS] = {"/first", "/second", "/third", "/fourth"};

static const char *leaf_of(const struct scenario *s)
{
    return paths[s->shape->generations - 1];
}

static const char *target_of(const struct scenario *s)
{
    return paths[s->shape->generations - 1 - s->shape->levels];
}

static struct vhd *open_disk(const struct file_system *fs, const char *path, bool writable)
{
    const struct vhd_open how = {.fs = fs, .writable = writable, .share = FILE_SHARE_DENY_WRITE};
    struct vhd *disk;
    assert_ok(vhd_open(path, &how, &disk));
    return disk;
}

static void count_used(struct scenario *s)
{
    static const uint8_t zeros[SECTOR];
    for (size_t i = 0; i < DISK_SIZE / SECTOR; i++)
        s->used[i + 1] = s->used[i] + (memcmp(s->expected + i * SECTOR, zeros, SECTOR) != 0);
}

static bool holds(const struct scenario *s, struct vhd *disk, const struct vhd_extent *extent)
{
    static uint8_t data[DISK_SIZE];
    if (extent->kind == VHD_EXTENT_ZERO)
        return s->used[extent->offset / SECTOR] ==
               s->used[(extent->offset + extent->length) / SECTOR];
    assert_ok(vhd_read(disk, extent->offset, data, (size_t)extent->length));
    return memcmp(data, s->expected + extent->offset, (size_t)extent->length) == 0;
}

static void assert_content(const struct scenario *s, const struct file_system *fs, const char *path)
{
    struct vhd *disk = open_disk(fs, path, false);
    struct vhd_extent extent;
    for (uint64_t at = 0; at < DISK_SIZE; at += extent.length) {
        assert_ok(vhd_map(disk, VHD_MAP_CHAIN, at, DISK_SIZE - at, &extent));
        if (!holds(s, disk, &extent))
            fail_msg("%s: %llu bytes at %llu are not what the leaf held", path,
                     (unsigned long long)extent.length, (unsigned long long)extent.offset);
    }
    vhd_abandon(disk);
}

static void merge(const struct file_system *fs, const char *child, unsigned levels)
{
    const struct vhd_merge how = {.fs = fs, .levels = levels};
    assert_ok(vhd_merge(child, &how));
}

static void recover(const struct scenario *s, const struct file_system *fs)
{
    unsigned leaf = s->shape->generations - 1;
    if (!s->one_by_one) {
        merge(fs, paths[leaf], s->shape->levels);
        return;
    }
    for (unsigned i = 0; i < s->shape->levels; i++)
        merge(fs, paths[leaf - i], 1);
}

static void check_second_cut(void *context, const struct crash_state *at, struct mem_fs *state)
{
    struct scenario *s = context;
    const struct file_system *fs = mem_fs_system(state);
    assert_content(s, fs, leaf_of(s));
    s->one_by_one = at->number % 2;
    recover(s, fs);
    assert_content(s, fs, target_of(s));
}

// Sanitizers and Wine take ten times as long: fewer there.
static size_t cut_one(const struct scenario *s)
{
    const char *preset = getenv("VREP_PRESET");
    bool slow = preset && strcmp(preset, "native") != 0;
    return s->shape->cut_one * (slow ? 8 : 1);
}

static void check_first_cut(void *context, const struct crash_state *at, struct mem_fs *state)
{
    struct scenario *s = context;
    assert_content(s, mem_fs_system(state), leaf_of(s));
    s->one_by_one = at->number % 2;
    if (at->number % cut_one(s) != 0) {
        recover(s, mem_fs_system(state));
        assert_content(s, mem_fs_system(state), target_of(s));
        assert_content(s, mem_fs_system(state), leaf_of(s));
        return;
    }
    struct crash_plan plan = CRASH_PLAN_DEFAULT;
    struct crash_fs *second = crash_fs_new(state);
    recover(s, crash_fs_system(second));
    plan.states_max = SECOND_STATES;
    plan.seed = at->number;
    crash_fs_each_state(second, &plan, check_second_cut, s);
    crash_fs_free(second);
}

static void change_disk(struct scenario *s, struct vhd *disk, struct random *random, int number)
{
    uint32_t sector = s->shape->sector_size;
    uint64_t sectors = DISK_SIZE / sector;
    uint64_t longest = number == 0 ? sectors : 65536 / sector;
    uint64_t first = random_below(random, sectors);
    uint64_t count =
        1 + random_below(random, longest < sectors - first ? longest : sectors - first);
    uint8_t *expected = s->expected + first * sector;
    size_t length = (size_t)(count * sector);
    if (number == 0 || random_chance(random, 25)) {
        memset(expected, 0, length);
        assert_ok(vhd_zero(disk, first * sector, length));
        return;
    }
    for (size_t i = 0; i < length; i++)
        expected[i] = (uint8_t)(random_u64(random) | 1);
    assert_ok(vhd_write(disk, first * sector, expected, length));
}

static void change(struct scenario *s, struct mem_fs *fs, const char *path, struct random *random,
                   bool clean)
{
    struct vhd *disk = open_disk(mem_fs_system(fs), path, true);
    for (int i = 0; i < CHANGES; i++)
        change_disk(s, disk, random, i);
    if (clean) {
        assert_ok(vhd_close(disk));
        return;
    }
    assert_ok(vhd_flush(disk));
    vhd_abandon(disk); // its log stays live
}

static struct mem_fs *make_chain(struct scenario *s)
{
    const struct shape *shape = s->shape;
    struct mem_fs *fs = mem_fs_new();
    struct random random = random_start(random_seed(shape->name));
    const struct vhd_create how = {.fs = mem_fs_system(fs),
                                   .format = shape->format,
                                   .type = shape->type,
                                   .virtual_size = DISK_SIZE,
                                   .block_size = shape->block_size,
                                   .logical_sector_size = shape->sector_size};
    assert_ok(vhd_create(paths[0], &how));
    for (unsigned i = 0; i < shape->generations; i++) {
        if (i > 0)
            assert_ok(vhd_create_child(paths[i], paths[i - 1], mem_fs_system(fs)));
        change(s, fs, paths[i], &random, i + 1 < shape->generations || !shape->live_log);
    }
    return fs;
}

static void merge_and_cut(const struct shape *shape)
{
    struct scenario s = {.shape = shape,
                         .expected = must_alloc(DISK_SIZE),
                         .used = must_alloc((DISK_SIZE / SECTOR + 1) * sizeof *s.used)};
    struct crash_plan plan = CRASH_PLAN_DEFAULT;
    struct mem_fs *start = make_chain(&s);
    struct crash_fs *crash = crash_fs_new(start);
    count_used(&s);
    merge(crash_fs_system(crash), leaf_of(&s), shape->levels);
    assert_content(&s, crash_fs_system(crash), target_of(&s));
    plan.states_max = FIRST_STATES;
    size_t states = crash_fs_each_state(crash, &plan, check_first_cut, &s);
    print_message("%s: %zu states after %zu operations\n", shape->name, states,
                  crash_fs_operations(crash));
    crash_fs_free(crash);
    mem_fs_free(start);
    free(s.used);
    free(s.expected);
}

#define VHDX VHD_FORMAT_VHDX, VHD_TYPE_DYNAMIC
#define VHD  VHD_FORMAT_VHD, VHD_TYPE_DYNAMIC

static void merge__vhdx_cut_anywhere_and_again__ends_right(void **state)
{
    (void)state;
    static const struct shape shapes[] = {
        {"dynamic", VHDX, 1 << 20, 512, 2, 1, false, 12},
        {"fixed", VHD_FORMAT_VHDX, VHD_TYPE_FIXED, 2 << 20, 512, 2, 1, false, 12},
        {"sectors of 4096", VHDX, 2 << 20, 4096, 2, 1, false, 12},
        {"live log", VHDX, 4 << 20, 512, 2, 1, true, 12},
        {"into a child", VHDX, 1 << 20, 512, 3, 1, false, 12},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        merge_and_cut(&shapes[i]);
}

static void merge__vhd_cut_anywhere_and_again__ends_right(void **state)
{
    (void)state;
    static const struct shape shapes[] = {
        {"VHD dynamic", VHD, 2 << 20, 512, 2, 1, false, 1},
        {"VHD small blocks", VHD, 512 << 10, 512, 2, 1, false, 1},
        {"VHD fixed", VHD_FORMAT_VHD, VHD_TYPE_FIXED, 0, 512, 2, 1, false, 1},
        {"VHD into a child", VHD, 2 << 20, 512, 3, 1, false, 1},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        merge_and_cut(&shapes[i]);
}

static void merge__levels_cut_anywhere_and_again__ends_right(void **state)
{
    (void)state;
    static const struct shape shapes[] = {
        {"two levels", VHDX, 1 << 20, 512, 3, 2, false, 150},
        {"three levels, live log", VHDX, 2 << 20, 512, 4, 3, true, 150},
        {"two levels into a child", VHDX, 1 << 20, 4096, 4, 2, false, 150},
        {"VHD three levels", VHD, 2 << 20, 512, 4, 3, false, 12},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        merge_and_cut(&shapes[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merge__vhdx_cut_anywhere_and_again__ends_right),
        cmocka_unit_test(merge__vhd_cut_anywhere_and_again__ends_right),
        cmocka_unit_test(merge__levels_cut_anywhere_and_again__ends_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
