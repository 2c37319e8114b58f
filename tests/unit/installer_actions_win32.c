// The custom actions of the MSI: what they make of a program's output and of what the installer
// hands over.
#include "tests/support/test.h"

#include "installer/actions/actions.h"

#include <msiquery.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "installer/actions/run.h"
#include "installer/actions/told.h"

// ---- a program to run: this one, with an argument that says what to print ----

static const char *self;

static const struct {
    const char *name, *output;
    int code;
} plays[] = {
    {"lines", "one\r\ntwo\n\nlast", 0},
    {"unicode", "Gr\xC3\xBC\xC3\x9F\x65 \xF0\x9F\x92\xBE\n", 0},
    {"other", "gr\x81n\n", 0}, // not UTF-8
    {"brackets", "[ProductName] {x} %s\n", 0},
    {"fails", "Unfinished: \"D:\\a.vhdx\"\nvrepsvc: The merge is not finished.\n", 1},
    {"silent", "", 3},
};

static int play(const char *name)
{
    for (size_t i = 0; i < sizeof plays / sizeof plays[0]; i++)
        if (strcmp(plays[i].name, name) == 0) {
            // Half of it on each stream: both are heard.
            size_t size = strlen(plays[i].output), half = size / 2;
            DWORD written;
            WriteFile(GetStdHandle(STD_OUTPUT_HANDLE), plays[i].output, (DWORD)half, &written,
                      NULL);
            WriteFile(GetStdHandle(STD_ERROR_HANDLE), plays[i].output + half, (DWORD)(size - half),
                      &written, NULL);
            return plays[i].code;
        }
    for (int i = 0; strcmp(name, "much") == 0 && i < 20000; i++)
        printf("line %d of many\n", i);
    for (int i = 0; strcmp(name, "long") == 0 && i < 3 * RUN_LINE_MAX; i++)
        putchar('x');
    return 0;
}

// ---- the double of the installer ----

static struct {
    WCHAR data[1024], property[64], value[64];
    WCHAR record[64], field[TOLD_MAX + 64];
    struct told log, error;
    unsigned infos, errors, records;
} installer;

MSIHANDLE WINAPI MsiCreateRecord(UINT count)
{
    assert_int_equal(count, 1);
    installer.records++;
    return 7;
}

UINT WINAPI MsiCloseHandle(MSIHANDLE handle)
{
    assert_int_equal(handle, 7);
    installer.records--;
    return ERROR_SUCCESS;
}

UINT WINAPI MsiRecordSetStringW(MSIHANDLE record, UINT field, LPCWSTR text)
{
    assert_int_equal(record, 7);
    wcscpy(field == 0 ? installer.record : installer.field, text);
    return ERROR_SUCCESS;
}

int WINAPI MsiProcessMessage(MSIHANDLE install, INSTALLMESSAGE kind, MSIHANDLE record)
{
    assert_int_equal(install, 1);
    assert_int_equal(record, 7);
    assert_int_equal(wcscmp(installer.record, L"[1]"), 0);
    if (kind == INSTALLMESSAGE_ERROR) {
        installer.errors++;
        told_add(&installer.error, installer.field);
    } else {
        installer.infos++;
        told_add(&installer.log, installer.field);
    }
    return IDOK;
}

UINT WINAPI MsiSetPropertyW(MSIHANDLE install, LPCWSTR name, LPCWSTR value)
{
    assert_int_equal(install, 1);
    wcscpy(installer.property, name);
    wcscpy(installer.value, value);
    return ERROR_SUCCESS;
}

UINT WINAPI MsiGetPropertyW(MSIHANDLE install, LPCWSTR name, LPWSTR buffer, LPDWORD units)
{
    assert_int_equal(install, 1);
    assert_int_equal(wcscmp(name, L"CustomActionData"), 0);
    DWORD room = *units;
    *units = (DWORD)wcslen(installer.data);
    if (room <= *units)
        return ERROR_MORE_DATA;
    wcscpy(buffer, installer.data);
    return ERROR_SUCCESS;
}

