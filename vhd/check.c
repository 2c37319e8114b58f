// The check of one file: which format it has, however damaged it is; what the format's own check
// finds; for a child that can be opened, whether it still fits its parents; and whether a merge
// into the disk was cut off.
#include <stdlib.h>
#include <string.h>

#include "vhd/chain.h"
#include "vhd/check_report.h"
#include "vhd/errors.h"

// The format by its contents. A VHDX whose first bytes are damaged still has its headers.
static enum status tell_format(struct file *file, enum vhd_format *format)
{
    enum status status = vhd_detect(file, format);
    if (status != STATUS_NOT_A_DISK)
        return status;
    struct status_details failure = *status_last();
    bool found;
    status = vhdx_has_header(file, &found);
    if (status != STATUS_OK)
        return status;
    *format = VHD_FORMAT_VHDX;
    return found ? STATUS_OK : status_restore(&failure);
}

static enum status check_file(const struct file_system *fs, struct file *file,
                              struct vhd_checker *checker)
{
    enum vhd_format format;
    enum status status = tell_format(file, &format);
    if (status != STATUS_OK)
        return status;
    status =
        format == VHD_FORMAT_VHDX ? vhdx_check(fs, file, checker) : vhd1_check(fs, file, checker);
    // What a failed repair was to mend is told as it was found.
    vhd_checker_settle(checker, false);
    return status;
}

// True when a failure to open says something about the file, not about the reading of it.
static bool is_finding(enum status status)
{
    return status == STATUS_DAMAGED || status == STATUS_UNSUPPORTED ||
           status == STATUS_NOT_A_DISK || status == STATUS_PARENT_MISSING ||
           status == STATUS_PARENT_MISMATCH;
}

static void report_parent(struct vhd_checker *checker, const struct status_details *failure)
{
    const char *name = "parent-damaged";
    if (failure->status == STATUS_PARENT_MISSING)
        name = "parent-missing";
    else if (failure->status == STATUS_PARENT_MISMATCH)
        name = "parent-mismatch";
    else if (failure->os_code == VHD_ERROR_DIFFERENCING_CHAIN_CYCLE_DETECTED)
        name = "parent-cycle";
    else if (failure->os_code == VHD_ERROR_CHILD_PARENT_SIZE_MISMATCH)
        name = "parent-size";
    else if (failure->os_code == VHD_ERROR_DIFFERENCING_CHAIN_ERROR_IN_PARENT)
        name = failure->status == STATUS_UNSUPPORTED ? "parent-too-many" : "parent-sector-size";
    vhd_checker_report(checker, VHD_PROBLEM_DAMAGE, name, false, "%s", failure->message);
}

// Sizes of the generations of an open chain.
static void check_chain(struct vhd_checker *checker, struct vhd *disk)
{
    for (; disk->parent; disk = disk->parent)
        if (disk->virtual_size != disk->parent->virtual_size)
            vhd_checker_report(checker, VHD_PROBLEM_NOTE, "parent-other-size", false,
                               "%s has %llu bytes, its parent %s %llu; it cannot be merged.",
                               disk->path, (unsigned long long)disk->virtual_size,
                               disk->parent->path, (unsigned long long)disk->parent->virtual_size);
}

// Opens the chain as a reader does, without a lock: nothing of it is held by us any more.
static enum status check_parents(const char *path, const struct file_system *fs,
                                 struct vhd_checker *checker)
{
    const struct vhd_open how = {.fs = fs, .share = FILE_SHARE_ANYTHING, .native = true};
    struct vhd *disk;
    enum status status = vhd_open(path, &how, &disk);
    if (status == STATUS_OK) {
        check_chain(checker, disk);
        vhd_abandon(disk);
    } else if (is_finding(status)) {
        report_parent(checker, status_last());
    } else if (status == STATUS_IN_USE || status == STATUS_ACCESS_DENIED) {
        vhd_checker_report(checker, VHD_PROBLEM_NOTE, "parent-not-checked", false, "%s",
                           status_last()->message);
    } else {
        return status;
    }
    return STATUS_OK;
}

