// A disk that virtdisk has open: attached without a device, read and written by its handle.
#include <windows.h>

#include "vhd/virtdisk/disk.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/checked.h"
#include "base/os.h"
#include "base/os_win32.h"
#include "base/utf.h"
#include "vhd/errors.h"
#include "vhd/virtdisk/error.h"
#include "vhd/virtdisk/known_map.h"

#define TRANSFER_MAX (1u << 20) // bytes of one ReadFile or WriteFile
#define ZEROS_SIZE   (256u << 10)
#define LEARN_MAX    3 // how often a disk is learnt of that others change meanwhile

struct virtdisk_disk {
    struct vhd disk;
    const struct virtdisk_api *api;
    HANDLE handle;
    HANDLE event;         // of the one I/O at a time
    struct vhd_info info; // as it was when virtdisk opened the file
    struct known_map chain;
    struct known_map leaf;       // of a differencing disk; else `chain` is it
    struct virtdisk_files files; // as they were when all of this was learnt
    uint8_t *bounce;             // TRANSFER_MAX bytes, aligned; NULL until needed
};

static struct virtdisk_disk *of(struct vhd *disk)
{
    return (struct virtdisk_disk *)disk;
}

// Ends an I/O that was started with `ok`: how many bytes were done, or the error.
static DWORD finish_transfer(struct virtdisk_disk *d, OVERLAPPED *at, BOOL ok, DWORD *done)
{
    if (!ok && GetLastError() != ERROR_IO_PENDING)
        return GetLastError();
    return d->api->GetOverlappedResult(d->handle, at, done, TRUE) ? ERROR_SUCCESS : GetLastError();
}

static enum status transfer_failed(const struct virtdisk_disk *d, const char *verb, DWORD error,
                                   uint64_t offset, size_t size)
{
    return virtdisk_fail(error, "virtdisk cannot %s %zu bytes at %llu of \"%s\"", verb, size,
                         (unsigned long long)offset, d->disk.path);
}

static enum status transfer(struct virtdisk_disk *d, bool write, uint64_t offset, uint8_t *buffer,
                            size_t size)
{
    OVERLAPPED at = {
        .Offset = (DWORD)offset, .OffsetHigh = (DWORD)(offset >> 32), .hEvent = d->event};
    DWORD done = 0;
    BOOL ok = write ? d->api->WriteFile(d->handle, buffer, (DWORD)size, NULL, &at)
                    : d->api->ReadFile(d->handle, buffer, (DWORD)size, NULL, &at);
    DWORD error = finish_transfer(d, &at, ok, &done);
    if (error == ERROR_SUCCESS && done != size)
        error = write ? ERROR_WRITE_FAULT : ERROR_READ_FAULT;
    return error == ERROR_SUCCESS
               ? STATUS_OK
               : transfer_failed(d, write ? "write" : "read", error, offset, size);
}

static enum status get_bounce(struct virtdisk_disk *d)
{
    if (!d->bounce)
        d->bounce = os_alloc_data(TRANSFER_MAX);
    return d->bounce ? STATUS_OK : status_no_memory("the data of a disk");
}

static bool is_memory_aligned(const void *buffer)
{
    return is_aligned((uintptr_t)buffer, OS_DATA_ALIGNMENT);
}

static enum status virtdisk_read(struct vhd *disk, uint64_t offset, void *buffer, size_t length)
{
    struct virtdisk_disk *d = of(disk);
    uint8_t *to = buffer;
    bool aligned = is_memory_aligned(buffer);
    enum status status = aligned ? STATUS_OK : get_bounce(d);
    for (size_t at = 0; status == STATUS_OK && at < length;) {
        size_t size = (size_t)min_u64(length - at, TRANSFER_MAX);
        status = transfer(d, false, offset + at, aligned ? to + at : d->bounce, size);
        if (status == STATUS_OK && !aligned)
            memcpy(to + at, d->bounce, size);
        at += size;
    }
    return status;
}

