// The map that tapdisk (Xen) puts behind the table of its disks: one bit a block, set when all bits
// of the block's bitmap are. Only tapdisk reads it, and it does without one.
#include <string.h>

#include "base/checked.h"
#include "base/endian.h"
#include "vhd/vhd1/vhd1.h"

enum { BATMAP_OFFSET = 8, BATMAP_SECTORS = 16 };

#define BATMAP_COOKIE      "tdbatmap"
#define BATMAP_COOKIE_SIZE 8

enum status vhd1_batmap_find(struct file *file, uint64_t file_size,
                             const struct vhd1_footer *footer, const struct vhd1_header *header,
                             struct vhd1_batmap *batmap)
{
    uint8_t raw[VHD1_SECTOR];
    *batmap = (struct vhd1_batmap){
        .header_at = header->table_offset +
                     align_up((uint64_t)header->max_entries * sizeof(uint32_t), VHD1_SECTOR)};
    if (!vhd1_footer_is_tapdisk(footer) || !range_fits(batmap->header_at, sizeof raw, file_size))
        return STATUS_OK;
    enum status status = file_read(file, batmap->header_at, raw, sizeof raw);
    if (status != STATUS_OK || memcmp(raw, BATMAP_COOKIE, BATMAP_COOKIE_SIZE) != 0)
        return status;
    batmap->present = true;
    batmap->at = load_be64(raw + BATMAP_OFFSET);
    batmap->size = (uint64_t)load_be32(raw + BATMAP_SECTORS) * VHD1_SECTOR;
    return STATUS_OK;
}

enum status vhd1_batmap_drop(struct vhd1 *disk)
{
    static const uint8_t nothing[VHD1_SECTOR];
    struct vhd1_batmap batmap;
    struct file *file = disk->image.file;
    enum status status =
        vhd1_batmap_find(file, disk->footer_at, &disk->footer, &disk->header, &batmap);
    if (status != STATUS_OK || !batmap.present)
        return status;
    status = file_write(file, batmap.header_at, nothing, sizeof nothing);
    return status == STATUS_OK ? file_flush(file) : status;
}
