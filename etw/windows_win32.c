#include "etw/windows_win32.h"

#include "base/os.h"
#include "base/os_win32.h"

#define RUN_MS 120000 // wevtutil needs seconds

// Both streams of the program to nowhere.
static void drop_output(STARTUPINFOW *startup, HANDLE *nowhere)
{
    SECURITY_ATTRIBUTES inherited = {sizeof inherited, NULL, TRUE};
    *nowhere = CreateFileW(L"NUL", GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, &inherited,
                           OPEN_EXISTING, 0, NULL);
    startup->dwFlags = STARTF_USESTDHANDLES;
    startup->hStdOutput = startup->hStdError = *nowhere;
}

static enum status wait_for(HANDLE process, const WCHAR *program, DWORD *code)
{
    if (WaitForSingleObject(process, RUN_MS) != WAIT_OBJECT_0) {
        TerminateProcess(process, ERROR_TIMEOUT);
        return status_fail(STATUS_TIMEOUT, 0, "'%ls' has not ended for %d seconds.", program,
                           RUN_MS / 1000);
    }
    if (!GetExitCodeProcess(process, code))
        return status_fail_win32(GetLastError(), "The exit code of '%ls' cannot be read", program);
    return STATUS_OK;
}

static enum status run(const WCHAR *program, WCHAR *command_line, bool quiet, DWORD *code)
{
    STARTUPINFOW startup = {.cb = sizeof startup};
    PROCESS_INFORMATION process;
    HANDLE nowhere = INVALID_HANDLE_VALUE;
    if (quiet)
        drop_output(&startup, &nowhere);
    enum status s = STATUS_OK;
    if (!CreateProcessW(program, command_line, NULL, NULL, TRUE, 0, NULL, NULL, &startup, &process))
        s = status_fail_win32(GetLastError(), "'%ls' cannot be started", program);
    if (nowhere != INVALID_HANDLE_VALUE)
        CloseHandle(nowhere);
    if (s != STATUS_OK)
        return s;
    s = wait_for(process.hProcess, program, code);
    CloseHandle(process.hThread);
    CloseHandle(process.hProcess);
    return s;
}

const struct event_windows *event_windows(void)
{
    static const struct event_windows windows = {
        .event_register = EventRegister,
        .event_unregister = EventUnregister,
        .event_write = EventWrite,
        .register_source = RegisterEventSourceW,
        .deregister_source = DeregisterEventSource,
        .report_event = ReportEventW,
        .machine = HKEY_LOCAL_MACHINE,
        .program_folder = os_program_folder,
        .run = run,
    };
    return &windows;
}
