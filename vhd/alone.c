#include "vhd/alone.h"

#include <stdlib.h>

enum status vhd_check_childless(const char *path)
{
    char *child;
    enum status status = vhd_find_child(path, &child);
    if (status != STATUS_OK || !child)
        return status;
    (void)status_fail(STATUS_REFUSED, 0,
                      "%s has a child, %s, that would be useless once it is changed.", path, child);
    free(child);
    return status_advise(0, "Merge or delete the child first.");
}

// True when a failed change has left nothing half done.
static bool is_in_order(enum status status)
{
    return status == STATUS_OK || status == STATUS_REFUSED || status == STATUS_CANCELLED ||
           status == STATUS_UNSUPPORTED;
}

static enum status close_after(struct vhd *disk, enum status status)
{
    if (status == STATUS_OK)
        return vhd_close(disk);
    struct status_details failure = *status_last();
    if (!is_in_order(status)) {
        vhd_abandon(disk);
        return status_restore(&failure);
    }
    status = vhd_close(disk);
    return status != STATUS_OK ? status : status_restore(&failure);
}

enum status vhd_change_alone(const char *path, const struct vhd_alone *how,
                             enum status (*change)(struct vhd *disk, const void *request),
                             const void *request)
{
    const struct vhd_open open = {.fs = how->fs,
                                  .writable = true,
                                  .share = FILE_SHARE_NOTHING,
                                  .no_parents = !how->parents,
                                  .low_io_priority = how->low_io_priority,
                                  .wait_ms = FILE_SHARING_WAIT_MS};
    struct vhd *disk;
    enum status status = STATUS_OK;
    if (how->childless && (!how->fs || how->fs == file_system_os()))
        status = vhd_check_childless(path);
    if (status == STATUS_OK)
        status = vhd_native_open(path, &open, &disk);
    return status == STATUS_OK ? close_after(disk, change(disk, request)) : status;
}
