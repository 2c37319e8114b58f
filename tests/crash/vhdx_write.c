// Power cuts while a VHDX is written: what was flushed is there, what was not is there or not,
// sector by sector, and the file opens. Each state is opened for reading (replay in memory) and for
// writing (replay into the file), with equal contents, and the recovery itself is cut as well.
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "tests/support/crash_fs.h"
#include "tests/support/disk_model.h"
#include "tests/support/random.h"
#include "tests/support/vhdx_disk.h"
#include "vhd/vhd.h"
#include "vhd/vhdx/bat.h"

#define PARENT    "/parent.vhdx"
#define CHILD     "/child.vhdx"
#define DISK_SIZE (6 * MIB + 4096)

struct scenario {
    struct disk_model *model;
    const char *path; // of the leaf
    uint64_t stride;  // every how many states the recovery is cut too; 0: never
};

static void check_contents(const struct scenario *s, struct vhd *disk, const struct crash_state *at)
{
    uint64_t violations = disk_model_violations(s->model, disk, at->operations);
    if (violations != 0) {
        crash_state_print(at);
        fail_msg("%llu sectors hold what they may not", (unsigned long long)violations);
    }
}

static void check_reader(const struct scenario *s, const struct crash_state *at,
                         struct mem_fs *state)
{
    struct vhd *disk = vhdx_test_open(mem_fs_system(state), s->path, false);
    check_contents(s, disk, at);
    vhd_abandon(disk);
}

struct recovery {
    const struct scenario *scenario;
    const struct crash_state *first; // the cut before
};

static void check_after_second_cut(void *context, const struct crash_state *at,
                                   struct mem_fs *state)
{
    const struct recovery *r = context;
    (void)at;
    check_reader(r->scenario, r->first, state);
}

static void check_state(void *context, const struct crash_state *at, struct mem_fs *state)
{
    const struct scenario *s = context;
    check_reader(s, at, state);
    struct crash_fs *recovery = crash_fs_new(state);
    struct vhd *disk = vhdx_test_open(crash_fs_system(recovery), s->path, true);
    struct vhd_info info;
    vhd_get_info(disk, &info);
    assert_false(info.log_live);
    check_contents(s, disk, at);
    assert_ok(vhd_close(disk));
    if (s->stride != 0 && at->number % s->stride == 0) {
        struct crash_plan plan = CRASH_PLAN_DEFAULT;
        plan.states_max = 8;
        struct recovery again = {s, at};
        crash_fs_each_state(recovery, &plan, check_after_second_cut, &again);
    }
    crash_fs_free(recovery);
}

static void create_parent(struct mem_fs *fs, enum vhd_type type, uint32_t block_size)
{
    struct vhd_create how = {.fs = mem_fs_system(fs),
                             .format = VHD_FORMAT_VHDX,
                             .type = type,
                             .virtual_size = DISK_SIZE,
                             .block_size = block_size};
    assert_ok(vhd_create(PARENT, &how));
}

// Some writes and zeroings at random places, a flush now and then.
static void write_randomly(struct scenario *s, struct crash_fs *crash, struct vhd *disk,
                           struct random *random, unsigned writes)
{
    static const uint64_t lengths[] = {512, 4096, 9 * 512, 65536, MIB, MIB + 512, 2 * MIB};
    for (unsigned i = 0; i < writes; i++) {
        uint64_t length = lengths[random_below(random, sizeof lengths / sizeof *lengths)];
        uint64_t offset = random_below(random, (DISK_SIZE - length) / 512 + 1) * 512;
        if (random_chance(random, 25)) {
            offset -= offset % MIB;
            length = min_u64(random_chance(random, 50) ? 2 * MIB : 4096, DISK_SIZE - offset);
            assert_ok(disk_model_zero(s->model, disk, offset, length));
        } else {
            assert_ok(disk_model_write(s->model, disk, offset, length));
        }
        if (random_chance(random, 30)) {
            assert_ok(vhd_flush(disk));
            disk_model_promise(s->model, crash_fs_operations(crash));
        }
    }
}

static void cut_everywhere(struct scenario *s, struct crash_fs *crash, size_t states_max)
{
    struct crash_plan plan = CRASH_PLAN_DEFAULT;
    plan.states_max = states_max;
    size_t states = crash_fs_each_state(crash, &plan, check_state, s);
    print_message("%zu states after %zu operations\n", states, crash_fs_operations(crash));
    crash_fs_free(crash);
    disk_model_free(s->model);
}