static enum status mark_written(struct virtdisk_disk *d, uint64_t offset, uint64_t length)
{
    enum status status = known_map_write(&d->chain, offset, length);
    if (status == STATUS_OK && d->disk.type == VHD_TYPE_DIFFERENCING)
        status = known_map_write(&d->leaf, offset, length);
    return status;
}

static enum status virtdisk_write(struct vhd *disk, uint64_t offset, const void *buffer,
                                  size_t length)
{
    struct virtdisk_disk *d = of(disk);
    const uint8_t *from = buffer;
    enum status status = mark_written(d, offset, length);
    if (status == STATUS_OK)
        status = get_bounce(d);
    for (size_t at = 0; status == STATUS_OK && at < length;) {
        size_t size = (size_t)min_u64(length - at, TRANSFER_MAX);
        memcpy(d->bounce, from + at, size);
        status = transfer(d, true, offset + at, d->bounce, size);
        at += size;
    }
    return status;
}

static enum status write_zeros(struct vhd *disk, uint64_t offset, uint64_t length)
{
    static const uint8_t zeros[ZEROS_SIZE];
    enum status status = STATUS_OK;
    for (uint64_t at = 0; status == STATUS_OK && at < length; at += ZEROS_SIZE)
        status = virtdisk_write(disk, offset + at, zeros, (size_t)min_u64(length - at, ZEROS_SIZE));
    return status;
}

// Writes zeros where a range that the map calls zeros does not read so: virtdisk may show what a
// block held before it lost its contents ([MS-VHDX] 2.5.1.1, UNMAPPED).
static enum status zero_unless_zero(struct vhd *disk, uint64_t offset, uint64_t length)
{
    struct virtdisk_disk *d = of(disk);
    enum status status = get_bounce(d);
    for (uint64_t end = offset + length, size; status == STATUS_OK && offset < end;
         offset += size) {
        size = min_u64(end - offset, TRANSFER_MAX);
        status = transfer(d, false, offset, d->bounce, (size_t)size);
        if (status == STATUS_OK && !bytes_are_zero(d->bounce, (size_t)size))
            status = write_zeros(disk, offset, size);
    }
    return status;
}

// virtdisk has no way to say "zeros": they are written, but not where zeros are read anyway.
static enum status virtdisk_zero(struct vhd *disk, uint64_t offset, uint64_t length)
{
    struct vhd_extent extent;
    enum status status = STATUS_OK;
    for (uint64_t end = offset + length; status == STATUS_OK && offset < end;
         offset += extent.length) {
        known_map_find(&of(disk)->chain, offset, end - offset, &extent);
        status = extent.kind == VHD_EXTENT_ZERO
                     ? zero_unless_zero(disk, extent.offset, extent.length)
                     : write_zeros(disk, extent.offset, extent.length);
    }
    return status;
}

static enum status virtdisk_flush(struct vhd *disk)
{
    struct virtdisk_disk *d = of(disk);
    if (d->api->FlushFileBuffers(d->handle))
        return STATUS_OK;
    return virtdisk_fail(GetLastError(), "virtdisk cannot flush \"%s\"", disk->path);
}

static enum status virtdisk_extent(struct vhd *disk, enum vhd_map_scope scope, uint64_t offset,
                                   uint64_t limit, struct vhd_extent *out)
{
    bool leaf = scope == VHD_MAP_LEAF && disk->type == VHD_TYPE_DIFFERENCING;
    known_map_find(leaf ? &of(disk)->leaf : &of(disk)->chain, offset, limit, out);
    return STATUS_OK;
}

static void virtdisk_disk_info(struct vhd *disk, struct vhd_info *info)
{
    *info = of(disk)->info;
}

// Closing the handle detaches the disk.
static void virtdisk_abandon(struct vhd *disk)
{
    struct virtdisk_disk *d = of(disk);
    if (d->handle)
        d->api->CloseHandle(d->handle);
    if (d->event)
        CloseHandle(d->event);
    known_map_free(&d->chain);
    known_map_free(&d->leaf);
    virtdisk_files_free(&d->files);
    os_free_data(d->bounce);
    free(disk->parent_path);
    free(disk->path);
    free(d);
}

