#include "tests/support/test.h"

#include <string.h>

#include "tests/support/mem_fs.h"
#include "tests/support/random.h"
#include "vhd/vhdx/sector_bitmap.h"
#include "vhd/vhdx/space.h"

#define MIB  (1ull << 20)
#define PATH "/bitmap"

static void mark(struct vhdx_space *space, uint64_t mib, uint64_t count, bool expect_taken)
{
    bool taken;
    assert_ok(vhdx_space_mark(space, mib * MIB, count * MIB, &taken));
    assert_int_equal(taken, expect_taken);
}

static uint64_t allocate(struct vhdx_space *space, uint64_t count, bool expect_zeroed)
{
    uint64_t offset;
    bool zeroed;
    assert_ok(vhdx_space_allocate(space, count * MIB, &offset, &zeroed));
    assert_int_equal(zeroed, expect_zeroed);
    return offset / MIB;
}

static void mark__overlap__noticed_and_nothing_marked(void **state)
{
    (void)state;
    struct vhdx_space space;
    assert_ok(vhdx_space_init(&space, 40 * MIB));
    mark(&space, 0, 1, true); // the headers
    mark(&space, 4, 2, false);
    mark(&space, 5, 2, true);
    mark(&space, 3, 1, false);
    mark(&space, 6, 1, false);
    mark(&space, 1, 3, true);
    mark(&space, 1, 2, false);
    assert_int_equal(vhdx_space_end(&space), 7 * MIB);
    assert_int_equal(space.free, 0);
    vhdx_space_free(&space);
}

static void allocate__gaps_then_end__zeroed_only_where_never_written(void **state)
{
    (void)state;
    struct vhdx_space space;
    assert_ok(vhdx_space_init(&space, 12 * MIB));
    mark(&space, 1, 2, false);
    mark(&space, 6, 4, false);
    assert_int_equal(allocate(&space, 2, false), 3);  // the gap from 3 to 5
    assert_int_equal(allocate(&space, 2, false), 10); // past the end, inside the file
    assert_int_equal(allocate(&space, 1, false), 5);
    assert_int_equal(allocate(&space, 2, true), 12); // past the file
    assert_int_equal(vhdx_space_end(&space), 14 * MIB);
    vhdx_space_free(&space);
}

static void release__not_handed_out_before_it_settles(void **state)
{
    (void)state;
    struct vhdx_space space;
    assert_ok(vhdx_space_init(&space, MIB));
    assert_int_equal(allocate(&space, 2, true), 1);
    assert_int_equal(allocate(&space, 2, true), 3);
    assert_ok(vhdx_space_release(&space, 1 * MIB, 2 * MIB));
    assert_int_equal(allocate(&space, 2, true), 5);
    vhdx_space_settle(&space);
    assert_int_equal(allocate(&space, 2, false), 1);
    assert_ok(vhdx_space_release(&space, 5 * MIB, 2 * MIB));
    vhdx_space_settle(&space);
    assert_int_equal(vhdx_space_end(&space), 5 * MIB);
    assert_int_equal(allocate(&space, 2, false), 5); // was written before
    vhdx_space_free(&space);
}

// Against a plain array: nothing is ever handed out twice, and the counts stay right.
static void allocate_and_release__randomly__never_twice(void **state)
{
    (void)state;
    struct random random = random_start(random_seed("unit.vhdx_space"));
    static bool used[4096];
    struct {
        uint64_t first, count;
    } held[200];
    size_t count = 0;
    struct vhdx_space space;
    memset(used, 0, sizeof used);
    used[0] = true;
    assert_ok(vhdx_space_init(&space, MIB));
    for (int step = 0; step < 5000; step++) {
        if (count < 200 && random_chance(&random, 55)) {
            uint64_t size = random_chance(&random, 30) ? 1 : 4, offset;
            bool zeroed;
            assert_ok(vhdx_space_allocate(&space, size * MIB, &offset, &zeroed));
            for (uint64_t m = 0; m < size; m++) {
                assert_false(used[offset / MIB + m]);
                used[offset / MIB + m] = true;
            }
            held[count].first = offset / MIB;
            held[count++].count = size;
        } else if (count > 0) {
            size_t i = random_below(&random, count);
            assert_ok(vhdx_space_release(&space, held[i].first * MIB, held[i].count * MIB));
            vhdx_space_settle(&space);
            memset(used + held[i].first, 0, held[i].count);
            held[i] = held[--count];
        }
        uint64_t end = vhdx_space_end(&space) / MIB, free = 0;
        for (uint64_t m = 0; m < end; m++)
            free += !used[m];
        assert_true(used[end - 1]);
        assert_int_equal(space.free, free);
    }
    vhdx_space_free(&space);
}

