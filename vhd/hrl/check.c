#include "vhd/check_report.h"
#include "vhd/hrl/log.h"

static void check_header(struct hrl *log, struct vhd_checker *checker)
{
    const struct hrl_header *header = &log->header;
    if (header->end == 0)
        vhd_checker_report(checker, VHD_PROBLEM_DAMAGE, "not-closed", false,
                           "The log was not closed: %llu writes are complete, later ones may be "
                           "missing. Compare the disks.",
                           (unsigned long long)log->writes);
    else if (header->total_entries != log->writes)
        vhd_checker_report(checker, VHD_PROBLEM_DAMAGE, "total-entries", false,
                           "The header counts %llu writes; the log has %llu.",
                           (unsigned long long)header->total_entries,
                           (unsigned long long)log->writes);
    if (header->error_code != 0)
        vhd_checker_report(checker, VHD_PROBLEM_DAMAGE, "error-code", false,
                           "Its writer met error %ld; writes may be missing.",
                           (long)header->error_code);
    if (header->end != 0 && header->current_size != header->end)
        vhd_checker_report(checker, VHD_PROBLEM_NOTE, "current-size", false,
                           "The header says that the log has %llu bytes; it ends at %llu.",
                           (unsigned long long)header->current_size,
                           (unsigned long long)header->end);
    if (header->flags != 0 || header->reserved_used)
        vhd_checker_report(checker, VHD_PROBLEM_NOTE, "reserved", false,
                           "Flags or reserved bytes of the header are set.");
    if (log->file_size > log->end)
        vhd_checker_report(checker, VHD_PROBLEM_NOTE, "bytes-behind-end", false,
                           "%llu bytes follow the log's end at %llu.",
                           (unsigned long long)(log->file_size - log->end),
                           (unsigned long long)log->end);
}

static enum status check_group(struct hrl *log, struct vhd_checker *checker, uint64_t *unverified)
{
    struct hrl_entry entry;
    while (hrl_group_next(log, &entry)) {
        enum status status = hrl_verify(log, &entry);
        if (status == STATUS_DAMAGED && log->fault == HRL_FAULT_DATA_CHECKSUM)
            vhd_checker_report(checker, VHD_PROBLEM_DAMAGE, hrl_fault_name(log->fault), false,
                               "The data of write %llu, %u bytes at %llu in the file, does not "
                               "have its checksum.",
                               (unsigned long long)entry.number, (unsigned)entry.length,
                               (unsigned long long)entry.data_at);
        else if (status != STATUS_OK)
            return status;
        *unverified += entry.data_checksum == 0;
    }
    return STATUS_OK;
}

static enum status check_data(struct hrl *log, struct vhd_checker *checker)
{
    const struct vhd_check *how = checker->how;
    bool found = true;
    uint64_t unverified = 0;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && found) {
        status = hrl_next_group(log, &found);
        if (status != STATUS_OK || !found)
            break;
        status = check_group(log, checker, &unverified);
        if (status == STATUS_OK && how->progress &&
            !how->progress(how->context, log->block.at, log->end))
            status = status_fail(STATUS_CANCELLED, 0, "%s: the check was stopped.", checker->path);
    }
    if (unverified > 0)
        vhd_checker_report(checker, VHD_PROBLEM_NOTE, "data-unverified", false,
                           "%llu writes have no checksum of their data, as in Hyper-V's logs.",
                           (unsigned long long)unverified);
    return status;
}

static enum status check_log(const char *path, const struct vhd_check *how,
                             struct vhd_checker *checker)
{
    const struct hrl_open open = {
        .fs = how->fs, .share = FILE_SHARE_DENY_WRITE, .wait_ms = FILE_SHARING_WAIT_MS};
    struct hrl *log;
    enum hrl_fault fault;
    enum status status = hrl_open_log(path, &open, &log, &fault);
    if (fault) {
        vhd_checker_report(checker, VHD_PROBLEM_DAMAGE, hrl_fault_name(fault), false, "%s",
                           status_last()->message);
        return STATUS_OK;
    }
    if (status != STATUS_OK)
        return status;
    check_header(log, checker);
    status = check_data(log, checker);
    hrl_close(log);
    return status;
}

enum status hrl_check(const char *path, const struct vhd_check *how, struct vhd_checked *out)
{
    struct vhd_checker checker;
    if (how->repair)
        return status_fail(STATUS_UNSUPPORTED, 0,
                           "%s: a replica log cannot be repaired; compare the disks instead.",
                           path);
    enum status status = vhd_checker_begin(&checker, how, path);
    if (status != STATUS_OK)
        return status;
    status = check_log(path, how, &checker);
    enum status end_status = vhd_checker_end(&checker);
    if (status == STATUS_OK)
        status = end_status;
    if (status == STATUS_OK)
        *out = checker.result;
    return status;
}
