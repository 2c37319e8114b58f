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

struct vhd1_layout vhd1_layout_of(const struct vhd1_footer *footer,
                                  const struct vhd1_header *header, uint64_t end)
{
    return (struct vhd1_layout){
        .end = end,
        .header_at = footer->data_offset,
        .table_at = header->table_offset,
        .table_size = divide_up(footer->current_size, header->block_size) * ENTRY_SIZE,
        .virtual_size = footer->current_size,
        .block_size = header->block_size,
        .bitmap_size = vhd1_bitmap_size(header->block_size),
    };
}

static bool ranges_meet(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
    return a < b + b_size && b < a + a_size;
}

enum vhd1_fault vhd1_table_fault(const struct vhd1_layout *layout)
{
    if (!range_fits(layout->table_at, layout->table_size, layout->end))
        return VHD1_PAST_END;
    return ranges_meet(layout->table_at, layout->table_size, layout->header_at, VHD1_HEADER_SIZE)
               ? VHD1_ON_HEADERS
               : VHD1_NO_FAULT;
}

enum vhd1_fault vhd1_block_fault(const struct vhd1_layout *layout, uint32_t block, uint32_t sector)
{
    uint64_t at = (uint64_t)sector * VHD1_SECTOR;
    uint64_t from = (uint64_t)block * layout->block_size;
    uint64_t whole = (uint64_t)layout->bitmap_size + layout->block_size;
    // Some programs cut the last block where the disk ends.
    uint64_t needed =
        min_u64(layout->block_size, layout->virtual_size - from) + layout->bitmap_size;
    if (!range_fits(at, needed, layout->end))
        return VHD1_PAST_END;
    return at < VHD1_FOOTER_SIZE || ranges_meet(at, whole, layout->header_at, VHD1_HEADER_SIZE) ||
                   ranges_meet(at, whole, layout->table_at, layout->table_size)
               ? VHD1_ON_HEADERS
               : VHD1_NO_FAULT;
}

enum status vhd1_bat_read(struct file *file, uint64_t offset, uint32_t *entries, uint32_t count)
{
    uint8_t *raw = (uint8_t *)entries;
    uint64_t bytes = (uint64_t)count * ENTRY_SIZE;
    for (uint64_t done = 0; done < bytes; done += READ_AT_ONCE) {
        size_t size = (size_t)min_u64(bytes - done, READ_AT_ONCE);
        enum status status = file_read(file, offset + done, raw + done, size);
        if (status != STATUS_OK)
            return status;
    }
    for (uint32_t i = 0; i < count; i++)
        entries[i] = load_be32(&entries[i]);
    return STATUS_OK;
}

static int compare_sectors(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

uint32_t *vhd1_bat_sorted(const uint32_t *entries, uint32_t count, uint32_t *used)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < count; i++)
        n += entries[i] != VHD1_BAT_UNUSED;
    uint32_t *sorted = malloc(((size_t)n + 1) * sizeof *sorted);
    *used = n;
    if (!sorted)
        return NULL;
    for (uint32_t i = 0, k = 0; i < count; i++)
        if (entries[i] != VHD1_BAT_UNUSED)
            sorted[k++] = entries[i];
    qsort(sorted, n, sizeof *sorted, compare_sectors);
    return sorted;
}

static enum status bad_entry(const struct file *file, uint32_t block, uint32_t sector,
                             const char *why)
{
    return status_fail(STATUS_DAMAGED, VHD_ERROR_BLOCK_ALLOCATION_TABLE_CORRUPT,
                       "%s: the block allocation table puts block %u at sector %u, which %s.",
                       file->path, (unsigned)block, (unsigned)sector, why);
}

// Two blocks may not share sectors: a write to one would change the other.
static enum status check_overlap(const struct file *file, const struct vhd1_bat *bat,
                                 uint64_t block_sectors)
{
    uint32_t used;
    uint32_t *sorted = vhd1_bat_sorted(bat->entries, bat->count, &used);
    if (!sorted)
        return status_no_memory("the check of the block allocation table");
    enum status status = STATUS_OK;
    for (uint32_t i = 1; i < used && status == STATUS_OK; i++)
        if (sorted[i] - sorted[i - 1] < block_sectors)
            status = status_fail(STATUS_DAMAGED, VHD_ERROR_BLOCK_ALLOCATION_TABLE_CORRUPT,
                                 "%s: the blocks at sectors %u and %u overlap.", file->path,
                                 (unsigned)sorted[i - 1], (unsigned)sorted[i]);
    free(sorted);
    return status;
}

static enum status check_entries(const struct file *file, const struct vhd1_layout *layout,
                                 const struct vhd1_bat *bat)
{
    for (uint32_t i = 0; i < bat->count; i++) {
        uint32_t sector = bat->entries[i];
        enum vhd1_fault fault =
            sector == VHD1_BAT_UNUSED ? VHD1_NO_FAULT : vhd1_block_fault(layout, i, sector);
        if (fault != VHD1_NO_FAULT)
            return bad_entry(file, i, sector,
                             fault == VHD1_PAST_END ? "is past the end of the file"
                                                    : "overlaps the headers");
    }
    return check_overlap(file, bat,
                         ((uint64_t)layout->bitmap_size + layout->block_size) / VHD1_SECTOR);
}

enum status vhd1_bat_alloc(struct vhd1_bat *bat, uint64_t offset, uint32_t count)
{
    *bat = (struct vhd1_bat){
        .offset = offset,
        .count = count,
        .entries = malloc((size_t)count * sizeof *bat->entries),
        .dirty = calloc(divide_up(count, ENTRIES_PER_SECTOR), 1),
    };
    if (bat->entries && bat->dirty)
        return STATUS_OK;
    vhd1_bat_free(bat);
    return status_no_memory("the block allocation table");
}

enum status vhd1_bat_load(struct file *file, const struct vhd1_layout *layout, struct vhd1_bat *out)
{
    enum vhd1_fault fault = vhd1_table_fault(layout);
    struct vhd1_bat bat;
    if (fault != VHD1_NO_FAULT)
        return status_fail(STATUS_DAMAGED, VHD_ERROR_BLOCK_ALLOCATION_TABLE_CORRUPT,
                           "%s: the block allocation table %s.", file->path,
                           fault == VHD1_PAST_END ? "ends past the end of the file"
                                                  : "overlaps the dynamic disk header");
    enum status status =
        vhd1_bat_alloc(&bat, layout->table_at, (uint32_t)(layout->table_size / ENTRY_SIZE));
    if (status != STATUS_OK)
        return status;
    status = vhd1_bat_read(file, bat.offset, bat.entries, bat.count);
    if (status == STATUS_OK)
        status = check_entries(file, layout, &bat);
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
