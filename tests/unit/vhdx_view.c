// A file with replayed pages and zeros over it, and the pages that are found by their place.
#include "tests/support/test.h"

#include <string.h>

#include "tests/support/mem_fs.h"
#include "vhd/vhdx/view.h"

#define PATH      "/file"
#define FILE_SIZE 65536

struct fixture {
    struct mem_fs *fs;
    struct file *file;
    struct vhdx_view view;
};

static void setup(struct fixture *f)
{
    static uint8_t bytes[FILE_SIZE];
    const struct file_open how = {.share = FILE_SHARE_DENY_WRITE};
    memset(bytes, 0xee, sizeof bytes);
    f->fs = mem_fs_new();
    mem_fs_put(f->fs, PATH, bytes, sizeof bytes);
    assert_ok(mem_fs_system(f->fs)->open(mem_fs_system(f->fs), PATH, &how, &f->file));
    assert_ok(vhdx_view_init(&f->view, f->file));
}

static void teardown(struct fixture *f)
{
    vhdx_view_free(&f->view);
    file_close(f->file);
    mem_fs_free(f->fs);
}

static void assert_byte(struct fixture *f, uint64_t offset, uint8_t expected)
{
    uint8_t byte;
    assert_ok(vhdx_view_read(&f->view, offset, &byte, 1));
    assert_int_equal(byte, expected);
}

static void read__pages_and_zeros__the_last_one_counts(void **state)
{
    (void)state;
    struct fixture f;
    uint8_t page[VHDX_PAGE_SIZE];
    setup(&f);
    assert_true(vhdx_view_is_plain(&f.view));
    memset(page, 1, sizeof page);
    assert_ok(vhdx_view_put_page(&f.view, 4096, page));
    assert_ok(vhdx_view_put_page(&f.view, 8192, page));
    assert_ok(vhdx_view_put_zeros(&f.view, 8192, 8192));
    memset(page, 2, sizeof page);
    assert_ok(vhdx_view_put_page(&f.view, 12288, page));
    assert_false(vhdx_view_is_plain(&f.view));
    assert_byte(&f, 4095, 0xee);
    assert_byte(&f, 4096, 1);
    assert_byte(&f, 8191, 1);
    assert_byte(&f, 8192, 0);
    assert_byte(&f, 12287, 0);
    assert_byte(&f, 12288, 2);
    assert_byte(&f, 16384, 0xee);
    // One read over all of them, beginning and ending inside pages.
    uint8_t all[16000];
    assert_ok(vhdx_view_read(&f.view, 1000, all, sizeof all));
    assert_int_equal(all[3095], 0xee);
    assert_int_equal(all[3096], 1);
    assert_int_equal(all[7192], 0);
    assert_int_equal(all[11288], 2);
    assert_int_equal(all[15384], 0xee);
    teardown(&f);
}

static void read__past_the_file__zeros_up_to_the_end_of_the_view(void **state)
{
    (void)state;
    struct fixture f;
    uint8_t page[VHDX_PAGE_SIZE], byte;
    setup(&f);
    assert_status(vhdx_view_read(&f.view, FILE_SIZE, &byte, 1), STATUS_DAMAGED);
    assert_status(vhdx_view_read(&f.view, UINT64_MAX, &byte, 1), STATUS_DAMAGED);
    memset(page, 3, sizeof page);
    assert_ok(vhdx_view_put_page(&f.view, FILE_SIZE + 8192, page));
    assert_byte(&f, FILE_SIZE - 1, 0xee);
    assert_byte(&f, FILE_SIZE, 0);
    assert_byte(&f, FILE_SIZE + 12287, 3);
    assert_status(vhdx_view_read(&f.view, FILE_SIZE + 12288, &byte, 1), STATUS_DAMAGED);
    teardown(&f);
}

static void count_page(void *context, struct vhdx_page *page)
{
    (void)page;
    ++*(size_t *)context;
}

static bool is_low(const void *context, const struct vhdx_page *page)
{
    return page->offset < *(const uint64_t *)context;
}

static void page_map__many_pages__found_and_removed_by_their_place(void **state)
{
    (void)state;
    struct vhdx_page_map map = {0};
    assert_null(vhdx_page_map_find(&map, 0));
    for (uint64_t i = 0; i < 5000; i++) {
        struct vhdx_page *page;
        assert_ok(vhdx_page_map_add(&map, i * 3 * VHDX_PAGE_SIZE, &page));
        page->data[0] = (uint8_t)i;
    }
    for (uint64_t i = 0; i < 5000; i++) {
        struct vhdx_page *page = vhdx_page_map_find(&map, i * 3 * VHDX_PAGE_SIZE);
        assert_non_null(page);
        assert_int_equal(page->data[0], (uint8_t)i);
        assert_null(vhdx_page_map_find(&map, (i * 3 + 1) * VHDX_PAGE_SIZE));
    }
    uint64_t limit = 3000ull * 3 * VHDX_PAGE_SIZE;
    size_t count = 0;
    vhdx_page_map_remove_if(&map, is_low, &limit);
    vhdx_page_map_each(&map, count_page, &count);
    assert_int_equal(count, 2000);
    assert_int_equal(map.count, 2000);
    assert_null(vhdx_page_map_find(&map, 0));
    assert_non_null(vhdx_page_map_find(&map, limit));
    vhdx_page_map_free(&map);
}

static void put_zeros__in_too_many_places__refused(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    for (uint64_t i = 0; i < VHDX_VIEW_ZEROS_MAX; i++)
        assert_ok(vhdx_view_put_zeros(&f.view, i * 8192, 4096));
    assert_status(vhdx_view_put_zeros(&f.view, 0, 4096), STATUS_UNSUPPORTED);
    assert_byte(&f, 8191, 0xee);
    assert_byte(&f, 8192, 0);
    teardown(&f);
}

static void put_page__too_many_places__refused(void **state)
{
    (void)state;
    static const uint8_t page[VHDX_PAGE_SIZE] = {0x77};
    struct fixture f;
    setup(&f);
    for (uint64_t i = 0; i < VHDX_VIEW_PAGES_MAX; i++)
        assert_ok(vhdx_view_put_page(&f.view, i * 4096, page));
    assert_status(vhdx_view_put_page(&f.view, VHDX_VIEW_PAGES_MAX * 4096ull, page),
                  STATUS_UNSUPPORTED);
    assert_ok(vhdx_view_put_page(&f.view, 4096, page)); // the same place again
    assert_byte(&f, 4096, 0x77);
    teardown(&f);
}

static void put_zeros__side_by_side__one_range(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    for (uint64_t i = 0; i < 2 * VHDX_VIEW_ZEROS_MAX; i++)
        assert_ok(vhdx_view_put_zeros(&f.view, 4096 + i * 4096, 4096));
    assert_int_equal(f.view.zero_count, 1);
    assert_byte(&f, 4095, 0xee);
    assert_byte(&f, FILE_SIZE - 1, 0);
    teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(read__pages_and_zeros__the_last_one_counts),
        cmocka_unit_test(read__past_the_file__zeros_up_to_the_end_of_the_view),
        cmocka_unit_test(put_zeros__in_too_many_places__refused),
        cmocka_unit_test(put_page__too_many_places__refused),
        cmocka_unit_test(put_zeros__side_by_side__one_range),
        cmocka_unit_test(page_map__many_pages__found_and_removed_by_their_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
