#include "vhd/vhdx/log_replay.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/crc32c.h"
#include "base/endian.h"
#include "vhd/errors.h"
#include "vhd/vhdx/log_entry.h"

// A log that its writer kept sane is checksummed less than twice; a crafted one could ask for the
// square of its length.
#define CHECKSUM_BUDGET_LOGS 8

// What is known of the entry at one offset of the log.
struct candidate {
    enum { UNKNOWN, INVALID, VALID } verdict;
    uint32_t length;
    uint32_t tail;
    uint64_t sequence_number;
};

struct log {
    struct file *file;
    uint64_t offset;
    uint32_t length;
    struct guid guid;
    struct candidate *candidates; // one a sector
    uint64_t checksum_budget;     // bytes
};

struct sequence {
    uint32_t tail; // offset in the log of the first entry to replay
    uint32_t head; // and of the last one
    uint64_t head_number;
    bool found;
};

// Reads one sector of the ring; `at` may lie past its end.
static enum status read_sector(const struct log *log, uint64_t at, uint8_t sector[VHDX_LOG_SECTOR])
{
    return file_read(log->file, log->offset + at % log->length, sector, VHDX_LOG_SECTOR);
}

static enum status checksum_matches(struct log *log, uint32_t at, uint32_t length, bool *matches)
{
    *matches = false;
    if (length > log->checksum_budget)
        return STATUS_OK;
    log->checksum_budget -= length;
    uint32_t stored = 0;
    uint32_t crc = 0;
    for (uint32_t done = 0; done < length; done += VHDX_LOG_SECTOR) {
        uint8_t sector[VHDX_LOG_SECTOR];
        enum status status = read_sector(log, (uint64_t)at + done, sector);
        if (status)
            return status;
        if (done == 0) {
            stored = load_le32(sector + VHDX_LOG_CHECKSUM_OFFSET);
            store_le32(sector + VHDX_LOG_CHECKSUM_OFFSET, 0);
        }
        crc = crc32c(crc, sector, sizeof sector);
    }
    *matches = crc == stored;
    return STATUS_OK;
}

// Called for each descriptor of an entry; `sector` is that of a data descriptor. False in *accepted
// ends the walk.
typedef enum status visit_descriptor(void *context, const struct vhdx_log_descriptor *descriptor,
                                     const uint8_t sector[VHDX_LOG_SECTOR], bool *accepted);

// Walks the descriptors of an entry. *accepted false: one of them, or its sector, is malformed.
static enum status walk_descriptors(const struct log *log, uint32_t at,
                                    const struct vhdx_log_entry *entry, visit_descriptor *visit,
                                    void *context, bool *accepted)
{
    uint64_t data_at = vhdx_log_descriptor_sectors(entry->descriptor_count) * VHDX_LOG_SECTOR;
    uint8_t descriptors[VHDX_LOG_SECTOR];
    *accepted = true;
    for (uint32_t i = 0; i < entry->descriptor_count && *accepted; i++) {
        uint64_t place = vhdx_log_descriptor_offset(i);
        enum status status = STATUS_OK;
        if (i == 0 || place % VHDX_LOG_SECTOR == 0)
            status = read_sector(log, at + align_down(place, VHDX_LOG_SECTOR), descriptors);
        if (status)
            return status;
        struct vhdx_log_descriptor d;
        uint8_t sector[VHDX_LOG_SECTOR];
        if (!vhdx_log_descriptor_decode(descriptors + place % VHDX_LOG_SECTOR,
                                        entry->sequence_number, &d)) {
            *accepted = false;
            break;
        }
        if (d.kind == VHDX_LOG_DATA) {
            if (data_at >= entry->length) {
                *accepted = false;
                break;
            }
            status = read_sector(log, at + data_at, sector);
            if (status)
                return status;
            *accepted = vhdx_log_data_sector_matches(sector, entry->sequence_number);
            data_at += VHDX_LOG_SECTOR;
        }
        if (*accepted)
            status = visit(context, &d, sector, accepted);
        if (status)
            return status;
    }
    if (data_at != entry->length)
        *accepted = false;
    return STATUS_OK;
}

