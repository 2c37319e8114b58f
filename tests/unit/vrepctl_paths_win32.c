// Drive letters that only this session has.
#include "tests/support/test.h"

#include "ps/client/ctl/console_win32.c" // NOLINT(bugprone-suspicious-include): part of a program

static void path__on_a_drive_of_the_machine__is_fine(void **state)
{
    (void)state;
    WCHAR windows[MAX_PATH];
    assert_true(GetWindowsDirectoryW(windows, MAX_PATH) > 0);
    char path[] = "?:\\disk.vhdx";
    path[0] = (char)windows[0];
    assert_ok(console_check_path(path));
}

static void path__unc_or_device__is_fine(void **state)
{
    (void)state;
    assert_ok(console_check_path("\\\\server\\share\\disk.vhdx"));
    assert_ok(console_check_path("\\\\?\\C:\\disk.vhdx"));
}

static void path__on_a_substituted_drive__is_refused(void **state)
{
    (void)state;
    if (!DefineDosDeviceW(0, L"Q:", L"C:\\windows")) {
        print_message("this system cannot substitute drives\n");
        skip();
    }
    enum status s = console_check_path("Q:\\disk.vhdx");
    DefineDosDeviceW(DDD_REMOVE_DEFINITION, L"Q:", NULL);
    assert_status(s, STATUS_INVALID_ARGUMENT);
    assert_true(status_last()->action[0] != '\0');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(path__on_a_drive_of_the_machine__is_fine),
        cmocka_unit_test(path__unc_or_device__is_fine),
        cmocka_unit_test(path__on_a_substituted_drive__is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
