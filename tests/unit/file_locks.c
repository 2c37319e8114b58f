// Who may open a file that somebody has open. Handles of one process conflict like those of two:
// Windows' share modes belong to the handle, Linux' open-file-description locks to the open file.
// file_locks_posix.c: other programs.
#include "tests/support/test.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tests/support/temp.h"
#include "vhd/file/file.h"

static const struct file_system *fs;
static char *path;

static int prepare(void **state)
{
    (void)state;
    fs = file_system_os();
    path = temp_path(temp_folder(), "disk.vhdx");
    struct file_open how = {.writable = true, .create = true, .share = FILE_SHARE_NOTHING};
    struct file *f;
    if (fs->open(fs, path, &how, &f) != STATUS_OK)
        return 1;
    file_close(f);
    return 0;
}

static int clean_up(void **state)
{
    (void)state;
    free(path);
    return 0;
}

static struct file_open mode(bool writable, enum file_share share)
{
    return (struct file_open){.writable = writable, .share = share};
}

static void assert_both(struct file_open first, struct file_open second, enum status expected)
{
    struct file *a, *b = NULL;
    assert_ok(fs->open(fs, path, &first, &a));
    assert_status(fs->open(fs, path, &second, &b), expected);
    file_close(b);
    file_close(a);
}

static void readers__who_deny_writers__are_many(void **state)
{
    (void)state;
    struct file_open reader = mode(false, FILE_SHARE_DENY_WRITE);
    assert_both(reader, reader, STATUS_OK);
}

static void writer__beside_a_reader_or_writer__refused_either_way(void **state)
{
    (void)state;
    struct file_open reader = mode(false, FILE_SHARE_DENY_WRITE);
    struct file_open writer = mode(true, FILE_SHARE_DENY_WRITE);
    assert_both(reader, writer, STATUS_IN_USE);
    assert_both(writer, reader, STATUS_IN_USE);
    assert_both(writer, writer, STATUS_IN_USE);
}

static void exclusive__beside_anybody__refused_either_way(void **state)
{
    (void)state;
    struct file_open reader = mode(false, FILE_SHARE_DENY_WRITE);
    struct file_open alone = mode(true, FILE_SHARE_NOTHING);
    struct file_open alone_reading = mode(false, FILE_SHARE_NOTHING);
    assert_both(alone, reader, STATUS_IN_USE);
    assert_both(reader, alone, STATUS_IN_USE);
    assert_both(alone, alone, STATUS_IN_USE);
    assert_both(alone_reading, reader, STATUS_IN_USE);
    assert_both(reader, alone_reading, STATUS_IN_USE);
}

static void look__beside_a_holder__disturbs_nobody(void **state)
{
    (void)state;
    struct file_open look = mode(false, FILE_SHARE_ANYTHING);
    assert_both(mode(true, FILE_SHARE_DENY_WRITE), look, STATUS_OK);
    assert_both(mode(false, FILE_SHARE_DENY_WRITE), look, STATUS_OK);
    assert_both(look, mode(true, FILE_SHARE_DENY_WRITE), STATUS_OK);
    assert_both(look, look, STATUS_OK);
}

static void refused__says_what_and_what_to_do(void **state)
{
    (void)state;
    assert_both(mode(true, FILE_SHARE_NOTHING), mode(false, FILE_SHARE_DENY_WRITE), STATUS_IN_USE);
    assert_non_null(strstr(status_last()->message, "disk.vhdx"));
    assert_true(strlen(status_last()->action) > 0);
}

static void wait__holder_stays__is_over_in_time(void **state)
{
    (void)state;
    struct file_open alone = mode(true, FILE_SHARE_NOTHING);
    struct file *a, *b = NULL;
    assert_ok(fs->open(fs, path, &alone, &a));
    alone.wait_ms = 300;
    int64_t before = clock_mono_ms();
    assert_status(fs->open(fs, path, &alone, &b), STATUS_IN_USE);
    assert_in_range(clock_mono_ms() - before, 280, 5000);
    file_close(a);
}

static void *close_later(void *file)
{
    clock_sleep_ms(200);
    file_close(file);
    return NULL;
}

static void wait__holder_leaves__opens(void **state)
{
    (void)state;
    struct file_open alone = mode(true, FILE_SHARE_NOTHING);
    struct file *a, *b = NULL;
    pthread_t thread;
    assert_ok(fs->open(fs, path, &alone, &a));
    assert_int_equal(pthread_create(&thread, NULL, close_later, a), 0);
    alone.wait_ms = FILE_SHARING_WAIT_MS;
    assert_ok(fs->open(fs, path, &alone, &b));
    pthread_join(thread, NULL);
    file_close(b);
}

static void closed__lock_is_gone(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct file_open alone = mode(true, FILE_SHARE_NOTHING);
        struct file *f;
        assert_ok(fs->open(fs, path, &alone, &f));
        file_close(f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers__who_deny_writers__are_many),
        cmocka_unit_test(writer__beside_a_reader_or_writer__refused_either_way),
        cmocka_unit_test(exclusive__beside_anybody__refused_either_way),
        cmocka_unit_test(look__beside_a_holder__disturbs_nobody),
        cmocka_unit_test(refused__says_what_and_what_to_do),
        cmocka_unit_test(wait__holder_stays__is_over_in_time),
        cmocka_unit_test(wait__holder_leaves__opens),
        cmocka_unit_test(closed__lock_is_gone),
    };
    return cmocka_run_group_tests(tests, prepare, clean_up);
}
