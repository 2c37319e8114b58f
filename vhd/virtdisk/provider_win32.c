// Loads virtdisk.dll from System32, and from nowhere else.
#include <windows.h>

#include "vhd/virtdisk/api.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/os_win32.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct virtdisk_api table;
static struct status_details outcome;

// Wine's virtdisk.dll has these functions, and ends the process that calls most of them.
static bool is_wine(void)
{
    HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
    return ntdll && GetProcAddress(ntdll, "wine_get_version");
}

static enum status load_library(HMODULE *out)
{
    static const WCHAR name[] = L"\\virtdisk.dll";
    WCHAR path[MAX_PATH + sizeof name / sizeof *name];
    UINT length = GetSystemDirectoryW(path, MAX_PATH);
    if (length == 0 || length >= MAX_PATH)
        return status_fail_win32(GetLastError(), "The system folder is not known");
    wcscpy(path + length, name);
    *out = LoadLibraryExW(path, NULL, LOAD_LIBRARY_SEARCH_SYSTEM32);
    if (*out)
        return STATUS_OK;
    return status_fail(STATUS_UNSUPPORTED, GetLastError(),
                       "The virtdisk.dll of the system folder cannot be loaded.");
}

static enum status find_function(HMODULE library, const char *name, void *pointer)
{
    FARPROC function = GetProcAddress(library, name);
    if (!function)
        return status_fail(STATUS_UNSUPPORTED, GetLastError(),
                           "This system's virtdisk.dll has no function %s.", name);
    memcpy(pointer, &function, sizeof function);
    return STATUS_OK;
}

static enum status load(void)
{
    const struct {
        const char *name;
        void *pointer;
    } functions[] = {
        {"OpenVirtualDisk", &table.OpenVirtualDisk},
        {"CreateVirtualDisk", &table.CreateVirtualDisk},
        {"AttachVirtualDisk", &table.AttachVirtualDisk},
        {"GetVirtualDiskInformation", &table.GetVirtualDiskInformation},
        {"SetVirtualDiskInformation", &table.SetVirtualDiskInformation},
        {"MergeVirtualDisk", &table.MergeVirtualDisk},
        {"ResizeVirtualDisk", &table.ResizeVirtualDisk},
        {"CompactVirtualDisk", &table.CompactVirtualDisk},
        {"GetVirtualDiskOperationProgress", &table.GetVirtualDiskOperationProgress},
        {"QueryChangesVirtualDisk", &table.QueryChangesVirtualDisk},
    };
    HMODULE library;
    if (is_wine())
        return status_fail(STATUS_UNSUPPORTED, 0, "This is Wine, whose virtdisk.dll is a stub.");
    enum status status = load_library(&library);
    for (size_t i = 0; status == STATUS_OK && i < sizeof functions / sizeof *functions; i++)
        status = find_function(library, functions[i].name, functions[i].pointer);
    table.ReadFile = ReadFile;
    table.WriteFile = WriteFile;
    table.FlushFileBuffers = FlushFileBuffers;
    table.GetOverlappedResult = GetOverlappedResult;
    table.CancelIoEx = CancelIoEx;
    table.CloseHandle = CloseHandle;
    return status;
}

static void load_once(void)
{
    if (load() == STATUS_OK)
        return;
    (void)status_advise(0, "Use the native backend.");
    outcome = *status_last();
}

enum status virtdisk_provider(const struct virtdisk_api **out)
{
    pthread_once(&once, load_once);
    if (outcome.status != STATUS_OK)
        return status_restore(&outcome);
    *out = &table;
    return STATUS_OK;
}
