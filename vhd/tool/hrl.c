// hrl info, cat and apply: Hyper-V Replica logs.
#include <inttypes.h>

#include "base/clock.h"
#include "base/json.h"
#include "vhd/hrl.h"
#include "vhd/tool/tool.h"

#define PRINT_AT_ONCE 65536 // bytes of the list's text

// A log that is being written can be looked at, as far as it is flushed.
static enum status open_to_look(const char *path, struct hrl **out)
{
    const struct hrl_open how = {.share = FILE_SHARE_ANYTHING};
    return hrl_open(path, &how, out);
}

static enum status put_guid(json_t *object, const char *name, const struct guid *guid)
{
    return guid_is_zero(guid) ? js_put_new(object, name, json_null())
                              : js_put_guid(object, name, guid);
}

// A number of the file that nothing depends on; null when JSON cannot hold it.
static enum status put_stated(json_t *object, const char *name, uint64_t value)
{
    return value > INT64_MAX ? js_put_new(object, name, json_null())
                             : js_put_u64(object, name, value);
}

static enum status put_identity(json_t *object, const char *path, const struct hrl_info *info)
{
    char version[24];
    snprintf(version, sizeof version, "%u.%u", (unsigned)(info->version >> 16),
             (unsigned)(info->version & 0xffff));
    enum status status = js_put_string(object, "Path", path);
    if (status == STATUS_OK)
        status = js_put_string(object, "Version", version);
    if (status == STATUS_OK)
        status = js_put_bool(object, "Closed", info->closed);
    if (status == STATUS_OK)
        status = put_guid(object, "UniqueId", &info->unique_id);
    if (status == STATUS_OK)
        status = put_guid(object, "PreviousUniqueId", &info->previous_id);
    if (status == STATUS_OK)
        status = put_guid(object, "Vhd2DataWriteGuid", &info->data_write_guid);
    return status;
}

static enum status put_sizes(json_t *object, const struct hrl_info *info)
{
    enum status status = js_put_u64(object, "Writes", info->writes);
    if (status == STATUS_OK)
        status = js_put_u64(object, "DataLength", info->data);
    if (status == STATUS_OK)
        status = js_put_u64(object, "MetadataBlocks", info->groups);
    if (status == STATUS_OK)
        status = js_put_u64(object, "MetadataSize", info->metadata_size);
    if (status == STATUS_OK)
        status = put_stated(object, "TotalMetadataEntries", info->stated_entries);
    if (status == STATUS_OK)
        status = put_stated(object, "OriginalSize", info->original_size);
    if (status == STATUS_OK)
        status = put_stated(object, "CurrentSize", info->current_size);
    if (status == STATUS_OK)
        status = js_put_u64(object, "End", info->end);
    if (status == STATUS_OK)
        status = js_put_u64(object, "FileSize", info->file_size);
    return status;
}

static enum status put_origin(json_t *object, const struct hrl_info *info)
{
    char created[CLOCK_TEXT_SIZE], modified[CLOCK_TEXT_SIZE];
    enum status status = js_put_new(object, "ErrorCode", json_integer(info->error_code));
    if (status == STATUS_OK)
        status = js_put_string(object, "Created", clock_format_utc(info->created_ms, created));
    if (status == STATUS_OK)
        status =
            js_put_string(object, "LastModified", clock_format_utc(info->modified_ms, modified));
    if (status == STATUS_OK)
        status = js_put_string(object, "Creator", info->creator);
    return status;
}

static enum status show_json(const char *path, const struct hrl_info *info, struct buffer *out)
{
    json_t *object = json_object();
    enum status status =
        object ? put_identity(object, path, info) : status_no_memory("the information");
    if (status == STATUS_OK)
        status = put_sizes(object, info);
    if (status == STATUS_OK)
        status = put_origin(object, info);
    if (status == STATUS_OK)
        status = tool_put_json(object, out);
    json_decref(object);
    return status;
}

static const char *guid_or_none(const struct guid *guid, char text[GUID_TEXT_SIZE])
{
    return guid_is_zero(guid) ? "none" : guid_format(guid, text);
}

static enum status show_text(const char *path, const struct hrl_info *info, struct buffer *out)
{
    char id[GUID_TEXT_SIZE], previous[GUID_TEXT_SIZE], data_write[GUID_TEXT_SIZE];
    char created[CLOCK_TEXT_SIZE], modified[CLOCK_TEXT_SIZE];
    return buffer_printf(
        out,
        "Path:                 %s\n"
        "Format:               Hyper-V Replica log %u.%u\n"
        "State:                %s\n"
        "Writes:               %" PRIu64 "\n"
        "Data:                 %" PRIu64 "\n"
        "Metadata blocks:      %" PRIu64 " of %u bytes\n"
        "Unique id:            %s\n"
        "Previous log:         %s\n"
        "Data write GUID:      %s\n"
        "End:                  %" PRIu64 "\n"
        "File size:            %" PRIu64 "\n"
        "Created:              %s\n"
        "Last modified:        %s\n"
        "Error code:           %ld\n"
        "Creator:              %s\n",
        path, (unsigned)(info->version >> 16), (unsigned)(info->version & 0xffff),
        info->closed ? "closed" : "not closed: only complete groups are counted", info->writes,
        info->data, info->groups, (unsigned)info->metadata_size, guid_or_none(&info->unique_id, id),
        guid_or_none(&info->previous_id, previous),
        guid_or_none(&info->data_write_guid, data_write), info->end, info->file_size,
        clock_format_local(info->created_ms, created),
        clock_format_local(info->modified_ms, modified), (long)info->error_code, info->creator);
}

