// Reads, writes and maps the data of one image.
//
// A VHD has no log; the order of writes keeps it whole. A new block is written behind all others
// together with a footer behind it, both become stable, and only then the table's entry that makes
// the block visible is written. So are the bits of sectors in blocks that were there before, which
// in a differencing disk take the place of the parent's. Entries and bits are kept back until
// vhd1_flush, so that many share its two flushes. Until then a crash leaves the disk as the last
// flush left it, plus room at the end of the file that no entry points to.
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

static bool is_differencing(const struct vhd1 *disk)
{
    return disk->footer.type == VHD_TYPE_DIFFERENCING;
}

// The bitmap of a dynamic disk's new block: all sectors are here, zeros for the most part.
static enum status write_full_bitmap(struct file *file, uint64_t at, uint32_t size)
{
    uint8_t ones[VHD1_SECTOR];
    memset(ones, 0xff, sizeof ones);
    enum status status = STATUS_OK;
    for (uint32_t done = 0; done < size && status == STATUS_OK; done += VHD1_SECTOR)
        status = file_write(file, at + done, ones, sizeof ones);
    return status;
}

enum status vhd1_allocate(struct vhd1 *disk, uint64_t *at)
{
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
    disk->data_end = disk->footer_at = footer;
    *at = start;
    return STATUS_OK;
}

static enum status allocate(struct vhd1 *disk, uint32_t block)
{
    uint64_t at;
    // First, because it may flush, which no half-made block should see.
    enum status status = is_differencing(disk) ? vhd1_bitmap_new(disk, block) : STATUS_OK;
    if (status == STATUS_OK)
        status = vhd1_allocate(disk, &at);
    if (status == STATUS_OK && !is_differencing(disk))
        status = write_full_bitmap(disk->image.file, at, disk->bitmap_size);
    if (status != STATUS_OK)
        return status;
    vhd1_bat_set(&disk->bat, block, (uint32_t)(at / VHD1_SECTOR));
    disk->bitmap_full[block] = !is_differencing(disk);
    return STATUS_OK;
}

// The bits of dynamic disks too: readers that ask them would not see the data otherwise.
static enum status mark(struct vhd1 *disk, const struct piece *piece)
{
    return vhd1_bitmap_set(disk, piece->block, piece->in_block / VHD1_SECTOR,
                           piece->length / VHD1_SECTOR);
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
            is_allocated(disk, piece.block) ? STATUS_OK : allocate(disk, piece.block);
        if (status == STATUS_OK)
            status = file_write(image->file, data_offset(disk, &piece), from, piece.length);
        if (status == STATUS_OK)
            status = mark(disk, &piece);
        if (status != STATUS_OK)
            return status;
        from += piece.length;
        offset += piece.length;
        length -= piece.length;
    }
    return STATUS_OK;
}

// What the file does not hold is zero in a dynamic disk; in a differencing one it is the parent's,
// and has to be hidden. The data of a new block is new to the file and zero already.
static enum status zero_piece(struct vhd1 *disk, const struct piece *piece)
{
    struct file *file = disk->image.file;
    enum status status;
    if (is_allocated(disk, piece->block))
        status = file->ops->zero(file, data_offset(disk, piece), piece->length);
    else if (is_differencing(disk))
        status = allocate(disk, piece->block);
    else
        return STATUS_OK;
    return status == STATUS_OK ? mark(disk, piece) : status;
}

enum status vhd1_zero(struct vhd_image *image, uint64_t offset, uint64_t length)
{
    struct vhd1 *disk = vhd1_of(image);
    disk->known_data = (struct vhd_known_data){0}; // there may be a hole now
    if (disk->footer.type == VHD_TYPE_FIXED)
        return image->file->ops->zero(image->file, offset, length);
    while (length > 0) {
        struct piece piece = piece_at(disk, offset, length);
        enum status status = zero_piece(disk, &piece);
        if (status != STATUS_OK)
            return status;
        offset += piece.length;
        length -= piece.length;
    }
    return STATUS_OK;
}

