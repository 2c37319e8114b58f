// Changing the virtual size of a disk.
#include <stdlib.h>

#include "base/bytes.h"
#include "base/checked.h"
#include "vhd/alone.h"
#include "vhd/errors.h"

#define READ_SIZE (1u << 20)

static enum status would_truncate(const struct vhd *disk, uint64_t offset)
{
    status_fail(STATUS_REFUSED, VHD_ERROR_RESIZE_WOULD_TRUNCATE_DATA,
                "%s: what would be cut off holds data, at %llu for one.", disk->path,
                (unsigned long long)offset);
    return status_advise(0, "Shrink or remove the partitions in it first, or ask for the unsafe "
                            "way: it throws the data away.");
}

static enum status tell(const struct vhd *disk, const struct vhd_resize *how, uint64_t at)
{
    if (!how->progress ||
        how->progress(how->context, at - how->virtual_size, disk->virtual_size - how->virtual_size))
        return STATUS_OK;
    return status_fail(STATUS_CANCELLED, 0, "The resizing of %s was stopped; nothing was changed.",
                       disk->path);
}

static enum status check_data(struct vhd *disk, const struct vhd_extent *extent,
                              const struct vhd_resize *how, uint8_t *buffer)
{
    uint64_t end = extent->offset + extent->length;
    size_t size;
    for (uint64_t at = extent->offset; at < end; at += size) {
        size = (size_t)min_u64(READ_SIZE, end - at);
        enum status status = vhd_read(disk, at, buffer, size);
        if (status != STATUS_OK)
            return status;
        for (size_t i = 0; i < size; i += disk->sector_size)
            if (!bytes_are_zero(buffer + i, disk->sector_size))
                return would_truncate(disk, at + i);
        status = tell(disk, how, at + size);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

// All from the new size on must read as zeros.
static enum status check_cut(struct vhd *disk, const struct vhd_resize *how)
{
    uint8_t *buffer = malloc(READ_SIZE);
    struct vhd_extent extent;
    enum status status = buffer ? STATUS_OK : status_no_memory("the end of a disk");
    for (uint64_t at = how->virtual_size; at < disk->virtual_size && status == STATUS_OK;
         at += extent.length) {
        status = vhd_map(disk, VHD_MAP_CHAIN, at, disk->virtual_size - at, &extent);
        if (status == STATUS_OK && extent.kind == VHD_EXTENT_DATA)
            status = check_data(disk, &extent, how, buffer);
        else if (status == STATUS_OK)
            status = tell(disk, how, at + extent.length);
    }
    free(buffer);
    return status;
}

static enum status check_size(const struct vhd *disk, const struct vhd_info *info, uint64_t size)
{
    return info->format == VHD_FORMAT_VHDX ? vhdx_check_resize(disk->path, disk->sector_size, size)
                                           : vhd1_check_resize(disk->path, disk->type, size);
}

enum status vhd_check_resize(struct vhd *disk, const struct vhd_resize *how)
{
    struct vhd_info info;
    vhd_get_info(disk, &info);
    enum status status = check_size(disk, &info, how->virtual_size);
    return status == STATUS_OK && !how->unsafe ? check_cut(disk, how) : status;
}

static enum status resize(struct vhd *disk, const void *request)
{
    const struct vhd_resize *how = request;
    enum status status = vhd_check_resize(disk, how);
    return status == STATUS_OK ? disk->image->ops->resize(disk->image, how->virtual_size) : status;
}

enum status vhd_native_resize(const char *path, const struct vhd_resize *how)
{
    const struct vhd_alone alone = {.fs = how->fs, .parents = true, .childless = true};
    return vhd_change_alone(path, &alone, resize, how);
}