static enum status virtdisk_close(struct vhd *disk)
{
    enum status status = disk->writable ? virtdisk_flush(disk) : STATUS_OK;
    virtdisk_abandon(disk);
    return status;
}

static const struct vhd_ops virtdisk_ops = {
    .close = virtdisk_close,
    .abandon = virtdisk_abandon,
    .get_info = virtdisk_disk_info,
    .read = virtdisk_read,
    .write = virtdisk_write,
    .zero = virtdisk_zero,
    .flush = virtdisk_flush,
    .extent = virtdisk_extent,
};

// What is known of the disk from its files before virtdisk has them.
static enum status learn(struct virtdisk_disk *d, struct vhd *native)
{
    enum status status = virtdisk_files_see(&d->files, native);
    if (status == STATUS_OK)
        status = known_map_read(&d->chain, native, VHD_MAP_CHAIN);
    if (status == STATUS_OK && native->type == VHD_TYPE_DIFFERENCING)
        status = known_map_read(&d->leaf, native, VHD_MAP_LEAF);
    if (status != STATUS_OK)
        return status;
    vhd_get_info(native, &d->info);
    d->disk.type = native->type;
    d->disk.virtual_size = native->virtual_size;
    d->disk.sector_size = native->sector_size;
    d->disk.depth = native->depth;
    d->disk.path = strdup(native->path);
    d->disk.parent_path = native->parent_path ? strdup(native->parent_path) : NULL;
    if (!d->disk.path || (native->parent_path && !d->disk.parent_path))
        return status_no_memory("a path");
    return STATUS_OK;
}

// virtdisk and we must speak of the same disk. `same`: nobody changed it in between.
static enum status check_size(const struct virtdisk_disk *d, bool same)
{
    struct virtdisk_info *info;
    enum status status =
        virtdisk_get_info(d->api, d->disk.path, d->handle, VIRTDISK_GET_SIZE, &info);
    if (status != STATUS_OK)
        return status;
    bool differs = info->size.virtual_size != d->disk.virtual_size ||
                   info->size.sector_size != d->disk.sector_size;
    if (differs && !same)
        status = virtdisk_fail_changed(d->disk.path);
    else if (differs)
        status =
            status_fail(STATUS_DAMAGED, VHD_ERROR_INVALID_SIZE,
                        "%s: virtdisk sees %llu bytes in sectors of %u, its file says %llu "
                        "in sectors of %u.",
                        d->disk.path, (unsigned long long)info->size.virtual_size,
                        (unsigned)info->size.sector_size, (unsigned long long)d->disk.virtual_size,
                        (unsigned)d->disk.sector_size);
    free(info);
    return status;
}

// The parent that virtdisk reads through, which may not be where we found one.
static enum status learn_parent(struct virtdisk_disk *d)
{
    struct virtdisk_info *info;
    enum status status =
        virtdisk_get_info(d->api, d->disk.path, d->handle, VIRTDISK_GET_PARENT_LOCATION, &info);
    if (status != STATUS_OK)
        return status;
    char *path = NULL;
    if (info->parent.resolved) {
        path = utf16_to_utf8((const uint16_t *)info->parent.paths, wcslen(info->parent.paths));
        if (!path)
            status = status_no_memory("a path");
    }
    free(info);
    if (path) {
        free(d->disk.parent_path);
        d->disk.parent_path = path;
    }
    return status;
}

static void forget_maps(struct virtdisk_disk *d)
{
    known_map_forget(&d->chain);
    if (d->disk.type == VHD_TYPE_DIFFERENCING)
        known_map_forget(&d->leaf);
}

