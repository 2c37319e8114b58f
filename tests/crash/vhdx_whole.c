// Power cuts while a VHDX is changed as a whole: resized, compacted, given another identity. What
// is left has the old size and identity or the new ones, always the same contents, and the same
// change asked for again ends as it should, cut again or not.
#include <stdlib.h>

#include "tests/support/crash_fs.h"
#include "tests/support/vhdx_samples.h"
#include "vhd/vhdx/bat.h"

#define PARENT "/parent.vhdx"
#define CHILD  "/child.vhdx"

#define SEEDS         32
#define ENOUGH_STATES 1500

// What a disk may be before, meanwhile and after.
struct scenario {
    struct samples samples;
    const char *path;
    enum status (*change)(const struct scenario *s, const struct file_system *fs);
    struct vhd_resize resize;
    struct vhd_set_identity set_identity;
    uint64_t sizes[2];         // before and after
    struct guid ids[2];        // Virtual Disk ID
    uint32_t sector_sizes[2];  // physical
    bool same_data_write_guid; // as before
    struct guid data_write_guid;
    size_t promised; // operations after which the change has returned
    uint64_t stride; // every how many states the change is asked for again
};

static void fail_at(const struct crash_state *at, const char *what)
{
    crash_state_print(at);
    fail_msg("%s", what);
}

static void check_disk(const struct scenario *s, const struct crash_state *at, struct mem_fs *fs,
                       bool changed)
{
    struct vhd *disk = vhdx_test_open(mem_fs_system(fs), s->path, false);
    struct vhd_info info;
    vhd_get_info(disk, &info);
    bool old = !changed && info.virtual_size == s->sizes[0] &&
               guid_equal(&info.virtual_disk_id, &s->ids[0]) &&
               info.physical_sector_size == s->sector_sizes[0];
    bool new = info.virtual_size == s->sizes[1] && guid_equal(&info.virtual_disk_id, &s->ids[1]) &&
               info.physical_sector_size == s->sector_sizes[1];
    if (!old && !new)
        fail_at(at, "neither the old disk nor the new one");
    if (s->same_data_write_guid && !guid_equal(&info.identity.guid, &s->data_write_guid))
        fail_at(at, "another DataWriteGuid");
    if (samples_wrong(&s->samples, disk))
        fail_at(at, "the contents have changed");
    vhd_abandon(disk);
}

struct again {
    const struct scenario *scenario;
    const struct crash_state *first; // the cut before
    size_t promised;
};

static void check_second_cut(void *context, const struct crash_state *at, struct mem_fs *state)
{
    const struct again *again = context;
    check_disk(again->scenario, again->first, state, at->operations >= again->promised);
}

static void change_again(const struct scenario *s, const struct crash_state *at,
                         struct mem_fs *state)
{
    struct crash_fs *second = crash_fs_new(state);
    assert_ok(s->change(s, crash_fs_system(second)));
    struct again again = {s, at, crash_fs_operations(second)};
    struct crash_plan plan = CRASH_PLAN_DEFAULT;
    plan.states_max = 6;
    crash_fs_each_state(second, &plan, check_second_cut, &again);
    crash_fs_free(second);
}

static void check_state(void *context, const struct crash_state *at, struct mem_fs *state)
{
    const struct scenario *s = context;
    check_disk(s, at, state, at->operations >= s->promised);
    if (at->number % s->stride == 0)
        change_again(s, at, state);
}

static enum status change_size(const struct scenario *s, const struct file_system *fs)
{
    struct vhd_resize how = s->resize;
    how.fs = fs;
    return vhd_resize(s->path, &how);
}

static enum status change_identity(const struct scenario *s, const struct file_system *fs)
{
    struct vhd_set_identity how = s->set_identity;
    how.fs = fs;
    return vhd_set_identity(s->path, &how);
}

static enum status change_room(const struct scenario *s, const struct file_system *fs)
{
    const struct vhd_compact how = {.fs = fs};
    struct vhd_compacted result;
    return vhd_compact(s->path, &how, &result);
}

