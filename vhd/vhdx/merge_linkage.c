// What a merge changes in the two files besides data ([MS-VHDX] 2.2.2, note 12, 2.6.2): the child's
// two linkages, the parent's next DataWriteGuid, and the items that belong to the disk and not to
// the file.
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "vhd/vhdx/metadata_write.h"

#define COMPARE_SIZE 4096

enum status vhdx_write_locator(struct vhdx *x)
{
    uint8_t *raw;
    size_t size;
    enum status status = vhdx_locator_encode(&x->locator, &raw, &size);
    if (status)
        return status;
    const struct vhdx_item_change change = {.guid = vhdx_guid_parent_locator,
                                            .flags = VHDX_METADATA_IS_REQUIRED,
                                            .length = (uint32_t)size,
                                            .data = raw};
    status = vhdx_metadata_change(x, &change, 1);
    free(raw);
    return status;
}

static enum status set_merge_linkage(struct vhdx *x, const struct guid *parent_now,
                                     const struct guid *parent_next)
{
    enum status status = vhdx_begin_change(x, false);
    if (!status)
        status = vhdx_locator_set_guid(&x->locator, VHDX_KEY_LINKAGE, parent_now);
    if (!status)
        status = vhdx_locator_set_guid(&x->locator, VHDX_KEY_LINKAGE2, parent_next);
    return status ? status : vhdx_write_locator(x);
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

// True for items that say something of the virtual disk, except those that a merge cannot change:
// the sizes of the disk and of its sectors are what the blocks are laid out by. Items of the format
// are told by what they are: their flags may be wrong.
static bool goes_to_parent(const struct vhdx_metadata_item *item)
{
    uint32_t size;
    if (item->user || vhdx_metadata_known(&item->guid, &size) == 0)
        return item->flags & VHDX_METADATA_IS_VIRTUAL_DISK;
    return guid_equal(&item->guid, &vhdx_guid_virtual_disk_id) ||
           guid_equal(&item->guid, &vhdx_guid_physical_sector_size);
}

static uint64_t contents_of(const struct vhdx *x, const struct vhdx_metadata_item *item)
{
    return x->regions.metadata.offset + item->offset;
}

static enum status have_equal_contents(const struct vhdx *a, const struct vhdx_metadata_item *in_a,
                                       const struct vhdx *b, const struct vhdx_metadata_item *in_b,
                                       bool *equal)
{
    enum status status = STATUS_OK;
    *equal = in_a->length == in_b->length;
    for (uint32_t done = 0; done < in_a->length && *equal && !status; done += COMPARE_SIZE) {
        uint8_t left[COMPARE_SIZE], right[COMPARE_SIZE];
        size_t size = (size_t)min_u64(COMPARE_SIZE, in_a->length - done);
        status = vhdx_view_read(&a->view, contents_of(a, in_a) + done, left, size);
        if (!status)
            status = vhdx_view_read(&b->view, contents_of(b, in_b) + done, right, size);
        *equal = memcmp(left, right, size) == 0;
    }
    return status;
}

// What makes the parent's items of the virtual disk those of the child.
static enum status list_changes(const struct vhdx *child, const struct vhdx *parent,
                                struct vhdx_item_change *changes, size_t *count)
{
    for (size_t i = 0; i < parent->metadata.item_count; i++) {
        const struct vhdx_metadata_item *old = &parent->metadata.items[i];
        if (goes_to_parent(old) &&
            !vhdx_metadata_find_item(&child->metadata, &old->guid, old->user))
            changes[(*count)++] =
                (struct vhdx_item_change){.guid = old->guid, .user = old->user, .remove = true};
    }
    for (size_t i = 0; i < child->metadata.item_count; i++) {
        const struct vhdx_metadata_item *item = &child->metadata.items[i];
        const struct vhdx_metadata_item *old =
            vhdx_metadata_find_item(&parent->metadata, &item->guid, item->user);
        bool equal = false;
        if (!goes_to_parent(item))
            continue;
        if (old) {
            enum status status = have_equal_contents(child, item, parent, old, &equal);
            if (status)
                return status;
        }
        if (!equal)
            changes[(*count)++] =
                (struct vhdx_item_change){.guid = item->guid,
                                          .user = item->user,
                                          .flags = item->flags & VHDX_METADATA_FLAGS,
                                          .length = item->length,
                                          .from = &child->view,
                                          .from_offset = contents_of(child, item)};
    }
    return STATUS_OK;
}

static enum status finish_merge(const struct vhdx *child, struct vhdx *parent)
{
    size_t most = child->metadata.item_count + parent->metadata.item_count, count = 0;
    struct vhdx_item_change *changes = calloc(most, sizeof *changes);
    if (!changes)
        return status_no_memory("the metadata of a merged disk");
    enum status status = list_changes(child, parent, changes, &count);
    if (!status && count > 0)
        status = vhdx_begin_change(parent, true);
    if (!status && count > 0)
        status = vhdx_metadata_change(parent, changes, count);
    free(changes);
    return status;
}

enum status vhdx_finish_merge(struct vhd_image *child, struct vhd_image *parent)
{
    enum status status = finish_merge(vhdx_of(child), vhdx_of(parent));
    if (status)
        parent->poisoned = true;
    return status;
}
