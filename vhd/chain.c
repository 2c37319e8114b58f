// Parents: finding and opening them, reading through them, and the map of the whole chain.
#include "vhd/chain.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/checked.h"
#include "vhd/errors.h"

// "\\server\share": opening it makes this machine authenticate to the server.
static bool is_remote(const char *path)
{
    bool unc = (path[0] == '\\' || path[0] == '/') && path[1] == path[0];
    bool local_device = unc && (path[2] == '?' || path[2] == '.');
    return (unc && !local_device) || strncmp(path, "\\\\?\\UNC\\", 8) == 0;
}

bool vhd_path_may_be_followed(const char *child_path, const char *parent_path)
{
    return !is_remote(parent_path) || is_remote(child_path);
}

static enum status cycle(const struct vhd *leaf, const char *path)
{
    return status_fail(STATUS_DAMAGED, VHD_ERROR_DIFFERENCING_CHAIN_CYCLE_DETECTED,
                       "%s: its parents form a circle at %s.", leaf->path, path);
}

static bool is_in_chain(const struct vhd *leaf, const char *path)
{
    for (; leaf; leaf = leaf->parent)
        if (strcmp(leaf->path, path) == 0)
            return true;
    return false;
}

static bool is_file_in_chain(const struct vhd *leaf, const struct file_id *id)
{
    for (; leaf; leaf = leaf->parent) {
        struct vhd_info info;
        leaf->image->ops->get_info(leaf->image, &info);
        if (memcmp(&info.file_id, id, sizeof *id) == 0)
            return true;
    }
    return false;
}

static enum status check_parent(const struct vhd *leaf, const struct vhd *child, struct vhd *parent)
{
    struct vhd_info info;
    vhd_get_info(parent, &info);
    if (is_file_in_chain(leaf, &info.file_id))
        return cycle(leaf, parent->path);
    if (!child->image->ops->matches_parent(child->image, &info)) {
        (void)status_fail(STATUS_PARENT_MISMATCH, VHD_ERROR_CHILD_PARENT_ID_MISMATCH,
                          "%s: its parent %s was changed after this child was made, or is "
                          "another disk.",
                          child->path, parent->path);
        return status_advise(0,
                             "Bring back the parent as it was; this child cannot be used without.");
    }
    if (info.logical_sector_size != child->sector_size)
        return status_fail(STATUS_DAMAGED, VHD_ERROR_DIFFERENCING_CHAIN_ERROR_IN_PARENT,
                           "%s has sectors of %u bytes, its parent %s of %u bytes.", child->path,
                           (unsigned)child->sector_size, parent->path,
                           (unsigned)info.logical_sector_size);
    return STATUS_OK;
}

static enum status open_candidate(const struct vhd *leaf, const struct vhd *child, const char *path,
                                  const struct file_open *open, struct vhd **out)
{
    struct vhd *parent;
    if (is_in_chain(leaf, path))
        return cycle(leaf, path);
    enum status status = vhd_open_leaf(leaf->fs, path, open, false, &parent);
    if (status == STATUS_NOT_FOUND)
        return status;
    if (status != STATUS_OK)
        return status_context("the parent of %s", child->path);
    status = check_parent(leaf, child, parent);
    if (status != STATUS_OK) {
        vhd_abandon(parent);
        return status;
    }
    *out = parent;
    return STATUS_OK;
}

static enum status parent_missing(const struct vhd *child, char **paths)
{
    struct buffer tried = {0};
    for (size_t i = 0; paths[i]; i++)
        if (buffer_printf(&tried, "%s%s", i ? ", " : "", paths[i]) != STATUS_OK)
            break;
    (void)status_fail(STATUS_PARENT_MISSING, VHD_ERROR_PARENT_VHD_NOT_FOUND,
                      "%s: its parent was not found. Tried: %s.", child->path,
                      tried.data ? (const char *)tried.data : "no path");
    buffer_free(&tried);
    return status_advise(0, "Put the parent beside the child, or where the child's locator says.");
}

// Goes through the places where the parent may be. A wrong disk at one of them does not keep the
// right one at the next from being found; if there is none, the first failure that says more than
// "not found" is the answer.
static enum status open_parent(const struct vhd *leaf, struct vhd *child,
                               const struct file_open *open)
{
    struct status_details failure = {.status = STATUS_NOT_FOUND};
    char **paths;
    enum status status = child->image->ops->parent_paths(child->image, &paths);
    if (status != STATUS_OK)
        return status;
    status = STATUS_NOT_FOUND;
    for (size_t i = 0; paths[i] && status != STATUS_OK; i++) {
        if (!vhd_path_may_be_followed(child->path, paths[i]))
            continue;
        status = open_candidate(leaf, child, paths[i], open, &child->parent);
        if (status != STATUS_OK && failure.status == STATUS_NOT_FOUND)
            failure = *status_last();
    }
    if (status == STATUS_OK) {
        child->parent_path = strdup(child->parent->path);
        if (!child->parent_path)
            status = status_no_memory("a path");
        else if (child->image->writable && child->image->ops->parent_found)
            status = child->image->ops->parent_found(child->image, child->parent_path);
    } else if (failure.status == STATUS_NOT_FOUND) {
        status = parent_missing(child, paths);
    } else {
        status = status_restore(&failure);
    }
    vhd_free_paths(paths);
    return status;
}

