// The room of blocks in the file: moving them, finding room between them, and cutting what follows
// the last.
#include <stdlib.h>

#include "base/checked.h"
#include "base/bytes.h"
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

// A range of the file that belongs to something else than blocks.
struct taken {
    uint64_t at;
    uint64_t size;
};

#define TAKEN_MAX (3 + VHD1_LOCATORS)

// A locator's room: bytes in files of Windows, sectors in the specification. A number of sectors is
// small, a number of bytes at least a sector.
static uint64_t locator_room(const struct vhd1_locator *locator)
{
    uint64_t space = locator->space;
    if (space < VHD1_SECTOR)
        space *= VHD1_SECTOR;
    return max_u64(space, locator->length);
}

// Header, table and the like, which some programs put between blocks or behind them. Fills `taken`
// and returns how many.
static unsigned list_taken(const struct vhd1 *disk, struct taken taken[TAKEN_MAX])
{
    unsigned count = 0;
    taken[count++] = (struct taken){0, VHD1_FOOTER_SIZE};
    taken[count++] = (struct taken){disk->footer.data_offset, VHD1_HEADER_SIZE};
    taken[count++] =
        (struct taken){disk->bat.offset, align_up(disk->bat.count * sizeof(uint32_t), VHD1_SECTOR)};
    for (unsigned i = 0; i < VHD1_LOCATORS; i++) {
        const struct vhd1_locator *locator = &disk->header.locators[i];
        // One that reaches past the end of the file is damaged and keeps nothing from moving.
        if (locator->code != 0 &&
            range_fits(locator->offset, locator_room(locator), disk->footer_at))
            taken[count++] = (struct taken){locator->offset, locator_room(locator)};
    }
    return count;
}

// Where what is taken of [at, at + size) ends; `at` when nothing is.
static uint64_t end_of_taken(const struct vhd1 *disk, uint64_t at, uint64_t size)
{
    struct taken taken[TAKEN_MAX];
    unsigned count = list_taken(disk, taken);
    uint64_t end = at;
    for (unsigned i = 0; i < count; i++)
        if (taken[i].at < at + size && at < taken[i].at + taken[i].size)
            end = max_u64(end, taken[i].at + taken[i].size);
    return end;
}

uint64_t vhd1_first_block(const struct vhd1 *disk)
{
    uint64_t first = disk->data_end;
    for (uint32_t i = 0; i < disk->bat.count; i++)
        if (disk->bat.entries[i] != VHD1_BAT_UNUSED)
            first = min_u64(first, place_of(disk, i));
    return first;
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
        while (range_fits(slot, whole_block(disk), end)) {
            uint64_t free_at = end_of_taken(disk, slot, whole_block(disk));
            gaps->at = slot + whole_block(disk);
            *to = slot;
            if (free_at == slot)
                return slot < limit;
            slot = vhd1_slot(free_at, disk->bitmap_size);
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
    struct taken taken[TAKEN_MAX];
    unsigned count = list_taken(disk, taken);
    uint64_t end = floor;
    for (unsigned i = 0; i < count; i++)
        end = max_u64(end, taken[i].at + taken[i].size);
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
