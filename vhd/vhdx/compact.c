// Making the file of a dynamic or differencing disk smaller: blocks that hold only zeros lose their
// place, sector bitmaps that no block needs go, and what lies last in the file moves into the room
// that is free before it. The disk's contents, and so its DataWriteGuid, stay ([MS-VHDX] 2.2.2).
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/checked.h"
#include "vhd/vhdx/move_region.h"

#define BUFFER_SIZE (1u << 20)

// Where blocks lie is looked up for so much of the file at a time.
#define WINDOW (1ull << 20) // MiB

// Moved blocks are committed after so many bytes.
#define MOVED_MAX (64 * VHDX_MIB)

// One of two kinds of blocks that are moved.
struct kind {
    uint64_t size;
    uint64_t from;  // no room for one is free below that
    bool exhausted; // nor anywhere below the blocks that are still to be moved
};

enum { PAYLOAD, BITMAP };

struct compaction {
    struct vhdx *x;
    const struct vhd_compact *how;
    uint8_t *buffer;
    uint64_t total; // for how->progress
    struct kind kinds[2];
    // For each MiB of a window of the file: 0, or 1 + 2 * number + kind of the block that begins
    // there.
    uint64_t *owners;
    uint64_t window; // its first MiB
    uint64_t moved;  // bytes since the last commit
};

static enum status report(const struct compaction *c, uint64_t done)
{
    const struct vhd_compact *how = c->how;
    if (!how->progress || how->progress(how->context, done, c->total))
        return STATUS_OK;
    return status_fail(STATUS_CANCELLED, 0, "VHDX %s: compacting was stopped; it can be run again.",
                       c->x->image.file->path);
}

// What the file has at `at`, at most `limit` bytes or as much as the buffer holds: *zero, or
// the bytes in the buffer.
static enum status read_piece(const struct compaction *c, uint64_t at, uint64_t limit,
                              uint64_t *length, bool *zero)
{
    struct file *file = c->x->image.file;
    enum file_extent_kind kind;
    enum status status = file->ops->extent(file, at, &kind, length);
    if (status)
        return status;
    *zero = kind == FILE_EXTENT_HOLE;
    *length = min_u64(*length, *zero ? limit : min_u64(limit, BUFFER_SIZE));
    if (*zero)
        return STATUS_OK;
    status = vhdx_view_read(&c->x->view, at, c->buffer, (size_t)*length);
    if (!status)
        *zero = bytes_are_zero(c->buffer, (size_t)*length);
    return status;
}

static enum status holds_only_zeros(const struct compaction *c, uint64_t at, uint64_t length,
                                    bool *zero)
{
    enum status status = STATUS_OK;
    uint64_t piece;
    *zero = true;
    for (uint64_t end = at + length; at < end && *zero && !status; at += piece)
        status = read_piece(c, at, end - at, &piece, zero);
    return status;
}

// True when a partially present block has no sector here.
static enum status is_all_parent(struct vhdx *x, uint64_t block, bool *all)
{
    uint64_t sectors = vhdx_block_length(&x->bat.geometry, block) / x->bat.geometry.sector_size;
    bool present;
    uint64_t count;
    enum status status = vhdx_block_sectors(x, block, 0, sectors, &present, &count);
    if (!status)
        *all = !present && count == sectors;
    return status;
}

// What the entry of a block may become without a place. False in *drop: it keeps its place.
static enum status judge(const struct compaction *c, uint64_t block, struct vhdx_block *entry,
                         bool *drop)
{
    struct vhdx *x = c->x;
    uint64_t length = vhdx_block_length(&x->bat.geometry, block);
    enum status status = STATUS_OK;
    *drop = entry->offset != 0; // a soft anchor
    if (entry->state == VHDX_BLOCK_FULLY_PRESENT) {
        status = holds_only_zeros(c, entry->offset, length, drop);
        entry->state = VHDX_BLOCK_ZERO;
    } else if (entry->state == VHDX_BLOCK_PARTIALLY_PRESENT) {
        status = is_all_parent(x, block, drop);
        entry->state = VHDX_BLOCK_NOT_PRESENT;
    }
    return status;
}

static enum status drop_block(const struct compaction *c, uint64_t block,
                              const struct vhdx_block *was)
{
    struct vhdx *x = c->x;
    struct vhdx_block entry = *was;
    bool drop;
    enum status status = judge(c, block, &entry, &drop);
    if (status || !drop)
        return status;
    entry.offset = 0;
    status = vhdx_begin_change(x, false);
    if (!status)
        status = vhdx_bat_set_payload(&x->bat, block, &entry);
    if (!status && vhdx_block_is_present(was))
        x->present_blocks--;
    if (!status)
        status = vhdx_space_release(&x->space, was->offset, x->bat.geometry.block_size);
    return status ? status : vhdx_commit_if_full(x);
}

