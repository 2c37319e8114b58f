// Where the metadata blocks of a log are. A log is walked from its end back and read forward; the
// places of all blocks would take memory in proportion to the log. So only every n-th is kept, and
// those between are found again by walking back from the next one that is.
#ifndef VREP_VHD_HRL_INDEX_H
#define VREP_VHD_HRL_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define HRL_INDEX_KEPT 65536u // an even number; so much memory an index takes at most, times 8

struct hrl_index {
    uint64_t *kept; // places of the blocks number 0, stride, 2 * stride, ... from the log's end
    size_t count;
    size_t capacity;
    uint64_t stride;
    uint64_t total; // blocks added
};

// One segment of the index: the blocks that follow a kept one on the way back, that one included.
struct hrl_segment {
    uint64_t place;  // of the kept block, the last in the file
    uint64_t blocks; // how many
};

// Adds a block; they come in order from the last to the first. Starts with {0}.
enum status hrl_index_add(struct hrl_index *index, uint64_t place) MUST_CHECK;

// The segment `number`, counted from the log's beginning; number < index->count.
struct hrl_segment hrl_index_segment(const struct hrl_index *index, size_t number);

void hrl_index_free(struct hrl_index *index);

#endif
