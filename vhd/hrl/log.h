// An open log for reading; shared by read.c, find_end.c, apply.c and check.c.
#ifndef VREP_VHD_HRL_LOG_H
#define VREP_VHD_HRL_LOG_H

#include "vhd/hrl.h"
#include "vhd/hrl/index.h"
#include "vhd/hrl/layout.h"

struct hrl {
    struct file *file; // owned
    uint64_t file_size;
    struct hrl_header header;
    uint64_t end; // of the last complete group
    struct hrl_index index;
    uint64_t writes; // in the groups up to `end`
    uint64_t data;
    enum hrl_fault fault; // why opening ended with STATUS_DAMAGED

    // Where reading is: a segment of the index, a block of it, an entry of that.
    size_t next_segment;
    uint64_t *places; // of the segment's blocks, the last first
    uint64_t places_left;
    uint8_t *raw; // the block
    struct hrl_block block;
    uint32_t next_slot;
    uint64_t next_data_at;
    uint64_t groups_read;
    uint64_t block_first; // number of the block's first entry in the log
};

// Opens like hrl_open. With STATUS_DAMAGED and a structure that is at fault, *fault says which.
enum status hrl_open_log(const char *path, const struct hrl_open *how, struct hrl **out,
                         enum hrl_fault *fault) MUST_CHECK;

// Reads and checks the block at `at` into log->raw. Records the failure.
enum status hrl_load_block(struct hrl *log, uint64_t at, struct hrl_block *block) MUST_CHECK;

// The next group; *found is false behind the last one.
enum status hrl_next_group(struct hrl *log, bool *found) MUST_CHECK;

// The next write of the group; false when it has no more. And back to its first.
bool hrl_group_next(struct hrl *log, struct hrl_entry *entry);
void hrl_group_rewind(struct hrl *log);

// Looks through a log that was not closed for the end of its last group that follows on all the
// ones before; HRL_HEADER_SIZE when there is none. Data is not looked at. find_end.c.
enum status hrl_find_end(struct hrl *log, uint64_t *end) MUST_CHECK;

#endif