// The entry of `block`, and for how many blocks it stands: 1 when it has a place.
static enum status get_equal_blocks(struct vhdx *x, uint64_t block, struct vhdx_block *entry,
                                    uint64_t *count)
{
    *count = 1;
    enum status status = vhdx_get_block(x, block, entry);
    return !status && entry->offset == 0
               ? vhdx_bat_repeats(&x->bat, block, x->bat.geometry.block_count - block, count)
               : status;
}

static enum status drop_blocks(struct compaction *c)
{
    struct vhdx *x = c->x;
    const struct vhdx_geometry *g = &x->bat.geometry;
    enum status status = STATUS_OK;
    uint64_t count;
    for (uint64_t block = 0; block < g->block_count && !status; block += count) {
        struct vhdx_block entry;
        status = get_equal_blocks(x, block, &entry, &count);
        if (!status && entry.offset != 0)
            status = drop_block(c, block, &entry);
        if (!status)
            status = report(c, block << g->block_shift);
    }
    return status ? status : vhdx_commit(x);
}

static enum status chunk_has_partial(struct vhdx *x, uint64_t chunk, bool *partial)
{
    const struct vhdx_geometry *g = &x->bat.geometry;
    uint64_t first = chunk << g->chunk_ratio_shift;
    uint64_t last = min_u64((chunk + 1) << g->chunk_ratio_shift, g->block_count);
    enum status status = STATUS_OK;
    uint64_t count = 0;
    *partial = false;
    for (uint64_t block = first; block < last && !*partial && !status; block += count) {
        struct vhdx_block entry;
        status = vhdx_bat_get_payload(&x->bat, block, &entry);
        if (!status)
            status = vhdx_bat_repeats(&x->bat, block, last - block, &count);
        *partial = !status && entry.state == VHDX_BLOCK_PARTIALLY_PRESENT;
    }
    return status;
}

// After the blocks: a block that needed its bitmap until now does so stably no more.
static enum status drop_bitmaps(struct compaction *c)
{
    struct vhdx *x = c->x;
    enum status status = STATUS_OK;
    if (!x->bat.geometry.differencing)
        return STATUS_OK;
    for (uint64_t chunk = 0; chunk < x->bat.geometry.chunk_count && !status; chunk++) {
        uint64_t bitmap;
        bool partial;
        status = vhdx_bat_get_bitmap(&x->bat, chunk, &bitmap);
        if (status || bitmap == 0)
            continue;
        status = chunk_has_partial(x, chunk, &partial);
        if (status || partial)
            continue;
        status = vhdx_begin_change(x, false);
        if (!status)
            status = vhdx_drop_bitmap(x, chunk);
    }
    return status ? status : vhdx_commit(x);
}

static void note_owner(struct compaction *c, uint64_t offset, uint64_t number, unsigned kind)
{
    uint64_t mib = offset / VHDX_MIB;
    if (offset != 0 && mib >= c->window && mib - c->window < WINDOW)
        c->owners[mib - c->window] = 1 + 2 * number + kind;
}

static enum status find_owners(struct compaction *c)
{
    struct vhdx *x = c->x;
    const struct vhdx_geometry *g = &x->bat.geometry;
    enum status status = STATUS_OK;
    uint64_t count;
    memset(c->owners, 0, WINDOW * sizeof *c->owners);
    for (uint64_t block = 0; block < g->block_count && !status; block += count) {
        struct vhdx_block entry;
        status = get_equal_blocks(x, block, &entry, &count);
        if (!status)
            note_owner(c, entry.offset, block, PAYLOAD);
    }
    for (uint64_t chunk = 0; g->differencing && chunk < g->chunk_count && !status; chunk++) {
        uint64_t bitmap;
        status = vhdx_bat_get_bitmap(&x->bat, chunk, &bitmap);
        if (!status)
            note_owner(c, bitmap, chunk, BITMAP);
    }
    return status;
}

static enum status copy_in_file(const struct compaction *c, uint64_t from, uint64_t to,
                                uint64_t length)
{
    struct vhdx *x = c->x;
    enum status status = STATUS_OK;
    uint64_t piece;
    x->payload_dirty = true;
    for (uint64_t done = 0; done < length && !status; done += piece) {
        bool zero;
        status = read_piece(c, from + done, length - done, &piece, &zero);
        if (!status)
            status = zero ? vhdx_zero_file(x, to + done, piece)
                          : file_write(x->image.file, to + done, c->buffer, (size_t)piece);
    }
    return status;
}

