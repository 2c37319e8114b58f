#include "vhd/hrl/log.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "vhd/chain.h"

#define VERIFY_AT_ONCE (64u * 1024)
#define FILE_TYPE_LOG  0u

static enum status damaged(struct hrl *log, enum hrl_fault fault, const char *what, uint64_t at)
{
    log->fault = fault;
    (void)status_fail(STATUS_DAMAGED, 0, "%s: %s at %llu %s.", log->file->path, what,
                      (unsigned long long)at, hrl_fault_text(fault));
    return status_advise(0, "Replicate what the log was for again: compare the disks.");
}

enum status hrl_load_block(struct hrl *log, uint64_t at, struct hrl_block *block)
{
    uint32_t size = log->header.metadata_size;
    enum status status = file_read(log->file, at, log->raw, size);
    if (status != STATUS_OK)
        return status;
    enum hrl_fault fault = hrl_block_decode(log->raw, size, at, block);
    return fault ? damaged(log, fault, "the metadata block", at) : STATUS_OK;
}

static enum status read_header(struct hrl *log)
{
    uint8_t raw[HRL_HEADER_SIZE];
    enum status status = file_size(log->file, &log->file_size);
    if (status == STATUS_OK && log->file_size >= sizeof raw)
        status = file_read(log->file, 0, raw, sizeof raw);
    if (status != STATUS_OK)
        return status;
    if (log->file_size < sizeof raw || !hrl_header_has_cookie(raw)) {
        (void)status_fail(STATUS_NOT_A_DISK, 0, "%s is no Hyper-V Replica log.", log->file->path);
        return status_advise(0, "Give the path of a replica log (.hrl).");
    }
    enum hrl_fault fault = hrl_header_decode(raw, &log->header);
    if (fault)
        return damaged(log, fault, "the log's header", 0);
    if (log->header.version >> 16 != HRL_VERSION_1 >> 16 &&
        log->header.version >> 16 != HRL_VERSION_2 >> 16)
        return status_fail(STATUS_UNSUPPORTED, 0,
                           "%s: version %u.%u of replica logs is not known; 1.0 and 2.0 are.",
                           log->file->path, (unsigned)(log->header.version >> 16),
                           (unsigned)(log->header.version & 0xffff));
    if (log->header.file_type != FILE_TYPE_LOG)
        return status_fail(STATUS_UNSUPPORTED, 0, "%s: file type %u is no replica log.",
                           log->file->path, (unsigned)log->header.file_type);
    uint32_t size = log->header.metadata_size;
    if (size == 0 || size % HRL_SECTOR != 0 || size > HRL_METADATA_SIZE_MAX)
        return damaged(log, HRL_FAULT_METADATA_SIZE, "the log's header", 0);
    uint64_t end = log->header.end;
    if (end != 0 && end != HRL_HEADER_SIZE && // no block at all: an empty log
        (end < HRL_HEADER_SIZE + size || end > log->file_size))
        return damaged(log, HRL_FAULT_END, "the log's header", 0);
    return STATUS_OK;
}

// The first pass of [MS-HRL] 2.5, from `end` back: checks every block and notes where it is.
static enum status walk_back(struct hrl *log, uint64_t end)
{
    hrl_index_free(&log->index);
    log->end = end;
    log->writes = log->data = 0;
    enum status status = STATUS_OK;
    while (end > HRL_HEADER_SIZE && status == STATUS_OK) {
        struct hrl_block block;
        uint64_t at = end - log->header.metadata_size;
        status = hrl_load_block(log, at, &block);
        if (status != STATUS_OK)
            break;
        status = hrl_index_add(&log->index, at);
        log->writes += block.count;
        log->data += at - block.data_at;
        end = block.previous == 0 ? HRL_HEADER_SIZE : block.data_at;
    }
    return status;
}

void hrl_rewind(struct hrl *log)
{
    log->next_segment = 0;
    log->places_left = 0;
    log->groups_read = 0;
    log->block_first = 0;
    log->block = (struct hrl_block){0};
    log->next_slot = 0;
}

