#include "base/os.h"

#include <windows.h>
#include <bcrypt.h>
#include <fcntl.h>
#include <io.h>
#include <sddl.h>
#include <shellapi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/clock.h"
#include "base/os_path.h"
#include "base/os_win32.h"
#include "base/utf.h"

#define RETRY_PERIOD_MS 50
#define REPLACE_WAIT_MS 5000 // how long a scanner may hold a file that we replace or remove
#define LONG_PATH_UNITS 240  // below MAX_PATH less the 12 of a short name, so that folders fit too
#define CONSOLE_CHUNK   8192 // WriteConsoleW fails on much larger texts
#define SHARE_ALL       (FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE)
#define TRANSFER_MAX    0x1000000u // bytes a ReadFile or WriteFile call

bool os_win32_is_sharing_violation(DWORD error_code)
{
    return error_code == ERROR_SHARING_VIOLATION || error_code == ERROR_LOCK_VIOLATION ||
           error_code == ERROR_USER_MAPPED_FILE || error_code == ERROR_DELETE_PENDING;
}

void os_win32_retry_begin(struct os_win32_retry *retry, uint32_t wait_ms)
{
    retry->deadline_ms = clock_mono_ms() + wait_ms;
}

bool os_win32_retry(const struct os_win32_retry *retry)
{
    if (clock_mono_ms() >= retry->deadline_ms)
        return false;
    clock_sleep_ms(RETRY_PERIOD_MS);
    return true;
}

void *os_alloc_data(size_t size)
{
    return _aligned_malloc(size, OS_DATA_ALIGNMENT);
}

void os_free_data(void *data)
{
    _aligned_free(data);
}

enum status os_random(void *buffer, size_t size)
{
    uint8_t *p = buffer;
    while (size > 0) {
        ULONG step = size < TRANSFER_MAX ? (ULONG)size : TRANSFER_MAX;
        NTSTATUS status = BCryptGenRandom(NULL, p, step, BCRYPT_USE_SYSTEM_PREFERRED_RNG);
        if (status < 0)
            return status_fail(STATUS_IO, (uint32_t)status,
                               "The system's random generator failed: 0x%08lX.", status);
        p += step;
        size -= step;
    }
    return STATUS_OK;
}

// UTF-16 from Windows as UTF-8; a lone surrogate makes it STATUS_INVALID_ARGUMENT.
static enum status to_utf8(const WCHAR *wide, size_t units, const char *what, char **out)
{
    char *text = utf16_to_utf8(wide, units);
    if (!text)
        return status_fail(STATUS_INVALID_ARGUMENT, 0, "%s is not valid Unicode.", what);
    *out = text;
    return STATUS_OK;
}

enum status os_host_name(char **out)
{
    WCHAR name[256]; // a DNS name has at most 255 characters
    DWORD units = sizeof name / sizeof name[0];
    if (!GetComputerNameExW(ComputerNameDnsFullyQualified, name, &units))
        return status_fail_win32(GetLastError(), "Cannot find this host's name");
    return to_utf8(name, units, "This host's name", out);
}

uint32_t os_process_id(void)
{
    return GetCurrentProcessId();
}

enum status os_program_folder(char **out)
{
    const DWORD room = OS_PATH_MAX / 3;
    WCHAR *wide = malloc(room * sizeof *wide);
    if (!wide)
        return status_no_memory("this program's folder");
    char *path = NULL;
    DWORD units = GetModuleFileNameW(NULL, wide, room);
    enum status s = units == 0 || units == room
                        ? status_fail_win32(GetLastError(), "Cannot find this program's folder")
                        : to_utf8(wide, units, "The path of this program", &path);
    free(wide);
    if (s != STATUS_OK)
        return s;
    char *folder = os_path_folder(path);
    free(path);
    if (!folder)
        return status_no_memory("this program's folder");
    *out = folder;
    return STATUS_OK;
}

static bool is_separator(char c)
{
    return c == '/' || c == '\\';
}