// The copy is stable before the entry that points to it is logged, and the old place is not used
// again before that is stable.
static enum status set_place(struct compaction *c, uint64_t number, unsigned kind, uint64_t to)
{
    struct vhdx_bat *bat = &c->x->bat;
    struct vhdx_block entry;
    if (kind == BITMAP)
        return vhdx_bat_set_bitmap(bat, number, to);
    enum status status = vhdx_bat_get_payload(bat, number, &entry);
    entry.offset = to;
    return status ? status : vhdx_bat_set_payload(bat, number, &entry);
}

static enum status commit_moves(struct compaction *c)
{
    c->moved = 0;
    return vhdx_commit(c->x);
}

// Moves one block to the lowest room that is free before it, if any is.
static enum status move_block(struct compaction *c, uint64_t offset, uint64_t number, unsigned kind)
{
    struct vhdx *x = c->x;
    struct kind *k = &c->kinds[kind];
    uint64_t to;
    bool found;
    if (k->exhausted)
        return STATUS_OK;
    enum status status =
        vhdx_space_allocate_below(&x->space, k->from, offset, k->size, &to, &found);
    if (status)
        return status;
    if (!found) {
        k->exhausted = true;
        return STATUS_OK;
    }
    k->from = to + k->size;
    status = vhdx_begin_change(x, false);
    if (!status)
        status = copy_in_file(c, offset, to, k->size);
    if (!status)
        status = set_place(c, number, kind, to);
    if (!status)
        status = vhdx_space_release(&x->space, offset, k->size);
    if (kind == BITMAP)
        vhdx_pages_forget(&x->pages, offset, k->size);
    c->moved += k->size;
    return !status && c->moved >= MOVED_MAX ? commit_moves(c) : status;
}

static enum status move_window(struct compaction *c, uint64_t end)
{
    uint64_t file_size = c->total - c->x->bat.geometry.virtual_size;
    enum status status = find_owners(c);
    for (uint64_t i = end - c->window; i-- > 0 && !status;) {
        uint64_t owner = c->owners[i], offset = (c->window + i) * VHDX_MIB;
        if (owner == 0)
            continue;
        status = move_block(c, offset, (owner - 1) / 2, (owner - 1) % 2);
        if (!status)
            status = report(c, c->total - min_u64(offset, file_size));
    }
    return status ? status : commit_moves(c);
}

// From the end of the file to its beginning.
static enum status move_blocks(struct compaction *c)
{
    uint64_t end = vhdx_space_end(&c->x->space) / VHDX_MIB;
    enum status status = STATUS_OK;
    while (end > 0 && !status && !(c->kinds[PAYLOAD].exhausted && c->kinds[BITMAP].exhausted)) {
        c->window = (end - 1) / WINDOW * WINDOW;
        status = move_window(c, end);
        end = c->window;
    }
    return status;
}

static enum status move_regions(struct compaction *c)
{
    enum status status = vhdx_move_region_down(c->x, &c->x->regions.metadata);
    return status ? status : vhdx_move_region_down(c->x, &c->x->regions.bat);
}

// The regions go first, for they need room in one piece, and once more when the blocks have left.
static enum status compact(struct compaction *c)
{
    enum status status = drop_blocks(c);
    if (!status)
        status = drop_bitmaps(c);
    if (!status)
        status = move_regions(c);
    if (!status)
        status = move_blocks(c);
    if (!status)
        status = move_regions(c);
    if (status != STATUS_CANCELLED)
        return status;
    // What is done is done; the rest can follow at any time.
    struct status_details cancelled = *status_last();
    status = vhdx_commit(c->x);
    return status ? status : status_restore(&cancelled);
}

enum status vhdx_compact(struct vhd_image *image, const struct vhd_compact *how)
{
    struct vhdx *x = vhdx_of(image);
    struct compaction c = {
        .x = x,
        .how = how,
        .total = x->bat.geometry.virtual_size + x->view.file_size,
        .kinds = {{.size = x->bat.geometry.block_size}, {.size = VHDX_BITMAP_BLOCK_SIZE}},
        .buffer = malloc(BUFFER_SIZE),
        .owners = calloc(WINDOW, sizeof *c.owners),
    };
    enum status status =
        c.buffer && c.owners ? compact(&c) : status_no_memory("the compaction of a VHDX file");
    free(c.owners);
    free(c.buffer);
    return status;
}
