// Opening and closing a VHDX file: its parts in the order in which they depend on each other.
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/utf.h"
#include "vhd/errors.h"
#include "vhd/vhdx/image.h"
#include "vhd/vhdx/log_replay.h"
#include "vhd/vhdx/parent_locator.h"

void vhdx_free_parts(struct vhdx *x)
{
    vhdx_log_writer_free(&x->log);
    vhdx_space_free(&x->space);
    vhdx_pages_free(&x->pages);
    vhdx_locator_free(&x->locator);
    vhdx_metadata_free(&x->metadata);
    vhdx_regions_free(&x->regions);
    vhdx_view_free(&x->view);
}

static void free_image(struct vhdx *x)
{
    vhdx_free_parts(x);
    free(x);
}

// The creator is for people; nothing depends on it.
static void decode_creator(const uint8_t *raw, char *out, size_t size)
{
    size_t units = 0;
    while (units < VHDX_CREATOR_UNITS && (raw[2 * units] | raw[2 * units + 1]) != 0)
        units++;
    char *text = utf16le_to_utf8(raw, units);
    size_t length = text ? strlen(text) : 0;
    if (length >= size)
        length = size - 1;
    if (length > 0)
        memcpy(out, text, length);
    out[length] = '\0';
    utf8_make_valid(out);
    free(text);
}

static enum status read_identifier(struct vhdx *x)
{
    uint8_t raw[VHDX_CREATOR_OFFSET + 2 * VHDX_CREATOR_UNITS];
    enum status status = vhdx_view_read(&x->view, 0, raw, sizeof raw);
    if (status)
        return status;
    if (memcmp(raw, vhdx_identifier_signature, sizeof vhdx_identifier_signature) != 0)
        return status_fail(STATUS_NOT_A_DISK, VHD_ERROR_NOT_VIRTUAL_DISK, "%s is not a VHDX.",
                           x->image.file->path);
    if (x->view.size < VHDX_ALIGNMENT)
        return status_fail(STATUS_DAMAGED, VHD_ERROR_INVALID_FILE_SIZE,
                           "VHDX %s: the file has %" PRIu64
                           " bytes, less than the headers of a VHDX.",
                           x->image.file->path, x->view.size);
    decode_creator(raw + VHDX_CREATOR_OFFSET, x->creator, sizeof x->creator);
    return STATUS_OK;
}

static enum status read_headers_and_log(struct vhdx *x)
{
    enum status status = vhdx_headers_read(x->image.file, &x->headers);
    if (status)
        return status;
    if (guid_is_zero(&x->headers.current.log_guid))
        return vhdx_header_check_log(&x->headers.current, x->image.file->path, x->view.file_size,
                                     false);
    return x->image.writable ? vhdx_log_replay_to_file(&x->view, &x->headers)
                             : vhdx_log_replay_to_view(&x->view, &x->headers.current);
}

static enum status check_in_file(const struct vhdx *x, const char *name,
                                 const struct vhdx_region *region)
{
    if (range_fits(region->offset, region->length, x->view.size))
        return STATUS_OK;
    return status_fail(STATUS_DAMAGED, VHD_ERROR_INVALID_FILE_SIZE,
                       "VHDX %s: the %s region lies at %" PRIu64 ", length %" PRIu32
                       ", but the file ends at %" PRIu64 ".",
                       x->image.file->path, name, region->offset, region->length, x->view.size);
}

static enum status read_regions(struct vhdx *x)
{
    enum status status = vhdx_regions_read(&x->view, &x->regions);
    if (!status)
        status = check_in_file(x, "BAT", &x->regions.bat);
    if (!status)
        status = check_in_file(x, "metadata", &x->regions.metadata);
    return status;
}

