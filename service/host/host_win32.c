#include "service/host/host.h"

#include <windows.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "base/os_win32.h"
#include "base/utf.h"
#include "service/configure/service_win32.h"

#define PENDING_TURN_MS  1000  // between two check points
#define PENDING_HINT_MS  10000 // the next check point comes within this, or we hang
#define START_TURNS_MAX  120   // a start that takes longer than so many turns is taken for hung
#define CONSOLE_CLOSE_MS 10000 // a console that closes waits no longer

// The Service Control Manager calls back without a context, and a process has one service.
static struct {
    const struct service_options *options;
    SERVICE_STATUS_HANDLE handle;
    pthread_mutex_t mutex; // `status`
    SERVICE_STATUS status;
    HANDLE stop;  // event: somebody wants the service to stop
    HANDLE ended; // event: the start is over (service), or everything is (console)
    enum status result;
} host = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static enum status create_events(void)
{
    host.stop = CreateEventW(NULL, TRUE, FALSE, NULL);
    host.ended = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (!host.stop || !host.ended)
        return status_fail_win32(GetLastError(), "An event cannot be created");
    return STATUS_OK;
}

static BOOL WINAPI console_control(DWORD event)
{
    SetEvent(host.stop);
    // Windows ends the process when this returns from one of the others.
    if (event != CTRL_C_EVENT && event != CTRL_BREAK_EVENT)
        WaitForSingleObject(host.ended, CONSOLE_CLOSE_MS);
    return TRUE;
}

enum status host_run_console(const struct service_options *options)
{
    struct service *service;
    enum status s = create_events();
    if (s == STATUS_OK && !SetConsoleCtrlHandler(console_control, TRUE))
        s = status_fail_win32(GetLastError(), "Ctrl-C cannot be handled");
    if (s == STATUS_OK)
        s = host_start(options, &service);
    if (s != STATUS_OK)
        return s;
    os_print(false, "VRep is serving. Ctrl-C stops it.\n");
    WaitForSingleObject(host.stop, INFINITE);
    service_stop(service, NULL, NULL);
    SetEvent(host.ended);
    return STATUS_OK;
}

// Tells the manager a state; a pending one again and again, each time with a higher check point.
static void tell(DWORD state, enum status result)
{
    pthread_mutex_lock(&host.mutex);
    SERVICE_STATUS *status = &host.status;
    bool pending = state == SERVICE_START_PENDING || state == SERVICE_STOP_PENDING;
    status->dwServiceType = SERVICE_WIN32_OWN_PROCESS;
    status->dwCheckPoint = !pending                          ? 0
                           : status->dwCurrentState == state ? status->dwCheckPoint + 1
                                                             : 1;
    status->dwWaitHint = pending ? PENDING_HINT_MS : 0;
    status->dwCurrentState = state;
    status->dwControlsAccepted =
        state == SERVICE_RUNNING ? SERVICE_ACCEPT_STOP | SERVICE_ACCEPT_PRESHUTDOWN : 0;
    status->dwWin32ExitCode = result == STATUS_OK ? NO_ERROR : ERROR_SERVICE_SPECIFIC_ERROR;
    status->dwServiceSpecificExitCode = (DWORD)result;
    SetServiceStatus(host.handle, status);
    pthread_mutex_unlock(&host.mutex);
}

static DWORD WINAPI control(DWORD code, DWORD type, void *data, void *context)
{
    (void)type;
    (void)data;
    (void)context;
    switch (code) {
    case SERVICE_CONTROL_STOP:
    case SERVICE_CONTROL_PRESHUTDOWN:
        tell(SERVICE_STOP_PENDING, STATUS_OK);
        SetEvent(host.stop);
        return NO_ERROR;
    case SERVICE_CONTROL_INTERROGATE:
        return NO_ERROR;
    default:
        return ERROR_CALL_NOT_IMPLEMENTED;
    }
}

// The start reads every relationship's state; meanwhile the manager wants to hear of us.
static void *tell_starting(void *unused)
{
    (void)unused;
    for (unsigned turn = 0; turn < START_TURNS_MAX; turn++) {
        if (WaitForSingleObject(host.ended, PENDING_TURN_MS) == WAIT_OBJECT_0)
            break;
        tell(SERVICE_START_PENDING, STATUS_OK);
    }
    return NULL;
}

static void tell_stopping(void *unused)
{
    (void)unused;
    tell(SERVICE_STOP_PENDING, STATUS_OK);
}

static enum status start(struct service **service)
{
    pthread_t teller;
    tell(SERVICE_START_PENDING, STATUS_OK);
    int error = pthread_create(&teller, NULL, tell_starting, NULL);
    if (error != 0)
        return status_fail_errno(error, "A thread cannot be started");
    enum status s = host_start(host.options, service);
    SetEvent(host.ended);
    pthread_join(teller, NULL);
    return s;
}

static void WINAPI service_main(DWORD argc, WCHAR **argv)
{
    (void)argc;
    struct service *service;
    host.handle = RegisterServiceCtrlHandlerExW(argv[0], control, NULL);
    if (!host.handle)
        return;
    host.result = start(&service);
    if (host.result == STATUS_OK) {
        tell(SERVICE_RUNNING, STATUS_OK);
        WaitForSingleObject(host.stop, INFINITE);
        tell(SERVICE_STOP_PENDING, STATUS_OK);
        service_stop(service, tell_stopping, NULL);
    }
    tell(SERVICE_STOPPED, host.result);
}

enum status host_run_service(const struct service_options *options)
{
    WCHAR *name = NULL;
    host.options = options;
    enum status s = create_events();
    if (s == STATUS_OK)
        s = service_name(options->instance, &name);
    if (s != STATUS_OK)
        return s;
    SERVICE_TABLE_ENTRYW table[] = {{name, service_main}, {NULL, NULL}};
    if (StartServiceCtrlDispatcherW(table)) {
        s = host.result;
    } else if (GetLastError() == ERROR_FAILED_SERVICE_CONTROLLER_CONNECT) {
        status_fail(STATUS_UNAVAILABLE, ERROR_FAILED_SERVICE_CONTROLLER_CONNECT,
                    "The Service Control Manager did not start this process.");
        s = status_advise(0, "Use --console, or 'install' and then start the service.");
    } else {
        s = status_fail_win32(GetLastError(), "The Service Control Manager cannot be reached");
    }
    free(name);
    return s;
}
