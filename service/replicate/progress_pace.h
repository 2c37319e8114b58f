// When the progress of one disk is told as an event: at each tenth, but not more often than every
// half minute. Pure: the clock is an argument.
#ifndef VREP_SERVICE_REPLICATE_PROGRESS_PACE_H
#define VREP_SERVICE_REPLICATE_PROGRESS_PACE_H

#include <stdbool.h>
#include <stdint.h>

#define PROGRESS_PACE_MS 30000

struct progress_pace {
    int64_t told_ms; // when the last event was due, or the work began
    unsigned tenths; // of the work that were done then
};

// The work on a disk begins with `done` of `total` bytes, at `mono_ms` of the monotonic clock.
void progress_pace_begin(struct progress_pace *pace, uint64_t done, uint64_t total,
                         int64_t mono_ms);

// True: an event is due now, and counts as told; *percent is what it says. Never for a disk that is
// done: other events tell that.
bool progress_pace_due(struct progress_pace *pace, uint64_t done, uint64_t total, int64_t mono_ms,
                       unsigned *percent);

#endif
