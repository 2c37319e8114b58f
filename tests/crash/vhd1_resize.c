// Power cuts while a VHD changes its size, its unique id or is compacted: it has the old size or
// the new one, the same contents, and zeros where it grew.
#include "tests/support/test.h"

#include <string.h>

#include "tests/support/disk_change.h"
#include "tests/support/vhd1_cut.h"
#include "tests/support/vhd1_disk.h"

#define PATH            "/disk.vhd"
#define PARENT          "/parent.vhd"
#define MIB             (1ull << 20)
#define BLOCK           4096u
#define PIECE           1536u // that is written at one place
#define STATES_MAX      200
#define RECOVERY_STRIDE 11

// A disk that is zero but for a few places.
struct contents {
    uint64_t size;
    uint64_t new_size; // after the change
    size_t promised;   // operations after which it has the new size
    uint64_t places[8];
    size_t count;
};

static void fill_piece(uint64_t place, uint8_t piece[PIECE])
{
    for (uint32_t i = 0; i < PIECE; i++)
        piece[i] = (uint8_t)(place / 512 + i / 512 + 1);
}

static bool holds(struct vhd *disk, uint64_t at, uint64_t length, const struct contents *c)
{
    uint8_t data[65536], expected[65536] = {0};
    assert_true(length <= sizeof data);
    for (size_t i = 0; i < c->count; i++) {
        uint8_t piece[PIECE];
        fill_piece(c->places[i], piece);
        for (uint32_t k = 0; k < PIECE; k++)
            if (c->places[i] + k >= at && c->places[i] + k < at + length)
                expected[c->places[i] + k - at] = piece[k];
    }
    return vhd_read(disk, at, data, (size_t)length) == STATUS_OK &&
           memcmp(data, expected, (size_t)length) == 0;
}

static uint64_t count_differences(void *context, struct vhd *disk, size_t operations)
{
    const struct contents *c = context;
    struct vhd_info info;
    vhd_get_info(disk, &info);
    bool old = info.virtual_size == c->size && operations < c->promised;
    if (!old && info.virtual_size != c->new_size)
        return 1;
    uint64_t covered = 0; // bytes of pieces seen
    for (uint64_t at = 0; at < info.virtual_size;) {
        struct vhd_extent extent;
        if (vhd_map(disk, VHD_MAP_CHAIN, at, info.virtual_size - at, &extent) != STATUS_OK)
            return 1;
        if (extent.kind == VHD_EXTENT_DATA && extent.length > 65536)
            extent.length = 65536;
        if (extent.kind == VHD_EXTENT_DATA && !holds(disk, at, extent.length, c))
            return 1;
        for (size_t i = 0; i < c->count && extent.kind == VHD_EXTENT_ZERO; i++)
            covered += c->places[i] < at + extent.length && c->places[i] + PIECE > at;
        at += extent.length;
    }
    return covered;
}

static void start_disk(struct mem_fs *fs, enum vhd_type type, struct contents *c,
                       uint32_t block_size)
{
    vhd1_disk_create_tiny(fs, PATH, type, c->size, block_size);
    struct vhd *disk = vhd1_disk_open(mem_fs_system(fs), PATH, true);
    for (size_t i = 0; i < c->count; i++) {
        uint8_t piece[PIECE];
        fill_piece(c->places[i], piece);
        assert_ok(vhd_write(disk, c->places[i], piece, sizeof piece));
    }
    assert_ok(vhd_close(disk));
}

static void resize_and_cut(struct mem_fs *start, struct contents *c, bool unsafe)
{
    struct crash_fs *crash = crash_fs_new(start);
    const struct vhd_resize how = {
        .fs = crash_fs_system(crash), .virtual_size = c->new_size, .unsafe = unsafe};
    assert_ok(vhd_resize(PATH, &how));
    c->promised = crash_fs_operations(crash);
    const struct vhd1_cut cut = {.path = PATH,
                                 .violations = count_differences,
                                 .context = c,
                                 .recovery_stride = RECOVERY_STRIDE};
    vhd1_cut_everywhere(crash, &cut, STATES_MAX);
    crash_fs_free(crash);
}

static void resize_tiny(enum vhd_type type, uint64_t size, uint64_t new_size)
{
    struct mem_fs *fs = mem_fs_new();
    struct contents c = {.size = size,
                         .new_size = new_size,
                         .places = {0, 5 * BLOCK, 9 * BLOCK - 512, MIB, 3 * MIB - 2 * BLOCK},
                         .count = 5};
    start_disk(fs, type, &c, BLOCK);
    resize_and_cut(fs, &c, false);
    mem_fs_free(fs);
}

