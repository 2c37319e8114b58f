// Making a disk's file smaller.
#include "vhd/alone.h"
#include "vhd/errors.h"

static enum status size_of_file(const struct file_system *fs, const char *path, uint64_t *size)
{
    const struct file_open look = {.share = FILE_SHARE_ANYTHING};
    struct file *file;
    enum status status = fs->open(fs, path, &look, &file);
    if (status != STATUS_OK)
        return status;
    status = file_size(file, size);
    file_close(file);
    return status;
}

enum status vhd_check_compact(const struct vhd *disk)
{
    if (disk->type != VHD_TYPE_FIXED)
        return STATUS_OK;
    return status_fail(STATUS_UNSUPPORTED, VHD_ERROR_INVALID_TYPE,
                       "%s is a fixed disk: its file is as large as the disk and cannot be made "
                       "smaller.",
                       disk->path);
}

static enum status compact(struct vhd *disk, const void *request)
{
    enum status status = vhd_check_compact(disk);
    return status == STATUS_OK ? disk->image->ops->compact(disk->image, request) : status;
}

enum status vhd_native_compact(const char *path, const struct vhd_compact *how)
{
    const struct vhd_alone alone = {.fs = how->fs, .low_io_priority = how->low_io_priority};
    return vhd_change_alone(path, &alone, compact, how);
}

enum status vhd_compact(const char *path, const struct vhd_compact *how, struct vhd_compacted *out)
{
    const struct file_system *fs = how->fs ? how->fs : file_system_os();
    struct vhd_compacted sizes;
    enum status status = size_of_file(fs, path, &sizes.size_before);
    if (status == STATUS_OK)
        status = vhd_backend_of(fs)->compact(path, how);
    if (status == STATUS_OK)
        status = size_of_file(fs, path, &sizes.size_after);
    if (status == STATUS_OK)
        *out = sizes;
    return status;
}
