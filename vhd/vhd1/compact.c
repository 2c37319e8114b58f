// Takes the room of blocks away that hold nothing.
//
// First the table lets go of such blocks, which changes nothing that a reader sees. Then the last
// blocks are copied into the room between the first ones, and their entries follow when the copies
// are stable: what a block leaves lies behind all places that are filled, so no copy is written
// over a block that the table in the file still points to. At last the file is cut.
#include <stdlib.h>

#include "base/bytes.h"
#include "base/checked.h"
#include "vhd/vhd1/space.h"

#define READ_AT_ONCE          (1u << 20)
#define MOVES_BETWEEN_FLUSHES 64

struct compaction {
    struct vhd1 *disk;
    const struct vhd_compact *how;
    uint64_t done;
    uint64_t total;
};

static enum status advance(struct compaction *c, uint64_t bytes)
{
    c->done += bytes;
    if (!c->how->progress || c->how->progress(c->how->context, c->done, c->total))
        return STATUS_OK;
    enum status status = vhd1_flush(&c->disk->image);
    if (status != STATUS_OK)
        return status;
    return status_fail(STATUS_CANCELLED, 0,
                       "The compacting of %s was stopped; it can be run again.",
                       c->disk->image.file->path);
}

// Whether a range of an image without parent is *zero.
static enum status reads_zero(struct vhd1 *disk, uint64_t offset, uint64_t length, bool *zero)
{
    uint8_t *buffer = malloc(READ_AT_ONCE);
    enum status status = buffer ? STATUS_OK : status_no_memory("the search for data");
    *zero = true;
    while (length > 0 && *zero && status == STATUS_OK) {
        struct vhd_extent extent;
        status = vhd1_map(&disk->image, offset, length, true, &extent);
        if (status == STATUS_OK && extent.kind == VHD_EXTENT_DATA) {
            extent.length = min_u64(extent.length, READ_AT_ONCE);
            status = vhd1_read(&disk->image, offset, buffer, (size_t)extent.length);
            if (status == STATUS_OK)
                *zero = bytes_are_zero(buffer, (size_t)extent.length);
        }
        if (status != STATUS_OK)
            break;
        offset += extent.length;
        length -= extent.length;
    }
    free(buffer);
    return status;
}

// A child's block may go when all of it is the parent's, another disk's when it is zero.
static enum status holds_nothing(struct vhd1 *disk, uint32_t block, bool *nothing)
{
    uint64_t offset = (uint64_t)block * disk->header.block_size;
    uint64_t length = min_u64(disk->header.block_size, disk->footer.current_size - offset);
    if (disk->footer.type == VHD_TYPE_DYNAMIC)
        return reads_zero(disk, offset, length, nothing);
    uint32_t sectors = (uint32_t)(length / VHD1_SECTOR), count;
    bool present;
    enum status status = vhd1_bitmap_run(disk, block, 0, sectors, &present, &count);
    *nothing = !present && count == sectors;
    return status;
}

static enum status drop_empty_blocks(struct compaction *c)
{
    struct vhd1 *disk = c->disk;
    for (uint32_t i = 0; i < disk->bat.count; i++) {
        bool nothing = false;
        enum status status = STATUS_OK;
        if (disk->bat.entries[i] != VHD1_BAT_UNUSED)
            status = holds_nothing(disk, i, &nothing);
        if (status == STATUS_OK && nothing) {
            vhd1_bitmap_forget(disk, i);
            vhd1_bat_set(&disk->bat, i, VHD1_BAT_UNUSED);
        }
        if (status == STATUS_OK)
            status = advance(c, disk->header.block_size);
        if (status != STATUS_OK)
            return status;
    }
    return vhd1_flush(&disk->image);
}

// How many of the last blocks find room before themselves, and where the first of them is.
static uint32_t count_moves(struct vhd1_gaps *gaps, uint32_t *first_sector)
{
    uint32_t staying = gaps->used;
    uint64_t to;
    while (staying > 0 &&
           vhd1_gaps_next(gaps, (uint64_t)gaps->sorted[staying - 1] * VHD1_SECTOR, &to))
        staying--;
    *first_sector = staying < gaps->used ? gaps->sorted[staying] : VHD1_BAT_UNUSED;
    return gaps->used - staying;
}

static enum status move_blocks(struct compaction *c, struct vhd1_gaps *gaps, uint64_t floor)
{
    struct vhd1 *disk = c->disk;
    uint32_t first_sector, moved = 0;
    uint32_t moves = count_moves(gaps, &first_sector);
    c->total += (uint64_t)moves * disk->header.block_size;
    vhd1_gaps_rewind(gaps, floor);
    for (uint32_t i = 0; i < disk->bat.count && moved < moves; i++) {
        uint64_t to;
        uint32_t sector = disk->bat.entries[i];
        if (sector == VHD1_BAT_UNUSED || sector < first_sector)
            continue;
        if (!vhd1_gaps_next(gaps, (uint64_t)first_sector * VHD1_SECTOR, &to))
            break;
        enum status status = vhd1_move_block(disk, i, to);
        if (status == STATUS_OK && ++moved % MOVES_BETWEEN_FLUSHES == 0)
            status = vhd1_flush(&disk->image);
        if (status == STATUS_OK)
            status = advance(c, disk->header.block_size);
        if (status != STATUS_OK)
            return status;
    }
    return vhd1_flush(&disk->image);
}

enum status vhd1_compact(struct vhd_image *image, const struct vhd_compact *how)
{
    struct vhd1 *disk = vhd1_of(image);
    struct compaction c = {.disk = disk, .how = how};
    struct vhd1_gaps gaps;
    uint64_t floor = vhd1_first_block(disk);
    c.total = (uint64_t)disk->bat.count * disk->header.block_size;
    enum status status = vhd1_flush(image);
    if (status == STATUS_OK)
        status = vhd1_batmap_drop(disk);
    if (status == STATUS_OK)
        status = drop_empty_blocks(&c);
    if (status == STATUS_OK)
        status = vhd1_gaps_init(&gaps, disk, floor);
    if (status != STATUS_OK)
        return status;
    status = move_blocks(&c, &gaps, floor);
    vhd1_gaps_free(&gaps);
    return status == STATUS_OK ? vhd1_cut(disk, floor) : status;
}
