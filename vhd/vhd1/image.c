// Opens and closes VHD images and tells about them.
#include "vhd/vhd1/vhd1.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "vhd/errors.h"

#define PHYSICAL_SECTOR_SIZE 512 // a VHD stores none; Windows shows its disks so

static void free_blocks(struct vhd1 *disk)
{
    vhd1_bat_free(&disk->bat);
    vhd1_bitmaps_free(&disk->bitmaps);
    free(disk->bitmap_full);
    disk->bitmap_full = NULL;
}

static void free_disk(struct vhd1 *disk)
{
    free_blocks(disk);
    free(disk);
}

static void abandon(struct vhd_image *image)
{
    file_close(image->file);
    free_disk(vhd1_of(image));
}

static enum status close_image(struct vhd_image *image)
{
    enum status status = image->writable ? vhd1_flush(image) : STATUS_OK;
    abandon(image);
    return status;
}

static uint64_t allocated_bytes(const struct vhd1 *disk)
{
    uint64_t bytes = 0;
    if (disk->footer.type == VHD_TYPE_FIXED)
        return disk->footer.current_size;
    for (uint32_t i = 0; i < disk->bat.count; i++)
        if (disk->bat.entries[i] != VHD1_BAT_UNUSED)
            bytes += min_u64(disk->header.block_size,
                             disk->footer.current_size - (uint64_t)i * disk->header.block_size);
    return bytes;
}

static void get_info(struct vhd_image *image, struct vhd_info *info)
{
    struct vhd1 *disk = vhd1_of(image);
    // A failure leaves the values of the last time: both calls worked when the disk was opened.
    uint64_t value;
    if (file_size(image->file, &value) == STATUS_OK)
        disk->file_size = value;
    if (image->file->ops->write_time(image->file, &value) == STATUS_OK)
        disk->write_time = value;

    *info = (struct vhd_info){
        .format = VHD_FORMAT_VHD,
        .type = disk->footer.type,
        .virtual_size = disk->footer.current_size,
        .logical_sector_size = VHD1_SECTOR,
        .physical_sector_size = PHYSICAL_SECTOR_SIZE,
        .block_size = disk->header.block_size,
        .virtual_disk_id = disk->footer.unique_id,
        .parent_linkage = disk->header.parent_id,
        .file_size = disk->file_size,
        .allocated = allocated_bytes(disk),
        .write_time = disk->write_time,
        .file_id = disk->file_id,
        .identity = {.format = VHD_FORMAT_VHD,
                     .virtual_size = disk->footer.current_size,
                     .guid = disk->footer.unique_id,
                     .file_size = disk->file_size,
                     .write_time = disk->write_time},
    };
    vhd1_footer_creator(&disk->footer, info->creator, sizeof info->creator);
}

static enum status parent_paths(struct vhd_image *image, char ***out)
{
    struct vhd1 *disk = vhd1_of(image);
    return vhd1_parent_paths(image->file, disk->file_size, &disk->header, out);
}

// "Differencing Hard Disk": the parent's unique id, byte for byte.
static bool matches_parent(struct vhd_image *image, const struct vhd_info *parent)
{
    return parent->format == VHD_FORMAT_VHD &&
           guid_equal(&vhd1_of(image)->header.parent_id, &parent->virtual_disk_id);
}

// What a child knows its parent by does not change when the parent is written: a merge that was cut
// off is simply done again.
static enum status begin_merge(struct vhd_image *child, struct vhd_image *parent)
{
    (void)child;
    (void)parent;
    return STATUS_OK;
}

static enum status finish_merge(struct vhd_image *child, struct vhd_image *parent)
{
    (void)child;
    (void)parent;
    return STATUS_OK;
}

static const struct vhd_image_ops vhd1_ops = {
    .read = vhd1_read,
    .write = vhd1_write,
    .zero = vhd1_zero,
    .flush = vhd1_flush,
    .map = vhd1_map,
    .get_info = get_info,
    .parent_paths = parent_paths,
    .matches_parent = matches_parent,
    .begin_merge = begin_merge,
    .finish_merge = finish_merge,
    .locate = vhd1_locate,
    .resize = vhd1_resize,
    .compact = vhd1_compact,
    .set_identity = vhd1_set_identity,
    .close = close_image,
    .abandon = abandon,
};

