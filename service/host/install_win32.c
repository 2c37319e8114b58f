// Registering with the Service Control Manager.
#include "service/host/host.h"

#include <windows.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/control_name.h"
#include "base/os_win32.h"
#include "base/utf.h"
#include "service/configure/service_win32.h"

#define PROGRAM_PATH_MAX 32768 // UTF-16 units
#define STOP_WAIT_MS     20000
#define STOP_TURN_MS     100

static WCHAR *wide(const char *text)
{
    return (WCHAR *)utf8_to_utf16(text, strlen(text), NULL);
}

static enum status wide_and_free(struct buffer *text, enum status s, WCHAR **out)
{
    WCHAR *result = NULL;
    if (s == STATUS_OK) {
        result = wide((const char *)text->data);
        s = result ? STATUS_OK
                   : status_fail(STATUS_INVALID_ARGUMENT, 0, "A text is not valid Unicode.");
    }
    buffer_free(text);
    if (s == STATUS_OK)
        *out = result;
    return s;
}

static enum status display_name(const char *instance, WCHAR **out)
{
    struct buffer text = {0};
    enum status s = buffer_printf(&text, "VRep Replication Service%s%s%s", instance ? " (" : "",
                                  instance ? instance : "", instance ? ")" : "");
    return wide_and_free(&text, s, out);
}

// Appends an argument as CommandLineToArgvW undoes it: quoted, backslashes before a quote doubled.
static enum status append_quoted(struct buffer *line, const char *argument)
{
    enum status s = buffer_printf(line, "%s\"", line->size ? " " : "");
    size_t slashes = 0;
    for (const char *p = argument; *p && s == STATUS_OK; p++) {
        if (*p == '"') {
            for (size_t i = 0; i <= slashes && s == STATUS_OK; i++)
                s = buffer_printf(line, "\\");
        }
        slashes = *p == '\\' ? slashes + 1 : 0;
        if (s == STATUS_OK)
            s = buffer_append(line, p, 1);
    }
    for (size_t i = 0; i < slashes && s == STATUS_OK; i++)
        s = buffer_printf(line, "\\");
    return s == STATUS_OK ? buffer_printf(line, "\"") : s;
}

static enum status append_option(struct buffer *line, const char *option, const char *value)
{
    if (!value)
        return STATUS_OK;
    enum status s = buffer_printf(line, " %s", option);
    return s == STATUS_OK ? append_quoted(line, value) : s;
}

static enum status program_path(char **out)
{
    WCHAR *path = malloc(PROGRAM_PATH_MAX * sizeof *path);
    if (!path)
        return status_no_memory("the program's path");
    enum status s = STATUS_OK;
    DWORD length = GetModuleFileNameW(NULL, path, PROGRAM_PATH_MAX);
    char *utf8 = length > 0 && length < PROGRAM_PATH_MAX
                     ? utf16_to_utf8((const uint16_t *)path, length)
                     : NULL;
    if (!utf8)
        s = status_fail_win32(GetLastError(), "The path of this program cannot be determined");
    free(path);
    if (s == STATUS_OK)
        *out = utf8;
    return s;
}

static enum status command_line(const struct host_installation *installation, WCHAR **out)
{
    char *program = NULL;
    struct buffer line = {0};
    enum status s = program_path(&program);
    if (s != STATUS_OK)
        return s;
    s = append_quoted(&line, program);
    free(program);
    if (s == STATUS_OK)
        s = buffer_printf(&line, " --service");
    if (s == STATUS_OK)
        s = append_option(&line, "--instance", installation->instance);
    if (s == STATUS_OK)
        s = append_option(&line, "--data", installation->data_folder);
    if (s == STATUS_OK)
        s = append_option(&line, "--listen", installation->listen);
    return wide_and_free(&line, s, out);
}

static DWORD start_type(enum host_start start)
{
    return start == HOST_START_DEMAND     ? SERVICE_DEMAND_START
           : start == HOST_START_DISABLED ? SERVICE_DISABLED
                                          : SERVICE_AUTO_START;
}

