// The disk in memory must behave as the operating system's: the same random operations on both.
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/mem_fs.h"
#include "tests/support/random.h"
#include "tests/support/temp.h"

static struct file *create(const struct file_system *fs, const char *path)
{
    struct file_open how = {.writable = true, .create = true, .share = FILE_SHARE_NOTHING};
    struct file *f = NULL;
    assert_ok(fs->open(fs, path, &how, &f));
    return f;
}

static void assert_same(struct file *a, struct file *b)
{
    uint64_t left, right;
    assert_ok(file_size(a, &left));
    assert_ok(file_size(b, &right));
    assert_int_equal(left, right);
    uint8_t *x = malloc(left + 1), *y = malloc(left + 1);
    assert_ok(file_read(a, 0, x, left));
    assert_ok(file_read(b, 0, y, left));
    assert_memory_equal(x, y, left);
    free(y);
    free(x);
}

static void random_operations__equal_those_of_the_system(void **state)
{
    (void)state;
    struct random r = random_start(random_seed("mem_fs"));
    struct mem_fs *mem = mem_fs_new();
    char *path = temp_path(temp_folder(), "twin");
    struct file *a = create(mem_fs_system(mem), "twin");
    struct file *b = create(file_system_os(), path);
    uint8_t data[20000];
    for (int i = 0; i < 600; i++) {
        uint64_t offset = random_below(&r, 3u << 20);
        size_t length = (size_t)random_below(&r, sizeof data);
        switch (random_below(&r, 5)) {
        case 0:
            assert_ok(a->ops->set_size(a, offset));
            assert_ok(b->ops->set_size(b, offset));
            break;
        case 1:
            assert_ok(a->ops->zero(a, offset, length));
            assert_ok(b->ops->zero(b, offset, length));
            break;
        case 2:
            assert_ok(a->ops->reserve(a, offset, length));
            assert_ok(a->ops->trim_reservation(a));
            break;
        default:
            random_fill(&r, data, length);
            assert_ok(file_write(a, offset, data, length));
            assert_ok(file_write(b, offset, data, length));
        }
        if (i % 20 == 0)
            assert_same(a, b);
    }
    assert_same(a, b);
    file_close(b);
    file_close(a);
    mem_fs_free(mem);
    free(path);
}

static void clone__either_is_written__the_other_stays(void **state)
{
    (void)state;
    struct mem_fs *a = mem_fs_new();
    mem_fs_put(a, "x", "original", 8);
    struct mem_fs *b = mem_fs_clone(a);
    struct mem_fs *c = mem_fs_clone(b);
    assert_true(mem_fs_equal(a, "x", c, "x"));
    mem_fs_poke(b, "x", 0, "O", 1);
    mem_fs_poke(a, "x", 7, "L", 1);
    char text[9] = "";
    mem_fs_peek(c, "x", 0, text, 8);
    assert_string_equal(text, "original");
    mem_fs_peek(b, "x", 0, text, 8);
    assert_string_equal(text, "Original");
    mem_fs_peek(a, "x", 0, text, 8);
    assert_string_equal(text, "originaL");
    assert_false(mem_fs_equal(a, "x", b, "x"));
    mem_fs_free(a);
    mem_fs_clear(c, "x", 0, 8);
    mem_fs_peek(b, "x", 0, text, 8);
    assert_string_equal(text, "Original");
    mem_fs_free(b);
    mem_fs_free(c);
}

static void equal__holes_and_zeros__are_the_same(void **state)
{
    (void)state;
    struct mem_fs *fs = mem_fs_new();
    static const uint8_t zeros[10000];
    mem_fs_put(fs, "zeros", zeros, sizeof zeros);
    mem_fs_put(fs, "hole", NULL, 0);
    assert_false(mem_fs_equal(fs, "zeros", fs, "hole"));
    mem_fs_resize(fs, "hole", sizeof zeros);
    assert_true(mem_fs_equal(fs, "zeros", fs, "hole"));
    assert_true(mem_fs_equal(fs, "hole", fs, "zeros"));
    mem_fs_poke(fs, "hole", 9999, "x", 1);
    assert_false(mem_fs_equal(fs, "zeros", fs, "hole"));
    assert_false(mem_fs_equal(fs, "zeros", fs, "missing"));
    mem_fs_free(fs);
}

static void huge_file__costs_what_is_written(void **state)
{
    (void)state;
    struct mem_fs *mem = mem_fs_new();
    const struct file_system *fs = mem_fs_system(mem);
    struct file *f = create(fs, "huge");
    const uint64_t tib = UINT64_C(1) << 40;
    assert_ok(f->ops->set_size(f, 64 * tib));
    assert_ok(file_write(f, 63 * tib + 5, "here", 4));
    assert_int_equal(mem_fs_used(mem), 4096);
    enum file_extent_kind kind;
    uint64_t length;
    assert_ok(f->ops->extent(f, 1, &kind, &length));
    assert_int_equal(kind, FILE_EXTENT_HOLE);
    assert_true(length == 63 * tib - 1);
    assert_ok(f->ops->extent(f, 63 * tib, &kind, &length));
    assert_int_equal(kind, FILE_EXTENT_DATA);
    assert_int_equal(length, 4096);
    assert_ok(f->ops->extent(f, 63 * tib + 4096, &kind, &length));
    assert_int_equal(kind, FILE_EXTENT_HOLE);
    assert_ok(f->ops->zero(f, 0, 64 * tib));
    assert_int_equal(mem_fs_used(mem), 0);
    file_close(f);
    mem_fs_free(mem);
}