static enum status accept_descriptor(void *context, const struct vhdx_log_descriptor *descriptor,
                                     const uint8_t sector[VHDX_LOG_SECTOR], bool *accepted)
{
    (void)context;
    (void)descriptor;
    (void)sector;
    *accepted = true;
    return STATUS_OK;
}

// Reads the header of the entry at `at`. False in *valid: there is none of this log.
static enum status read_entry(const struct log *log, uint32_t at, struct vhdx_log_entry *entry,
                              bool *valid)
{
    uint8_t sector[VHDX_LOG_SECTOR];
    enum status status = read_sector(log, at, sector);
    if (!status)
        *valid = vhdx_log_entry_decode(sector, log->length, entry) &&
                 guid_equal(&entry->log_guid, &log->guid);
    return status;
}

// Judges the entry at `at`, once.
static enum status judge(struct log *log, uint32_t at, const struct candidate **out)
{
    struct candidate *c = &log->candidates[at / VHDX_LOG_SECTOR];
    *out = c;
    if (c->verdict != UNKNOWN)
        return STATUS_OK;
    struct vhdx_log_entry entry;
    bool valid;
    enum status status = read_entry(log, at, &entry, &valid);
    if (!status && valid)
        status = walk_descriptors(log, at, &entry, accept_descriptor, NULL, &valid);
    if (!status && valid)
        status = checksum_matches(log, at, entry.length, &valid);
    if (status)
        return status;
    c->verdict = valid ? VALID : INVALID;
    if (valid) {
        c->length = entry.length;
        c->tail = entry.tail;
        c->sequence_number = entry.sequence_number;
    }
    return STATUS_OK;
}

// True when an entry of the run from `start` to `head` begins at `tail`.
static bool is_in_run(const struct log *log, uint32_t start, uint32_t head, uint32_t tail)
{
    uint32_t at = start;
    while (at != tail && at != head) {
        uint32_t length = log->candidates[at / VHDX_LOG_SECTOR].length;
        at = (uint32_t)(((uint64_t)at + length) % log->length);
    }
    return at == tail;
}

// Grows the run of entries that starts at `start`. The run counts when the tail of its last entry
// is one of its entries. *next: where the search goes on, past the run: a part of it has the same
// last entry, so if that one's tail is not in the whole it is not in the part, and inside a valid
// entry no other one begins.
static enum status grow_run(struct log *log, uint32_t start, struct sequence *best, uint64_t *next)
{
    uint32_t at = start;
    uint64_t covered = 0; // bytes of the ring in the run
    const struct candidate *head = NULL;
    uint32_t head_at = 0;
    for (;;) {
        const struct candidate *c;
        enum status status = judge(log, at, &c);
        if (status)
            return status;
        if (c->verdict != VALID || covered + c->length > log->length ||
            (head && c->sequence_number != head->sequence_number + 1))
            break;
        head = c;
        head_at = at;
        covered += c->length;
        at = (uint32_t)(((uint64_t)at + c->length) % log->length);
    }
    *next = start + (head ? covered : VHDX_LOG_SECTOR);
    if (head && (!best->found || head->sequence_number > best->head_number) &&
        is_in_run(log, start, head_at, head->tail))
        *best = (struct sequence){.tail = head->tail,
                                  .head = head_at,
                                  .head_number = head->sequence_number,
                                  .found = true};
    return STATUS_OK;
}

static enum status find_active_sequence(struct log *log, struct sequence *active)
{
    *active = (struct sequence){0};
    uint64_t at = 0;
    while (at < log->length) {
        enum status status = grow_run(log, (uint32_t)at, active, &at);
        if (status)
            return status;
    }
    if (!active->found) {
        status_fail(STATUS_DAMAGED, VHD_ERROR_SPARSE_HEADER_CORRUPT,
                    "VHDX %s: log: the header names a live log, but it has no valid sequence of "
                    "entries.",
                    log->file->path);
        return status_advise(0, "Restore the file from a backup.");
    }
    return STATUS_OK;
}

