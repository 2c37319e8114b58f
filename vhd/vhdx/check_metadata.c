// The metadata region: its table, the places of the items, and what they say ([MS-VHDX] 2.6).
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/endian.h"
#include "vhd/errors.h"
#include "vhd/vhdx/check.h"

// The limit of Windows' driver for items of programs.
#define USER_ITEMS_MAX 1024

// After the flags of a table entry come four reserved bytes.
#define RESERVED_OFFSET (VHDX_METADATA_FLAGS_OFFSET + 4)

// In the item File Parameters, after the block size.
#define PARAMETERS_OFFSET    4
#define PARAMETERS_KNOWN     3u
#define PARAMETER_HAS_PARENT 2u

struct table {
    uint8_t raw[VHDX_METADATA_TABLE_SIZE];
    struct vhdx_metadata_item items[VHDX_METADATA_ITEMS_MAX];
    uint32_t count;
};

// The flags that an entry should have.
static uint32_t right_flags(const struct vhdx_metadata_item *item, uint32_t flags)
{
    uint32_t size;
    uint32_t known = item->user ? 0 : vhdx_metadata_known(&item->guid, &size);
    return known ? known : flags & VHDX_METADATA_FLAGS;
}

static void check_need(struct vhdx_check *c, const struct vhdx_metadata_item *item, uint32_t flags)
{
    char text[GUID_TEXT_SIZE];
    uint32_t size;
    bool known = !item->user && vhdx_metadata_known(&item->guid, &size) != 0;
    if (!item->user && guid_equal(&item->guid, &vhdx_guid_incomplete_file))
        VHDX_DAMAGE(c, "metadata-unfinished",
                    "metadata: the file is unfinished: whoever created or copied it did not end.");
    else if (flags & VHDX_METADATA_IS_REQUIRED && !known)
        VHDX_DAMAGE(c, "metadata-item-unknown-required",
                    "metadata: the file needs an item that is not known here: %s.",
                    guid_format(&item->guid, text));
    else if (known && item->length < size)
        VHDX_DAMAGE(c, "metadata-item-short",
                    "metadata: item %" PRIu32 " (%s) has %" PRIu32 " bytes instead of %" PRIu32 ".",
                    item->index, guid_format(&item->guid, text), item->length, size);
}

static void check_entry(struct vhdx_check *c, const struct table *table, uint32_t index)
{
    const struct vhdx_metadata_item *item = &table->items[index];
    const uint8_t *entry = table->raw + vhdx_metadata_entry_offset(index);
    uint32_t flags = load_le32(entry + VHDX_METADATA_FLAGS_OFFSET);
    if (!vhdx_metadata_item_is_placed(item, c->x.regions.metadata.length))
        VHDX_DAMAGE(c, "metadata-item-misplaced",
                    "metadata: item %" PRIu32 " lies at %" PRIu32 ", length %" PRIu32
                    ", where none can be.",
                    index, item->offset, item->length);
    check_need(c, item, flags);
    bool reserved = (flags & ~VHDX_METADATA_FLAGS) != 0 || load_le32(entry + RESERVED_OFFSET) != 0;
    if (!reserved && right_flags(item, flags) == flags)
        return;
    c->metadata_flags = true;
    if (reserved)
        VHDX_MENDABLE(c, "metadata-reserved",
                      "metadata: item %" PRIu32 " has reserved bits that are not zero.", index);
    else
        VHDX_MENDABLE(c, "metadata-item-flags",
                      "metadata: item %" PRIu32 " has the flags %" PRIu32
                      "; the format gives it %" PRIu32 ".",
                      index, flags, right_flags(item, flags));
}

static void check_against_others(struct vhdx_check *c, struct table *table)
{
    struct vhdx_metadata_item *items = table->items;
    qsort(items, table->count, sizeof *items, vhdx_metadata_by_guid);
    for (uint32_t i = 1; i < table->count; i++)
        if (vhdx_metadata_by_guid(&items[i - 1], &items[i]) == 0)
            VHDX_DAMAGE(c, "metadata-item-duplicate",
                        "metadata: items %" PRIu32 " and %" PRIu32 " have the same GUID.",
                        items[i - 1].index, items[i].index);
    qsort(items, table->count, sizeof *items, vhdx_metadata_by_offset);
    uint64_t end = 0;
    for (uint32_t i = 0; i < table->count; i++) {
        if (items[i].length > 0 && items[i].offset < end)
            VHDX_DAMAGE(c, "metadata-item-overlap",
                        "metadata: item %" PRIu32 " lies on another one.", items[i].index);
        end = max_u64(end, (uint64_t)items[i].offset + items[i].length);
    }
}

static const struct vhdx_metadata_item *find(const struct table *table, const struct guid *guid)
{
    for (uint32_t i = 0; i < table->count; i++)
        if (!table->items[i].user && guid_equal(&table->items[i].guid, guid))
            return &table->items[i];
    return NULL;
}

static void check_presence(struct vhdx_check *c, const struct table *table)
{
    const struct {
        const struct guid *guid;
        const char *name;
    } needed[] = {
        {&vhdx_guid_file_parameters, "File Parameters"},
        {&vhdx_guid_virtual_disk_size, "Virtual Disk Size"},
        {&vhdx_guid_virtual_disk_id, "Virtual Disk ID"},
        {&vhdx_guid_logical_sector_size, "Logical Sector Size"},
        {&vhdx_guid_physical_sector_size, "Physical Sector Size"},
    };
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (!find(table, needed[i].guid))
            VHDX_DAMAGE(c, "metadata-item-missing", "metadata: the item \"%s\" is missing.",
                        needed[i].name);
    unsigned user_items = 0;
    for (uint32_t i = 0; i < table->count; i++)
        user_items += table->items[i].user;
    if (user_items > USER_ITEMS_MAX)
        VHDX_NOTE(c, "metadata-user-items", "metadata: %u items of programs; Windows takes %d.",
                  user_items, USER_ITEMS_MAX);
}

