// Merging a child into its parent, so that it can be cut off at any point and run again by anybody.
//
// The format sees to it that the child knows its parent whatever a crash leaves (begin_merge). A
// VHDX parent's first change gives it a new DataWriteGuid; before that, one log entry of the child
// says: my parent has the DataWriteGuid that it has now, or the one that it is about to take
// ([MS-VHDX] 2.2.2, note 12). A VHD parent keeps its unique id when it is written. So a second run
// begins in the same way. Copying is idempotent: while the child exists, its extents hide whatever
// the parent holds in the same place.
#include "vhd/merge.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "vhd/errors.h"

#define STEP_SIZE (4u << 20) // bytes between two calls of the progress function

struct merge {
    const struct vhd_merge *how;
    struct vhd *child;  // opened alone
    struct vhd *parent; // opened alone
    uint8_t *buffer;
    uint64_t zero_step; // a multiple of the parent's block size: whole blocks need no zeros written
    uint64_t done;
    uint64_t total;
};

enum status vhd_merge_open_reader(const char *child_path, const struct file_system *fs,
                                  struct vhd **child)
{
    const struct vhd_open how = {
        .fs = fs, .share = FILE_SHARE_DENY_WRITE, .wait_ms = FILE_SHARING_WAIT_MS};
    struct vhd *disk;
    enum status status = vhd_native_open(child_path, &how, &disk);
    if (status != STATUS_OK)
        return status;
    if (!disk->parent)
        status = status_fail(STATUS_INVALID_ARGUMENT, VHD_ERROR_INVALID_TYPE,
                             "%s has no parent to be merged into.", disk->path);
    else if (disk->parent->virtual_size != disk->virtual_size)
        status = status_fail(
            STATUS_UNSUPPORTED, VHD_ERROR_CHILD_PARENT_SIZE_MISMATCH,
            "%s has %llu bytes, its parent %s %llu; only disks of equal size are merged.",
            disk->path, (unsigned long long)disk->virtual_size, disk->parent->path,
            (unsigned long long)disk->parent->virtual_size);
    if (status != STATUS_OK) {
        vhd_abandon(disk);
        return status;
    }
    *child = disk;
    return STATUS_OK;
}

enum status vhd_merge_find_parent(const char *child_path, const struct file_system *fs,
                                  char **parent_path)
{
    struct vhd *child;
    enum status status = vhd_merge_open_reader(child_path, fs, &child);
    if (status != STATUS_OK)
        return status;
    char *path = strdup(child->parent_path);
    vhd_abandon(child);
    if (!path)
        return status_no_memory("a path");
    *parent_path = path;
    return STATUS_OK;
}

enum status vhd_merge_measure(struct vhd *child, uint64_t *bytes)
{
    struct vhd_extent extent;
    uint64_t sum = 0;
    for (uint64_t at = 0; at < child->virtual_size; at += extent.length) {
        enum status status = vhd_map(child, VHD_MAP_LEAF, at, child->virtual_size - at, &extent);
        if (status != STATUS_OK)
            return status;
        if (extent.kind != VHD_EXTENT_PARENT)
            sum += extent.length;
    }
    *bytes = sum;
    return STATUS_OK;
}

static enum status open_alone(const struct merge *m, const char *path, const struct file_system *fs,
                              struct vhd **out)
{
    const struct vhd_open how = {
        .fs = fs,
        .writable = true,
        .share = FILE_SHARE_NOTHING,
        .no_parents = true,
        .low_io_priority = m->how->low_io_priority,
        .wait_ms = FILE_SHARING_WAIT_MS,
    };
    return vhd_native_open(path, &how, out);
}

