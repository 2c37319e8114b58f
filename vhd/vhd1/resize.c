// Changes the size of fixed and dynamic disks. The footer at the end of the file says which size
// the disk has, so it is written when all is ready for a larger disk, and before anything of a
// smaller one is taken away.
#include "base/checked.h"
#include "vhd/errors.h"
#include "vhd/vhd1/space.h"

#define ENTRY_SIZE sizeof(uint32_t)

enum status vhd1_check_resize(const char *path, enum vhd_type type, uint64_t size)
{
    if (type == VHD_TYPE_DIFFERENCING) {
        (void)status_fail(STATUS_UNSUPPORTED, VHD_ERROR_INVALID_TYPE,
                          "%s is a differencing VHD, whose size is its parent's.", path);
        return status_advise(0, "Merge it into its parent and resize that, or convert the disk to "
                                "VHDX.");
    }
    return vhd1_check_size(path, size);
}

// What this file's own layout allows.
static enum status check_layout(const struct vhd1 *disk, uint64_t size)
{
    const char *path = disk->image.file->path;
    uint32_t block_size = disk->header.block_size;
    if (divide_up(size, block_size) > VHD1_BLOCKS_MAX ||
        !is_aligned(disk->footer.data_offset, VHD1_SECTOR))
        return status_fail(STATUS_UNSUPPORTED, VHD_ERROR_INVALID_BLOCK_SIZE,
                           "%s: a disk with blocks of %u bytes and its header at %llu cannot "
                           "have %llu bytes.",
                           path, (unsigned)block_size, (unsigned long long)disk->footer.data_offset,
                           (unsigned long long)size);
    return size > disk->footer.current_size ? vhd1_check_reach(path, size, block_size) : STATUS_OK;
}

// ---- fixed ----

// Takes room where the file system can. What it took in vain goes back.
static enum status reserve(struct file *file, uint64_t offset, uint64_t length)
{
    enum status status = file->ops->reserve(file, offset, length);
    if (status == STATUS_OK || status == STATUS_UNSUPPORTED)
        return STATUS_OK;
    const struct status_details failure = *status_last();
    (void)file->ops->trim_reservation(file);
    return status_restore(&failure);
}

// The footer goes to the end first, with the old size: a file that is longer than the disk. Then
// what is added is made zero, the old footer within it.
static enum status prepare_larger_fixed(struct vhd1 *disk, uint64_t size)
{
    struct file *file = disk->image.file;
    uint64_t old = disk->footer.current_size;
    uint64_t end = max_u64(size, align_up(disk->footer_at, VHD1_SECTOR));
    enum status status = reserve(file, old, end + VHD1_FOOTER_SIZE - old);
    if (status == STATUS_OK && end > disk->footer_at)
        status = vhd1_move_footer(disk, end);
    if (status == STATUS_OK)
        status = file->ops->zero(file, old, size - old);
    if (status == STATUS_OK)
        status = reserve(file, old, size - old);
    return status == STATUS_OK ? file_flush(file) : status;
}

static enum status resize_fixed(struct vhd1 *disk, uint64_t size)
{
    enum status status = STATUS_OK;
    if (size > disk->footer.current_size)
        status = prepare_larger_fixed(disk, size);
    else if (!is_aligned(disk->footer_at, VHD1_SECTOR))
        // One that lies across two sectors could be torn.
        status = vhd1_move_footer(disk, align_up(disk->footer_at, VHD1_SECTOR));
    if (status != STATUS_OK)
        return status;
    vhd1_footer_set_size(&disk->footer, size);
    status = vhd1_footers_write(disk->image.file, &disk->footer, disk->footer_at);
    if (status == STATUS_OK && disk->footer_at > size)
        status = vhd1_move_footer(disk, size);
    return status;
}

// ---- dynamic ----

static uint64_t place_of(const struct vhd1 *disk, uint32_t block)
{
    return (uint64_t)disk->bat.entries[block] * VHD1_SECTOR;
}

// Changes the table's length in the header; that is in the header's first sector, which reaches the
// disk whole or not at all.
static enum status write_entry_count(struct vhd1 *disk, uint32_t count)
{
    struct file *file = disk->image.file;
    vhd1_header_set_entries(&disk->header, count);
    enum status status = file_write(file, disk->footer.data_offset, disk->header.raw, VHD1_SECTOR);
    return status == STATUS_OK ? file_flush(file) : status;
}