static enum status read_metadata(struct vhdx *x)
{
    struct vhdx_metadata *m = &x->metadata;
    enum status status = vhdx_metadata_read(&x->view, &x->regions.metadata, m);
    if (status)
        return status;
    vhdx_geometry_init(&x->bat.geometry, m->virtual_size, m->block_size, m->logical_sector_size,
                       m->has_parent);
    uint64_t needed = x->bat.geometry.entry_count * 8;
    if (needed > x->regions.bat.length)
        return status_fail(STATUS_DAMAGED, VHD_ERROR_BLOCK_ALLOCATION_TABLE_CORRUPT,
                           "VHDX %s: the BAT region has %" PRIu32 " bytes, but a disk of %" PRIu64
                           " bytes needs %" PRIu64 ".",
                           x->image.file->path, x->regions.bat.length, m->virtual_size, needed);
    x->bat.offset = x->regions.bat.offset;
    x->bat.pages = &x->pages;
    return STATUS_OK;
}

static enum status read_locator(struct vhdx *x)
{
    if (!x->metadata.has_parent)
        return STATUS_OK;
    const struct vhdx_metadata_item *item =
        vhdx_metadata_find(&x->metadata, &vhdx_guid_parent_locator);
    uint8_t *raw = malloc(item->length ? item->length : 1);
    if (!raw)
        return status_no_memory("the parent locator of a VHDX file");
    enum status status =
        vhdx_view_read(&x->view, x->regions.metadata.offset + item->offset, raw, item->length);
    if (!status)
        status = vhdx_locator_decode(raw, item->length, &x->locator);
    free(raw);
    if (status)
        return status_context("VHDX %s", x->image.file->path);
    struct guid linkage;
    if (!vhdx_locator_find_guid(&x->locator, VHDX_KEY_LINKAGE, &linkage))
        return status_fail(STATUS_DAMAGED, VHD_ERROR_METADATA_READ_FAILURE,
                           "VHDX %s: parent locator: " VHDX_KEY_LINKAGE " is missing.",
                           x->image.file->path);
    return STATUS_OK;
}

static enum status claim(struct vhdx *x, const char *what, uint64_t offset, uint64_t length)
{
    bool taken;
    enum status status = vhdx_space_mark(&x->space, offset, length, &taken);
    if (!status && taken)
        return status_fail(STATUS_DAMAGED, VHD_ERROR_SPARSE_HEADER_CORRUPT,
                           "VHDX %s: the %s at %" PRIu64 ", length %" PRIu64
                           ", lies on something else.",
                           x->image.file->path, what, offset, length);
    return status;
}

// Everything that has a place in the file, each at its own.
static enum status map_space(struct vhdx *x)
{
    const struct vhdx_header *header = &x->headers.current;
    enum status status = vhdx_space_init(&x->space, x->view.file_size);
    if (!status && header->log_length != 0)
        status = claim(x, "log", header->log_offset, header->log_length);
    for (size_t i = 0; i < x->regions.count && !status; i++)
        status = claim(x, "region", x->regions.entries[i].offset, x->regions.entries[i].length);
    struct vhdx_bat_summary summary = {0};
    if (!status)
        status = vhdx_bat_scan(&x->bat, &x->space, &summary);
    x->present_blocks = summary.present_blocks;
    if (!status && x->image.writable && summary.anchors > 0)
        status = vhdx_bat_claim_anchors(&x->bat, &x->space, &x->anchors_shared);
    return status;
}

enum status vhdx_open(const struct file_system *fs, struct file *file, bool writable,
                      struct vhd_image **out)
{
    struct vhdx *x = calloc(1, sizeof *x);
    if (!x)
        return status_no_memory("a VHDX file");
    x->image = (struct vhd_image){.ops = &vhdx_ops, .fs = fs, .file = file, .writable = writable};
    x->pages.view = &x->view;
    enum status status = vhdx_view_init(&x->view, file);
    if (!status)
        status = read_identifier(x);
    if (!status)
        status = read_headers_and_log(x);
    if (!status)
        status = read_regions(x);
    if (!status)
        status = read_metadata(x);
    if (!status)
        status = read_locator(x);
    if (!status)
        status = map_space(x);
    if (status) {
        free_image(x);
        return status;
    }
    x->opened_size = x->stable_size = x->view.file_size;
    if (!writable)
        vhdx_space_free(&x->space);
    *out = &x->image;
    return STATUS_OK;
}