enum status verb_hrl_info(const struct arguments *a, int *exit_code)
{
    (void)exit_code;
    struct buffer out = {0};
    struct hrl_info info;
    struct hrl *log;
    enum status status = open_to_look(a->files[0], &log);
    if (status != STATUS_OK)
        return status;
    hrl_get_info(log, &info);
    hrl_close(log);
    status = arguments_have(a, OPTION_JSON) ? show_json(a->files[0], &info, &out)
                                            : show_text(a->files[0], &info, &out);
    if (status == STATUS_OK)
        status = tool_print(&out);
    buffer_free(&out);
    return status;
}

static enum status list_write(const struct hrl_entry *entry, bool json, struct buffer *out)
{
    char time[CLOCK_TEXT_SIZE], checksum[16];
    const char *quote = json ? "\"" : "";
    if (entry->data_checksum == 0)
        snprintf(checksum, sizeof checksum, "%s", json ? "null" : "none");
    else
        snprintf(checksum, sizeof checksum, "%s%08" PRIx32 "%s", quote, entry->data_checksum,
                 quote);
    clock_format_utc(entry->time_ms, time);
    if (!json)
        return buffer_printf(out, "%10" PRIu64 " %8" PRIu64 " %16" PRIu64 " %10" PRIu32 " %s %s\n",
                             entry->number, entry->group, entry->offset, entry->length, time,
                             checksum);
    return buffer_printf(out,
                         "%s{\"number\": %" PRIu64 ", \"group\": %" PRIu64 ", \"offset\": %" PRIu64
                         ", \"length\": %" PRIu32 ", \"time\": \"%s\", \"dataChecksum\": %s}",
                         entry->number ? ",\n " : "", entry->number, entry->group, entry->offset,
                         entry->length, time, checksum);
}

enum status verb_hrl_cat(const struct arguments *a, int *exit_code)
{
    (void)exit_code;
    bool json = arguments_have(a, OPTION_JSON);
    struct buffer out = {0};
    struct hrl_entry entry;
    struct hrl *log;
    bool found = true;
    enum status status = open_to_look(a->files[0], &log);
    if (status != STATUS_OK)
        return status;
    status = json ? buffer_printf(&out, "[")
                  : buffer_printf(&out, "%10s %8s %16s %10s %-24s %s\n", "number", "group",
                                  "offset", "length", "time", "checksum");
    while (status == STATUS_OK && found) {
        status = hrl_next(log, &entry, &found);
        if (status == STATUS_OK && found)
            status = list_write(&entry, json, &out);
        if (status == STATUS_OK && out.size >= PRINT_AT_ONCE)
            status = tool_print(&out);
    }
    if (status == STATUS_OK && json)
        status = buffer_printf(&out, "]\n");
    if (status == STATUS_OK)
        status = tool_print(&out);
    buffer_free(&out);
    hrl_close(log);
    return status;
}

static enum status apply(const struct arguments *a, struct hrl *log, struct hrl_applied *applied)
{
    const struct vhd_open open = {
        .writable = true, .share = FILE_SHARE_DENY_WRITE, .wait_ms = FILE_SHARING_WAIT_MS};
    struct progress progress;
    const struct hrl_apply how = {.unclosed = arguments_have(a, OPTION_FORCE),
                                  .progress = progress_step,
                                  .context = &progress};
    struct vhd *disk;
    enum status status = vhd_open(a->files[1], &open, &disk);
    if (status != STATUS_OK)
        return status;
    interrupt_watch();
    progress_start(&progress, "applying");
    status = hrl_apply(log, disk, &how, applied);
    progress_end(&progress);
    if (status == STATUS_OK)
        return vhd_close(disk);
    struct status_details failure = *status_last();
    (void)vhd_close(disk);
    return status_restore(&failure);
}

enum status verb_hrl_apply(const struct arguments *a, int *exit_code)
{
    (void)exit_code;
    const struct hrl_open how = {.share = FILE_SHARE_DENY_WRITE, .wait_ms = FILE_SHARING_WAIT_MS};
    struct hrl_applied applied;
    struct buffer out = {0};
    struct hrl *log;
    enum status status = hrl_open(a->files[0], &how, &log);
    if (status != STATUS_OK)
        return status;
    if (!arguments_have(a, OPTION_FORCE))
        status = tool_refuse_parent(a->files[1], NULL);
    if (status == STATUS_OK) {
        tool_warn_of_tracking(a->files[1]);
        status = apply(a, log, &applied);
    }
    hrl_close(log);
    if (status == STATUS_OK)
        status = buffer_printf(&out, "%s: %" PRIu64 " writes, %" PRIu64 " bytes applied.\n",
                               a->files[1], applied.writes, applied.bytes);
    if (status == STATUS_OK)
        status = tool_print(&out);
    buffer_free(&out);
    return status;
}