// Finds the places of a segment's blocks again.
static enum status expand(struct hrl *log, struct hrl_segment segment)
{
    uint64_t at = segment.place;
    for (uint64_t i = 0; i < segment.blocks; i++) {
        uint8_t raw[HRL_BLOCK_HEADER_SIZE];
        struct hrl_block block;
        log->places[i] = at;
        if (i + 1 == segment.blocks)
            break;
        enum status status = file_read(log->file, at, raw, sizeof raw);
        if (status != STATUS_OK)
            return status;
        enum hrl_fault fault = hrl_block_header_decode(raw, log->header.metadata_size, at, &block);
        if (!fault && block.previous == 0)
            fault = HRL_FAULT_BLOCK_PREVIOUS; // changed since it was opened
        if (fault)
            return damaged(log, fault, "the metadata block", at);
        at -= block.previous;
    }
    log->places_left = segment.blocks;
    return STATUS_OK;
}

enum status hrl_next_group(struct hrl *log, bool *found)
{
    enum status status = STATUS_OK;
    log->block_first += log->block.count;
    log->block.count = 0;
    *found = log->places_left > 0 || log->next_segment < log->index.count;
    if (!*found)
        return STATUS_OK;
    if (log->places_left == 0)
        status = expand(log, hrl_index_segment(&log->index, log->next_segment++));
    if (status == STATUS_OK)
        status = hrl_load_block(log, log->places[--log->places_left], &log->block);
    if (status != STATUS_OK)
        return status;
    log->groups_read++;
    hrl_group_rewind(log);
    return STATUS_OK;
}

void hrl_group_rewind(struct hrl *log)
{
    log->next_slot = 0;
    log->next_data_at = log->block.data_at;
}

bool hrl_group_next(struct hrl *log, struct hrl_entry *entry)
{
    struct hrl_block_entry raw;
    if (log->next_slot == log->block.count)
        return false;
    hrl_block_get_entry(log->raw, log->next_slot, &raw);
    *entry = (struct hrl_entry){
        .number = log->block_first + log->next_slot,
        .group = log->groups_read - 1,
        .offset = raw.offset,
        .length = raw.length,
        .data_checksum = raw.data_checksum,
        .data_at = log->next_data_at,
        .time_ms = hrl_time_to_ms(raw.time_stamp),
    };
    log->next_slot++;
    log->next_data_at += raw.length;
    return true;
}

enum status hrl_next(struct hrl *log, struct hrl_entry *entry, bool *found)
{
    *found = hrl_group_next(log, entry);
    while (!*found) {
        bool more;
        enum status status = hrl_next_group(log, &more);
        if (status != STATUS_OK || !more)
            return status;
        *found = hrl_group_next(log, entry);
    }
    return STATUS_OK;
}

enum status hrl_read(struct hrl *log, const struct hrl_entry *entry, uint32_t offset, void *buffer,
                     size_t length)
{
    if (!range_fits(offset, length, entry->length))
        return status_fail(STATUS_INVALID_ARGUMENT, 0,
                           "%s: write %llu has %u bytes; %llu at %u are outside.", log->file->path,
                           (unsigned long long)entry->number, (unsigned)entry->length,
                           (unsigned long long)length, (unsigned)offset);
    return file_read(log->file, entry->data_at + offset, buffer, length);
}

enum status hrl_verify(struct hrl *log, const struct hrl_entry *entry)
{
    uint8_t buffer[VERIFY_AT_ONCE];
    uint32_t sum = 0;
    if (entry->data_checksum == 0)
        return STATUS_OK;
    for (uint32_t done = 0; done < entry->length;) {
        uint32_t size = (uint32_t)min_u64(sizeof buffer, entry->length - done);
        enum status status = hrl_read(log, entry, done, buffer, size);
        if (status != STATUS_OK)
            return status;
        sum = hrl_sum(sum, buffer, size);
        done += size;
    }
    if (~sum == entry->data_checksum)
        return STATUS_OK;
    return damaged(log, HRL_FAULT_DATA_CHECKSUM, "the data", entry->data_at);
}

