#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "base/utf.h"
#include "tests/support/temp.h"

static const char *folder;

static int make_folder(void **state)
{
    (void)state;
    folder = temp_folder();
    return 0;
}

static void random__two_fills__differ(void **state)
{
    (void)state;
    uint8_t a[32] = {0}, b[32] = {0};
    assert_ok(os_random(a, sizeof a));
    assert_ok(os_random(b, sizeof b));
    assert_memory_not_equal(a, b, sizeof a);
    assert_ok(os_random(a, 0));
}

static void host_name__is_a_name(void **state)
{
    (void)state;
    char *name;
    assert_ok(os_host_name(&name));
    assert_true(strlen(name) > 0);
    assert_true(utf8_is_valid(name, strlen(name)));
    free(name);
    assert_true(os_process_id() != 0);
}

static void program_folder__exists_and_is_absolute(void **state)
{
    (void)state;
    char *path;
    assert_ok(os_program_folder(&path));
    assert_true(os_path_is_absolute(path));
    assert_true(os_file_exists(path));
    free(path);
}

static void assert_absolute(const char *path, const char *expected)
{
    char *absolute = NULL;
    assert_ok(os_absolute_path(path, &absolute));
    assert_string_equal(absolute, expected);
    free(absolute);
}

static void assert_folder(const char *path, const char *expected)
{
    char *found = os_path_folder(path);
    assert_string_equal(found, expected);
    free(found);
}

#ifdef _WIN32
static void absolute__windows_spellings__become_one(void **state)
{
    (void)state;
    assert_absolute("C:\\a\\..\\b\\.\\c", "C:\\b\\c");
    assert_absolute("C:/a//b/", "C:\\a\\b\\");
    assert_absolute("\\\\server\\share\\x\\..\\y", "\\\\server\\share\\y");
    assert_absolute("//server/share/x", "\\\\server\\share\\x");
    assert_absolute("\\\\?\\C:\\a\\b", "C:\\a\\b");
    assert_absolute("\\\\?\\UNC\\server\\share\\x", "\\\\server\\share\\x");
    assert_absolute("\\\\.\\PhysicalDrive0", "\\\\.\\PhysicalDrive0");
}

static void paths__windows_roots__are_known(void **state)
{
    (void)state;
    assert_true(os_path_is_absolute("C:\\"));
    assert_true(os_path_is_absolute("c:/x"));
    assert_true(os_path_is_absolute("\\\\server\\share"));
    assert_true(os_path_is_absolute("\\\\?\\C:\\x"));
    assert_false(os_path_is_absolute("C:x"));
    assert_false(os_path_is_absolute("\\x"));
    assert_false(os_path_is_absolute("\\\\server"));
    assert_false(os_path_is_absolute("\\\\"));
    assert_folder("C:\\a\\b.vhdx", "C:\\a");
    assert_folder("C:\\b.vhdx", "C:\\");
    assert_folder("C:\\", "C:\\");
    assert_folder("\\\\server\\share\\b.vhdx", "\\\\server\\share\\");
    assert_folder("\\\\server\\share\\a\\b.vhdx", "\\\\server\\share\\a");
    assert_folder("\\\\?\\C:\\b.vhdx", "\\\\?\\C:\\");
    assert_string_equal(os_path_base_name("C:\\a/b.vhdx"), "b.vhdx");
    assert_string_equal(os_path_base_name("a\\b.vhdx"), "b.vhdx");
}
#else
static void absolute__dots_and_slashes__are_resolved(void **state)
{
    (void)state;
    assert_absolute("/a/../b/./c", "/b/c");
    assert_absolute("/", "/");
    assert_absolute("/..", "/");
    assert_absolute("/../../x", "/x");
    assert_absolute("//a///b//", "/a/b");
    assert_absolute("/a/b/..", "/a");
    assert_absolute("/a/...", "/a/...");
    assert_absolute("/a/.b/..c", "/a/.b/..c");
    assert_absolute("/aaaa/../bbbbbbbb", "/bbbbbbbb");
}

static void paths__posix_roots__are_known(void **state)
{
    (void)state;
    assert_true(os_path_is_absolute("/x"));
    assert_false(os_path_is_absolute("x"));
    assert_false(os_path_is_absolute(""));
    assert_folder("/a/b.vhdx", "/a");
    assert_folder("/b.vhdx", "/");
    assert_folder("/", "/");
    assert_folder("/a//b", "/a");
    assert_string_equal(os_path_base_name("/a/b\\c"), "b\\c");
}
#endif

static void absolute__relative__starts_at_the_current_folder(void **state)
{
    (void)state;
    char *here, *there;
    assert_ok(os_absolute_path(".", &here));
    assert_ok(os_absolute_path("some/../file.vhdx", &there));
    assert_true(os_path_is_absolute(here));
    assert_string_equal(os_path_base_name(there), "file.vhdx");
    char *back = os_path_folder(there);
    assert_string_equal(back, here);
    free(back);
    free(there);
    free(here);
}

