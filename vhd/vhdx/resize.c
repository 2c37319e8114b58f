// Changing the virtual size ([MS-VHDX] 2.6.2.2). The size, and the place of the block allocation
// table when that moves, change in one entry of the log; what lies past the end of the disk before
// that, or after, nobody looks at.
#include <inttypes.h>

#include "base/checked.h"
#include "base/endian.h"
#include "vhd/errors.h"
#include "vhd/vhdx/move_region.h"

#define ENTRY_SIZE 8

enum status vhdx_check_resize(const char *path, uint32_t sector_size, uint64_t size)
{
    if (size != 0 && size <= VHDX_SIZE_MAX && is_aligned(size, sector_size))
        return STATUS_OK;
    return status_fail(STATUS_INVALID_ARGUMENT, VHD_ERROR_INVALID_SIZE,
                       "VHDX %s: a size of %" PRIu64
                       " bytes is not possible; it must be a multiple of %" PRIu32
                       ", at most 64 TiB.",
                       path, size, sector_size);
}

// A longer table needs another place, and takes its entries with it. The old one counts until the
// region tables say otherwise.
static enum status move_table(struct vhdx *x, const struct vhdx_geometry *next)
{
    struct vhdx_region moved = x->regions.bat;
    moved.length = (uint32_t)align_up(next->entry_count * ENTRY_SIZE, VHDX_ALIGNMENT);
    enum status status = vhdx_allocate(x, moved.length, true, &moved.offset);
    if (!status)
        status = vhdx_copy_in_zeros(x, x->bat.offset, moved.offset,
                                    x->bat.geometry.entry_count * ENTRY_SIZE);
    if (status)
        return status;
    x->regions.bat = moved;
    x->bat.offset = moved.offset;
    return STATUS_OK;
}

// Other programs leave junk past the last entry.
static enum status clear_entries(struct vhdx *x, uint64_t from, uint64_t to)
{
    static const uint8_t none[ENTRY_SIZE];
    enum status status = STATUS_OK;
    for (uint64_t i = from; i < to && !status; i++) {
        uint8_t raw[ENTRY_SIZE];
        uint64_t at = x->bat.offset + i * ENTRY_SIZE;
        status = vhdx_pages_read(&x->pages, at, raw, sizeof raw);
        if (!status && load_le64(raw) != 0)
            status = vhdx_pages_put(&x->pages, at, none, sizeof none);
        if (!status)
            status = vhdx_commit_if_full(x);
    }
    return status;
}

// What the entry of a new block says: zeros, with a place in a fixed disk. In a differencing disk
// NOT_PRESENT would show what a larger parent has there.
static enum status add_block(struct vhdx *x, uint64_t block)
{
    struct vhdx_block entry = {.state = VHDX_BLOCK_ZERO};
    enum status status = STATUS_OK;
    if (x->metadata.leave_blocks_allocated) {
        status = vhdx_allocate(x, x->bat.geometry.block_size, true, &entry.offset);
        entry.state = VHDX_BLOCK_FULLY_PRESENT;
        x->present_blocks++;
    }
    if (!status)
        status = vhdx_bat_set_payload(&x->bat, block, &entry);
    return status ? status : vhdx_commit_if_full(x);
}

static enum status add_blocks(struct vhdx *x, uint64_t from)
{
    enum status status = STATUS_OK;
    if (!x->metadata.leave_blocks_allocated && !x->metadata.has_parent)
        return STATUS_OK; // NOT_PRESENT
    for (uint64_t block = from; block < x->bat.geometry.block_count && !status; block++)
        status = add_block(x, block);
    return status;
}

// The rest of what was the last block may hold anything, for it lay past the end of the disk.
static enum status clear_tail(struct vhdx *x, uint64_t old_size)
{
    const struct vhdx_geometry *g = &x->bat.geometry;
    uint64_t start = old_size & (g->block_size - 1);
    uint64_t block = old_size >> g->block_shift;
    if (start == 0)
        return STATUS_OK;
    return vhdx_block_zero(x, block, start, vhdx_block_length(g, block) - start);
}

