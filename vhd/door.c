// The door: hands a path to the backend that works on it and I/O to the backend that opened the
// disk; checks arguments, and keeps a failed disk from being written further.
#include "base/checked.h"
#include "vhd/chain.h"
#include "vhd/errors.h"
#include "vhd/virtdisk/virtdisk.h"

static enum vhd_backend chosen = VHD_BACKEND_NATIVE;
static const struct vhd_backend_ops *chosen_ops = &vhd_native;

enum status vhd_choose_backend(enum vhd_backend backend)
{
    const struct vhd_backend_ops *ops = &vhd_native;
    enum status status = backend == VHD_BACKEND_VIRTDISK ? virtdisk_backend(&ops) : STATUS_OK;
    if (status != STATUS_OK)
        return status;
    chosen = backend;
    chosen_ops = ops;
    return STATUS_OK;
}

enum vhd_backend vhd_default_backend(void)
{
    const struct vhd_backend_ops *ops;
    return virtdisk_backend(&ops) == STATUS_OK ? VHD_BACKEND_VIRTDISK : VHD_BACKEND_NATIVE;
}

enum vhd_backend vhd_chosen_backend(void)
{
    return chosen;
}

const char *vhd_backend_name(enum vhd_backend backend)
{
    return backend == VHD_BACKEND_VIRTDISK ? "virtdisk" : "native";
}

// Only the operating system's files can be left to its own code.
const struct vhd_backend_ops *vhd_backend_of(const struct file_system *fs)
{
    return !fs || fs == file_system_os() ? chosen_ops : &vhd_native;
}

enum status vhd_open(const char *path, const struct vhd_open *how, struct vhd **out)
{
    if (how->writable && how->share == FILE_SHARE_ANYTHING)
        return status_fail(STATUS_INVALID_ARGUMENT, 0,
                           "%s: a disk is not written while others may write it.", path);
    const struct vhd_backend_ops *ops = how->native ? &vhd_native : vhd_backend_of(how->fs);
    enum status status = ops->open(path, how, out);
    if (status == STATUS_OK)
        (*out)->change_tracked = vhd_is_change_tracked((*out)->path, how->fs);
    return status;
}

enum status vhd_create(const char *path, const struct vhd_create *how)
{
    const struct vhd_backend_ops *ops = vhd_backend_of(how->fs);
    bool child = how->type == VHD_TYPE_DIFFERENCING;
    if ((!child && how->type != VHD_TYPE_FIXED && how->type != VHD_TYPE_DYNAMIC) ||
        child != (how->parent_path != NULL))
        return status_fail(STATUS_INVALID_ARGUMENT, VHD_ERROR_INVALID_TYPE,
                           "%s: fixed and dynamic disks are created without a parent, "
                           "differencing ones over one.",
                           path);
    if (child && (how->format != 0 || how->virtual_size != 0 || how->logical_sector_size != 0 ||
                  how->physical_sector_size != 0 || how->virtual_disk_id))
        return status_fail(STATUS_INVALID_ARGUMENT, VHD_ERROR_INVALID_SIZE,
                           "%s: the format, sizes and identity of a differencing disk are its "
                           "parent's.",
                           path);
    return child ? ops->create_child(path, how) : ops->create(path, how);
}

enum status vhd_create_child(const char *child_path, const char *parent_path,
                             const struct file_system *fs)
{
    const struct vhd_create how = {
        .fs = fs, .type = VHD_TYPE_DIFFERENCING, .parent_path = parent_path};
    return vhd_create(child_path, &how);
}

enum status vhd_merge(const char *child_path, const struct vhd_merge *how)
{
    return vhd_backend_of(how->fs)->merge(child_path, how);
}

enum status vhd_resize(const char *path, const struct vhd_resize *how)
{
    return vhd_backend_of(how->fs)->resize(path, how);
}

enum status vhd_set_identity(const char *path, const struct vhd_set_identity *how)
{
    return vhd_backend_of(how->fs)->set_identity(path, how);
}

// A format may have found out by itself.
static bool is_poisoned(const struct vhd *disk)
{
    return disk->poisoned || (disk->image && disk->image->poisoned);
}

enum status vhd_close(struct vhd *disk)
{
    if (!is_poisoned(disk))
        return disk->ops->close(disk);
    enum status status = status_fail(
        STATUS_IO, 0, "%s: not closed in order, for a write to it failed before.", disk->path);
    disk->ops->abandon(disk);
    return status;
}

void vhd_abandon(struct vhd *disk)
{
    disk->ops->abandon(disk);
}

