// Which MiB of a VHDX file are in use, and where new blocks go. New blocks are placed at the end of
// the file or into room that is free since before the last stable log entry. Not thread-safe.
#ifndef VREP_VHD_VHDX_SPACE_H
#define VREP_VHD_VHDX_SPACE_H

#include <stdbool.h>

#include "base/status.h"
#include "vhd/vhdx/layout.h"

struct vhdx_space_run {
    uint64_t first; // in MiB
    uint64_t count;
};

struct vhdx_space {
    uint8_t *used;       // one bit a MiB of the file
    uint64_t capacity;   // bits in `used`
    uint64_t end;        // MiB past the last one in use
    uint64_t free;       // unused MiB below `end`
    uint64_t clean_from; // MiB from which on the file has never been written: new room there reads
                         // as zeros
    uint64_t hint;       // where the search for free runs goes on
    uint64_t too_long;   // no free run of that many MiB is left since the last settling; 0: unknown
    struct vhdx_space_run *released; // free once the log says so
    size_t released_count;
    size_t released_capacity;
};

// The headers' MiB is in use; `file_size` tells from where on the file has never been written.
enum status vhdx_space_init(struct vhdx_space *space, uint64_t file_size) MUST_CHECK;

void vhdx_space_free(struct vhdx_space *space);

// Marks [offset, offset + length) of the file, in whole MiB, as in use. *taken: some of it was
// already; nothing is marked then.
enum status vhdx_space_mark(struct vhdx_space *space, uint64_t offset, uint64_t length,
                            bool *taken) MUST_CHECK;

// Finds room for `length` bytes. *zeroed: it lies where the file has never been written.
enum status vhdx_space_allocate(struct vhdx_space *space, uint64_t length, uint64_t *offset,
                                bool *zeroed) MUST_CHECK;

// Finds the lowest room for `length` bytes from `from` on that ends at `limit` or before, and takes
// it; what lies in it is anything. *found says whether there was any.
enum status vhdx_space_allocate_below(struct vhdx_space *space, uint64_t from, uint64_t limit,
                                      uint64_t length, uint64_t *offset, bool *found) MUST_CHECK;

// The block at `offset` is no longer needed. Its room is not handed out before vhdx_space_settle,
// because a crash until then brings the block back.
enum status vhdx_space_release(struct vhdx_space *space, uint64_t offset,
                               uint64_t length) MUST_CHECK;

// What refers to released room is no more, stably.
void vhdx_space_settle(struct vhdx_space *space);

// The smallest size of the file that holds all that is in use.
uint64_t vhdx_space_end(const struct vhdx_space *space);

#endif