static enum status open_fixed(struct vhd1 *disk, const struct vhd1_footer_place *place)
{
    if (disk->footer.current_size > place->data_end)
        return status_fail(
            STATUS_DAMAGED, VHD_ERROR_INVALID_FILE_SIZE,
            "%s: the footer says that the disk has %llu bytes, but only %llu precede it.",
            disk->image.file->path, (unsigned long long)disk->footer.current_size,
            (unsigned long long)place->data_end);
    disk->data_end = disk->footer_at = place->data_end;
    return STATUS_OK;
}

static enum status open_blocks(struct vhd1 *disk, const struct vhd1_footer_place *place)
{
    const struct vhd1_layout layout = vhd1_layout_of(&disk->footer, &disk->header, place->data_end);
    enum status status = vhd1_bat_load(disk->image.file, &layout, &disk->bat);
    if (status != STATUS_OK)
        return status;
    disk->bitmap_size = layout.bitmap_size;
    disk->bitmap_full = calloc(disk->bat.count, 1);
    if (!disk->bitmap_full)
        return status_no_memory("the state of the sector bitmaps");
    status = vhd1_bitmaps_init(disk);
    if (status != STATUS_OK)
        return status;
    // Some programs cut the last block short where the disk ends; the next block must leave its
    // full length free.
    disk->data_end = disk->footer_at = place->data_end;
    for (uint32_t i = 0; i < disk->bat.count; i++)
        if (disk->bat.entries[i] != VHD1_BAT_UNUSED)
            disk->data_end =
                max_u64(disk->data_end, (uint64_t)disk->bat.entries[i] * VHD1_SECTOR +
                                            disk->bitmap_size + disk->header.block_size);
    return STATUS_OK;
}

enum status vhd1_reload(struct vhd1 *disk)
{
    const struct vhd1_footer_place place = {
        .trailing = true, .leading = true, .data_end = disk->footer_at};
    free_blocks(disk);
    return open_blocks(disk, &place);
}

// A crash, or a program without care, can leave one of the two footers bad. Both are made good
// before the first write.
static enum status repair_footers(struct vhd1 *disk, const struct vhd1_footer_place *place)
{
    if (place->trailing && place->leading)
        return STATUS_OK;
    if (!place->trailing)
        disk->footer_at = disk->data_end = vhd1_slot(disk->data_end, disk->bitmap_size);
    return vhd1_footers_write(disk->image.file, &disk->footer, disk->footer_at);
}

static enum status open_by_type(struct vhd1 *disk, bool writable)
{
    struct file *file = disk->image.file;
    struct vhd1_footer_place place;
    enum status status = vhd1_footer_read(file, disk->file_size, &disk->footer, &place);
    if (status != STATUS_OK)
        return status;
    if (disk->footer.type == VHD_TYPE_FIXED)
        return open_fixed(disk, &place);
    status = vhd1_header_read(file, disk->file_size, &disk->footer, &disk->header);
    if (status != STATUS_OK)
        return status;
    status = open_blocks(disk, &place);
    return status == STATUS_OK && writable ? repair_footers(disk, &place) : status;
}

enum status vhd1_open(const struct file_system *fs, struct file *file, bool writable,
                      struct vhd_image **out)
{
    struct vhd1 *disk = calloc(1, sizeof *disk);
    if (!disk)
        return status_no_memory("a VHD");
    disk->image =
        (struct vhd_image){.ops = &vhd1_ops, .fs = fs, .file = file, .writable = writable};
    enum status status = file_size(file, &disk->file_size);
    if (status == STATUS_OK)
        status = file->ops->write_time(file, &disk->write_time);
    if (status == STATUS_OK)
        status = file->ops->identify(file, &disk->file_id);
    if (status == STATUS_OK)
        status = open_by_type(disk, writable);
    if (status != STATUS_OK) {
        free_disk(disk);
        return status;
    }
    *out = &disk->image;
    return STATUS_OK;
}
