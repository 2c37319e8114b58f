#include <windows.h>

#include "vhd/virtdisk/virtdisk.h"

#include "vhd/virtdisk/disk.h"

static const struct vhd_backend_ops backend = {
    .open = virtdisk_disk_open,
    .create = virtdisk_disk_create,
    .create_child = virtdisk_disk_create_child,
    .merge = virtdisk_disk_merge,
    .resize = virtdisk_disk_resize,
    .compact = virtdisk_disk_compact,
    .set_identity = virtdisk_disk_set_identity,
};

enum status virtdisk_backend(const struct vhd_backend_ops **out)
{
    const struct virtdisk_api *api;
    enum status status = virtdisk_provider(&api);
    if (status == STATUS_OK)
        *out = &backend;
    return status;
}
