// merge: a child, and its parents if asked for, into the disk that stays.
#include <string.h>
#include <strings.h>

#include "base/os.h"
#include "vhd/tool/tool.h"

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), end_length = strlen(end);
    return length >= end_length && strcasecmp(text + length - end_length, end) == 0;
}

static enum status refuse_part(const char *child)
{
    if (!ends_with(child, ".part.avhdx") && !ends_with(child, ".part.avhd"))
        return STATUS_OK;
    (void)status_fail(STATUS_REFUSED, 0,
                      "%s belongs to a resynchronization that is not complete; merging it would "
                      "leave a mixture of two disks.",
                      child);
    return status_advise(0, "Let the service finish or cancel it. --force merges it nevertheless.");
}

// Each of `files` but the first is changed by the merge, and all but the last are deleted
// afterwards: other children than the merged ones would be lost.
static enum status refuse_merge(char *const *files)
{
    enum status status = refuse_part(files[0]);
    if (status == STATUS_OK)
        status = tool_refuse_parent(files[0], NULL);
    for (size_t i = 1; files[i] && status == STATUS_OK; i++) {
        status = refuse_part(files[i]);
        if (status == STATUS_OK)
            status = tool_refuse_parent(files[i], files[i - 1]);
    }
    return status;
}

// A merge behind Hyper-V's back leaves its machine with a disk that is gone.
static void warn_of_hyperv(char *const *files)
{
    for (size_t i = 0; files[i + 1]; i++) {
        if (vhd_is_checkpoint(files[i]))
            tool_warn("%s looks like a checkpoint of a Hyper-V virtual machine, whose "
                      "configuration a merge does not update. If the machine still exists, attach "
                      "%s to it afterwards, or remove the checkpoint with Remove-VMCheckpoint "
                      "instead.",
                      files[i], files[i + 1]);
        tool_warn_of_tracking(files[i + 1]);
    }
}

static enum status merge(const char *child, unsigned levels)
{
    struct progress progress;
    const struct vhd_merge how = {
        .levels = levels, .progress = progress_step, .context = &progress};
    interrupt_watch();
    progress_start(&progress, "merging");
    enum status status = vhd_merge(child, &how);
    progress_end(&progress);
    if (status != STATUS_CANCELLED)
        return status;
    return status_advise(
        0,
        "\"vrepdisk merge %s --levels %u\" finishes it. Until then the child reads "
        "as before; its parents are not to be used without it.",
        child, levels);
}

// The last file is closed and stable: only now may the others go.
static enum status remove_merged(char *const *files)
{
    for (size_t i = 0; files[i + 1]; i++) {
        enum status status = os_remove_file(files[i]);
        if (status != STATUS_OK)
            return status_advise(0, "It is merged into %s and can be deleted.", files[i + 1]);
    }
    return STATUS_OK;
}

enum status verb_merge(const struct arguments *a, int *exit_code)
{
    (void)exit_code;
    uint32_t levels;
    char **files = NULL;
    bool force = arguments_have(a, OPTION_FORCE);

    enum status status = arguments_size32(a, OPTION_LEVELS, 1, &levels);
    if (status == STATUS_OK && (levels < 1 || levels >= VHD_CHAIN_DEPTH_MAX))
        status = status_fail(STATUS_INVALID_ARGUMENT, 0, "--levels %s is not between 1 and %d.",
                             a->values[OPTION_LEVELS], VHD_CHAIN_DEPTH_MAX - 1);
    if (status == STATUS_OK)
        status = vhd_merge_files(a->files[0], levels, NULL, &files);
    if (status != STATUS_OK)
        return status;
    if (!force)
        status = refuse_merge(files);
    if (status == STATUS_OK)
        warn_of_hyperv(files);
    if (status == STATUS_OK)
        status = merge(a->files[0], levels);
    if (status == STATUS_OK)
        status = remove_merged(files);
    vhd_free_paths(files);
    return status;
}