static void fixed__grow_and_shrink__old_or_new(void **state)
{
    (void)state;
    resize_tiny(VHD_TYPE_FIXED, 3 * MIB + 512, 4 * MIB);
    resize_tiny(VHD_TYPE_FIXED, 4 * MIB, 4 * MIB + 512);
    resize_tiny(VHD_TYPE_FIXED, 4 * MIB, 3 * MIB + 512);
    resize_tiny(VHD_TYPE_FIXED, 4 * MIB, 4 * MIB - 512);
}

// Where the file is longer than the disk, junk lies where the disk grows.
static void fixed__grow_over_junk__zeros(void **state)
{
    (void)state;
    uint8_t footer[512], junk[2048];
    struct mem_fs *fs = mem_fs_new();
    struct contents c = {.size = 3 * MIB, .new_size = 3 * MIB + 1024, .places = {512}, .count = 1};
    start_disk(fs, VHD_TYPE_FIXED, &c, 0);
    mem_fs_peek(fs, PATH, 3 * MIB, footer, sizeof footer);
    memset(junk, 0xee, sizeof junk);
    mem_fs_poke(fs, PATH, 3 * MIB, junk, sizeof junk);
    mem_fs_poke(fs, PATH, 3 * MIB + sizeof junk, footer, sizeof footer);
    resize_and_cut(fs, &c, false);
    mem_fs_free(fs);
}

static void dynamic__grow__old_or_new(void **state)
{
    (void)state;
    resize_tiny(VHD_TYPE_DYNAMIC, 3 * MIB, 3 * MIB + 1024);
    resize_tiny(VHD_TYPE_DYNAMIC, 3 * MIB - 3 * 512, 4 * MIB);
    resize_tiny(VHD_TYPE_DYNAMIC, 3 * MIB, 10 * MIB + 512);
}

// The table has more entries than the disk had blocks, and junk in them.
static void dynamic__grow_over_junk_in_the_table__zeros(void **state)
{
    (void)state;
    struct mem_fs *fs = mem_fs_new();
    struct contents c = {
        .size = 3 * MIB, .new_size = 3 * MIB + 2 * BLOCK, .places = {512}, .count = 1};
    start_disk(fs, VHD_TYPE_DYNAMIC, &c, BLOCK);
    uint32_t blocks = 3 * MIB / BLOCK;
    vhd1_disk_poke_header(fs, PATH, 28, blocks + 2);
    vhd1_disk_poke_be32(fs, PATH, VHD1_DISK_TABLE + blocks * 4, 2);
    resize_and_cut(fs, &c, false);
    mem_fs_free(fs);
}

// The table needs the room of the first blocks, and then that of the footer too.
static void dynamic__grow_beyond_the_table__old_or_new(void **state)
{
    (void)state;
    resize_tiny(VHD_TYPE_DYNAMIC, 3 * MIB, 16 * MIB);
    resize_tiny(VHD_TYPE_DYNAMIC, 3 * MIB + 512, 40 * MIB);
    struct mem_fs *fs = mem_fs_new();
    struct contents c = {.size = 3 * MIB, .new_size = 100 * MIB};
    start_disk(fs, VHD_TYPE_DYNAMIC, &c, BLOCK);
    resize_and_cut(fs, &c, false);
    mem_fs_free(fs);
}

static void dynamic__shrink__old_or_new(void **state)
{
    (void)state;
    resize_tiny(VHD_TYPE_DYNAMIC, 16 * MIB, 3 * MIB);
    resize_tiny(VHD_TYPE_DYNAMIC, 4 * MIB, 3 * MIB + 512);
    // A block that is cut off, though not zero, after a place that stays.
    struct mem_fs *fs = mem_fs_new();
    struct contents c = {
        .size = 4 * MIB, .new_size = 3 * MIB, .places = {0, 3 * MIB + 8 * BLOCK}, .count = 2};
    start_disk(fs, VHD_TYPE_DYNAMIC, &c, BLOCK);
    resize_and_cut(fs, &c, true);
    mem_fs_free(fs);
}

static void identity__changed__old_or_new(void **state)
{
    (void)state;
    static const struct guid id = {{1, 2, 3}};
    static const enum vhd_type types[] = {VHD_TYPE_FIXED, VHD_TYPE_DYNAMIC};
    for (size_t t = 0; t < 2; t++) {
        struct mem_fs *fs = mem_fs_new();
        struct contents c = {.size = 3 * MIB, .new_size = 3 * MIB, .places = {512}, .count = 1};
        start_disk(fs, types[t], &c, BLOCK);
        struct crash_fs *crash = crash_fs_new(fs);
        const struct vhd_set_identity how = {.fs = crash_fs_system(crash), .virtual_disk_id = &id};
        assert_ok(vhd_set_identity(PATH, &how));
        const struct vhd1_cut cut = {
            .path = PATH, .violations = count_differences, .context = &c, .recovery_stride = 1};
        vhd1_cut_everywhere(crash, &cut, STATES_MAX);
        crash_fs_free(crash);
        mem_fs_free(fs);
    }
}

