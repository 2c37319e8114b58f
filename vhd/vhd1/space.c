// The room of blocks in the file: moving them, finding room between them, and cutting what follows
// the last.
#include <stdlib.h>

#include "base/checked.h"
#include "base/zero.h"
#include "vhd/vhd1/space.h"

#define COPY_AT_ONCE (1u << 20)

static uint64_t place_of(const struct vhd1 *disk, uint32_t block)
{
    return (uint64_t)disk->bat.entries[block] * VHD1_SECTOR;
}

static uint64_t whole_block(const struct vhd1 *disk)
{
    return (uint64_t)disk->bitmap_size + disk->header.block_size;
}

// What ends past the end of the file is damaged and moves nothing.
static uint64_t leave_out(const struct vhd1 *disk, uint64_t floor, uint64_t offset, uint64_t length)
{
    return range_fits(offset, length, disk->footer_at) ? max_u64(floor, offset + length) : floor;
}

uint64_t vhd1_floor(const struct vhd1 *disk)
{
    const struct vhd1_header *header = &disk->header;
    uint64_t floor = disk->data_end;
    for (uint32_t i = 0; i < disk->bat.count; i++)
        if (disk->bat.entries[i] != VHD1_BAT_UNUSED)
            floor = min_u64(floor, place_of(disk, i));
    floor = leave_out(disk, floor, disk->footer.data_offset, VHD1_HEADER_SIZE);
    floor = leave_out(disk, floor, disk->bat.offset, disk->bat.count * sizeof(uint32_t));
    for (unsigned i = 0; i < VHD1_LOCATORS; i++)
        if (header->locators[i].code != 0)
            floor = leave_out(disk, floor, header->locators[i].offset, header->locators[i].length);
    return floor;
}

enum status vhd1_reads_zero(struct vhd1 *disk, uint64_t offset, uint64_t length, bool *zero)
{
    uint8_t *buffer = malloc(COPY_AT_ONCE);
    enum status status = buffer ? STATUS_OK : status_no_memory("the search for data");
    *zero = true;
    while (length > 0 && *zero && status == STATUS_OK) {
        struct vhd_extent extent;
        status = vhd1_map(&disk->image, offset, length, &extent);
        if (status == STATUS_OK && extent.kind == VHD_EXTENT_DATA) {
            extent.length = min_u64(extent.length, COPY_AT_ONCE);
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

// Copies a part of the file to where it may be junk.
static enum status copy_part(struct file *file, uint64_t from, uint64_t to, uint8_t *buffer,
                             size_t size)
{
    enum status status = file_read(file, from, buffer, size);
    if (status != STATUS_OK)
        return status;
    return bytes_are_zero(buffer, size) ? file->ops->zero(file, to, size)
                                        : file_write(file, to, buffer, size);
}

enum status vhd1_move_block(struct vhd1 *disk, uint32_t block, uint64_t to)
{
    struct file *file = disk->image.file;
    uint64_t from = place_of(disk, block);
    uint64_t size = whole_block(disk);
    // What the footer lies in is cut off where the disk ends, and zero at its new place.
    uint64_t there = min_u64(size, disk->footer_at - from);
    uint8_t *buffer = malloc(COPY_AT_ONCE);
    enum status status = buffer ? STATUS_OK : status_no_memory("the moving of a block");
    for (uint64_t done = 0; done < there && status == STATUS_OK; done += COPY_AT_ONCE)
        status = copy_part(file, from + done, to + done, buffer,
                           (size_t)min_u64(there - done, COPY_AT_ONCE));
    free(buffer);
    if (status == STATUS_OK && there < size)
        status = file->ops->zero(file, to + there, size - there);
    if (status == STATUS_OK)
        vhd1_bat_set(&disk->bat, block, (uint32_t)(to / VHD1_SECTOR));
    return status;
}

enum status vhd1_gaps_init(struct vhd1_gaps *gaps, const struct vhd1 *disk, uint64_t floor)
{
    *gaps = (struct vhd1_gaps){.disk = disk, .at = floor};
    gaps->sorted = vhd1_bat_sorted(disk->bat.entries, disk->bat.count, &gaps->used);
    return gaps->sorted ? STATUS_OK : status_no_memory("the room between the blocks");
}

void vhd1_gaps_rewind(struct vhd1_gaps *gaps, uint64_t floor)
{
    gaps->next = 0;
    gaps->at = floor;
}

bool vhd1_gaps_next(struct vhd1_gaps *gaps, uint64_t limit, uint64_t *to)
{
    const struct vhd1 *disk = gaps->disk;
    for (; gaps->next < gaps->used; gaps->next++) {
        uint64_t slot = vhd1_slot(gaps->at, disk->bitmap_size);
        uint64_t end = (uint64_t)gaps->sorted[gaps->next] * VHD1_SECTOR;
        if (slot >= limit)
            return false;
        if (range_fits(slot, whole_block(disk), end)) {
            gaps->at = slot + whole_block(disk);
            *to = slot;
            return true;
        }
        gaps->at = end + whole_block(disk);
    }
    return false;
}

void vhd1_gaps_free(struct vhd1_gaps *gaps)
{
    free(gaps->sorted);
}

enum status vhd1_move_footer(struct vhd1 *disk, uint64_t at)
{
    struct file *file = disk->image.file;
    bool down = at < disk->footer_at;
    enum status status = file_write(file, at, disk->footer.raw, VHD1_FOOTER_SIZE);
    if (status == STATUS_OK)
        status = file_flush(file);
    if (status == STATUS_OK && down)
        status = file->ops->set_size(file, at + VHD1_FOOTER_SIZE);
    if (status == STATUS_OK && down)
        status = file_flush(file);
    if (status == STATUS_OK)
        disk->footer_at = at;
    return status;
}

enum status vhd1_cut(struct vhd1 *disk, uint64_t floor)
{
    uint64_t end = floor;
    for (uint32_t i = 0; i < disk->bat.count; i++)
        if (disk->bat.entries[i] != VHD1_BAT_UNUSED)
            end = max_u64(end, place_of(disk, i) + whole_block(disk));
    end = vhd1_slot(end, disk->bitmap_size);
    // A footer that would touch the old one could damage both.
    if (end > disk->footer_at || disk->footer_at - end < VHD1_FOOTER_SIZE)
        return STATUS_OK;
    enum status status = vhd1_move_footer(disk, end);
    if (status == STATUS_OK)
        disk->data_end = end;
    return status;
}