static void capacity__full__no_space_and_nothing_written(void **state)
{
    (void)state;
    struct mem_fs *mem = mem_fs_new();
    const struct file_system *fs = mem_fs_system(mem);
    struct file *f = create(fs, "disk");
    uint8_t page[4096] = {1};
    uint64_t space;
    mem_fs_set_capacity(mem, 3 * 4096);
    assert_ok(f->ops->reserve(f, 4096, 4096));
    assert_ok(file_write(f, 0, page, sizeof page));
    assert_ok(fs->free_space(fs, "disk", &space));
    assert_int_equal(space, 4096);
    assert_status(file_write(f, 3 * 4096, page, 2 * sizeof page), STATUS_NO_SPACE);
    assert_status(f->ops->reserve(f, 0, 4 * 4096), STATUS_NO_SPACE);
    assert_ok(file_write(f, 5 * 4096, page, sizeof page));
    assert_ok(file_write(f, 4096, page, sizeof page)); // was reserved
    assert_status(file_write(f, 2 * 4096, page, sizeof page), STATUS_NO_SPACE);
    assert_ok(f->ops->zero(f, 5 * 4096, 4096));
    assert_ok(file_write(f, 2 * 4096, page, sizeof page));
    assert_ok(f->ops->reserve(f, 0, 3 * 4096));
    assert_ok(f->ops->set_size(f, 4096));
    assert_int_equal(mem_fs_used(mem), 4096);
    file_close(f);
    mem_fs_free(mem);
}

static void sharing__is_enforced(void **state)
{
    (void)state;
    struct mem_fs *mem = mem_fs_new();
    const struct file_system *fs = mem_fs_system(mem);
    mem_fs_put(mem, "disk", "x", 1);
    struct file_open reader = {.share = FILE_SHARE_DENY_WRITE};
    struct file_open writer = {.writable = true, .share = FILE_SHARE_DENY_WRITE};
    struct file_open look = {.share = FILE_SHARE_ANYTHING};
    struct file *a, *b, *c = NULL;
    assert_ok(fs->open(fs, "disk", &reader, &a));
    assert_ok(fs->open(fs, "disk", &reader, &b));
    assert_status(fs->open(fs, "disk", &writer, &c), STATUS_IN_USE);
    assert_status(fs->remove(fs, "disk"), STATUS_IN_USE);
    assert_status(fs->rename(fs, "disk", "other"), STATUS_IN_USE);
    file_close(b);
    file_close(a);
    assert_ok(fs->open(fs, "disk", &writer, &a));
    assert_status(fs->open(fs, "disk", &reader, &c), STATUS_IN_USE);
    assert_ok(fs->open(fs, "disk", &look, &b));
    file_close(a);
    assert_ok(fs->remove(fs, "disk"));
    char byte;
    assert_ok(file_read(b, 0, &byte, 1)); // removed, but still open
    file_close(b);
    assert_null(c);
    mem_fs_free(mem);
}

static void names__created_renamed_removed(void **state)
{
    (void)state;
    struct mem_fs *mem = mem_fs_new();
    const struct file_system *fs = mem_fs_system(mem);
    struct file_open how = {.share = FILE_SHARE_DENY_WRITE};
    struct file *f = NULL;
    assert_status(fs->open(fs, "a", &how, &f), STATUS_NOT_FOUND);
    file_close(create(fs, "a"));
    struct file_open again = {.writable = true, .create = true};
    assert_status(fs->open(fs, "a", &again, &f), STATUS_EXISTS);
    file_close(create(fs, "b"));
    assert_status(fs->rename(fs, "a", "b"), STATUS_EXISTS);
    assert_ok(fs->rename(fs, "a", "c"));
    assert_status(fs->rename(fs, "a", "d"), STATUS_NOT_FOUND);
    assert_false(fs->exists(fs, "a"));
    assert_true(fs->exists(fs, "c"));
    assert_ok(fs->remove(fs, "c"));
    assert_status(fs->remove(fs, "c"), STATUS_NOT_FOUND);
    assert_true(mem_fs_has(mem, "b"));
    assert_null(f);
    mem_fs_free(mem);
}

static void import_and_export__holes_and_data__come_back(void **state)
{
    (void)state;
    struct mem_fs *mem = mem_fs_new();
    mem_fs_put(mem, "a", "head", 4);
    mem_fs_poke(mem, "a", 5 << 20, "middle", 6);
    mem_fs_resize(mem, "a", 9 << 20);
    char *path = temp_path(temp_folder(), "exported");
    assert_ok(mem_fs_export(mem, "a", path));
    assert_ok(mem_fs_import(mem, path, "b"));
    assert_true(mem_fs_equal(mem, "a", mem, "b"));
    assert_int_equal(mem_fs_size(mem, "b"), 9 << 20);
    mem_fs_free(mem);
    free(path);
}

static void write_time__every_change__goes_on(void **state)
{
    (void)state;
    struct mem_fs *mem = mem_fs_new();
    struct file *f = create(mem_fs_system(mem), "a");
    uint64_t before, after;
    assert_ok(f->ops->write_time(f, &before));
    assert_ok(file_write(f, 0, "x", 1));
    assert_ok(f->ops->write_time(f, &after));
    assert_true(after > before);
    file_close(f);
    mem_fs_free(mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_operations__equal_those_of_the_system),
        cmocka_unit_test(clone__either_is_written__the_other_stays),
        cmocka_unit_test(equal__holes_and_zeros__are_the_same),
        cmocka_unit_test(huge_file__costs_what_is_written),
        cmocka_unit_test(capacity__full__no_space_and_nothing_written),
        cmocka_unit_test(sharing__is_enforced),
        cmocka_unit_test(names__created_renamed_removed),
        cmocka_unit_test(import_and_export__holes_and_data__come_back),
        cmocka_unit_test(write_time__every_change__goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
