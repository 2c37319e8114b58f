// The two headers at 64 and 128 KiB: which one is current, and how they are replaced
// ([MS-VHDX] 2.2.2).
#ifndef VREP_VHD_VHDX_HEADER_H
#define VREP_VHD_VHDX_HEADER_H

#include <stdbool.h>

#include "vhd/file/file.h"
#include "vhd/vhdx/layout.h"

struct vhdx_header {
    uint64_t sequence_number;
    struct guid
        file_write_guid; // new at every session that changes the file, before anything else changes
    struct guid data_write_guid; // new before the first change that a reader of the disk can see
    struct guid log_guid;        // zero: nothing to replay
    uint16_t log_version;
    uint16_t version;
    uint32_t log_length;
    uint64_t log_offset;
};

struct vhdx_headers {
    struct vhdx_header current;
    unsigned slot; // where the current one is: 0 or 1
};

// False: wrong signature or checksum; *out untouched.
bool vhdx_header_decode(const uint8_t raw[VHDX_HEADER_SIZE], struct vhdx_header *out);

void vhdx_header_encode(const struct vhdx_header *header, uint8_t raw[VHDX_HEADER_SIZE]);

// Reads both headers and takes the valid one with the greater sequence number, the first when they
// are equal (docs/formats.md). STATUS_DAMAGED: neither is valid; STATUS_UNSUPPORTED: another
// version of the format.
enum status vhdx_headers_read(struct file *file, struct vhdx_headers *out) MUST_CHECK;

// Checks that the log that `header` names can be used in a file of `file_size` bytes. `live` says
// that it will be read or written now; the fields of a log that is not live are only looked at as
// far as they would be in the way.
enum status vhdx_header_check_log(const struct vhdx_header *header, const char *path,
                                  uint64_t file_size, bool live) MUST_CHECK;

// Writes `next` with the next sequence number into the slot that is not current, flushes, and makes
// it the current one. A crash leaves either the old or the new header current.
// next->sequence_number is ignored.
enum status vhdx_headers_replace(struct vhdx_headers *headers, struct file *file,
                                 const struct vhdx_header *next) MUST_CHECK;

// The same twice, so that both slots carry the new state.
enum status vhdx_headers_replace_both(struct vhdx_headers *headers, struct file *file,
                                      const struct vhdx_header *next) MUST_CHECK;

#endif
