// create, child and convert.
#include <stdlib.h>

#include "base/bytes.h"
#include "base/checked.h"
#include "base/os.h"
#include "vhd/tool/tool.h"

// Zeros of at least this size, aligned to it, are left out of a converted disk.
#define ZERO_GRAIN 65536u

static enum status describe_disk(const struct arguments *a, const char *path,
                                 struct vhd_create *how)
{
    enum status status = arguments_format(a, path, &how->format);
    if (status == STATUS_OK)
        status = arguments_type(a, &how->type);
    if (status == STATUS_OK)
        status = arguments_size32(a, OPTION_BLOCK_SIZE, 0, &how->block_size);
    return status;
}

enum status verb_create(const struct arguments *a, int *exit_code)
{
    (void)exit_code;
    struct vhd_create how = {0};
    enum status status = describe_disk(a, a->files[0], &how);
    if (status == STATUS_OK)
        status = arguments_size(a, OPTION_SIZE, 0, &how.virtual_size);
    if (status == STATUS_OK)
        status = arguments_size32(a, OPTION_LOGICAL_SECTOR, 0, &how.logical_sector_size);
    if (status == STATUS_OK)
        status = arguments_size32(a, OPTION_PHYSICAL_SECTOR, 0, &how.physical_sector_size);
    return status == STATUS_OK ? vhd_create(a->files[0], &how) : status;
}

enum status verb_child(const struct arguments *a, int *exit_code)
{
    (void)exit_code;
    struct vhd_create how = {.type = VHD_TYPE_DIFFERENCING,
                             .parent_path = a->values[OPTION_PARENT]};
    enum status status = arguments_size32(a, OPTION_BLOCK_SIZE, 0, &how.block_size);
    return status == STATUS_OK ? vhd_create(a->files[0], &how) : status;
}

// Writes what is not zero; the new disk reads as zeros already.
static enum status write_nonzero(struct vhd *to, uint64_t offset, const uint8_t *data, size_t size)
{
    for (size_t at = 0; at < size;) {
        size_t end = at;
        while (end < size && !bytes_are_zero(data + end, (size_t)min_u64(ZERO_GRAIN, size - end)))
            end += (size_t)min_u64(ZERO_GRAIN, size - end);
        if (end > at) {
            enum status status = vhd_write(to, offset + at, data + at, end - at);
            if (status != STATUS_OK)
                return status;
        }
        at = end + (size_t)min_u64(ZERO_GRAIN, size - end);
    }
    return STATUS_OK;
}

static enum status copy_disk(struct vhd *from, struct vhd *to, uint64_t size)
{
    uint8_t *chunk = os_alloc_data(TOOL_CHUNK);
    struct progress progress;
    enum status status = chunk ? STATUS_OK : status_no_memory("the data");

    progress_start(&progress, "converting");
    for (uint64_t offset = 0; offset < size && status == STATUS_OK;) {
        struct vhd_extent extent = {0};
        status = vhd_map(from, VHD_MAP_CHAIN, offset, size - offset, &extent);
        if (status == STATUS_OK && extent.kind == VHD_EXTENT_DATA) {
            extent.length = min_u64(extent.length, TOOL_CHUNK - offset % ZERO_GRAIN);
            status = vhd_read(from, offset, chunk, (size_t)extent.length);
            if (status == STATUS_OK)
                status = write_nonzero(to, offset, chunk, (size_t)extent.length);
        }
        offset += extent.length;
        if (status == STATUS_OK && !progress_step(&progress, offset, size))
            status = status_fail(STATUS_CANCELLED, 0, "The conversion was stopped.");
    }
    progress_end(&progress);
    os_free_data(chunk);
    return status;
}

static enum status fill_new_disk(struct vhd *from, uint64_t size, const char *path)
{
    const struct vhd_open how = {
        .writable = true, .share = FILE_SHARE_NOTHING, .wait_ms = FILE_SHARING_WAIT_MS};
    struct vhd *to;
    enum status status = vhd_open(path, &how, &to);
    if (status != STATUS_OK)
        return status;
    status = copy_disk(from, to, size);
    if (status == STATUS_OK)
        return vhd_close(to);
    vhd_abandon(to);
    return status;
}

enum status verb_convert(const struct arguments *a, int *exit_code)
{
    (void)exit_code;
    struct vhd_create how = {0};
    struct vhd_info info;
    struct vhd *from;

    enum status status = describe_disk(a, a->files[1], &how);
    if (status == STATUS_OK)
        status = tool_open_reader(a->files[0], &from);
    if (status != STATUS_OK)
        return status;
    vhd_get_info(from, &info);
    how.virtual_size = info.virtual_size;
    how.logical_sector_size = info.logical_sector_size;
    if (how.format == VHD_FORMAT_VHDX)
        how.physical_sector_size = info.physical_sector_size;
    interrupt_watch();
    status = vhd_create(a->files[1], &how);
    if (status == STATUS_OK) {
        status = fill_new_disk(from, info.virtual_size, a->files[1]);
        if (status != STATUS_OK) {
            struct status_details failure = *status_last();
            bool removed = os_remove_file(a->files[1]) == STATUS_OK;
            status = status_restore(&failure);
            if (!removed)
                status = status_advise(0, "Delete the incomplete %s.", a->files[1]);
        }
    }
    vhd_abandon(from);
    return status;
}