static enum status open_both(struct merge *m, const char *child_path, const struct file_system *fs)
{
    struct vhd_info info;
    char *parent_path;
    enum status status = vhd_merge_find_parent(child_path, fs, &parent_path);
    if (status != STATUS_OK)
        return status;
    status = open_alone(m, child_path, fs, &m->child);
    if (status == STATUS_OK)
        status = open_alone(m, parent_path, fs, &m->parent);
    free(parent_path);
    if (status != STATUS_OK)
        return status;
    // Nobody held the two between the check and now.
    vhd_get_info(m->parent, &info);
    if (!m->child->image->ops->matches_parent(m->child->image, &info))
        return status_fail(
            STATUS_PARENT_MISMATCH, VHD_ERROR_CHILD_PARENT_ID_MISMATCH,
            "%s was changed by somebody else just before %s was to be merged into it.",
            m->parent->path, m->child->path);
    m->zero_step = max_u64(STEP_SIZE, info.block_size);
    return STATUS_OK;
}

static enum status copy_data(struct merge *m, uint64_t offset, uint64_t limit, uint64_t *length)
{
    size_t size = (size_t)min_u64(limit, STEP_SIZE - offset % STEP_SIZE);
    enum status status = vhd_read(m->child, offset, m->buffer, size);
    if (status == STATUS_OK)
        status = vhd_write(m->parent, offset, m->buffer, size);
    *length = size;
    return status;
}

static enum status copy_zeros(struct merge *m, uint64_t offset, uint64_t limit, uint64_t *length)
{
    *length = min_u64(limit, m->zero_step - offset % m->zero_step);
    return vhd_zero(m->parent, offset, *length);
}

static enum status copy_extent(struct merge *m, const struct vhd_extent *extent)
{
    uint64_t end = extent->offset + extent->length;
    for (uint64_t at = extent->offset; at < end;) {
        uint64_t length;
        enum status status = extent->kind == VHD_EXTENT_DATA ? copy_data(m, at, end - at, &length)
                                                             : copy_zeros(m, at, end - at, &length);
        if (status != STATUS_OK)
            return status;
        at += length;
        m->done += length;
        if (m->how->progress && !m->how->progress(m->how->context, m->done, m->total))
            return status_fail(STATUS_CANCELLED, 0,
                               "The merge of %s was stopped; it can be run again.", m->child->path);
    }
    return STATUS_OK;
}

static enum status copy_all(struct merge *m)
{
    struct vhd_extent extent;
    uint64_t size = m->child->virtual_size;
    for (uint64_t at = 0; at < size; at += extent.length) {
        enum status status = vhd_map(m->child, VHD_MAP_LEAF, at, size - at, &extent);
        if (status == STATUS_OK && extent.kind != VHD_EXTENT_PARENT)
            status = copy_extent(m, &extent);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

// Room that was reserved past the end of the file and not needed goes back.
static enum status trim(struct vhd *parent)
{
    struct file *file = parent->image->file;
    enum status status = file->ops->trim_reservation(file);
    return status == STATUS_UNSUPPORTED ? STATUS_OK : status;
}

static enum status merge_open_disks(struct merge *m)
{
    const struct vhd_image_ops *ops = m->child->image->ops;
    enum status status = vhd_merge_measure(m->child, &m->total);
    if (status == STATUS_OK)
        status = ops->begin_merge(m->child->image, m->parent->image);
    if (status == STATUS_OK)
        status = copy_all(m);
    if (status == STATUS_OK)
        status = ops->finish_merge(m->child->image, m->parent->image);
    if (status == STATUS_OK)
        status = vhd_flush(m->parent);
    return status == STATUS_OK ? trim(m->parent) : status;
}

enum status vhd_native_merge(const char *child_path, const struct vhd_merge *how)
{
    struct merge m = {.how = how, .buffer = malloc(STEP_SIZE)};
    enum status status = m.buffer ? STATUS_OK : status_no_memory("the data to be merged");
    if (status == STATUS_OK)
        status = open_both(&m, child_path, how->fs ? how->fs : file_system_os());
    if (status == STATUS_OK)
        status = merge_open_disks(&m);
    if (status == STATUS_OK) {
        status = vhd_close(m.parent);
        m.parent = NULL;
    }
    if (status == STATUS_OK) {
        status = vhd_close(m.child);
        m.child = NULL;
    }
    // Cut off as by a crash: that is fast, and what a second run is made for.
    if (m.parent)
        vhd_abandon(m.parent);
    if (m.child)
        vhd_abandon(m.child);
    free(m.buffer);
    return status;
}