struct bitmap {
    struct mem_fs *fs;
    struct file *file;
    struct vhdx_view view;
    struct vhdx_pages pages;
};

static void open_bitmap(struct bitmap *b)
{
    static uint8_t zeros[1 << 20];
    const struct file_open how = {.share = FILE_SHARE_NOTHING};
    memset(b, 0, sizeof *b);
    b->fs = mem_fs_new();
    mem_fs_put(b->fs, PATH, zeros, sizeof zeros);
    assert_ok(mem_fs_system(b->fs)->open(mem_fs_system(b->fs), PATH, &how, &b->file));
    assert_ok(vhdx_view_init(&b->view, b->file));
    b->pages.view = &b->view;
}

static void close_bitmap(struct bitmap *b)
{
    vhdx_pages_free(&b->pages);
    vhdx_view_free(&b->view);
    file_close(b->file);
    mem_fs_free(b->fs);
}

static void assert_run(struct bitmap *b, uint64_t sector, uint64_t limit, bool value,
                       uint64_t length)
{
    bool present;
    uint64_t count;
    assert_ok(vhdx_sector_bitmap_run(&b->pages, 0, sector, limit, &present, &count));
    assert_int_equal(present, value);
    assert_int_equal(count, length);
}

static void bitmap_fill__across_pages__runs_and_bytes_match(void **state)
{
    (void)state;
    struct bitmap b;
    open_bitmap(&b);
    assert_run(&b, 0, 1 << 23, false, 1 << 23);
    assert_ok(vhdx_sector_bitmap_fill(&b.pages, 0, 32766, 5, true));
    assert_int_equal(b.pages.dirty_count, 2);
    assert_run(&b, 0, 1 << 23, false, 32766);
    assert_run(&b, 32766, 1 << 23, true, 5);
    assert_run(&b, 32766, 3, true, 3);
    assert_run(&b, 32771, 100, false, 100);
    // Least significant bit first.
    uint8_t bytes[2];
    assert_ok(vhdx_pages_read(&b.pages, 4095, bytes, 2));
    assert_int_equal(bytes[0], 0xc0);
    assert_int_equal(bytes[1], 0x07);
    // Nothing changes, nothing becomes dirty.
    size_t dirty = b.pages.dirty_count;
    assert_ok(vhdx_sector_bitmap_fill(&b.pages, 0, 70000, 10, false));
    assert_int_equal(b.pages.dirty_count, dirty);
    close_bitmap(&b);
}

static void bitmap_fill__randomly__same_as_an_array(void **state)
{
    (void)state;
    enum { BITS = 70000 };
    static bool expected[BITS];
    struct random random = random_start(random_seed("unit.vhdx_space bitmap"));
    struct bitmap b;
    open_bitmap(&b);
    memset(expected, 0, sizeof expected);
    for (int i = 0; i < 300; i++) {
        uint64_t first = random_below(&random, BITS);
        uint64_t count = random_below(&random, random_chance(&random, 50) ? 20 : 40000);
        bool value = random_chance(&random, 50);
        count = first + count > BITS ? BITS - first : count;
        assert_ok(vhdx_sector_bitmap_fill(&b.pages, 0, first, count, value));
        memset(expected + first, value, count);
    }
    for (uint64_t at = 0; at < BITS;) {
        uint64_t length = 1;
        while (at + length < BITS && expected[at + length] == expected[at])
            length++;
        assert_run(&b, at, BITS - at, expected[at], length);
        at += length;
    }
    close_bitmap(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mark__overlap__noticed_and_nothing_marked),
        cmocka_unit_test(allocate__gaps_then_end__zeroed_only_where_never_written),
        cmocka_unit_test(release__not_handed_out_before_it_settles),
        cmocka_unit_test(allocate_and_release__randomly__never_twice),
        cmocka_unit_test(bitmap_fill__across_pages__runs_and_bytes_match),
        cmocka_unit_test(bitmap_fill__randomly__same_as_an_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