enum status vhd1_flush(struct vhd_image *image)
{
    struct vhd1 *disk = vhd1_of(image);
    enum status status = vhd1_bitmaps_store(disk, true);
    if (status == STATUS_OK)
        status = file_flush(image->file);
    if (status != STATUS_OK || (!disk->bat.any_dirty && !disk->bitmaps.any_dirty))
        return status;
    status = vhd1_bitmaps_store(disk, false);
    if (status == STATUS_OK)
        status = vhd1_bat_store(image->file, &disk->bat);
    return status == STATUS_OK ? file_flush(image->file) : status;
}

// Data that the file does not hold, because it has a hole there, is zero: looked at for `holes`.
static enum status map_file_range(struct vhd1 *disk, uint64_t at, bool holes,
                                  struct vhd_extent *out)
{
    out->kind = VHD_EXTENT_DATA;
    if (!holes)
        return STATUS_OK;
    return vhd_refine_by_holes(disk->image.file, &disk->known_data, at, VHD1_SECTOR, out);
}

// One call of the map looks at no more blocks: a caller who asks for all of a huge disk again after
// each of its parent's small pieces would walk the rest of it each time.
#define MAPPED_BLOCKS_MAX 1024u

// How much of extent->length the blocks without a place take, from `piece` on.
static void map_absent_blocks(const struct vhd1 *disk, const struct piece *piece,
                              struct vhd_extent *extent)
{
    uint64_t length = piece->length;
    uint32_t block = piece->block + 1;
    uint32_t end = (uint32_t)min_u64(disk->bat.count, (uint64_t)block + MAPPED_BLOCKS_MAX);
    while (length < extent->length && block < end && !is_allocated(disk, block++))
        length += disk->header.block_size;
    extent->length = min_u64(length, extent->length);
    extent->kind = is_differencing(disk) ? VHD_EXTENT_PARENT : VHD_EXTENT_ZERO;
}

// The sectors from `piece` on that are alike: the parent's, or here and alike in the file.
static enum status map_piece(struct vhd1 *disk, const struct piece *piece, bool holes,
                             struct vhd_extent *extent)
{
    if (!is_allocated(disk, piece->block)) {
        map_absent_blocks(disk, piece, extent);
        return STATUS_OK;
    }
    extent->length = piece->length;
    if (is_differencing(disk)) {
        uint32_t count;
        bool present;
        enum status status = vhd1_bitmap_run(disk, piece->block, piece->in_block / VHD1_SECTOR,
                                             piece->length / VHD1_SECTOR, &present, &count);
        if (status != STATUS_OK)
            return status;
        extent->length = (uint64_t)count * VHD1_SECTOR;
        if (!present) {
            extent->kind = VHD_EXTENT_PARENT;
            return STATUS_OK;
        }
    }
    return map_file_range(disk, data_offset(disk, piece), holes, extent);
}

enum status vhd1_map(struct vhd_image *image, uint64_t offset, uint64_t limit, bool holes,
                     struct vhd_extent *out)
{
    struct vhd1 *disk = vhd1_of(image);
    struct vhd_extent extent = {.offset = offset, .length = limit};
    enum status status;
    if (disk->footer.type == VHD_TYPE_FIXED) {
        status = map_file_range(disk, offset, holes, &extent);
    } else {
        struct piece piece = piece_at(disk, offset, limit);
        status = map_piece(disk, &piece, holes, &extent);
    }
    if (status == STATUS_OK)
        *out = extent;
    return status;
}

void vhd1_locate(struct vhd_image *image, uint64_t offset, uint64_t limit, uint64_t *file_offset,
                 uint64_t *length)
{
    struct vhd1 *disk = vhd1_of(image);
    if (disk->footer.type == VHD_TYPE_FIXED) {
        *file_offset = offset;
        *length = limit;
        return;
    }
    struct piece piece = piece_at(disk, offset, limit);
    *file_offset = is_allocated(disk, piece.block) ? data_offset(disk, &piece) : VHD_NOT_ALLOCATED;
    *length = piece.length;
}
