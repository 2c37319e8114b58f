// Opening, creating, attaching, closing: what virtdisk wants of the parameters.
#include "tests/virtdisk/double_state.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/checked.h"
#include "base/os.h"
#include "base/utf.h"
#include "vhd/errors.h"

#define OPEN_FLAGS   0x3FFu
#define CREATE_FLAGS 0x7FFu
#define MIB          (1u << 20)
#define SIZE_MIN     (3u * MIB)

// Allocated UTF-8 of an absolute path; NULL when it is none.
static char *take_path(const WCHAR *path)
{
    char *text = path ? utf16_to_utf8((const uint16_t *)path, wcslen(path)) : NULL;
    if (text && os_path_is_absolute(text))
        return text;
    free(text);
    return NULL;
}

static bool has_extension(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot && (_stricmp(dot, ".vhd") == 0 || _stricmp(dot, ".vhdx") == 0 ||
                   _stricmp(dot, ".avhd") == 0 || _stricmp(dot, ".avhdx") == 0);
}

static DWORD check_type(const struct virtdisk_storage_type *type, const char *path)
{
    static const struct guid microsoft = VIRTDISK_VENDOR_MICROSOFT;
    if (!type)
        return double_broken(ERROR_INVALID_PARAMETER, "the storage type must be given");
    if (type->device == 0)
        return has_extension(path) ? ERROR_SUCCESS
                                   : double_broken(VHD_ERROR_PROVIDER_NOT_FOUND,
                                                   "the extension tells no storage type");
    if (type->device != VHD_FORMAT_VHD && type->device != VHD_FORMAT_VHDX)
        return double_broken(VHD_ERROR_PROVIDER_NOT_FOUND, "storage type unknown");
    if (!guid_equal(&type->vendor, &microsoft))
        return double_broken(VHD_ERROR_PROVIDER_NOT_FOUND, "a storage type needs its vendor");
    return ERROR_SUCCESS;
}

static DWORD check_open(const struct virtdisk_storage_type *type, const char *path, uint32_t access,
                        uint32_t flags, const struct virtdisk_open *parameters,
                        const HANDLE *handle)
{
    if (!path)
        return double_broken(ERROR_INVALID_PARAMETER, "the path must be absolute");
    if (!handle || !parameters || parameters->version != VIRTDISK_OPEN_VERSION_2)
        return double_broken(ERROR_INVALID_PARAMETER, "version 2 is what this double knows");
    if (access != VIRTDISK_ACCESS_NONE)
        return double_broken(ERROR_INVALID_PARAMETER, "version 2 goes with no access mask");
    if (flags & ~OPEN_FLAGS)
        return double_broken(ERROR_INVALID_PARAMETER, "open flags unknown");
    if (!double_is_new_guid(&parameters->resiliency))
        return double_broken(ERROR_INVALID_PARAMETER, "the resiliency GUID is not a new one");
    return check_type(type, path);
}

DWORD double_open_disk(struct double_handle *h)
{
    const struct vhd_open how = {
        .writable = !h->read_only && !h->info_only,
        .share = h->info_only   ? FILE_SHARE_ANYTHING
                 : h->read_only ? FILE_SHARE_DENY_WRITE
                                : FILE_SHARE_NOTHING,
        .no_parents = h->no_parents,
    };
    if (vhd_native_open(h->path, &how, &h->disk) != STATUS_OK)
        return double_error();
    struct vhd_info info;
    vhd_get_info(h->disk, &info);
    if (h->format == 0 || h->format == info.format) {
        h->format = info.format;
        return ERROR_SUCCESS;
    }
    vhd_abandon(h->disk);
    h->disk = NULL;
    return double_broken(VHD_ERROR_FORMAT_UNKNOWN, "the file is not of the storage type");
}

DWORD WINAPI double_open(const struct virtdisk_storage_type *type, const WCHAR *path,
                         uint32_t access, uint32_t flags, const struct virtdisk_open *parameters,
                         HANDLE *handle)
{
    DWORD error;
    if (!double_enter("OpenVirtualDisk", &error))
        return error;
    char *text = take_path(path);
    error = check_open(type, text, access, flags, parameters, handle);
    if (error != ERROR_SUCCESS) {
        free(text);
        return error;
    }
    struct double_handle *h = double_add();
    h->path = text;
    h->format = type->device;
    h->read_only = parameters->read_only;
    h->info_only = parameters->get_info_only;
    h->no_parents = flags & VIRTDISK_OPEN_FLAG_NO_PARENTS;
    error = double_open_disk(h);
    if (error == ERROR_SUCCESS)
        *handle = h;
    else
        double_remove(h);
    return error;
}

