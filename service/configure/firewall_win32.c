// By PowerShell: of the documented ways only its cmdlets (and the CIM class that they use) give a
// rule a Name of its own. INetFwRule's Name is the DisplayName, and INetFwRules.Add and netsh give
// the rule a new GUID for its Name; netsh sets no group either.
#include "service/configure/firewall_win32.h"

#include "etw/windows_win32.h"

#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "base/os_win32.h"
#include "base/utf.h"

#define DISPLAY_NAME "VRep Replication Listener (TCP-In)"
#define GROUP        "VRep Replication"
#define DESCRIPTION  "Lets primary servers connect to the VRep Replication Service."
#define PROGRAM      "vrepsvc.exe"

// A text in single quotes, where only a quote means something.
static enum status append_quoted(struct buffer *out, const char *text)
{
    enum status s = buffer_printf(out, "'");
    for (const char *p = text; *p && s == STATUS_OK; p++)
        s = buffer_printf(out, *p == '\'' ? "''" : "%c", *p);
    return s == STATUS_OK ? buffer_printf(out, "'") : s;
}

enum status firewall_script_add(const char *program, uint16_t port, struct buffer *out)
{
    enum status s = buffer_printf(
        out,
        "$ErrorActionPreference='Stop'; "
        "if (-not (Get-NetFirewallRule -Name '" FIREWALL_RULE_NAME "' "
        "-ErrorAction SilentlyContinue)) { "
        "New-NetFirewallRule -Name '" FIREWALL_RULE_NAME "' -DisplayName '" DISPLAY_NAME "' "
        "-Group '" GROUP "' -Description '" DESCRIPTION "' -Direction Inbound -Action Allow "
        "-Enabled False -Profile Domain -Protocol TCP -LocalPort %u -Program ",
        (unsigned)port);
    if (s == STATUS_OK)
        s = append_quoted(out, program);
    return s == STATUS_OK ? buffer_printf(out, " | Out-Null }") : s;
}

enum status firewall_script_remove(bool if_disabled, struct buffer *out)
{
    return buffer_printf(out,
                         "$ErrorActionPreference='Stop'; "
                         "Get-NetFirewallRule -Name '" FIREWALL_RULE_NAME "' "
                         "-ErrorAction SilentlyContinue | %sRemove-NetFirewallRule",
                         if_disabled ? "Where-Object Enabled -eq 'False' | " : "");
}

enum status firewall_arguments(const char *script, struct buffer *out)
{
    return buffer_printf(
        out, "-NoLogo -NoProfile -NonInteractive -ExecutionPolicy Bypass -Command \"%s\"", script);
}

// Never by way of PATH.
static enum status powershell_path(WCHAR out[MAX_PATH])
{
    static const WCHAR name[] = L"\\WindowsPowerShell\\v1.0\\powershell.exe";
    UINT length = GetSystemDirectoryW(out, MAX_PATH);
    if (length == 0 || length + sizeof name / sizeof name[0] > MAX_PATH)
        return status_fail_win32(GetLastError(), "Windows' system folder cannot be found");
    wcscpy(out + length, name);
    return STATUS_OK;
}

static enum status failed(DWORD code)
{
    (void)status_fail(STATUS_IO, code,
                      "PowerShell could not change the firewall rule " FIREWALL_RULE_NAME
                      " (exit code %lu).",
                      code);
    return status_advise(0, "Run the command as an administrator, elevated, where the Windows "
                            "Firewall service runs.");
}

static enum status execute(const struct buffer *script)
{
    WCHAR program[MAX_PATH];
    struct buffer line = {0};
    DWORD code = 0;
    enum status s = powershell_path(program);
    if (s == STATUS_OK)
        s = buffer_printf(&line, "\"%ls\" ", program);
    if (s == STATUS_OK)
        s = firewall_arguments((const char *)script->data, &line);
    if (s == STATUS_OK) {
        WCHAR *wide = (WCHAR *)utf8_to_utf16((const char *)line.data, line.size, NULL);
        s = wide ? event_windows()->run(program, wide, false, &code)
                 : status_no_memory("a command line");
        free(wide);
    }
    buffer_free(&line);
    return s == STATUS_OK && code != 0 ? failed(code) : s;
}

static enum status program_path(char **out)
{
    char *folder;
    enum status s = event_windows()->program_folder(&folder);
    if (s != STATUS_OK)
        return s;
    *out = os_path_join(folder, PROGRAM);
    free(folder);
    return *out ? STATUS_OK : status_no_memory("a path");
}

enum status firewall_rule_add(uint16_t port)
{
    struct buffer script = {0};
    char *program;
    enum status s = program_path(&program);
    if (s != STATUS_OK)
        return s;
    s = firewall_script_add(program, port, &script);
    free(program);
    if (s == STATUS_OK)
        s = execute(&script);
    buffer_free(&script);
    return s;
}

enum status firewall_rule_remove(bool if_disabled)
{
    struct buffer script = {0};
    enum status s = firewall_script_remove(if_disabled, &script);
    if (s == STATUS_OK)
        s = execute(&script);
    buffer_free(&script);
    return s;
}
