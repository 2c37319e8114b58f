// info and map.
#include <inttypes.h>

#include "base/json.h"
#include "vhd/tool/tool.h"

#define PRINT_AT_ONCE 65536 // bytes of the map's text

static const char *format_name(enum vhd_format format)
{
    return format == VHD_FORMAT_VHDX ? "VHDX" : "VHD";
}

static const char *type_name(enum vhd_type type)
{
    switch (type) {
    case VHD_TYPE_FIXED:
        return "Fixed";
    case VHD_TYPE_DYNAMIC:
        return "Dynamic";
    case VHD_TYPE_DIFFERENCING:
        break;
    }
    return "Differencing";
}

// What `info` shows. `parent_problem`: why the parents could not be opened; NULL when they were, or
// there are none.
struct shown {
    struct vhd_info info;
    const char *parent_problem;
};

static enum status put_optional_guid(json_t *object, const char *name, const struct guid *guid,
                                     bool there)
{
    return there ? js_put_guid(object, name, guid) : js_put_new(object, name, json_null());
}

static enum status put_optional_string(json_t *object, const char *name, const char *text)
{
    return text ? js_put_string(object, name, text) : js_put_new(object, name, json_null());
}

static enum status put_optional_u64(json_t *object, const char *name, uint64_t value, bool there)
{
    return there ? js_put_u64(object, name, value) : js_put_new(object, name, json_null());
}

static enum status fill_json(json_t *object, const struct shown *shown)
{
    const struct vhd_info *info = &shown->info;
    bool vhdx = info->format == VHD_FORMAT_VHDX;
    bool differencing = info->type == VHD_TYPE_DIFFERENCING;
    enum status status = js_put_string(object, "Path", info->path);
    if (status == STATUS_OK)
        status = js_put_string(object, "Format", format_name(info->format));
    if (status == STATUS_OK)
        status = js_put_string(object, "Type", type_name(info->type));
    if (status == STATUS_OK)
        status = js_put_u64(object, "VirtualSize", info->virtual_size);
    if (status == STATUS_OK)
        status = js_put_u64(object, "LogicalSectorSize", info->logical_sector_size);
    if (status == STATUS_OK)
        status = js_put_u64(object, "PhysicalSectorSize", info->physical_sector_size);
    if (status == STATUS_OK)
        status = js_put_u64(object, "BlockSize", info->block_size);
    if (status == STATUS_OK)
        status = js_put_guid(object, "VirtualDiskId", &info->virtual_disk_id);
    if (status == STATUS_OK)
        status = put_optional_guid(object, "DataWriteGuid", &info->identity.guid, vhdx);
    if (status == STATUS_OK)
        status = put_optional_u64(object, "SequenceNumber", info->identity.sequence_number, vhdx);
    if (status == STATUS_OK)
        status = js_put_u64(object, "FileSize", info->file_size);
    if (status == STATUS_OK)
        status = js_put_u64(object, "Allocated", info->allocated);
    if (status == STATUS_OK)
        status = js_put_bool(object, "LogLive", info->log_live);
    if (status == STATUS_OK)
        status = js_put_bool(object, "ChangeTracking", info->change_tracked);
    if (status == STATUS_OK)
        status = put_optional_string(object, "ParentPath", info->parent_path);
    if (status == STATUS_OK)
        status = put_optional_guid(object, "ParentLinkage", &info->parent_linkage, differencing);
    if (status == STATUS_OK)
        status = put_optional_string(object, "ParentProblem", shown->parent_problem);
    if (status == STATUS_OK)
        status = js_put_string(object, "Creator", info->creator);
    if (status == STATUS_OK)
        status = put_optional_u64(object, "Depth", info->depth, !shown->parent_problem);
    return status;
}

static enum status show_json(const struct shown *shown, struct buffer *out)
{
    json_t *object = json_object();
    enum status status = object ? fill_json(object, shown) : status_no_memory("the information");
    if (status == STATUS_OK)
        status = tool_put_json(object, out);
    json_decref(object);
    return status;
}

static enum status show_tracking(const struct shown *shown, struct buffer *out)
{
    if (!shown->info.change_tracked)
        return STATUS_OK;
    return buffer_printf(out, "Change tracking:      by Hyper-V; a change makes it stale\n");
}

static enum status show_parent(const struct shown *shown, struct buffer *out)
{
    char guid[GUID_TEXT_SIZE];
    const struct vhd_info *info = &shown->info;
    if (info->type != VHD_TYPE_DIFFERENCING)
        return STATUS_OK;
    enum status status = buffer_printf(out, "Parent:               %s\nParent linkage:       %s\n",
                                       info->parent_path ? info->parent_path : "not named",
                                       guid_format(&info->parent_linkage, guid));
    if (status != STATUS_OK)
        return status;
    return shown->parent_problem
               ? buffer_printf(out, "Parent problem:       %s\n", shown->parent_problem)
               : buffer_printf(out, "Depth:                %u\n", info->depth);
}