// Once virtdisk has the files nobody else writes them; what was learnt before is looked over then.
// *same: it holds, or the maps are forgotten. virtdisk may itself write a file that it opens for
// writing, so that learning anew might find another change each time.
static enum status look_over(struct virtdisk_disk *d, const struct vhd_open *how, bool *same)
{
    enum status status = virtdisk_files_compare(&d->files, d->api, d->handle, &d->info, same);
    if (status != STATUS_OK || (!*same && !how->writable))
        return status;
    status = check_size(d, *same);
    if (!*same)
        forget_maps(d);
    *same = true;
    return status;
}

static enum status open_by_virtdisk(struct virtdisk_disk *d, const struct vhd_open *how, bool *same)
{
    const struct virtdisk_how opened = {
        .format = d->info.format, .read_only = !how->writable, .wait_ms = how->wait_ms};
    d->event = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (!d->event)
        return status_fail_win32(GetLastError(), "An event cannot be made");
    enum status status = virtdisk_open_handle(d->api, d->disk.path, &opened, &d->handle);
    if (status == STATUS_OK)
        status = virtdisk_attach_handle(d->api, d->disk.path, d->handle, !how->writable);
    if (status == STATUS_OK)
        status = look_over(d, how, same);
    if (status == STATUS_OK && *same && d->disk.type == VHD_TYPE_DIFFERENCING)
        status = learn_parent(d);
    return status;
}

static bool has_live_log(struct vhd *native)
{
    for (; native; native = vhd_parent(native)) {
        struct vhd_info info;
        vhd_get_info(native, &info);
        if (info.log_live)
            return true;
    }
    return false;
}

// What virtdisk cannot do without changing what it should only read, or without its parents, or
// while others write: reading a live log (virtdisk would replay it into the file), and looks.
static bool stays_native(struct vhd *native, const struct vhd_open *how)
{
    if (how->writable)
        return false;
    return how->share == FILE_SHARE_ANYTHING || has_live_log(native) ||
           (how->no_parents && native->type == VHD_TYPE_DIFFERENCING);
}

static enum status take_over(struct vhd *native, const struct vhd_open *how,
                             struct virtdisk_disk **out)
{
    if (how->no_parents && native->type == VHD_TYPE_DIFFERENCING) {
        (void)status_fail(STATUS_UNSUPPORTED, VHD_ERROR_INVALID_STATE,
                          "%s: virtdisk does not write a differencing disk without its parents.",
                          native->path);
        return status_advise(0, "Use the native backend.");
    }
    struct virtdisk_disk *d = calloc(1, sizeof *d);
    if (!d)
        return status_no_memory("a disk");
    d->disk.ops = &virtdisk_ops;
    d->disk.writable = how->writable;
    enum status status = virtdisk_provider(&d->api);
    if (status == STATUS_OK)
        status = learn(d, native);
    if (status != STATUS_OK) {
        virtdisk_abandon(&d->disk);
        return status;
    }
    *out = d;
    return STATUS_OK;
}

// *same: false when somebody changed the disk in between, and there is no *out.
static enum status open_once(const char *path, const struct vhd_open *how, bool *same,
                             struct vhd **out)
{
    struct vhd_open reading = *how;
    struct virtdisk_disk *d;
    struct vhd *native;

    if (how->writable) {
        reading.writable = false;
        reading.share = FILE_SHARE_DENY_WRITE;
    }
    enum status status = vhd_native_open(path, &reading, &native);
    if (status != STATUS_OK)
        return status;
    if (stays_native(native, how)) {
        *same = true;
        *out = native;
        return STATUS_OK;
    }
    status = take_over(native, how, &d);
    vhd_abandon(native);
    if (status != STATUS_OK)
        return status;
    status = open_by_virtdisk(d, how, same);
    if (status != STATUS_OK || !*same) {
        virtdisk_abandon(&d->disk);
        return status;
    }
    *out = &d->disk;
    return STATUS_OK;
}

enum status virtdisk_disk_open(const char *path, const struct vhd_open *how, struct vhd **out)
{
    for (int i = 0; i < LEARN_MAX; i++) {
        bool same;
        enum status status = open_once(path, how, &same, out);
        if (status != STATUS_OK || same)
            return status;
    }
    return virtdisk_fail_changed(path);
}
