#include "ps/client/ctl/console.h"

#include <windows.h>
#include <stdbool.h>
#include <wchar.h>

#include "base/os_win32.h"

#define DEFAULT_COLUMNS 80
#define TARGET_MAX      1024 // UTF-16 units of what a drive letter stands for

static struct {
    void (*handler)(void *context);
    void *context;
} interrupt;

static BOOL WINAPI on_control(DWORD event)
{
    if (event != CTRL_C_EVENT && event != CTRL_BREAK_EVENT)
        return FALSE;
    interrupt.handler(interrupt.context);
    return TRUE;
}

enum status console_catch_interrupt(void (*handler)(void *context), void *context)
{
    interrupt.handler = handler;
    interrupt.context = context;
    if (!SetConsoleCtrlHandler(on_control, TRUE))
        return status_fail_win32(GetLastError(), "Ctrl-C cannot be handled");
    return STATUS_OK;
}

unsigned console_columns(void)
{
    CONSOLE_SCREEN_BUFFER_INFO info;
    if (!GetConsoleScreenBufferInfo(GetStdHandle(STD_OUTPUT_HANDLE), &info))
        return DEFAULT_COLUMNS;
    int columns = info.srWindow.Right - info.srWindow.Left + 1;
    return columns > 0 ? (unsigned)columns : DEFAULT_COLUMNS;
}

// A letter that `subst` made stands for a folder, not for a device.
static bool is_substituted(const WCHAR drive[3])
{
    WCHAR target[TARGET_MAX];
    return QueryDosDeviceW(drive, target, TARGET_MAX) > 0 && wcsncmp(target, L"\\??\\", 4) == 0;
}

enum status console_check_path(const char *path)
{
    WCHAR drive[] = {(WCHAR)path[0], L':', L'\0'};
    WCHAR root[] = {(WCHAR)path[0], L':', L'\\', L'\0'};
    if (path[0] == '\\' || path[1] != ':')
        return STATUS_OK; // UNC: the same for everybody
    if (GetDriveTypeW(root) == DRIVE_REMOTE) {
        status_fail(STATUS_INVALID_ARGUMENT, 0,
                    "'%c:' is a network drive of this session; the service does not see it.",
                    path[0]);
        return status_advise(0, "Give the path as \\\\server\\share\\...");
    }
    if (is_substituted(drive)) {
        status_fail(STATUS_INVALID_ARGUMENT, 0,
                    "'%c:' is a substituted drive of this session; the service does not see it.",
                    path[0]);
        return status_advise(0, "Give the path that 'subst' shows for it.");
    }
    return STATUS_OK;
}