// Runs the change and cuts it everywhere. `start` is freed.
static void cut_everywhere(struct scenario *s, struct mem_fs *start, size_t states_max)
{
    struct vhd_info info = vhdx_test_info(mem_fs_system(start), s->path);
    s->sizes[0] = info.virtual_size;
    s->ids[0] = info.virtual_disk_id;
    s->sector_sizes[0] = info.physical_sector_size;
    s->data_write_guid = info.identity.guid;
    struct crash_fs *crash = crash_fs_new(start);
    assert_ok(s->change(s, crash_fs_system(crash)));
    s->promised = crash_fs_operations(crash);
    // What it is when the power does not fail.
    struct mem_fs *end = mem_fs_clone(crash_fs_now(crash));
    info = vhdx_test_info(mem_fs_system(end), s->path);
    s->sizes[1] = info.virtual_size;
    s->ids[1] = info.virtual_disk_id;
    s->sector_sizes[1] = info.physical_sector_size;
    mem_fs_free(end);
    struct crash_plan plan = CRASH_PLAN_DEFAULT;
    plan.states_max = states_max;
    size_t states = 0;
    // Writes are torn differently with each seed.
    for (plan.seed = 1; plan.seed <= SEEDS && states < ENOUGH_STATES; plan.seed++)
        states += crash_fs_each_state(crash, &plan, check_state, s);
    print_message("%zu states after %zu operations\n", states, crash_fs_operations(crash));
    crash_fs_free(crash);
    mem_fs_free(start);
}

static void cut_resize(struct scenario *s, struct mem_fs *start, uint64_t size)
{
    s->change = change_size;
    s->resize = (struct vhd_resize){.virtual_size = size, .unsafe = true};
    cut_everywhere(s, start, 256);
    assert_int_equal(s->sizes[1], size);
}

// Blocks at both ends, and zeros wherever the disk may grow to.
static void fill(struct scenario *s, struct mem_fs *fs, const char *path, uint64_t size)
{
    struct vhd *disk = vhdx_test_open(mem_fs_system(fs), path, true);
    for (uint64_t i = 0; i < 4; i++)
        samples_write(&s->samples, disk, i * MIB + i * 8192, (uint8_t)(0x11 * (i + 1)));
    samples_write(&s->samples, disk, size - 8192, 0x66);
    samples_note(&s->samples, size - 4096, 0);
    for (uint64_t i = 0; i < 4; i++)
        samples_note(&s->samples, size + i * MIB, 0);
    assert_ok(vhd_close(disk));
}

// Junk in the last block past the end of the disk, which a larger disk must not show.
static void spoil_tail(struct mem_fs *fs, uint64_t last_entry, uint64_t size)
{
    static uint8_t junk[SAMPLE_SIZE];
    memset(junk, 0xdb, sizeof junk);
    uint64_t block = vhdx_test_entry(fs, PARENT, VHDX_TEST_BAT, last_entry) / MIB * MIB;
    mem_fs_poke(fs, PARENT, block + size % MIB, junk, sizeof junk);
}

static void grow__dynamic_within_its_table__old_or_new_size(void **state)
{
    (void)state;
    struct scenario s = {.path = PARENT, .stride = 40};
    struct mem_fs *start = mem_fs_new();
    uint64_t size = 5 * MIB + 16384;
    vhdx_test_create(mem_fs_system(start), PARENT, VHD_TYPE_DYNAMIC, size, 1 << 20);
    fill(&s, start, PARENT, size);
    spoil_tail(start, 5, size);
    cut_resize(&s, start, size + 9 * MIB);
}

static void grow__dynamic_past_its_table__old_or_new_size(void **state)
{
    (void)state;
    struct scenario s = {.path = PARENT, .stride = 40};
    struct mem_fs *start = mem_fs_new();
    uint64_t size = 120ull << 30;
    vhdx_test_create(mem_fs_system(start), PARENT, VHD_TYPE_DYNAMIC, size, 1 << 20);
    fill(&s, start, PARENT, size);
    cut_resize(&s, start, 2 * size);
}

