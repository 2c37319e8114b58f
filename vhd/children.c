// Finds the children of a disk: a parent does not list them, so the files beside it are asked.
#include "vhd/chain.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/os.h"

// A differencing disk and the files that are where its parent may be.
struct child {
    struct child *next;
    char *path;
    struct file_id id;
    struct file_id *parents; // in the order in which the child looks for them
    size_t parent_count;
};

struct vhd_children {
    char *folder;
    struct child *first;
    enum status status; // of the listing
};

// Looks take no lock: whoever uses a file is not disturbed.
static const struct file_open look = {.share = FILE_SHARE_ANYTHING};

static enum status look_at(const char *path, struct vhd **disk)
{
    return vhd_open_leaf(file_system_os(), path, &look, false, disk);
}

static enum status identify(const char *path, struct file_id *id)
{
    const struct file_system *fs = file_system_os();
    struct file *file;
    enum status status = fs->open(fs, path, &look, &file);
    if (status != STATUS_OK)
        return status;
    status = file->ops->identify(file, id);
    file_close(file);
    return status;
}

static enum status look_at_parent(const char *path, struct vhd_info *info)
{
    const struct file_open patient = {.share = FILE_SHARE_ANYTHING,
                                      .wait_ms = FILE_SHARING_WAIT_MS};
    struct vhd *disk;
    enum status status = vhd_open_leaf(file_system_os(), path, &patient, false, &disk);
    if (status != STATUS_OK)
        return status;
    vhd_get_info(disk, info);
    info->path = info->parent_path = NULL; // the disk's
    vhd_abandon(disk);
    return STATUS_OK;
}

static bool has_disk_name(const char *name)
{
    static const char *const extensions[] = {".vhd", ".vhdx", ".avhd", ".avhdx"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof extensions / sizeof *extensions; i++)
        if (strcasecmp(dot, extensions[i]) == 0)
            return true;
    return false;
}

