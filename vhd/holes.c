#include "vhd/holes.h"

#include "base/checked.h"

enum status vhd_file_extent(struct file *file, struct vhd_known_data *known, uint64_t at,
                            enum file_extent_kind *kind, uint64_t *length)
{
    if (at >= known->start && at < known->end) {
        *kind = FILE_EXTENT_DATA;
        *length = known->end - at;
        return STATUS_OK;
    }
    enum status status = file->ops->extent(file, at, kind, length);
    if (status == STATUS_OK && *kind == FILE_EXTENT_DATA)
        *known = (struct vhd_known_data){.start = at, .end = at + *length};
    return status;
}

enum status vhd_refine_by_holes(struct file *file, struct vhd_known_data *known, uint64_t at,
                                uint32_t sector_size, struct vhd_extent *extent)
{
    enum file_extent_kind kind;
    uint64_t length;
    enum status status = vhd_file_extent(file, known, at, &kind, &length);
    if (status != STATUS_OK)
        return status;
    bool hole = kind == FILE_EXTENT_HOLE && length >= sector_size;
    extent->kind = hole ? VHD_EXTENT_ZERO : VHD_EXTENT_DATA;
    if (length < extent->length)
        extent->length = hole ? align_down(length, sector_size) : align_up(length, sector_size);
    return STATUS_OK;
}
