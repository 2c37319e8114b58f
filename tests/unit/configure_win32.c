// What `vrepsvc configure` hands to Windows: the service's SID, the protection of its folder, and
// the scripts that make and remove the firewall rule.
#include "tests/support/test.h"

#include <windows.h>
#include <sddl.h>
#include <shellapi.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf.h"
#include "service/configure/data_folder_parts.h"
#include "service/configure/firewall_win32.h"
#include "service/configure/service_win32.h"

static void sid__known_services__as_windows_has_them(void **state)
{
    (void)state;
    static const struct {
        const WCHAR *name;
        const char *sid;
    } known[] = {
        {L"TrustedInstaller", "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"},
        {L"trustedinstaller", "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        char *sid = NULL;
        assert_ok(service_sid(known[i].name, &sid));
        assert_string_equal(sid, known[i].sid);
        free(sid);
    }
}

// The access entries of a protection, as Windows reads it.
static void assert_protection(const char *sddl, WORD entries)
{
    PSECURITY_DESCRIPTOR descriptor = NULL;
    PACL acl = NULL;
    BOOL present = FALSE, defaulted;
    SECURITY_DESCRIPTOR_CONTROL control;
    DWORD revision;
    assert_true(ConvertStringSecurityDescriptorToSecurityDescriptorA(sddl, SDDL_REVISION_1,
                                                                     &descriptor, NULL));
    assert_true(GetSecurityDescriptorControl(descriptor, &control, &revision));
    assert_true(control & SE_DACL_PROTECTED);
    assert_true(GetSecurityDescriptorDacl(descriptor, &present, &acl, &defaulted) && present);
    assert_int_equal(acl->AceCount, entries);
    for (WORD i = 0; i < entries; i++) {
        ACCESS_ALLOWED_ACE *entry = NULL;
        assert_true(GetAce(acl, i, (LPVOID *)&entry));
        assert_int_equal(entry->Header.AceType, ACCESS_ALLOWED_ACE_TYPE);
        assert_int_equal(entry->Header.AceFlags, OBJECT_INHERIT_ACE | CONTAINER_INHERIT_ACE);
        assert_int_equal(entry->Mask, FILE_ALL_ACCESS);
    }
    LocalFree(descriptor);
}

static void protection__with_and_without_an_account__nobody_else(void **state)
{
    (void)state;
    struct buffer sddl = {0};
    char *sid = NULL;
    assert_ok(service_sid(L"VRep", &sid));
    assert_ok(data_folder_sddl(sid, NULL, &sddl));
    assert_protection((const char *)sddl.data, 3);
    assert_non_null(strstr((const char *)sddl.data, sid));
    buffer_free(&sddl);
    assert_ok(data_folder_sddl(sid, "S-1-5-21-1-2-3-1109", &sddl));
    assert_protection((const char *)sddl.data, 4);
    assert_non_null(strstr((const char *)sddl.data, "S-1-5-21-1-2-3-1109"));
    buffer_free(&sddl);
    free(sid);
}

// The last argument of the command line that PowerShell gets is exactly the script.
static void assert_passes_whole(const struct buffer *script)
{
    int count;
    struct buffer line = {0};
    assert_ok(buffer_printf(&line, "powershell.exe "));
    assert_ok(firewall_arguments((const char *)script->data, &line));
    WCHAR *wide = (WCHAR *)utf8_to_utf16((const char *)line.data, line.size, NULL);
    WCHAR **arguments = CommandLineToArgvW(wide, &count);
    assert_non_null(arguments);
    char *last =
        utf16_to_utf8((const uint16_t *)arguments[count - 1], wcslen(arguments[count - 1]));
    assert_string_equal(last, (const char *)script->data);
    assert_int_equal(wcscmp(arguments[count - 2], L"-Command"), 0);
    free(last);
    LocalFree(arguments);
    free(wide);
    buffer_free(&line);
}

static void rule__added__all_that_was_agreed(void **state)
{
    (void)state;
    static const char *const parts[] = {
        "if (-not (Get-NetFirewallRule -Name 'VREP-Listener-In-TCP' ", // an administrator's stays
        "New-NetFirewallRule -Name 'VREP-Listener-In-TCP' ",
        "-DisplayName 'VRep Replication Listener (TCP-In)' ",
        "-Group 'VRep Replication' ",
        "-Direction Inbound ",
        "-Action Allow ",
        "-Enabled False ",
        "-Profile Domain ",
        "-Protocol TCP -LocalPort 29250 ",
        "-Program 'C:\\Program Files\\O''Brien & S\xC3\xB6hne $x `y\\vrepsvc.exe'",
    };
    struct buffer script = {0};
    assert_ok(firewall_script_add("C:\\Program Files\\O'Brien & S\xC3\xB6hne $x `y\\vrepsvc.exe",
                                  29250, &script));
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        assert_non_null(strstr((const char *)script.data, parts[i]));
    assert_null(strchr((const char *)script.data, '"'));
    assert_passes_whole(&script);
    buffer_free(&script);
}

static void rule__removed__enabled_ones_only_when_asked(void **state)
{
    (void)state;
    struct buffer always = {0}, disabled = {0};
    assert_ok(firewall_script_remove(false, &always));
    assert_ok(firewall_script_remove(true, &disabled));
    assert_non_null(strstr((const char *)always.data, "-Name 'VREP-Listener-In-TCP'"));
    assert_non_null(strstr((const char *)always.data, "SilentlyContinue | Remove-NetFirewallRule"));
    assert_non_null(strstr((const char *)disabled.data,
                           "| Where-Object Enabled -eq 'False' | Remove-NetFirewallRule"));
    assert_passes_whole(&always);
    assert_passes_whole(&disabled);
    buffer_free(&always);
    buffer_free(&disabled);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sid__known_services__as_windows_has_them),
        cmocka_unit_test(protection__with_and_without_an_account__nobody_else),
        cmocka_unit_test(rule__added__all_that_was_agreed),
        cmocka_unit_test(rule__removed__enabled_ones_only_when_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
