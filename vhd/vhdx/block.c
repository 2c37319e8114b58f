// Changing one block: its state in the table, its place in the file and, in a differencing disk,
// its sector bitmap.
#include "base/checked.h"
#include "vhd/vhdx/image.h"
#include "vhd/vhdx/sector_bitmap.h"

static uint64_t chunk_of(const struct vhdx_geometry *g, uint64_t block)
{
    return block >> g->chunk_ratio_shift;
}

// Index of the sector at byte `start` of `block` within its chunk's bitmap.
static uint64_t sector_in_chunk(const struct vhdx_geometry *g, uint64_t block, uint64_t start)
{
    uint64_t in_chunk = block & ((1ull << g->chunk_ratio_shift) - 1);
    return ((in_chunk << g->block_shift) + start) / g->sector_size;
}

enum status vhdx_zero_file(struct vhdx *x, uint64_t offset, uint64_t length)
{
    x->payload_dirty = true;
    x->known_data = (struct vhd_known_data){0}; // there may be a hole now
    return x->image.file->ops->zero(x->image.file, offset, length);
}

enum status vhdx_allocate(struct vhdx *x, uint64_t length, bool partly, uint64_t *offset)
{
    bool zeroed;
    enum status status = vhdx_space_allocate(&x->space, length, offset, &zeroed);
    if (!status)
        status = vhdx_grow_file(x, *offset + length);
    if (!status && partly && !zeroed)
        status = vhdx_zero_file(x, *offset, length);
    return status;
}

static enum status provide_bitmap(struct vhdx *x, uint64_t chunk, uint64_t *bitmap)
{
    enum status status = vhdx_bat_get_bitmap(&x->bat, chunk, bitmap);
    if (status || *bitmap != 0)
        return status;
    status = vhdx_allocate(x, VHDX_BITMAP_BLOCK_SIZE, true, bitmap);
    if (!status)
        status = vhdx_bat_set_bitmap(&x->bat, chunk, *bitmap);
    return status;
}

enum status vhdx_drop_bitmap(struct vhdx *x, uint64_t chunk)
{
    uint64_t bitmap;
    enum status status = vhdx_bat_get_bitmap(&x->bat, chunk, &bitmap);
    if (status || bitmap == 0)
        return status;
    status = vhdx_bat_set_bitmap(&x->bat, chunk, 0);
    if (!status)
        status = vhdx_space_release(&x->space, bitmap, VHDX_BITMAP_BLOCK_SIZE);
    vhdx_pages_forget(&x->pages, bitmap, VHDX_BITMAP_BLOCK_SIZE);
    return status ? status : vhdx_commit_if_full(x);
}

enum status vhdx_block_sectors(struct vhdx *x, uint64_t block, uint64_t start, uint64_t limit,
                               bool *present, uint64_t *count)
{
    const struct vhdx_geometry *g = &x->bat.geometry;
    uint64_t bitmap;
    enum status status = vhdx_bat_get_bitmap(&x->bat, chunk_of(g, block), &bitmap);
    if (status)
        return status;
    return vhdx_sector_bitmap_run(&x->pages, bitmap, sector_in_chunk(g, block, start), limit,
                                  present, count);
}

// Marks sectors as present; a block with all of them becomes fully present and needs its bitmap no
// more.
static enum status mark_present(struct vhdx *x, uint64_t block, const struct vhdx_block *entry,
                                uint64_t start, uint64_t length)
{
    const struct vhdx_geometry *g = &x->bat.geometry;
    uint64_t bitmap;
    enum status status = vhdx_bat_get_bitmap(&x->bat, chunk_of(g, block), &bitmap);
    if (!status)
        status = vhdx_sector_bitmap_fill(&x->pages, bitmap, sector_in_chunk(g, block, start),
                                         length / g->sector_size, true);
    if (status)
        return status;
    bool present;
    uint64_t count;
    uint64_t all = vhdx_block_length(g, block) / g->sector_size;
    status = vhdx_sector_bitmap_run(&x->pages, bitmap, sector_in_chunk(g, block, 0), all, &present,
                                    &count);
    if (status || !present || count < all)
        return status;
    struct vhdx_block full = {.state = VHDX_BLOCK_FULLY_PRESENT, .offset = entry->offset};
    return vhdx_bat_set_payload(&x->bat, block, &full);
}

// Room for a whole block: that of its soft anchor, or new one.
static enum status allocate_payload(struct vhdx *x, struct vhdx_block *entry, bool partly)
{
    uint32_t size = x->bat.geometry.block_size;
    if (entry->offset == 0)
        return vhdx_allocate(x, size, partly, &entry->offset);
    return partly ? vhdx_zero_file(x, entry->offset, size) : STATUS_OK;
}

