// Changing what a guest sees of the disk's identity ([MS-VHDX] 2.6.2.3, 2.6.2.5).
#include "base/endian.h"
#include "vhd/errors.h"
#include "vhd/vhdx/metadata_write.h"

enum status vhdx_check_identity(const char *path, const struct vhd_set_identity *how)
{
    uint32_t size = how->physical_sector_size;
    if (size == 0 || size == 512 || size == 4096)
        return STATUS_OK;
    return status_fail(STATUS_INVALID_ARGUMENT, VHD_ERROR_INVALID_SIZE,
                       "VHDX %s: physical sectors of %u bytes are not possible; they must be 512 "
                       "or 4096.",
                       path, size);
}

enum status vhdx_set_identity(struct vhd_image *image, const struct vhd_set_identity *how)
{
    struct vhdx *x = vhdx_of(image);
    const uint32_t flags = VHDX_METADATA_IS_VIRTUAL_DISK | VHDX_METADATA_IS_REQUIRED;
    struct vhdx_item_change changes[2];
    uint8_t sector_size[4];
    size_t count = 0;
    enum status status = vhdx_check_identity(x->image.file->path, how);
    if (status)
        return status;
    if (how->virtual_disk_id && !guid_equal(how->virtual_disk_id, &x->metadata.virtual_disk_id))
        changes[count++] = (struct vhdx_item_change){.guid = vhdx_guid_virtual_disk_id,
                                                     .flags = flags,
                                                     .length = sizeof *how->virtual_disk_id,
                                                     .data = how->virtual_disk_id};
    if (how->physical_sector_size &&
        how->physical_sector_size != x->metadata.physical_sector_size) {
        store_le32(sector_size, how->physical_sector_size);
        changes[count++] = (struct vhdx_item_change){.guid = vhdx_guid_physical_sector_size,
                                                     .flags = flags,
                                                     .length = sizeof sector_size,
                                                     .data = sector_size};
    }
    if (count == 0)
        return STATUS_OK;
    status = vhdx_begin_change(x, true);
    return status ? status : vhdx_metadata_change(x, changes, count);
}
