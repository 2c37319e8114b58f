// The log: where it lies and, when it is live, what it holds ([MS-VHDX] 2.3). Everything after this
// is seen as it is once the log has been replayed.
#include <inttypes.h>

#include "base/checked.h"
#include "vhd/errors.h"
#include "vhd/vhdx/check.h"
#include "vhd/vhdx/log_replay.h"

// Nothing is in a log that is not live, so it can be put elsewhere.
static void check_clean(struct vhdx_check *c)
{
    const struct vhdx_header *header = &c->x.headers.current;
    const struct vhdx_view *view = &c->x.view;
    if (header->log_version != 0)
        VHDX_NOTE(c, "log-version", "the header says log version %u; there is no log to be read.",
                  header->log_version);
    if (header->log_length == 0)
        return;
    if (vhdx_header_check_log(header, c->checker->path, view->file_size, false)) {
        c->log_useless = true;
        VHDX_MENDABLE(c, "log-misplaced",
                      "the header places the log, which is empty, at %" PRIu64 ", length %" PRIu32
                      ", where no log can be.",
                      header->log_offset, header->log_length);
    } else if (!range_fits(header->log_offset, header->log_length, view->file_size)) {
        c->log_useless = true;
        VHDX_MENDABLE(c, "log-past-end",
                      "the header places the log, which is empty, at %" PRIu64 ", length %" PRIu32
                      ", past the end of the file.",
                      header->log_offset, header->log_length);
    }
}

static void report_live(struct vhdx_check *c, const struct status_details *failure)
{
    const char *name = "log-invalid";
    if (failure->status == STATUS_UNSUPPORTED)
        name = "log-version-unknown";
    else if (failure->os_code == VHD_ERROR_INVALID_FILE_SIZE)
        name = "log-file-truncated";
    vhd_checker_report(c->checker, VHD_PROBLEM_DAMAGE, name, false, "%s", failure->message);
    c->stuck = true;
}

enum status vhdx_check_log(struct vhdx_check *c)
{
    if (guid_is_zero(&c->x.headers.current.log_guid)) {
        check_clean(c);
        return STATUS_OK;
    }
    enum status status = vhdx_log_replay_to_view(&c->x.view, &c->x.headers.current);
    if (status == STATUS_DAMAGED || status == STATUS_UNSUPPORTED) {
        report_live(c, status_last());
        return STATUS_OK;
    }
    if (!status)
        VHDX_TIDY(c, "log-live",
                  "the log has to be replayed, as after a crash; the file was looked at as it is "
                  "then.");
    return status;
}
