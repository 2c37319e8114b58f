// resize, compact and set: changes of a disk that leave its contents alone.
#include <inttypes.h>
#include <strings.h>

#include "vhd/errors.h"
#include "vhd/tool/tool.h"

enum status verb_resize(const struct arguments *a, int *exit_code)
{
    (void)exit_code;
    struct progress progress;
    struct vhd_resize how = {.unsafe = arguments_have(a, OPTION_UNSAFE),
                             .progress = progress_step,
                             .context = &progress};
    enum status status = arguments_size(a, OPTION_SIZE, 0, &how.virtual_size);
    if (status == STATUS_OK) {
        tool_warn_of_tracking(a->files[0]);
        interrupt_watch();
        progress_start(&progress, "looking");
        status = vhd_resize(a->files[0], &how);
        progress_end(&progress);
    }
    if (status == STATUS_REFUSED && status_last()->os_code == VHD_ERROR_RESIZE_WOULD_TRUNCATE_DATA)
        return status_advise(0,
                             "Shrink or remove the partitions in it first, or say --unsafe: that "
                             "throws the data away.");
    return status;
}

enum status verb_compact(const struct arguments *a, int *exit_code)
{
    (void)exit_code;
    struct progress progress;
    struct buffer out = {0};
    struct vhd_compacted done;
    const struct vhd_compact how = {.progress = progress_step, .context = &progress};

    tool_warn_of_tracking(a->files[0]);
    interrupt_watch();
    progress_start(&progress, "compacting");
    enum status status = vhd_compact(a->files[0], &how, &done);
    progress_end(&progress);
    if (status == STATUS_CANCELLED)
        return status_advise(
            0, "The disk is whole and may be used; \"vrepdisk compact %s\" goes on.", a->files[0]);
    if (status == STATUS_OK)
        status =
            buffer_printf(&out, "%s: the file had %" PRIu64 " bytes, now it has %" PRIu64 ".\n",
                          a->files[0], done.size_before, done.size_after);
    if (status == STATUS_OK)
        status = tool_print(&out);
    buffer_free(&out);
    return status;
}

// --virtual-disk-id: a GUID, or "new".
static enum status parse_id(const char *text, struct guid *id)
{
    if (strcasecmp(text, "new") == 0)
        return guid_generate(id);
    if (guid_parse(text, id) && !guid_is_zero(id))
        return STATUS_OK;
    return status_fail(STATUS_INVALID_ARGUMENT, 0,
                       "--virtual-disk-id %s is neither a GUID nor the word new.", text);
}

enum status verb_set(const struct arguments *a, int *exit_code)
{
    (void)exit_code;
    struct vhd_set_identity how = {0};
    struct guid id;
    enum status status = STATUS_OK;

    if (!arguments_have(a, OPTION_VIRTUAL_DISK_ID) && !arguments_have(a, OPTION_PHYSICAL_SECTOR))
        status = status_fail(STATUS_INVALID_ARGUMENT, 0,
                             "neither --virtual-disk-id nor --physical-sector is given.");
    if (status == STATUS_OK && arguments_have(a, OPTION_VIRTUAL_DISK_ID)) {
        how.virtual_disk_id = &id;
        status = parse_id(a->values[OPTION_VIRTUAL_DISK_ID], &id);
    }
    if (status == STATUS_OK)
        status = arguments_size32(a, OPTION_PHYSICAL_SECTOR, 0, &how.physical_sector_size);
    return status == STATUS_OK ? vhd_set_identity(a->files[0], &how) : status;
}
