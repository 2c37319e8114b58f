// The layout of [MS-HRL] 2.2 to 2.4 in memory and on disk. All integers are little-endian, all
// structures packed.
#ifndef VREP_VHD_HRL_LAYOUT_H
#define VREP_VHD_HRL_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/guid.h"

#define HRL_SECTOR            512u
#define HRL_HEADER_SIZE       4096u
#define HRL_BLOCK_HEADER_SIZE 32u
#define HRL_ENTRY_SIZE        32u

// What can be wrong with a log: X(constant, name for scripts, end of a sentence).
#define HRL_FAULT_MAP(X)                                                                         \
    X(HRL_FAULT_HEADER_CHECKSUM, "header-checksum", "has a checksum that does not fit it")       \
    X(HRL_FAULT_METADATA_SIZE, "metadata-size",                                                  \
      "has a MetadataSize that is no multiple of 512 up to 1 MiB")                               \
    X(HRL_FAULT_END, "end-of-log", "has an EOLLocation that is not possible in this file")       \
    X(HRL_FAULT_BLOCK_CHECKSUM, "block-checksum", "has a checksum that does not fit it")         \
    X(HRL_FAULT_BLOCK_COUNT, "block-count", "claims more entries than it has room for")          \
    X(HRL_FAULT_BLOCK_PREVIOUS, "block-previous", "points to a previous block that cannot be")   \
    X(HRL_FAULT_BLOCK_LENGTH, "block-length", "describes more or less data than lies before it") \
    X(HRL_FAULT_ENTRY_CHECKSUM, "entry-checksum", "has an entry whose checksum does not fit it") \
    X(HRL_FAULT_ENTRY_OPERATION, "entry-operation", "has an entry that is no write")             \
    X(HRL_FAULT_DATA_CHECKSUM, "data-checksum", "does not have the checksum that its entry states")

enum hrl_fault {
    HRL_FAULT_NONE,
#define X(constant, name, text) constant,
    HRL_FAULT_MAP(X)
#undef X
};

const char *hrl_fault_name(enum hrl_fault fault);
const char *hrl_fault_text(enum hrl_fault fault);

// 2.6: the complement of the sum of all bytes. hrl_sum adds bytes to a sum; hrl_checksum leaves out
// the four bytes at `checksum_at`.
uint32_t hrl_sum(uint32_t sum, const uint8_t *data, size_t size);
uint32_t hrl_checksum(const uint8_t *data, size_t size, size_t checksum_at);

// Times are seconds since 2000-01-01 UTC in the file.
int64_t hrl_time_to_ms(uint32_t seconds);
uint32_t hrl_time_now(void);

// ---- the header (2.2) ----

#define HRL_CREATOR_SIZE 4

struct hrl_header {
    uint32_t version;
    uint32_t time_stamp;
    char creator[HRL_CREATOR_SIZE];
    uint32_t creator_version;
    uint64_t original_size;
    uint64_t current_size;
    uint64_t end; // EOLLocation; 0: not closed
    int32_t error_code;
    uint32_t metadata_size;
    struct guid unique_id;
    struct guid previous_id;
    uint32_t last_modified;
    uint64_t total_entries;
    uint32_t file_type; // 0: a replica log
    uint16_t flags;     // 0
    struct guid data_write_guid;
    bool reserved_used; // only decoded: Reserved is not 0
};

void hrl_header_encode(const struct hrl_header *header, uint8_t raw[HRL_HEADER_SIZE]);

// Does a file that begins with these bytes claim to be a log?
bool hrl_header_has_cookie(const uint8_t raw[HRL_HEADER_SIZE]);

// Takes a header with the right cookie apart; its values are as found, in range or not.
enum hrl_fault hrl_header_decode(const uint8_t raw[HRL_HEADER_SIZE], struct hrl_header *header);

// ---- a metadata block (2.3) with its entries (2.4) ----

struct hrl_block {
    uint64_t at;       // of the block in the file
    uint64_t previous; // distance back to the previous one; 0: there is none
    uint32_t count;    // entries in use
    uint64_t data_at;  // where the data begins that it describes; it ends at `at`
};

struct hrl_block_entry {
    uint64_t offset;
    uint32_t length;
    uint32_t time_stamp;
    uint32_t data_checksum;
};

// How many entries a block has room for.
uint32_t hrl_block_room(uint32_t metadata_size);

// Writes one entry into its slot of a block.
void hrl_block_set_entry(uint8_t *raw, uint32_t slot, const struct hrl_block_entry *entry);

// Completes a block whose first `count` slots are set: header and checksum.
void hrl_block_seal(uint8_t *raw, uint64_t previous, uint32_t count);

// The header of a block alone: a quick look that tells most of what is none.
enum hrl_fault hrl_block_header_decode(const uint8_t raw[HRL_BLOCK_HEADER_SIZE],
                                       uint32_t metadata_size, uint64_t at,
                                       struct hrl_block *block);

// All of a block: header, every entry in use, and that their data fills the room before it.
enum hrl_fault hrl_block_decode(const uint8_t *raw, uint32_t metadata_size, uint64_t at,
                                struct hrl_block *block);

// An entry of a block that was decoded.
void hrl_block_get_entry(const uint8_t *raw, uint32_t slot, struct hrl_block_entry *entry);

#endif
