// The door: tells the format, checks arguments, and keeps a failed disk from being written further.
#include "vhd/chain.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/os.h"
#include "vhd/errors.h"

#define VHDX_SIGNATURE "vhdxfile"
#define VHD_COOKIE     "conectix"
#define SIGNATURE_SIZE 8
#define VHDX_ALIGNMENT (1ull << 20)
// Bytes from the end of the file at which a VHD's footer may begin: 512, and 511 as Virtual PC
// wrote it.
#define FOOTER_FROM_END        512
#define LEGACY_FOOTER_FROM_END 511

enum status vhd_door_path(const struct file_system *fs, const char *path, char **out)
{
    if (fs == file_system_os())
        return os_absolute_path(path, out);
    *out = strdup(path);
    return *out ? STATUS_OK : status_no_memory("a path");
}

static enum status has_vhd_footer(struct file *file, uint64_t size, bool *found)
{
    uint8_t end[FOOTER_FROM_END];
    enum status status = file_read(file, size - sizeof end, end, sizeof end);
    if (status != STATUS_OK)
        return status;
    *found =
        memcmp(end, VHD_COOKIE, SIGNATURE_SIZE) == 0 ||
        memcmp(end + FOOTER_FROM_END - LEGACY_FOOTER_FROM_END, VHD_COOKIE, SIGNATURE_SIZE) == 0;
    return STATUS_OK;
}

// A VHDX begins with its signature; a VHD ends with its footer, and all but fixed ones have a copy
// at the beginning. The guest decides what a fixed VHD begins with, and may write a VHDX there to
// have us read it, and the parent that it names, from the host. So the footer wins, unless the
// file's length is a VHDX's (whole MiB): then a guest wrote the footer at the end of its VHDX.
enum status vhd_detect(struct file *file, enum vhd_format *format)
{
    uint8_t start[SIGNATURE_SIZE];
    uint64_t size;
    bool footer = false;

    enum status status = file_size(file, &size);
    if (status == STATUS_OK && size >= FOOTER_FROM_END) {
        status = file_read(file, 0, start, sizeof start);
        if (status == STATUS_OK)
            status = has_vhd_footer(file, size, &footer);
        if (status != STATUS_OK)
            return status;
        bool vhdx = memcmp(start, VHDX_SIGNATURE, SIGNATURE_SIZE) == 0;
        if (vhdx && (!footer || is_aligned(size, VHDX_ALIGNMENT))) {
            *format = VHD_FORMAT_VHDX;
            return STATUS_OK;
        }
        if (footer || memcmp(start, VHD_COOKIE, SIGNATURE_SIZE) == 0) {
            *format = VHD_FORMAT_VHD;
            return STATUS_OK;
        }
    }
    if (status != STATUS_OK)
        return status;
    (void)status_fail(STATUS_NOT_A_DISK, VHD_ERROR_NOT_VIRTUAL_DISK,
                      "%s is neither a VHD nor a VHDX.", file->path);
    return status_advise(0, "Give the path of a virtual hard disk file.");
}

static enum status open_image(const struct file_system *fs, struct file *file, bool writable,
                              struct vhd_image **out)
{
    enum vhd_format format = VHD_FORMAT_VHDX;
    enum status status = vhd_detect(file, &format);
    if (status != STATUS_OK)
        return status;
    status = format == VHD_FORMAT_VHDX ? vhdx_open(fs, file, writable, out)
                                       : vhd1_open(fs, file, writable, out);
    if (status == STATUS_DAMAGED && status_last()->action[0] == '\0')
        return status_advise(status_last()->event_id,
                             "Restore the file from a copy that is whole.");
    return status;
}

enum status vhd_open_leaf(const struct file_system *fs, const char *path,
                          const struct file_open *how, bool writable, struct vhd **out)
{
    struct vhd_info info;
    struct file *file;
    struct vhd *disk = calloc(1, sizeof *disk);
    if (!disk)
        return status_no_memory("a disk");

    disk->fs = fs;
    disk->depth = 1;
    enum status status = vhd_door_path(fs, path, &disk->path);
    if (status != STATUS_OK)
        goto free_disk;
    status = fs->open(fs, disk->path, how, &file);
    if (status != STATUS_OK)
        goto free_disk;
    status = open_image(fs, file, writable, &disk->image);
    if (status != STATUS_OK) {
        file_close(file);
        goto free_disk;
    }
    disk->image->ops->get_info(disk->image, &info);
    disk->type = info.type;
    disk->virtual_size = info.virtual_size;
    disk->sector_size = info.logical_sector_size;
    *out = disk;
    return STATUS_OK;

free_disk:
    free(disk->path);
    free(disk);
    return status;
}

