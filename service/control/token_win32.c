#include "service/control/token_win32.h"

#include <windows.h>
#include <sddl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/buffer.h"
#include "base/os_win32.h"
#include "base/utf.h"

#define NAME_MAX_UNITS 512

static enum status is_member(HANDLE token, WELL_KNOWN_SID_TYPE type, bool *member)
{
    BYTE sid[SECURITY_MAX_SID_SIZE];
    DWORD size = sizeof sid;
    BOOL yes = FALSE;
    if (!CreateWellKnownSid(type, NULL, sid, &size) || !CheckTokenMembership(token, sid, &yes))
        return status_fail_win32(GetLastError(), "The caller's groups cannot be determined");
    *member = yes != FALSE;
    return STATUS_OK;
}

enum status control_token_check(void *token)
{
    bool member = false;
    // A member whose token is filtered by UAC has the group for denials only, and is none here.
    enum status s = is_member(token, WinBuiltinAdministratorsSid, &member);
    if (s == STATUS_OK && !member)
        s = is_member(token, WinLocalSystemSid, &member);
    if (s != STATUS_OK || member)
        return s;
    status_fail(STATUS_ACCESS_DENIED, ERROR_ACCESS_DENIED,
                "Only administrators may control this service.");
    return status_advise(0, "Run the command as an administrator, elevated.");
}

static enum status sid_name(PSID sid, char **account)
{
    WCHAR name[NAME_MAX_UNITS];
    WCHAR domain[NAME_MAX_UNITS];
    DWORD name_size = NAME_MAX_UNITS;
    DWORD domain_size = NAME_MAX_UNITS;
    SID_NAME_USE use;
    LPWSTR text = NULL;
    struct buffer out = {0};
    enum status s;
    if (LookupAccountSidW(NULL, sid, name, &name_size, domain, &domain_size, &use)) {
        char *utf8_name = utf16_to_utf8((const uint16_t *)name, wcslen(name));
        char *utf8_domain = utf16_to_utf8((const uint16_t *)domain, wcslen(domain));
        s = utf8_name && utf8_domain
                ? buffer_printf(&out, "%s%s%s", utf8_domain, utf8_domain[0] ? "\\" : "", utf8_name)
                : status_no_memory("an account's name");
        free(utf8_name);
        free(utf8_domain);
    } else if (ConvertSidToStringSidW(sid, &text)) {
        char *utf8 = utf16_to_utf8((const uint16_t *)text, wcslen(text));
        s = utf8 ? buffer_printf(&out, "%s", utf8) : status_no_memory("an account's name");
        free(utf8);
        LocalFree(text);
    } else {
        s = status_fail_win32(GetLastError(), "The caller's account cannot be named");
    }
    if (s == STATUS_OK)
        *account = (char *)out.data;
    else
        buffer_free(&out);
    return s;
}

enum status control_token_account(void *token, char **account)
{
    union {
        TOKEN_USER user;
        BYTE bytes[sizeof(TOKEN_USER) + SECURITY_MAX_SID_SIZE];
    } info;
    DWORD size = 0;
    if (!GetTokenInformation(token, TokenUser, &info, sizeof info, &size))
        return status_fail_win32(GetLastError(), "The caller's account cannot be determined");
    return sid_name(info.user.User.Sid, account);
}