bool vhd_identity_unchanged(const struct vhd_identity *saved, const struct vhd_identity *now)
{
    return saved->format == now->format && saved->virtual_size == now->virtual_size &&
           guid_equal(&saved->guid, &now->guid) && now->sequence_number >= saved->sequence_number &&
           saved->file_size == now->file_size && saved->write_time == now->write_time;
}

void vhd_get_info(struct vhd *disk, struct vhd_info *info)
{
    disk->ops->get_info(disk, info);
    info->change_tracked = disk->change_tracked;
    info->path = disk->path;
    info->parent_path = disk->parent_path;
    info->depth = disk->depth;
}

struct vhd *vhd_parent(struct vhd *disk)
{
    return disk->parent;
}

static enum status check_range(const struct vhd *disk, uint64_t offset, uint64_t length)
{
    if (!range_fits(offset, length, disk->virtual_size))
        return status_fail(STATUS_INVALID_ARGUMENT, 0,
                           "%s: %llu bytes at %llu reach beyond the disk's end at %llu.",
                           disk->path, (unsigned long long)length, (unsigned long long)offset,
                           (unsigned long long)disk->virtual_size);
    if (!is_aligned(offset | length, disk->sector_size))
        return status_fail(STATUS_INVALID_ARGUMENT, 0,
                           "%s: %llu bytes at %llu are no whole sectors of %u bytes.", disk->path,
                           (unsigned long long)length, (unsigned long long)offset,
                           (unsigned)disk->sector_size);
    return STATUS_OK;
}

enum status vhd_read(struct vhd *disk, uint64_t offset, void *buffer, size_t length)
{
    enum status status = check_range(disk, offset, length);
    return status == STATUS_OK ? disk->ops->read(disk, offset, buffer, length) : status;
}

static enum status check_writable(const struct vhd *disk)
{
    if (is_poisoned(disk))
        return status_fail(STATUS_IO, 0, "%s is not written any further, for a write to it failed.",
                           disk->path);
    if (!disk->writable)
        return status_fail(STATUS_INVALID_ARGUMENT, 0, "%s was opened for reading only.",
                           disk->path);
    return STATUS_OK;
}

// After a failed write or flush nobody knows what the file holds: whatever follows could make it
// worse.
static enum status poison_on_failure(struct vhd *disk, enum status status)
{
    if (status != STATUS_OK)
        disk->poisoned = true;
    return status;
}

enum status vhd_write(struct vhd *disk, uint64_t offset, const void *buffer, size_t length)
{
    enum status status = check_range(disk, offset, length);
    if (status == STATUS_OK)
        status = check_writable(disk);
    if (status != STATUS_OK || length == 0)
        return status;
    return poison_on_failure(disk, disk->ops->write(disk, offset, buffer, length));
}

enum status vhd_zero(struct vhd *disk, uint64_t offset, uint64_t length)
{
    enum status status = check_range(disk, offset, length);
    if (status == STATUS_OK)
        status = check_writable(disk);
    if (status != STATUS_OK || length == 0)
        return status;
    return poison_on_failure(disk, disk->ops->zero(disk, offset, length));
}

enum status vhd_flush(struct vhd *disk)
{
    enum status status = check_writable(disk);
    if (status != STATUS_OK)
        return status;
    return poison_on_failure(disk, disk->ops->flush(disk));
}

enum status vhd_map(struct vhd *disk, enum vhd_map_scope scope, uint64_t offset, uint64_t limit,
                    struct vhd_extent *out)
{
    struct vhd_extent extent, next;

    if (offset >= disk->virtual_size || limit < disk->sector_size)
        return status_fail(STATUS_INVALID_ARGUMENT, 0,
                           "%s: no map of %llu bytes at %llu; the disk ends at %llu.", disk->path,
                           (unsigned long long)limit, (unsigned long long)offset,
                           (unsigned long long)disk->virtual_size);
    limit = align_down(min_u64(limit, disk->virtual_size - offset), disk->sector_size);
    enum status status = check_range(disk, offset, limit);
    if (status == STATUS_OK)
        status = disk->ops->extent(disk, scope, offset, limit, &extent);
    while (status == STATUS_OK && extent.length < limit) {
        status =
            disk->ops->extent(disk, scope, offset + extent.length, limit - extent.length, &next);
        if (status != STATUS_OK || next.kind != extent.kind)
            break;
        extent.length += next.length;
    }
    if (status == STATUS_OK)
        *out = extent;
    return status;
}
