// Reading, writing and mapping the virtual disk as far as this file holds it.
#include <string.h>

#include "base/checked.h"
#include "vhd/vhdx/image.h"

// One call of the map looks at no more blocks, so that a caller who asks for all of a huge disk
// again after each small piece (a parent's, say) does not walk the rest of it each time.
#define MAPPED_BLOCKS_MAX 1024ull

// The same for data, whose blocks are looked up one by one.
#define DATA_BLOCKS_MAX 64ull

// A range of the virtual disk whose bytes come from one place.
struct run {
    enum vhd_extent_kind kind;
    uint64_t length;
    uint64_t file_offset; // of data
};

static enum status run_of_partial_block(struct vhdx *x, uint64_t block, uint64_t start,
                                        struct run *run)
{
    uint32_t sector_size = x->bat.geometry.sector_size;
    uint64_t count;
    bool present;
    enum status status =
        vhdx_block_sectors(x, block, start, divide_up(run->length, sector_size), &present, &count);
    if (status)
        return status;
    run->kind = present ? VHD_EXTENT_DATA : VHD_EXTENT_PARENT;
    run->length = min_u64(count * sector_size, run->length);
    return STATUS_OK;
}

// Blocks without a place of their own often go on for long with equal entries, which are compared
// faster than decoded. Makes the run of the first one, `start` bytes into it, longer, at most
// `limit` bytes.
static enum status run_over_equal_blocks(struct vhdx *x, uint64_t block, uint64_t start,
                                         uint64_t limit, struct run *run)
{
    const struct vhdx_geometry *g = &x->bat.geometry;
    uint64_t wanted = divide_up(start + limit, g->block_size);
    uint64_t count;
    if (wanted == 1)
        return STATUS_OK;
    enum status status = vhdx_bat_repeats(&x->bat, block, wanted, &count);
    if (!status)
        run->length = min_u64(limit, (count << g->block_shift) - start);
    return status;
}

// The run at `offset`, at most `limit` bytes; data does not go past the end of its block.
static enum status run_in_block(struct vhdx *x, uint64_t offset, uint64_t limit, struct run *run)
{
    const struct vhdx_geometry *g = &x->bat.geometry;
    uint64_t block = offset >> g->block_shift;
    uint64_t start = offset & (g->block_size - 1);
    struct vhdx_block entry;
    enum status status = vhdx_bat_get_payload(&x->bat, block, &entry);
    if (status)
        return status;
    *run = (struct run){.kind = VHD_EXTENT_ZERO,
                        .length = min_u64(limit, g->block_size - start),
                        .file_offset = entry.offset + start};
    if (entry.state == VHDX_BLOCK_FULLY_PRESENT) {
        run->kind = VHD_EXTENT_DATA;
        return STATUS_OK;
    }
    if (entry.state == VHDX_BLOCK_PARTIALLY_PRESENT)
        return run_of_partial_block(x, block, start, run);
    if (entry.state == VHDX_BLOCK_NOT_PRESENT && g->differencing)
        run->kind = VHD_EXTENT_PARENT;
    return run_over_equal_blocks(x, block, start, limit, run);
}

// The same across blocks, as long as the kind stays and data goes on in the file.
static enum status find_run(struct vhdx *x, uint64_t offset, uint64_t limit, struct run *run)
{
    enum status status = run_in_block(x, offset, limit, run);
    if (!status && run->kind == VHD_EXTENT_DATA)
        limit = min_u64(limit, DATA_BLOCKS_MAX << x->bat.geometry.block_shift);
    while (!status && run->length < limit) {
        struct run next;
        status = run_in_block(x, offset + run->length, limit - run->length, &next);
        if (status || next.kind != run->kind ||
            (run->kind == VHD_EXTENT_DATA && next.file_offset != run->file_offset + run->length))
            break;
        run->length += next.length;
    }
    return status;
}

