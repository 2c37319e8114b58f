// Writing a log: data as it comes, a metadata block when one is full or the log is flushed, one
// flush of the file for both. Their order needs no flush in between: the file grows only, so data
// that did not get there reads as zeros and its checksum tells.
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "vhd/chain.h"
#include "vhd/hrl.h"
#include "vhd/hrl/layout.h"

#define CREATOR         "ct  " // what Hyper-V writes
#define CREATOR_VERSION 0x000A0000u

struct hrl_writer {
    struct file *file; // owned
    struct hrl_header header;
    uint8_t *raw; // the block that is being filled
    uint32_t count;
    uint32_t room;
    uint64_t last_block; // in the file
    uint64_t end;        // of what is written
    bool unflushed;
    bool poisoned;
};

static enum status poison(struct hrl_writer *writer, enum status status)
{
    if (status != STATUS_OK)
        writer->poisoned = true;
    return status;
}

static enum status refuse_poisoned(const struct hrl_writer *writer)
{
    (void)status_fail(STATUS_IO, 0,
                      "%s: the log is written no further, for writing it failed before.",
                      writer->file->path);
    return status_advise(0, "The disk's changes since then are not in it: compare the disks.");
}

static enum status write_block(struct hrl_writer *writer)
{
    uint32_t size = writer->header.metadata_size;
    uint64_t previous = writer->last_block ? writer->end - writer->last_block : 0;
    hrl_block_seal(writer->raw, previous, writer->count);
    enum status status = file_write(writer->file, writer->end, writer->raw, size);
    if (status != STATUS_OK)
        return status;
    writer->last_block = writer->end;
    writer->end += size;
    writer->unflushed = true;
    writer->count = 0;
    memset(writer->raw, 0, size);
    return STATUS_OK;
}

static enum status write_header(struct hrl_writer *writer)
{
    uint8_t raw[HRL_HEADER_SIZE];
    hrl_header_encode(&writer->header, raw);
    enum status status = file_write(writer->file, 0, raw, sizeof raw);
    return status == STATUS_OK ? writer->file->ops->flush(writer->file) : status;
}

// The header, and an empty block first, as Hyper-V does: a log without writes has an end too.
static enum status begin(struct hrl_writer *writer)
{
    writer->room = hrl_block_room(writer->header.metadata_size);
    writer->end = HRL_HEADER_SIZE;
    writer->raw = calloc(1, writer->header.metadata_size);
    if (!writer->raw)
        return status_no_memory("a metadata block");
    enum status status = guid_generate(&writer->header.unique_id);
    if (status == STATUS_OK)
        status = write_block(writer);
    if (status == STATUS_OK)
        status = write_header(writer);
    writer->unflushed = false;
    return status;
}

static struct hrl_writer *new_writer(const struct hrl_create *how, uint32_t metadata_size)
{
    struct hrl_writer *writer = calloc(1, sizeof *writer);
    if (!writer)
        return NULL;
    writer->header = (struct hrl_header){
        .version = HRL_VERSION_2,
        .time_stamp = hrl_time_now(),
        .creator_version = CREATOR_VERSION,
        .metadata_size = metadata_size,
        .last_modified = hrl_time_now(),
    };
    memcpy(writer->header.creator, CREATOR, HRL_CREATOR_SIZE);
    if (how->previous_id)
        writer->header.previous_id = *how->previous_id;
    return writer;
}

// Creates the file; when it cannot be begun it is removed again.
static enum status create_file(const struct file_system *fs, const char *path,
                               struct hrl_writer *writer)
{
    const struct file_open open = {
        .writable = true, .create = true, .share = FILE_SHARE_DENY_WRITE};
    enum status status = fs->open(fs, path, &open, &writer->file);
    if (status != STATUS_OK)
        return status;
    status = begin(writer);
    if (status == STATUS_OK)
        return STATUS_OK;
    struct status_details failure = *status_last();
    file_close(writer->file);
    writer->file = NULL;
    (void)fs->remove(fs, path);
    return status_restore(&failure);
}

