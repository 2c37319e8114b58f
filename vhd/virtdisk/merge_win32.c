// MergeVirtualDisk.
#include <windows.h>

#include "vhd/virtdisk/work.h"

#include "vhd/format.h"

static enum status format_of(const char *path, enum vhd_format *format)
{
    const struct vhd_open look = {
        .share = FILE_SHARE_DENY_WRITE, .no_parents = true, .wait_ms = FILE_SHARING_WAIT_MS};
    struct vhd_info info;
    struct vhd *disk;
    enum status status = vhd_native_open(path, &look, &disk);
    if (status != STATUS_OK)
        return status;
    vhd_get_info(disk, &info);
    *format = info.format;
    vhd_abandon(disk);
    return STATUS_OK;
}

// Reads what each child of `paths` holds, and proves its linkage, before virtdisk opens the files.
static enum status measure(char **paths, uint64_t *total)
{
    *total = 0;
    for (; paths[1]; paths++) {
        struct vhd_merge_need need;
        enum status status = vhd_merge_plan(paths[0], NULL, &need);
        if (status != STATUS_OK)
            return status;
        *total += need.data;
    }
    return STATUS_OK;
}

// One level: the leaf has depth 1, its parent 2.
static enum status merge_into_parent(struct virtdisk_work *w)
{
    const struct virtdisk_merge parameters = {
        .version = VIRTDISK_MERGE_VERSION_2, .source_depth = 1, .target_depth = 2};
    struct vhd_merge_need need;
    enum vhd_format format;

    enum status status = format_of(w->path, &format);
    if (status == STATUS_OK)
        status = vhd_merge_plan(w->path, NULL, &need);
    if (status != STATUS_OK)
        return status;
    w->share = need.data < w->total - w->before ? need.data : w->total - w->before;
    status = virtdisk_work_begin(w, format);
    if (status == STATUS_OK)
        status = virtdisk_work_finish(w, "merge",
                                      w->api->MergeVirtualDisk(w->handle, VIRTDISK_MERGE_FLAG_NONE,
                                                               &parameters, &w->overlapped));
    virtdisk_work_end(w);
    w->before += w->share;
    return status;
}

// Several levels are merged one after the other, as natively: virtdisk's own way of doing it at
// once would leave files in between that hold a mixture.
enum status virtdisk_disk_merge(const char *child_path, const struct vhd_merge *how)
{
    uint64_t before = 0, total;
    char **paths;
    enum status status = vhd_merge_files(child_path, how->levels, NULL, &paths);
    if (status != STATUS_OK)
        return status;
    status = measure(paths, &total);
    for (size_t i = 0; status == STATUS_OK && paths[i + 1]; i++) {
        struct virtdisk_work w = {.path = paths[i],
                                  .progress = how->progress,
                                  .context = how->context,
                                  .before = before,
                                  .total = total};
        status = merge_into_parent(&w);
        before = w.before;
    }
    vhd_free_paths(paths);
    return status;
}