static void compact_and_cut(struct mem_fs *start, struct disk_model *model)
{
    struct crash_fs *crash = crash_fs_new(start);
    const struct vhd_compact how = {.fs = crash_fs_system(crash)};
    const struct vhd1_cut cut = {.path = PATH,
                                 .violations = vhd1_cut_model_violations,
                                 .context = model,
                                 .recovery_stride = RECOVERY_STRIDE};
    struct vhd_compacted out;
    assert_ok(vhd_compact(PATH, &how, &out));
    assert_true(out.size_after < out.size_before);
    vhd1_cut_everywhere(crash, &cut, STATES_MAX / 2);
    crash_fs_free(crash);
}

static void scatter(struct mem_fs *fs, struct disk_model *model, struct random *random,
                    uint64_t size)
{
    struct vhd *disk = vhd1_disk_open(mem_fs_system(fs), PATH, true);
    for (uint64_t i = 0; i < size / BLOCK; i++) // blocks in the file in another order
        assert_ok(disk_model_write(model, disk, (i * 7 % (size / BLOCK)) * BLOCK, 1024));
    for (int i = 0; i < 12; i++)
        assert_ok(disk_model_zero(model, disk, random_below(random, size / BLOCK) * BLOCK, BLOCK));
    assert_ok(vhd_close(disk));
    disk_model_promise(model, 0);
}

static void compact__cut_anywhere__same_contents(void **state)
{
    (void)state;
    enum { SIZE = 26 * BLOCK };
    struct random random = random_start(random_seed("crash.vhd1_resize compact"));
    for (int run = 0; run < 6; run++) {
        struct mem_fs *fs = mem_fs_new();
        struct disk_model *model = disk_model_new(SIZE, 512);
        vhd1_disk_create_tiny(fs, PATH, VHD_TYPE_DYNAMIC, SIZE, BLOCK);
        scatter(fs, model, &random, SIZE);
        compact_and_cut(fs, model);
        disk_model_free(model);
        mem_fs_free(fs);
    }
}

// A child lets go of blocks without a bit, and never of zeros.
static void compact__child_cut_anywhere__same_contents(void **state)
{
    (void)state;
    enum { SIZE = 9 * 2 * MIB };
    struct mem_fs *fs = mem_fs_new();
    struct contents c = {
        .size = SIZE, .new_size = SIZE, .places = {0, 5 * MIB, 9 * MIB}, .count = 3};
    start_disk(fs, VHD_TYPE_DYNAMIC, &c, 2 * MIB);
    assert_ok(mem_fs_system(fs)->rename(mem_fs_system(fs), PATH, PARENT));
    assert_ok(vhd_create_child(PATH, PARENT, mem_fs_system(fs)));
    struct vhd *disk = vhd1_disk_open(mem_fs_system(fs), PATH, true);
    uint8_t sector[512] = {0xcc}, piece[PIECE];
    assert_ok(vhd_write(disk, 7 * MIB, sector, sizeof sector)); // will lose its bit
    assert_ok(vhd_zero(disk, 5 * MIB, 4096));
    fill_piece(12 * MIB, piece);
    assert_ok(vhd_write(disk, 12 * MIB, piece, sizeof piece));
    assert_ok(vhd_close(disk));
    mem_fs_clear(fs, PATH, vhd1_disk_peek_be32(fs, PATH, 8192 + 3 * 4) * 512ull, 512);
    c.places[1] = 12 * MIB;

    struct crash_fs *crash = crash_fs_new(fs);
    const struct vhd_compact how = {.fs = crash_fs_system(crash)};
    const struct vhd1_cut cut = {
        .path = PATH, .violations = count_differences, .context = &c, .recovery_stride = 5};
    struct vhd_compacted out;
    assert_ok(vhd_compact(PATH, &how, &out));
    assert_true(out.size_after < out.size_before);
    vhd1_cut_everywhere(crash, &cut, STATES_MAX);
    crash_fs_free(crash);
    mem_fs_free(fs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fixed__grow_and_shrink__old_or_new),
        cmocka_unit_test(fixed__grow_over_junk__zeros),
        cmocka_unit_test(dynamic__grow__old_or_new),
        cmocka_unit_test(dynamic__grow_over_junk_in_the_table__zeros),
        cmocka_unit_test(dynamic__grow_beyond_the_table__old_or_new),
        cmocka_unit_test(dynamic__shrink__old_or_new),
        cmocka_unit_test(identity__changed__old_or_new),
        cmocka_unit_test(compact__cut_anywhere__same_contents),
        cmocka_unit_test(compact__child_cut_anywhere__same_contents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
