// Creating VHDX files: fixed, dynamic and differencing ([MS-VHDX] 2.1; the layout is Windows',
// docs/formats.md).
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/endian.h"
#include "base/utf.h"
#include "vhd/errors.h"
#include "vhd/format.h"
#include "vhd/vhdx/bat.h"
#include "vhd/vhdx/header.h"
#include "vhd/vhdx/image.h"
#include "vhd/vhdx/layout.h"
#include "vhd/vhdx/parent_locator.h"

#define CREATOR "VRep " VREP_VERSION

#define LOG_OFFSET      (1 * VHDX_MIB)
#define LOG_LENGTH      (1 * VHDX_MIB)
#define METADATA_OFFSET (2 * VHDX_MIB)

#define BLOCK_SIZE_DYNAMIC           (32u << 20)
#define BLOCK_SIZE_FIXED             (2u << 20)
#define LOGICAL_SECTOR_SIZE_DEFAULT  512
#define PHYSICAL_SECTOR_SIZE_DEFAULT 4096

// Of items whose contents are copied from the parent.
#define COPY_SIZE (64 * 1024)

// What distinguishes one new file from another.
struct plan {
    struct vhdx_metadata metadata; // its items are those copied from the parent
    const struct vhdx *parent;     // NULL without
    uint8_t *locator;              // encoded; NULL without parent
    size_t locator_size;
    struct vhdx_geometry geometry;
    uint32_t metadata_length; // of the region
    uint64_t bat_offset;
    uint32_t bat_length;
    uint64_t file_size;
};

static void complete_plan(struct plan *plan)
{
    const struct vhdx_metadata *m = &plan->metadata;
    vhdx_geometry_init(&plan->geometry, m->virtual_size, m->block_size, m->logical_sector_size,
                       m->has_parent);
    uint64_t items = VHDX_METADATA_FIXED_ITEMS_SIZE + plan->locator_size;
    for (size_t i = 0; i < m->item_count; i++)
        items = align_up(items, VHDX_METADATA_ITEM_ALIGNMENT) + m->items[i].length;
    plan->metadata_length = (uint32_t)align_up(VHDX_METADATA_TABLE_SIZE + items, VHDX_ALIGNMENT);
    plan->bat_offset = METADATA_OFFSET + plan->metadata_length;
    plan->bat_length = (uint32_t)align_up(plan->geometry.entry_count * 8, VHDX_ALIGNMENT);
    plan->file_size = plan->bat_offset + plan->bat_length;
    if (m->leave_blocks_allocated)
        plan->file_size += plan->geometry.block_count * m->block_size;
}

// The contents of one item, from its place in the parent's file to the one that the child's table
// names.
static enum status copy_item(struct file *file, const struct plan *plan,
                             const struct vhdx_metadata_item *from,
                             const struct vhdx_metadata_item *to)
{
    const struct vhdx *parent = plan->parent;
    uint8_t *part = malloc(COPY_SIZE);
    if (!part)
        return status_no_memory("the metadata of a new VHDX file");
    enum status status = STATUS_OK;
    for (uint32_t done = 0; done < from->length && !status; done += COPY_SIZE) {
        size_t size = (size_t)min_u64(COPY_SIZE, from->length - done);
        status = vhdx_view_read(&parent->view,
                                parent->regions.metadata.offset + from->offset + done, part, size);
        if (!status)
            status = file_write(file, METADATA_OFFSET + to->offset + done, part, size);
    }
    free(part);
    return status;
}

// The copied items are the last ones in the table.
static enum status copy_items(struct file *file, const struct plan *plan, const uint8_t *table)
{
    const struct vhdx_metadata *m = &plan->metadata;
    uint32_t count;
    enum status status = STATUS_OK;
    if (!vhdx_metadata_table_count(table, &count))
        return STATUS_OK;
    for (size_t i = 0; i < m->item_count && !status; i++) {
        struct vhdx_metadata_item to;
        vhdx_metadata_table_entry(table, (uint32_t)(count - m->item_count + i), &to);
        status = copy_item(file, plan, &m->items[i], &to);
    }
    return status;
}

static enum status write_metadata(struct file *file, const struct plan *plan)
{
    uint8_t *raw;
    size_t size;
    enum status status =
        vhdx_metadata_encode(&plan->metadata, plan->locator, plan->locator_size, &raw, &size);
    if (status)
        return status;
    status = file_write(file, METADATA_OFFSET, raw, size);
    if (!status)
        status = copy_items(file, plan, raw);
    free(raw);
    return status;
}

