// Reads, writes and maps the data of a fixed or dynamic disk.
//
// A dynamic disk has no log; the order of writes keeps it whole. A new block is written behind all
// others together with a footer behind it, both become stable, and only then the table's entry that
// makes the block visible is written. Entries are kept back until vhd1_flush, so that many blocks
// share its two flushes. Until then a crash leaves the disk as the last flush left it, plus room at
// the end of the file that no entry points to.
#include "vhd/vhd1/vhd1.h"

#include <string.h>

#include "base/checked.h"
#include "vhd/errors.h"

// The part of a request that lies in one block.
struct piece {
    uint32_t block;
    uint32_t in_block; // bytes from the block's start
    uint32_t length;
};

static struct piece piece_at(const struct vhd1 *disk, uint64_t offset, uint64_t length)
{
    uint32_t block_size = disk->header.block_size;
    struct piece piece = {
        .block = (uint32_t)(offset / block_size),
        .in_block = (uint32_t)(offset % block_size),
    };
    piece.length = (uint32_t)min_u64(length, block_size - piece.in_block);
    return piece;
}

static bool is_allocated(const struct vhd1 *disk, uint32_t block)
{
    return disk->bat.entries[block] != VHD1_BAT_UNUSED;
}

static uint64_t bitmap_offset(const struct vhd1 *disk, uint32_t block)
{
    return (uint64_t)disk->bat.entries[block] * VHD1_SECTOR;
}

static uint64_t data_offset(const struct vhd1 *disk, const struct piece *piece)
{
    return bitmap_offset(disk, piece->block) + disk->bitmap_size + piece->in_block;
}

// The bitmaps of a dynamic disk are not asked: a block's sectors that nobody wrote are zeros in the
// file ("Data Blocks"), and Windows and QEMU read it so.
enum status vhd1_read(struct vhd_image *image, uint64_t offset, void *buffer, size_t length)
{
    struct vhd1 *disk = vhd1_of(image);
    uint8_t *to = buffer;
    if (disk->footer.type == VHD_TYPE_FIXED)
        return file_read(image->file, offset, buffer, length);
    while (length > 0) {
        struct piece piece = piece_at(disk, offset, length);
        if (is_allocated(disk, piece.block)) {
            enum status status =
                file_read(image->file, data_offset(disk, &piece), to, piece.length);
            if (status != STATUS_OK)
                return status;
        } else {
            memset(to, 0, piece.length);
        }
        to += piece.length;
        offset += piece.length;
        length -= piece.length;
    }
    return STATUS_OK;
}

// Gives the piece's block its place behind all others. The footer goes first: from then on,
// whatever of the rest reaches the file, a valid footer ends it. What lies between is new to the
// file and reads as zeros.
static enum status allocate(struct vhd1 *disk, const struct piece *piece)
{
    uint8_t ones[VHD1_SECTOR];
    struct file *file = disk->image.file;
    uint64_t start = vhd1_slot(disk->data_end, disk->bitmap_size);
    uint64_t footer =
        vhd1_slot(start + disk->bitmap_size + disk->header.block_size, disk->bitmap_size);

    if (start / VHD1_SECTOR >= VHD1_BAT_UNUSED)
        return status_fail(STATUS_UNSUPPORTED, VHD_ERROR_BLOCK_ALLOCATION_FAILURE,
                           "%s: the file has grown to the 2 TiB that a VHD can address.",
                           file->path);
    enum status status = file_write(file, footer, disk->footer.raw, VHD1_FOOTER_SIZE);
    if (status != STATUS_OK)
        return status;
    memset(ones, 0xff, sizeof ones);
    for (uint32_t done = 0; done < disk->bitmap_size; done += VHD1_SECTOR) {
        status = file_write(file, start + done, ones, sizeof ones);
        if (status != STATUS_OK)
            return status;
    }
    vhd1_bat_set(&disk->bat, piece->block, (uint32_t)(start / VHD1_SECTOR));
    disk->bitmap_full[piece->block] = 1;
    disk->data_end = footer;
    return STATUS_OK;
}

// Sets the bits of the piece's sectors in a bitmap that another program wrote and left incomplete:
// readers that ask the bitmaps of dynamic disks too would not see the data.
static enum status mark_sectors(struct vhd1 *disk, const struct piece *piece)
{
    uint8_t bitmap[VHD1_SECTOR];
    struct file *file = disk->image.file;
    uint32_t first = piece->in_block / VHD1_SECTOR;
    uint32_t end = (piece->in_block + piece->length) / VHD1_SECTOR;
    bool all_full = true;

