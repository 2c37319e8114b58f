#include "etw/log_file.h"

#include <windows.h>
#include <stdlib.h>
#include <string.h>

#include "base/os_win32.h"

struct log_file {
    HANDLE handle;
    char *path;
};

static enum status open_file(const char *path, DWORD access, DWORD disposition,
                             struct log_file **out)
{
    struct log_file *file = malloc(sizeof *file);
    char *copy = strdup(path);
    WCHAR *wide = os_wide_path(path);
    enum status s = STATUS_OK;
    if (!file || !copy)
        s = status_no_memory("an event file");
    else if (!wide)
        s = status_last()->status;
    if (s == STATUS_OK) {
        // FILE_SHARE_DELETE: a rotation renames the file while somebody reads it.
        HANDLE handle =
            CreateFileW(wide, access, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
                        disposition, FILE_ATTRIBUTE_NORMAL, NULL);
        if (handle == INVALID_HANDLE_VALUE)
            s = status_fail_win32(GetLastError(), "'%s' cannot be opened", path);
        else
            *file = (struct log_file){.handle = handle, .path = copy};
    }
    free(wide);
    if (s != STATUS_OK) {
        free(file);
        free(copy);
        return s;
    }
    *out = file;
    return STATUS_OK;
}

enum status log_file_open_append(const char *path, struct log_file **out)
{
    return open_file(path, FILE_APPEND_DATA | SYNCHRONIZE, OPEN_ALWAYS, out);
}

enum status log_file_open_read(const char *path, struct log_file **out)
{
    return open_file(path, GENERIC_READ, OPEN_EXISTING, out);
}

enum status log_file_size(struct log_file *file, uint64_t *size)
{
    LARGE_INTEGER value;
    if (!GetFileSizeEx(file->handle, &value))
        return status_fail_win32(GetLastError(), "The size of '%s' cannot be read", file->path);
    *size = (uint64_t)value.QuadPart;
    return STATUS_OK;
}

enum status log_file_append(struct log_file *file, const void *data, size_t size)
{
    DWORD done = 0;
    if (!WriteFile(file->handle, data, (DWORD)size, &done, NULL))
        return status_fail_win32(GetLastError(), "'%s' cannot be written", file->path);
    if (done < size)
        return status_fail_win32(ERROR_DISK_FULL, "'%s' cannot be written", file->path);
    return STATUS_OK;
}

enum status log_file_read(struct log_file *file, uint64_t offset, void *data, size_t size,
                          size_t *got)
{
    size_t have = 0;
    while (have < size) {
        uint64_t at = offset + have;
        OVERLAPPED where = {.Offset = (DWORD)at, .OffsetHigh = (DWORD)(at >> 32)};
        DWORD done = 0;
        if (!ReadFile(file->handle, (char *)data + have, (DWORD)(size - have), &done, &where)) {
            DWORD error = GetLastError();
            if (error == ERROR_HANDLE_EOF)
                break;
            return status_fail_win32(error, "'%s' cannot be read", file->path);
        }
        if (done == 0)
            break;
        have += done;
    }
    *got = have;
    return STATUS_OK;
}

void log_file_flush(struct log_file *file)
{
    FlushFileBuffers(file->handle);
}

void log_file_close(struct log_file *file)
{
    if (!file)
        return;
    CloseHandle(file->handle);
    free(file->path);
    free(file);
}

enum status log_file_rename(const char *from, const char *to)
{
    WCHAR *wide_from = os_wide_path(from);
    WCHAR *wide_to = wide_from ? os_wide_path(to) : NULL;
    enum status s = STATUS_OK;
    if (!wide_to)
        s = status_last()->status;
    else if (!MoveFileExW(wide_from, wide_to, MOVEFILE_REPLACE_EXISTING))
        s = status_fail_win32(GetLastError(), "'%s' cannot be renamed to '%s'", from, to);
    free(wide_from);
    free(wide_to);
    return s;
}
