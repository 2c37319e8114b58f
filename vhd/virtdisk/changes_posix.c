#include "vhd/virtdisk/changes.h"
#include "vhd/virtdisk/virtdisk.h"

// Why virtdisk_backend refuses here.
static enum status refuse(void)
{
    const struct vhd_backend_ops *ops;
    return virtdisk_backend(&ops);
}

enum status virtdisk_track_changes(const char *path, bool on)
{
    (void)path;
    (void)on;
    return refuse();
}

enum status virtdisk_name_moment(const char *path, char **moment)
{
    (void)path;
    (void)moment;
    return refuse();
}

enum status virtdisk_list_changes(const char *path, const char *moment,
                                  bool (*changed)(void *context, uint64_t offset, uint64_t length),
                                  void *context)
{
    (void)path;
    (void)moment;
    (void)changed;
    (void)context;
    return refuse();
}
