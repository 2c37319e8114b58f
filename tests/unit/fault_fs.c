#include "tests/support/test.h"

#include <string.h>

#include "tests/support/fault_fs.h"
#include "tests/support/mem_fs.h"

// What a careful program does: writes a new file under another name, then puts it in place.
static enum status replace(const struct file_system *fs)
{
    struct file_open how = {.writable = true, .create = true, .share = FILE_SHARE_NOTHING};
    struct file *f = NULL;
    enum status s = fs->open(fs, "new", &how, &f);
    if (s != STATUS_OK)
        return s;
    s = file_write(f, 0, "0123", 4);
    if (s == STATUS_OK)
        s = file_write(f, 4, "4567", 4);
    if (s == STATUS_OK)
        s = file_flush(f);
    file_close(f);
    if (s == STATUS_OK)
        s = fs->rename(fs, "new", "name");
    return s;
}

static void nth_call__each_in_turn__fails_once(void **state)
{
    (void)state;
    uint64_t nth = 1;
    for (;; nth++) {
        struct mem_fs *mem = mem_fs_new();
        struct fault_fs *fault = fault_fs_new(mem_fs_system(mem));
        fault_fs_arm(fault, FAULT_ANY, nth, STATUS_IO, false);
        enum status s = replace(fault_fs_system(fault));
        bool fired = fault_fs_fired(fault);
        fault_fs_free(fault);
        assert_int_equal(mem_fs_has(mem, "name"), !fired);
        mem_fs_free(mem);
        assert_status(s, fired ? STATUS_IO : STATUS_OK);
        if (!fired)
            break;
    }
    assert_int_equal(nth, 6); // open, write, write, flush, rename went through
}

static void failed_write__leaves_the_sectors_of_its_first_half(void **state)
{
    (void)state;
    static const uint8_t bytes[5 * 512] = {1};
    struct mem_fs *mem = mem_fs_new();
    struct fault_fs *fault = fault_fs_new(mem_fs_system(mem));
    const struct file_system *fs = fault_fs_system(fault);
    struct file_open how = {.writable = true, .create = true, .share = FILE_SHARE_NOTHING};
    struct file *f;
    assert_ok(fs->open(fs, "f", &how, &f));
    fault_fs_arm(fault, FAULT_WRITE, 2, STATUS_NO_SPACE, true);
    assert_ok(file_write(f, 0, bytes, 512));
    assert_status(file_write(f, 512, bytes, sizeof bytes), STATUS_NO_SPACE);
    assert_int_equal(fault_fs_calls(fault), 2);
    assert_int_equal(mem_fs_size(mem, "f"), 512 + 2 * 512);
    assert_status(f->ops->zero(f, 4096, 1024), STATUS_NO_SPACE);
    assert_int_equal(mem_fs_size(mem, "f"), 4096 + 512);
    assert_status(file_write(f, 0, "12", 2), STATUS_NO_SPACE); // less than a sector: nothing
    char byte;
    mem_fs_peek(mem, "f", 0, &byte, 1);
    assert_int_equal(byte, 1);
    file_close(f);
    fault_fs_free(fault);
    mem_fs_free(mem);
}

static void for_ever__from_the_nth_on__all_fail(void **state)
{
    (void)state;
    struct mem_fs *mem = mem_fs_new();
    struct fault_fs *fault = fault_fs_new(mem_fs_system(mem));
    const struct file_system *fs = fault_fs_system(fault);
    fault_fs_arm(fault, FAULT_NAMES, 2, STATUS_IO, true);
    mem_fs_put(mem, "a", "", 0);
    assert_ok(fs->rename(fs, "a", "b"));
    assert_status(fs->rename(fs, "b", "c"), STATUS_IO);
    assert_status(fs->remove(fs, "b"), STATUS_IO);
    assert_true(fs->exists(fs, "b"));
    fault_fs_arm(fault, 0, 0, STATUS_OK, false);
    assert_ok(fs->remove(fs, "b"));
    fault_fs_free(fault);
    mem_fs_free(mem);
}

static void counting__without_a_fault__only_the_kinds(void **state)
{
    (void)state;
    struct mem_fs *mem = mem_fs_new();
    struct fault_fs *fault = fault_fs_new(mem_fs_system(mem));
    fault_fs_arm(fault, FAULT_WRITE | FAULT_FLUSH, 0, STATUS_OK, false);
    assert_ok(replace(fault_fs_system(fault)));
    assert_int_equal(fault_fs_calls(fault), 3);
    assert_false(fault_fs_fired(fault));
    fault_fs_free(fault);
    mem_fs_free(mem);
}

static void every_call__of_a_file__can_fail(void **state)
{
    (void)state;
    struct mem_fs *mem = mem_fs_new();
    struct fault_fs *fault = fault_fs_new(mem_fs_system(mem));
    const struct file_system *fs = fault_fs_system(fault);
    struct file_open how = {.writable = true, .create = true, .share = FILE_SHARE_NOTHING};
    struct file *f;
    struct file_id id;
    enum file_extent_kind kind;
    uint64_t n;
    char byte = 1;
    assert_ok(fs->open(fs, "f", &how, &f));
    assert_ok(file_write(f, 0, &byte, 1));
    fault_fs_arm(fault, FAULT_ANY, 1, STATUS_IO, true);
    assert_status(file_read(f, 0, &byte, 1), STATUS_IO);
    assert_status(file_write(f, 0, &byte, 1), STATUS_IO);
    assert_status(file_flush(f), STATUS_IO);
    assert_status(file_size(f, &n), STATUS_IO);
    assert_status(f->ops->set_size(f, 10), STATUS_IO);
    assert_status(f->ops->zero(f, 0, 10), STATUS_IO);
    assert_status(f->ops->reserve(f, 0, 10), STATUS_IO);
    assert_status(f->ops->trim_reservation(f), STATUS_IO);
    assert_status(f->ops->extent(f, 0, &kind, &n), STATUS_IO);
    assert_status(f->ops->identify(f, &id), STATUS_IO);
    assert_status(f->ops->write_time(f, &n), STATUS_IO);
    assert_status(fs->free_space(fs, "f", &n), STATUS_IO);
    fault_fs_arm(fault, 0, 0, STATUS_OK, false);
    assert_ok(file_read(f, 0, &byte, 1));
    assert_ok(f->ops->set_size(f, 10));
    assert_ok(f->ops->zero(f, 0, 10));
    assert_ok(f->ops->reserve(f, 0, 10));
    assert_ok(f->ops->trim_reservation(f));
    assert_ok(f->ops->extent(f, 0, &kind, &n));
    assert_ok(f->ops->identify(f, &id));
    assert_ok(f->ops->write_time(f, &n));
    assert_ok(fs->free_space(fs, "f", &n));
    file_close(f);
    fault_fs_free(fault);
    mem_fs_free(mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nth_call__each_in_turn__fails_once),
        cmocka_unit_test(failed_write__leaves_the_sectors_of_its_first_half),
        cmocka_unit_test(for_ever__from_the_nth_on__all_fail),
        cmocka_unit_test(counting__without_a_fault__only_the_kinds),
        cmocka_unit_test(every_call__of_a_file__can_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