enum status vhd_open_parents(struct vhd *leaf, const struct vhd_open *how)
{
    const struct file_open open = {
        .share = how->share == FILE_SHARE_ANYTHING ? FILE_SHARE_ANYTHING : FILE_SHARE_DENY_WRITE,
        .low_io_priority = how->low_io_priority,
        .wait_ms = how->wait_ms,
    };
    struct vhd *last = leaf;
    unsigned depth = 1;

    while (last->type == VHD_TYPE_DIFFERENCING) {
        if (++depth > VHD_CHAIN_DEPTH_MAX)
            return status_fail(STATUS_UNSUPPORTED, VHD_ERROR_DIFFERENCING_CHAIN_ERROR_IN_PARENT,
                               "%s has more than %d generations of parents.", leaf->path,
                               VHD_CHAIN_DEPTH_MAX);
        enum status status = open_parent(leaf, last, &open);
        if (status != STATUS_OK)
            return status;
        last = last->parent;
    }
    for (struct vhd *disk = leaf; disk; disk = disk->parent)
        disk->depth = depth--;
    return STATUS_OK;
}

enum status vhd_guess_parent_path(struct vhd *disk)
{
    char **paths;
    enum status status = disk->image->ops->parent_paths(disk->image, &paths);
    if (status != STATUS_OK)
        return status;
    const char *best = paths[0];
    for (size_t i = 0; paths[i]; i++) {
        if (vhd_path_may_be_followed(disk->path, paths[i]) &&
            disk->fs->exists(disk->fs, paths[i])) {
            best = paths[i];
            break;
        }
    }
    if (best && !(disk->parent_path = strdup(best)))
        status = status_no_memory("a path");
    vhd_free_paths(paths);
    return status;
}

static enum status parent_not_open(const struct vhd *disk)
{
    return status_fail(STATUS_PARENT_MISSING, VHD_ERROR_PARENT_VHD_NOT_FOUND,
                       "%s was opened without its parent, which holds what is asked for.",
                       disk->path);
}

enum status vhd_chain_extent(struct vhd *disk, enum vhd_map_scope scope, uint64_t offset,
                             uint64_t limit, struct vhd_extent *out)
{
    for (;;) {
        enum status status = disk->image->ops->map(disk->image, offset, limit, true, out);
        if (status != STATUS_OK || out->kind != VHD_EXTENT_PARENT || scope == VHD_MAP_LEAF)
            return status;
        if (!disk->parent)
            return parent_not_open(disk);
        disk = disk->parent;
        limit = out->length;
        // A child may be larger than its parent; beyond the parent's end it reads as zeros.
        if (offset >= disk->virtual_size) {
            *out = (struct vhd_extent){.offset = offset, .length = limit, .kind = VHD_EXTENT_ZERO};
            return STATUS_OK;
        }
        limit = min_u64(limit, disk->virtual_size - offset);
    }
}

enum status vhd_chain_read(struct vhd *disk, uint64_t offset, void *buffer, size_t length)
{
    uint8_t *to = buffer;
    if (disk->type != VHD_TYPE_DIFFERENCING)
        return disk->image->ops->read(disk->image, offset, buffer, length);
    while (length > 0) {
        struct vhd_extent extent;
        // To look for holes takes longer than to read them.
        enum status status = disk->image->ops->map(disk->image, offset, length, false, &extent);
        if (status != STATUS_OK)
            return status;
        size_t size = (size_t)extent.length;
        if (extent.kind == VHD_EXTENT_DATA) {
            status = disk->image->ops->read(disk->image, offset, to, size);
        } else if (extent.kind == VHD_EXTENT_ZERO) {
            memset(to, 0, size);
        } else if (!disk->parent) {
            status = parent_not_open(disk);
        } else {
            struct vhd *parent = disk->parent;
            uint64_t there = offset < parent->virtual_size ? parent->virtual_size - offset : 0;
            size_t from_parent = (size_t)min_u64(size, there);
            if (from_parent > 0)
                status = vhd_chain_read(parent, offset, to, from_parent);
            memset(to + from_parent, 0, size - from_parent);
        }
        if (status != STATUS_OK)
            return status;
        to += size;
        offset += size;
        length -= size;
    }
    return STATUS_OK;
}
