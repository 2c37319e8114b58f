// Creates VHDs, laid out as Windows 10 does it: fixed and dynamic ones, and children.
#include "vhd/vhd1/vhd1.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/endian.h"
#include "base/utf.h"
#include "vhd/errors.h"
#include "vhd/relative_path.h"

#define SIZE_MIN            (3u << 20) // what Windows' own API accepts
#define TABLE_WRITE_AT_ONCE (64u * 1024)
#define PATH_UNITS_MAX      32767u
// Header, locators and table, however they were placed.
#define BEFORE_BLOCKS_MAX (64u << 20)
#define RELATIVE_SPACE    65536u // what Windows keeps free for the relative path

enum status vhd1_check_size(const char *path, uint64_t size)
{
    if (size >= SIZE_MIN && size <= VHD1_SIZE_MAX && size % VHD1_SECTOR == 0)
        return STATUS_OK;
    (void)status_fail(STATUS_INVALID_ARGUMENT, VHD_ERROR_INVALID_SIZE,
                      "%s: a VHD of %llu bytes is not possible; it has from 3 MiB to 2040 GiB, a "
                      "multiple of 512 bytes.",
                      path, (unsigned long long)size);
    return status_advise(0, "Choose another size; a VHDX can have up to 64 TiB.");
}

// The table names sectors with 32 bits, and a block takes its bitmap and padding besides its data.
enum status vhd1_check_reach(const char *path, uint64_t size, uint32_t block_size)
{
    uint64_t slot =
        align_up((uint64_t)block_size + vhd1_bitmap_size(block_size), VHD1_DATA_ALIGNMENT);
    if (divide_up(size, block_size) * slot + BEFORE_BLOCKS_MAX <=
        (uint64_t)VHD1_BAT_UNUSED * VHD1_SECTOR)
        return STATUS_OK;
    (void)status_fail(
        STATUS_INVALID_ARGUMENT, VHD_ERROR_INVALID_SIZE,
        "%s: %llu bytes in blocks of %u would not fit into a VHD's 2 TiB once all are "
        "written.",
        path, (unsigned long long)size, (unsigned)block_size);
    return status_advise(0, "Choose blocks of 2 MiB, a smaller size, or VHDX.");
}

static enum status check_block_size(const char *path, uint64_t size, uint32_t block_size)
{
    if (block_size == VHD1_BLOCK_SIZE_DEFAULT || block_size == VHD1_BLOCK_SIZE_SMALL)
        return vhd1_check_reach(path, size, block_size);
    return status_fail(STATUS_INVALID_ARGUMENT, VHD_ERROR_INVALID_BLOCK_SIZE,
                       "%s: the blocks of a VHD have 2 MiB or 512 KiB, not %u bytes.", path,
                       (unsigned)block_size);
}

enum status vhd1_check_child(const char *path, uint64_t size, uint32_t block_size)
{
    if (size <= VHD1_SIZE_MAX)
        return check_block_size(path, size, block_size);
    return status_fail(STATUS_UNSUPPORTED, VHD_ERROR_INVALID_SIZE,
                       "%s: its parent has %llu bytes; a differencing VHD has at most 2040 GiB.",
                       path, (unsigned long long)size);
}

enum status vhd1_check_create(const char *path, const struct vhd_create *how)
{
    enum status status = vhd1_check_size(path, how->virtual_size);
    if (status != STATUS_OK)
        return status;
    if (how->logical_sector_size != 0 && how->logical_sector_size != VHD1_SECTOR) {
        (void)status_fail(STATUS_INVALID_ARGUMENT, 0, "%s: a VHD has sectors of 512 bytes, not %u.",
                          path, (unsigned)how->logical_sector_size);
        return status_advise(0, "Choose VHDX for sectors of 4096 bytes.");
    }
    if (how->type != VHD_TYPE_DYNAMIC)
        return STATUS_OK;
    return check_block_size(path, how->virtual_size,
                            how->block_size ? how->block_size : VHD1_BLOCK_SIZE_DEFAULT);
}

