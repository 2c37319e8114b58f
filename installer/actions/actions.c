#include "installer/actions/actions.h"

#include <msiquery.h>
#include <stdlib.h>

#include "installer/actions/run.h"
#include "installer/actions/told.h"

#define SERVICE_NAME L"VRep"
#define STOP_MAX_MS  60000 // the service promises 10 s, at the system's end 60
#define FILE_MAX_MS  5000  // longer is not its last moment, but another instance or a scanner
#define TURN_MS      100

// Texts are a record's field, not its template: brackets in them mean nothing.
static void say(MSIHANDLE install, INSTALLMESSAGE kind, const WCHAR *text)
{
    MSIHANDLE record = MsiCreateRecord(1);
    if (!record)
        return;
    MsiRecordSetStringW(record, 0, L"[1]");
    MsiRecordSetStringW(record, 1, text);
    MsiProcessMessage(install, kind, record);
    MsiCloseHandle(record);
}

// A property, allocated; NULL: no memory.
static WCHAR *get_property(MSIHANDLE install, const WCHAR *name)
{
    WCHAR nothing[1] = L"";
    DWORD units = 0;
    if (MsiGetPropertyW(install, name, nothing, &units) != ERROR_MORE_DATA)
        return _wcsdup(L"");
    units++; // the terminator
    WCHAR *value = malloc(units * sizeof *value);
    if (value && MsiGetPropertyW(install, name, value, &units) == ERROR_SUCCESS)
        return value;
    free(value);
    return NULL;
}

// ---- what ran ----

// A service that is not there has stopped.
static DWORD service_state(void)
{
    SERVICE_STATUS status = {.dwCurrentState = SERVICE_STOPPED};
    SC_HANDLE manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT);
    SC_HANDLE service = manager ? OpenServiceW(manager, SERVICE_NAME, SERVICE_QUERY_STATUS) : NULL;
    if (service) {
        QueryServiceStatus(service, &status);
        CloseServiceHandle(service);
    }
    if (manager)
        CloseServiceHandle(manager);
    return status.dwCurrentState;
}

UINT WINAPI RememberService(MSIHANDLE install)
{
    DWORD state = service_state();
    if (state == SERVICE_RUNNING || state == SERVICE_START_PENDING)
        MsiSetPropertyW(install, L"ServiceWasRunning", L"1");
    return ERROR_SUCCESS;
}

// ---- its end ----

static bool can_be_replaced(const WCHAR *path)
{
    HANDLE file = CreateFileW(path, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING, 0, NULL);
    if (file == INVALID_HANDLE_VALUE)
        return GetLastError() != ERROR_SHARING_VIOLATION && GetLastError() != ERROR_ACCESS_DENIED;
    CloseHandle(file);
    return true;
}

UINT WINAPI AwaitStop(MSIHANDLE install)
{
    WCHAR *path = get_property(install, L"CustomActionData");
    DWORD waited = 0;
    for (; service_state() != SERVICE_STOPPED && waited < STOP_MAX_MS; waited += TURN_MS)
        Sleep(TURN_MS);
    if (waited >= STOP_MAX_MS)
        say(install, INSTALLMESSAGE_INFO, L"VRep: the service has not stopped within a minute.");
    for (waited = 0; path && !can_be_replaced(path) && waited < FILE_MAX_MS; waited += TURN_MS)
        Sleep(TURN_MS);
    if (waited >= FILE_MAX_MS)
        say(install, INSTALLMESSAGE_INFO, L"VRep: the service's program is in use.");
    free(path);
    return ERROR_SUCCESS;
}

// ---- what is run ----

struct session {
    MSIHANDLE install;
    struct told told;
};

static void take_line(void *context, const WCHAR *text)
{
    struct session *session = context;
    say(session->install, INSTALLMESSAGE_INFO, text);
    told_add(&session->told, text);
}

static void take_failure(struct session *session, const WCHAR *what, DWORD code,
                         const WCHAR *command_line)
{
    WCHAR text[512];
    swprintf(text, sizeof text / sizeof text[0], L"%ls %lu: %.400ls", what, code, command_line);
    take_line(session, text);
}

static bool run(struct session *session)
{
    DWORD code = ERROR_OUTOFMEMORY;
    struct run_listener listener = {take_line, session};
    WCHAR *command_line = get_property(session->install, L"CustomActionData");
    bool started = command_line && run_program(command_line, &listener, &code);
    if (!started)
        take_failure(session, L"Cannot be run, Windows error", code,
                     command_line ? command_line : L"");
    else if (code != 0 && session->told.length == 0)
        take_failure(session, L"Ended with exit code", code, command_line);
    free(command_line);
    return started && code == 0;
}

UINT WINAPI Configure(MSIHANDLE install)
{
    struct session *session = calloc(1, sizeof *session);
    if (!session)
        return ERROR_INSTALL_FAILURE;
    session->install = install;
    bool done = run(session);
    if (!done)
        say(install, INSTALLMESSAGE_ERROR, session->told.text);
    free(session);
    return done ? ERROR_SUCCESS : ERROR_INSTALL_FAILURE;
}

UINT WINAPI ConfigureIgnore(MSIHANDLE install)
{
    struct session *session = calloc(1, sizeof *session);
    if (!session)
        return ERROR_SUCCESS;
    session->install = install;
    if (!run(session))
        say(install, INSTALLMESSAGE_INFO, L"VRep: the installation goes on without that.");
    free(session);
    return ERROR_SUCCESS;
}