static enum status show_text(const struct shown *shown, struct buffer *out)
{
    char guid[GUID_TEXT_SIZE];
    const struct vhd_info *info = &shown->info;
    enum status status =
        buffer_printf(out,
                      "Path:                 %s\n"
                      "Format:               %s, %s\n"
                      "Virtual size:         %" PRIu64 "\n"
                      "Logical sector size:  %" PRIu32 "\n"
                      "Physical sector size: %" PRIu32 "\n",
                      info->path, format_name(info->format), type_name(info->type),
                      info->virtual_size, info->logical_sector_size, info->physical_sector_size);
    if (status == STATUS_OK && info->block_size)
        status = buffer_printf(out, "Block size:           %" PRIu32 "\n", info->block_size);
    if (status == STATUS_OK)
        status = buffer_printf(out, "Virtual disk id:      %s\n",
                               guid_format(&info->virtual_disk_id, guid));
    if (status == STATUS_OK && info->format == VHD_FORMAT_VHDX)
        status =
            buffer_printf(out,
                          "Data write GUID:      %s\n"
                          "Sequence number:      %" PRIu64 "\n"
                          "Log:                  %s\n",
                          guid_format(&info->identity.guid, guid), info->identity.sequence_number,
                          info->log_live ? "live, replayed on opening" : "clean");
    if (status == STATUS_OK)
        status = buffer_printf(out,
                               "File size:            %" PRIu64 "\n"
                               "Allocated:            %" PRIu64 "\n"
                               "Creator:              %s\n",
                               info->file_size, info->allocated, info->creator);
    if (status == STATUS_OK)
        status = show_tracking(shown, out);
    return status == STATUS_OK ? show_parent(shown, out) : status;
}

// A child is shown even when its parents cannot be opened: finding out about that is what info is
// for.
enum status verb_info(const struct arguments *a, int *exit_code)
{
    (void)exit_code;
    const struct vhd_open alone = {.share = FILE_SHARE_DENY_WRITE, .no_parents = true};
    struct status_details problem;
    struct shown shown = {0};
    struct buffer out = {0};
    struct vhd *disk;

    enum status status = tool_open_reader(a->files[0], &disk);
    if (status != STATUS_OK) {
        problem = *status_last();
        shown.parent_problem = problem.message;
        status = vhd_open(a->files[0], &alone, &disk);
    }
    if (status != STATUS_OK)
        return status;
    vhd_get_info(disk, &shown.info);
    status = arguments_have(a, OPTION_JSON) ? show_json(&shown, &out) : show_text(&shown, &out);
    if (status == STATUS_OK)
        status = tool_print(&out);
    buffer_free(&out);
    vhd_abandon(disk);
    return status;
}

static const char *kind_name(enum vhd_extent_kind kind)
{
    switch (kind) {
    case VHD_EXTENT_DATA:
        return "data";
    case VHD_EXTENT_ZERO:
        return "zero";
    case VHD_EXTENT_PARENT:
        break;
    }
    return "parent";
}

static enum status show_extent(const struct vhd_extent *extent, bool json, struct buffer *out)
{
    if (!json)
        return buffer_printf(out, "%16" PRIu64 " %16" PRIu64 " %s\n", extent->offset,
                             extent->length, kind_name(extent->kind));
    return buffer_printf(
        out, "%s{\"offset\": %" PRIu64 ", \"length\": %" PRIu64 ", \"kind\": \"%s\"}",
        extent->offset ? ",\n " : "[", extent->offset, extent->length, kind_name(extent->kind));
}

enum status verb_map(const struct arguments *a, int *exit_code)
{
    (void)exit_code;
    bool json = arguments_have(a, OPTION_JSON);
    bool leaf = arguments_have(a, OPTION_LEAF);
    const struct vhd_open how = {
        .share = FILE_SHARE_DENY_WRITE, .wait_ms = FILE_SHARING_WAIT_MS, .no_parents = leaf};
    struct buffer out = {0};
    struct vhd_info info;
    struct vhd *disk;

    enum status status = vhd_open(a->files[0], &how, &disk);
    if (status != STATUS_OK)
        return status;
    vhd_get_info(disk, &info);
    if (!json)
        status = buffer_printf(&out, "%16s %16s kind\n", "offset", "length");
    for (uint64_t offset = 0; offset < info.virtual_size && status == STATUS_OK;) {
        struct vhd_extent extent = {0};
        status = vhd_map(disk, leaf ? VHD_MAP_LEAF : VHD_MAP_CHAIN, offset,
                         info.virtual_size - offset, &extent);
        if (status == STATUS_OK)
            status = show_extent(&extent, json, &out);
        if (status == STATUS_OK && out.size >= PRINT_AT_ONCE)
            status = tool_print(&out);
        offset += extent.length;
    }
    if (status == STATUS_OK && json)
        status = buffer_printf(&out, "]\n");
    if (status == STATUS_OK)
        status = tool_print(&out);
    buffer_free(&out);
    vhd_abandon(disk);
    return status;
}