// The entries of a fixed disk: every block at its place, in order. All other entries of a new file
// are zero.
static enum status write_fixed_bat(struct file *file, const struct plan *plan)
{
    const struct vhdx_geometry *g = &plan->geometry;
    uint64_t per_write = VHDX_MIB / 8;
    uint8_t *raw = malloc(VHDX_MIB);
    if (!raw)
        return status_no_memory("the block allocation table of a new VHDX file");
    enum status status = STATUS_OK;
    uint64_t block = 0;
    for (uint64_t first = 0; first < g->entry_count && !status; first += per_write) {
        memset(raw, 0, VHDX_MIB);
        for (; block < g->block_count && vhdx_payload_index(g, block) < first + per_write;
             block++) {
            struct vhdx_block entry = {.state = VHDX_BLOCK_FULLY_PRESENT,
                                       .offset = plan->bat_offset + plan->bat_length +
                                                 block * g->block_size};
            store_le64(raw + (vhdx_payload_index(g, block) - first) * 8, vhdx_block_encode(&entry));
        }
        size_t size = (size_t)min_u64(per_write, g->entry_count - first) * 8;
        status = file_write(file, plan->bat_offset + first * 8, raw, size);
    }
    free(raw);
    return status;
}

static enum status write_regions(struct file *file, const struct plan *plan)
{
    struct vhdx_region bat = {.guid = vhdx_guid_bat,
                              .offset = plan->bat_offset,
                              .length = plan->bat_length,
                              .required = true};
    struct vhdx_region metadata = {.guid = vhdx_guid_metadata,
                                   .offset = METADATA_OFFSET,
                                   .length = plan->metadata_length,
                                   .required = true};
    uint8_t *raw = malloc(VHDX_REGION_TABLE_SIZE);
    if (!raw)
        return status_no_memory("the region table of a new VHDX file");
    vhdx_regions_encode(&bat, &metadata, raw);
    enum status status = file_write(file, VHDX_REGION_TABLE1_OFFSET, raw, VHDX_REGION_TABLE_SIZE);
    if (!status)
        status = file_write(file, VHDX_REGION_TABLE2_OFFSET, raw, VHDX_REGION_TABLE_SIZE);
    free(raw);
    return status;
}

static enum status write_headers(struct file *file)
{
    struct vhdx_headers headers = {.slot = 1};
    struct vhdx_header first = {.version = 1, .log_length = LOG_LENGTH, .log_offset = LOG_OFFSET};
    enum status status = guid_generate(&first.file_write_guid);
    if (!status)
        status = guid_generate(&first.data_write_guid);
    return status ? status : vhdx_headers_replace_both(&headers, file, &first);
}

static enum status write_identifier(struct file *file)
{
    uint8_t raw[VHDX_CREATOR_OFFSET + 2 * VHDX_CREATOR_UNITS] = {0};
    memcpy(raw, vhdx_identifier_signature, sizeof vhdx_identifier_signature);
    for (size_t i = 0; CREATOR[i]; i++)
        store_le16(raw + VHDX_CREATOR_OFFSET + 2 * i, (uint16_t)CREATOR[i]);
    return file_write(file, 0, raw, sizeof raw);
}

// The signature comes last, so that a file that was cut off is not taken for a disk.
static enum status write_file(struct file *file, const struct plan *plan)
{
    enum status status = file->ops->set_size(file, plan->file_size);
    if (!status)
        status = write_metadata(file, plan);
    if (!status && plan->metadata.leave_blocks_allocated)
        status = write_fixed_bat(file, plan);
    if (!status)
        status = write_regions(file, plan);
    if (!status)
        status = write_headers(file);
    if (!status)
        status = write_identifier(file);
    return status ? status : file_flush(file);
}

static enum status create_file(const struct file_system *fs, const char *path,
                               const struct plan *plan)
{
    const struct file_open how = {.writable = true, .create = true, .share = FILE_SHARE_NOTHING};
    struct file *file;
    enum status status = fs->open(fs, path, &how, &file);
    if (status)
        return status;
    status = write_file(file, plan);
    file_close(file);
    if (status) {
        struct status_details failure = *status_last();
        // If the useless file cannot be removed either, the first failure is still the one to tell.
        fs->remove(fs, path);
        status = status_restore(&failure);
    }
    return status;
}

static bool is_sector_size(uint32_t size)
{
    return size == 512 || size == 4096;
}

enum status vhdx_check_block_size(const char *path, uint32_t block_size)
{
    if (is_power_of_two(block_size) && block_size >= VHDX_BLOCK_SIZE_MIN &&
        block_size <= VHDX_BLOCK_SIZE_MAX)
        return STATUS_OK;
    return status_fail(STATUS_INVALID_ARGUMENT, VHD_ERROR_INVALID_BLOCK_SIZE,
                       "VHDX %s: a block size of %" PRIu32
                       " is not possible; it must be a power of two from 1 to 256 MiB.",
                       path, block_size);
}

static enum status check_request(const char *path, const struct vhdx_metadata *m)
{
    enum status status = vhdx_check_block_size(path, m->block_size);
    if (status)
        return status;
    if (!is_sector_size(m->logical_sector_size) || !is_sector_size(m->physical_sector_size))
        return status_fail(STATUS_INVALID_ARGUMENT, VHD_ERROR_INVALID_SIZE,
                           "VHDX %s: sectors of %" PRIu32 " (logical) and %" PRIu32
                           " (physical) bytes are not possible; they must be 512 or 4096.",
                           path, m->logical_sector_size, m->physical_sector_size);
    if (m->virtual_size == 0 || m->virtual_size > VHDX_SIZE_MAX ||
        !is_aligned(m->virtual_size, m->logical_sector_size))
        return status_fail(STATUS_INVALID_ARGUMENT, VHD_ERROR_INVALID_SIZE,
                           "VHDX %s: a size of %" PRIu64
                           " bytes is not possible; it must be a multiple of the sector size, "
                           "at most 64 TiB.",
                           path, m->virtual_size);
    return STATUS_OK;
}