enum status vhdx_get_block(struct vhdx *x, uint64_t block, struct vhdx_block *out)
{
    enum status status = vhdx_bat_get_payload(&x->bat, block, out);
    if (!status && x->anchors_shared && !vhdx_block_is_present(out))
        out->offset = 0;
    return status;
}

// Gives a place to a block that has none. What is not written at once stays the parent's when the
// block was the parent's, and reads as zeros otherwise.
static enum status allocate_block(struct vhdx *x, uint64_t block, struct vhdx_block *entry,
                                  uint64_t start, uint64_t length)
{
    const struct vhdx_geometry *g = &x->bat.geometry;
    bool partial = g->differencing && entry->state == VHDX_BLOCK_NOT_PRESENT &&
                   length < vhdx_block_length(g, block);
    uint64_t bitmap = 0;
    enum status status = partial ? provide_bitmap(x, chunk_of(g, block), &bitmap) : STATUS_OK;
    if (!status)
        status = allocate_payload(x, entry, length < g->block_size);
    if (status)
        return status;
    entry->state = partial ? VHDX_BLOCK_PARTIALLY_PRESENT : VHDX_BLOCK_FULLY_PRESENT;
    status = vhdx_bat_set_payload(&x->bat, block, entry);
    x->present_blocks++;
    if (status || !partial)
        return status;
    // The bits of a block that is not present mean nothing, so they may be anything.
    status = vhdx_sector_bitmap_fill(&x->pages, bitmap, sector_in_chunk(g, block, 0),
                                     g->block_size / g->sector_size, false);
    if (!status)
        status = vhdx_sector_bitmap_fill(&x->pages, bitmap, sector_in_chunk(g, block, start),
                                         length / g->sector_size, true);
    return status;
}

enum status vhdx_block_prepare_write(struct vhdx *x, uint64_t block, uint64_t start,
                                     uint64_t length, uint64_t *file_offset)
{
    struct vhdx_block entry;
    enum status status = vhdx_get_block(x, block, &entry);
    if (status)
        return status;
    if (entry.state == VHDX_BLOCK_PARTIALLY_PRESENT)
        status = mark_present(x, block, &entry, start, length);
    else if (entry.state != VHDX_BLOCK_FULLY_PRESENT)
        status = allocate_block(x, block, &entry, start, length);
    *file_offset = entry.offset + start;
    return status;
}

// The whole block: no place is needed for zeros. A fixed file keeps its blocks where they are
// ([MS-VHDX] 2.5.1.1, note 6).
static enum status zero_whole(struct vhdx *x, uint64_t block, const struct vhdx_block *entry)
{
    static const struct vhdx_block zero = {.state = VHDX_BLOCK_ZERO};
    bool present = vhdx_block_is_present(entry);
    enum status status = vhdx_begin_change(x, true);
    if (!status && present && x->metadata.leave_blocks_allocated)
        return vhdx_zero_file(x, entry->offset, x->bat.geometry.block_size);
    if (!status)
        status = vhdx_bat_set_payload(&x->bat, block, &zero);
    if (!status && present)
        x->present_blocks--;
    if (!status && entry->offset != 0)
        status = vhdx_space_release(&x->space, entry->offset, x->bat.geometry.block_size);
    return status;
}

static enum status zero_part(struct vhdx *x, uint64_t block, struct vhdx_block *entry,
                             uint64_t start, uint64_t length)
{
    enum status status = vhdx_begin_change(x, true);
    if (status)
        return status;
    // New room reads as zeros where nothing is written.
    if (entry->state == VHDX_BLOCK_NOT_PRESENT)
        return allocate_block(x, block, entry, start, length);
    status = vhdx_zero_file(x, entry->offset + start, length);
    if (!status && entry->state == VHDX_BLOCK_PARTIALLY_PRESENT)
        status = mark_present(x, block, entry, start, length);
    return status;
}

enum status vhdx_block_zero(struct vhdx *x, uint64_t block, uint64_t start, uint64_t length)
{
    const struct vhdx_geometry *g = &x->bat.geometry;
    struct vhdx_block entry;
    enum status status = vhdx_get_block(x, block, &entry);
    if (status)
        return status;
    bool whole = length == vhdx_block_length(g, block);
    switch (entry.state) {
    case VHDX_BLOCK_ZERO:
        return STATUS_OK;
    case VHDX_BLOCK_UNDEFINED:
    case VHDX_BLOCK_UNMAPPED:
        // Read as zeros here, but other programs may show what was there before. All of the block
        // may be anything, zeros too, so part of it needs no more than the whole.
        return zero_whole(x, block, &entry);
    case VHDX_BLOCK_NOT_PRESENT:
        if (!g->differencing)
            return STATUS_OK;
        break;
    case VHDX_BLOCK_FULLY_PRESENT:
    case VHDX_BLOCK_PARTIALLY_PRESENT:
        break;
    }
    return whole ? zero_whole(x, block, &entry) : zero_part(x, block, &entry, start, length);
}