enum status hrl_create(const char *path, const struct hrl_create *how, struct hrl_writer **out)
{
    const struct file_system *fs = how->fs ? how->fs : file_system_os();
    uint32_t size = how->metadata_size ? how->metadata_size : HRL_METADATA_SIZE_DEFAULT;
    char *absolute;

    if (size % HRL_SECTOR != 0 || size > HRL_METADATA_SIZE_MAX)
        return status_fail(STATUS_INVALID_ARGUMENT, 0,
                           "%s: a metadata size of %u is no multiple of 512 up to %u.", path,
                           (unsigned)size, (unsigned)HRL_METADATA_SIZE_MAX);
    struct hrl_writer *writer = new_writer(how, size);
    if (!writer)
        return status_no_memory("a replica log");
    enum status status = vhd_door_path(fs, path, &absolute);
    if (status == STATUS_OK) {
        status = create_file(fs, absolute, writer);
        free(absolute);
    }
    if (status != STATUS_OK) {
        hrl_abandon(writer);
        return status;
    }
    *out = writer;
    return STATUS_OK;
}

struct guid hrl_writer_id(const struct hrl_writer *writer)
{
    return writer->header.unique_id;
}

uint64_t hrl_writer_size(const struct hrl_writer *writer)
{
    return writer->end + (writer->count ? writer->header.metadata_size : 0);
}

static enum status append_entry(struct hrl_writer *writer, uint64_t offset, const uint8_t *data,
                                uint32_t length)
{
    const struct hrl_block_entry entry = {
        .offset = offset,
        .length = length,
        .time_stamp = hrl_time_now(),
        .data_checksum = ~hrl_sum(0, data, length),
    };
    enum status status = file_write(writer->file, writer->end, data, length);
    if (status != STATUS_OK)
        return status;
    hrl_block_set_entry(writer->raw, writer->count++, &entry);
    writer->header.total_entries++;
    writer->end += length;
    writer->unflushed = true;
    return writer->count == writer->room ? write_block(writer) : STATUS_OK;
}

enum status hrl_append(struct hrl_writer *writer, uint64_t offset, const void *data, size_t length)
{
    const uint8_t *bytes = data;
    uint64_t end;
    if (writer->poisoned)
        return refuse_poisoned(writer);
    if (add_overflows(offset, length, &end) || length % HRL_SECTOR != 0)
        return status_fail(STATUS_INVALID_ARGUMENT, 0,
                           "%s: a write of %llu bytes at %llu is not of whole sectors of a disk.",
                           writer->file->path, (unsigned long long)length,
                           (unsigned long long)offset);
    enum status status = STATUS_OK;
    for (size_t done = 0; done < length && status == STATUS_OK;) {
        uint32_t part = (uint32_t)min_u64(length - done, HRL_DATA_LENGTH_MAX);
        status = append_entry(writer, offset + done, bytes + done, part);
        done += part;
    }
    return poison(writer, status);
}

enum status hrl_flush(struct hrl_writer *writer)
{
    if (writer->poisoned)
        return refuse_poisoned(writer);
    enum status status = writer->count ? write_block(writer) : STATUS_OK;
    if (status == STATUS_OK && writer->unflushed)
        status = file_flush(writer->file);
    if (status == STATUS_OK)
        writer->unflushed = false;
    return poison(writer, status);
}

enum status hrl_finish(struct hrl_writer *writer, const struct guid *data_write_guid)
{
    enum status status = hrl_flush(writer);
    if (status == STATUS_OK) {
        writer->header.end = writer->end;
        writer->header.current_size = writer->end;
        writer->header.last_modified = hrl_time_now();
        if (data_write_guid)
            writer->header.data_write_guid = *data_write_guid;
        status = write_header(writer);
    }
    hrl_abandon(writer);
    return status;
}

void hrl_abandon(struct hrl_writer *writer)
{
    if (!writer)
        return;
    file_close(writer->file);
    free(writer->raw);
    free(writer);
}
