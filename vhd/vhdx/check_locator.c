// The parent locator ([MS-VHDX] 2.6.2.6): its shape, and what it says without the parent. Whether
// the parent fits is checked by vhd/check.c.
#include <inttypes.h>
#include <stdlib.h>

#include "vhd/vhdx/check.h"

bool vhdx_is_merge_begun(struct vhd_image *image, const struct vhd_info *parent,
                         bool *parent_changed)
{
    struct guid linkage2;
    if (image->ops != &vhdx_ops ||
        !vhdx_locator_find_guid(&vhdx_of(image)->locator, VHDX_KEY_LINKAGE2, &linkage2))
        return false;
    *parent_changed = guid_equal(&linkage2, &parent->identity.guid);
    return !guid_is_zero(&linkage2) && image->ops->matches_parent(image, parent);
}

static enum status read_locator(struct vhdx_check *c, const struct vhdx_metadata_item *item)
{
    uint8_t *raw = malloc(item->length ? item->length : 1);
    if (!raw)
        return status_no_memory("the parent locator of a VHDX file");
    enum status status =
        vhdx_check_read(c, c->x.regions.metadata.offset + item->offset, raw, item->length);
    if (!status && !c->stuck)
        status = vhdx_locator_decode(raw, item->length, &c->x.locator);
    free(raw);
    return status;
}

static void check_linkages(struct vhdx_check *c)
{
    const struct vhdx_locator *locator = &c->x.locator;
    struct guid linkage;
    if (!vhdx_locator_find_guid(locator, VHDX_KEY_LINKAGE, &linkage))
        VHDX_DAMAGE(c, "locator-linkage",
                    "parent locator: " VHDX_KEY_LINKAGE
                    " is missing or not a GUID, so no parent fits.");
    const char *text = vhdx_locator_find(locator, VHDX_KEY_LINKAGE2);
    if (!text)
        return;
    if (!vhdx_locator_find_guid(locator, VHDX_KEY_LINKAGE2, &linkage))
        VHDX_DAMAGE(c, "locator-linkage",
                    "parent locator: " VHDX_KEY_LINKAGE2 " is not a GUID: %.100s.", text);
    else if (!guid_is_zero(&linkage))
        VHDX_NOTE(c, "merge-begun",
                  "a merge of this disk into its parent was begun and not finished. Run: vrepdisk "
                  "merge %s",
                  c->checker->path);
}

static void check_paths(struct vhdx_check *c)
{
    static const char *const keys[] = {VHDX_KEY_RELATIVE_PATH, VHDX_KEY_VOLUME_PATH,
                                       VHDX_KEY_ABSOLUTE_PATH};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (vhdx_locator_find(&c->x.locator, keys[i]))
            return;
    VHDX_DAMAGE(c, "locator-path",
                "parent locator: it has no path, so the parent cannot be found.");
}

enum status vhdx_check_locator(struct vhdx_check *c)
{
    const struct vhdx_metadata_item *item =
        vhdx_metadata_find(&c->x.metadata, &vhdx_guid_parent_locator);
    if (!c->x.metadata.has_parent) {
        if (item)
            VHDX_NOTE(c, "locator-unused",
                      "metadata: there is a parent locator, but the disk has no parent.");
        return STATUS_OK;
    }
    enum status status = read_locator(c, item);
    if (status == STATUS_DAMAGED || status == STATUS_UNSUPPORTED) {
        VHDX_DAMAGE(c, status == STATUS_DAMAGED ? "locator-malformed" : "locator-type", "%s",
                    status_last()->message);
        return STATUS_OK;
    }
    if (status || c->stuck)
        return status;
    check_linkages(c);
    check_paths(c);
    return STATUS_OK;
}