enum status vhdx_read(struct vhd_image *image, uint64_t offset, void *buffer, size_t length)
{
    struct vhdx *x = vhdx_of(image);
    uint8_t *to = buffer;
    while (length > 0) {
        struct run run;
        enum status status = find_run(x, offset, length, &run);
        size_t part = status ? 0 : (size_t)run.length;
        if (!status && run.kind == VHD_EXTENT_DATA)
            status = vhdx_view_read(&x->view, run.file_offset, to, part);
        else if (!status && run.kind == VHD_EXTENT_ZERO)
            memset(to, 0, part);
        if (status)
            return status;
        offset += part;
        to += part;
        length -= part;
    }
    return STATUS_OK;
}

enum status vhdx_map(struct vhd_image *image, uint64_t offset, uint64_t limit, bool holes,
                     struct vhd_extent *out)
{
    struct vhdx *x = vhdx_of(image);
    struct run run;
    limit = min_u64(limit, MAPPED_BLOCKS_MAX << x->bat.geometry.block_shift);
    enum status status = find_run(x, offset, limit, &run);
    if (status)
        return status;
    struct vhd_extent extent = {.offset = offset, .length = run.length, .kind = run.kind};
    if (holes && run.kind == VHD_EXTENT_DATA && vhdx_view_is_plain(&x->view))
        status = vhd_refine_by_holes(x->image.file, &x->known_data, run.file_offset,
                                     x->bat.geometry.sector_size, &extent);
    if (!status)
        *out = extent;
    return status;
}

// Data on its way to the file: pieces of one buffer that follow each other there are written at
// once.
struct pending {
    uint64_t file_offset;
    const uint8_t *data;
    size_t length;
};

static enum status write_pending(struct vhdx *x, const struct pending *pending)
{
    if (pending->length == 0)
        return STATUS_OK;
    x->payload_dirty = true;
    return file_write(x->image.file, pending->file_offset, pending->data, pending->length);
}

enum status vhdx_write(struct vhd_image *image, uint64_t offset, const void *buffer, size_t length)
{
    struct vhdx *x = vhdx_of(image);
    const struct vhdx_geometry *g = &x->bat.geometry;
    struct pending pending = {.data = buffer};
    enum status status = vhdx_begin_change(x, true);
    while (length > 0 && !status) {
        uint64_t start = offset & (g->block_size - 1);
        size_t part = (size_t)min_u64(length, g->block_size - start);
        uint64_t file_offset = 0;
        status = vhdx_block_prepare_write(x, offset >> g->block_shift, start, part, &file_offset);
        if (!status && file_offset != pending.file_offset + pending.length) {
            status = write_pending(x, &pending);
            pending =
                (struct pending){.file_offset = file_offset, .data = pending.data + pending.length};
        }
        pending.length += part;
        offset += part;
        length -= part;
    }
    if (!status)
        status = write_pending(x, &pending);
    return status ? status : vhdx_commit_if_full(x);
}

enum status vhdx_zero(struct vhd_image *image, uint64_t offset, uint64_t length)
{
    struct vhdx *x = vhdx_of(image);
    const struct vhdx_geometry *g = &x->bat.geometry;
    enum status status = STATUS_OK;
    while (length > 0 && !status) {
        uint64_t start = offset & (g->block_size - 1);
        uint64_t part = min_u64(length, g->block_size - start);
        status = vhdx_block_zero(x, offset >> g->block_shift, start, part);
        if (!status)
            status = vhdx_commit_if_full(x);
        offset += part;
        length -= part;
    }
    return status;
}

enum status vhdx_flush(struct vhd_image *image)
{
    return vhdx_commit(vhdx_of(image));
}

void vhdx_locate(struct vhd_image *image, uint64_t offset, uint64_t limit, uint64_t *file_offset,
                 uint64_t *length)
{
    struct vhdx *x = vhdx_of(image);
    const struct vhdx_geometry *g = &x->bat.geometry;
    uint64_t start = offset & (g->block_size - 1);
    struct vhdx_block entry;
    *length = min_u64(limit, g->block_size - start);
    if (vhdx_bat_get_payload(&x->bat, offset >> g->block_shift, &entry) || entry.offset == 0)
        *file_offset = VHD_NOT_ALLOCATED;
    else
        *file_offset = entry.offset + start;
}
