// One entry of the log: its header, descriptors and data sectors ([MS-VHDX] 2.3.1). Shared by the
// replay and the writer.
#ifndef VREP_VHD_VHDX_LOG_ENTRY_H
#define VREP_VHD_VHDX_LOG_ENTRY_H

#include <stdbool.h>

#include "vhd/vhdx/layout.h"
#include "vhd/vhdx/page_map.h"

#define VHDX_LOG_SECTOR            4096
#define VHDX_LOG_ENTRY_HEADER_SIZE 64
#define VHDX_LOG_DESCRIPTOR_SIZE   32
#define VHDX_LOG_CHECKSUM_OFFSET   4

struct vhdx_log_entry {
    uint32_t length;          // of the whole entry, in bytes
    uint32_t tail;            // offset in the log of the oldest entry that a replay needs
    uint64_t sequence_number; // > 0, one more than that of the entry before
    uint32_t descriptor_count;
    struct guid log_guid;
    uint64_t flushed_file_offset; // the file was stably that large
    uint64_t last_file_offset;    // the file must be that large
};

// False: wrong signature, or lengths that cannot be: `length` and `tail` are whole sectors within
// `log_length`, and the descriptors fit into the entry. The checksum covers the whole entry and is
// the caller's to check.
bool vhdx_log_entry_decode(const uint8_t raw[VHDX_LOG_ENTRY_HEADER_SIZE], uint32_t log_length,
                           struct vhdx_log_entry *out);

// Sectors that the header and `count` descriptors take.
uint64_t vhdx_log_descriptor_sectors(uint64_t count);

// Offset of descriptor `index` in the entry.
uint64_t vhdx_log_descriptor_offset(uint32_t index);

enum vhdx_log_descriptor_kind { VHDX_LOG_DATA, VHDX_LOG_ZERO };

struct vhdx_log_descriptor {
    enum vhdx_log_descriptor_kind kind;
    uint64_t file_offset;
    uint64_t length;     // zeros: bytes; data: one page
    uint8_t leading[8];  // data: the first 8 bytes of the page
    uint8_t trailing[4]; // data: the last 4 bytes of the page
};

// False: unknown kind, another sequence number, or offsets and lengths that are not whole pages.
bool vhdx_log_descriptor_decode(const uint8_t raw[VHDX_LOG_DESCRIPTOR_SIZE],
                                uint64_t sequence_number, struct vhdx_log_descriptor *out);

// True when a data sector carries the sequence number at both ends.
bool vhdx_log_data_sector_matches(const uint8_t sector[VHDX_LOG_SECTOR], uint64_t sequence_number);

// Puts the page of a data descriptor together again.
void vhdx_log_restore_page(const struct vhdx_log_descriptor *descriptor,
                           const uint8_t sector[VHDX_LOG_SECTOR], uint8_t page[VHDX_PAGE_SIZE]);

// Bytes of an entry that holds `count` pages.
uint64_t vhdx_log_entry_size(uint64_t count);

// Builds an entry with the contents of `count` pages in `raw`, which has vhdx_log_entry_size(count)
// bytes. entry->length and entry->descriptor_count are set.
void vhdx_log_entry_encode(struct vhdx_log_entry *entry, struct vhdx_page *const *pages,
                           uint32_t count, uint8_t *raw);

#endif
