// Long work in a thread of its own: pending, with progress, cancelled at its next step.
#include "tests/virtdisk/double_state.h"

#include "vhd/errors.h"

static bool on_progress(void *context, uint64_t done, uint64_t total)
{
    struct double_work *work = context;
    pthread_mutex_lock(&double_mutex);
    work->done = done;
    work->total = total;
    pthread_mutex_unlock(&double_mutex);
    Sleep(double_step_ms());
    pthread_mutex_lock(&double_mutex);
    bool go_on = !work->cancel;
    pthread_mutex_unlock(&double_mutex);
    return go_on;
}

static void *work_thread(void *context)
{
    struct double_handle *h = context;
    DWORD result = h->work.run(h);
    HANDLE event = h->work.overlapped->hEvent;
    pthread_mutex_lock(&double_mutex);
    h->work.result = result;
    pthread_mutex_unlock(&double_mutex);
    SetEvent(event);
    return NULL;
}

static DWORD check_work(struct double_handle *h, const OVERLAPPED *overlapped)
{
    if (h->read_only || h->info_only)
        return double_broken(ERROR_ACCESS_DENIED, "opened for reading, worked on");
    if (!h->disk || h->work.overlapped)
        return double_broken(VHD_ERROR_INVALID_STATE, "one piece of work a handle");
    if (h->attached)
        return double_broken(VHD_ERROR_INVALID_STATE, "this double works on detached disks");
    if (overlapped && !overlapped->hEvent)
        return double_broken(ERROR_INVALID_PARAMETER, "long work needs an event of its own");
    return ERROR_SUCCESS;
}

// The native functions open the files by themselves.
static DWORD start(struct double_handle *h, OVERLAPPED *overlapped,
                   DWORD (*run)(struct double_handle *handle))
{
    enum status status = vhd_close(h->disk);
    h->disk = NULL;
    if (status != STATUS_OK)
        return double_error();
    if (!overlapped)
        return run(h);
    ResetEvent(overlapped->hEvent);
    h->work.overlapped = overlapped;
    h->work.result = ERROR_IO_PENDING;
    h->work.run = run;
    if (pthread_create(&h->work.thread, NULL, work_thread, h) != 0)
        return ERROR_NO_SYSTEM_RESOURCES;
    return ERROR_IO_PENDING;
}

static DWORD run_merge(struct double_handle *h)
{
    const struct vhd_merge how = {
        .levels = h->work.merge.target_depth - 1, .progress = on_progress, .context = &h->work};
    return vhd_native_merge(h->path, &how) == STATUS_OK ? ERROR_SUCCESS : double_error();
}

DWORD WINAPI double_merge(HANDLE handle, uint32_t flags, const struct virtdisk_merge *parameters,
                          OVERLAPPED *overlapped)
{
    DWORD error;
    if (!double_enter("MergeVirtualDisk", &error))
        return error;
    struct double_handle *h = double_find(handle);
    if (!h)
        return ERROR_INVALID_HANDLE;
    error = check_work(h, overlapped);
    if (error != ERROR_SUCCESS)
        return error;
    if (flags || !parameters || parameters->version != VIRTDISK_MERGE_VERSION_2)
        return double_broken(ERROR_INVALID_PARAMETER, "version 2 is what this double knows");
    if (parameters->source_depth != 1 || parameters->target_depth < 2 ||
        parameters->target_depth > h->disk->depth || h->no_parents)
        return double_broken(ERROR_INVALID_PARAMETER, "the leaf, 1, is merged into its parent, 2");
    h->work.merge = *parameters;
    return start(h, overlapped, run_merge);
}

static DWORD run_resize(struct double_handle *h)
{
    const struct vhd_resize how = {.virtual_size = h->work.resize.new_size,
                                   .unsafe = h->work.flags & VIRTDISK_RESIZE_FLAG_ALLOW_UNSAFE};
    return vhd_native_resize(h->path, &how) == STATUS_OK ? ERROR_SUCCESS : double_error();
}

DWORD WINAPI double_resize(HANDLE handle, uint32_t flags, const struct virtdisk_resize *parameters,
                           OVERLAPPED *overlapped)
{
    DWORD error;
    if (!double_enter("ResizeVirtualDisk", &error))
        return error;
    struct double_handle *h = double_find(handle);
    if (!h)
        return ERROR_INVALID_HANDLE;
    error = check_work(h, overlapped);
    if (error != ERROR_SUCCESS)
        return error;
    if (flags & ~(uint32_t)VIRTDISK_RESIZE_FLAG_ALLOW_UNSAFE || !parameters ||
        parameters->version != VIRTDISK_RESIZE_VERSION_1)
        return double_broken(ERROR_INVALID_PARAMETER, "version 1 is what this double knows");
    if (parameters->new_size == 0 || parameters->new_size % h->disk->sector_size != 0)
        return double_broken(ERROR_INVALID_PARAMETER, "a size is whole sectors");
    // Without an NTFS partition to look at there is no safe minimum.
    if (parameters->new_size < h->disk->virtual_size && flags == VIRTDISK_RESIZE_FLAG_NONE)
        return double_broken(VHD_ERROR_RESIZE_CANNOT_COMPUTE_MINIMUM, "no safe size is known");
    h->work.resize = *parameters;
    h->work.flags = flags;
    return start(h, overlapped, run_resize);
}

static DWORD run_compact(struct double_handle *h)
{
    const struct vhd_compact how = {.progress = on_progress, .context = &h->work};
    return vhd_native_compact(h->path, &how) == STATUS_OK ? ERROR_SUCCESS : double_error();
}

DWORD WINAPI double_compact(HANDLE handle, uint32_t flags,
                            const struct virtdisk_compact *parameters, OVERLAPPED *overlapped)
{
    DWORD error;
    if (!double_enter("CompactVirtualDisk", &error))
        return error;
    struct double_handle *h = double_find(handle);
    if (!h)
        return ERROR_INVALID_HANDLE;
    error = check_work(h, overlapped);
    if (error != ERROR_SUCCESS)
        return error;
    if (flags || !parameters || parameters->version != VIRTDISK_COMPACT_VERSION_1 ||
        parameters->reserved)
        return double_broken(ERROR_INVALID_PARAMETER, "no flags, version 1");
    if (h->disk->type == VHD_TYPE_FIXED)
        return double_broken(ERROR_NOT_SUPPORTED, "a fixed disk is not compacted");
    return start(h, overlapped, run_compact);
}

DWORD WINAPI double_progress(HANDLE handle, OVERLAPPED *overlapped,
                             struct virtdisk_progress *progress)
{
    DWORD error;
    if (!double_enter("GetVirtualDiskOperationProgress", &error))
        return error;
    struct double_handle *h = double_find(handle);
    if (!h)
        return ERROR_INVALID_HANDLE;
    if (!overlapped || overlapped != h->work.overlapped || !progress)
        return double_broken(ERROR_INVALID_PARAMETER, "progress of work that was not started");
    pthread_mutex_lock(&double_mutex);
    *progress = (struct virtdisk_progress){
        .status = h->work.result, .current = h->work.done, .completion = h->work.total};
    pthread_mutex_unlock(&double_mutex);
    if (progress->status != ERROR_IO_PENDING && !h->work.joined) {
        pthread_join(h->work.thread, NULL);
        h->work.joined = true;
    }
    return ERROR_SUCCESS;
}
