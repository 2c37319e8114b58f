#include "vhd/vhdx/metadata.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/endian.h"
#include "vhd/errors.h"
#include "vhd/vhd.h"

// Offsets of the fields of the table and of an entry.
#define SIGNATURE         0
#define ENTRY_COUNT       10
#define TABLE_HEADER_SIZE 32
#define ENTRY_GUID        0
#define ENTRY_OFFSET      16
#define ENTRY_LENGTH      20
#define ENTRY_FLAGS       VHDX_METADATA_FLAGS_OFFSET

#define SIGNATURE_TEXT "metadata"

#define PARAMETER_LEAVE_BLOCKS_ALLOCATED 1u
#define PARAMETER_HAS_PARENT             2u

static enum status damaged(const struct vhdx_view *view, const char *what)
{
    return status_fail(STATUS_DAMAGED, VHD_ERROR_METADATA_READ_FAILURE, "VHDX %s: metadata: %s.",
                       view->file->path, what);
}

bool vhdx_metadata_table_count(const uint8_t raw[VHDX_METADATA_TABLE_SIZE], uint32_t *count)
{
    *count = load_le16(raw + ENTRY_COUNT);
    return memcmp(raw + SIGNATURE, SIGNATURE_TEXT, 8) == 0 && *count <= VHDX_METADATA_ITEMS_MAX;
}

uint32_t vhdx_metadata_table_entry(const uint8_t raw[VHDX_METADATA_TABLE_SIZE], uint32_t index,
                                   struct vhdx_metadata_item *item)
{
    const uint8_t *entry = raw + vhdx_metadata_entry_offset(index);
    uint32_t flags = load_le32(entry + ENTRY_FLAGS);
    memcpy(&item->guid, entry + ENTRY_GUID, sizeof item->guid);
    item->offset = load_le32(entry + ENTRY_OFFSET);
    item->length = load_le32(entry + ENTRY_LENGTH);
    item->flags = flags;
    item->user = flags & VHDX_METADATA_IS_USER;
    item->index = index;
    return flags;
}

bool vhdx_metadata_item_is_placed(const struct vhdx_metadata_item *item, uint32_t region_length)
{
    if (item->length == 0)
        return item->offset == 0;
    return item->offset >= VHDX_METADATA_TABLE_SIZE &&
           item->length <= VHDX_METADATA_ITEM_SIZE_MAX &&
           range_fits(item->offset, item->length, region_length);
}

uint32_t vhdx_metadata_known(const struct guid *guid, uint32_t *size)
{
    const uint32_t of_disk = VHDX_METADATA_IS_VIRTUAL_DISK | VHDX_METADATA_IS_REQUIRED;
    const struct {
        const struct guid *guid;
        uint32_t flags;
        uint32_t size;
    } known[] = {
        {&vhdx_guid_file_parameters, VHDX_METADATA_IS_REQUIRED, 8},
        {&vhdx_guid_virtual_disk_size, of_disk, 8},
        {&vhdx_guid_virtual_disk_id, of_disk, sizeof(struct guid)},
        {&vhdx_guid_logical_sector_size, of_disk, 4},
        {&vhdx_guid_physical_sector_size, of_disk, 4},
        {&vhdx_guid_parent_locator, VHDX_METADATA_IS_REQUIRED, 0},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (guid_equal(guid, known[i].guid)) {
            *size = known[i].size;
            return known[i].flags;
        }
    }
    return 0;
}

static enum status check_required(const struct vhdx_view *view,
                                  const struct vhdx_metadata_item *item, uint32_t flags)
{
    if (!item->user && guid_equal(&item->guid, &vhdx_guid_incomplete_file)) {
        status_fail(STATUS_UNSUPPORTED, VHD_ERROR_INVALID_STATE,
                    "VHDX %s: the file is unfinished: whoever created or copied it did not end.",
                    view->file->path);
        return status_advise(0, "Create or copy the file again.");
    }
    uint32_t size;
    if (!(flags & VHDX_METADATA_IS_REQUIRED) ||
        (!item->user && vhdx_metadata_known(&item->guid, &size) != 0))
        return STATUS_OK;
    char text[GUID_TEXT_SIZE];
    return status_fail(STATUS_UNSUPPORTED, VHD_ERROR_FORMAT_UNSUPPORTED_VERSION,
                       "VHDX %s: metadata: the file needs an item that is not known here: %s.",
                       view->file->path, guid_format(&item->guid, text));
}

