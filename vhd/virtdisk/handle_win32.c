// Virtual disk handles: opening, attaching, asking.
#include <windows.h>

#include "vhd/virtdisk/disk.h"

#include <stdlib.h>

#include "base/os_win32.h"
#include "vhd/virtdisk/error.h"

#define INFO_SIZE_MAX (1u << 20) // a list of paths; more is no answer

enum status virtdisk_open_handle(const struct virtdisk_api *api, const char *path,
                                 const struct virtdisk_how *how, HANDLE *out)
{
    const struct virtdisk_storage_type type = {.device = how->format,
                                               .vendor = VIRTDISK_VENDOR_MICROSOFT};
    struct virtdisk_open parameters = {.version = VIRTDISK_OPEN_VERSION_2,
                                       .get_info_only = how->get_info_only,
                                       .read_only = how->read_only};
    struct os_win32_retry retry;
    DWORD error;

    WCHAR *wide = os_wide_path(path);
    if (!wide)
        return status_last()->status;
    os_win32_retry_begin(&retry, how->wait_ms);
    do {
        enum status status = guid_generate(&parameters.resiliency);
        if (status != STATUS_OK) {
            free(wide);
            return status;
        }
        error =
            api->OpenVirtualDisk(&type, wide, VIRTDISK_ACCESS_NONE, how->flags, &parameters, out);
    } while (os_win32_is_sharing_violation(error) && os_win32_retry(&retry));
    free(wide);
    return error == ERROR_SUCCESS ? STATUS_OK
                                  : virtdisk_fail(error, "virtdisk cannot open \"%s\"", path);
}

enum status virtdisk_attach_handle(const struct virtdisk_api *api, const char *path, HANDLE handle,
                                   bool read_only)
{
    const struct virtdisk_attach parameters = {.version = VIRTDISK_ATTACH_VERSION_1};
    DWORD error = api->AttachVirtualDisk(handle, NULL,
                                         VIRTDISK_ATTACH_FLAG_NO_LOCAL_HOST |
                                             (read_only ? VIRTDISK_ATTACH_FLAG_READ_ONLY : 0u),
                                         0, &parameters, NULL);
    return error == ERROR_SUCCESS ? STATUS_OK
                                  : virtdisk_fail(error, "virtdisk cannot attach \"%s\"", path);
}

enum status virtdisk_get_info(const struct virtdisk_api *api, const char *path, HANDLE handle,
                              enum virtdisk_get kind, struct virtdisk_info **out)
{
    ULONG size = sizeof(struct virtdisk_info);
    for (;;) {
        ULONG given = size;
        struct virtdisk_info *info = calloc(1, size);
        if (!info)
            return status_no_memory("what virtdisk tells of a disk");
        info->version = kind;
        DWORD error = api->GetVirtualDiskInformation(handle, &size, info, NULL);
        if (error == ERROR_SUCCESS) {
            *out = info;
            return STATUS_OK;
        }
        free(info);
        if (error != ERROR_INSUFFICIENT_BUFFER || size <= given || size > INFO_SIZE_MAX)
            return virtdisk_fail(error, "virtdisk cannot tell property %d of \"%s\"", (int)kind,
                                 path);
    }
}
