#include "service/configure/data_folder.h"

#include <windows.h>
#include <aclapi.h>
#include <ntsecapi.h>
#include <sddl.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "base/os_win32.h"
#include "base/utf.h"
#include "service/configure/data_folder_parts.h"
#include "service/configure/service_win32.h"

#define CONFIGURATION_MAX 8192        // bytes, Windows' own limit of a service's configuration
#define DOMAIN_MAX        256         // UTF-16 units
#define ACCOUNT_SID_START "S-1-5-21-" // of a domain or a machine: not built in

enum status data_folder_sddl(const char *service_sid, const char *account_sid, struct buffer *out)
{
    enum status s =
        buffer_printf(out, "D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;%s)", service_sid);
    return s == STATUS_OK && account_sid ? buffer_printf(out, "(A;OICI;FA;;;%s)", account_sid) : s;
}

// ---- the account ----

// `out`: the account's SID; size as LookupAccountNameW wants it.
static enum status find_account(const WCHAR *account, BYTE out[SECURITY_MAX_SID_SIZE])
{
    WCHAR domain[DOMAIN_MAX];
    DWORD size = SECURITY_MAX_SID_SIZE, units = DOMAIN_MAX;
    SID_NAME_USE use;
    if (LookupAccountNameW(NULL, account, out, &size, domain, &units, &use))
        return STATUS_OK;
    return status_fail_win32(GetLastError(), "The account '%ls' of the service is not known",
                             account);
}

// The manager gives this right only to accounts that are entered in its own console.
static enum status allow_logon(PSID sid)
{
    static WCHAR right[] = L"SeServiceLogonRight";
    LSA_UNICODE_STRING rights = {sizeof right - sizeof right[0], sizeof right, right};
    LSA_OBJECT_ATTRIBUTES attributes = {.Length = sizeof attributes};
    LSA_HANDLE policy;
    NTSTATUS failed =
        LsaOpenPolicy(NULL, &attributes, POLICY_CREATE_ACCOUNT | POLICY_LOOKUP_NAMES, &policy);
    if (failed >= 0) {
        failed = LsaAddAccountRights(policy, sid, &rights, 1);
        LsaClose(policy);
    }
    return failed >= 0 ? STATUS_OK
                       : status_fail_win32(LsaNtStatusToWinError(failed),
                                           "The service's account cannot get the right to log on "
                                           "as a service");
}

static enum status describe_account(const WCHAR *account, char **sid_text)
{
    BYTE sid[SECURITY_MAX_SID_SIZE];
    LPWSTR wide = NULL;
    enum status s = find_account(account, sid);
    if (s != STATUS_OK)
        return s;
    if (!ConvertSidToStringSidW(sid, &wide))
        return status_fail_win32(GetLastError(), "The SID of '%ls' cannot be written", account);
    char *text = utf16_to_utf8((const uint16_t *)wide, wcslen(wide));
    LocalFree(wide);
    if (!text)
        return status_no_memory("a SID");
    if (strncmp(text, ACCOUNT_SID_START, strlen(ACCOUNT_SID_START)) == 0)
        s = allow_logon(sid);
    if (s == STATUS_OK)
        *sid_text = text;
    else
        free(text);
    return s;
}

// *sid: NULL for LocalSystem, which has its place in the list already.
static enum status account_of(SC_HANDLE service, char **sid)
{
    _Alignas(QUERY_SERVICE_CONFIGW) BYTE bytes[CONFIGURATION_MAX];
    QUERY_SERVICE_CONFIGW *found = (QUERY_SERVICE_CONFIGW *)bytes;
    DWORD needed;
    *sid = NULL;
    if (!QueryServiceConfigW(service, found, sizeof bytes, &needed))
        return status_fail_win32(GetLastError(), "The service's account cannot be determined");
    const WCHAR *account = found->lpServiceStartName;
    return !account || _wcsicmp(account, L"LocalSystem") == 0 ? STATUS_OK
                                                              : describe_account(account, sid);
}

// ---- the folders ----

static enum status protect(const char *path, PACL acl)
{
    WCHAR *wide = os_wide_path(path);
    if (!wide)
        return status_last()->status;
    DWORD error = SetNamedSecurityInfoW(
        wide, SE_FILE_OBJECT, DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION, NULL,
        NULL, acl, NULL);
    free(wide);
    return error == ERROR_SUCCESS
               ? STATUS_OK
               : status_fail_win32(error, "The folder \"%s\" cannot be protected", path);
}

static enum status protect_all(const char *folder, const char *sddl)
{
    PSECURITY_DESCRIPTOR descriptor = NULL;
    PACL acl = NULL;
    BOOL present, defaulted;
    if (!ConvertStringSecurityDescriptorToSecurityDescriptorA(sddl, SDDL_REVISION_1, &descriptor,
                                                              NULL) ||
        !GetSecurityDescriptorDacl(descriptor, &present, &acl, &defaulted)) {
        LocalFree(descriptor);
        return status_fail_win32(GetLastError(), "Cannot prepare the protection of \"%s\"", folder);
    }
    enum status s = protect(folder, acl);
    for (size_t i = 0; data_folder_inner[i] && s == STATUS_OK; i++) {
        // A service that made one itself has protected it, so that it inherits nothing.
        char *path = os_path_join(folder, data_folder_inner[i]);
        s = path ? protect(path, acl) : status_no_memory("a path");
        free(path);
    }
    LocalFree(descriptor);
    return s;
}

// A domain that does not answer now may do so later; until then the folder is closed to the
// account.
static enum status tell_account(struct buffer *report)
{
    return buffer_printf(report,
                         "The account of the service has got no rights: %s Run this again when the "
                         "host knows it (Install-ADServiceAccount): vrepsvc configure install\n",
                         status_last()->message);
}

static enum status protect_for(SC_HANDLE service, const WCHAR *name, const char *folder,
                               struct buffer *report)
{
    struct buffer sddl = {0};
    char *own = NULL, *account = NULL;
    enum status s = service_sid(name, &own);
    if (s == STATUS_OK && account_of(service, &account) != STATUS_OK)
        s = tell_account(report);
    if (s == STATUS_OK)
        s = data_folder_sddl(own, account, &sddl);
    if (s == STATUS_OK)
        s = protect_all(folder, (const char *)sddl.data);
    buffer_free(&sddl);
    free(account);
    free(own);
    return s;
}

enum status data_folder_protect(const char *folder, const char *instance, struct buffer *report)
{
    WCHAR *name;
    SC_HANDLE service;
    enum status s = service_name(instance, &name);
    if (s != STATUS_OK)
        return s;
    s = service_open_instance(instance, SERVICE_QUERY_CONFIG, &service);
    if (s == STATUS_OK) {
        s = protect_for(service, name, folder, report);
        CloseServiceHandle(service);
    }
    free(name);
    return s;
}
