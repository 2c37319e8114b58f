// Writing the log ([MS-VHDX] 2.3): pages of metadata are recoverable from it before they go to
// their places. One entry holds many pages; the caller flushes.
#ifndef VREP_VHD_VHDX_LOG_WRITE_H
#define VREP_VHD_VHDX_LOG_WRITE_H

#include "vhd/file/file.h"
#include "vhd/vhdx/log_entry.h"

struct vhdx_log_writer {
    struct file *file; // not owned
    uint64_t offset;   // of the ring in the file
    uint32_t length;   // of the ring
    struct guid guid;
    uint64_t next_sequence_number;
    uint32_t next;   // offset in the ring where the next entry goes
    uint8_t *buffer; // room for one entry of vhdx_log_writer_capacity pages
};

// Starts a log at the beginning of the ring with an empty entry that is its own tail and a random
// sequence number, as Windows does (docs/formats.md). The entry must be flushed before a header
// names `guid`. `file_size`: stable size of the file; `last_offset`: end of everything in use in
// it.
enum status vhdx_log_writer_start(struct vhdx_log_writer *writer, struct file *file,
                                  uint64_t offset, uint32_t length, const struct guid *guid,
                                  uint64_t file_size, uint64_t last_offset) MUST_CHECK;

// Pages that one entry can hold: two entries fit into the ring, so that the last one stays valid
// until the next one is stable.
uint32_t vhdx_log_writer_capacity(const struct vhdx_log_writer *writer);

// Appends one entry with `count` pages (at most the capacity), its own tail: everything logged
// before is stable at its place. Stable only after the caller's flush.
enum status vhdx_log_writer_append(struct vhdx_log_writer *writer, struct vhdx_page *const *pages,
                                   uint32_t count, uint64_t file_size,
                                   uint64_t last_offset) MUST_CHECK;

void vhdx_log_writer_free(struct vhdx_log_writer *writer);

#endif