static void grow__fixed__old_or_new_size(void **state)
{
    (void)state;
    struct scenario s = {.path = PARENT, .stride = 40};
    struct mem_fs *start = mem_fs_new();
    uint64_t size = 5 * MIB + 16384;
    vhdx_test_create(mem_fs_system(start), PARENT, VHD_TYPE_FIXED, size, 1 << 20);
    fill(&s, start, PARENT, size);
    spoil_tail(start, 5, size);
    cut_resize(&s, start, size + 5 * MIB);
}

// The child has a place for its last block, or none; its parent is larger and must not show
// through.
static void grow__child_under_a_larger_parent__old_or_new_size(void **state)
{
    (void)state;
    for (int placed = 0; placed < 2; placed++) {
        struct scenario s = {.path = CHILD, .stride = 40};
        struct mem_fs *start = mem_fs_new();
        uint64_t size = 9 * MIB + 16384;
        vhdx_test_create(mem_fs_system(start), PARENT, VHD_TYPE_DYNAMIC, 4 * size, 1 << 20);
        struct samples of_parent = {0};
        struct vhd *disk = vhdx_test_open(mem_fs_system(start), PARENT, true);
        for (uint64_t i = 0; i < 4; i++)
            samples_write(&of_parent, disk, size + i * MIB, 0x99);
        samples_write(&of_parent, disk, 7 * MIB, 0x98);
        assert_ok(vhd_close(disk));
        assert_ok(vhd_create_child(CHILD, PARENT, mem_fs_system(start)));
        const struct vhd_resize cut = {
            .fs = mem_fs_system(start), .virtual_size = size, .unsafe = true};
        assert_ok(vhd_resize(CHILD, &cut));
        if (placed)
            fill(&s, start, CHILD, size);
        samples_note(&s.samples, 7 * MIB, 0x98);
        for (uint64_t i = 0; i < 4; i++)
            samples_note(&s.samples, size + i * MIB, 0);
        cut_resize(&s, start, size + 9 * MIB);
    }
}

static void shrink__any_type__old_or_new_size(void **state)
{
    (void)state;
    static const enum vhd_type types[] = {VHD_TYPE_DYNAMIC, VHD_TYPE_FIXED, VHD_TYPE_DIFFERENCING};
    for (size_t i = 0; i < 3; i++) {
        bool child = types[i] == VHD_TYPE_DIFFERENCING;
        struct scenario s = {.path = child ? CHILD : PARENT, .stride = 40};
        struct mem_fs *start = mem_fs_new();
        vhdx_test_create(mem_fs_system(start), PARENT, child ? VHD_TYPE_DYNAMIC : types[i],
                         20ull << (child ? 30 : 20), 1 << 20);
        if (child)
            assert_ok(vhd_create_child(CHILD, PARENT, mem_fs_system(start)));
        struct vhd *disk = vhdx_test_open(mem_fs_system(start), s.path, true);
        for (uint64_t k = 0; k < 8; k++)
            samples_write(&s.samples, disk, child ? k * (5ull << 29) : k * 2 * MIB,
                          (uint8_t)(k + 1));
        assert_ok(vhd_close(disk));
        cut_resize(&s, start, child ? (5ull << 29) + MIB + 512 : 5 * MIB + 512);
    }
}