struct merges {
    struct vhd_checker *checker;
    struct vhd_info base;
};

// One child of the disk that is checked.
static bool check_child(void *context, const char *child_path)
{
    struct merges *m = context;
    const struct vhd_open how = {.share = FILE_SHARE_ANYTHING, .native = true, .no_parents = true};
    struct vhd *child;
    bool changed;
    if (vhd_open(child_path, &how, &child) != STATUS_OK)
        return true;
    if (vhdx_is_merge_begun(child->image, &m->base, &changed))
        vhd_checker_report(
            m->checker, changed ? VHD_PROBLEM_DAMAGE : VHD_PROBLEM_NOTE, "merge-unfinished", false,
            "%s: a merge of %s into it was begun and not finished%s. Run: vrepdisk "
            "merge %s",
            m->checker->path, child->path,
            changed ? "; until then its contents are neither the old nor the new ones"
                    : ", and nothing of it has been written yet",
            child->path);
    vhd_abandon(child);
    return true;
}

// A parent does not know that it is merged into; the children beside it do.
static enum status check_children(struct vhd *disk, struct vhd_checker *checker)
{
    struct merges merges = {.checker = checker};
    vhd_get_info(disk, &merges.base);
    enum status status = vhd_each_child(disk->path, check_child, &merges);
    if (status == STATUS_OK || status == STATUS_OUT_OF_MEMORY)
        return status;
    vhd_checker_report(checker, VHD_PROBLEM_NOTE, "children-not-checked", false, "%s",
                       status_last()->message);
    return STATUS_OK;
}

// The files that belong to the disk.
static enum status check_relatives(const char *path, const struct file_system *fs,
                                   struct vhd_checker *checker)
{
    const struct vhd_open how = {
        .fs = fs, .share = FILE_SHARE_ANYTHING, .native = true, .no_parents = true};
    struct vhd *disk;
    enum status status = vhd_open(path, &how, &disk);
    // What keeps the disk itself from being opened has been reported.
    if (status != STATUS_OK)
        return is_finding(status) ? STATUS_OK : status;
    if (disk->type == VHD_TYPE_DIFFERENCING)
        status = check_parents(path, fs, checker);
    // Only the operating system's files are in folders.
    if (status == STATUS_OK && fs == file_system_os())
        status = check_children(disk, checker);
    vhd_abandon(disk);
    return status;
}

static enum status open_file(const struct file_system *fs, const char *path, bool writable,
                             struct file **file)
{
    const struct file_open how = {
        .writable = writable,
        .share = writable ? FILE_SHARE_NOTHING : FILE_SHARE_DENY_WRITE,
        .wait_ms = FILE_SHARING_WAIT_MS,
    };
    return fs->open(fs, path, &how, file);
}

enum status vhd_check(const char *path, const struct vhd_check *how, struct vhd_checked *out)
{
    const struct file_system *fs = how->fs ? how->fs : file_system_os();
    struct vhd_checker checker;
    struct file *file;
    char *absolute;

    enum status status = vhd_door_path(fs, path, &absolute);
    if (status != STATUS_OK)
        return status;
    status = vhd_checker_begin(&checker, how, absolute);
    if (status != STATUS_OK)
        goto free_path;
    status = open_file(fs, absolute, how->repair, &file);
    if (status == STATUS_OK) {
        status = check_file(fs, file, &checker);
        file_close(file);
    }
    // What is damaged in the file itself is told; whether others fit it is not worth asking then.
    if (status == STATUS_OK && !vhd_checker_found(&checker, VHD_PROBLEM_DAMAGE))
        status = check_relatives(absolute, fs, &checker);
    enum status end_status = vhd_checker_end(&checker);
    if (status == STATUS_OK)
        status = end_status;
    if (status == STATUS_OK)
        *out = checker.result;
free_path:
    free(absolute);
    return status;
}
