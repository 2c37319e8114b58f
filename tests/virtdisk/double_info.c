// What a handle tells of its disk.
#include "tests/virtdisk/double_state.h"

#include <string.h>
#include <stdlib.h>
#include <wchar.h>

#include "base/utf.h"
#include "vhd/errors.h"

// The text after the fixed part; what does not fit is asked for again with *size.
static DWORD put_text(WCHAR *to, const char *text, const char *structure, ULONG *size)
{
    size_t units = 0;
    uint16_t *wide = utf8_to_utf16(text, strlen(text), &units);
    if (!wide)
        return ERROR_NOT_ENOUGH_MEMORY;
    ULONG needed = (ULONG)((const char *)to - structure + (units + 2) * sizeof(WCHAR));
    bool fits = *size >= needed;
    *size = needed;
    if (fits) {
        memcpy(to, wide, units * sizeof(WCHAR));
        to[units] = to[units + 1] = L'\0';
    }
    free(wide);
    return fits ? ERROR_SUCCESS : ERROR_INSUFFICIENT_BUFFER;
}

static DWORD put_parent(const struct vhd_info *disk, struct virtdisk_info *info, ULONG *size)
{
    if (disk->type != VHD_TYPE_DIFFERENCING)
        return double_broken(VHD_ERROR_INVALID_TYPE, "the parent of a disk that has none");
    DWORD error = put_text(info->parent.paths, disk->parent_path, (const char *)info, size);
    if (error == ERROR_SUCCESS)
        info->parent.resolved = TRUE;
    return error;
}

static DWORD put_tracking(const struct double_handle *h, struct virtdisk_info *info, ULONG *size)
{
    char id[64];
    if (h->format != VHD_FORMAT_VHDX)
        return double_broken(ERROR_NOT_SUPPORTED, "the changes of a VHD are not tracked");
    if (!double_moment(h, id, sizeof id)) {
        info->tracking.enabled = FALSE;
        return ERROR_SUCCESS;
    }
    DWORD error = put_text(info->tracking.most_recent_id, id, (const char *)info, size);
    if (error == ERROR_SUCCESS)
        info->tracking.enabled = TRUE;
    return error;
}

static DWORD put(const struct double_handle *h, const struct vhd_info *disk,
                 struct virtdisk_info *info, ULONG *size)
{
    switch (info->version) {
    case VIRTDISK_GET_SIZE:
        info->size.virtual_size = disk->virtual_size;
        info->size.physical_size = disk->file_size;
        info->size.block_size = disk->block_size;
        info->size.sector_size = disk->logical_sector_size;
        return ERROR_SUCCESS;
    case VIRTDISK_GET_IDENTIFIER:
        info->identifier = disk->identity.guid;
        return ERROR_SUCCESS;
    case VIRTDISK_GET_PARENT_LOCATION:
        return put_parent(disk, info, size);
    case VIRTDISK_GET_PARENT_IDENTIFIER:
        info->identifier = disk->parent_linkage;
        return ERROR_SUCCESS;
    case VIRTDISK_GET_STORAGE_TYPE:
        info->storage_type = (struct virtdisk_storage_type){.device = h->format,
                                                            .vendor = VIRTDISK_VENDOR_MICROSOFT};
        return ERROR_SUCCESS;
    case VIRTDISK_GET_PROVIDER_SUBTYPE:
        info->subtype = disk->type;
        return ERROR_SUCCESS;
    case VIRTDISK_GET_PHYSICAL_SECTOR_SIZE:
        info->physical_sector_size = disk->physical_sector_size;
        return ERROR_SUCCESS;
    case VIRTDISK_GET_VIRTUAL_DISK_ID:
        info->identifier = disk->virtual_disk_id;
        return ERROR_SUCCESS;
    case VIRTDISK_GET_CHANGE_TRACKING:
        return put_tracking(h, info, size);
    default:
        return double_broken(ERROR_INVALID_PARAMETER, "information unknown");
    }
}

DWORD WINAPI double_get_info(HANDLE handle, ULONG *size, struct virtdisk_info *info,
                             ULONG *size_used)
{
    DWORD error;
    if (!double_enter("GetVirtualDiskInformation", &error))
        return error;
    struct double_handle *h = double_find(handle);
    if (!h)
        return ERROR_INVALID_HANDLE;
    if (!size || !info)
        return double_broken(ERROR_INVALID_PARAMETER, "room for the information is needed");
    if (*size < sizeof *info) {
        *size = sizeof *info;
        return ERROR_INSUFFICIENT_BUFFER;
    }
    if (!h->disk)
        return double_broken(VHD_ERROR_INVALID_STATE, "asked after it was worked on");
    struct vhd_info disk;
    vhd_get_info(h->disk, &disk);
    error = put(h, &disk, info, size);
    if (error == ERROR_SUCCESS && size_used)
        *size_used = *size;
    return error;
}

static DWORD set(struct double_handle *h, const struct virtdisk_set_info *info)
{
    struct vhd_set_identity how = {0};
    switch (info->version) {
    case VIRTDISK_SET_IDENTIFIER:
        if (h->format != VHD_FORMAT_VHD)
            return double_broken(ERROR_NOT_SUPPORTED, "a VHDX has no identifier to be set");
        how.virtual_disk_id = &info->identifier;
        break;
    case VIRTDISK_SET_VIRTUAL_DISK_ID:
        if (h->format != VHD_FORMAT_VHDX)
            return double_broken(ERROR_NOT_SUPPORTED, "a VHD has no Virtual Disk ID");
        how.virtual_disk_id = &info->identifier;
        break;
    case VIRTDISK_SET_PHYSICAL_SECTOR_SIZE:
        if (h->format != VHD_FORMAT_VHDX ||
            (info->physical_sector_size != 512 && info->physical_sector_size != 4096))
            return double_broken(ERROR_INVALID_PARAMETER, "a VHDX's is 512 or 4096");
        how.physical_sector_size = info->physical_sector_size;
        break;
    default:
        return double_broken(ERROR_INVALID_PARAMETER, "information unknown");
    }
    enum status status = vhd_close(h->disk);
    h->disk = NULL;
    if (status == STATUS_OK)
        status = vhd_native_set_identity(h->path, &how);
    return status == STATUS_OK ? double_open_disk(h) : double_error();
}

DWORD WINAPI double_set_info(HANDLE handle, const struct virtdisk_set_info *info)
{
    DWORD error;
    if (!double_enter("SetVirtualDiskInformation", &error))
        return error;
    struct double_handle *h = double_find(handle);
    if (!h)
        return ERROR_INVALID_HANDLE;
    if (!info)
        return double_broken(ERROR_INVALID_PARAMETER, "nothing to set");
    if (h->read_only || h->info_only || h->attached || !h->disk)
        return double_broken(ERROR_ACCESS_DENIED, "set what was not opened for it");
    if (info->version == VIRTDISK_SET_CHANGE_TRACKING) {
        if (h->format != VHD_FORMAT_VHDX)
            return double_broken(ERROR_NOT_SUPPORTED, "the changes of a VHD are not tracked");
        double_track(h, info->tracking_enabled);
        return ERROR_SUCCESS;
    }
    if (!h->no_parents)
        return double_broken(ERROR_INVALID_PARAMETER, "opened with parents, set");
    return set(h, info);
}