static DWORD check_block_size(uint32_t format, bool fixed, uint32_t size)
{
    bool ok = size == 0;
    if (!fixed && format == VHD_FORMAT_VHD)
        ok = ok || size == 2 * MIB || size == MIB / 2;
    if (!fixed && format == VHD_FORMAT_VHDX)
        ok = ok || (is_power_of_two(size) && size >= MIB && size <= 256 * MIB);
    return ok ? ERROR_SUCCESS : double_broken(ERROR_INVALID_PARAMETER, "block size not allowed");
}

static bool is_sector_size(uint32_t format, uint32_t size)
{
    return size == 0 || size == 512 || (format == VHD_FORMAT_VHDX && size == 4096);
}

static DWORD check_create(const struct virtdisk_storage_type *type, const char *path,
                          uint32_t access, uint32_t flags, const struct virtdisk_create *p,
                          const HANDLE *handle)
{
    if (!path)
        return double_broken(ERROR_INVALID_PARAMETER, "the path must be absolute");
    if (!handle || !p || p->version != VIRTDISK_CREATE_VERSION_2)
        return double_broken(ERROR_INVALID_PARAMETER, "version 2 is what this double knows");
    if (access != VIRTDISK_ACCESS_NONE)
        return double_broken(ERROR_INVALID_PARAMETER, "version 2 goes with no access mask");
    if (flags & ~CREATE_FLAGS)
        return double_broken(ERROR_INVALID_PARAMETER, "create flags unknown");
    if (p->parent_path && p->source_path)
        return double_broken(ERROR_INVALID_PARAMETER, "a parent and a source exclude each other");
    if (p->source_path || type->device == 0)
        return double_broken(ERROR_NOT_SUPPORTED, "this double clones nothing");
    if (p->parent_path && (p->maximum_size != 0 || p->sector_size != 0))
        return double_broken(ERROR_INVALID_PARAMETER, "a child's sizes are its parent's");
    if (p->parent_path && flags & VIRTDISK_CREATE_FLAG_FULL_PHYSICAL_ALLOCATION)
        return double_broken(ERROR_INVALID_PARAMETER, "a child is not fixed");
    if (!is_sector_size(type->device, p->sector_size) ||
        (p->physical_sector_size != 0 && p->physical_sector_size != 512 &&
         p->physical_sector_size != 4096))
        return double_broken(ERROR_INVALID_PARAMETER, "sector size not allowed");
    if (!p->parent_path && (p->maximum_size < SIZE_MIN ||
                            p->maximum_size % (p->sector_size ? p->sector_size : 512) != 0))
        return double_broken(ERROR_INVALID_PARAMETER, "a disk has at least 3 MiB, whole sectors");
    return check_block_size(type->device, flags & VIRTDISK_CREATE_FLAG_FULL_PHYSICAL_ALLOCATION,
                            p->block_size);
}

static enum status create_child(const char *path, const struct virtdisk_create *p)
{
    const struct vhd_open look = {.share = FILE_SHARE_DENY_WRITE};
    struct vhd_info info;
    struct vhd *parent;
    char *parent_path = take_path(p->parent_path);
    if (!parent_path)
        return status_fail(STATUS_INVALID_ARGUMENT, ERROR_INVALID_PARAMETER,
                           "The parent's path is not absolute.");
    enum status status = vhd_native_open(parent_path, &look, &parent);
    if (status == STATUS_OK) {
        vhd_get_info(parent, &info);
        vhd_abandon(parent);
        if (info.log_live)
            (void)double_broken(ERROR_SUCCESS, "the parent has a live log");
        if (p->parent_type.device != 0 && p->parent_type.device != (uint32_t)info.format)
            status = status_fail(STATUS_INVALID_ARGUMENT, ERROR_INVALID_PARAMETER,
                                 "The parent is not of its storage type.");
    }
    const struct vhd_create how = {
        .type = VHD_TYPE_DIFFERENCING, .parent_path = parent_path, .block_size = p->block_size};
    if (status == STATUS_OK)
        status = vhd_native_create_child(path, &how);
    free(parent_path);
    return status;
}

static enum status create_disk(const struct virtdisk_storage_type *type, const char *path,
                               uint32_t flags, const struct virtdisk_create *p)
{
    const struct vhd_create how = {
        .format = type->device,
        .type = flags & VIRTDISK_CREATE_FLAG_FULL_PHYSICAL_ALLOCATION ? VHD_TYPE_FIXED
                                                                      : VHD_TYPE_DYNAMIC,
        .virtual_size = p->maximum_size,
        .block_size = p->block_size,
        .logical_sector_size = p->sector_size,
        .physical_sector_size = p->physical_sector_size,
        .virtual_disk_id = guid_is_zero(&p->unique_id) ? NULL : &p->unique_id,
    };
    return vhd_native_create(path, &how);
}