// Blocks that lie where the table will go are copied to the end.
static enum status make_room(struct vhd1 *disk, uint64_t table_end)
{
    struct file *file = disk->image.file;
    if (disk->footer.data_offset >= disk->bat.offset && disk->footer.data_offset < table_end)
        return status_fail(STATUS_UNSUPPORTED, VHD_ERROR_INVALID_SIZE,
                           "%s cannot grow so far: its header lies behind its table.", file->path);
    enum status status = STATUS_OK;
    uint64_t end = vhd1_slot(max_u64(disk->data_end, align_up(table_end, VHD1_DATA_ALIGNMENT)),
                             disk->bitmap_size);
    // The last block must be whole before the disk grows over the rest of it, so the footer leaves
    // it. The next block goes to its place.
    if (disk->footer_at < disk->data_end || disk->footer_at < table_end)
        status = vhd1_move_footer(disk, end);
    if (status == STATUS_OK && disk->footer_at == end)
        disk->data_end = end;
    for (uint32_t i = 0; i < disk->bat.count && status == STATUS_OK; i++) {
        uint64_t to;
        if (disk->bat.entries[i] == VHD1_BAT_UNUSED || place_of(disk, i) < disk->bat.offset ||
            place_of(disk, i) >= table_end)
            continue;
        status = vhd1_allocate(disk, &to);
        if (status == STATUS_OK)
            status = vhd1_move_block(disk, i, to);
    }
    return status == STATUS_OK ? vhd1_flush(&disk->image) : status;
}

// What the last block holds behind the old end was nobody's business so far.
static enum status clear_end_of_last_block(struct vhd1 *disk)
{
    struct file *file = disk->image.file;
    uint32_t last = disk->bat.count - 1;
    uint32_t used = (uint32_t)(disk->footer.current_size % disk->header.block_size);
    if (used == 0 || disk->bat.entries[last] == VHD1_BAT_UNUSED)
        return STATUS_OK;
    return file->ops->zero(file, place_of(disk, last) + disk->bitmap_size + used,
                           disk->header.block_size - used);
}

static enum status grow(struct vhd1 *disk, uint64_t size)
{
    struct file *file = disk->image.file;
    uint32_t count = (uint32_t)divide_up(size, disk->header.block_size);
    uint64_t old_end = disk->bat.offset + disk->bat.count * ENTRY_SIZE;
    uint64_t table_end = disk->bat.offset + align_up(count * ENTRY_SIZE, VHD1_SECTOR);
    enum status status = make_room(disk, table_end);
    if (status == STATUS_OK)
        status = clear_end_of_last_block(disk);
    if (status == STATUS_OK)
        status = vhd1_write_unused(file, old_end, table_end - old_end);
    if (status == STATUS_OK)
        status = file_flush(file);
    if (status == STATUS_OK && disk->header.max_entries < count)
        status = write_entry_count(disk, count);
    if (status != STATUS_OK)
        return status;
    vhd1_footer_set_size(&disk->footer, size);
    return vhd1_footers_write(file, &disk->footer, disk->footer_at);
}

static enum status shrink(struct vhd1 *disk, uint64_t size)
{
    uint32_t count = (uint32_t)divide_up(size, disk->header.block_size);
    uint64_t floor = vhd1_first_block(disk);
    vhd1_footer_set_size(&disk->footer, size);
    enum status status = vhd1_footers_write(disk->image.file, &disk->footer, disk->footer_at);
    if (status != STATUS_OK)
        return status;
    for (uint32_t i = count; i < disk->bat.count; i++)
        if (disk->bat.entries[i] != VHD1_BAT_UNUSED)
            vhd1_bat_set(&disk->bat, i, VHD1_BAT_UNUSED);
    status = vhd1_flush(&disk->image);
    if (status == STATUS_OK)
        status = write_entry_count(disk, count);
    return status == STATUS_OK ? vhd1_cut(disk, floor) : status;
}

static enum status resize_dynamic(struct vhd1 *disk, uint64_t size)
{
    enum status status = check_layout(disk, size);
    if (status == STATUS_OK)
        status = vhd1_flush(&disk->image);
    if (status == STATUS_OK)
        status = vhd1_batmap_drop(disk);
    if (status == STATUS_OK)
        status = size > disk->footer.current_size ? grow(disk, size) : shrink(disk, size);
    return status == STATUS_OK ? vhd1_reload(disk) : status;
}

enum status vhd1_resize(struct vhd_image *image, uint64_t virtual_size)
{
    struct vhd1 *disk = vhd1_of(image);
    if (virtual_size == disk->footer.current_size)
        return STATUS_OK;
    return disk->footer.type == VHD_TYPE_FIXED ? resize_fixed(disk, virtual_size)
                                               : resize_dynamic(disk, virtual_size);
}

enum status vhd1_check_identity(const char *path, const struct vhd_set_identity *how)
{
    if (how->physical_sector_size == 0)
        return STATUS_OK;
    return status_fail(STATUS_UNSUPPORTED, VHD_ERROR_UNSUPPORTED_DISK_SECTOR_SIZE,
                       "%s: a VHD says nothing of physical sectors.", path);
}

enum status vhd1_set_identity(struct vhd_image *image, const struct vhd_set_identity *how)
{
    struct vhd1 *disk = vhd1_of(image);
    enum status checked = vhd1_check_identity(image->file->path, how);
    if (checked != STATUS_OK)
        return checked;
    if (!how->virtual_disk_id || guid_equal(how->virtual_disk_id, &disk->footer.unique_id))
        return STATUS_OK;
    enum status status = vhd1_flush(image);
    if (status != STATUS_OK)
        return status;
    vhd1_footer_set_id(&disk->footer, how->virtual_disk_id);
    return vhd1_footers_write(image->file, &disk->footer, disk->footer_at);
}