// Length of the next `count` components with their separators, or 0 when there are fewer.
static size_t components_length(const char *path, int count)
{
    size_t n = 0;
    for (int i = 0; i < count; i++) {
        size_t name = strcspn(path + n, "/\\");
        if (name == 0)
            return 0;
        n += name;
        if (is_separator(path[n]))
            n++;
        else if (i + 1 < count)
            return 0;
    }
    return n;
}

size_t os_path_root_length(const char *path)
{
    char drive = path[0] | 0x20;
    if (drive >= 'a' && drive <= 'z' && path[1] == ':')
        return is_separator(path[2]) ? 3 : 0;
    if (!is_separator(path[0]) || !is_separator(path[1]))
        return 0;
    bool device = (path[2] == '?' || path[2] == '.') && is_separator(path[3]);
    if (!device) {
        size_t share = components_length(path + 2, 2); // \\server\share
        return share ? 2 + share : 0;
    }
    bool unc = _strnicmp(path + 4, "UNC", 3) == 0 && is_separator(path[7]);
    size_t start = unc ? 8 : 4;
    size_t rest = components_length(path + start, unc ? 2 : 1);
    return rest ? start + rest : 0;
}

// GetFullPathNameW, allocated. NULL: failure recorded.
static WCHAR *full_path(const WCHAR *wide, const char *path)
{
    DWORD room = GetFullPathNameW(wide, 0, NULL, NULL);
    WCHAR *full = room ? malloc(room * sizeof *full) : NULL;
    DWORD units = full ? GetFullPathNameW(wide, room, full, NULL) : 0;
    if (units == 0 || units >= room) { // the current folder may have become longer in between
        if (room && !full)
            status_no_memory("a path");
        else
            status_fail_win32(GetLastError(), "Cannot resolve the path \"%s\"", path);
        free(full);
        return NULL;
    }
    return full;
}

// The absolute path in UTF-16 without \\?\ where the path can do without. NULL: failure recorded.
static WCHAR *absolute_wide(const char *path)
{
    size_t length = strlen(path);
    if (length == 0 || length >= OS_PATH_MAX) {
        status_fail(STATUS_INVALID_ARGUMENT, 0, "A path of %zu bytes is empty or too long.",
                    length);
        return NULL;
    }
    if (!utf8_is_valid(path, length)) {
        status_fail(STATUS_INVALID_ARGUMENT, 0, "The path \"%s\" is not valid Unicode.", path);
        return NULL;
    }
    WCHAR *wide = utf8_to_utf16(path, length, NULL);
    if (!wide) {
        status_no_memory("a path");
        return NULL;
    }
    WCHAR *full = full_path(wide, path);
    free(wide);
    if (!full || wcsncmp(full, L"\\\\?\\", 4) != 0)
        return full;
    // One spelling for one file: \\?\C:\x is C:\x, \\?\UNC\server\share is \\server\share.
    if (full[4] != L'\0' && full[5] == L':') {
        wmemmove(full, full + 4, wcslen(full + 4) + 1);
    } else if (_wcsnicmp(full + 4, L"UNC\\", 4) == 0) {
        wmemmove(full + 2, full + 8, wcslen(full + 8) + 1);
    }
    return full;
}

enum status os_absolute_path(const char *path, char **out)
{
    WCHAR *wide = absolute_wide(path);
    if (!wide)
        return status_last()->status;
    enum status s = to_utf8(wide, wcslen(wide), "The path", out);
    free(wide);
    return s;
}

WCHAR *os_wide_path(const char *path)
{
    WCHAR *full = absolute_wide(path);
    if (!full)
        return NULL;
    size_t units = wcslen(full);
    bool unc = full[0] == L'\\' && full[1] == L'\\';
    bool device = unc && (full[2] == L'?' || full[2] == L'.') && full[3] == L'\\';
    if (units < LONG_PATH_UNITS || device)
        return full;
    const WCHAR *prefix = unc ? L"\\\\?\\UNC\\" : L"\\\\?\\";
    const WCHAR *rest = unc ? full + 2 : full;
    size_t before = wcslen(prefix);
    size_t after = wcslen(rest) + 1;
    WCHAR *extended = malloc((before + after) * sizeof *extended);
    if (extended) {
        wmemcpy(extended, prefix, before);
        wmemcpy(extended + before, rest, after);
    } else {
        status_no_memory("a path");
    }
    free(full);
    return extended;
}

