// `vrepsvc events`: the command lines that wevtutil gets, and what is made of its answers.
#include "tests/support/test.h"

#include "etw/windows_win32.h"

#include <shellapi.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "base/os_win32.h"
#include "base/utf.h"
#include "etw/events.h"
#include "etw/registration.h"
#include "tests/support/temp.h"

#define TEST_KEY L"Software\\VRepTest.event_registration"
#define WINEVT   L"SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\WINEVT\\"
#define PROVIDER WINEVT L"Publishers\\{4a285f7d-eef4-4f00-bc80-99b5f5e25a2d}"

#define RUNS_MAX      8
#define ARGUMENTS_MAX 8

// ---- the double: a machine whose wevtutil does what Windows' is documented to do ----

static struct {
    HKEY machine;
    const char *folder; // of the program and its files
    unsigned runs;
    struct {
        char *argument[ARGUMENTS_MAX];
        int count;
        bool quiet;
    } run[RUNS_MAX];
    DWORD im_answer, um_answer;
    bool im_does_nothing;
} windows;

static char *utf8(const WCHAR *text)
{
    char *result = utf16_to_utf8((const uint16_t *)text, wcslen(text));
    assert_non_null(result);
    return result;
}

static WCHAR *utf16(const char *text)
{
    WCHAR *result = (WCHAR *)utf8_to_utf16(text, strlen(text), NULL);
    assert_non_null(result);
    return result;
}

static void set_text(const WCHAR *key, const WCHAR *name, const char *text)
{
    WCHAR *wide = utf16(text);
    assert_int_equal(RegSetKeyValueW(windows.machine, key, name, REG_EXPAND_SZ, wide,
                                     (DWORD)(2 * (wcslen(wide) + 1))),
                     ERROR_SUCCESS);
    free(wide);
}

static void set_number(const WCHAR *key, const WCHAR *name, DWORD number)
{
    assert_int_equal(RegSetKeyValueW(windows.machine, key, name, REG_DWORD, &number, sizeof number),
                     ERROR_SUCCESS);
}

static void leave_keys(const char *resources)
{
    set_text(PROVIDER, NULL, "VRep");
    set_text(PROVIDER, L"ResourceFileName", resources);
    set_number(WINEVT L"Channels\\VRep/Admin", L"Enabled", 1);
    set_number(WINEVT L"Channels\\VRep/Admin", L"MaxSize", 16777216);
    set_number(WINEVT L"Channels\\VRep/Operational", L"Enabled", 0);
}

static enum status double_run(const WCHAR *program, WCHAR *command_line, bool quiet, DWORD *code)
{
    int count;
    assert_true(windows.runs < RUNS_MAX);
    WCHAR **arguments = CommandLineToArgvW(command_line, &count);
    assert_non_null(arguments);
    assert_true(count >= 3 && count <= ARGUMENTS_MAX);
    assert_int_equal(wcscmp(arguments[0], program), 0);
    char **kept = windows.run[windows.runs].argument;
    for (int i = 0; i < count; i++)
        kept[i] = utf8(arguments[i]);
    LocalFree(arguments);
    windows.run[windows.runs].count = count;
    windows.run[windows.runs++].quiet = quiet;
    if (strcmp(kept[1], "um") == 0) {
        *code = windows.um_answer;
        if (*code == 0)
            RegDeleteTreeW(windows.machine, PROVIDER);
        return STATUS_OK;
    }
    assert_string_equal(kept[1], "im");
    assert_int_equal(strncmp(kept[3], "/rf:", 4), 0);
    *code = windows.im_answer;
    if (*code == 0 && !windows.im_does_nothing)
        leave_keys(kept[3] + 4);
    return STATUS_OK;
}

static enum status double_program_folder(char **out)
{
    *out = strdup(windows.folder);
    return STATUS_OK;
}

