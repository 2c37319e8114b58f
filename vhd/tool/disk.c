// What several verbs do with disks.
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/os.h"
#include "vhd/tool/tool.h"

enum status tool_open_reader(const char *path, struct vhd **out)
{
    const struct vhd_open how = {.share = FILE_SHARE_DENY_WRITE, .wait_ms = FILE_SHARING_WAIT_MS};
    return vhd_open(path, &how, out);
}

// The sector at the edge of a range that is not aligned.
struct edge {
    uint8_t sector[VHD_SECTOR_SIZE_MAX];
    uint64_t offset;
    size_t skip;   // bytes before the range
    size_t length; // bytes of the range
};

static enum status read_edge(struct vhd *disk, uint32_t sector_size, uint64_t offset, size_t length,
                             struct edge *edge)
{
    edge->offset = align_down(offset, sector_size);
    edge->skip = (size_t)(offset - edge->offset);
    edge->length = (size_t)min_u64(length, sector_size - edge->skip);
    return vhd_read(disk, edge->offset, edge->sector, sector_size);
}

static uint32_t sector_size_of(struct vhd *disk)
{
    struct vhd_info info;
    vhd_get_info(disk, &info);
    return info.logical_sector_size;
}

enum status tool_read_bytes(struct vhd *disk, uint64_t offset, void *buffer, size_t length)
{
    uint32_t sector_size = sector_size_of(disk);
    uint8_t *to = buffer;
    while (length > 0) {
        struct edge edge;
        enum status status;
        size_t done = (size_t)align_down(length, sector_size);
        if (done > 0 && is_aligned(offset, sector_size)) {
            status = vhd_read(disk, offset, to, done);
        } else {
            status = read_edge(disk, sector_size, offset, length, &edge);
            done = edge.length;
            if (status == STATUS_OK)
                memcpy(to, edge.sector + edge.skip, done);
        }
        if (status != STATUS_OK)
            return status;
        to += done;
        offset += done;
        length -= done;
    }
    return STATUS_OK;
}

enum status tool_write_bytes(struct vhd *disk, uint64_t offset, const void *buffer, size_t length)
{
    uint32_t sector_size = sector_size_of(disk);
    const uint8_t *from = buffer;
    while (length > 0) {
        struct edge edge;
        enum status status;
        size_t done = (size_t)align_down(length, sector_size);
        if (done > 0 && is_aligned(offset, sector_size)) {
            status = vhd_write(disk, offset, from, done);
        } else {
            status = read_edge(disk, sector_size, offset, length, &edge);
            done = edge.length;
            if (status == STATUS_OK) {
                memcpy(edge.sector + edge.skip, from, done);
                status = vhd_write(disk, edge.offset, edge.sector, sector_size);
            }
        }
        if (status != STATUS_OK)
            return status;
        from += done;
        offset += done;
        length -= done;
    }
    return STATUS_OK;
}

enum status tool_refuse_parent(const char *path, const char *except)
{
    char *child = NULL;
    enum status status = vhd_find_other_child(path, except, &child);
    if (status != STATUS_OK || !child)
        return status;
    (void)status_fail(STATUS_REFUSED, 0,
                      "%s is the parent of %s, which a change would make useless.", path, child);
    free(child);
    return status_advise(0, "Merge or delete that child first, or say --force.");
}

enum status tool_print(struct buffer *text)
{
    if (text->size > 0)
        os_print(false, (const char *)text->data);
    text->size = 0;
    return ferror(stdout) ? status_fail(STATUS_IO, 0, "standard output cannot be written.")
                          : STATUS_OK;
}

enum status tool_put_json(const json_t *object, struct buffer *out)
{
    char *text = json_dumps(object, JSON_INDENT(2));
    enum status status = text ? buffer_printf(out, "%s\n", text) : status_no_memory("the output");
    free(text);
    return status;
}

void tool_warn(const char *format, ...)
{
    char message[STATUS_MESSAGE_MAX];
    char line[STATUS_MESSAGE_MAX + 32];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    snprintf(line, sizeof line, "vrepdisk: note: %s\n", message);
    os_print(true, line);
}

void tool_warn_of_tracking(const char *path)
{
    if (vhd_is_change_tracked(path, NULL))
        tool_warn("Hyper-V tracks the changes of %s in the .rct and .mrt files beside it. They are "
                  "left as they are and become stale: the next backup that relies on them is a "
                  "full one.",
                  path);
}