static enum status create(SC_HANDLE manager, const struct host_installation *installation,
                          const WCHAR *name)
{
    WCHAR *display = NULL;
    WCHAR *line = NULL;
    enum status s = display_name(installation->instance, &display);
    if (s == STATUS_OK)
        s = command_line(installation, &line);
    SC_HANDLE service = NULL;
    if (s == STATUS_OK) {
        service = CreateServiceW(manager, name, display, SERVICE_ALL_ACCESS,
                                 SERVICE_WIN32_OWN_PROCESS, start_type(installation->start),
                                 SERVICE_ERROR_NORMAL, line, NULL, NULL, NULL, NULL, NULL);
        if (!service && GetLastError() == ERROR_SERVICE_EXISTS) {
            status_fail(STATUS_EXISTS, ERROR_SERVICE_EXISTS, "The service '%ls' exists already.",
                        name);
            s = status_advise(0, "Uninstall it first; its data stays.");
        } else if (!service) {
            s = status_fail_win32(GetLastError(), "The service '%ls' cannot be created", name);
        }
    }
    if (s == STATUS_OK) {
        s = service_properties_set(service);
        if (s != STATUS_OK)
            DeleteService(service);
        CloseServiceHandle(service);
    }
    free(display);
    free(line);
    return s;
}

enum status host_install(const struct host_installation *installation)
{
    WCHAR *name;
    SC_HANDLE manager;
    enum status s = service_name(installation->instance, &name);
    if (s != STATUS_OK)
        return s;
    s = service_manager_open(SC_MANAGER_CONNECT | SC_MANAGER_CREATE_SERVICE, &manager);
    if (s == STATUS_OK) {
        s = create(manager, installation, name);
        CloseServiceHandle(manager);
    }
    free(name);
    return s;
}

static enum status change(SC_HANDLE manager, const struct host_installation *installation,
                          const WCHAR *name)
{
    WCHAR *line = NULL;
    SC_HANDLE service;
    enum status s = command_line(installation, &line);
    if (s != STATUS_OK)
        return s;
    s = service_open(manager, name, SERVICE_CHANGE_CONFIG, &service);
    if (s == STATUS_OK) {
        if (!ChangeServiceConfigW(service, SERVICE_NO_CHANGE, start_type(installation->start),
                                  SERVICE_NO_CHANGE, line, NULL, NULL, NULL, NULL, NULL, NULL))
            s = status_fail_win32(GetLastError(), "The service '%ls' cannot be changed", name);
        CloseServiceHandle(service);
    }
    free(line);
    return s;
}

enum status host_reconfigure(const struct host_installation *installation)
{
    WCHAR *name;
    SC_HANDLE manager;
    if (installation->start == HOST_START_UNSAID)
        return STATUS_OK;
    enum status s = service_name(installation->instance, &name);
    if (s != STATUS_OK)
        return s;
    s = service_manager_open(SC_MANAGER_CONNECT, &manager);
    if (s == STATUS_OK) {
        s = change(manager, installation, name);
        CloseServiceHandle(manager);
    }
    free(name);
    return s;
}

// Best effort: the registration of a service that does not stop goes when its process ends.
static void stop(SC_HANDLE service)
{
    SERVICE_STATUS status;
    int64_t end = clock_mono_ms() + STOP_WAIT_MS;
    if (!ControlService(service, SERVICE_CONTROL_STOP, &status) &&
        GetLastError() != ERROR_SERVICE_CANNOT_ACCEPT_CTRL) // it is stopping already
        return;
    while (QueryServiceStatus(service, &status) && status.dwCurrentState != SERVICE_STOPPED &&
           clock_mono_ms() < end)
        clock_sleep_ms(STOP_TURN_MS);
}

static enum status stop_and_delete(SC_HANDLE manager, const WCHAR *name)
{
    SC_HANDLE service;
    enum status s =
        service_open(manager, name, SERVICE_STOP | SERVICE_QUERY_STATUS | DELETE, &service);
    if (s != STATUS_OK)
        return s;
    stop(service);
    if (!DeleteService(service))
        s = status_fail_win32(GetLastError(), "The service '%ls' cannot be removed", name);
    CloseServiceHandle(service);
    return s;
}

enum status host_uninstall(const char *instance)
{
    WCHAR *name;
    SC_HANDLE manager;
    enum status s = service_name(instance, &name);
    if (s != STATUS_OK)
        return s;
    s = service_manager_open(SC_MANAGER_CONNECT, &manager);
    if (s == STATUS_OK) {
        s = stop_and_delete(manager, name);
        CloseServiceHandle(manager);
    }
    free(name);
    return s;
}