struct plan {
    struct vhd1_footer footer;
    struct vhd1_header header; // not for a fixed disk, as what follows
    uint8_t *absolute;         // UTF-16LE, of the first locator; NULL: a disk without parent
    uint8_t *relative;         // of the second, if there is one
    uint64_t data_end;         // where the first block, and until then the footer, goes
};

static uint64_t table_size(const struct vhd1_header *header)
{
    return align_up((uint64_t)header->max_entries * sizeof(uint32_t), VHD1_SECTOR);
}

static enum status write_fixed(struct file *file, const void *context)
{
    const struct vhd1_footer *footer = &((const struct plan *)context)->footer;
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

enum status vhd1_write_unused(struct file *file, uint64_t offset, uint64_t bytes)
{
    uint8_t unused[TABLE_WRITE_AT_ONCE];
    memset(unused, 0xff, sizeof unused);
    for (uint64_t done = 0; done < bytes; done += sizeof unused) {
        enum status status =
            file_write(file, offset + done, unused, (size_t)min_u64(bytes - done, sizeof unused));
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

static enum status write_locators(struct file *file, const struct plan *plan)
{
    const struct vhd1_locator *locators = plan->header.locators;
    enum status status = STATUS_OK;
    if (plan->absolute)
        status = file_write(file, locators[0].offset, plan->absolute, locators[0].length);
    if (status == STATUS_OK && plan->relative)
        status = file_write(file, locators[1].offset, plan->relative, locators[1].length);
    return status;
}

static enum status write_sparse(struct file *file, const void *context)
{
    const struct plan *plan = context;
    enum status status = file_write(file, 0, plan->footer.raw, VHD1_FOOTER_SIZE);
    if (status == STATUS_OK)
        status = file_write(file, VHD1_FOOTER_SIZE, plan->header.raw, VHD1_HEADER_SIZE);
    if (status == STATUS_OK)
        status = vhd1_write_unused(file, plan->header.table_offset, table_size(&plan->header));
    if (status == STATUS_OK)
        status = write_locators(file, plan);
    if (status == STATUS_OK)
        status = file_write(file, plan->data_end, plan->footer.raw, VHD1_FOOTER_SIZE);
    return status;
}

static enum status create_file(const struct file_system *fs, const char *path,
                               enum status (*write)(struct file *file, const void *plan),
                               const struct plan *plan)
{
    const struct file_open open = {.writable = true, .create = true, .share = FILE_SHARE_NOTHING};
    struct file *file;
    enum status status = fs->open(fs, path, &open, &file);
    if (status != STATUS_OK)
        return status;
    status = write(file, plan);
    if (status == STATUS_OK)
        status = file_flush(file);
    file_close(file);
    if (status == STATUS_OK)
        return STATUS_OK;
    struct status_details failure = *status_last();
    (void)fs->remove(fs, path);
    return status_restore(&failure);
}

enum status vhd1_create(const char *path, const struct vhd_create *how)
{
    struct plan plan = {0};
    struct guid id;

    enum status status = vhd1_check_create(path, how);
    if (status == STATUS_OK && how->virtual_disk_id)
        id = *how->virtual_disk_id;
    else if (status == STATUS_OK)
        status = guid_generate(&id);
    if (status != STATUS_OK)
        return status;
    vhd1_footer_build(&plan.footer, how->type, how->virtual_size, &id);
    if (how->type == VHD_TYPE_FIXED)
        return create_file(how->fs, path, write_fixed, &plan);

    struct vhd1_header *header = &plan.header;
    header->table_offset = VHD1_FOOTER_SIZE + VHD1_HEADER_SIZE;
    header->block_size = how->block_size ? how->block_size : VHD1_BLOCK_SIZE_DEFAULT;
    header->max_entries = (uint32_t)divide_up(how->virtual_size, header->block_size);
    vhd1_header_build(header);
    // Windows leaves the rest of the table's 4 KiB unused and puts the first block's data behind.
    plan.data_end =
        vhd1_slot(align_up(header->table_offset + table_size(header), VHD1_DATA_ALIGNMENT),
                  vhd1_bitmap_size(header->block_size));
    return create_file(how->fs, path, write_sparse, &plan);
}

// *text: UTF-16LE, allocated.
static enum status encode_path(const char *path, uint8_t **text, uint32_t *length)
{
    size_t units = 0;
    uint16_t *wide = utf8_to_utf16(path, strlen(path), &units);
    if (!wide || units == 0 || units > PATH_UNITS_MAX) {
        free(wide);
        return status_fail(STATUS_INVALID_ARGUMENT, VHD_ERROR_METADATA_WRITE_FAILURE,
                           "%.200s: a path that is not valid Unicode, or longer than %u units, "
                           "cannot be written into a VHD.",
                           path, PATH_UNITS_MAX);
    }
    *text = (uint8_t *)wide;
    *length = (uint32_t)(units * 2);
    return STATUS_OK;
}

// The header's own field holds the whole path or, where that does not fit, nothing: the locators
// say it.
static void set_parent_name(struct vhd1_header *header, const uint8_t *utf16le, uint32_t length)
{
    if (length > VHD1_PARENT_NAME_SIZE)
        return;
    for (uint32_t i = 0; i < length; i += 2)
        store_be16(header->parent_name + i, load_le16(utf16le + i));
}

// Absolute path, table, relative path, first block: Windows' order.
static void lay_out_child(struct plan *plan)
{
    struct vhd1_header *header = &plan->header;
    struct vhd1_locator *absolute = &header->locators[0], *relative = &header->locators[1];

    absolute->code = VHD1_LOCATOR_W2KU;
    absolute->offset = align_up(VHD1_FOOTER_SIZE + VHD1_HEADER_SIZE, VHD1_DATA_ALIGNMENT);
    absolute->space = (uint32_t)align_up(absolute->length, VHD1_DATA_ALIGNMENT);
    header->table_offset = absolute->offset + absolute->space;
    uint64_t end = align_up(header->table_offset + table_size(header), VHD1_DATA_ALIGNMENT);
    if (plan->relative) {
        relative->code = VHD1_LOCATOR_W2RU;
        relative->offset = end;
        relative->space = RELATIVE_SPACE;
        end += RELATIVE_SPACE;
    }
    plan->data_end = vhd1_slot(end, vhd1_bitmap_size(header->block_size));
    vhd1_header_build(header);
}

static enum status encode_locators(struct plan *plan, const char *child, const char *parent)
{
    struct vhd1_locator *locators = plan->header.locators;
    char *relative;
    enum status status = encode_path(parent, &plan->absolute, &locators[0].length);
    if (status != STATUS_OK)
        return status;
    set_parent_name(&plan->header, plan->absolute, locators[0].length);
    status = vhd_relative_path(child, parent, &relative);
    if (status == STATUS_OK && relative)
        status = encode_path(relative, &plan->relative, &locators[1].length);
    free(relative);
    return status;
}

enum status vhd1_create_child(const char *path, const struct vhd_info *parent,
                              const struct vhd_create *how)
{
    struct plan plan = {0};
    struct guid id;
    enum status status = vhd1_check_child(path, parent->virtual_size, how->block_size);
    if (status == STATUS_OK)
        status = guid_generate(&id);
    if (status != STATUS_OK)
        return status;
    vhd1_footer_build(&plan.footer, VHD_TYPE_DIFFERENCING, parent->virtual_size, &id);
    plan.header.block_size = how->block_size;
    plan.header.max_entries = (uint32_t)divide_up(parent->virtual_size, plan.header.block_size);
    plan.header.parent_id = parent->virtual_disk_id;
    status = encode_locators(&plan, path, parent->path);
    if (status == STATUS_OK) {
        lay_out_child(&plan);
        status = create_file(how->fs, path, write_sparse, &plan);
    }
    free(plan.absolute);
    free(plan.relative);
    return status;
}
