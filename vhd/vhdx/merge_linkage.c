// What a merge changes in the two files besides data ([MS-VHDX] 2.2.2, note 12, 2.6.2): the child's
// two linkages, the parent's next DataWriteGuid, and the items that belong to the disk and not to
// the file.
#include <stdlib.h>
#include <string.h>

#include "base/endian.h"
#include "vhd/errors.h"
#include "vhd/vhdx/image.h"

// Puts a new value in the place of a metadata item, elsewhere in the region if it has become
// longer.
static enum status replace_item(struct vhdx *x, const struct guid *guid, const uint8_t *data,
                                uint32_t size)
{
    const struct vhdx_region *region = &x->regions.metadata;
    struct vhdx_metadata_item *item = vhdx_metadata_find(&x->metadata, guid);
    uint32_t offset;
    if (!vhdx_metadata_place(&x->metadata, item, size, region->length, &offset))
        return status_fail(STATUS_UNSUPPORTED, VHD_ERROR_METADATA_WRITE_FAILURE,
                           "VHDX %s: metadata: there is no room for %u bytes more.",
                           x->image.file->path, size);
    uint64_t entry_at = region->offset + vhdx_metadata_entry_offset(item->index);
    uint8_t entry[VHDX_METADATA_ENTRY_SIZE];
    enum status status = vhdx_pages_read(&x->pages, entry_at, entry, sizeof entry);
    if (status)
        return status;
    vhdx_metadata_entry_move(entry, offset, size);
    status = vhdx_pages_put(&x->pages, entry_at, entry, sizeof entry);
    if (!status)
        status = vhdx_pages_put(&x->pages, region->offset + offset, data, size);
    if (!status) {
        item->offset = offset;
        item->length = size;
    }
    return status;
}

static enum status write_locator(struct vhdx *x)
{
    uint8_t *raw;
    size_t size;
    enum status status = vhdx_locator_encode(&x->locator, &raw, &size);
    if (status)
        return status;
    status = replace_item(x, &vhdx_guid_parent_locator, raw, (uint32_t)size);
    free(raw);
    return status;
}

// What was changed before is committed on its own, so that all of the locator is in one entry of
// the log.
static enum status set_merge_linkage(struct vhdx *x, const struct guid *parent_now,
                                     const struct guid *parent_next)
{
    enum status status = vhdx_begin_change(x, false);
    if (!status)
        status = vhdx_commit(x);
    if (!status)
        status = vhdx_locator_set_guid(&x->locator, VHDX_KEY_LINKAGE, parent_now);
    if (!status)
        status = vhdx_locator_set_guid(&x->locator, VHDX_KEY_LINKAGE2, parent_next);
    if (!status)
        status = write_locator(x);
    if (!status && x->pages.dirty_count > vhdx_log_writer_capacity(&x->log))
        status = status_fail(STATUS_UNSUPPORTED, VHD_ERROR_METADATA_WRITE_FAILURE,
                             "VHDX %s: the parent locator is too long for one entry of the log.",
                             x->image.file->path);
    return status ? status : vhdx_commit(x);
}

// The child's linkages are stable before the parent takes the new value with its first change.
enum status vhdx_begin_merge(struct vhd_image *child, struct vhd_image *parent)
{
    struct vhdx *to = vhdx_of(parent);
    struct guid next;
    enum status status = guid_generate(&next);
    if (!status)
        status = set_merge_linkage(vhdx_of(child), &to->headers.current.data_write_guid, &next);
    if (status)
        child->poisoned = true;
    else
        to->data_write_guid = next;
    return status;
}

static enum status adopt(struct vhdx *to, const struct vhdx *from)
{
    uint8_t sector_size[4];
    store_le32(sector_size, from->metadata.physical_sector_size);
    enum status status = vhdx_begin_change(to, true);
    if (!status)
        status = replace_item(to, &vhdx_guid_virtual_disk_id, from->metadata.virtual_disk_id.bytes,
                              sizeof from->metadata.virtual_disk_id);
    if (!status)
        status = replace_item(to, &vhdx_guid_physical_sector_size, sector_size, sizeof sector_size);
    if (!status) {
        to->metadata.virtual_disk_id = from->metadata.virtual_disk_id;
        to->metadata.physical_sector_size = from->metadata.physical_sector_size;
    }
    return status;
}

enum status vhdx_finish_merge(struct vhd_image *child, struct vhd_image *parent)
{
    struct vhdx *to = vhdx_of(parent);
    const struct vhdx *from = vhdx_of(child);
    if (guid_equal(&to->metadata.virtual_disk_id, &from->metadata.virtual_disk_id) &&
        to->metadata.physical_sector_size == from->metadata.physical_sector_size)
        return STATUS_OK;
    enum status status = adopt(to, from);
    if (status)
        parent->poisoned = true;
    return status;
}
