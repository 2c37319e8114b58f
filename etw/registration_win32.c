// wevtutil does it: it checks the manifest, tells the Event Log service, and makes the keys that
// the registration is read from here.
#include "etw/registration.h"

#include "etw/windows_win32.h"

#include <stdlib.h>
#include <string.h>

#include "base/guid.h"
#include "base/os.h"
#include "base/os_win32.h"
#include "base/utf.h"
#include "etw/events.h"

#define MANIFEST  "VRep.man"
#define RESOURCES "vrep-events.dll"
#define WINEVT    "SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\WINEVT\\"
#define VALUE_MAX 1024 // UTF-16 units of a registered path

static const char *const channels[] = {"VRep/Admin", "VRep/Operational"};

// ---- the registry ----

HKEY event_registration_key(const char *path)
{
    struct buffer text = {0};
    HKEY key = NULL;
    if (buffer_printf(&text, "%s%s", WINEVT, path) == STATUS_OK) {
        WCHAR *wide = (WCHAR *)utf8_to_utf16((const char *)text.data, text.size, NULL);
        if (!wide || RegOpenKeyExW(event_windows()->machine, wide, 0, KEY_READ | KEY_WOW64_64KEY,
                                   &key) != ERROR_SUCCESS)
            key = NULL;
        free(wide);
    }
    buffer_free(&text);
    return key;
}

HKEY event_provider_key(void)
{
    char guid[GUID_TEXT_SIZE], path[GUID_TEXT_SIZE + 16] = "Publishers\\{";
    struct guid provider;
    memcpy(provider.bytes, VREP_PROVIDER, sizeof provider.bytes);
    strcat(strcat(path, guid_format(&provider, guid)), "}");
    return event_registration_key(path);
}

// A path, with its environment variables expanded; allocated. NULL: there is none.
static char *read_path(HKEY key, const WCHAR *name)
{
    WCHAR value[VALUE_MAX];
    DWORD size = sizeof value;
    if (RegGetValueW(key, NULL, name, RRF_RT_REG_SZ, NULL, value, &size) != ERROR_SUCCESS)
        return NULL;
    return utf16_to_utf8((const uint16_t *)value, wcslen(value));
}

static bool read_number(HKEY key, const WCHAR *name, DWORD *out)
{
    DWORD size = sizeof *out;
    return RegGetValueW(key, NULL, name, RRF_RT_REG_DWORD, NULL, out, &size) == ERROR_SUCCESS;
}

// ---- wevtutil ----

// The files that belong to this program.
struct files {
    char *manifest, *resources;
};

static void files_free(struct files *files)
{
    free(files->manifest);
    free(files->resources);
}

static enum status check_file(const char *path)
{
    if (os_file_exists(path))
        return STATUS_OK;
    (void)status_fail(STATUS_NOT_FOUND, 0, "'%s' is missing.", path);
    return status_advise(0, "Put it back from VRep's installation.");
}

static enum status find_files(struct files *out)
{
    struct files files = {0};
    char *folder = NULL;
    enum status s = event_windows()->program_folder(&folder);
    if (s == STATUS_OK) {
        files.manifest = os_path_join(folder, MANIFEST);
        files.resources = os_path_join(folder, RESOURCES);
        if (!files.manifest || !files.resources)
            s = status_no_memory("the names of files");
    }
    free(folder);
    if (s == STATUS_OK)
        s = check_file(files.manifest);
    if (s == STATUS_OK)
        s = check_file(files.resources);
    if (s != STATUS_OK) {
        files_free(&files);
        return s;
    }
    *out = files;
    return STATUS_OK;
}

// Never by way of PATH.
static enum status wevtutil_path(WCHAR out[MAX_PATH])
{
    static const WCHAR name[] = L"\\wevtutil.exe";
    UINT length = GetSystemDirectoryW(out, MAX_PATH);
    if (length == 0 || length + sizeof name / sizeof name[0] > MAX_PATH)
        return status_fail_win32(GetLastError(), "Windows' system folder cannot be found");
    wcscpy(out + length, name);
    return STATUS_OK;
}