// First write, allocation, growth and the clean end of one session.
static void write__dynamic_cut_anywhere__flushed_data_is_there(void **state)
{
    (void)state;
    struct mem_fs *start = mem_fs_new();
    create_parent(start, VHD_TYPE_DYNAMIC, 1 << 20);
    struct scenario s = {disk_model_new(DISK_SIZE, 512), PARENT, 13};
    struct crash_fs *crash = crash_fs_new(start);
    struct random random = random_start(random_seed("crash.vhdx_write dynamic"));
    struct vhd *disk = vhdx_test_open(crash_fs_system(crash), PARENT, true);
    write_randomly(&s, crash, disk, &random, 25);
    assert_ok(vhd_close(disk));
    disk_model_promise(s.model, crash_fs_operations(crash));
    cut_everywhere(&s, crash, 16);
    mem_fs_free(start);
}

static void write__fixed_cut_anywhere__flushed_data_is_there(void **state)
{
    (void)state;
    struct mem_fs *start = mem_fs_new();
    create_parent(start, VHD_TYPE_FIXED, 2 << 20);
    struct scenario s = {disk_model_new(DISK_SIZE, 512), PARENT, 11};
    struct crash_fs *crash = crash_fs_new(start);
    struct random random = random_start(random_seed("crash.vhdx_write fixed"));
    struct vhd *disk = vhdx_test_open(crash_fs_system(crash), PARENT, true);
    write_randomly(&s, crash, disk, &random, 15);
    assert_ok(vhd_close(disk));
    disk_model_promise(s.model, crash_fs_operations(crash));
    cut_everywhere(&s, crash, 16);
    mem_fs_free(start);
}

// Partially present blocks, sector bitmaps, zeros that hide the parent; the parent's data shows
// through elsewhere.
static void write__child_cut_anywhere__flushed_data_is_there(void **state)
{
    (void)state;
    struct mem_fs *start = mem_fs_new();
    create_parent(start, VHD_TYPE_DYNAMIC, 1 << 20);
    struct scenario s = {disk_model_new(DISK_SIZE, 512), CHILD, 13};
    struct vhd *disk = vhdx_test_open(mem_fs_system(start), PARENT, true);
    assert_ok(disk_model_write(s.model, disk, 0, 3 * MIB));
    assert_ok(disk_model_write(s.model, disk, 5 * MIB, 512));
    assert_ok(vhd_close(disk));
    assert_ok(vhd_create_child(CHILD, PARENT, mem_fs_system(start)));
    disk_model_promise(s.model, 0);
    struct crash_fs *crash = crash_fs_new(start);
    struct random random = random_start(random_seed("crash.vhdx_write child"));
    disk = vhdx_test_open(crash_fs_system(crash), CHILD, true);
    write_randomly(&s, crash, disk, &random, 30);
    assert_ok(vhd_close(disk));
    disk_model_promise(s.model, crash_fs_operations(crash));
    cut_everywhere(&s, crash, 16);
    mem_fs_free(start);
}

// The second session over what a crash left: junk past the last block, a live log, then new blocks
// in that room.
static void write__after_a_crash_and_cut_again__flushed_data_is_there(void **state)
{
    (void)state;
    struct mem_fs *start = mem_fs_new();
    create_parent(start, VHD_TYPE_DYNAMIC, 1 << 20);
    struct scenario s = {disk_model_new(DISK_SIZE, 512), PARENT, 13};
    struct vhd *disk = vhdx_test_open(mem_fs_system(start), PARENT, true);
    assert_ok(disk_model_write(s.model, disk, MIB, 4096));
    assert_ok(vhd_flush(disk));
    disk_model_promise(s.model, 0);
    // Never flushed, so its blocks are not in the table; what it wrote must not come up again.
    uint8_t *junk = calloc(2, MIB);
    assert_non_null(junk);
    memset(junk, 0xdb, 2 * MIB);
    assert_ok(vhd_write(disk, 3 * MIB, junk, 2 * MIB));
    free(junk);
    vhd_abandon(disk);
    struct crash_fs *crash = crash_fs_new(start);
    struct random random = random_start(random_seed("crash.vhdx_write again"));
    disk = vhdx_test_open(crash_fs_system(crash), PARENT, true);
    assert_ok(disk_model_write(s.model, disk, 5 * MIB, 512));
    write_randomly(&s, crash, disk, &random, 15);
    assert_ok(vhd_close(disk));
    disk_model_promise(s.model, crash_fs_operations(crash));
    cut_everywhere(&s, crash, 16);
    mem_fs_free(start);
}