enum status vhd_open(const char *path, const struct vhd_open *how, struct vhd **out)
{
    const struct file_system *fs = how->fs ? how->fs : file_system_os();
    const struct file_open open = {
        .writable = how->writable,
        .share = how->share,
        .low_io_priority = how->low_io_priority,
        .wait_ms = how->wait_ms,
    };
    struct vhd *disk;

    if (how->writable && how->share == FILE_SHARE_ANYTHING)
        return status_fail(STATUS_INVALID_ARGUMENT, 0,
                           "%s: a disk is not written while others may write it.", path);
    enum status status = vhd_open_leaf(fs, path, &open, how->writable, &disk);
    if (status != STATUS_OK)
        return status;
    if (disk->type == VHD_TYPE_DIFFERENCING)
        status = how->no_parents ? vhd_guess_parent_path(disk) : vhd_open_parents(disk, how);
    if (status != STATUS_OK) {
        vhd_abandon(disk);
        return status;
    }
    *out = disk;
    return STATUS_OK;
}

static void free_chain(struct vhd *disk)
{
    while (disk) {
        struct vhd *parent = disk->parent;
        if (disk->image)
            disk->image->ops->abandon(disk->image);
        free(disk->path);
        free(disk->parent_path);
        free(disk);
        disk = parent;
    }
}

enum status vhd_close(struct vhd *disk)
{
    struct vhd_image *image = disk->image;
    enum status status = STATUS_OK;
    if (image->poisoned) {
        status = status_fail(
            STATUS_IO, 0, "%s: not closed in order, for a write to it failed before.", disk->path);
    } else {
        status = image->ops->close(image);
        disk->image = NULL;
    }
    free_chain(disk);
    return status;
}

void vhd_abandon(struct vhd *disk)
{
    free_chain(disk);
}

bool vhd_identity_unchanged(const struct vhd_identity *saved, const struct vhd_identity *now)
{
    return saved->format == now->format && saved->virtual_size == now->virtual_size &&
           guid_equal(&saved->guid, &now->guid) && now->sequence_number >= saved->sequence_number &&
           saved->file_size == now->file_size && saved->write_time == now->write_time;
}

void vhd_get_info(struct vhd *disk, struct vhd_info *info)
{
    disk->image->ops->get_info(disk->image, info);
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
    return status == STATUS_OK ? vhd_chain_read(disk, offset, buffer, length) : status;
}

static enum status check_writable(const struct vhd *disk)
{
    if (disk->image->poisoned)
        return status_fail(STATUS_IO, 0, "%s is not written any further, for a write to it failed.",
                           disk->path);
    if (!disk->image->writable)
        return status_fail(STATUS_INVALID_ARGUMENT, 0, "%s was opened for reading only.",
                           disk->path);
    return STATUS_OK;
}

// After a failed write or flush nobody knows what the file holds: whatever follows could make it
// worse.
static enum status poison_on_failure(struct vhd *disk, enum status status)
{
    if (status != STATUS_OK)
        disk->image->poisoned = true;
    return status;
}

enum status vhd_write(struct vhd *disk, uint64_t offset, const void *buffer, size_t length)
{
    enum status status = check_range(disk, offset, length);
    if (status == STATUS_OK)
        status = check_writable(disk);
    if (status != STATUS_OK || length == 0)
        return status;
    return poison_on_failure(disk, disk->image->ops->write(disk->image, offset, buffer, length));
}

enum status vhd_zero(struct vhd *disk, uint64_t offset, uint64_t length)
{
    enum status status = check_range(disk, offset, length);
    if (status == STATUS_OK)
        status = check_writable(disk);
    if (status != STATUS_OK || length == 0)
        return status;
    return poison_on_failure(disk, disk->image->ops->zero(disk->image, offset, length));
}

enum status vhd_flush(struct vhd *disk)
{
    enum status status = check_writable(disk);
    if (status != STATUS_OK)
        return status;
    return poison_on_failure(disk, disk->image->ops->flush(disk->image));
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
        status = vhd_chain_extent(disk, scope, offset, limit, &extent);
    while (status == STATUS_OK && extent.length < limit) {
        status =
            vhd_chain_extent(disk, scope, offset + extent.length, limit - extent.length, &next);
        if (status != STATUS_OK || next.kind != extent.kind)
            break;
        extent.length += next.length;
    }
    if (status == STATUS_OK)
        *out = extent;
    return status;
}