static int set_up(void **state)
{
    (void)state;
    memset(&installer, 0, sizeof installer);
    return 0;
}

static void hand_over(const char *play_name)
{
    swprintf(installer.data, sizeof installer.data / sizeof installer.data[0],
             L"\"%hs\" --play %hs", self, play_name);
}

static void count_line(void *context, const WCHAR *text)
{
    assert_true(wcslen(text) > 0 && wcslen(text) <= RUN_LINE_MAX);
    ++*(unsigned *)context;
}

static unsigned lines_of(const char *play_name)
{
    unsigned count = 0;
    DWORD code = 99;
    struct run_listener listener = {count_line, &count};
    hand_over(play_name);
    assert_true(run_program(installer.data, &listener, &code));
    assert_int_equal(code, 0);
    return count;
}

#define assert_text(actual, expected) assert_int_equal(wcscmp(actual, expected), 0)

// ---- the tests ----

static void run__lines_of_both_streams__each_once(void **state)
{
    (void)state;
    hand_over("lines");
    assert_int_equal(Configure(1), ERROR_SUCCESS);
    assert_text(installer.log.text, L"one\ntwo\nlast");
    assert_int_equal(installer.errors, 0);
}

static void run__utf8_and_not__readable(void **state)
{
    (void)state;
    hand_over("unicode");
    assert_int_equal(Configure(1), ERROR_SUCCESS);
    assert_text(installer.log.text, L"Gr\u00FC\u00DFe \U0001F4BE");
    memset(&installer.log, 0, sizeof installer.log);
    hand_over("other");
    assert_int_equal(Configure(1), ERROR_SUCCESS);
    assert_int_equal(wcslen(installer.log.text), 4);
    assert_int_equal(wcsncmp(installer.log.text, L"gr", 2), 0);
}

static void run__brackets__are_text(void **state)
{
    (void)state;
    hand_over("brackets");
    assert_int_equal(Configure(1), ERROR_SUCCESS);
    assert_text(installer.log.text, L"[ProductName] {x} %s");
}

static void run__much_and_long__bounded(void **state)
{
    (void)state;
    assert_int_equal(lines_of("much"), 20000);
    assert_int_equal(lines_of("long"), 1);
}

static void configure__fails__error_has_the_text(void **state)
{
    (void)state;
    hand_over("fails");
    assert_int_equal(Configure(1), ERROR_INSTALL_FAILURE);
    assert_int_equal(installer.errors, 1);
    assert_text(installer.error.text,
                L"Unfinished: \"D:\\a.vhdx\"\nvrepsvc: The merge is not finished.");
    assert_int_equal(installer.infos, 2); // the log has each line, too
    assert_int_equal(installer.records, 0);
}

static void configure__no_such_program__error_names_it(void **state)
{
    (void)state;
    wcscpy(installer.data, L"\"C:\\not there\\vrepsvc.exe\" configure retire");
    assert_int_equal(Configure(1), ERROR_INSTALL_FAILURE);
    assert_non_null(wcsstr(installer.error.text, L"C:\\not there\\vrepsvc.exe"));
    assert_non_null(wcsstr(installer.error.text, L"Windows error"));
}

static void configure__fails_without_a_word__error_has_the_code(void **state)
{
    (void)state;
    hand_over("silent");
    assert_int_equal(Configure(1), ERROR_INSTALL_FAILURE);
    assert_non_null(wcsstr(installer.error.text, L"exit code 3"));
    assert_non_null(wcsstr(installer.error.text, L"--play silent"));
}

static void configure__nothing_handed_over__fails(void **state)
{
    (void)state;
    assert_int_equal(Configure(1), ERROR_INSTALL_FAILURE);
    assert_int_equal(installer.errors, 1);
}

