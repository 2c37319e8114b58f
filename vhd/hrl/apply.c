#include <stdlib.h>

#include "base/checked.h"
#include "vhd/hrl/log.h"

#define COPY_AT_ONCE (1u << 20)

struct application {
    struct hrl *log;
    struct vhd *disk;
    const struct hrl_apply *how;
    struct hrl_applied *done;
    uint8_t *buffer;
};

static enum status check_place(const struct hrl *log, const struct hrl_entry *entry,
                               const struct vhd_info *disk)
{
    if (range_fits(entry->offset, entry->length, disk->virtual_size) &&
        entry->offset % disk->logical_sector_size == 0 &&
        entry->length % disk->logical_sector_size == 0)
        return STATUS_OK;
    (void)status_fail(STATUS_MISMATCH, 0,
                      "%s: write %llu has %u bytes at %llu, which are no whole sectors of %s, a "
                      "disk of %llu bytes in sectors of %u.",
                      log->file->path, (unsigned long long)entry->number, (unsigned)entry->length,
                      (unsigned long long)entry->offset, disk->path,
                      (unsigned long long)disk->virtual_size, (unsigned)disk->logical_sector_size);
    return status_advise(0, "Apply the log to the replica of the disk that it was made of; a "
                            "replica whose disk was resized must be compared again.");
}

static enum status check_places(const struct application *a)
{
    struct vhd_info disk;
    struct hrl_entry entry;
    bool found = true;
    enum status status = STATUS_OK;
    vhd_get_info(a->disk, &disk);
    hrl_rewind(a->log);
    while (status == STATUS_OK && found) {
        status = hrl_next(a->log, &entry, &found);
        if (status == STATUS_OK && found)
            status = check_place(a->log, &entry, &disk);
    }
    return status;
}

static enum status copy(const struct application *a, const struct hrl_entry *entry)
{
    for (uint32_t done = 0; done < entry->length;) {
        uint32_t size = (uint32_t)min_u64(COPY_AT_ONCE, entry->length - done);
        enum status status = hrl_read(a->log, entry, done, a->buffer, size);
        if (status == STATUS_OK)
            status = vhd_write(a->disk, entry->offset + done, a->buffer, size);
        if (status != STATUS_OK)
            return status;
        done += size;
    }
    a->done->writes++;
    a->done->bytes += entry->length;
    return STATUS_OK;
}

static enum status apply_group(const struct application *a)
{
    struct hrl_entry entry;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && hrl_group_next(a->log, &entry))
        status = hrl_verify(a->log, &entry);
    hrl_group_rewind(a->log);
    while (status == STATUS_OK && hrl_group_next(a->log, &entry))
        status = copy(a, &entry);
    if (status == STATUS_OK && a->how->progress &&
        !a->how->progress(a->how->context, a->done->bytes, a->log->data))
        return status_fail(STATUS_CANCELLED, 0, "%s: applying the log was stopped.",
                           a->log->file->path);
    return status;
}

static enum status apply_groups(const struct application *a)
{
    bool found = true;
    enum status status = STATUS_OK;
    hrl_rewind(a->log);
    while (status == STATUS_OK && found) {
        status = hrl_next_group(a->log, &found);
        if (status == STATUS_OK && found)
            status = apply_group(a);
    }
    return status;
}

enum status hrl_apply(struct hrl *log, struct vhd *disk, const struct hrl_apply *how,
                      struct hrl_applied *out)
{
    *out = (struct hrl_applied){0};
    if (log->header.end == 0 && !how->unclosed) {
        (void)status_fail(STATUS_REFUSED, 0,
                          "%s was not closed: writes that came after its last complete group are "
                          "not in it.",
                          log->file->path);
        return status_advise(0, "Compare the disks instead, or apply what is there expressly.");
    }
    struct application a = {log, disk, how, out, malloc(COPY_AT_ONCE)};
    if (!a.buffer)
        return status_no_memory("the data of a replica log");
    enum status status = check_places(&a);
    if (status == STATUS_OK)
        status = apply_groups(&a);
    if (status == STATUS_OK)
        status = vhd_flush(disk);
    free(a.buffer);
    return status;
}
