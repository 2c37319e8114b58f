#include "service/configure/service_properties.h"

#include <windows.h>
#include <bcrypt.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/control_name.h"
#include "base/endian.h"
#include "base/os_win32.h"
#include "base/utf.h"
#include "service/configure/service_win32.h"

#define RESTART_AFTER_MS     60000
#define FAILURES_FORGOTTEN_S 86400
#define PRESHUTDOWN_MS       60000
#define SHA1_SIZE            20

static const WCHAR description[] =
    L"Keeps VHD and VHDX disks on a replica host identical to those on a primary host.";

enum status service_name(const char *instance, wchar_t **out)
{
    struct buffer text = {0};
    enum status s = instance_name_check(instance);
    if (s == STATUS_OK)
        s = buffer_printf(&text, "VRep%s%s", instance ? "$" : "", instance ? instance : "");
    WCHAR *name =
        s == STATUS_OK ? (WCHAR *)utf8_to_utf16((const char *)text.data, text.size, NULL) : NULL;
    buffer_free(&text);
    if (s == STATUS_OK && !name)
        s = status_no_memory("the service's name");
    if (s == STATUS_OK)
        *out = name;
    return s;
}

enum status service_manager_open(DWORD access, SC_HANDLE *out)
{
    *out = OpenSCManagerW(NULL, NULL, access);
    if (*out)
        return STATUS_OK;
    status_fail_win32(GetLastError(), "The Service Control Manager cannot be opened");
    return status_advise(0, "Run the command as an administrator, elevated.");
}

enum status service_open(SC_HANDLE manager, const wchar_t *name, DWORD access, SC_HANDLE *out)
{
    *out = OpenServiceW(manager, name, access);
    if (*out)
        return STATUS_OK;
    if (GetLastError() == ERROR_SERVICE_DOES_NOT_EXIST)
        return status_fail(STATUS_NOT_FOUND, ERROR_SERVICE_DOES_NOT_EXIST,
                           "There is no service '%ls'.", name);
    return status_fail_win32(GetLastError(), "The service '%ls' cannot be opened", name);
}

enum status service_open_instance(const char *instance, DWORD access, SC_HANDLE *out)
{
    WCHAR *name;
    SC_HANDLE manager;
    enum status s = service_name(instance, &name);
    if (s != STATUS_OK)
        return s;
    s = service_manager_open(SC_MANAGER_CONNECT, &manager);
    if (s == STATUS_OK) {
        s = service_open(manager, name, access, out);
        CloseServiceHandle(manager);
    }
    free(name);
    return s;
}

// Sets one of the optional properties. Older systems do not know all of them; the service works
// without.
static enum status set_property(SC_HANDLE service, DWORD level, void *value)
{
    if (ChangeServiceConfig2W(service, level, value))
        return STATUS_OK;
    DWORD error = GetLastError();
    if (error == ERROR_INVALID_LEVEL)
        return STATUS_OK;
    return status_fail_win32(error, "Property %u of the service cannot be set", (unsigned)level);
}

enum status service_properties_set(SC_HANDLE service)
{
    SERVICE_DESCRIPTIONW text = {(WCHAR *)description};
    SC_ACTION actions[] = {{SC_ACTION_RESTART, RESTART_AFTER_MS},
                           {SC_ACTION_RESTART, RESTART_AFTER_MS},
                           {SC_ACTION_NONE, 0}};
    SERVICE_FAILURE_ACTIONSW recovery = {.dwResetPeriod = FAILURES_FORGOTTEN_S,
                                         .cActions = sizeof actions / sizeof actions[0],
                                         .lpsaActions = actions};
    SERVICE_FAILURE_ACTIONS_FLAG also_failed_stops = {TRUE};
    SERVICE_PRESHUTDOWN_INFO preshutdown = {PRESHUTDOWN_MS};
    SERVICE_SID_INFO own_sid = {SERVICE_SID_TYPE_UNRESTRICTED};
    enum status s = set_property(service, SERVICE_CONFIG_DESCRIPTION, &text);
    if (s == STATUS_OK)
        s = set_property(service, SERVICE_CONFIG_FAILURE_ACTIONS, &recovery);
    if (s == STATUS_OK)
        s = set_property(service, SERVICE_CONFIG_FAILURE_ACTIONS_FLAG, &also_failed_stops);
    if (s == STATUS_OK)
        s = set_property(service, SERVICE_CONFIG_PRESHUTDOWN_INFO, &preshutdown);
    if (s == STATUS_OK)
        s = set_property(service, SERVICE_CONFIG_SERVICE_SID_INFO, &own_sid);
    return s;
}

enum status service_properties_apply(const char *instance)
{
    SC_HANDLE service;
    enum status s =
        service_open_instance(instance, SERVICE_CHANGE_CONFIG | SERVICE_START, &service);
    if (s != STATUS_OK)
        return s;
    s = service_properties_set(service);
    CloseServiceHandle(service);
    return s;
}

static enum status sha1(const void *data, size_t size, BYTE digest[SHA1_SIZE])
{
    BCRYPT_ALG_HANDLE algorithm = NULL;
    NTSTATUS failed = BCryptOpenAlgorithmProvider(&algorithm, BCRYPT_SHA1_ALGORITHM, NULL, 0);
    if (failed >= 0) {
        failed = BCryptHash(algorithm, NULL, 0, (PUCHAR)data, (ULONG)size, digest, SHA1_SIZE);
        BCryptCloseAlgorithmProvider(algorithm, 0);
    }
    return failed >= 0 ? STATUS_OK
                       : status_fail(STATUS_IO, (uint32_t)failed,
                                     "SHA-1 cannot be computed: 0x%08lX.", failed);
}

// Windows makes it of the SHA-1 of the name in upper case.
enum status service_sid(const wchar_t *name, char **out)
{
    BYTE digest[SHA1_SIZE];
    struct buffer text = {0};
    WCHAR *upper = _wcsdup(name);
    if (!upper)
        return status_no_memory("the service's name");
    CharUpperW(upper);
    enum status s = sha1(upper, wcslen(upper) * sizeof *upper, digest);
    free(upper);
    if (s == STATUS_OK)
        s = buffer_printf(&text, "S-1-5-80");
    for (size_t i = 0; i < SHA1_SIZE && s == STATUS_OK; i += 4)
        s = buffer_printf(&text, "-%u", (unsigned)load_le32(digest + i));
    if (s == STATUS_OK)
        *out = (char *)text.data;
    else
        buffer_free(&text);
    return s;
}