static bool same_file(const struct file_id *a, const struct file_id *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

static void free_child(struct child *child)
{
    free(child->path);
    free(child->parents);
    free(child);
}

static enum status find_parents(struct vhd *disk, struct child *child)
{
    char **paths;
    size_t count = 0;
    enum status status = disk->image->ops->parent_paths(disk->image, &paths);
    if (status != STATUS_OK)
        return status;
    while (paths[count])
        count++;
    child->parents = calloc(count ? count : 1, sizeof *child->parents);
    if (!child->parents)
        status = status_no_memory("the parents of a disk");
    for (size_t i = 0; i < count && status == STATUS_OK; i++)
        if (vhd_path_may_be_followed(disk->path, paths[i]) &&
            identify(paths[i], &child->parents[child->parent_count]) == STATUS_OK)
            child->parent_count++;
    vhd_free_paths(paths);
    return status;
}

static enum status add_child(struct vhd_children *children, struct vhd *disk)
{
    struct vhd_info info;
    struct child *child = calloc(1, sizeof *child);
    if (!child)
        return status_no_memory("a differencing disk");
    vhd_get_info(disk, &info);
    child->id = info.file_id;
    child->path = strdup(disk->path);
    enum status status = child->path ? find_parents(disk, child) : status_no_memory("a path");
    if (status != STATUS_OK) {
        free_child(child);
        return status == STATUS_OUT_OF_MEMORY ? status : STATUS_OK;
    }
    child->next = children->first;
    children->first = child;
    return STATUS_OK;
}

// A file that cannot be opened is no child that we could harm: a child in use holds its parent,
// which then cannot be opened for writing either.
static bool look_at_entry(void *context, const char *name)
{
    struct vhd_children *children = context;
    struct vhd *disk;

    if (!has_disk_name(name))
        return true;
    char *path = os_path_join(children->folder, name);
    if (!path) {
        children->status = status_no_memory("a path");
        return false;
    }
    if (look_at(path, &disk) == STATUS_OK) {
        if (disk->type == VHD_TYPE_DIFFERENCING)
            children->status = add_child(children, disk);
        vhd_abandon(disk);
    }
    free(path);
    return children->status == STATUS_OK;
}

static enum status look_into(char *folder, struct vhd_children **out)
{
    struct vhd_children *children = calloc(1, sizeof *children);
    if (!children)
        return status_no_memory("the differencing disks of a folder");
    children->folder = folder;
    enum status status = os_list_folder(folder, look_at_entry, children);
    if (status == STATUS_OK)
        status = children->status;
    if (status != STATUS_OK) {
        children->folder = NULL; // the caller's still
        vhd_children_free(children);
        return status;
    }
    *out = children;
    return STATUS_OK;
}

void vhd_children_free(struct vhd_children *children)
{
    while (children && children->first) {
        struct child *child = children->first;
        children->first = child->next;
        free_child(child);
    }
    if (children)
        free(children->folder);
    free(children);
}

// The parent is at the first of the child's paths where there is a file, or at a later one if the
// linkage says so: then the child finds it there.
static bool is_child(const struct child *child, const struct vhd_info *parent)
{
    struct vhd *disk;
    size_t at = 0;
    while (at < child->parent_count && !same_file(&child->parents[at], &parent->file_id))
        at++;
    if (at == 0 || at == child->parent_count)
        return at < child->parent_count;
    if (look_at(child->path, &disk) != STATUS_OK)
        return false;
    bool matches = disk->image->ops->matches_parent(disk->image, parent);
    vhd_abandon(disk);
    return matches;
}

static enum status find_child(const struct vhd_children *children, const struct vhd_info *parent,
                              const struct file_id *except, char **child_path)
{
    const struct child *child = children->first;
    while (child && (same_file(&child->id, except) || !is_child(child, parent)))
        child = child->next;
    char *found = child ? strdup(child->path) : NULL;
    if (child && !found)
        return status_no_memory("a path");
    *child_path = found;
    return STATUS_OK;
}

static enum status look_beside(const char *path, struct vhd_children **known)
{
    struct vhd_children *children;
    char *folder = os_path_folder(path);
    if (!folder)
        return status_no_memory("a path");
    if (*known && strcmp((*known)->folder, folder) == 0) {
        free(folder);
        return STATUS_OK;
    }
    enum status status = look_into(folder, &children);
    if (status != STATUS_OK) {
        free(folder);
        return status;
    }
    vhd_children_free(*known);
    *known = children;
    return STATUS_OK;
}

enum status vhd_find_among_children(struct vhd_children **known, const char *path,
                                    const char *except, char **child_path)
{
    struct vhd_info parent;
    struct file_id not_counted;
    char *absolute = NULL;

    enum status status = os_absolute_path(path, &absolute);
    if (status == STATUS_OK)
        status = look_at_parent(absolute, &parent);
    if (status == STATUS_OK)
        status = identify(except ? except : absolute, &not_counted);
    if (status == STATUS_OK)
        status = look_beside(absolute, known);
    if (status == STATUS_OK)
        status = find_child(*known, &parent, &not_counted, child_path);
    free(absolute);
    return status;
}

enum status vhd_each_child(const char *path, bool (*each)(void *context, const char *child_path),
                           void *context)
{
    struct vhd_children *children = NULL;
    struct vhd_info parent;
    char *absolute = NULL;

    enum status status = os_absolute_path(path, &absolute);
    if (status == STATUS_OK)
        status = look_at_parent(absolute, &parent);
    if (status == STATUS_OK)
        status = look_beside(absolute, &children);
    bool more = status == STATUS_OK;
    for (const struct child *child = more ? children->first : NULL; child && more;
         child = child->next)
        if (!same_file(&child->id, &parent.file_id) && is_child(child, &parent))
            more = each(context, child->path);
    vhd_children_free(children);
    free(absolute);
    return status;
}

enum status vhd_find_other_child(const char *path, const char *except, char **child_path)
{
    struct vhd_children *children = NULL;
    enum status status = vhd_find_among_children(&children, path, except, child_path);
    vhd_children_free(children);
    return status;
}

enum status vhd_find_child(const char *path, char **child_path)
{
    return vhd_find_other_child(path, NULL, child_path);
}