static void ignore__fails__told_and_no_error(void **state)
{
    (void)state;
    static const char *const failing[] = {"fails", "silent"};
    for (size_t i = 0; i < 2; i++) {
        hand_over(failing[i]);
        assert_int_equal(ConfigureIgnore(1), ERROR_SUCCESS);
    }
    assert_int_equal(installer.errors, 0);
    assert_non_null(wcsstr(installer.log.text, L"The merge is not finished."));
    assert_non_null(wcsstr(installer.log.text, L"goes on"));
}

// A file that somebody has open, as the service's program is while its process lives.
static HANDLE take_file(void)
{
    WCHAR folder[MAX_PATH];
    assert_true(GetTempPathW(MAX_PATH, folder) > 0);
    assert_true(GetTempFileNameW(folder, L"vre", 0, installer.data) != 0);
    HANDLE file = CreateFileW(installer.data, GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING,
                              FILE_FLAG_DELETE_ON_CLOSE, NULL);
    assert_true(file != INVALID_HANDLE_VALUE);
    return file;
}

static DWORD WINAPI let_go(void *file)
{
    Sleep(500);
    CloseHandle(file);
    return 0;
}

// In the prefix of the tests there is no service VRep.
static void await__program_in_use__until_it_is_free(void **state)
{
    (void)state;
    HANDLE thread = CreateThread(NULL, 0, let_go, take_file(), 0, NULL);
    assert_non_null(thread);
    ULONGLONG start = GetTickCount64();
    assert_int_equal(AwaitStop(1), ERROR_SUCCESS);
    assert_true(GetTickCount64() - start >= 400);
    assert_int_equal(installer.infos, 0);
    WaitForSingleObject(thread, INFINITE);
    CloseHandle(thread);
}

static void await__program_stays_in_use__told_and_no_error(void **state)
{
    (void)state;
    HANDLE file = take_file();
    assert_int_equal(AwaitStop(1), ERROR_SUCCESS);
    assert_non_null(wcsstr(installer.log.text, L"in use"));
    CloseHandle(file);
    assert_int_equal(installer.errors, 0);
}

static void await__no_program__at_once(void **state)
{
    (void)state;
    ULONGLONG start = GetTickCount64();
    wcscpy(installer.data, L"C:\\no such folder\\vrepsvc.exe");
    assert_int_equal(AwaitStop(1), ERROR_SUCCESS);
    assert_true(GetTickCount64() - start < 3000);
    assert_int_equal(installer.infos, 0);
}

static void told__too_much__end_is_kept(void **state)
{
    (void)state;
    static WCHAR line[2 * TOLD_MAX];
    struct told *told = &installer.log;
    for (int i = 0; i < 1000; i++) {
        swprintf(line, 64, L"line %d", i);
        told_add(told, line);
        assert_int_equal(told->length, wcslen(told->text));
        assert_true(told->length <= TOLD_MAX);
    }
    assert_non_null(wcsstr(told->text, L"line 998\nline 999"));
    assert_int_equal(wcsncmp(told->text, L"line ", 5), 0); // no half line at the beginning
    wmemset(line, L'x', 2 * TOLD_MAX - 1);
    told_add(told, line);
    assert_int_equal(told->length, TOLD_MAX - 1);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--play") == 0)
        return play(argv[2]);
    self = argv[0];
    const struct CMUnitTest tests[] = {
        TEST(run__lines_of_both_streams__each_once),
        TEST(run__utf8_and_not__readable),
        TEST(run__brackets__are_text),
        TEST(run__much_and_long__bounded),
        TEST(configure__fails__error_has_the_text),
        TEST(configure__no_such_program__error_names_it),
        TEST(configure__fails_without_a_word__error_has_the_code),
        TEST(configure__nothing_handed_over__fails),
        TEST(ignore__fails__told_and_no_error),
        TEST(await__program_in_use__until_it_is_free),
        TEST(await__program_stays_in_use__told_and_no_error),
        TEST(await__no_program__at_once),
        TEST(told__too_much__end_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