static enum status decode_entry(const struct vhdx_view *view, uint32_t region_length,
                                const uint8_t *raw, uint32_t index, struct vhdx_metadata_item *item)
{
    uint32_t flags = vhdx_metadata_table_entry(raw, index, item);
    if (!vhdx_metadata_item_is_placed(item, region_length))
        return status_fail(STATUS_DAMAGED, VHD_ERROR_METADATA_READ_FAILURE,
                           "VHDX %s: metadata: item %" PRIu32 " lies at %" PRIu32
                           ", length %" PRIu32 ", outside its region.",
                           view->file->path, index, item->offset, item->length);
    return check_required(view, item, flags);
}

int vhdx_metadata_by_guid(const void *a, const void *b)
{
    const struct vhdx_metadata_item *x = a, *y = b;
    int order = memcmp(&x->guid, &y->guid, sizeof x->guid);
    return order ? order : x->user - y->user;
}

int vhdx_metadata_by_offset(const void *a, const void *b)
{
    const struct vhdx_metadata_item *x = a, *y = b;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

// Leaves the items sorted by offset.
static enum status check_items(const struct vhdx_view *view, struct vhdx_metadata_item *items,
                               size_t count)
{
    qsort(items, count, sizeof *items, vhdx_metadata_by_guid);
    for (size_t i = 1; i < count; i++)
        if (vhdx_metadata_by_guid(&items[i - 1], &items[i]) == 0)
            return damaged(view, "two items have the same GUID");
    qsort(items, count, sizeof *items, vhdx_metadata_by_offset);
    for (size_t i = 1; i < count; i++)
        if (items[i - 1].length > 0 && items[i - 1].offset + items[i - 1].length > items[i].offset)
            return damaged(view, "two items overlap");
    return STATUS_OK;
}

static enum status read_table(const struct vhdx_view *view, const struct vhdx_region *region,
                              struct vhdx_metadata *metadata)
{
    uint8_t *raw = malloc(VHDX_METADATA_TABLE_SIZE);
    if (!raw)
        return status_no_memory("the metadata table of a VHDX file");
    enum status status = vhdx_view_read(view, region->offset, raw, VHDX_METADATA_TABLE_SIZE);
    if (status) {
        status_context("VHDX %s: metadata", view->file->path);
        goto out;
    }
    uint32_t count;
    if (!vhdx_metadata_table_count(raw, &count)) {
        status = damaged(view, "the table has a wrong signature or too many entries");
        goto out;
    }
    metadata->items = calloc(count ? count : 1, sizeof *metadata->items);
    if (!metadata->items) {
        status = status_no_memory("the metadata items of a VHDX file");
        goto out;
    }
    metadata->item_count = count;
    for (uint32_t i = 0; i < count && !status; i++)
        status = decode_entry(view, region->length, raw, i, &metadata->items[i]);
    if (!status)
        status = check_items(view, metadata->items, count);
out:
    free(raw);
    return status;
}

static enum status read_item(const struct vhdx_view *view, const struct vhdx_region *region,
                             const struct vhdx_metadata *metadata, const struct guid *guid,
                             const char *name, void *buffer, uint32_t size)
{
    const struct vhdx_metadata_item *item = vhdx_metadata_find(metadata, guid);
    if (!item || item->length < size)
        return status_fail(STATUS_DAMAGED, VHD_ERROR_METADATA_READ_FAILURE,
                           "VHDX %s: metadata: the item \"%s\" is missing or too short.",
                           view->file->path, name);
    return vhdx_view_read(view, region->offset + item->offset, buffer, size);
}

static enum status read_values(const struct vhdx_view *view, const struct vhdx_region *region,
                               struct vhdx_metadata *m)
{
    uint8_t parameters[8], size[8], logical[4], physical[4];
    enum status status = read_item(view, region, m, &vhdx_guid_file_parameters, "File Parameters",
                                   parameters, sizeof parameters);
    if (!status)
        status = read_item(view, region, m, &vhdx_guid_virtual_disk_size, "Virtual Disk Size", size,
                           sizeof size);
    if (!status)
        status = read_item(view, region, m, &vhdx_guid_virtual_disk_id, "Virtual Disk ID",
                           &m->virtual_disk_id, sizeof m->virtual_disk_id);
    if (!status)
        status = read_item(view, region, m, &vhdx_guid_logical_sector_size, "Logical Sector Size",
                           logical, sizeof logical);
    if (!status)
        status = read_item(view, region, m, &vhdx_guid_physical_sector_size, "Physical Sector Size",
                           physical, sizeof physical);
    if (status)
        return status;
    m->block_size = load_le32(parameters);
    m->has_parent = load_le32(parameters + 4) & PARAMETER_HAS_PARENT;
    // The other flag means nothing in a differencing disk.
    m->leave_blocks_allocated =
        !m->has_parent && load_le32(parameters + 4) & PARAMETER_LEAVE_BLOCKS_ALLOCATED;
    m->virtual_size = load_le64(size);
    m->logical_sector_size = load_le32(logical);
    m->physical_sector_size = load_le32(physical);
    return STATUS_OK;
}

static bool is_sector_size(uint32_t size)
{
    return size == 512 || size == 4096;
}

static enum status check_values(const struct vhdx_view *view, const struct vhdx_metadata *m)
{
    if (!is_power_of_two(m->block_size) || m->block_size < VHDX_BLOCK_SIZE_MIN ||
        m->block_size > VHDX_BLOCK_SIZE_MAX)
        return status_fail(STATUS_DAMAGED, VHD_ERROR_INVALID_BLOCK_SIZE,
                           "VHDX %s: metadata: the block size is %" PRIu32
                           "; it must be a power of two from 1 to 256 MiB.",
                           view->file->path, m->block_size);
    if (!is_sector_size(m->logical_sector_size) || !is_sector_size(m->physical_sector_size))
        return status_fail(STATUS_DAMAGED, VHD_ERROR_METADATA_READ_FAILURE,
                           "VHDX %s: metadata: the sector sizes are %" PRIu32
                           " (logical) and %" PRIu32 " (physical); they must be 512 or 4096.",
                           view->file->path, m->logical_sector_size, m->physical_sector_size);
    if (m->virtual_size == 0 || m->virtual_size > VHDX_SIZE_MAX ||
        !is_aligned(m->virtual_size, m->logical_sector_size))
        return status_fail(STATUS_DAMAGED, VHD_ERROR_INVALID_SIZE,
                           "VHDX %s: metadata: the virtual size is %" PRIu64
                           "; it must be a multiple of the sector size up to 64 TiB.",
                           view->file->path, m->virtual_size);
    if (m->has_parent && !vhdx_metadata_find(m, &vhdx_guid_parent_locator))
        return damaged(view, "a differencing disk without a parent locator");
    return STATUS_OK;
}

enum status vhdx_metadata_read(const struct vhdx_view *view, const struct vhdx_region *region,
                               struct vhdx_metadata *out)
{
    struct vhdx_metadata metadata = {0};
    enum status status = read_table(view, region, &metadata);
    if (!status)
        status = read_values(view, region, &metadata);
    if (!status)
        status = check_values(view, &metadata);
    if (status) {
        vhdx_metadata_free(&metadata);
        return status;
    }
    *out = metadata;
    return STATUS_OK;
}

void vhdx_metadata_free(struct vhdx_metadata *metadata)
{
    free(metadata->items);
    metadata->items = NULL;
    metadata->item_count = 0;
}

struct vhdx_metadata_item *vhdx_metadata_find_item(const struct vhdx_metadata *metadata,
                                                   const struct guid *guid, bool user)
{
    for (size_t i = 0; i < metadata->item_count; i++)
        if (metadata->items[i].user == user && guid_equal(&metadata->items[i].guid, guid))
            return &metadata->items[i];
    return NULL;
}

struct vhdx_metadata_item *vhdx_metadata_find(const struct vhdx_metadata *metadata,
                                              const struct guid *guid)
{
    return vhdx_metadata_find_item(metadata, guid, false);
}

uint32_t vhdx_metadata_entry_offset(uint32_t index)
{
    return TABLE_HEADER_SIZE + index * VHDX_METADATA_ENTRY_SIZE;
}

void vhdx_metadata_entry_move(uint8_t entry[VHDX_METADATA_ENTRY_SIZE], uint32_t offset,
                              uint32_t length)
{
    store_le32(entry + ENTRY_OFFSET, offset);
    store_le32(entry + ENTRY_LENGTH, length);
}

bool vhdx_metadata_table_append(uint8_t raw[VHDX_METADATA_TABLE_SIZE],
                                const struct vhdx_metadata_item *item)
{
    uint16_t count = load_le16(raw + ENTRY_COUNT);
    if (count >= VHDX_METADATA_ITEMS_MAX)
        return false;
    uint8_t *entry = raw + vhdx_metadata_entry_offset(count);
    memset(entry, 0, VHDX_METADATA_ENTRY_SIZE);
    memcpy(entry + ENTRY_GUID, &item->guid, sizeof item->guid);
    vhdx_metadata_entry_move(entry, item->offset, item->length);
    store_le32(entry + ENTRY_FLAGS, item->flags);
    store_le16(raw + ENTRY_COUNT, (uint16_t)(count + 1));
    return true;
}

void vhdx_metadata_table_remove(uint8_t raw[VHDX_METADATA_TABLE_SIZE], uint32_t index)
{
    uint16_t last = (uint16_t)(load_le16(raw + ENTRY_COUNT) - 1);
    uint8_t *entry = raw + vhdx_metadata_entry_offset(last);
    memmove(raw + vhdx_metadata_entry_offset(index), entry, VHDX_METADATA_ENTRY_SIZE);
    memset(entry, 0, VHDX_METADATA_ENTRY_SIZE);
    store_le16(raw + ENTRY_COUNT, last);
}

// Appends one item of the format to a region under construction, which has room for it.
static void add_item(uint8_t *raw, uint32_t *end, const struct guid *guid, uint32_t flags,
                     const void *data, uint32_t length)
{
    const struct vhdx_metadata_item item = {
        .guid = *guid, .offset = *end, .length = length, .flags = flags};
    if (vhdx_metadata_table_append(raw, &item))
        memcpy(raw + *end, data, length);
    *end += length;
}

// The entries of items whose contents the caller writes.
static enum status add_further_items(uint8_t *raw, uint32_t end, const struct vhdx_metadata *m)
{
    for (size_t i = 0; i < m->item_count; i++) {
        struct vhdx_metadata_item item = m->items[i];
        end = (uint32_t)align_up(end, VHDX_METADATA_ITEM_ALIGNMENT);
        item.offset = item.length ? end : 0;
        if (!range_fits(end, item.length, VHDX_METADATA_REGION_MAX) ||
            !vhdx_metadata_table_append(raw, &item))
            return status_fail(STATUS_UNSUPPORTED, VHD_ERROR_METADATA_FULL,
                               "The metadata of the parent disk is too much for a child.");
        end += item.length;
    }
    return STATUS_OK;
}

enum status vhdx_metadata_encode(const struct vhdx_metadata *m, const uint8_t *locator,
                                 size_t locator_size, uint8_t **raw, size_t *size)
{
    if (locator_size > VHDX_METADATA_ITEM_SIZE_MAX / 2)
        return status_fail(STATUS_INVALID_ARGUMENT, VHD_ERROR_METADATA_WRITE_FAILURE,
                           "The paths of the parent disk are too long for a parent locator.");
    size_t capacity = (size_t)align_up(
        VHDX_METADATA_TABLE_SIZE + VHDX_METADATA_FIXED_ITEMS_SIZE + locator_size, VHDX_PAGE_SIZE);
    uint8_t *region = calloc(1, capacity);
    if (!region)
        return status_no_memory("the metadata of a new VHDX file");
    memcpy(region + SIGNATURE, SIGNATURE_TEXT, 8);

    uint8_t parameters[8], virtual_size[8], logical[4], physical[4];
    store_le32(parameters, m->block_size);
    store_le32(parameters + 4, (m->leave_blocks_allocated ? PARAMETER_LEAVE_BLOCKS_ALLOCATED : 0) |
                                   (m->has_parent ? PARAMETER_HAS_PARENT : 0));
    store_le64(virtual_size, m->virtual_size);
    store_le32(logical, m->logical_sector_size);
    store_le32(physical, m->physical_sector_size);

    uint32_t end = VHDX_METADATA_TABLE_SIZE;
    uint32_t of_disk = VHDX_METADATA_IS_VIRTUAL_DISK | VHDX_METADATA_IS_REQUIRED;
    add_item(region, &end, &vhdx_guid_file_parameters, VHDX_METADATA_IS_REQUIRED, parameters, 8);
    add_item(region, &end, &vhdx_guid_virtual_disk_size, of_disk, virtual_size, 8);
    add_item(region, &end, &vhdx_guid_logical_sector_size, of_disk, logical, 4);
    add_item(region, &end, &vhdx_guid_physical_sector_size, of_disk, physical, 4);
    add_item(region, &end, &vhdx_guid_virtual_disk_id, of_disk, &m->virtual_disk_id, 16);
    if (locator)
        add_item(region, &end, &vhdx_guid_parent_locator, VHDX_METADATA_IS_REQUIRED, locator,
                 (uint32_t)locator_size);
    enum status status = add_further_items(region, end, m);
    if (status) {
        free(region);
        return status;
    }
    *raw = region;
    *size = capacity;
    return STATUS_OK;
}
