// The native backend: tells the format of a file, opens it with its parents, and hands I/O to its
// image.
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

    enum status status = vhd_refuse_set(file->path);
    if (status == STATUS_OK)
        status = file_size(file, &size);
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

static enum status native_close(struct vhd *disk)
{
    enum status status = disk->image->ops->close(disk->image);
    disk->image = NULL;
    free_chain(disk);
    return status;
}

static void native_get_info(struct vhd *disk, struct vhd_info *info)
{
    disk->image->ops->get_info(disk->image, info);
}

static enum status native_write(struct vhd *disk, uint64_t offset, const void *buffer,
                                size_t length)
{
    return disk->image->ops->write(disk->image, offset, buffer, length);
}

static enum status native_zero(struct vhd *disk, uint64_t offset, uint64_t length)
{
    return disk->image->ops->zero(disk->image, offset, length);
}

static enum status native_flush(struct vhd *disk)
{
    return disk->image->ops->flush(disk->image);
}

static const struct vhd_ops native_ops = {
    .close = native_close,
    .abandon = free_chain,
    .get_info = native_get_info,
    .read = vhd_chain_read,
    .write = native_write,
    .zero = native_zero,
    .flush = native_flush,
    .extent = vhd_chain_extent,
};

enum status vhd_open_leaf(const struct file_system *fs, const char *path,
                          const struct file_open *how, bool writable, struct vhd **out)
{
    struct vhd_info info;
    struct file *file;
    struct vhd *disk = calloc(1, sizeof *disk);
    if (!disk)
        return status_no_memory("a disk");

    disk->ops = &native_ops;
    disk->fs = fs;
    disk->depth = 1;
    disk->writable = writable;
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

enum status vhd_native_open(const char *path, const struct vhd_open *how, struct vhd **out)
{
    const struct file_system *fs = how->fs ? how->fs : file_system_os();
    const struct file_open open = {
        .writable = how->writable,
        .share = how->share,
        .low_io_priority = how->low_io_priority,
        .bypass_cache = how->bypass_cache,
        .wait_ms = how->wait_ms,
    };
    struct vhd *disk;

    enum status status = vhd_open_leaf(fs, path, &open, how->writable, &disk);
    if (status != STATUS_OK)
        return status;
    if (disk->type == VHD_TYPE_DIFFERENCING)
        status = how->no_parents ? vhd_guess_parent_path(disk) : vhd_open_parents(disk, how);
    if (status != STATUS_OK) {
        free_chain(disk);
        return status;
    }
    *out = disk;
    return STATUS_OK;
}

const struct vhd_backend_ops vhd_native = {
    .open = vhd_native_open,
    .create = vhd_native_create,
    .create_child = vhd_native_create_child,
    .merge = vhd_native_merge,
    .resize = vhd_native_resize,
    .compact = vhd_native_compact,
    .set_identity = vhd_native_set_identity,
};
