#include <windows.h>

#include "vhd/virtdisk/work.h"

#include "base/os_win32.h"
#include "vhd/virtdisk/error.h"

#define POLL_MS 100

enum status virtdisk_work_begin(struct virtdisk_work *w, enum vhd_format format)
{
    const struct virtdisk_how how = {
        .format = format, .flags = w->open_flags, .wait_ms = FILE_SHARING_WAIT_MS};
    enum status status = virtdisk_provider(&w->api);
    if (status != STATUS_OK)
        return status;
    w->overlapped.hEvent = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (!w->overlapped.hEvent)
        return status_fail_win32(GetLastError(), "An event cannot be made");
    return virtdisk_open_handle(w->api, w->path, &how, &w->handle);
}

void virtdisk_work_end(struct virtdisk_work *w)
{
    if (w->handle)
        w->api->CloseHandle(w->handle);
    if (w->overlapped.hEvent)
        CloseHandle(w->overlapped.hEvent);
}

// False: it shall stop.
static bool tell(struct virtdisk_work *w, uint64_t current, uint64_t completion)
{
    if (!w->progress || w->total == 0 || completion == 0)
        return true;
    double part = current < completion ? (double)current / (double)completion : 1;
    return w->progress(w->context, w->before + (uint64_t)(part * (double)w->share), w->total);
}

// Waits for work that was started with the result `error`; returns the work's own.
static DWORD await(struct virtdisk_work *w, DWORD error)
{
    if (error != ERROR_IO_PENDING)
        return error;
    while (error == ERROR_IO_PENDING) {
        struct virtdisk_progress progress = {0};
        (void)WaitForSingleObject(w->overlapped.hEvent, POLL_MS);
        error = w->api->GetVirtualDiskOperationProgress(w->handle, &w->overlapped, &progress);
        if (error != ERROR_SUCCESS) {
            w->api->CancelIoEx(w->handle, &w->overlapped);
            break;
        }
        error = progress.status;
        if (error == ERROR_IO_PENDING && !w->cancelled &&
            !tell(w, progress.current, progress.completion)) {
            w->cancelled = true;
            w->api->CancelIoEx(w->handle, &w->overlapped);
        }
    }
    // Until then the system may write into w->overlapped.
    (void)WaitForSingleObject(w->overlapped.hEvent, INFINITE);
    return error;
}

enum status virtdisk_work_finish(struct virtdisk_work *w, const char *verb, DWORD error)
{
    error = await(w, error);
    if (error == ERROR_SUCCESS) {
        (void)tell(w, 1, 1);
        return STATUS_OK;
    }
    if (error == ERROR_OPERATION_ABORTED && w->cancelled)
        return status_fail(STATUS_CANCELLED, error,
                           "virtdisk was told to stop to %s \"%s\"; it can be run again.", verb,
                           w->path);
    return virtdisk_fail(error, "virtdisk cannot %s \"%s\"", verb, w->path);
}
