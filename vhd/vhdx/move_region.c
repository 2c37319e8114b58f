// Giving a region of an open file another place ([MS-VHDX] 2.2.3): its contents go there first,
// then both region tables say so in one entry of the log.
#include "vhd/vhdx/move_region.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/checked.h"

#define COPY_SIZE (64 * 1024)

enum status vhdx_copy_in_zeros(struct vhdx *x, uint64_t from, uint64_t to, uint64_t length)
{
    uint8_t *part = malloc(COPY_SIZE);
    if (!part)
        return status_no_memory("a region of a VHDX file");
    enum status status = STATUS_OK;
    x->payload_dirty = true;
    for (uint64_t done = 0; done < length && !status; done += COPY_SIZE) {
        size_t size = (size_t)min_u64(COPY_SIZE, length - done);
        status = vhdx_view_read(&x->view, from + done, part, size);
        if (!status && !bytes_are_zero(part, size))
            status = file_write(x->image.file, to + done, part, size);
    }
    free(part);
    return status;
}

enum status vhdx_put_region_tables(struct vhdx *x)
{
    static const uint64_t copies[] = {VHDX_REGION_TABLE1_OFFSET, VHDX_REGION_TABLE2_OFFSET};
    uint8_t *raw = malloc(VHDX_REGION_TABLE_SIZE);
    if (!raw)
        return status_no_memory("the region table of a VHDX file");
    // The first copy is good: the session has mended it if it was not.
    enum status status = vhdx_pages_read(&x->pages, copies[0], raw, VHDX_REGION_TABLE_SIZE);
    if (!status) {
        vhdx_region_table_move(raw, &x->regions.metadata);
        vhdx_region_table_move(raw, &x->regions.bat);
    }
    for (size_t i = 0; i < sizeof copies / sizeof *copies && !status; i++)
        status = vhdx_pages_put(&x->pages, copies[i], raw, VHDX_REGION_TABLE_SIZE);
    free(raw);
    return status;
}

static enum status move_to(struct vhdx *x, struct vhdx_region *region, uint64_t to)
{
    const struct vhdx_region left = *region;
    // What waits for the log belongs to the old place.
    enum status status = vhdx_begin_change(x, false);
    if (!status)
        status = vhdx_commit(x);
    if (!status)
        status = vhdx_zero_file(x, to, left.length);
    if (!status)
        status = vhdx_copy_in_zeros(x, left.offset, to, left.length);
    if (status)
        return status;
    region->offset = to;
    x->bat.offset = x->regions.bat.offset;
    status = vhdx_put_region_tables(x);
    if (!status)
        status = vhdx_space_release(&x->space, left.offset, left.length);
    if (!status)
        status = vhdx_commit(x);
    vhdx_pages_forget(&x->pages, left.offset, left.length);
    return status;
}

enum status vhdx_move_region_down(struct vhdx *x, struct vhdx_region *region)
{
    uint64_t to;
    bool found;
    enum status status =
        vhdx_space_allocate_below(&x->space, 0, region->offset, region->length, &to, &found);
    return status || !found ? status : move_to(x, region, to);
}