// Walks the descriptors of all entries of a sequence.
static enum status walk_sequence(const struct log *log, const struct sequence *active,
                                 visit_descriptor *visit, void *context)
{
    for (uint32_t at = active->tail;;) {
        struct vhdx_log_entry entry;
        bool valid;
        enum status status = read_entry(log, at, &entry, &valid);
        if (!status && valid)
            status = walk_descriptors(log, at, &entry, visit, context, &valid);
        if (status)
            return status;
        if (!valid)
            return status_fail(STATUS_IO, 0, "VHDX %s: log: it changed while it was read.",
                               log->file->path);
        if (at == active->head)
            return STATUS_OK;
        at = (uint32_t)(((uint64_t)at + entry.length) % log->length);
    }
}

static enum status check_target(void *context, const struct vhdx_log_descriptor *d,
                                const uint8_t sector[VHDX_LOG_SECTOR], bool *accepted)
{
    const struct log *log = context;
    (void)sector;
    *accepted = true;
    if (d->file_offset < VHDX_REGION_TABLE1_OFFSET ||
        !range_fits(d->file_offset, d->length, VHDX_FILE_SIZE_MAX) ||
        (d->file_offset < log->offset + log->length && log->offset < d->file_offset + d->length))
        return status_fail(STATUS_DAMAGED, VHD_ERROR_SPARSE_HEADER_CORRUPT,
                           "VHDX %s: log: an entry writes %" PRIu64 " bytes at %" PRIu64
                           ", where a log must not.",
                           log->file->path, d->length, d->file_offset);
    return STATUS_OK;
}

// Where replayed pages go: to the file, or over it.
struct target {
    struct vhdx_view *view;
    bool to_file;
};

// Zeros past the end of the file need only its growth.
static enum status zero_file(struct target *t, uint64_t offset, uint64_t length)
{
    struct file *file = t->view->file;
    uint64_t inside =
        offset < t->view->file_size ? min_u64(length, t->view->file_size - offset) : 0;
    enum status status = inside ? file->ops->zero(file, offset, inside) : STATUS_OK;
    if (!status && offset + length > t->view->file_size) {
        status = file->ops->set_size(file, offset + length);
        if (!status)
            t->view->file_size = t->view->size = offset + length;
    }
    return status;
}

static enum status write_file(struct target *t, uint64_t offset, const uint8_t *page)
{
    enum status status = file_write(t->view->file, offset, page, VHDX_PAGE_SIZE);
    if (!status && offset + VHDX_PAGE_SIZE > t->view->file_size)
        t->view->file_size = t->view->size = offset + VHDX_PAGE_SIZE;
    return status;
}

static enum status replay_descriptor(void *context, const struct vhdx_log_descriptor *d,
                                     const uint8_t sector[VHDX_LOG_SECTOR], bool *accepted)
{
    struct target *t = context;
    *accepted = true;
    if (d->length == 0)
        return STATUS_OK;
    if (d->kind == VHDX_LOG_ZERO)
        return t->to_file ? zero_file(t, d->file_offset, d->length)
                          : vhdx_view_put_zeros(t->view, d->file_offset, d->length);
    uint8_t page[VHDX_PAGE_SIZE];
    vhdx_log_restore_page(d, sector, page);
    return t->to_file ? write_file(t, d->file_offset, page)
                      : vhdx_view_put_page(t->view, d->file_offset, page);
}

// The file holds all its structures afterwards.
static enum status extend(struct target *t, uint64_t size)
{
    if (size <= t->view->size)
        return STATUS_OK;
    if (t->to_file) {
        enum status status = t->view->file->ops->set_size(t->view->file, size);
        if (status)
            return status;
        t->view->file_size = size;
    }
    t->view->size = size;
    return STATUS_OK;
}