// Room of zeroed blocks must not be written again while a crash can still bring the blocks back.
static void write__after_zero_of_whole_blocks_and_cut__old_or_new_data(void **state)
{
    (void)state;
    struct mem_fs *start = mem_fs_new();
    create_parent(start, VHD_TYPE_DYNAMIC, 1 << 20);
    struct scenario s = {disk_model_new(DISK_SIZE, 512), PARENT, 13};
    struct vhd *disk = vhdx_test_open(mem_fs_system(start), PARENT, true);
    assert_ok(disk_model_write(s.model, disk, 0, 3 * MIB));
    assert_ok(vhd_close(disk));
    disk_model_promise(s.model, 0);
    struct crash_fs *crash = crash_fs_new(start);
    disk = vhdx_test_open(crash_fs_system(crash), PARENT, true);
    for (int round = 0; round < 2; round++) {
        // The second round finds the room of the first one's blocks free.
        assert_ok(disk_model_zero(s.model, disk, round * MIB, MIB));
        assert_ok(disk_model_write(s.model, disk, (3 + round) * MIB, MIB));
        assert_ok(disk_model_write(s.model, disk, 5 * MIB + round * 4096, 4096));
        assert_ok(vhd_flush(disk));
        disk_model_promise(s.model, crash_fs_operations(crash));
    }
    assert_ok(vhd_close(disk));
    cut_everywhere(&s, crash, 16);
    mem_fs_free(start);
}

// Blocks that another program has unmapped and that remember where they were: their room, with what
// lies in it, is theirs again when they are written, and free when they are zeroed.
static void write__over_soft_anchors_and_cut__flushed_data_is_there(void **state)
{
    (void)state;
    struct mem_fs *start = mem_fs_new();
    create_parent(start, VHD_TYPE_DYNAMIC, 1 << 20);
    struct scenario s = {disk_model_new(DISK_SIZE, 512), PARENT, 7};
    struct disk_model *other = disk_model_new(DISK_SIZE, 512);
    struct vhd *disk = vhdx_test_open(mem_fs_system(start), PARENT, true);
    assert_ok(disk_model_write(other, disk, 0, 4 * MIB));
    assert_ok(vhd_close(disk));
    disk_model_free(other);
    for (uint64_t block = 0; block < 4; block++) {
        uint64_t raw;
        mem_fs_peek(start, PARENT, 3 * MIB + block * 8, &raw, sizeof raw);
        raw = (raw & ~7ull) | (block % 2 ? VHDX_BLOCK_UNMAPPED : VHDX_BLOCK_UNDEFINED);
        mem_fs_poke(start, PARENT, 3 * MIB + block * 8, &raw, sizeof raw);
    }
    struct crash_fs *crash = crash_fs_new(start);
    disk = vhdx_test_open(crash_fs_system(crash), PARENT, true);
    assert_ok(disk_model_write(s.model, disk, 512, 512)); // part of the first
    assert_ok(disk_model_write(s.model, disk, 5 * MIB, 4096));
    assert_ok(disk_model_write(s.model, disk, MIB, MIB)); // all of the second
    assert_ok(vhd_flush(disk));
    disk_model_promise(s.model, crash_fs_operations(crash));
    assert_ok(disk_model_zero(s.model, disk, 2 * MIB, MIB));
    assert_ok(vhd_flush(disk));
    assert_ok(disk_model_write(s.model, disk, 4 * MIB, 512)); // where the third one was
    assert_ok(disk_model_write(s.model, disk, 3 * MIB + 4096, 512));
    assert_ok(vhd_close(disk));
    disk_model_promise(s.model, crash_fs_operations(crash));
    cut_everywhere(&s, crash, 16);
    mem_fs_free(start);
}