    if (disk->bitmap_full[piece->block])
        return STATUS_OK;
    for (uint32_t at = 0; at < disk->bitmap_size; at += VHD1_SECTOR) {
        uint64_t where = bitmap_offset(disk, piece->block) + at;
        bool changed = false;
        enum status status = file_read(file, where, bitmap, sizeof bitmap);
        if (status != STATUS_OK)
            return status;
        for (uint32_t i = 0; i < VHD1_SECTOR * 8; i++) {
            uint32_t sector = at * 8 + i;
            uint8_t bit = (uint8_t)(0x80 >> (i % 8));
            if (bitmap[i / 8] & bit || sector >= disk->header.block_size / VHD1_SECTOR)
                continue;
            if (sector >= first && sector < end) {
                bitmap[i / 8] |= bit;
                changed = true;
            } else {
                all_full = false;
            }
        }
        status = changed ? file_write(file, where, bitmap, sizeof bitmap) : STATUS_OK;
        if (status != STATUS_OK)
            return status;
    }
    disk->bitmap_full[piece->block] = all_full;
    return STATUS_OK;
}

enum status vhd1_write(struct vhd_image *image, uint64_t offset, const void *buffer, size_t length)
{
    struct vhd1 *disk = vhd1_of(image);
    const uint8_t *from = buffer;
    if (disk->footer.type == VHD_TYPE_FIXED)
        return file_write(image->file, offset, buffer, length);
    while (length > 0) {
        struct piece piece = piece_at(disk, offset, length);
        enum status status =
            is_allocated(disk, piece.block) ? mark_sectors(disk, &piece) : allocate(disk, &piece);
        if (status == STATUS_OK)
            status = file_write(image->file, data_offset(disk, &piece), from, piece.length);
        if (status != STATUS_OK)
            return status;
        from += piece.length;
        offset += piece.length;
        length -= piece.length;
    }
    return STATUS_OK;
}

enum status vhd1_zero(struct vhd_image *image, uint64_t offset, uint64_t length)
{
    struct vhd1 *disk = vhd1_of(image);
    struct file *file = image->file;
    if (disk->footer.type == VHD_TYPE_FIXED)
        return file->ops->zero(file, offset, length);
    while (length > 0) {
        struct piece piece = piece_at(disk, offset, length);
        if (is_allocated(disk, piece.block)) {
            enum status status = file->ops->zero(file, data_offset(disk, &piece), piece.length);
            if (status != STATUS_OK)
                return status;
        }
        offset += piece.length;
        length -= piece.length;
    }
    return STATUS_OK;
}

enum status vhd1_flush(struct vhd_image *image)
{
    struct vhd1 *disk = vhd1_of(image);
    enum status status = file_flush(image->file);
    if (status != STATUS_OK || !disk->bat.any_dirty)
        return status;
    status = vhd1_bat_store(image->file, &disk->bat);
    return status == STATUS_OK ? file_flush(image->file) : status;
}

// Data that the file does not hold, because it has a hole there, is zero; sectors that touch a hole
// only in part are data.
static enum status map_file_range(struct file *file, uint64_t at, struct vhd_extent *out)
{
    enum file_extent_kind kind;
    uint64_t length;
    enum status status = file->ops->extent(file, at, &kind, &length);
    if (status != STATUS_OK)
        return status;
    out->kind = VHD_EXTENT_DATA;
    if (kind == FILE_EXTENT_HOLE && length >= VHD1_SECTOR) {
        out->kind = VHD_EXTENT_ZERO;
        length = align_down(length, VHD1_SECTOR);
    } else {
        length = align_up(length, VHD1_SECTOR);
    }
    out->length = min_u64(out->length, length);
    return STATUS_OK;
}

enum status vhd1_map(struct vhd_image *image, uint64_t offset, uint64_t limit,
                     struct vhd_extent *out)
{
    struct vhd1 *disk = vhd1_of(image);
    struct vhd_extent extent = {.offset = offset, .length = limit, .kind = VHD_EXTENT_ZERO};
    enum status status = STATUS_OK;

    if (disk->footer.type == VHD_TYPE_FIXED) {
        status = map_file_range(image->file, offset, &extent);
    } else if (disk->footer.type == VHD_TYPE_DYNAMIC) {
        struct piece piece = piece_at(disk, offset, limit);
        extent.length = piece.length;
        if (is_allocated(disk, piece.block))
            status = map_file_range(image->file, data_offset(disk, &piece), &extent);
    } else {
        status = status_fail(STATUS_UNSUPPORTED, VHD_ERROR_INVALID_TYPE,
                             "%s is a differencing VHD; its contents cannot be read yet.",
                             image->file->path);
    }
    if (status == STATUS_OK)
        *out = extent;
    return status;
}
