// What vhd/merge*.c share. Not for other folders.
#ifndef VREP_VHD_MERGE_H
#define VREP_VHD_MERGE_H

#include "vhd/chain.h"

// Opens `child_path` with its whole chain for reading: finds `levels` (at least 1) generations of
// parents and proves that the linkages hold, before anything is opened for writing. Refuses what
// cannot be merged.
enum status vhd_merge_open_reader(const char *child_path, unsigned levels,
                                  const struct file_system *fs, struct vhd **child) MUST_CHECK;

// A copy of all that `from`, opened alone, holds itself into `to`. No other thread may use either.
struct vhd_merge_copy {
    struct vhd *from;
    struct vhd *to;
    uint64_t size; // how much that is about: decides whether a second thread is worth its start
    // After each piece, from the calling thread; false stops the copy.
    bool (*copied)(void *context, uint64_t bytes);
    void *context;
};

// Data and zeros; not flushed. STATUS_CANCELLED without details when `copied` said so.
// merge_copy.c.
enum status vhd_merge_copy(const struct vhd_merge_copy *copy) MUST_CHECK;

#endif
