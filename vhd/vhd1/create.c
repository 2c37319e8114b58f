// Creates fixed and dynamic VHDs, laid out as Windows 10 does it.
#include "vhd/vhd1/vhd1.h"

#include <string.h>

#include "base/checked.h"
#include "vhd/errors.h"

#define SIZE_MIN (3u << 20) // what Windows' own API accepts
// Windows creates blocks of 2 MiB, and of 512 KiB when asked; it opens no others.
#define BLOCK_SIZE_SMALL    (512u << 10)
#define TABLE_OFFSET        (VHD1_FOOTER_SIZE + VHD1_HEADER_SIZE)
#define TABLE_WRITE_AT_ONCE (64u * 1024)

static enum status check(const char *path, const struct vhd_create *how)
{
    if (how->virtual_size < SIZE_MIN || how->virtual_size > VHD1_SIZE_MAX ||
        how->virtual_size % VHD1_SECTOR != 0) {
        (void)status_fail(STATUS_INVALID_ARGUMENT, VHD_ERROR_INVALID_SIZE,
                          "%s: a VHD of %llu bytes is not possible; it has from 3 MiB to 2040 GiB, "
                          "a multiple of 512 bytes.",
                          path, (unsigned long long)how->virtual_size);
        return status_advise(0, "Choose another size; a VHDX can have up to 64 TiB.");
    }
    if (how->logical_sector_size != 0 && how->logical_sector_size != VHD1_SECTOR) {
        (void)status_fail(STATUS_INVALID_ARGUMENT, 0, "%s: a VHD has sectors of 512 bytes, not %u.",
                          path, (unsigned)how->logical_sector_size);
        return status_advise(0, "Choose VHDX for sectors of 4096 bytes.");
    }
    if (how->type == VHD_TYPE_DYNAMIC && how->block_size != 0 &&
        how->block_size != VHD1_BLOCK_SIZE_DEFAULT && how->block_size != BLOCK_SIZE_SMALL)
        return status_fail(STATUS_INVALID_ARGUMENT, VHD_ERROR_INVALID_BLOCK_SIZE,
                           "%s: the block size of a dynamic VHD is 2 MiB or 512 KiB, not %u bytes.",
                           path, (unsigned)how->block_size);
    return STATUS_OK;
}

static enum status write_fixed(struct file *file, const struct vhd1_footer *footer)
{
    enum status status = file->ops->set_size(file, footer->current_size);
    if (status == STATUS_OK)
        status = file->ops->reserve(file, 0, footer->current_size);
    // Where the file system cannot take the room beforehand the disk is still right, only not safe
    // from a full volume.
    if (status == STATUS_UNSUPPORTED)
        status = STATUS_OK;
    if (status == STATUS_OK)
        status = file_write(file, footer->current_size, footer->raw, VHD1_FOOTER_SIZE);
    return status;
}

static enum status write_table(struct file *file, uint64_t bytes)
{
    uint8_t unused[TABLE_WRITE_AT_ONCE];
    memset(unused, 0xff, sizeof unused);
    for (uint64_t done = 0; done < bytes; done += sizeof unused) {
        enum status status = file_write(file, TABLE_OFFSET + done, unused,
                                        (size_t)min_u64(bytes - done, sizeof unused));
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

static enum status write_dynamic(struct file *file, const struct vhd1_footer *footer,
                                 uint32_t block_size)
{
    uint8_t header[VHD1_HEADER_SIZE];
    uint32_t entries = (uint32_t)divide_up(footer->current_size, block_size);
    uint64_t table = align_up((uint64_t)entries * sizeof(uint32_t), VHD1_SECTOR);
    // Windows leaves the rest of the table's 4 KiB unused and puts the first block's data behind.
    uint64_t first_slot = vhd1_slot(align_up(TABLE_OFFSET + table, VHD1_DATA_ALIGNMENT),
                                    vhd1_bitmap_size(block_size));

    vhd1_header_build(header, TABLE_OFFSET, entries, block_size);
    enum status status = file_write(file, 0, footer->raw, VHD1_FOOTER_SIZE);
    if (status == STATUS_OK)
        status = file_write(file, VHD1_FOOTER_SIZE, header, sizeof header);
    if (status == STATUS_OK)
        status = write_table(file, table);
    if (status == STATUS_OK)
        status = file_write(file, first_slot, footer->raw, VHD1_FOOTER_SIZE);
    return status;
}

enum status vhd1_create(const char *path, const struct vhd_create *how)
{
    struct vhd1_footer footer;
    struct file *file;
    struct guid id;

    enum status status = check(path, how);
    if (status == STATUS_OK && how->virtual_disk_id)
        id = *how->virtual_disk_id;
    else if (status == STATUS_OK)
        status = guid_generate(&id);
    if (status != STATUS_OK)
        return status;
    vhd1_footer_build(&footer, how->type, how->virtual_size, &id);

    const struct file_open open = {.writable = true, .create = true, .share = FILE_SHARE_NOTHING};
    status = how->fs->open(how->fs, path, &open, &file);
    if (status != STATUS_OK)
        return status;
    if (how->type == VHD_TYPE_FIXED)
        status = write_fixed(file, &footer);
    else
        status = write_dynamic(file, &footer,
                               how->block_size ? how->block_size : VHD1_BLOCK_SIZE_DEFAULT);
    if (status == STATUS_OK)
        status = file_flush(file);
    file_close(file);
    if (status == STATUS_OK)
        return STATUS_OK;
    struct status_details failure = *status_last();
    (void)how->fs->remove(how->fs, path);
    return status_restore(&failure);
}