static void absolute__empty_too_long_or_not_unicode__refused(void **state)
{
    (void)state;
    char *out = NULL;
    assert_status(os_absolute_path("", &out), STATUS_INVALID_ARGUMENT);
    assert_status(os_absolute_path("a\xFF", &out), STATUS_INVALID_ARGUMENT);
    assert_status(os_absolute_path("\xED\xA0\x80", &out), STATUS_INVALID_ARGUMENT);
    char *endless = malloc(OS_PATH_MAX + 1);
    memset(endless, 'a', OS_PATH_MAX);
    endless[OS_PATH_MAX] = '\0';
    assert_status(os_absolute_path(endless, &out), STATUS_INVALID_ARGUMENT);
    free(endless);
    assert_null(out);
}

static void join_and_folder__of_a_plain_name(void **state)
{
    (void)state;
    char *joined = os_path_join("a", "b");
    assert_string_equal(os_path_base_name(joined), "b");
    assert_int_equal(joined[1], OS_PATH_SEPARATOR);
    free(joined);
    joined = os_path_join("a/", "b");
    assert_string_equal(joined, "a/b");
    free(joined);
    joined = os_path_join("", "b");
    assert_string_equal(joined, "b");
    free(joined);
    assert_folder("name", ".");
    assert_folder("", ".");
    assert_string_equal(os_path_base_name("name"), "name");
}

// A path below the temporary folder: folders of 50 characters, 400 and more in all, Cyrillic and an
// emoji.
static char *deep_path(void)
{
    char *path = temp_path(folder, "\xD0\x94\xD0\xB8\xD1\x81\xD0\xBA \xF0\x9F\x92\xBE");
    for (int i = 0; i < 9; i++) {
        char *longer = temp_path(path, "a-folder-name-of-fifty-characters-1234567890123456");
        free(path);
        path = longer;
    }
    return path;
}

static void make_folders__long_unicode_path__made_once_and_again(void **state)
{
    (void)state;
    char *path = deep_path();
    assert_true(strlen(path) > 400);
    assert_false(os_file_exists(path));
    assert_ok(os_make_folders(path, true));
    assert_true(os_file_exists(path));
    assert_ok(os_make_folders(path, true));
    char *file = temp_path(path, "disk.vhdx");
    assert_ok(os_replace_file(file, "12345", 5));
    assert_true(os_file_exists(file));
    char *data;
    size_t size;
    assert_ok(os_read_file(file, 100, &data, &size));
    assert_int_equal(size, 5);
    assert_string_equal(data, "12345");
    free(data);
    assert_ok(os_remove_file(file));
    assert_false(os_file_exists(file));
    free(file);
    free(path);
}

static void make_folders__a_file_is_in_the_way__fails(void **state)
{
    (void)state;
    char *file = temp_path(folder, "in-the-way");
    char *below = temp_path(file, "below");
    assert_ok(os_replace_file(file, "x", 1));
    assert_true(os_make_folders(file, false) != STATUS_OK);
    assert_true(os_make_folders(below, false) != STATUS_OK);
    assert_ok(os_remove_file(file));
    free(below);
    free(file);
}

struct listing {
    unsigned count;
    unsigned stop_after;
    bool found;
};

static bool note(void *context, const char *name)
{
    struct listing *l = context;
    l->count++;
    assert_true(strcmp(name, ".") != 0 && strcmp(name, "..") != 0);
    if (strcmp(name, "\xC3\xA4 3.txt") == 0)
        l->found = true;
    return l->count != l->stop_after;
}

static void list_folder__all_or_until_told__without_dots(void **state)
{
    (void)state;
    char *list = temp_path(folder, "list");
    assert_ok(os_make_folders(list, false));
    struct listing none = {0};
    assert_ok(os_list_folder(list, note, &none));
    assert_int_equal(none.count, 0);
    for (int i = 0; i < 5; i++) {
        char name[16] = "\xC3\xA4 0.txt";
        name[3] = (char)('0' + i);
        char *file = temp_path(list, name);
        assert_ok(os_replace_file(file, "x", 1));
        free(file);
    }
    struct listing all = {0}, some = {.stop_after = 2};
    assert_ok(os_list_folder(list, note, &all));
    assert_int_equal(all.count, 5);
    assert_true(all.found);
    assert_ok(os_list_folder(list, note, &some));
    assert_int_equal(some.count, 2);
    char *missing = temp_path(folder, "no-such-folder");
    assert_status(os_list_folder(missing, note, &all), STATUS_NOT_FOUND);
    free(missing);
    free(list);
}

static void read_file__missing_too_large_or_a_folder__fails(void **state)
{
    (void)state;
    char *path = temp_path(folder, "read");
    char *data = NULL;
    size_t size;
    assert_status(os_read_file(path, 10, &data, &size), STATUS_NOT_FOUND);
    assert_status(os_remove_file(path), STATUS_NOT_FOUND);
    assert_ok(os_replace_file(path, "0123456789", 10));
    assert_status(os_read_file(path, 9, &data, &size), STATUS_DAMAGED);
    assert_true(os_read_file(folder, 1000, &data, &size) != STATUS_OK);
    assert_null(data);
    assert_ok(os_read_file(path, 10, &data, &size));
    assert_int_equal(size, 10);
    free(data);
    assert_ok(os_replace_file(path, "", 0));
    assert_ok(os_read_file(path, 0, &data, &size));
    assert_int_equal(size, 0);
    assert_string_equal(data, "");
    free(data);
    free(path);
}