static void get_info(struct vhd_image *image, struct vhd_info *info)
{
    struct vhdx *x = vhdx_of(image);
    const struct vhdx_metadata *m = &x->metadata;
    *info = (struct vhd_info){
        .format = VHD_FORMAT_VHDX,
        .type = m->has_parent               ? VHD_TYPE_DIFFERENCING
                : m->leave_blocks_allocated ? VHD_TYPE_FIXED
                                            : VHD_TYPE_DYNAMIC,
        .virtual_size = m->virtual_size,
        .logical_sector_size = m->logical_sector_size,
        .physical_sector_size = m->physical_sector_size,
        .block_size = m->block_size,
        .virtual_disk_id = m->virtual_disk_id,
        .identity = {.format = VHD_FORMAT_VHDX,
                     .virtual_size = m->virtual_size,
                     .guid = x->headers.current.data_write_guid,
                     .sequence_number = x->headers.current.sequence_number},
        .file_size = x->view.file_size,
        .allocated = min_u64(x->present_blocks * m->block_size, m->virtual_size),
        .log_live = !guid_is_zero(&x->headers.current.log_guid),
    };
    vhdx_locator_find_guid(&x->locator, VHDX_KEY_LINKAGE, &info->parent_linkage);
    memcpy(info->creator, x->creator, sizeof info->creator);
    // What the file system does not tell stays zero.
    if (image->file->ops->write_time(image->file, &info->write_time))
        info->write_time = 0;
    if (image->file->ops->identify(image->file, &info->file_id))
        info->file_id = (struct file_id){0};
}

static enum status parent_paths(struct vhd_image *image, char ***out)
{
    const struct vhdx_locator *locator = &vhdx_of(image)->locator;
    struct vhd_parent_hints hints = {
        .relative = vhdx_locator_find(locator, VHDX_KEY_RELATIVE_PATH),
        .volume = vhdx_locator_find(locator, VHDX_KEY_VOLUME_PATH),
        .absolute = vhdx_locator_find(locator, VHDX_KEY_ABSOLUTE_PATH),
    };
    return vhd_parent_candidates(image->file->path, &hints, out);
}

// parent_linkage2 counts too: a merge that was cut off may have changed the parent already
// (docs/formats.md).
static bool matches_parent(struct vhd_image *image, const struct vhd_info *parent)
{
    const struct vhdx_locator *locator = &vhdx_of(image)->locator;
    const struct guid *actual = &parent->identity.guid;
    struct guid linkage;
    if (parent->format != VHD_FORMAT_VHDX || guid_is_zero(actual))
        return false;
    return (vhdx_locator_find_guid(locator, VHDX_KEY_LINKAGE, &linkage) &&
            guid_equal(&linkage, actual)) ||
           (vhdx_locator_find_guid(locator, VHDX_KEY_LINKAGE2, &linkage) &&
            guid_equal(&linkage, actual));
}

static enum status parent_found(struct vhd_image *image, const char *path)
{
    struct vhdx *x = vhdx_of(image);
    return vhdx_parent_locator_refresh(image->file->path, path, &x->locator, &x->locator_changed);
}

static void abandon(struct vhd_image *image)
{
    struct vhdx *x = vhdx_of(image);
    struct file *file = image->file;
    free_image(x);
    file_close(file);
}

static enum status close_image(struct vhd_image *image)
{
    enum status status = vhdx_end_session(vhdx_of(image));
    abandon(image);
    return status;
}

const struct vhd_image_ops vhdx_ops = {
    .read = vhdx_read,
    .write = vhdx_write,
    .zero = vhdx_zero,
    .flush = vhdx_flush,
    .map = vhdx_map,
    .get_info = get_info,
    .parent_paths = parent_paths,
    .matches_parent = matches_parent,
    .parent_found = parent_found,
    .begin_merge = vhdx_begin_merge,
    .finish_merge = vhdx_finish_merge,
    .locate = vhdx_locate,
    .resize = vhdx_resize,
    .compact = vhdx_compact,
    .set_identity = vhdx_set_identity,
    .close = close_image,
    .abandon = abandon,
};