// So many flushes that the ring of 1 MiB wraps, then cuts around the wrap.
static void flush__ring_wraps_and_cut__flushed_data_is_there(void **state)
{
    (void)state;
    struct mem_fs *start = mem_fs_new();
    create_parent(start, VHD_TYPE_DYNAMIC, 1 << 20);
    struct scenario s = {disk_model_new(DISK_SIZE, 512), CHILD, 5};
    assert_ok(vhd_create_child(CHILD, PARENT, mem_fs_system(start)));
    struct crash_fs *crash = crash_fs_new(start);
    struct vhd *disk = vhdx_test_open(crash_fs_system(crash), CHILD, true);
    size_t first = 0;
    // Each flush logs one page of the bitmap: two sectors of the 256 in the ring, after the first
    // two entries.
    for (uint64_t i = 0; i < 135; i++) {
        if (i == 120)
            first = crash_fs_operations(crash);
        assert_ok(disk_model_write(s.model, disk, i * 1024, 512));
        assert_ok(vhd_flush(disk));
        disk_model_promise(s.model, crash_fs_operations(crash));
    }
    vhd_abandon(disk);
    struct crash_plan plan = CRASH_PLAN_DEFAULT;
    plan.first = first;
    size_t states = crash_fs_each_state(crash, &plan, check_state, &s);
    print_message("%zu states\n", states);
    crash_fs_free(crash);
    disk_model_free(s.model);
    mem_fs_free(start);
}

// More changed pages than one entry of the log holds: 124 pages of bitmaps, then the table's, whose
// page with the bitmap's entry must come before those of the blocks. One sector in each of 992
// blocks, over a parent of zeros.
#define MANY_BLOCKS     992
#define MANY_BLOCK_SIZE (2 * MIB)

struct many {
    size_t promised; // operations after which all sectors are promised
};

static void check_many(void *context, const struct crash_state *at, struct mem_fs *state)
{
    const struct many *many = context;
    for (int writable = 0; writable < 2; writable++) {
        struct vhd *disk = vhdx_test_open(mem_fs_system(state), CHILD, writable);
        for (uint64_t i = 0; i < MANY_BLOCKS; i++) {
            uint8_t sectors[1024];
            assert_ok(vhd_read(disk, i * MANY_BLOCK_SIZE, sectors, sizeof sectors));
            uint8_t first = sectors[0];
            bool there = first == (uint8_t)(i % 251 + 1);
            if (at->operations >= many->promised ? !there : !there && first != 0) {
                crash_state_print(at);
                fail_msg("block %llu begins with %u", (unsigned long long)i, first);
            }
            for (size_t k = 1; k < sizeof sectors; k++)
                assert_int_equal(sectors[k], k < 512 ? first : 0);
        }
        assert_ok(vhd_close(disk));
    }
}

static void flush__more_pages_than_an_entry_and_cut__every_block_is_whole(void **state)
{
    (void)state;
    struct mem_fs *start = mem_fs_new();
    struct vhd_create how = {.fs = mem_fs_system(start),
                             .format = VHD_FORMAT_VHDX,
                             .type = VHD_TYPE_DYNAMIC,
                             .virtual_size = MANY_BLOCKS * MANY_BLOCK_SIZE};
    assert_ok(vhd_create(PARENT, &how));
    assert_ok(vhd_create_child(CHILD, PARENT, mem_fs_system(start)));
    struct crash_fs *crash = crash_fs_new(start);
    struct vhd *disk = vhdx_test_open(crash_fs_system(crash), CHILD, true);
    for (uint64_t i = 0; i < MANY_BLOCKS; i++) {
        uint8_t sector[512];
        memset(sector, (int)(i % 251 + 1), sizeof sector);
        assert_ok(vhd_write(disk, i * MANY_BLOCK_SIZE, sector, sizeof sector));
    }
    struct crash_plan plan = CRASH_PLAN_DEFAULT;
    plan.first = crash_fs_operations(crash);
    plan.states_max = 2;
    assert_ok(vhd_flush(disk));
    struct many many = {crash_fs_operations(crash)};
    vhd_abandon(disk);
    print_message("%zu states\n", crash_fs_each_state(crash, &plan, check_many, &many));
    crash_fs_free(crash);
    mem_fs_free(start);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(write__dynamic_cut_anywhere__flushed_data_is_there),
        cmocka_unit_test(write__fixed_cut_anywhere__flushed_data_is_there),
        cmocka_unit_test(write__child_cut_anywhere__flushed_data_is_there),
        cmocka_unit_test(write__after_a_crash_and_cut_again__flushed_data_is_there),
        cmocka_unit_test(write__after_zero_of_whole_blocks_and_cut__old_or_new_data),
        cmocka_unit_test(write__over_soft_anchors_and_cut__flushed_data_is_there),
        cmocka_unit_test(flush__ring_wraps_and_cut__flushed_data_is_there),
        cmocka_unit_test(flush__more_pages_than_an_entry_and_cut__every_block_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
