// Creating disks and children natively, as far as it is not a format's own business.
#include "vhd/chain.h"

#include <stdlib.h>

enum status vhd_native_create(const char *path, const struct vhd_create *how)
{
    struct vhd_create request = *how;
    char *absolute;

    if (!request.fs)
        request.fs = file_system_os();
    enum status status = vhd_door_path(request.fs, path, &absolute);
    if (status != STATUS_OK)
        return status;
    status = request.format == VHD_FORMAT_VHDX ? vhdx_create(absolute, &request)
                                               : vhd1_create(absolute, &request);
    free(absolute);
    return status;
}

// Whether vhdmp takes a read-only parent with a live log is not known, so none is left to it.
static enum status replay_log(const struct file_system *fs, const char *path)
{
    const struct vhd_open how = {.fs = fs,
                                 .writable = true,
                                 .share = FILE_SHARE_NOTHING,
                                 .no_parents = true,
                                 .wait_ms = FILE_SHARING_WAIT_MS};
    struct vhd *disk;
    enum status status = vhd_native_open(path, &how, &disk);
    return status == STATUS_OK ? vhd_close(disk) : status;
}

static enum status open_parent(const struct file_system *fs, const char *path, struct vhd **parent,
                               struct vhd_info *info)
{
    const struct vhd_open how = {
        .fs = fs, .share = FILE_SHARE_DENY_WRITE, .wait_ms = FILE_SHARING_WAIT_MS};
    enum status status = vhd_native_open(path, &how, parent);
    if (status != STATUS_OK)
        return status;
    vhd_get_info(*parent, info);
    return STATUS_OK;
}

enum status vhd_native_create_child(const char *path, const struct vhd_create *how)
{
    struct vhd_create request = *how;
    struct vhd_info info;
    struct vhd *parent;
    char *child;

    if (!request.fs)
        request.fs = file_system_os();
    if (request.block_size == 0)
        request.block_size = VHD_CHILD_BLOCK_SIZE;
    enum status status = vhd_door_path(request.fs, path, &child);
    if (status != STATUS_OK)
        return status;
    status = open_parent(request.fs, request.parent_path, &parent, &info);
    if (status == STATUS_OK && info.log_live) {
        vhd_abandon(parent);
        status = replay_log(request.fs, request.parent_path);
        if (status == STATUS_OK)
            status = open_parent(request.fs, request.parent_path, &parent, &info);
    }
    if (status == STATUS_OK) {
        // The parent stays open, so that it is as the child describes it when the child is
        // complete.
        status = info.format == VHD_FORMAT_VHDX ? vhdx_create_child(child, &info, &request)
                                                : vhd1_create_child(child, &info, &request);
        vhd_abandon(parent);
    }
    free(child);
    return status;
}
