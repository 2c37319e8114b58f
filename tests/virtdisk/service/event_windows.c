// Stands for Windows' event functions in the service of the tests: what EventWrite gets goes to
// <data>/etw.jsonl, an object a line with the descriptor's and each field's bytes in hexadecimal,
// and "Reported" for what goes to the Application log.
#include "etw/windows_win32.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "base/os_win32.h"

static struct {
    pthread_mutex_t mutex;
    FILE *file;
} writes = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static FILE *open_file(void)
{
    int count = 0;
    char **words = NULL;
    FILE *file = NULL;
    if (os_arguments(&count, &words) != STATUS_OK)
        return NULL;
    for (int i = 0; i + 1 < count; i++) {
        if (strcmp(words[i], "--data") != 0)
            continue;
        char *path = os_path_join(words[i + 1], "etw.jsonl");
        WCHAR *wide = path ? os_wide_path(path) : NULL;
        file = wide ? _wfopen(wide, L"ab") : NULL;
        free(wide);
        free(path);
    }
    return file;
}

static void print_bytes(const void *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        fprintf(writes.file, "%02x", ((const uint8_t *)data)[i]);
}

static ULONG WINAPI double_register(LPCGUID provider, PENABLECALLBACK callback, PVOID context,
                                    PREGHANDLE handle)
{
    (void)callback;
    (void)context;
    pthread_mutex_lock(&writes.mutex);
    if (!writes.file)
        writes.file = open_file();
    if (writes.file) {
        fputs("{\"Provider\":\"", writes.file);
        print_bytes(provider, sizeof *provider);
        fputs("\"}\n", writes.file);
        fflush(writes.file);
    }
    pthread_mutex_unlock(&writes.mutex);
    *handle = writes.file ? 1 : 0;
    return writes.file ? ERROR_SUCCESS : ERROR_FILE_NOT_FOUND;
}

static ULONG WINAPI double_unregister(REGHANDLE handle)
{
    (void)handle;
    return ERROR_SUCCESS;
}

static ULONG WINAPI double_write(REGHANDLE handle, PCEVENT_DESCRIPTOR descriptor, ULONG count,
                                 PEVENT_DATA_DESCRIPTOR data)
{
    if (handle != 1)
        return ERROR_INVALID_HANDLE;
    pthread_mutex_lock(&writes.mutex);
    fputs("{\"Descriptor\":\"", writes.file);
    print_bytes(descriptor, sizeof *descriptor);
    fputs("\",\"Data\":[", writes.file);
    for (ULONG i = 0; i < count; i++) {
        fputs(i ? ",\"" : "\"", writes.file);
        print_bytes((const void *)(uintptr_t)data[i].Ptr, data[i].Size);
        fputs("\"", writes.file);
    }
    fputs("]}\n", writes.file);
    fflush(writes.file);
    pthread_mutex_unlock(&writes.mutex);
    return ERROR_SUCCESS;
}

static HANDLE WINAPI double_source(LPCWSTR server, LPCWSTR name)
{
    (void)server;
    (void)name;
    return (HANDLE)1;
}

static BOOL WINAPI double_no_source(HANDLE source)
{
    (void)source;
    return TRUE;
}

static BOOL WINAPI double_report(HANDLE source, WORD type, WORD category, DWORD id, PSID user,
                                 WORD count, DWORD size, LPCWSTR *strings, LPVOID data)
{
    (void)source;
    (void)type;
    (void)category;
    (void)user;
    (void)size;
    (void)strings;
    (void)data;
    pthread_mutex_lock(&writes.mutex);
    if (writes.file)
        fprintf(writes.file, "{\"Reported\":%lu,\"Strings\":%u}\n", (unsigned long)id, count);
    pthread_mutex_unlock(&writes.mutex);
    return TRUE;
}

static enum status no_program(const WCHAR *program, WCHAR *command_line, bool quiet, DWORD *code)
{
    (void)command_line;
    (void)quiet;
    *code = ERROR_NOT_SUPPORTED;
    return status_fail(STATUS_UNSUPPORTED, 0, "'%ls' is not run in tests.", program);
}

const struct event_windows *event_windows(void)
{
    static const struct event_windows table = {
        .event_register = double_register,
        .event_unregister = double_unregister,
        .event_write = double_write,
        .register_source = double_source,
        .deregister_source = double_no_source,
        .report_event = double_report,
        .machine = HKEY_LOCAL_MACHINE,
        .program_folder = os_program_folder,
        .run = no_program,
    };
    return &table;
}
