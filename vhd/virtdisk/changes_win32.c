#include <windows.h>

#include "vhd/virtdisk/changes.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/os.h"
#include "base/utf.h"
#include "vhd/errors.h"
#include "vhd/virtdisk/disk.h"
#include "vhd/virtdisk/error.h"

#define RANGES_AT_ONCE 1024

// A VHDX that is asked about its changes.
struct tracked {
    const struct virtdisk_api *api;
    char *path; // absolute
    HANDLE handle;
};

static enum status open_tracked(struct tracked *t, const char *path, bool read_only)
{
    const struct virtdisk_how how = {
        .format = VHD_FORMAT_VHDX, .read_only = read_only, .wait_ms = FILE_SHARING_WAIT_MS};
    enum status status = virtdisk_provider(&t->api);
    if (status == STATUS_OK)
        status = os_absolute_path(path, &t->path);
    return status == STATUS_OK ? virtdisk_open_handle(t->api, t->path, &how, &t->handle) : status;
}

static void close_tracked(struct tracked *t)
{
    if (t->handle)
        t->api->CloseHandle(t->handle);
    free(t->path);
}

enum status virtdisk_track_changes(const char *path, bool on)
{
    const struct virtdisk_set_info info = {.version = VIRTDISK_SET_CHANGE_TRACKING,
                                           .tracking_enabled = on};
    struct tracked t = {0};
    enum status status = open_tracked(&t, path, false);
    if (status == STATUS_OK) {
        DWORD error = t.api->SetVirtualDiskInformation(t.handle, &info);
        if (error != ERROR_SUCCESS)
            status = virtdisk_fail(error, "virtdisk cannot switch the change tracking of \"%s\"",
                                   t.path);
    }
    close_tracked(&t);
    return status;
}

enum status virtdisk_name_moment(const char *path, char **moment)
{
    struct tracked t = {0};
    struct virtdisk_info *info = NULL;
    enum status status = open_tracked(&t, path, true);
    if (status == STATUS_OK)
        status = virtdisk_get_info(t.api, t.path, t.handle, VIRTDISK_GET_CHANGE_TRACKING, &info);
    if (status == STATUS_OK && !info->tracking.enabled)
        status = virtdisk_fail(VHD_ERROR_CHANGE_TRACKING_DISABLED, "\"%s\" is not tracked", t.path);
    if (status == STATUS_OK) {
        const WCHAR *id = info->tracking.most_recent_id;
        *moment = utf16_to_utf8((const uint16_t *)id, wcslen(id));
        if (!*moment)
            status = status_no_memory("the name of a moment");
    }
    free(info);
    close_tracked(&t);
    return status;
}

// From `*offset` as far as one call comes.
static enum status list_some(const struct tracked *t, const WCHAR *moment, uint64_t *offset,
                             uint64_t end, struct virtdisk_range *ranges,
                             bool (*changed)(void *context, uint64_t offset, uint64_t length),
                             void *context)
{
    ULONG count = RANGES_AT_ONCE;
    uint64_t processed = 0;
    DWORD error = t->api->QueryChangesVirtualDisk(t->handle, moment, *offset, end - *offset, 0,
                                                  ranges, &count, &processed);
    if (error != ERROR_SUCCESS)
        return virtdisk_fail(error, "virtdisk cannot tell the changes of \"%s\"", t->path);
    if (processed == 0 || processed > end - *offset || count > RANGES_AT_ONCE)
        return status_fail(STATUS_IO, 0, "virtdisk tells no sensible changes of \"%s\".", t->path);
    for (ULONG i = 0; i < count; i++)
        if (!changed(context, ranges[i].offset, ranges[i].length))
            return status_fail(STATUS_CANCELLED, 0, "The changes of \"%s\" are not wanted.",
                               t->path);
    *offset += processed;
    return STATUS_OK;
}

static enum status list(const struct tracked *t, const WCHAR *moment,
                        bool (*changed)(void *context, uint64_t offset, uint64_t length),
                        void *context)
{
    struct virtdisk_range *ranges = calloc(RANGES_AT_ONCE, sizeof *ranges);
    struct virtdisk_info *info = NULL;
    enum status status =
        ranges ? virtdisk_get_info(t->api, t->path, t->handle, VIRTDISK_GET_SIZE, &info)
               : status_no_memory("the changes of a disk");
    uint64_t end = status == STATUS_OK ? info->size.virtual_size : 0;
    for (uint64_t at = 0; status == STATUS_OK && at < end;)
        status = list_some(t, moment, &at, end, ranges, changed, context);
    free(info);
    free(ranges);
    return status;
}

enum status virtdisk_list_changes(const char *path, const char *moment,
                                  bool (*changed)(void *context, uint64_t offset, uint64_t length),
                                  void *context)
{
    struct tracked t = {0};
    WCHAR *wide = (WCHAR *)utf8_to_utf16(moment, strlen(moment), NULL);
    if (!wide)
        return status_no_memory("the name of a moment");
    enum status status = open_tracked(&t, path, true);
    if (status == STATUS_OK)
        status = list(&t, wide, changed, context);
    close_tracked(&t);
    free(wide);
    return status;
}