const struct event_windows *event_windows(void)
{
    static struct event_windows table = {.run = double_run,
                                         .program_folder = double_program_folder};
    table.machine = windows.machine;
    return &table;
}

// ---- the house ----

static void put_file(const char *name)
{
    char *path = temp_path(windows.folder, name);
    assert_ok(os_replace_file(path, "x", 1));
    free(path);
}

static const char *parent;

static int set_up(void **state)
{
    (void)state;
    memset(&windows, 0, sizeof windows);
    parent = temp_folder();
    windows.folder = temp_path(parent, "Program Files (Ω & 100%) ^'");
    assert_ok(os_make_folders(windows.folder, false));
    put_file("VRep.man");
    put_file("vrep-events.dll");
    RegDeleteTreeW(HKEY_CURRENT_USER, TEST_KEY);
    assert_int_equal(RegCreateKeyExW(HKEY_CURRENT_USER, TEST_KEY, 0, NULL, 0, KEY_ALL_ACCESS, NULL,
                                     &windows.machine, NULL),
                     ERROR_SUCCESS);
    windows.um_answer = ERROR_FILE_NOT_FOUND; // nothing is registered yet
    return 0;
}

static int clean_up(void **state)
{
    (void)state;
    for (unsigned i = 0; i < windows.runs; i++)
        for (int j = 0; j < windows.run[i].count; j++)
            free(windows.run[i].argument[j]);
    RegCloseKey(windows.machine);
    RegDeleteTreeW(HKEY_CURRENT_USER, TEST_KEY);
    free((char *)windows.folder);
    temp_remove(parent);
    return 0;
}

static void assert_argument(unsigned run, int index, const char *before, const char *file)
{
    char *path = temp_path(windows.folder, file);
    const char *argument = windows.run[run].argument[index];
    assert_int_equal(strncmp(argument, before, strlen(before)), 0);
    assert_string_equal(argument + strlen(before), path);
    free(path);
}

static void assert_system_program(unsigned run)
{
    WCHAR folder[MAX_PATH];
    assert_true(GetSystemDirectoryW(folder, MAX_PATH) > 0);
    char *expected = utf8(wcscat(folder, L"\\wevtutil.exe"));
    assert_string_equal(windows.run[run].argument[0], expected);
    free(expected);
}

// ---- the tests ----

static void install__first_time__registers_the_files_beside_the_program(void **state)
{
    (void)state;
    assert_ok(event_registration_install());
    assert_int_equal(windows.runs, 2);
    for (unsigned run = 0; run < 2; run++)
        assert_system_program(run);
    // The old registration goes first, and nobody sees that there was none.
    assert_string_equal(windows.run[0].argument[1], "um");
    assert_true(windows.run[0].quiet);
    assert_argument(0, 2, "", "VRep.man");
    assert_int_equal(windows.run[0].count, 3);
    assert_string_equal(windows.run[1].argument[1], "im");
    assert_false(windows.run[1].quiet);
    assert_argument(1, 2, "", "VRep.man");
    assert_argument(1, 3, "/rf:", "vrep-events.dll");
    assert_argument(1, 4, "/mf:", "vrep-events.dll");
    assert_int_equal(windows.run[1].count, 5);
}

static void install__over_an_older_one__replaces_it(void **state)
{
    (void)state;
    struct buffer text = {0};
    leave_keys("C:\\old\\vrep-events.dll");
    windows.um_answer = 0;
    assert_ok(event_registration_install());
    assert_int_equal(windows.runs, 2);
    assert_ok(event_registration_describe(&text));
    assert_null(strstr((const char *)text.data, "old"));
    buffer_free(&text);
}

static void install__refused__says_what_to_do(void **state)
{
    (void)state;
    windows.im_answer = ERROR_ACCESS_DENIED;
    assert_status(event_registration_install(), STATUS_ACCESS_DENIED);
    assert_int_equal(status_last()->os_code, ERROR_ACCESS_DENIED);
    assert_non_null(strstr(status_last()->message, "wevtutil im"));
    assert_non_null(strstr(status_last()->action, "elevated"));
}

