// Merging a child into its parent, so that it can be cut off at any point and run again by anybody.
//
// The format sees to it that the child knows its parent whatever a crash leaves (begin_merge). A
// VHDX parent's first change gives it a new DataWriteGuid; before that, one log entry of the child
// says: my parent has the DataWriteGuid that it has now, or the one that it is about to take
// ([MS-VHDX] 2.2.2, note 12). A VHD parent keeps its unique id when it is written. So a second run
// begins in the same way. Copying is idempotent: while the child exists, its extents hide whatever
// the parent holds in the same place.
//
// Several levels are merged one after the other, the child into its parent first. So at any moment
// the files are a chain that opens and whose leaf reads as it did, each merge is one that can be
// run again, and afterwards each of the files holds all that those above it did: whatever part of
// them a crash leaves while they are deleted from the child on, no stale content comes back, and
// merging that part ends right too. Copying the leaf's content at once into the last one would be
// less work, but leave files in between that open without an error and show a mixture.
#include "vhd/merge.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "vhd/errors.h"

struct merge {
    const struct vhd_merge *how;
    const struct file_system *fs;
    struct vhd *child;  // opened alone
    struct vhd *parent; // opened alone
    uint64_t done;      // of all levels
    uint64_t total;
};

static enum status no_parent(const struct vhd *leaf, const struct vhd *last, unsigned levels)
{
    if (last == leaf)
        return status_fail(STATUS_INVALID_ARGUMENT, VHD_ERROR_INVALID_TYPE,
                           "%s has no parent to be merged into.", leaf->path);
    (void)status_fail(STATUS_INVALID_ARGUMENT, VHD_ERROR_INVALID_TYPE,
                      "%s is to be merged over %u levels, but has only %u parents.", leaf->path,
                      levels, leaf->depth - 1);
    return status_advise(0, "Give at most as many levels as it has parents.");
}

static enum status other_size(const struct vhd *disk)
{
    (void)status_fail(STATUS_UNSUPPORTED, VHD_ERROR_CHILD_PARENT_SIZE_MISMATCH,
                      "%s has %llu bytes, its parent %s %llu; only disks of equal size are merged.",
                      disk->path, (unsigned long long)disk->virtual_size, disk->parent->path,
                      (unsigned long long)disk->parent->virtual_size);
    return status_advise(0,
                         "Give it its parent's size again (\"vrepdisk resize\"), or make a disk of "
                         "its own of it (\"vrepdisk convert\").");
}

static enum status check_levels(const struct vhd *leaf, unsigned levels)
{
    const struct vhd *disk = leaf;
    for (unsigned i = 0; i < levels; i++, disk = disk->parent) {
        if (!disk->parent)
            return no_parent(leaf, disk, levels);
        if (disk->parent->virtual_size != disk->virtual_size)
            return other_size(disk);
    }
    return STATUS_OK;
}

enum status vhd_merge_open_reader(const char *child_path, unsigned levels,
                                  const struct file_system *fs, struct vhd **child)
{
    const struct vhd_open how = {
        .fs = fs, .share = FILE_SHARE_DENY_WRITE, .wait_ms = FILE_SHARING_WAIT_MS};
    struct vhd *disk;
    enum status status = vhd_native_open(child_path, &how, &disk);
    if (status != STATUS_OK)
        return status;
    status = check_levels(disk, levels);
    if (status != STATUS_OK) {
        vhd_abandon(disk);
        return status;
    }
    *child = disk;
    return STATUS_OK;
}

static enum status copy_paths(const struct vhd *disk, unsigned levels, char ***out)
{
    char **paths = calloc(levels + 2, sizeof *paths);
    for (unsigned i = 0; paths && i <= levels; i++, disk = disk->parent) {
        paths[i] = strdup(disk->path);
        if (!paths[i]) {
            vhd_free_paths(paths);
            paths = NULL;
        }
    }
    if (!paths)
        return status_no_memory("the paths of a chain");
    *out = paths;
    return STATUS_OK;
}

// What is asked of the child's map at a time: the child's long runs are gone over again for each of
// the parent's small ones.
#define MAPPED_MAX (1ull << 30)

// How many of `levels` merges copy the extent at `offset`: each takes along what the ones before
// have brought.
static enum status copies_of(struct vhd *child, unsigned levels, uint64_t offset, uint64_t *length,
                             unsigned *copies)
{
    struct vhd *disk = child;
    *length = min_u64(child->virtual_size - offset, MAPPED_MAX);
    for (*copies = levels; *copies > 0; --*copies, disk = disk->parent) {
        struct vhd_extent extent;
        enum status status = vhd_map(disk, VHD_MAP_LEAF, offset, *length, &extent);
        if (status != STATUS_OK)
            return status;
        *length = extent.length;
        if (extent.kind != VHD_EXTENT_PARENT)
            break;
    }
    return STATUS_OK;
}