// Flags of the file, and what they need.
static enum status check_parameters(struct vhdx_check *c, const struct table *table)
{
    const struct vhdx_metadata_item *item = find(table, &vhdx_guid_file_parameters);
    uint8_t raw[PARAMETERS_OFFSET + 4];
    enum status status =
        vhdx_check_read(c, c->x.regions.metadata.offset + item->offset, raw, sizeof raw);
    if (status || c->stuck)
        return status;
    uint32_t flags = load_le32(raw + PARAMETERS_OFFSET);
    if (flags & PARAMETER_HAS_PARENT && !find(table, &vhdx_guid_parent_locator)) {
        VHDX_DAMAGE(c, "locator-missing",
                    "metadata: the disk has a parent, but no parent locator names it.");
        c->stuck = true;
    }
    if (flags & ~PARAMETERS_KNOWN) {
        c->metadata_flags = true;
        VHDX_MENDABLE(c, "metadata-parameters-reserved",
                      "metadata: File Parameters have reserved bits that are not zero.");
    }
    return STATUS_OK;
}

// What the items say. All of them are there and in their places.
static enum status check_values(struct vhdx_check *c)
{
    enum status status = vhdx_metadata_read(&c->x.view, &c->x.regions.metadata, &c->x.metadata);
    if (status != STATUS_DAMAGED && status != STATUS_UNSUPPORTED)
        return status;
    const struct status_details *failure = status_last();
    const char *name = "metadata-sector-size";
    if (failure->os_code == VHD_ERROR_INVALID_BLOCK_SIZE)
        name = "metadata-block-size";
    else if (failure->os_code == VHD_ERROR_INVALID_SIZE)
        name = "metadata-virtual-size";
    vhd_checker_report(c->checker, VHD_PROBLEM_DAMAGE, name, false, "%s", failure->message);
    c->stuck = true;
    return STATUS_OK;
}

static enum status read_table(struct vhdx_check *c, struct table *table)
{
    enum status status =
        vhdx_check_read(c, c->x.regions.metadata.offset, table->raw, VHDX_METADATA_TABLE_SIZE);
    if (status || c->stuck)
        return status;
    if (!vhdx_metadata_table_count(table->raw, &table->count)) {
        VHDX_DAMAGE(c, "metadata-table",
                    "metadata: the table has a wrong signature or too many entries.");
        c->stuck = true;
        return STATUS_OK;
    }
    for (uint32_t i = 0; i < table->count; i++)
        vhdx_metadata_table_entry(table->raw, i, &table->items[i]);
    return STATUS_OK;
}

enum status vhdx_check_metadata(struct vhdx_check *c)
{
    struct table *table = calloc(1, sizeof *table);
    if (!table)
        return status_no_memory("the metadata table of a VHDX file");
    uint64_t before = vhd_checker_count(c->checker, VHD_PROBLEM_DAMAGE);
    enum status status = read_table(c, table);
    if (!status && !c->stuck) {
        for (uint32_t i = 0; i < table->count; i++)
            check_entry(c, table, i);
        check_against_others(c, table);
        check_presence(c, table);
        c->stuck = vhd_checker_count(c->checker, VHD_PROBLEM_DAMAGE) > before;
    }
    if (!status && !c->stuck)
        status = check_parameters(c, table);
    free(table);
    return status || c->stuck ? status : check_values(c);
}

static enum status mend_entry(struct vhdx_check *c, const struct vhdx_metadata_item *item)
{
    uint8_t raw[8]; // flags and the reserved bytes after them
    uint64_t at = c->x.regions.metadata.offset + vhdx_metadata_entry_offset(item->index) +
                  VHDX_METADATA_FLAGS_OFFSET;
    enum status status = vhdx_pages_read(&c->x.pages, at, raw, sizeof raw);
    if (status)
        return status;
    uint32_t flags = load_le32(raw);
    uint32_t right = right_flags(item, flags);
    if (flags == right && load_le32(raw + 4) == 0)
        return STATUS_OK;
    store_le32(raw, right);
    store_le32(raw + 4, 0);
    return vhdx_pages_put(&c->x.pages, at, raw, sizeof raw);
}

static enum status mend_parameters(struct vhdx_check *c)
{
    const struct vhdx_metadata_item *item =
        vhdx_metadata_find(&c->x.metadata, &vhdx_guid_file_parameters);
    uint64_t at = c->x.regions.metadata.offset + item->offset + PARAMETERS_OFFSET;
    uint8_t raw[4];
    enum status status = vhdx_pages_read(&c->x.pages, at, raw, sizeof raw);
    if (status)
        return status;
    store_le32(raw, load_le32(raw) & PARAMETERS_KNOWN);
    return vhdx_pages_put(&c->x.pages, at, raw, sizeof raw);
}

enum status vhdx_mend_metadata(struct vhdx_check *c)
{
    if (!c->metadata_flags)
        return STATUS_OK;
    enum status status = mend_parameters(c);
    for (size_t i = 0; i < c->x.metadata.item_count && !status; i++)
        status = mend_entry(c, &c->x.metadata.items[i]);
    return status;
}
