#include "vhd/vhd1/vhd1.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/endian.h"
#include "vhd/errors.h"

#define ENTRY_SIZE         4u
#define ENTRIES_PER_SECTOR (VHD1_SECTOR / ENTRY_SIZE)
#define READ_AT_ONCE       (64u * 1024) // bytes of table

uint32_t vhd1_bitmap_size(uint32_t block_size)
{
    return (uint32_t)align_up(block_size / VHD1_SECTOR / 8, VHD1_SECTOR);
}

uint64_t vhd1_slot(uint64_t offset, uint32_t bitmap_size)
{
    return align_up(offset + bitmap_size, VHD1_DATA_ALIGNMENT) - bitmap_size;
}

static enum status bad_entry(const struct file *file, uint32_t block, uint32_t sector,
                             const char *why)
{
    return status_fail(STATUS_DAMAGED, VHD_ERROR_BLOCK_ALLOCATION_TABLE_CORRUPT,
                       "%s: the block allocation table puts block %u at sector %u, which %s.",
                       file->path, (unsigned)block, (unsigned)sector, why);
}

static enum status read_entries(struct file *file, struct vhd1_bat *bat)
{
    uint8_t *raw = (uint8_t *)bat->entries;
    uint64_t bytes = (uint64_t)bat->count * ENTRY_SIZE;
    for (uint64_t done = 0; done < bytes; done += READ_AT_ONCE) {
        size_t size = (size_t)min_u64(bytes - done, READ_AT_ONCE);
        enum status status = file_read(file, bat->offset + done, raw + done, size);
        if (status != STATUS_OK)
            return status;
    }
    for (uint32_t i = 0; i < bat->count; i++)
        bat->entries[i] = load_be32(&bat->entries[i]);
    return STATUS_OK;
}

static int compare_sectors(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

// Two blocks may not share sectors: a write to one would change the other.
static enum status check_overlap(const struct file *file, const struct vhd1_bat *bat,
                                 uint64_t block_sectors)
{
    uint32_t *sorted = malloc((size_t)bat->count * sizeof *sorted);
    uint32_t used = 0;
    if (!sorted)
        return status_no_memory("the check of the block allocation table");
    for (uint32_t i = 0; i < bat->count; i++)
        if (bat->entries[i] != VHD1_BAT_UNUSED)
            sorted[used++] = bat->entries[i];
    qsort(sorted, used, sizeof *sorted, compare_sectors);
    enum status status = STATUS_OK;
    for (uint32_t i = 1; i < used && status == STATUS_OK; i++)
        if (sorted[i] - sorted[i - 1] < block_sectors)
            status = status_fail(STATUS_DAMAGED, VHD_ERROR_BLOCK_ALLOCATION_TABLE_CORRUPT,
                                 "%s: the blocks at sectors %u and %u overlap.", file->path,
                                 (unsigned)sorted[i - 1], (unsigned)sorted[i]);
    free(sorted);
    return status;
}

static bool ranges_meet(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
    return a < b + b_size && b < a + a_size;
}

static enum status check_entries(const struct file *file, uint64_t file_size,
                                 const struct vhd1_footer *footer, const struct vhd1_header *header,
                                 const struct vhd1_bat *bat)
{
    uint32_t bitmap_size = vhd1_bitmap_size(header->block_size);
    uint64_t block_bytes = (uint64_t)bitmap_size + header->block_size;
    for (uint32_t i = 0; i < bat->count; i++) {
        uint32_t sector = bat->entries[i];
        if (sector == VHD1_BAT_UNUSED)
            continue;
        uint64_t at = (uint64_t)sector * VHD1_SECTOR;
        uint64_t from = (uint64_t)i * header->block_size;
        uint64_t needed = min_u64(header->block_size, footer->current_size - from) + bitmap_size;
        if (!range_fits(at, needed, file_size))
            return bad_entry(file, i, sector, "is past the end of the file");
        if (at < VHD1_FOOTER_SIZE ||
            ranges_meet(at, block_bytes, footer->data_offset, VHD1_HEADER_SIZE) ||
            ranges_meet(at, block_bytes, bat->offset, (uint64_t)bat->count * ENTRY_SIZE))
            return bad_entry(file, i, sector, "overlaps the headers");
    }
    return check_overlap(file, bat, block_bytes / VHD1_SECTOR);
}

enum status vhd1_bat_load(struct file *file, uint64_t file_size, const struct vhd1_footer *footer,
                          const struct vhd1_header *header, struct vhd1_bat *out)
{
    // The footer's and the header's checks bound this: at most 2040 GiB in blocks of at least 4
    // KiB; and the table must be in the file, so that a small file cannot make us allocate much.
    struct vhd1_bat bat = {
        .offset = header->table_offset,
        .count = (uint32_t)divide_up(footer->current_size, header->block_size),
    };
    if (!range_fits(bat.offset, (uint64_t)bat.count * ENTRY_SIZE, file_size))
        return status_fail(STATUS_DAMAGED, VHD_ERROR_BLOCK_ALLOCATION_TABLE_CORRUPT,
                           "%s: the block allocation table ends past the end of the file.",
                           file->path);
    if (ranges_meet(bat.offset, (uint64_t)bat.count * ENTRY_SIZE, footer->data_offset,
                    VHD1_HEADER_SIZE))
        return status_fail(STATUS_DAMAGED, VHD_ERROR_BLOCK_ALLOCATION_TABLE_CORRUPT,
                           "%s: the block allocation table overlaps the dynamic disk header.",
                           file->path);
    bat.entries = malloc((size_t)bat.count * sizeof *bat.entries);
    bat.dirty = calloc(divide_up(bat.count, ENTRIES_PER_SECTOR), 1);
    enum status status = STATUS_OK;
    if (!bat.entries || !bat.dirty)
        status = status_no_memory("the block allocation table");
    if (status == STATUS_OK)
        status = read_entries(file, &bat);
    if (status == STATUS_OK)
        status = check_entries(file, file_size, footer, header, &bat);
    if (status != STATUS_OK) {
        vhd1_bat_free(&bat);
        return status;
    }
    *out = bat;
    return STATUS_OK;
}

void vhd1_bat_set(struct vhd1_bat *bat, uint32_t block, uint32_t sector)
{
    bat->entries[block] = sector;
    bat->dirty[block / ENTRIES_PER_SECTOR] = 1;
    bat->any_dirty = true;
}

enum status vhd1_bat_store(struct file *file, struct vhd1_bat *bat)
{
    uint32_t sectors = (uint32_t)divide_up(bat->count, ENTRIES_PER_SECTOR);
    for (uint32_t i = 0; i < sectors && bat->any_dirty; i++) {
        uint8_t raw[VHD1_SECTOR];
        uint32_t first = i * ENTRIES_PER_SECTOR;
        uint32_t count = (uint32_t)min_u64(ENTRIES_PER_SECTOR, bat->count - first);
        if (!bat->dirty[i])
            continue;
        for (uint32_t k = 0; k < count; k++)
            store_be32(raw + k * ENTRY_SIZE, bat->entries[first + k]);
        enum status status = file_write(file, bat->offset + (uint64_t)i * VHD1_SECTOR, raw,
                                        (size_t)count * ENTRY_SIZE);
        if (status != STATUS_OK)
            return status;
        bat->dirty[i] = 0;
    }
    bat->any_dirty = false;
    return STATUS_OK;
}

void vhd1_bat_free(struct vhd1_bat *bat)
{
    free(bat->entries);
    free(bat->dirty);
    *bat = (struct vhd1_bat){0};
}