// `line`: what follows the program's name, and is freed here. A file's name has no quote, and ends
// in no backslash, so that quotes around it are all that it needs.
static enum status run_wevtutil(struct buffer *line, enum status made, bool quiet, DWORD *code)
{
    WCHAR program[MAX_PATH];
    struct buffer whole = {0};
    WCHAR *wide = NULL;
    enum status s = made == STATUS_OK ? wevtutil_path(program) : made;
    if (s == STATUS_OK)
        s = buffer_printf(&whole, "\"%ls\" %s", program, (const char *)line->data);
    if (s == STATUS_OK) {
        wide = (WCHAR *)utf8_to_utf16((const char *)whole.data, whole.size, NULL);
        s = wide ? event_windows()->run(program, wide, quiet, code)
                 : status_no_memory("a command line");
    }
    free(wide);
    buffer_free(&whole);
    buffer_free(line);
    return s;
}

static enum status unregister(const struct files *files, bool quiet, DWORD *code)
{
    struct buffer line = {0};
    enum status s = buffer_printf(&line, "um \"%s\"", files->manifest);
    return run_wevtutil(&line, s, quiet, code);
}

static enum status wevtutil_failed(const char *verb, DWORD code)
{
    enum status s = status_fail_win32(code, "'wevtutil %s' has failed", verb);
    return s == STATUS_ACCESS_DENIED
               ? status_advise(0, "Run the command as an administrator, elevated.")
               : s;
}

// ---- the verbs ----

enum status event_registration_install(void)
{
    struct files files;
    struct buffer line = {0};
    DWORD code = 0;
    enum status s = find_files(&files);
    if (s != STATUS_OK)
        return s;
    // Whatever an older version has left; on a first installation there is nothing, which is fine.
    s = unregister(&files, true, &code);
    if (s == STATUS_OK) {
        s = buffer_printf(&line, "im \"%s\" \"/rf:%s\" \"/mf:%s\"", files.manifest, files.resources,
                          files.resources);
        s = run_wevtutil(&line, s, false, &code);
    }
    files_free(&files);
    if (s == STATUS_OK && code != 0)
        s = wevtutil_failed("im", code);
    if (s != STATUS_OK)
        return s;
    HKEY key = event_provider_key();
    if (!key)
        return status_fail(STATUS_INTERNAL, 0,
                           "wevtutil has reported success, but the event provider is not "
                           "registered.");
    RegCloseKey(key);
    return STATUS_OK;
}

enum status event_registration_remove(void)
{
    struct files files;
    DWORD code = 0;
    HKEY key = event_provider_key();
    if (!key)
        return STATUS_OK;
    RegCloseKey(key);
    enum status s = find_files(&files);
    if (s != STATUS_OK)
        return s;
    s = unregister(&files, false, &code);
    files_free(&files);
    return s == STATUS_OK && code != 0 ? wevtutil_failed("um", code) : s;
}

static enum status describe_channel(struct buffer *out, const char *name)
{
    char path[64] = "Channels\\";
    DWORD enabled = 0, size = 0;
    HKEY key = event_registration_key(strcat(path, name));
    if (!key)
        return buffer_printf(out, "  channel    %s is missing\n", name);
    (void)read_number(key, L"Enabled", &enabled);
    bool sized = read_number(key, L"MaxSize", &size);
    RegCloseKey(key);
    enum status s =
        buffer_printf(out, "  channel    %s, %s", name, enabled ? "enabled" : "disabled");
    if (s == STATUS_OK && sized)
        s = buffer_printf(out, ", at most %lu bytes", (unsigned long)size);
    return s == STATUS_OK ? buffer_printf(out, "\n") : s;
}

static enum status check_resources(const char *resources)
{
    if (resources && os_file_exists(resources))
        return STATUS_OK;
    (void)status_fail(STATUS_DAMAGED, 0,
                      "The file with the events' texts, '%s', is missing, so that viewers show "
                      "none.",
                      resources ? resources : "");
    return status_advise(0, "Run: vrepsvc events install");
}

enum status event_registration_describe(struct buffer *out)
{
    HKEY key = event_provider_key();
    if (!key) {
        (void)status_fail(STATUS_NOT_FOUND, 0, "The event provider is not registered.");
        return status_advise(0, "Run: vrepsvc events install");
    }
    char *resources = read_path(key, L"ResourceFileName");
    RegCloseKey(key);
    enum status s = check_resources(resources);
    if (s == STATUS_OK)
        s = buffer_printf(out, "The event provider VRep is registered.\n  texts      %s\n",
                          resources);
    free(resources);
    for (size_t i = 0; i < sizeof channels / sizeof channels[0] && s == STATUS_OK; i++)
        s = describe_channel(out, channels[i]);
    return s;
}
