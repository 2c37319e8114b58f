// I/O on the handle of an attached disk: overlapped, in whole sectors, at once or later.
#include "tests/virtdisk/double_state.h"

#include <string.h>

#define GARBAGE        0xA5
#define MEMORY_ALIGNED 512

static BOOL fail(DWORD error)
{
    SetLastError(error);
    return FALSE;
}

static uint64_t offset_of(const OVERLAPPED *overlapped)
{
    return (uint64_t)overlapped->OffsetHigh << 32 | overlapped->Offset;
}

static DWORD check_transfer(struct double_handle *h, const void *buffer, DWORD size,
                            const DWORD *done, const OVERLAPPED *overlapped)
{
    if (!h->attached)
        return double_broken(ERROR_INVALID_PARAMETER, "I/O on a disk that is not attached");
    if (!overlapped || !buffer)
        return double_broken(ERROR_INVALID_PARAMETER, "the handle is overlapped");
    if (!overlapped->hEvent)
        return double_broken(ERROR_INVALID_PARAMETER, "an I/O needs an event of its own");
    if (done)
        return double_broken(ERROR_INVALID_PARAMETER, "the count comes with the result");
    if ((offset_of(overlapped) | size) % h->disk->sector_size != 0)
        return double_broken(ERROR_INVALID_PARAMETER, "I/O is in whole sectors");
    if ((uintptr_t)buffer % MEMORY_ALIGNED != 0)
        return double_broken(ERROR_INVALID_PARAMETER, "I/O memory is aligned to sectors");
    if (size == 0 || offset_of(overlapped) > h->disk->virtual_size ||
        size > h->disk->virtual_size - offset_of(overlapped))
        return double_broken(ERROR_INVALID_PARAMETER, "I/O past the end of the disk");
    for (size_t i = 0; i < DOUBLE_PENDING_MAX; i++)
        if (h->io[i].overlapped == overlapped)
            return double_broken(ERROR_INVALID_PARAMETER, "one OVERLAPPED for two I/Os");
    return ERROR_SUCCESS;
}

static DWORD perform(struct double_handle *h, const struct double_io *io)
{
    uint64_t offset = offset_of(io->overlapped);
    enum status status = io->to ? vhd_read(h->disk, offset, io->to, io->size)
                                : vhd_write(h->disk, offset, io->from, io->size);
    DWORD error = status == STATUS_OK ? ERROR_SUCCESS : double_error();
    if (io->from)
        double_note_write(h, offset, io->size);
    io->overlapped->Internal = error;
    io->overlapped->InternalHigh = error == ERROR_SUCCESS ? io->size : 0;
    SetEvent(io->overlapped->hEvent);
    return error;
}

// Every other transfer is done at once, as vhdmp may, the rest when its result is asked for.
static BOOL start(struct double_handle *h, const struct double_io *io)
{
    ResetEvent(io->overlapped->hEvent);
    io->overlapped->Internal = ERROR_IO_PENDING;
    if (h->transfers++ % 2 == 0) {
        DWORD error = perform(h, io);
        return error == ERROR_SUCCESS ? TRUE : fail(error);
    }
    if (io->to)
        memset(io->to, GARBAGE, io->size);
    for (size_t i = 0; i < DOUBLE_PENDING_MAX; i++) {
        if (h->io[i].overlapped)
            continue;
        h->io[i] = *io;
        return fail(ERROR_IO_PENDING);
    }
    return fail(double_broken(ERROR_NO_SYSTEM_RESOURCES, "too many I/Os at a time"));
}

BOOL WINAPI double_read(HANDLE handle, void *buffer, DWORD size, DWORD *done,
                        OVERLAPPED *overlapped)
{
    DWORD error;
    if (!double_enter("ReadFile", &error))
        return fail(error);
    struct double_handle *h = double_find(handle);
    error = h ? check_transfer(h, buffer, size, done, overlapped) : ERROR_INVALID_HANDLE;
    if (error != ERROR_SUCCESS)
        return fail(error);
    const struct double_io io = {.overlapped = overlapped, .to = buffer, .size = size};
    return start(h, &io);
}

BOOL WINAPI double_write(HANDLE handle, const void *buffer, DWORD size, DWORD *done,
                         OVERLAPPED *overlapped)
{
    DWORD error;
    if (!double_enter("WriteFile", &error))
        return fail(error);
    struct double_handle *h = double_find(handle);
    error = h ? check_transfer(h, buffer, size, done, overlapped) : ERROR_INVALID_HANDLE;
    if (error == ERROR_SUCCESS && h->attached_read_only)
        error = double_broken(ERROR_WRITE_PROTECT, "a disk attached for reading was written");
    if (error != ERROR_SUCCESS)
        return fail(error);
    const struct double_io io = {.overlapped = overlapped, .from = buffer, .size = size};
    return start(h, &io);
}

BOOL WINAPI double_flush(HANDLE handle)
{
    DWORD error;
    if (!double_enter("FlushFileBuffers", &error))
        return fail(error);
    struct double_handle *h = double_find(handle);
    if (!h)
        return fail(ERROR_INVALID_HANDLE);
    if (!h->attached || h->attached_read_only)
        return fail(double_broken(ERROR_ACCESS_DENIED, "flush of what cannot be written"));
    return vhd_flush(h->disk) == STATUS_OK ? TRUE : fail(double_error());
}

BOOL WINAPI double_result(HANDLE handle, OVERLAPPED *overlapped, DWORD *done, BOOL wait)
{
    DWORD error;
    if (!double_enter("GetOverlappedResult", &error))
        return fail(error);
    struct double_handle *h = double_find(handle);
    if (!h || !overlapped || !done)
        return fail(double_broken(ERROR_INVALID_PARAMETER, "a result of nothing"));
    for (size_t i = 0; i < DOUBLE_PENDING_MAX; i++) {
        if (h->io[i].overlapped != overlapped)
            continue;
        if (!wait)
            return fail(ERROR_IO_INCOMPLETE);
        (void)perform(h, &h->io[i]);
        h->io[i] = (struct double_io){0};
    }
    *done = (DWORD)overlapped->InternalHigh;
    return overlapped->Internal == ERROR_SUCCESS ? TRUE : fail((DWORD)overlapped->Internal);
}

BOOL WINAPI double_cancel(HANDLE handle, OVERLAPPED *overlapped)
{
    DWORD error;
    if (!double_enter("CancelIoEx", &error))
        return fail(error);
    struct double_handle *h = double_find(handle);
    if (!h)
        return fail(ERROR_INVALID_HANDLE);
    if (!overlapped || h->work.overlapped != overlapped)
        return fail(double_broken(ERROR_NOT_FOUND, "nothing to cancel"));
    pthread_mutex_lock(&double_mutex);
    h->work.cancel = true;
    pthread_mutex_unlock(&double_mutex);
    return TRUE;
}