static enum status check_head(const struct log *log, uint64_t file_size,
                              const struct vhdx_log_entry *head)
{
    if (file_size < head->flushed_file_offset) {
        status_fail(STATUS_DAMAGED, VHD_ERROR_INVALID_FILE_SIZE,
                    "VHDX %s: the file has %" PRIu64 " bytes, but it had %" PRIu64
                    " when its log was written: it was truncated.",
                    log->file->path, file_size, head->flushed_file_offset);
        return status_advise(0, "Restore the file from a backup.");
    }
    if (head->last_file_offset > VHDX_FILE_SIZE_MAX)
        return status_fail(STATUS_DAMAGED, VHD_ERROR_SPARSE_HEADER_CORRUPT,
                           "VHDX %s: log: the file would have to have %" PRIu64 " bytes.",
                           log->file->path, head->last_file_offset);
    return STATUS_OK;
}

// Finds the active sequence and checks all of it before anything is replayed. *size: what the file
// must have afterwards.
static enum status prepare(struct log *log, uint64_t file_size, struct sequence *active,
                           uint64_t *size)
{
    enum status status = find_active_sequence(log, active);
    if (status)
        return status;
    struct vhdx_log_entry head;
    bool valid;
    status = read_entry(log, active->head, &head, &valid);
    if (status)
        return status;
    if (!valid)
        return status_fail(STATUS_IO, 0, "VHDX %s: log: it changed while it was read.",
                           log->file->path);
    *size = head.last_file_offset;
    status = check_head(log, file_size, &head);
    return status ? status : walk_sequence(log, active, check_target, log);
}

static enum status replay_sequence(const struct log *log, const struct sequence *active,
                                   uint64_t size, struct target *target)
{
    enum status status = walk_sequence(log, active, replay_descriptor, target);
    return status ? status : extend(target, size);
}

static enum status open_log(struct log *log, const struct vhdx_view *view,
                            const struct vhdx_header *header)
{
    enum status status = vhdx_header_check_log(header, view->file->path, view->file_size, true);
    if (status)
        return status;
    *log = (struct log){
        .file = view->file,
        .offset = header->log_offset,
        .length = header->log_length,
        .guid = header->log_guid,
        .checksum_budget = (uint64_t)CHECKSUM_BUDGET_LOGS * header->log_length,
    };
    log->candidates = calloc(log->length / VHDX_LOG_SECTOR, sizeof *log->candidates);
    return log->candidates ? STATUS_OK : status_no_memory("the log of a VHDX file");
}

enum status vhdx_log_replay_to_view(struct vhdx_view *view, const struct vhdx_header *header)
{
    struct target target = {.view = view};
    struct log log;
    struct sequence active;
    uint64_t size;
    enum status status = open_log(&log, view, header);
    if (status)
        return status;
    status = prepare(&log, view->file_size, &active, &size);
    if (!status)
        status = replay_sequence(&log, &active, size, &target);
    free(log.candidates);
    return status;
}

enum status vhdx_log_replay_to_file(struct vhdx_view *view, struct vhdx_headers *headers)
{
    struct target target = {.view = view, .to_file = true};
    struct vhdx_header next = headers->current;
    struct log log;
    struct sequence active;
    uint64_t size;
    enum status status = open_log(&log, view, &headers->current);
    if (status)
        return status;
    status = prepare(&log, view->file_size, &active, &size);
    if (!status)
        status = guid_generate(&next.file_write_guid);
    if (!status)
        status = vhdx_headers_replace_both(headers, view->file, &next);
    if (!status)
        status = replay_sequence(&log, &active, size, &target);
    if (!status)
        status = file_flush(view->file);
    if (!status) {
        next.log_guid = (struct guid){0};
        status = vhdx_headers_replace_both(headers, view->file, &next);
    }
    free(log.candidates);
    return status;
}