// The one entry of the log with which the disk has its new size. `left` is what the table leaves.
static enum status switch_size(struct vhdx *x, const struct vhdx_region *left)
{
    const struct vhdx_metadata_item *item =
        vhdx_metadata_find(&x->metadata, &vhdx_guid_virtual_disk_size);
    uint8_t raw[8];
    store_le64(raw, x->bat.geometry.virtual_size);
    enum status status = vhdx_commit(x);
    if (!status)
        status =
            vhdx_pages_put(&x->pages, x->regions.metadata.offset + item->offset, raw, sizeof raw);
    if (!status && left->offset != x->regions.bat.offset) {
        status = vhdx_put_region_tables(x);
        if (!status)
            status = vhdx_space_release(&x->space, left->offset, left->length);
    }
    if (!status)
        status = vhdx_commit(x);
    if (!status && left->offset != x->regions.bat.offset)
        vhdx_pages_forget(&x->pages, left->offset, left->length);
    if (!status)
        x->metadata.virtual_size = x->bat.geometry.virtual_size;
    return status;
}

static enum status grow(struct vhdx *x, const struct vhdx_geometry *next)
{
    const struct vhdx_region left = x->regions.bat;
    const struct vhdx_geometry old = x->bat.geometry;
    enum status status = next->entry_count * ENTRY_SIZE > left.length
                             ? move_table(x, next)
                             : clear_entries(x, old.entry_count, next->entry_count);
    if (status)
        return status;
    x->bat.geometry = *next;
    status = add_blocks(x, old.block_count);
    if (!status)
        status = clear_tail(x, old.virtual_size);
    return status ? status : switch_size(x, &left);
}

static enum status drop_block(struct vhdx *x, uint64_t block, const struct vhdx_block *entry)
{
    static const struct vhdx_block none = {.state = VHDX_BLOCK_NOT_PRESENT};
    enum status status = vhdx_bat_set_payload(&x->bat, block, &none);
    if (vhdx_block_is_present(entry))
        x->present_blocks--;
    if (!status && entry->offset != 0)
        status = vhdx_space_release(&x->space, entry->offset, x->bat.geometry.block_size);
    return status ? status : vhdx_commit_if_full(x);
}

static enum status drop_blocks(struct vhdx *x, uint64_t from, uint64_t to)
{
    enum status status = STATUS_OK;
    uint64_t count;
    for (uint64_t block = from; block < to && !status; block += count) {
        struct vhdx_block entry;
        count = 1;
        status = vhdx_get_block(x, block, &entry);
        if (status)
            break;
        status = entry.state == VHDX_BLOCK_NOT_PRESENT
                     ? vhdx_bat_repeats(&x->bat, block, to - block, &count)
                     : drop_block(x, block, &entry);
    }
    return status;
}

static enum status drop_bitmaps(struct vhdx *x, uint64_t from, uint64_t to)
{
    enum status status = STATUS_OK;
    for (uint64_t chunk = from; chunk < to && !status; chunk++)
        status = vhdx_drop_bitmap(x, chunk);
    return status;
}

static enum status shrink(struct vhdx *x, const struct vhdx_geometry *next)
{
    const struct vhdx_region bat = x->regions.bat;
    const struct vhdx_geometry old = x->bat.geometry;
    x->bat.geometry = *next;
    enum status status = switch_size(x, &bat);
    if (!status)
        status = drop_blocks(x, next->block_count, old.block_count);
    if (!status && old.differencing)
        status = drop_bitmaps(x, next->chunk_count, old.chunk_count);
    return status ? status : vhdx_commit(x);
}

enum status vhdx_resize(struct vhd_image *image, uint64_t virtual_size)
{
    struct vhdx *x = vhdx_of(image);
    const struct vhdx_metadata *m = &x->metadata;
    struct vhdx_geometry next;
    if (virtual_size == m->virtual_size)
        return STATUS_OK;
    vhdx_geometry_init(&next, virtual_size, m->block_size, m->logical_sector_size, m->has_parent);
    enum status status = vhdx_begin_change(x, true);
    if (!status)
        status = vhdx_commit(x);
    if (!status)
        status = virtual_size > m->virtual_size ? grow(x, &next) : shrink(x, &next);
    if (status)
        return status;
    // The file of a fixed disk has room for all blocks, also those that have no place yet.
    uint64_t missing = next.block_count - x->present_blocks;
    x->opened_size = vhdx_space_end(&x->space) + missing * m->block_size;
    return STATUS_OK;
}
