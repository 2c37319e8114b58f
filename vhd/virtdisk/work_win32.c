// Long work by virtdisk: started with an OVERLAPPED, asked for its progress, cancelled.
#include <windows.h>

#include "vhd/virtdisk/disk.h"

#include <stdlib.h>

#include "base/os.h"
#include "base/os_win32.h"
#include "vhd/merge.h"
#include "vhd/virtdisk/error.h"

#define POLL_MS 100

// One piece of work on an open handle.
struct work {
    const struct virtdisk_api *api;
    const char *path; // absolute
    HANDLE handle;
    OVERLAPPED overlapped;
    vhd_progress *progress; // may be NULL
    void *context;
    uint64_t total; // bytes, for `progress`; 0: virtdisk's own figures
    bool cancelled;
};

// `flags`: VIRTDISK_OPEN_FLAG_*.
static enum status begin(struct work *w, enum vhd_format format, uint32_t flags)
{
    const struct virtdisk_how how = {
        .format = format, .flags = flags, .wait_ms = FILE_SHARING_WAIT_MS};
    enum status status = virtdisk_provider(&w->api);
    if (status != STATUS_OK)
        return status;
    w->overlapped.hEvent = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (!w->overlapped.hEvent)
        return status_fail_win32(GetLastError(), "An event cannot be made");
    return virtdisk_open_handle(w->api, w->path, &how, &w->handle);
}

static void end(struct work *w)
{
    if (w->handle)
        w->api->CloseHandle(w->handle);
    if (w->overlapped.hEvent)
        CloseHandle(w->overlapped.hEvent);
}

static bool tell(struct work *w, const struct virtdisk_progress *progress)
{
    if (!w->progress || progress->completion == 0)
        return true;
    uint64_t current =
        progress->current < progress->completion ? progress->current : progress->completion;
    double part = (double)current / (double)progress->completion;
    return w->total ? w->progress(w->context, (uint64_t)(part * (double)w->total), w->total)
                    : w->progress(w->context, current, progress->completion);
}

// Waits for work that was started with the result `error`; returns the work's own.
static DWORD await(struct work *w, DWORD error)
{
    while (error == ERROR_IO_PENDING) {
        struct virtdisk_progress progress = {0};
        (void)WaitForSingleObject(w->overlapped.hEvent, POLL_MS);
        error = w->api->GetVirtualDiskOperationProgress(w->handle, &w->overlapped, &progress);
        if (error != ERROR_SUCCESS)
            return error;
        error = progress.status;
        if (error == ERROR_IO_PENDING && !w->cancelled && !tell(w, &progress)) {
            w->cancelled = true;
            w->api->CancelIoEx(w->handle, &w->overlapped);
        }
    }
    return error;
}

// `verb`: for the message, "merge".
static enum status finish(struct work *w, const char *verb, DWORD error)
{
    error = await(w, error);
    if (error == ERROR_SUCCESS) {
        const struct virtdisk_progress done = {.current = 1, .completion = 1};
        (void)tell(w, &done);
        return STATUS_OK;
    }
    if (error == ERROR_OPERATION_ABORTED && w->cancelled)
        return status_fail(STATUS_CANCELLED, error,
                           "virtdisk was told to stop to %s \"%s\"; it can be run again.", verb,
                           w->path);
    return virtdisk_fail(error, "virtdisk cannot %s \"%s\"", verb, w->path);
}

// Reads what a merge will copy, and proves the linkage, before virtdisk opens the files.
static enum status plan_merge(const char *child_path, uint64_t *total, enum vhd_format *format)
{
    struct vhd_info info;
    struct vhd *child;
    enum status status = vhd_merge_open_reader(child_path, file_system_os(), &child);
    if (status != STATUS_OK)
        return status;
    vhd_get_info(child, &info);
    *format = info.format;
    status = vhd_merge_measure(child, total);
    vhd_abandon(child);
    return status;
}

static enum status merge(struct work *w, unsigned levels)
{
    const struct virtdisk_merge parameters = {.version = VIRTDISK_MERGE_VERSION_2,
                                              .source_depth = 1,
                                              .target_depth = 1 + (levels ? levels : 1)};
    return finish(
        w, "merge",
        w->api->MergeVirtualDisk(w->handle, VIRTDISK_MERGE_FLAG_NONE, &parameters, &w->overlapped));
}

enum status virtdisk_disk_merge(const char *child_path, const struct vhd_merge *how)
{
    struct work w = {.progress = how->progress, .context = how->context};
    enum vhd_format format;
    char *path;

    enum status status = os_absolute_path(child_path, &path);
    if (status != STATUS_OK)
        return status;
    w.path = path;
    status = plan_merge(path, &w.total, &format);
    if (status == STATUS_OK)
        status = begin(&w, format, VIRTDISK_OPEN_FLAG_NONE);
    if (status == STATUS_OK)
        status = merge(&w, how->levels);
    end(&w);
    free(path);
    return status;
}
