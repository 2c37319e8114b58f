#include <stdlib.h>
#include <string.h>

#include "service/replicate/primary_session.h"

void disk_hold_close(struct disk_hold *hold)
{
    if (!hold)
        return;
    for (size_t i = 0; i < hold->count; i++)
        if (hold->disk[i])
            vhd_abandon(hold->disk[i]);
    free(hold->disk);
    free(hold);
}

static enum status check_distinct(const struct disk_hold *hold)
{
    for (size_t i = 0; i < hold->count; i++)
        for (size_t j = 0; j < i; j++) {
            struct vhd_info a, b;
            vhd_get_info(hold->disk[i], &a);
            vhd_get_info(hold->disk[j], &b);
            if (memcmp(&a.file_id, &b.file_id, sizeof a.file_id) == 0)
                return status_fail(STATUS_INVALID_ARGUMENT, 0, "'%s' and '%s' are the same file.",
                                   b.path, a.path);
        }
    return STATUS_OK;
}

enum status disk_hold_open(const struct service_context *service, const struct relationship *r,
                           struct disk_hold **out)
{
    struct disk_hold *hold = calloc(1, sizeof *hold);
    if (!hold || !(hold->disk = calloc(r->disk_count, sizeof *hold->disk))) {
        free(hold);
        return status_no_memory("the held disks");
    }
    hold->count = r->disk_count;
    struct vhd_open how = {.fs = service->fs,
                           .share = FILE_SHARE_DENY_WRITE,
                           .low_io_priority = true,
                           .wait_ms = FILE_SHARING_WAIT_MS};
    enum status st = STATUS_OK;
    for (size_t i = 0; st == STATUS_OK && i < hold->count; i++)
        st = vhd_open(r->disks[i].path, &how, &hold->disk[i]);
    if (st == STATUS_OK)
        st = check_distinct(hold);
    if (st == STATUS_OK)
        *out = hold;
    else
        disk_hold_close(hold);
    return st;
}
