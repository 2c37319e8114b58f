// "Sector bitmap": which sectors of its blocks an image holds.
#include "vhd/vhd1/vhd1.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

// Memory for bitmaps: enough for 16 GiB of disk side by side, with blocks of any size.
#define CACHE_SIZE (4u << 20)

enum status vhd1_bitmaps_init(struct vhd1 *disk)
{
    struct vhd1_bitmaps *bitmaps = &disk->bitmaps;
    bitmaps->count = (uint32_t)min_u64(max_u64(disk->bat.count, 1), CACHE_SIZE / disk->bitmap_size);
    bitmaps->reversed = vhd1_footer_has_reversed_bitmaps(&disk->footer);
    bitmaps->places = calloc(bitmaps->count, sizeof *bitmaps->places);
    return bitmaps->places ? STATUS_OK : status_no_memory("the sector bitmaps");
}

void vhd1_bitmaps_free(struct vhd1_bitmaps *bitmaps)
{
    for (uint32_t i = 0; bitmaps->places && i < bitmaps->count; i++)
        free(bitmaps->places[i].bits);
    free(bitmaps->places);
    *bitmaps = (struct vhd1_bitmaps){0};
}

static uint32_t sectors_in_block(const struct vhd1 *disk)
{
    return disk->header.block_size / VHD1_SECTOR;
}

static uint8_t mask_of(const struct vhd1 *disk, uint32_t sector)
{
    return (uint8_t)(disk->bitmaps.reversed ? 1u << (sector % 8) : 0x80u >> (sector % 8));
}

static bool is_set(const struct vhd1 *disk, const struct vhd1_bitmap *bitmap, uint32_t sector)
{
    return bitmap->bits[sector / 8] & mask_of(disk, sector);
}

static uint32_t count_missing(const struct vhd1_bitmap *bitmap, uint32_t sectors)
{
    uint32_t present = 0;
    for (uint32_t i = 0; i < sectors / 8; i++)
        present += (uint32_t)__builtin_popcount(bitmap->bits[i]);
    return sectors - present;
}

// The place of the block's bitmap, with memory and with no other block's bits in it.
static enum status take_place(struct vhd1 *disk, uint32_t block, struct vhd1_bitmap **out)
{
    struct vhd1_bitmap *place = &disk->bitmaps.places[block % disk->bitmaps.count];
    if (place->used && place->block != block) {
        if (place->dirty) {
            enum status status = vhd1_flush(&disk->image);
            if (status != STATUS_OK)
                return status;
        }
        place->used = false;
    }
    if (!place->bits)
        place->bits = malloc(disk->bitmap_size);
    if (!place->bits)
        return status_no_memory("a sector bitmap");
    *out = place;
    return STATUS_OK;
}

static enum status load(struct vhd1 *disk, uint32_t block, struct vhd1_bitmap **out)
{
    struct vhd1_bitmap *place;
    enum status status = take_place(disk, block, &place);
    if (status == STATUS_OK && !place->used) {
        uint64_t at = (uint64_t)disk->bat.entries[block] * VHD1_SECTOR;
        status = file_read(disk->image.file, at, place->bits, disk->bitmap_size);
        if (status == STATUS_OK) {
            uint32_t missing = count_missing(place, sectors_in_block(disk));
            uint8_t *bits = place->bits;
            *place = (struct vhd1_bitmap){
                .block = block, .missing = missing, .used = true, .bits = bits};
            disk->bitmap_full[block] = missing == 0;
        }
    }
    if (status == STATUS_OK)
        *out = place;
    return status;
}

enum status vhd1_bitmap_new(struct vhd1 *disk, uint32_t block)
{
    struct vhd1_bitmap *place;
    enum status status = take_place(disk, block, &place);
    if (status != STATUS_OK)
        return status;
    uint8_t *bits = place->bits;
    memset(bits, 0, disk->bitmap_size);
    *place = (struct vhd1_bitmap){.block = block,
                                  .missing = sectors_in_block(disk),
                                  .used = true,
                                  .dirty = true,
                                  .fresh = true,
                                  .bits = bits};
    disk->bitmaps.any_dirty = true;
    return STATUS_OK;
}

enum status vhd1_bitmap_set(struct vhd1 *disk, uint32_t block, uint32_t first, uint32_t count)
{
    struct vhd1_bitmap *bitmap;
    if (disk->bitmap_full[block])
        return STATUS_OK;
    enum status status = load(disk, block, &bitmap);
    if (status != STATUS_OK)
        return status;
    for (uint32_t sector = first; sector < first + count; sector++) {
        if (is_set(disk, bitmap, sector))
            continue;
        bitmap->bits[sector / 8] |= mask_of(disk, sector);
        bitmap->missing--;
        bitmap->dirty = disk->bitmaps.any_dirty = true;
    }
    disk->bitmap_full[block] = bitmap->missing == 0;
    return STATUS_OK;
}

enum status vhd1_bitmap_run(struct vhd1 *disk, uint32_t block, uint32_t first, uint32_t limit,
                            bool *present, uint32_t *count)
{
    struct vhd1_bitmap *bitmap;
    if (disk->bitmap_full[block]) {
        *present = true;
        *count = limit;
        return STATUS_OK;
    }
    enum status status = load(disk, block, &bitmap);
    if (status != STATUS_OK)
        return status;
    bool here = is_set(disk, bitmap, first);
    uint8_t same = here ? 0xff : 0;
    uint32_t sector = first + 1, end = first + limit;
    while (sector < end) {
        if (sector % 8 == 0 && bitmap->bits[sector / 8] == same)
            sector += 8;
        else if (is_set(disk, bitmap, sector) == here)
            sector++;
        else
            break;
    }
    *present = here;
    *count = (uint32_t)min_u64(sector, end) - first;
    return STATUS_OK;
}

void vhd1_bitmap_forget(struct vhd1 *disk, uint32_t block)
{
    struct vhd1_bitmap *place = &disk->bitmaps.places[block % disk->bitmaps.count];
    if (place->block == block)
        place->used = false;
    disk->bitmap_full[block] = 0;
}

enum status vhd1_bitmaps_store(struct vhd1 *disk, bool fresh)
{
    struct vhd1_bitmaps *bitmaps = &disk->bitmaps;
    bool left = false;
    for (uint32_t i = 0; i < bitmaps->count && bitmaps->any_dirty; i++) {
        struct vhd1_bitmap *bitmap = &bitmaps->places[i];
        if (!bitmap->dirty)
            continue;
        if (bitmap->fresh != fresh) {
            left = true;
            continue;
        }
        uint64_t at = (uint64_t)disk->bat.entries[bitmap->block] * VHD1_SECTOR;
        enum status status = file_write(disk->image.file, at, bitmap->bits, disk->bitmap_size);
        if (status != STATUS_OK)
            return status;
        bitmap->dirty = bitmap->fresh = false;
    }
    bitmaps->any_dirty = left;
    return STATUS_OK;
}
