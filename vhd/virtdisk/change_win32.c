// Changing a disk as a whole: ResizeVirtualDisk, CompactVirtualDisk, SetVirtualDiskInformation.
#include <windows.h>

#include "vhd/virtdisk/work.h"

#include <stdlib.h>

#include "base/os.h"
#include "vhd/alone.h"
#include "vhd/virtdisk/error.h"

// What is looked at before virtdisk opens the file: whether the change is one that may be done.
// `request`: of the function in question. `files`: how they look then; NULL: nobody asks.
typedef enum status check(struct vhd *disk, const struct vhd_info *info, const void *request);

static enum status look(const char *path, bool parents, check *may, const void *request,
                        struct vhd_info *info, struct virtdisk_files *files)
{
    const struct vhd_open reading = {
        .share = FILE_SHARE_DENY_WRITE, .no_parents = !parents, .wait_ms = FILE_SHARING_WAIT_MS};
    struct vhd *disk;
    enum status status = vhd_native_open(path, &reading, &disk);
    if (status != STATUS_OK)
        return status;
    vhd_get_info(disk, info);
    if (files)
        status = virtdisk_files_see(files, disk);
    if (status == STATUS_OK)
        status = may(disk, info, request);
    info->path = info->parent_path = NULL; // the disk's
    vhd_abandon(disk);
    return status;
}

static enum status may_resize(struct vhd *disk, const struct vhd_info *info, const void *request)
{
    (void)info;
    return vhd_check_resize(disk, request);
}

// virtdisk's idea of what may be cut off is what an NTFS partition does not hold; ours, all that
// reads as zeros, was looked at before, and must still hold.
static enum status resize(struct virtdisk_work *w, const struct vhd_info *info,
                          const struct virtdisk_files *files, const struct vhd_resize *how)
{
    const struct virtdisk_resize parameters = {.version = VIRTDISK_RESIZE_VERSION_1,
                                               .new_size = how->virtual_size};
    bool cuts = how->virtual_size < info->virtual_size, same = true;
    uint32_t flags = cuts ? VIRTDISK_RESIZE_FLAG_ALLOW_UNSAFE : VIRTDISK_RESIZE_FLAG_NONE;
    enum status status = virtdisk_work_begin(w, info->format);
    if (status == STATUS_OK && cuts && !how->unsafe)
        status = virtdisk_files_compare(files, w->api, w->handle, info, &same);
    if (!same)
        status = virtdisk_fail_changed(w->path);
    if (status == STATUS_OK)
        status = virtdisk_work_finish(
            w, "resize", w->api->ResizeVirtualDisk(w->handle, flags, &parameters, &w->overlapped));
    virtdisk_work_end(w);
    return status;
}

enum status virtdisk_disk_resize(const char *path, const struct vhd_resize *how)
{
    struct virtdisk_files files = {0};
    struct vhd_info info;
    char *absolute;
    enum status status = os_absolute_path(path, &absolute);
    if (status != STATUS_OK)
        return status;
    struct virtdisk_work w = {.path = absolute};
    status = vhd_check_childless(absolute);
    if (status == STATUS_OK)
        status = look(absolute, true, may_resize, how, &info, &files);
    if (status == STATUS_OK && info.virtual_size != how->virtual_size)
        status = resize(&w, &info, &files, how);
    virtdisk_files_free(&files);
    free(absolute);
    return status;
}

static enum status may_compact(struct vhd *disk, const struct vhd_info *info, const void *request)
{
    (void)info;
    (void)request;
    return vhd_check_compact(disk);
}

enum status virtdisk_disk_compact(const char *path, const struct vhd_compact *how)
{
    const struct virtdisk_compact parameters = {.version = VIRTDISK_COMPACT_VERSION_1};
    struct vhd_info info;
    char *absolute;
    enum status status = os_absolute_path(path, &absolute);
    if (status != STATUS_OK)
        return status;
    struct virtdisk_work w = {.path = absolute, .progress = how->progress, .context = how->context};
    status = look(absolute, false, may_compact, NULL, &info, NULL);
    if (status == STATUS_OK) {
        w.share = w.total = info.virtual_size;
        status = virtdisk_work_begin(&w, info.format);
    }
    if (status == STATUS_OK)
        status =
            virtdisk_work_finish(&w, "compact",
                                 w.api->CompactVirtualDisk(w.handle, VIRTDISK_COMPACT_FLAG_NONE,
                                                           &parameters, &w.overlapped));
    virtdisk_work_end(&w);
    free(absolute);
    return status;
}

static enum status may_set_identity(struct vhd *disk, const struct vhd_info *info,
                                    const void *request)
{
    (void)disk;
    return info->format == VHD_FORMAT_VHDX ? vhdx_check_identity(info->path, request)
                                           : vhd1_check_identity(info->path, request);
}

static enum status set(const struct virtdisk_work *w, const struct virtdisk_set_info *info)
{
    DWORD error = w->api->SetVirtualDiskInformation(w->handle, info);
    return error == ERROR_SUCCESS ? STATUS_OK
                                  : virtdisk_fail(error,
                                                  "virtdisk cannot change property %u of "
                                                  "\"%s\"",
                                                  (unsigned)info->version, w->path);
}

static enum status set_identity(struct virtdisk_work *w, enum vhd_format format,
                                const struct vhd_set_identity *how)
{
    bool vhdx = format == VHD_FORMAT_VHDX;
    struct virtdisk_set_info id = {.version = vhdx ? VIRTDISK_SET_VIRTUAL_DISK_ID
                                                   : VIRTDISK_SET_IDENTIFIER};
    const struct virtdisk_set_info sector = {.version = VIRTDISK_SET_PHYSICAL_SECTOR_SIZE,
                                             .physical_sector_size = how->physical_sector_size};
    enum status status = STATUS_OK;
    if (how->virtual_disk_id) {
        id.identifier = *how->virtual_disk_id;
        status = set(w, &id);
    }
    return status == STATUS_OK && how->physical_sector_size ? set(w, &sector) : status;
}

enum status virtdisk_disk_set_identity(const char *path, const struct vhd_set_identity *how)
{
    struct vhd_info info;
    char *absolute;
    enum status status = os_absolute_path(path, &absolute);
    if (status != STATUS_OK)
        return status;
    struct virtdisk_work w = {.path = absolute, .open_flags = VIRTDISK_OPEN_FLAG_NO_PARENTS};
    status = vhd_check_childless(absolute);
    if (status == STATUS_OK)
        status = look(absolute, false, may_set_identity, how, &info, NULL);
    if (status == STATUS_OK)
        status = virtdisk_work_begin(&w, info.format);
    if (status == STATUS_OK)
        status = set_identity(&w, info.format, how);
    virtdisk_work_end(&w);
    free(absolute);
    return status;
}
