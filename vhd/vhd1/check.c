// What can be told of a VHD's structure, and the repair of its footers and of its header's
// checksum. Nothing is repaired in a file that has damage besides.
#include "vhd/vhd1/check.h"

#include <string.h>

#include "base/checked.h"
#include "vhd/check_report.h"
#include "vhd/errors.h"

// Findings that are told by the code of the failure that they make when the disk is opened.
static const struct {
    uint32_t code;
    const char *name;
} names[] = {
    {VHD_ERROR_DRIVE_FOOTER_MISSING, "footer-missing"},
    {VHD_ERROR_DRIVE_FOOTER_CHECKSUM_MISMATCH, "footer-checksum"},
    {VHD_ERROR_FORMAT_UNSUPPORTED_VERSION, "footer-version"},
    {VHD_ERROR_INVALID_TYPE, "footer-type"},
    {VHD_ERROR_INVALID_SIZE, "footer-size"},
    {VHD_ERROR_SPARSE_HEADER_CHECKSUM_MISMATCH, "header-checksum"},
    {VHD_ERROR_SPARSE_HEADER_UNSUPPORTED_VERSION, "header-version"},
    {VHD_ERROR_INVALID_BLOCK_SIZE, "header-block-size"},
};

static const char *name_of(uint32_t code, const char *otherwise)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].code == code)
            return names[i].name;
    return otherwise;
}

// True when `status` says something of the file, not of the reading of it.
static bool is_finding(enum status status)
{
    return status == STATUS_DAMAGED || status == STATUS_UNSUPPORTED;
}

static void note(struct vhd1_check *c, const char *name, const char *text)
{
    vhd_checker_report(c->checker, VHD_PROBLEM_NOTE, name, false, "%s: %s.", c->file->path, text);
}

// Tells the failure that was just recorded.
static void report_failure(struct vhd1_check *c, const char *otherwise)
{
    const struct status_details failure = *status_last();
    vhd_checker_report(c->checker, VHD_PROBLEM_DAMAGE, name_of(failure.os_code, otherwise), false,
                       "%s", failure.message);
}

static void note_footer_fields(struct vhd1_check *c)
{
    unsigned oddities = vhd1_footer_oddities(&c->footer);
    if (oddities & VHD1_ODD_FEATURES)
        note(c, "footer-features", "the footer's features are not what the specification says");
    if (oddities & VHD1_ODD_DATA_OFFSET)
        note(c, "footer-data-offset", "a fixed disk's footer points to a dynamic disk header");
    if (oddities & VHD1_ODD_GEOMETRY)
        note(c, "footer-geometry",
             "cylinders, heads and sectors are not those of the disk's size; nobody should ask "
             "them");
    if (oddities & VHD1_ODD_SAVED_STATE)
        note(c, "footer-saved-state", "a virtual machine was saved with this disk");
    if (oddities & VHD1_ODD_RESERVED)
        note(c, "footer-reserved", "reserved bytes of the footer are not zero");
}

// One of two footers is good: the other can be written again.
static enum status check_footer_copies(struct vhd1_check *c)
{
    uint8_t raw[VHD1_FOOTER_SIZE];
    struct vhd1_footer copy;
    if (!c->place.trailing) {
        // The failure that made the reader take the copy.
        uint64_t at;
        enum status status = vhd1_footer_read_trailing(c->file, c->file_size, &copy, &at);
        if (status == STATUS_OK) {
            vhd_checker_defer(c->checker, VHD_PROBLEM_REPAIRABLE, "footer-stray",
                              "%s: what ends the file looks like the footer of another disk, "
                              "as a guest may write it; the copy is good.",
                              c->file->path);
            return STATUS_OK;
        }
        if (!is_finding(status))
            return status;
        const struct status_details failure = *status_last();
        vhd_checker_defer(c->checker, VHD_PROBLEM_REPAIRABLE,
                          name_of(failure.os_code, "footer-missing"), "%s The copy is good.",
                          failure.message);
        return STATUS_OK;
    }
    if (c->place.leading)
        return STATUS_OK;
    enum status status = file_read(c->file, 0, raw, sizeof raw);
    if (status != STATUS_OK)
        return status;
    bool valid = vhd1_footer_parse(raw, c->file->path, &copy) == STATUS_OK;
    vhd_checker_defer(c->checker, VHD_PROBLEM_REPAIRABLE,
                      valid ? "footer-copy-differs" : "footer-copy-damaged",
                      "%s: the footer's copy at the beginning of the file %s; the footer at its "
                      "end is good.",
                      c->file->path, valid ? "is another one" : "is damaged");
    return STATUS_OK;
}

static enum status check_footers(struct vhd1_check *c, bool *usable)
{
    enum status status = vhd1_footer_read(c->file, c->file_size, &c->footer, &c->place);
    *usable = status == STATUS_OK;
    if (is_finding(status)) {
        report_failure(c, "footer-missing");
        return STATUS_OK;
    }
    if (status != STATUS_OK)
        return status;
    if (c->file_size - c->place.data_end == VHD1_LEGACY_FOOTER_SIZE)
        note(c, "footer-legacy", "the footer has 511 bytes, as an old Virtual PC wrote it");
    note_footer_fields(c);
    return c->footer.type == VHD_TYPE_FIXED ? STATUS_OK : check_footer_copies(c);
}