// Blocks of zeros, others that move into their room, a sector bitmap that goes and one that moves.
static void compact__cut_anywhere__same_contents_and_data_write_guid(void **state)
{
    (void)state;
    for (int child = 0; child < 2; child++) {
        struct scenario s = {.path = child ? CHILD : PARENT,
                             .change = change_room,
                             .same_data_write_guid = true,
                             .stride = 25};
        struct mem_fs *start = mem_fs_new();
        uint64_t step = child ? 4ull << 30 : MIB; // 16 GiB are a chunk of the child
        vhdx_test_create(mem_fs_system(start), PARENT, VHD_TYPE_DYNAMIC, 20 * step, 1 << 20);
        if (child)
            assert_ok(vhd_create_child(CHILD, PARENT, mem_fs_system(start)));
        struct vhd *disk = vhdx_test_open(mem_fs_system(start), s.path, true);
        uint64_t block = child ? 2 * MIB : MIB;
        uint8_t *zeros = calloc(1, (size_t)block);
        assert_non_null(zeros);
        for (uint64_t k = 0; k < 10; k++) {
            if (k % 3 == 0 || k == 5) {
                assert_ok(vhd_write(disk, k * step, zeros, (size_t)block));
                samples_note(&s.samples, k * step, 0);
            } else {
                samples_write(&s.samples, disk, k * step, (uint8_t)(k + 1));
            }
            samples_note(&s.samples, k * step + 8192, 0);
        }
        free(zeros);
        // Nothing is left of the second chunk but zeros.
        if (child)
            assert_ok(vhd_zero(disk, 4 * step, block));
        samples_note(&s.samples, 4 * step, child ? 0 : 5);
        assert_ok(vhd_close(disk));
        cut_everywhere(&s, start, 192);
    }
}

// The table lies behind the blocks since the disk grew, and moves into their room.
static void compact__table_moves_cut_anywhere__same_contents(void **state)
{
    (void)state;
    struct scenario s = {
        .path = PARENT, .change = change_room, .same_data_write_guid = true, .stride = 40};
    struct mem_fs *start = mem_fs_new();
    uint64_t size = 200ull << 30;
    vhdx_test_create(mem_fs_system(start), PARENT, VHD_TYPE_DYNAMIC, size / 2, 1 << 20);
    struct vhd *disk = vhdx_test_open(mem_fs_system(start), PARENT, true);
    for (uint64_t i = 0; i < 10; i++)
        samples_write(&s.samples, disk, i * MIB, (uint8_t)(i + 1));
    assert_ok(vhd_close(disk));
    const struct vhd_resize larger = {.fs = mem_fs_system(start), .virtual_size = size};
    assert_ok(vhd_resize(PARENT, &larger));
    disk = vhdx_test_open(mem_fs_system(start), PARENT, true);
    samples_write(&s.samples, disk, size - 4096, 0x77);
    assert_ok(vhd_zero(disk, 0, 8 * MIB));
    for (uint64_t i = 0; i < 8; i++)
        samples_note(&s.samples, i * MIB, 0);
    assert_ok(vhd_close(disk));
    cut_everywhere(&s, start, 96);
}

static void set_identity__cut_anywhere__all_of_it_or_nothing(void **state)
{
    (void)state;
    struct scenario s = {.path = PARENT, .change = change_identity, .stride = 10};
    struct mem_fs *start = mem_fs_new();
    struct guid id;
    assert_ok(guid_generate(&id));
    s.set_identity = (struct vhd_set_identity){.virtual_disk_id = &id, .physical_sector_size = 512};
    vhdx_test_create(mem_fs_system(start), PARENT, VHD_TYPE_DYNAMIC, 6 * MIB, 1 << 20);
    fill(&s, start, PARENT, 6 * MIB);
    cut_everywhere(&s, start, 256);
    assert_true(guid_equal(&s.ids[1], &id));
    assert_int_equal(s.sector_sizes[1], 512);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grow__dynamic_within_its_table__old_or_new_size),
        cmocka_unit_test(grow__dynamic_past_its_table__old_or_new_size),
        cmocka_unit_test(grow__fixed__old_or_new_size),
        cmocka_unit_test(grow__child_under_a_larger_parent__old_or_new_size),
        cmocka_unit_test(shrink__any_type__old_or_new_size),
        cmocka_unit_test(compact__cut_anywhere__same_contents_and_data_write_guid),
        cmocka_unit_test(compact__table_moves_cut_anywhere__same_contents),
        cmocka_unit_test(set_identity__cut_anywhere__all_of_it_or_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