static struct vhdx_metadata requested_metadata(const struct vhd_create *how)
{
    bool fixed = how->type == VHD_TYPE_FIXED;
    uint32_t default_block_size = fixed ? BLOCK_SIZE_FIXED : BLOCK_SIZE_DYNAMIC;
    return (struct vhdx_metadata){
        .virtual_size = how->virtual_size,
        .block_size = how->block_size ? how->block_size : default_block_size,
        .leave_blocks_allocated = fixed,
        .logical_sector_size =
            how->logical_sector_size ? how->logical_sector_size : LOGICAL_SECTOR_SIZE_DEFAULT,
        .physical_sector_size =
            how->physical_sector_size ? how->physical_sector_size : PHYSICAL_SECTOR_SIZE_DEFAULT,
    };
}

enum status vhdx_check_create(const char *path, const struct vhd_create *how)
{
    const struct vhdx_metadata metadata = requested_metadata(how);
    return check_request(path, &metadata);
}

enum status vhdx_create(const char *path, const struct vhd_create *how)
{
    struct plan plan = {.metadata = requested_metadata(how)};
    enum status status = check_request(path, &plan.metadata);
    if (status)
        return status;
    if (how->virtual_disk_id)
        plan.metadata.virtual_disk_id = *how->virtual_disk_id;
    else
        status = guid_generate(&plan.metadata.virtual_disk_id);
    if (status)
        return status;
    complete_plan(&plan);
    return create_file(how->fs, path, &plan);
}

// True for what a child takes over besides what it says anyway ([MS-VHDX] 2.6.1.2, IsVirtualDisk).
static bool is_inherited(const struct vhdx_metadata_item *item)
{
    uint32_t size;
    bool known = !item->user && vhdx_metadata_known(&item->guid, &size) != 0;
    return (item->flags & VHDX_METADATA_IS_VIRTUAL_DISK) && !known;
}

static enum status plan_inherited_items(struct plan *plan)
{
    const struct vhdx_metadata *from = &plan->parent->metadata;
    struct vhdx_metadata *to = &plan->metadata;
    to->items = calloc(from->item_count, sizeof *to->items);
    if (!to->items)
        return status_no_memory("the metadata of a new VHDX file");
    for (size_t i = 0; i < from->item_count; i++)
        if (is_inherited(&from->items[i]))
            to->items[to->item_count++] = from->items[i];
    for (size_t i = 0; i < to->item_count; i++)
        to->items[i].flags &= VHDX_METADATA_FLAGS;
    return STATUS_OK;
}

static enum status plan_locator(struct plan *plan, const char *path, const struct vhd_info *parent)
{
    struct vhdx_locator locator;
    enum status status =
        vhdx_parent_locator_build(path, parent->path, &parent->identity.guid, &locator);
    if (status)
        return status;
    status = vhdx_locator_encode(&locator, &plan->locator, &plan->locator_size);
    vhdx_locator_free(&locator);
    return status;
}

static enum status create_child(const char *path, const struct vhd_info *parent,
                                struct vhd_image *parent_image, const struct vhd_create *how)
{
    struct plan plan = {.parent = vhdx_of(parent_image),
                        .metadata = {
                            .virtual_size = parent->virtual_size,
                            .block_size = how->block_size,
                            .has_parent = true,
                            .logical_sector_size = parent->logical_sector_size,
                            .physical_sector_size = parent->physical_sector_size,
                            .virtual_disk_id = parent->virtual_disk_id,
                        }};
    enum status status = plan_locator(&plan, path, parent);
    if (!status)
        status = plan_inherited_items(&plan);
    if (!status) {
        complete_plan(&plan);
        status = create_file(how->fs, path, &plan);
    } else {
        status = status_context("VHDX %s", path);
    }
    vhdx_metadata_free(&plan.metadata);
    free(plan.locator);
    return status;
}

enum status vhdx_create_child(const char *path, const struct vhd_info *parent,
                              const struct vhd_create *how)
{
    // The caller holds the parent; it is opened once more for the items that its info does not
    // tell.
    const struct file_open open = {.share = FILE_SHARE_DENY_WRITE};
    struct vhd_image *image;
    struct file *file;
    enum status status = vhdx_check_block_size(path, how->block_size);
    if (!status)
        status = how->fs->open(how->fs, parent->path, &open, &file);
    if (status)
        return status;
    status = vhdx_open(how->fs, file, false, &image);
    if (status) {
        file_close(file);
        return status;
    }
    status = create_child(path, parent, image, how);
    image->ops->abandon(image);
    return status;
}
