// CreateVirtualDisk: disks and children.
#include <windows.h>

#include "vhd/virtdisk/disk.h"

#include <stdlib.h>

#include "base/os.h"
#include "base/os_win32.h"
#include "vhd/errors.h"
#include "vhd/virtdisk/error.h"

#define SIZE_MIN                     (3u << 20)
#define SECTOR_SIZE_DEFAULT          512u
#define PHYSICAL_SECTOR_SIZE_DEFAULT 4096u
#define VHDX_BLOCK_SIZE_DEFAULT      (32u << 20)
#define VHD_BLOCK_SIZE_DEFAULT       (2u << 20)

// `path`: absolute. A failure leaves no file behind that was not there before.
static enum status create(const char *path, enum vhd_format format, uint32_t flags,
                          const struct virtdisk_create *parameters)
{
    const struct virtdisk_storage_type type = {.device = format,
                                               .vendor = VIRTDISK_VENDOR_MICROSOFT};
    const struct virtdisk_api *api;
    HANDLE handle;

    enum status status = virtdisk_provider(&api);
    if (status != STATUS_OK)
        return status;
    WCHAR *wide = os_wide_path(path);
    if (!wide)
        return status_last()->status;
    bool there = os_file_exists(path);
    DWORD error = api->CreateVirtualDisk(&type, wide, VIRTDISK_ACCESS_NONE, NULL, flags, 0,
                                         parameters, NULL, &handle);
    free(wide);
    if (error == ERROR_SUCCESS) {
        api->CloseHandle(handle);
        return STATUS_OK;
    }
    (void)virtdisk_fail(error, "virtdisk cannot create \"%s\"", path);
    struct status_details failure = *status_last();
    if (!there && os_file_exists(path) && os_remove_file(path) != STATUS_OK) {
        (void)status_restore(&failure);
        return status_advise(0, "Delete the file, which is not complete.");
    }
    return status_restore(&failure);
}

static uint32_t default_block_size(enum vhd_format format)
{
    return format == VHD_FORMAT_VHDX ? VHDX_BLOCK_SIZE_DEFAULT : VHD_BLOCK_SIZE_DEFAULT;
}

static enum status check(const char *path, const struct vhd_create *how)
{
    enum status status = how->format == VHD_FORMAT_VHDX ? vhdx_check_create(path, how)
                                                        : vhd1_check_create(path, how);
    if (status != STATUS_OK || how->virtual_size >= SIZE_MIN)
        return status;
    return status_fail(STATUS_INVALID_ARGUMENT, VHD_ERROR_INVALID_SIZE,
                       "%s: virtdisk makes no disks of less than 3 MiB.", path);
}

static struct virtdisk_create parameters_of(const struct vhd_create *how)
{
    bool vhdx = how->format == VHD_FORMAT_VHDX;
    struct virtdisk_create parameters = {
        .version = VIRTDISK_CREATE_VERSION_2,
        .maximum_size = how->virtual_size,
        .sector_size = how->logical_sector_size ? how->logical_sector_size : SECTOR_SIZE_DEFAULT,
    };
    if (how->virtual_disk_id)
        parameters.unique_id = *how->virtual_disk_id;
    if (how->type == VHD_TYPE_DYNAMIC)
        parameters.block_size = how->block_size ? how->block_size : default_block_size(how->format);
    if (vhdx)
        parameters.physical_sector_size =
            how->physical_sector_size ? how->physical_sector_size : PHYSICAL_SECTOR_SIZE_DEFAULT;
    return parameters;
}

enum status virtdisk_disk_create(const char *path, const struct vhd_create *how)
{
    const struct virtdisk_create parameters = parameters_of(how);
    char *absolute;
    enum status status = check(path, how);
    if (status == STATUS_OK)
        status = os_absolute_path(path, &absolute);
    if (status != STATUS_OK)
        return status;
    status = create(absolute, how->format,
                    how->type == VHD_TYPE_FIXED ? VIRTDISK_CREATE_FLAG_FULL_PHYSICAL_ALLOCATION
                                                : VIRTDISK_CREATE_FLAG_NONE,
                    &parameters);
    free(absolute);
    return status;
}

// What the child needs to know of its parent, read before virtdisk opens the parent. *path: the
// parent's, absolute, allocated.
static enum status look_at_parent(const char *parent_path, struct vhd_info *info, char **path)
{
    const struct vhd_open how = {.share = FILE_SHARE_DENY_WRITE, .wait_ms = FILE_SHARING_WAIT_MS};
    struct vhd *parent;
    enum status status = vhd_native_open(parent_path, &how, &parent);
    if (status != STATUS_OK)
        return status;
    vhd_get_info(parent, info);
    info->path = info->parent_path = NULL; // the disk's
    status = os_absolute_path(parent_path, path);
    vhd_abandon(parent);
    return status;
}

// Opened for writing and closed, a VHDX has no live log any more.
static enum status replay_log(const char *path)
{
    const struct vhd_open how = {
        .writable = true, .share = FILE_SHARE_NOTHING, .wait_ms = FILE_SHARING_WAIT_MS};
    struct vhd *disk;
    enum status status = virtdisk_disk_open(path, &how, &disk);
    return status == STATUS_OK ? vhd_close(disk) : status;
}

static enum status check_child(const char *path, const struct vhd_info *parent, uint32_t block_size)
{
    return parent->format == VHD_FORMAT_VHDX
               ? vhdx_check_block_size(path, block_size)
               : vhd1_check_child(path, parent->virtual_size, block_size);
}

static enum status create_over(const char *child_path, const char *parent_path,
                               const struct vhd_info *parent, uint32_t block_size)
{
    bool vhdx = parent->format == VHD_FORMAT_VHDX;
    struct virtdisk_create parameters = {
        .version = VIRTDISK_CREATE_VERSION_2,
        .block_size = block_size,
        .physical_sector_size = vhdx ? parent->physical_sector_size : 0,
        .parent_type = {.device = parent->format, .vendor = VIRTDISK_VENDOR_MICROSOFT},
    };
    char *child;

    if (vhdx) // a VHD's is what its own children know it by
        parameters.unique_id = parent->virtual_disk_id;
    enum status status = os_absolute_path(child_path, &child);
    if (status != STATUS_OK)
        return status;
    WCHAR *wide_parent = os_wide_path(parent_path);
    parameters.parent_path = wide_parent;
    status = wide_parent ? create(child, parent->format, VIRTDISK_CREATE_FLAG_NONE, &parameters)
                         : status_last()->status;
    free(wide_parent);
    free(child);
    return status;
}

enum status virtdisk_disk_create_child(const char *path, const struct vhd_create *how)
{
    uint32_t block_size = how->block_size ? how->block_size : VHD_CHILD_BLOCK_SIZE;
    struct vhd_info info;
    char *parent;

    enum status status = look_at_parent(how->parent_path, &info, &parent);
    if (status != STATUS_OK)
        return status;
    status = check_child(path, &info, block_size);
    if (status == STATUS_OK && info.log_live)
        status = replay_log(parent);
    if (status == STATUS_OK)
        status = create_over(path, parent, &info, block_size);
    free(parent);
    return status;
}
