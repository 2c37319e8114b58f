#include "vhd/vhdx/log_write.h"

#include <stdlib.h>

#include "base/checked.h"
#include "base/os.h"

// One entry is at most that large, however large the ring is; it is built in memory.
#define ENTRY_SIZE_MAX (1u << 20)

uint32_t vhdx_log_writer_capacity(const struct vhdx_log_writer *writer)
{
    uint64_t sectors = min_u64(writer->length / 2, ENTRY_SIZE_MAX) / VHDX_LOG_SECTOR;
    uint64_t pages = sectors - 1;
    while (vhdx_log_entry_size(pages) > sectors * VHDX_LOG_SECTOR)
        pages--;
    return (uint32_t)pages;
}

static enum status write_ring(const struct vhdx_log_writer *writer, uint32_t length)
{
    uint32_t before_wrap = (uint32_t)min_u64(length, writer->length - writer->next);
    enum status status =
        file_write(writer->file, writer->offset + writer->next, writer->buffer, before_wrap);
    if (!status && before_wrap < length)
        status = file_write(writer->file, writer->offset, writer->buffer + before_wrap,
                            length - before_wrap);
    return status;
}

enum status vhdx_log_writer_start(struct vhdx_log_writer *writer, struct file *file,
                                  uint64_t offset, uint32_t length, const struct guid *guid,
                                  uint64_t file_size, uint64_t last_offset)
{
    struct vhdx_log_writer w = {.file = file, .offset = offset, .length = length, .guid = *guid};
    enum status status = os_random(&w.next_sequence_number, sizeof w.next_sequence_number);
    if (status)
        return status;
    // 63 bits leave room to count; zero is not a sequence number.
    w.next_sequence_number = (w.next_sequence_number >> 1) | 1;
    w.buffer = malloc((size_t)vhdx_log_entry_size(vhdx_log_writer_capacity(&w)));
    if (!w.buffer)
        return status_no_memory("the log of a VHDX file");
    status = vhdx_log_writer_append(&w, NULL, 0, file_size, last_offset);
    if (status) {
        vhdx_log_writer_free(&w);
        return status;
    }
    *writer = w;
    return STATUS_OK;
}

enum status vhdx_log_writer_append(struct vhdx_log_writer *writer, struct vhdx_page *const *pages,
                                   uint32_t count, uint64_t file_size, uint64_t last_offset)
{
    struct vhdx_log_entry entry = {
        .tail = writer->next,
        .sequence_number = writer->next_sequence_number,
        .log_guid = writer->guid,
        .flushed_file_offset = align_down(file_size, VHDX_MIB),
        .last_file_offset = last_offset,
    };
    vhdx_log_entry_encode(&entry, pages, count, writer->buffer);
    enum status status = write_ring(writer, entry.length);
    if (status)
        return status_context("VHDX %s: log", writer->file->path);
    writer->next_sequence_number++;
    writer->next = (writer->next + entry.length) % writer->length;
    return STATUS_OK;
}

void vhdx_log_writer_free(struct vhdx_log_writer *writer)
{
    free(writer->buffer);
    writer->buffer = NULL;
}