static void replace_file__old_contents_or_new(void **state)
{
    (void)state;
    char *path = temp_path(folder, "state.json");
    char *fresh = temp_path(folder, "state.json.new");
    char *data;
    size_t size;
    assert_ok(os_replace_file(path, "old", 3));
    assert_ok(os_replace_file(path, "newer", 5));
    assert_ok(os_read_file(path, 100, &data, &size));
    assert_string_equal(data, "newer");
    free(data);
    assert_false(os_file_exists(fresh));

    // The name of the new file is taken by a folder: nothing can be written, the old contents stay.
    assert_ok(os_make_folders(fresh, false));
    assert_true(os_replace_file(path, "lost", 4) != STATUS_OK);
    assert_ok(os_read_file(path, 100, &data, &size));
    assert_string_equal(data, "newer");
    free(data);
    free(fresh);
    free(path);
}

static void replace_file__target_cannot_be_replaced__leaves_nothing_behind(void **state)
{
    (void)state;
    char *path = temp_path(folder, "a-folder");
    char *fresh = temp_path(folder, "a-folder.new");
    assert_ok(os_make_folders(path, false));
    assert_true(os_replace_file(path, "x", 1) != STATUS_OK);
    assert_false(os_file_exists(fresh));
    free(fresh);
    free(path);
}

static void replace_file__leftover_of_a_crash__is_overwritten(void **state)
{
    (void)state;
    char *path = temp_path(folder, "crashed");
    char *fresh = temp_path(folder, "crashed.new");
    char *data;
    size_t size;
    assert_ok(os_replace_file(fresh, "half written, longer than what comes", 36));
    assert_ok(os_replace_file(path, "whole", 5));
    assert_ok(os_read_file(path, 100, &data, &size));
    assert_string_equal(data, "whole");
    assert_false(os_file_exists(fresh));
    free(data);
    free(fresh);
    free(path);
}

static void arguments__plain__are_kept(void **state)
{
    (void)state;
    char *list[] = {"program", "\xD0\x94", NULL};
    char **argv = list;
    int argc = 2;
    assert_ok(os_arguments(&argc, &argv));
    assert_true(argc >= 1);
    assert_non_null(argv[0]);
#ifdef _WIN32
    for (int i = 0; i < argc; i++)
        free(argv[i]);
    free(argv);
#else
    char *broken[] = {"program", "\xFF", NULL};
    argv = broken;
    assert_status(os_arguments(&argc, &argv), STATUS_INVALID_ARGUMENT);
#endif
}

static void print__redirected__is_bytes(void **state)
{
    (void)state;
    os_print(true, "UTF-8: \xD0\x94\xF0\x9F\x92\xBE\n");
    os_print(false, "");
    (void)os_stdout_is_terminal();
}

static void volume__of_a_file__the_beginning_of_its_path(void **state)
{
    char *path = temp_path(folder, "x"), *volume = NULL, *again = NULL;
    (void)state;
    assert_ok(os_replace_file(path, "x", 1));
    assert_ok(os_volume_name(path, &volume));
    assert_true(volume[0] != '\0' && strncmp(path, volume, strlen(volume)) == 0);
    assert_ok(os_volume_name(folder, &again));
    assert_string_equal(volume, again);
    free(again);
    free(volume);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random__two_fills__differ),
        cmocka_unit_test(host_name__is_a_name),
        cmocka_unit_test(program_folder__exists_and_is_absolute),
#ifdef _WIN32
        cmocka_unit_test(absolute__windows_spellings__become_one),
        cmocka_unit_test(paths__windows_roots__are_known),
#else
        cmocka_unit_test(absolute__dots_and_slashes__are_resolved),
        cmocka_unit_test(paths__posix_roots__are_known),
#endif
        cmocka_unit_test(absolute__relative__starts_at_the_current_folder),
        cmocka_unit_test(absolute__empty_too_long_or_not_unicode__refused),
        cmocka_unit_test(join_and_folder__of_a_plain_name),
        cmocka_unit_test(make_folders__long_unicode_path__made_once_and_again),
        cmocka_unit_test(make_folders__a_file_is_in_the_way__fails),
        cmocka_unit_test(list_folder__all_or_until_told__without_dots),
        cmocka_unit_test(read_file__missing_too_large_or_a_folder__fails),
        cmocka_unit_test(replace_file__old_contents_or_new),
        cmocka_unit_test(replace_file__target_cannot_be_replaced__leaves_nothing_behind),
        cmocka_unit_test(replace_file__leftover_of_a_crash__is_overwritten),
        cmocka_unit_test(arguments__plain__are_kept),
        cmocka_unit_test(print__redirected__is_bytes),
        cmocka_unit_test(volume__of_a_file__the_beginning_of_its_path),
    };
    return cmocka_run_group_tests(tests, make_folder, NULL);
}
