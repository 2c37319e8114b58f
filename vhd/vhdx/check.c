// The check of a VHDX, part by part, and its repair: one session of changes, through the log.
#include "vhd/vhdx/check.h"

#include <inttypes.h>
#include <string.h>

#include "base/checked.h"
#include "vhd/vhdx/log_replay.h"

enum status vhdx_check_read(struct vhdx_check *c, uint64_t offset, void *buffer, size_t size)
{
    if (range_fits(offset, size, c->x.view.size))
        return vhdx_view_read(&c->x.view, offset, buffer, size);
    VHDX_DAMAGE(c, "file-truncated",
                "the file ends at %" PRIu64 ", but %zu bytes are expected at %" PRIu64 ".",
                c->x.view.size, size, offset);
    c->stuck = true;
    return STATUS_OK;
}

static enum status check_parts(struct vhdx_check *c)
{
    static enum status (*const parts[])(struct vhdx_check *) = {
        vhdx_check_headers,  vhdx_check_log,     vhdx_check_regions,
        vhdx_check_metadata, vhdx_check_locator, vhdx_check_table,
    };
    enum status status = STATUS_OK;
    for (size_t i = 0; i < sizeof parts / sizeof *parts && !status && !c->stuck; i++)
        status = parts[i](c);
    return status;
}

// From here on the file is what the view showed.
static enum status replay_log(struct vhdx_check *c)
{
    struct vhdx *x = &c->x;
    vhdx_view_free(&x->view);
    enum status status = vhdx_view_init(&x->view, x->image.file);
    if (!status && !guid_is_zero(&x->headers.current.log_guid))
        status = vhdx_log_replay_to_file(&x->view, &x->headers);
    return status;
}

// The signature is the only part of the first 64 KiB that a reader needs.
static enum status mend_identifier(struct vhdx_check *c)
{
    if (!c->no_identifier)
        return STATUS_OK;
    c->x.payload_dirty = true;
    return file_write(c->x.image.file, 0, vhdx_identifier_signature,
                      sizeof vhdx_identifier_signature);
}

// A session rewrites both headers and a damaged copy of the region table by itself, and cuts the
// file at its end. DataWriteGuid stays: no reader sees a difference.
static enum status repair(struct vhdx_check *c)
{
    struct vhdx *x = &c->x;
    enum status status = replay_log(c);
    if (status)
        return status;
    x->opened_size = x->stable_size = x->view.file_size;
    x->space.clean_from = max_u64(x->space.clean_from, divide_up(x->view.file_size, VHDX_MIB));
    if (c->log_useless) {
        x->headers.current.log_offset = 0;
        x->headers.current.log_length = 0;
    }
    status = vhdx_begin_change(x, false);
    c->log_useless = false;
    if (!status)
        status = mend_identifier(c);
    if (!status)
        status = vhdx_mend_metadata(c);
    if (!status)
        status = vhdx_mend_table(c);
    return status ? status : vhdx_end_session(x);
}

// What is damaged may be what a repair would rely on, so a damaged file is left as it is.
static enum status repair_if_safe(struct vhdx_check *c)
{
    if (!c->checker->how->repair || !c->mend)
        return STATUS_OK;
    if (vhd_checker_found(c->checker, VHD_PROBLEM_DAMAGE)) {
        VHDX_NOTE(c, "not-repaired", "nothing was repaired, because the file is damaged besides.");
        return STATUS_OK;
    }
    enum status status = repair(c);
    if (!status)
        status = file_flush(c->x.image.file);
    if (!status)
        vhd_checker_settle(c->checker, true);
    return status;
}

enum status vhdx_check(const struct file_system *fs, struct file *file, struct vhd_checker *checker)
{
    struct vhdx_check c = {.checker = checker};
    c.x.image = (struct vhd_image){
        .ops = &vhdx_ops, .fs = fs, .file = file, .writable = checker->how->repair};
    c.x.pages.view = &c.x.view;
    enum status status = vhdx_view_init(&c.x.view, file);
    if (!status)
        status = check_parts(&c);
    if (!status)
        status = repair_if_safe(&c);
    vhdx_free_parts(&c.x);
    return status;
}