enum status os_make_folder(const char *path, bool private_to_owner)
{
    // SYSTEM and Administrators, inherited by all below, nothing inherited from above.
    static const WCHAR sddl[] = L"D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)";
    SECURITY_ATTRIBUTES attributes = {.nLength = sizeof attributes};
    if (private_to_owner && !ConvertStringSecurityDescriptorToSecurityDescriptorW(
                                sddl, SDDL_REVISION_1, &attributes.lpSecurityDescriptor, NULL))
        return status_fail_win32(GetLastError(), "Cannot prepare the protection of \"%s\"", path);
    enum status s = STATUS_OK;
    WCHAR *wide = os_wide_path(path);
    if (!wide)
        s = status_last()->status;
    else if (!CreateDirectoryW(wide, private_to_owner ? &attributes : NULL))
        s = status_fail_win32(GetLastError(), "Cannot create the folder \"%s\"", path);
    free(wide);
    LocalFree(attributes.lpSecurityDescriptor);
    return s;
}

static DWORD attributes_of(const char *path)
{
    WCHAR *wide = os_wide_path(path);
    DWORD attributes = wide ? GetFileAttributesW(wide) : INVALID_FILE_ATTRIBUTES;
    free(wide);
    return attributes;
}

bool os_folder_exists(const char *path)
{
    DWORD attributes = attributes_of(path);
    return attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY);
}

bool os_file_exists(const char *path)
{
    return attributes_of(path) != INVALID_FILE_ATTRIBUTES;
}

enum status os_volume_name(const char *path, char **out)
{
    WCHAR *wide = os_wide_path(path);
    if (!wide)
        return status_last()->status;
    DWORD size = (DWORD)wcslen(wide) + 2; // the name is part of the path, and ends with a '\\'
    WCHAR *volume = malloc(size * sizeof *volume);
    enum status s = STATUS_OK;
    if (!volume)
        s = status_no_memory("the name of a volume");
    else if (!GetVolumePathNameW(wide, volume, size))
        s = status_fail_win32(GetLastError(), "Cannot find the volume of \"%s\"", path);
    if (s == STATUS_OK) {
        const WCHAR *name = wcsncmp(volume, L"\\\\?\\", 4) == 0 ? volume + 4 : volume;
        size_t length = wcslen(name);
        *out = utf16_to_utf8((const uint16_t *)name,
                             length > 0 && name[length - 1] == L'\\' ? length - 1 : length);
        if (!*out)
            s = status_no_memory("the name of a volume");
    }
    free(volume);
    free(wide);
    return s;
}

