// Finds the children of a disk: a parent does not list them, so the files beside it are asked.
#include "vhd/chain.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/os.h"

struct search {
    const char *folder;
    struct vhd_info parent;
    struct file_id except; // a child that does not count; the parent itself when there is none
    char *found;
    enum status status;
};

// Looks take no lock: whoever uses a file is not disturbed.
static const struct file_open look = {.share = FILE_SHARE_ANYTHING};

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

// The parent is at the first of the child's paths where there is a file, or at a later one if the
// linkage says so: then the child finds it there.
static bool is_child(struct vhd *disk, const struct search *search)
{
    struct vhd_info info;
    char **paths;
    bool found = false, counts = true;

    vhd_get_info(disk, &info);
    if (info.type != VHD_TYPE_DIFFERENCING || same_file(&info.file_id, &search->except) ||
        disk->image->ops->parent_paths(disk->image, &paths) != STATUS_OK)
        return false;
    for (size_t i = 0; paths[i] && !found; i++) {
        struct file_id id;
        if (!vhd_path_may_be_followed(disk->path, paths[i]) || identify(paths[i], &id) != STATUS_OK)
            continue;
        found = counts && same_file(&id, &search->parent.file_id);
        counts = disk->image->ops->matches_parent(disk->image, &search->parent);
    }
    vhd_free_paths(paths);
    return found;
}

// A file that cannot be opened is no child that we could harm: a child in use holds its parent,
// which then cannot be opened for writing either.
static bool look_at(void *context, const char *name)
{
    struct search *search = context;
    struct vhd *disk;

    if (!has_disk_name(name))
        return true;
    char *path = os_path_join(search->folder, name);
    if (!path) {
        search->status = status_no_memory("a path");
        return false;
    }
    if (vhd_open_leaf(file_system_os(), path, &look, false, &disk) == STATUS_OK) {
        if (is_child(disk, search)) {
            search->found = path;
            path = NULL;
        }
        vhd_abandon(disk);
    }
    free(path);
    return !search->found;
}

enum status vhd_find_other_child(const char *path, const char *except, char **child_path)
{
    struct search search = {.status = STATUS_OK};
    char *absolute = NULL, *folder = NULL;

    enum status status = os_absolute_path(path, &absolute);
    if (status == STATUS_OK)
        status = look_at_parent(absolute, &search.parent);
    if (status == STATUS_OK)
        status = identify(except ? except : absolute, &search.except);
    if (status == STATUS_OK && !(folder = os_path_folder(absolute)))
        status = status_no_memory("a path");
    if (status == STATUS_OK) {
        search.folder = folder;
        status = os_list_folder(folder, look_at, &search);
    }
    if (status == STATUS_OK)
        status = search.status;
    if (status == STATUS_OK)
        *child_path = search.found;
    free(folder);
    free(absolute);
    return status;
}

enum status vhd_find_child(const char *path, char **child_path)
{
    return vhd_find_other_child(path, NULL, child_path);
}
