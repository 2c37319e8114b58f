#include "service/track/tracker.h"

enum tracker_finding offline_look(const struct file_system *fs, const char *path,
                                  const struct vhd_identity *saved, struct vhd_identity *now)
{
    const struct vhd_open how = {
        .fs = fs,
        .share = FILE_SHARE_ANYTHING,
        .no_parents = true,
        .low_io_priority = true,
        .wait_ms = 0,
    };
    struct vhd *disk;
    struct vhd_info info;
    if (vhd_open(path, &how, &disk) != STATUS_OK)
        return TRACKER_UNKNOWN;
    vhd_get_info(disk, &info);
    *now = info.identity;
    vhd_abandon(disk); // a look writes nothing
    return vhd_identity_unchanged(saved, now) ? TRACKER_UNCHANGED : TRACKER_CHANGED;
}

enum status offline_is_free(const struct file_system *fs, const char *path)
{
    static const struct file_open how = {.share = FILE_SHARE_DENY_WRITE, .wait_ms = 0};
    struct file *file;
    enum status s = fs->open(fs, path, &how, &file);
    if (s == STATUS_OK)
        file_close(file);
    return s;
}