static void check_fixed(struct vhd1_check *c)
{
    if (c->footer.current_size > c->place.data_end)
        vhd_checker_report(
            c->checker, VHD_PROBLEM_DAMAGE, "file-truncated", false,
            "%s: the footer says that the disk has %llu bytes, but only %llu precede it.",
            c->file->path, (unsigned long long)c->footer.current_size,
            (unsigned long long)c->place.data_end);
    else if (c->footer.current_size < c->place.data_end)
        vhd_checker_report(c->checker, VHD_PROBLEM_NOTE, "file-longer", false,
                           "%s: %llu bytes between the disk and its footer belong to nothing.",
                           c->file->path,
                           (unsigned long long)(c->place.data_end - c->footer.current_size));
}

static void note_header_fields(struct vhd1_check *c)
{
    uint32_t size = c->header.block_size;
    if (size != VHD1_BLOCK_SIZE_DEFAULT && size != VHD1_BLOCK_SIZE_SMALL)
        vhd_checker_report(c->checker, VHD_PROBLEM_NOTE, "header-block-size-unusual", false,
                           "%s: Windows opens blocks of 2 MiB and 512 KiB only, not of %u bytes.",
                           c->file->path, (unsigned)size);
    if (vhd1_header_has_junk(&c->header))
        note(c, "header-reserved", "reserved bytes of the dynamic disk header are not zero");
    if (c->footer.type == VHD_TYPE_DYNAMIC && vhd1_header_names_parent(&c->header))
        note(c, "header-parent-ignored",
             "the header names a parent, but the disk is not a differencing one");
}

// A header that is right in everything but its checksum is taken for what it says.
static enum status check_header(struct vhd1_check *c, bool *usable)
{
    uint8_t raw[VHD1_HEADER_SIZE];
    *usable = false;
    enum status status = vhd1_header_read(c->file, c->file_size, &c->footer, &c->header);
    if (status != STATUS_OK &&
        status_last()->os_code == VHD_ERROR_SPARSE_HEADER_CHECKSUM_MISMATCH) {
        const struct status_details mismatch = *status_last();
        status = file_read(c->file, c->footer.data_offset, raw, sizeof raw);
        if (status != STATUS_OK)
            return status;
        vhd1_header_seal(raw);
        status = vhd1_header_parse(raw, c->file->path, &c->footer, &c->header);
        // The fields of a child's parent have nothing that they could be checked against.
        c->header_unsealed = status == STATUS_OK && c->footer.type == VHD_TYPE_DYNAMIC &&
                             !vhd1_header_has_junk(&c->header) &&
                             !vhd1_header_names_parent(&c->header);
        if (!c->header_unsealed) {
            status_restore(&mismatch);
            report_failure(c, "header-checksum");
        }
    } else if (is_finding(status)) {
        report_failure(c, "header-corrupt");
    }
    if (status != STATUS_OK)
        return is_finding(status) ? STATUS_OK : status;
    note_header_fields(c);
    *usable = true;
    return STATUS_OK;
}

static enum status check_sparse(struct vhd1_check *c)
{
    bool usable;
    enum status status = check_header(c, &usable);
    if (status != STATUS_OK || !usable)
        return status;
    status = vhd1_check_blocks(c);
    if (status == STATUS_OK && c->footer.type == VHD_TYPE_DIFFERENCING)
        status = vhd1_check_locators(c);
    if (status == STATUS_OK && c->header_unsealed) {
        // All else was looked at by now.
        if (vhd_checker_found(c->checker, VHD_PROBLEM_DAMAGE))
            vhd_checker_report(c->checker, VHD_PROBLEM_DAMAGE, "header-checksum", false,
                               "%s: the dynamic disk header's checksum is wrong.", c->file->path);
        else
            vhd_checker_defer(c->checker, VHD_PROBLEM_REPAIRABLE, "header-checksum",
                              "%s: the dynamic disk header's checksum is wrong; nothing else is.",
                              c->file->path);
    }
    return status;
}

static enum status repair(struct vhd1_check *c)
{
    enum status status = STATUS_OK;
    if (c->header_unsealed) {
        // The checksum is in the first sector, which reaches the disk whole or not at all.
        status = file_write(c->file, c->footer.data_offset, c->header.raw, VHD1_SECTOR);
        if (status == STATUS_OK)
            status = file_flush(c->file);
    }
    if (status == STATUS_OK && !(c->place.trailing && c->place.leading)) {
        uint64_t at = c->place.trailing
                          ? c->place.data_end
                          : vhd1_slot(c->data_end, vhd1_bitmap_size(c->header.block_size));
        status = vhd1_footers_write(c->file, &c->footer, at);
    }
    if (status == STATUS_OK)
        vhd_checker_settle(c->checker, true);
    return status;
}

enum status vhd1_check(const struct file_system *fs, struct file *file, struct vhd_checker *checker)
{
    struct vhd1_check c = {.checker = checker, .file = file};
    bool usable = false;
    (void)fs;
    enum status status = file_size(file, &c.file_size);
    if (status == STATUS_OK)
        status = check_footers(&c, &usable);
    if (status != STATUS_OK || !usable)
        return status;
    if (c.footer.type == VHD_TYPE_FIXED) {
        check_fixed(&c);
        return STATUS_OK;
    }
    status = check_sparse(&c);
    if (status == STATUS_OK && checker->how->repair &&
        !vhd_checker_found(checker, VHD_PROBLEM_DAMAGE))
        status = repair(&c);
    return status;
}