enum status os_list_folder(const char *path, bool (*each)(void *context, const char *name),
                           void *context)
{
    char *pattern = os_path_join(path, "*");
    if (!pattern)
        return status_no_memory("a path");
    WCHAR *wide = os_wide_path(pattern);
    free(pattern);
    if (!wide)
        return status_last()->status;
    WIN32_FIND_DATAW entry;
    HANDLE find = FindFirstFileW(wide, &entry);
    free(wide);
    if (find == INVALID_HANDLE_VALUE)
        return status_fail_win32(GetLastError(), "Cannot open the folder \"%s\"", path);
    bool more = true;
    do {
        char *name = utf16_to_utf8(entry.cFileName, wcslen(entry.cFileName));
        if (name && strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
            more = each(context, name);
        free(name);
    } while (more && FindNextFileW(find, &entry));
    DWORD error = more ? GetLastError() : ERROR_NO_MORE_FILES;
    FindClose(find);
    return error == ERROR_NO_MORE_FILES
               ? STATUS_OK
               : status_fail_win32(error, "Cannot read the folder \"%s\"", path);
}

enum status os_flush_folder_of(const char *path)
{
    char *folder = os_path_folder(path);
    if (!folder)
        return status_no_memory("a path");
    WCHAR *wide = os_wide_path(folder);
    free(folder);
    if (!wide)
        return status_last()->status;
    HANDLE h = CreateFileW(wide, GENERIC_WRITE, SHARE_ALL, NULL, OPEN_EXISTING,
                           FILE_FLAG_BACKUP_SEMANTICS, NULL);
    free(wide);
    // Shares, FAT and Wine open no folder for writing; their names are as stable as that file
    // system makes them.
    if (h != INVALID_HANDLE_VALUE) {
        FlushFileBuffers(h);
        CloseHandle(h);
    }
    return STATUS_OK;
}

// `call`: DeleteFileW or RemoveDirectoryW.
static enum status remove_name(const char *path, BOOL(WINAPI *call)(LPCWSTR path), const char *what)
{
    WCHAR *wide = os_wide_path(path);
    if (!wide)
        return status_last()->status;
    struct os_win32_retry retry;
    os_win32_retry_begin(&retry, REPLACE_WAIT_MS);
    DWORD error;
    do {
        error = call(wide) ? ERROR_SUCCESS : GetLastError();
    } while (os_win32_is_sharing_violation(error) && os_win32_retry(&retry));
    free(wide);
    if (error != ERROR_SUCCESS)
        return status_fail_win32(error, "Cannot remove the %s \"%s\"", what, path);
    return os_flush_folder_of(path);
}

enum status os_remove_file(const char *path)
{
    return remove_name(path, DeleteFileW, "file");
}

enum status os_remove_folder(const char *path)
{
    return remove_name(path, RemoveDirectoryW, "folder");
}

static enum status read_all(HANDLE h, const char *path, size_t limit, char **data, size_t *size)
{
    LARGE_INTEGER length;
    if (!GetFileSizeEx(h, &length))
        return status_fail_win32(GetLastError(), "Cannot look at the file \"%s\"", path);
    if ((uint64_t)length.QuadPart > limit)
        return status_fail(STATUS_DAMAGED, 0,
                           "The file \"%s\" has %lld bytes; more than %zu cannot be right.", path,
                           length.QuadPart, limit);
    size_t wanted = (size_t)length.QuadPart;
    char *text = malloc(wanted + 1);
    if (!text)
        return status_no_memory("the contents of a file");
    size_t got = 0;
    while (got < wanted) {
        DWORD step = wanted - got < TRANSFER_MAX ? (DWORD)(wanted - got) : TRANSFER_MAX;
        DWORD n = 0;
        if (!ReadFile(h, text + got, step, &n, NULL)) {
            free(text);
            return status_fail_win32(GetLastError(), "Cannot read the file \"%s\"", path);
        }
        if (n == 0) // cut meanwhile
            break;
        got += n;
    }
    text[got] = '\0';
    *data = text;
    *size = got;
    return STATUS_OK;
}

enum status os_read_file(const char *path, size_t limit, char **data, size_t *size)
{
    WCHAR *wide = os_wide_path(path);
    if (!wide)
        return status_last()->status;
    HANDLE h = CreateFileW(wide, GENERIC_READ, SHARE_ALL, NULL, OPEN_EXISTING,
                           FILE_ATTRIBUTE_NORMAL, NULL);
    free(wide);
    if (h == INVALID_HANDLE_VALUE)
        return status_fail_win32(GetLastError(), "Cannot open the file \"%s\"", path);
    enum status s = GetFileType(h) == FILE_TYPE_DISK
                        ? read_all(h, path, limit, data, size)
                        : status_fail(STATUS_UNSUPPORTED, 0, "\"%s\" is not a file.", path);
    CloseHandle(h);
    return s;
}

static enum status write_new(const WCHAR *wide, const char *path, const uint8_t *data, size_t size)
{
    HANDLE h =
        CreateFileW(wide, GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, FILE_ATTRIBUTE_NORMAL, NULL);
    if (h == INVALID_HANDLE_VALUE)
        return status_fail_win32(GetLastError(), "Cannot create the file \"%s\"", path);
    enum status s = STATUS_OK;
    while (size > 0 && s == STATUS_OK) {
        DWORD step = size < TRANSFER_MAX ? (DWORD)size : TRANSFER_MAX;
        DWORD n = 0;
        if (!WriteFile(h, data, step, &n, NULL))
            s = status_fail_win32(GetLastError(), "Cannot write the file \"%s\"", path);
        data += n;
        size -= n;
    }
    if (s == STATUS_OK && !FlushFileBuffers(h))
        s = status_fail_win32(GetLastError(), "Cannot flush the file \"%s\"", path);
    CloseHandle(h);
    return s;
}

// A target that a scanner holds answers ACCESS_DENIED to MoveFileExW, like one that may never be
// replaced.
static enum status rename_over(const WCHAR *from, const WCHAR *to, const char *path)
{
    struct os_win32_retry retry;
    os_win32_retry_begin(&retry, REPLACE_WAIT_MS);
    DWORD error;
    do {
        error = MoveFileExW(from, to, MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH)
                    ? ERROR_SUCCESS
                    : GetLastError();
    } while ((os_win32_is_sharing_violation(error) || error == ERROR_ACCESS_DENIED) &&
             os_win32_retry(&retry));
    return error == ERROR_SUCCESS
               ? STATUS_OK
               : status_fail_win32(error, "Cannot replace the file \"%s\"", path);
}

enum status os_replace_file(const char *path, const void *data, size_t size)
{
    size_t length = strlen(path);
    char *fresh = malloc(length + sizeof ".new");
    if (!fresh)
        return status_no_memory("a file name");
    memcpy(fresh, path, length);
    memcpy(fresh + length, ".new", sizeof ".new");
    WCHAR *from = os_wide_path(fresh);
    WCHAR *to = from ? os_wide_path(path) : NULL;
    enum status s = to ? write_new(from, fresh, data, size) : status_last()->status;
    if (s == STATUS_OK)
        s = rename_over(from, to, path);
    if (s != STATUS_OK && to)
        DeleteFileW(from);
    free(to);
    free(from);
    free(fresh);
    return s;
}

enum status os_publish_file(const char *path, const void *data, size_t size)
{
    return os_replace_file(path, data, size); // a new file takes over what its folder allows
}

// True when the console took the text.
static bool print_to_console(DWORD id, const char *utf8)
{
    HANDLE console = GetStdHandle(id);
    DWORD mode;
    if (!GetConsoleMode(console, &mode))
        return false;
    size_t units;
    WCHAR *wide = utf8_to_utf16(utf8, strlen(utf8), &units);
    if (!wide)
        return false;
    for (size_t at = 0; at < units;) {
        DWORD step = units - at < CONSOLE_CHUNK ? (DWORD)(units - at) : CONSOLE_CHUNK;
        DWORD written = 0;
        if (!WriteConsoleW(console, wide + at, step, &written, NULL) || written == 0)
            break;
        at += written;
    }
    free(wide);
    return true;
}

void os_print(bool to_stderr, const char *utf8)
{
    FILE *stream = to_stderr ? stderr : stdout;
    fflush(stream);
    if (print_to_console(to_stderr ? STD_ERROR_HANDLE : STD_OUTPUT_HANDLE, utf8))
        return;
    fputs(utf8, stream);
    fflush(stream);
}

bool os_stdout_is_terminal(void)
{
    DWORD mode;
    return GetConsoleMode(GetStdHandle(STD_OUTPUT_HANDLE), &mode);
}

enum status os_arguments(int *argc, char ***argv)
{
    _setmode(_fileno(stdin), _O_BINARY);
    _setmode(_fileno(stdout), _O_BINARY);
    _setmode(_fileno(stderr), _O_BINARY);
    int count;
    WCHAR **wide = CommandLineToArgvW(GetCommandLineW(), &count);
    if (!wide)
        return status_fail_win32(GetLastError(), "Cannot read the command line");
    char **list = calloc((size_t)count + 1, sizeof *list);
    enum status s = list ? STATUS_OK : status_no_memory("the command line");
    for (int i = 0; i < count && s == STATUS_OK; i++) {
        char what[32];
        snprintf(what, sizeof what, "Argument %d", i);
        s = to_utf8(wide[i], wcslen(wide[i]), what, &list[i]);
    }
    LocalFree(wide);
    if (s == STATUS_OK) {
        *argc = count;
        *argv = list;
        return STATUS_OK;
    }
    for (int i = 0; list && i < count; i++)
        free(list[i]);
    free(list);
    return s;
}