DWORD WINAPI double_create(const struct virtdisk_storage_type *type, const WCHAR *path,
                           uint32_t access, void *security, uint32_t flags, uint32_t provider_flags,
                           const struct virtdisk_create *parameters, OVERLAPPED *overlapped,
                           HANDLE *handle)
{
    DWORD error;
    if (!double_enter("CreateVirtualDisk", &error))
        return error;
    if (security || provider_flags || overlapped)
        return double_broken(ERROR_NOT_SUPPORTED, "this double creates at once and for everybody");
    char *text = take_path(path);
    error = check_type(type, text ? text : "");
    if (error == ERROR_SUCCESS)
        error = check_create(type, text, access, flags, parameters, handle);
    if (error == ERROR_SUCCESS &&
        (parameters->parent_path ? create_child(text, parameters)
                                 : create_disk(type, text, flags, parameters)) != STATUS_OK)
        error = double_error();
    if (error != ERROR_SUCCESS) {
        free(text);
        return error;
    }
    struct double_handle *h = double_add();
    h->path = text;
    h->format = type->device;
    error = double_open_disk(h);
    if (error == ERROR_SUCCESS)
        *handle = h;
    else
        double_remove(h);
    return error;
}

static DWORD check_attach(struct double_handle *h, uint32_t flags,
                          const struct virtdisk_attach *parameters)
{
    if (h->attached)
        return double_broken(VHD_ERROR_ALREADY_OWNED, "the disk is attached already");
    if (!(flags & VIRTDISK_ATTACH_FLAG_NO_LOCAL_HOST))
        return double_broken(ERROR_NOT_SUPPORTED, "this double has no disk devices");
    if (flags & ~(VIRTDISK_ATTACH_FLAG_NO_LOCAL_HOST | VIRTDISK_ATTACH_FLAG_READ_ONLY))
        return double_broken(ERROR_INVALID_PARAMETER, "attach flags unknown");
    if (parameters && (parameters->version != VIRTDISK_ATTACH_VERSION_1 || parameters->reserved))
        return double_broken(ERROR_INVALID_PARAMETER, "attach parameters of version 1 are zero");
    if (h->info_only || h->no_parents)
        return double_broken(ERROR_ACCESS_DENIED, "opened for information or alone: no attaching");
    if (h->read_only && !(flags & VIRTDISK_ATTACH_FLAG_READ_ONLY))
        return double_broken(ERROR_WRITE_PROTECT, "opened for reading, attached for writing");
    return h->disk ? ERROR_SUCCESS
                   : double_broken(VHD_ERROR_INVALID_STATE, "attached after it was worked on");
}

DWORD WINAPI double_attach(HANDLE handle, void *security, uint32_t flags, uint32_t provider_flags,
                           const struct virtdisk_attach *parameters, OVERLAPPED *overlapped)
{
    DWORD error;
    if (!double_enter("AttachVirtualDisk", &error))
        return error;
    struct double_handle *h = double_find(handle);
    if (!h)
        return ERROR_INVALID_HANDLE;
    if (security || provider_flags || overlapped)
        return double_broken(ERROR_NOT_SUPPORTED, "this double attaches at once and for everybody");
    error = check_attach(h, flags, parameters);
    if (error != ERROR_SUCCESS)
        return error;
    h->attached = true;
    h->attached_read_only = flags & VIRTDISK_ATTACH_FLAG_READ_ONLY;
    return ERROR_SUCCESS;
}

// A handle that is closed without a flush loses nothing: virtdisk writes through. So the disk is
// closed in order.
BOOL WINAPI double_close(HANDLE handle)
{
    DWORD error;
    if (!double_enter("CloseHandle", &error)) {
        SetLastError(error);
        return FALSE;
    }
    struct double_handle *h = double_find(handle);
    if (!h) {
        SetLastError(ERROR_INVALID_HANDLE);
        return FALSE;
    }
    for (size_t i = 0; i < DOUBLE_PENDING_MAX; i++)
        if (h->io[i].overlapped)
            (void)double_broken(ERROR_IO_PENDING, "closed while an I/O was pending");
    if (h->work.overlapped && !h->work.joined) {
        pthread_mutex_lock(&double_mutex);
        bool running = h->work.result == ERROR_IO_PENDING;
        h->work.cancel = true;
        pthread_mutex_unlock(&double_mutex);
        if (running)
            (void)double_broken(ERROR_IO_PENDING, "closed while long work was running");
        pthread_join(h->work.thread, NULL);
    }
    if (h->disk && vhd_close(h->disk) != STATUS_OK)
        (void)double_broken(double_error(), "the disk was not closed in order");
    double_remove(h);
    return TRUE;
}
