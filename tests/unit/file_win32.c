// What only Windows' files have: devices among the paths, handles of others, several spellings of a
// long path.
#include "tests/support/test.h"

#include <windows.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/os.h"
#include "base/os_win32.h"
#include "tests/support/temp.h"
#include "vhd/file/file.h"

static const struct file_system *fs;
static const char *folder;

static int prepare(void **state)
{
    (void)state;
    fs = file_system_os();
    folder = temp_folder();
    return 0;
}

static void open__a_device__refused_and_named(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "\\\\.\\PhysicalDrive0",
        "\\\\?\\PhysicalDrive0",
        "\\\\.\\C:",
        "\\\\.\\pipe\\vrep-test",
        "//./PhysicalDrive0",
        "\\\\?\\GLOBALROOT\\Device\\Harddisk0\\DR0",
        "NUL",
    };
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct file_open how = {.share = FILE_SHARE_ANYTHING};
        struct file *f = NULL;
        assert_status(fs->open(fs, paths[i], &how, &f), STATUS_UNSUPPORTED);
        assert_non_null(strstr(status_last()->message, "device"));
        assert_null(f);
    }
}

static void open__a_foreign_handle__in_use_with_advice(void **state)
{
    (void)state;
    char *path = temp_path(folder, "held.vhdx");
    assert_ok(os_replace_file(path, "x", 1));
    WCHAR *wide = os_wide_path(path);
    HANDLE h = CreateFileW(wide, GENERIC_READ, 0, NULL, OPEN_EXISTING, 0, NULL);
    assert_true(h != INVALID_HANDLE_VALUE);
    struct file_open how = {.share = FILE_SHARE_ANYTHING};
    struct file *f = NULL;
    assert_status(fs->open(fs, path, &how, &f), STATUS_IN_USE);
    assert_int_equal(status_last()->os_code, ERROR_SHARING_VIOLATION);
    assert_non_null(strstr(status_last()->action, "Disk Management"));
    CloseHandle(h);
    assert_ok(fs->open(fs, path, &how, &f));
    file_close(f);
    free(wide);
    free(path);
}

static void wide_path__short_and_long__prefix_where_needed(void **state)
{
    (void)state;
    WCHAR *wide = os_wide_path("C:/a/b");
    assert_true(wcscmp(wide, L"C:\\a\\b") == 0);
    free(wide);
    char long_path[600] = "C:\\", share[600] = "\\\\server\\share\\";
    memset(long_path + 3, 'a', 500);
    memset(share + strlen(share), 'a', 500);
    wide = os_wide_path(long_path);
    assert_true(wcsncmp(wide, L"\\\\?\\C:\\aaa", 10) == 0);
    free(wide);
    wide = os_wide_path(share);
    assert_true(wcsncmp(wide, L"\\\\?\\UNC\\server\\share\\aaa", 24) == 0);
    free(wide);
    wide = os_wide_path("\\\\?\\C:\\a");
    assert_true(wcscmp(wide, L"C:\\a") == 0);
    free(wide);
    assert_null(os_wide_path("\xFF"));
    assert_null(os_wide_path(""));
    assert_status(status_last()->status, STATUS_INVALID_ARGUMENT);
}

static void fail_win32__known_codes__map_and_have_a_text(void **state)
{
    (void)state;
    static const struct {
        DWORD code;
        enum status status;
    } cases[] = {
        {ERROR_FILE_NOT_FOUND, STATUS_NOT_FOUND},
        {ERROR_PATH_NOT_FOUND, STATUS_NOT_FOUND},
        {ERROR_ACCESS_DENIED, STATUS_ACCESS_DENIED},
        {ERROR_SHARING_VIOLATION, STATUS_IN_USE},
        {ERROR_LOCK_VIOLATION, STATUS_IN_USE},
        {ERROR_DISK_FULL, STATUS_NO_SPACE},
        {ERROR_HANDLE_DISK_FULL, STATUS_NO_SPACE},
        {ERROR_FILE_EXISTS, STATUS_EXISTS},
        {ERROR_ALREADY_EXISTS, STATUS_EXISTS},
        {ERROR_NOT_ENOUGH_MEMORY, STATUS_OUT_OF_MEMORY},
        {ERROR_BROKEN_PIPE, STATUS_CONNECTION},
        {ERROR_SEM_TIMEOUT, STATUS_TIMEOUT},
        {ERROR_OPERATION_ABORTED, STATUS_CANCELLED},
        {ERROR_CRC, STATUS_IO},
        {10061 /* WSAECONNREFUSED */, STATUS_CONNECTION},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_status(status_fail_win32(cases[i].code, "Cannot do it"), cases[i].status);
        assert_int_equal(status_last()->os_code, cases[i].code);
        const char *message = status_last()->message;
        assert_memory_equal(message, "Cannot do it: ", 14);
        assert_int_equal(message[strlen(message) - 1], '.');
    }
    status_fail_win32(0xC03A001A, "The disk");
    assert_int_equal(status_last()->os_code, 0xC03A001A);
}

static void make_folders__private__has_a_protected_dacl(void **state)
{
    (void)state;
    char *path = temp_path(folder, "private");
    assert_ok(os_make_folders(path, true));
    WCHAR *wide = os_wide_path(path);
    uint8_t descriptor[4096];
    DWORD needed;
    assert_true(
        GetFileSecurityW(wide, DACL_SECURITY_INFORMATION, descriptor, sizeof descriptor, &needed));
    BOOL present = FALSE, defaulted;
    ACL *dacl = NULL;
    assert_true(GetSecurityDescriptorDacl(descriptor, &present, &dacl, &defaulted));
    assert_true(present);
    assert_non_null(dacl);
    for (DWORD i = 0; i < dacl->AceCount; i++) {
        ACCESS_ALLOWED_ACE *ace;
        assert_true(GetAce(dacl, i, (void **)&ace));
        assert_false(IsWellKnownSid(&ace->SidStart, WinWorldSid) &&
                     (ace->Mask & (FILE_READ_DATA | FILE_WRITE_DATA)));
    }
    free(wide);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(open__a_device__refused_and_named),
        cmocka_unit_test(open__a_foreign_handle__in_use_with_advice),
        cmocka_unit_test(wide_path__short_and_long__prefix_where_needed),
        cmocka_unit_test(fail_win32__known_codes__map_and_have_a_text),
        cmocka_unit_test(make_folders__private__has_a_protected_dacl),
    };
    return cmocka_run_group_tests(tests, prepare, NULL);
}