static enum status measure(struct vhd *child, unsigned levels, uint64_t *bytes)
{
    uint64_t sum = 0, length;
    for (uint64_t at = 0; at < child->virtual_size; at += length) {
        unsigned copies;
        enum status status = copies_of(child, levels, at, &length, &copies);
        if (status != STATUS_OK)
            return status;
        sum += copies * length;
    }
    *bytes = sum;
    return STATUS_OK;
}

// *bytes: what the merges copy; NULL: nobody asks.
static enum status plan_levels(const char *child_path, unsigned levels,
                               const struct file_system *fs, char ***paths, uint64_t *bytes)
{
    struct vhd *child;
    enum status status = vhd_merge_open_reader(child_path, levels, fs, &child);
    if (status != STATUS_OK)
        return status;
    if (bytes)
        status = measure(child, levels, bytes);
    if (status == STATUS_OK)
        status = copy_paths(child, levels, paths);
    vhd_abandon(child);
    return status;
}

enum status vhd_merge_files(const char *child_path, unsigned levels, const struct file_system *fs,
                            char ***paths)
{
    return plan_levels(child_path, levels ? levels : 1, fs ? fs : file_system_os(), paths, NULL);
}

static enum status open_alone(const struct merge *m, const char *path, bool bypass_cache,
                              struct vhd **out)
{
    const struct vhd_open how = {
        .fs = m->fs,
        .writable = true,
        .share = FILE_SHARE_NOTHING,
        .no_parents = true,
        .low_io_priority = m->how->low_io_priority,
        .bypass_cache = bypass_cache,
        .wait_ms = FILE_SHARING_WAIT_MS,
    };
    return vhd_native_open(path, &how, out);
}

static enum status open_both(struct merge *m, const char *child_path, const char *parent_path)
{
    struct vhd_info info;
    enum status status = open_alone(m, child_path, false, &m->child);
    if (status == STATUS_OK)
        status = open_alone(m, parent_path, true, &m->parent);
    if (status != STATUS_OK)
        return status;
    // Nobody held the two between the check and now.
    vhd_get_info(m->parent, &info);
    if (!m->child->image->ops->matches_parent(m->child->image, &info))
        return status_fail(
            STATUS_PARENT_MISMATCH, VHD_ERROR_CHILD_PARENT_ID_MISMATCH,
            "%s was changed by somebody else just before %s was to be merged into it.",
            m->parent->path, m->child->path);
    return STATUS_OK;
}

static bool show_progress(void *context, uint64_t bytes)
{
    struct merge *m = context;
    m->done += bytes;
    return !m->how->progress || m->how->progress(m->how->context, m->done, m->total);
}

static enum status copy_all(struct merge *m)
{
    struct vhd_merge_copy copy = {
        .from = m->child, .to = m->parent, .copied = show_progress, .context = m};
    enum status status = measure(m->child, 1, &copy.size);
    if (status == STATUS_OK)
        status = vhd_merge_copy(&copy);
    if (status == STATUS_CANCELLED)
        return status_fail(STATUS_CANCELLED, 0, "The merge of %s was stopped; it can be run again.",
                           m->child->path);
    return status;
}

static enum status merge_open_disks(struct merge *m)
{
    const struct vhd_image_ops *ops = m->child->image->ops;
    struct file *file = m->parent->image->file;
    enum status status = ops->begin_merge(m->child->image, m->parent->image);
    if (status == STATUS_OK)
        status = copy_all(m);
    if (status == STATUS_OK)
        status = ops->finish_merge(m->child->image, m->parent->image);
    if (status == STATUS_OK)
        status = vhd_flush(m->parent);
    // Room that was reserved past the end of the file and not needed goes back.
    return status == STATUS_OK ? file->ops->trim_reservation(file) : status;
}

static enum status merge_level(struct merge *m, const char *child_path, const char *parent_path)
{
    m->child = m->parent = NULL;
    enum status status = open_both(m, child_path, parent_path);
    if (status == STATUS_OK)
        status = merge_open_disks(m);
    if (status == STATUS_OK) {
        status = vhd_close(m->parent);
        m->parent = NULL;
    }
    if (status == STATUS_OK) {
        status = vhd_close(m->child);
        m->child = NULL;
    }
    // Cut off as by a crash: that is fast, and what a second run is made for.
    if (m->parent)
        vhd_abandon(m->parent);
    if (m->child)
        vhd_abandon(m->child);
    return status;
}

enum status vhd_native_merge(const char *child_path, const struct vhd_merge *how)
{
    struct merge m = {.how = how, .fs = how->fs ? how->fs : file_system_os()};
    unsigned levels = how->levels ? how->levels : 1;
    char **paths;
    enum status status = plan_levels(child_path, levels, m.fs, &paths, &m.total);
    if (status != STATUS_OK)
        return status;
    for (unsigned i = 0; i < levels && status == STATUS_OK; i++)
        status = merge_level(&m, paths[i], paths[i + 1]);
    vhd_free_paths(paths);
    return status;
}
