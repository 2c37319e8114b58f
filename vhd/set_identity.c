// Changing what a guest sees of a disk's identity.
#include "vhd/alone.h"

static enum status set_identity(struct vhd *disk, const void *request)
{
    return disk->image->ops->set_identity(disk->image, request);
}

enum status vhd_native_set_identity(const char *path, const struct vhd_set_identity *how)
{
    const struct vhd_alone alone = {.fs = how->fs, .childless = true};
    return vhd_change_alone(path, &alone, set_identity, how);
}
