// Who may use the control pipe: the decision on a token, and the rights that the pipe really has.
#include "tests/support/test.h"

#include <windows.h>
#include <aclapi.h>
#include <sddl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "base/utf.h"
#include "service/control/server.h"
#include "service/control/token_win32.h"

// This process's token; with `without`, that group is there for denials only.
static HANDLE own_token(WELL_KNOWN_SID_TYPE *without)
{
    HANDLE process, token, impersonation;
    BYTE sid[SECURITY_MAX_SID_SIZE];
    DWORD size = sizeof sid;
    assert_true(OpenProcessToken(GetCurrentProcess(), TOKEN_ALL_ACCESS, &process));
    token = process;
    if (without) {
        assert_true(CreateWellKnownSid(*without, NULL, sid, &size));
        SID_AND_ATTRIBUTES disable = {sid, 0};
        assert_true(CreateRestrictedToken(process, 0, 1, &disable, 0, NULL, 0, NULL, &token));
        CloseHandle(process);
    }
    assert_true(DuplicateTokenEx(token, TOKEN_ALL_ACCESS, NULL, SecurityIdentification,
                                 TokenImpersonation, &impersonation));
    CloseHandle(token);
    return impersonation;
}

static void token__of_an_administrator__is_allowed(void **state)
{
    (void)state;
    HANDLE token = own_token(NULL);
    assert_ok(control_token_check(token));
    CloseHandle(token);
}

static void token__with_administrators_for_denials_only__is_denied(void **state)
{
    (void)state;
    WELL_KNOWN_SID_TYPE administrators = WinBuiltinAdministratorsSid;
    HANDLE token = own_token(&administrators);
    assert_status(control_token_check(token), STATUS_ACCESS_DENIED);
    assert_true(status_last()->action[0] != '\0');
    CloseHandle(token);
}

static void token__of_this_process__has_an_account(void **state)
{
    (void)state;
    char *account;
    HANDLE token = own_token(NULL);
    assert_ok(control_token_account(token, &account));
    assert_true(strlen(account) > 0);
    free(account);
    CloseHandle(token);
}

static enum status answer(void *context, const struct control_caller *caller, const json_t *request,
                          json_t **result)
{
    (void)context;
    (void)caller;
    (void)request;
    *result = NULL;
    return STATUS_OK;
}

// Wine keeps a pipe's descriptor but does not enforce it, so it is read back.
static void pipe__has_rights_for_system_and_administrators_only(void **state)
{
    (void)state;
    char instance[32];
    WCHAR name[64];
    struct control_server *server;
    snprintf(instance, sizeof instance, "rights-%u", (unsigned)os_process_id());
    assert_ok(control_server_start(instance, answer, NULL, &server));
    swprintf(name, 64, L"\\\\.\\pipe\\VRep$%hs", instance);
    HANDLE pipe = CreateFileW(name, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING, 0, NULL);
    assert_ptr_not_equal(pipe, INVALID_HANDLE_VALUE);
    PACL list = NULL;
    PSECURITY_DESCRIPTOR descriptor = NULL;
    assert_int_equal(GetSecurityInfo(pipe, SE_KERNEL_OBJECT, DACL_SECURITY_INFORMATION, NULL, NULL,
                                     &list, NULL, &descriptor),
                     ERROR_SUCCESS);
    assert_int_equal(list->AceCount, 2);
    for (DWORD i = 0; i < list->AceCount; i++) {
        ACCESS_ALLOWED_ACE *entry;
        assert_true(GetAce(list, i, (void **)&entry));
        assert_int_equal(entry->Header.AceType, ACCESS_ALLOWED_ACE_TYPE);
        PSID sid = &entry->SidStart;
        assert_true(IsWellKnownSid(sid, WinLocalSystemSid) ||
                    IsWellKnownSid(sid, WinBuiltinAdministratorsSid));
    }
    LocalFree(descriptor);
    CloseHandle(pipe);
    control_server_stop(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(token__of_an_administrator__is_allowed),
        cmocka_unit_test(token__with_administrators_for_denials_only__is_denied),
        cmocka_unit_test(token__of_this_process__has_an_account),
        cmocka_unit_test(pipe__has_rights_for_system_and_administrators_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