static void install__without_effect__is_no_success(void **state)
{
    (void)state;
    windows.im_does_nothing = true;
    assert_status(event_registration_install(), STATUS_INTERNAL);
    assert_non_null(strstr(status_last()->message, "not registered"));
}

static void install__file_missing__touches_nothing(void **state)
{
    (void)state;
    static const char *const files[] = {"VRep.man", "vrep-events.dll"};
    for (size_t i = 0; i < 2; i++) {
        char *path = temp_path(windows.folder, files[i]);
        assert_ok(os_remove_file(path));
        assert_status(event_registration_install(), STATUS_NOT_FOUND);
        assert_non_null(strstr(status_last()->message, files[i]));
        put_file(files[i]);
        free(path);
    }
    assert_int_equal(windows.runs, 0);
}

static void remove__registered__takes_it_away(void **state)
{
    (void)state;
    assert_ok(event_registration_install());
    windows.um_answer = 0;
    assert_ok(event_registration_remove());
    assert_int_equal(windows.runs, 3);
    assert_system_program(2);
    assert_string_equal(windows.run[2].argument[1], "um");
    assert_argument(2, 2, "", "VRep.man");
    assert_ok(event_registration_remove()); // nothing is left: nothing is run
    assert_int_equal(windows.runs, 3);
}

static void remove__refused__says_so(void **state)
{
    (void)state;
    assert_ok(event_registration_install());
    windows.um_answer = ERROR_ACCESS_DENIED;
    assert_status(event_registration_remove(), STATUS_ACCESS_DENIED);
    assert_non_null(strstr(status_last()->message, "wevtutil um"));
}

static void status__registered__shows_file_and_channels(void **state)
{
    (void)state;
    struct buffer text = {0};
    char *dll = temp_path(windows.folder, "vrep-events.dll");
    assert_ok(event_registration_install());
    assert_ok(event_registration_describe(&text));
    const char *shown = (const char *)text.data;
    assert_non_null(strstr(shown, dll));
    assert_non_null(strstr(shown, "VRep/Admin, enabled, at most 16777216 bytes\n"));
    assert_non_null(strstr(shown, "VRep/Operational, disabled\n"));
    free(dll);
    buffer_free(&text);
}

static void status__file_with_variables__is_found(void **state)
{
    (void)state;
    struct buffer text = {0};
    WCHAR *folder = utf16(windows.folder);
    assert_true(SetEnvironmentVariableW(L"VREP_TEST_FOLDER", folder));
    free(folder);
    leave_keys("%VREP_TEST_FOLDER%\\vrep-events.dll");
    assert_ok(event_registration_describe(&text));
    buffer_free(&text);
}

static void status__nothing_or_half_registered__fails_and_advises(void **state)
{
    (void)state;
    struct buffer text = {0};
    assert_status(event_registration_describe(&text), STATUS_NOT_FOUND);
    assert_non_null(strstr(status_last()->action, "vrepsvc events install"));
    leave_keys("C:\\gone\\vrep-events.dll");
    assert_status(event_registration_describe(&text), STATUS_DAMAGED);
    assert_non_null(strstr(status_last()->message, "C:\\gone\\vrep-events.dll"));
    buffer_free(&text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, clean_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(install__first_time__registers_the_files_beside_the_program),
        TEST(install__over_an_older_one__replaces_it),
        TEST(install__refused__says_what_to_do),
        TEST(install__without_effect__is_no_success),
        TEST(install__file_missing__touches_nothing),
        TEST(remove__registered__takes_it_away),
        TEST(remove__refused__says_so),
        TEST(status__registered__shows_file_and_channels),
        TEST(status__file_with_variables__is_found),
        TEST(status__nothing_or_half_registered__fails_and_advises),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