// Ends the list of an unclosed log before the first group whose data is not all there.
static enum status drop_torn_groups(struct hrl *log)
{
    bool found = true;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && found) {
        struct hrl_entry entry;
        status = hrl_next_group(log, &found);
        while (status == STATUS_OK && found && hrl_group_next(log, &entry))
            status = hrl_verify(log, &entry);
    }
    if (status == STATUS_DAMAGED && log->fault == HRL_FAULT_DATA_CHECKSUM) {
        log->fault = HRL_FAULT_NONE;
        status = walk_back(log, log->block.previous == 0 ? HRL_HEADER_SIZE : log->block.data_at);
    }
    hrl_rewind(log);
    return status;
}

static enum status load(struct hrl *log)
{
    enum status status = read_header(log);
    if (status != STATUS_OK)
        return status;
    log->raw = malloc(log->header.metadata_size);
    if (!log->raw)
        return status_no_memory("a metadata block");
    uint64_t end = log->header.end;
    if (end == 0)
        status = hrl_find_end(log, &end);
    if (status == STATUS_OK)
        status = walk_back(log, end);
    if (status != STATUS_OK)
        return status;
    log->places = malloc((size_t)max_u64(log->index.stride, 1) * sizeof *log->places);
    if (!log->places)
        return status_no_memory("the index of a replica log");
    return log->header.end == 0 ? drop_torn_groups(log) : STATUS_OK;
}

enum status hrl_open_log(const char *path, const struct hrl_open *how, struct hrl **out,
                         enum hrl_fault *fault)
{
    const struct file_system *fs = how->fs ? how->fs : file_system_os();
    const struct file_open open = {.share = how->share, .wait_ms = how->wait_ms};
    char *absolute = NULL;
    struct hrl *log = calloc(1, sizeof *log);
    if (!log)
        return status_no_memory("a replica log");
    enum status status = vhd_door_path(fs, path, &absolute);
    if (status == STATUS_OK)
        status = fs->open(fs, absolute, &open, &log->file);
    free(absolute);
    if (status == STATUS_OK)
        status = load(log);
    *fault = status == STATUS_DAMAGED ? log->fault : HRL_FAULT_NONE;
    if (status != STATUS_OK) {
        hrl_close(log);
        return status;
    }
    *out = log;
    return STATUS_OK;
}

enum status hrl_open(const char *path, const struct hrl_open *how, struct hrl **out)
{
    enum hrl_fault fault;
    return hrl_open_log(path, how, out, &fault);
}

void hrl_close(struct hrl *log)
{
    if (!log)
        return;
    hrl_index_free(&log->index);
    file_close(log->file);
    free(log->places);
    free(log->raw);
    free(log);
}

static void describe_creator(const struct hrl_header *header, char text[], size_t size)
{
    char name[HRL_CREATOR_SIZE + 1] = "";
    for (int i = 0; i < HRL_CREATOR_SIZE; i++) {
        unsigned char c = (unsigned char)header->creator[i];
        name[i] = (char)(c < 128 && isprint(c) ? c : ' ');
    }
    for (int i = HRL_CREATOR_SIZE - 1; i >= 0 && name[i] == ' '; i--)
        name[i] = 0;
    snprintf(text, size, "%s %u.%u", name, (unsigned)(header->creator_version >> 16),
             (unsigned)(header->creator_version & 0xffff));
}

void hrl_get_info(const struct hrl *log, struct hrl_info *info)
{
    const struct hrl_header *header = &log->header;
    *info = (struct hrl_info){
        .version = header->version,
        .closed = header->end != 0,
        .file_size = log->file_size,
        .end = log->end,
        .groups = log->index.total,
        .writes = log->writes,
        .data = log->data,
        .stated_entries = header->total_entries,
        .original_size = header->original_size,
        .current_size = header->current_size,
        .metadata_size = header->metadata_size,
        .error_code = header->error_code,
        .unique_id = header->unique_id,
        .previous_id = header->previous_id,
        .data_write_guid = header->data_write_guid,
        .created_ms = hrl_time_to_ms(header->time_stamp),
        .modified_ms = hrl_time_to_ms(header->last_modified),
    };
    describe_creator(header, info->creator, sizeof info->creator);
}
