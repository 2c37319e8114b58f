// What a comparison of both sides that changes nothing has found: kept in the primary's record.
#ifndef VREP_SERVICE_ENGINE_COMPARISON_H
#define VREP_SERVICE_ENGINE_COMPARISON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "base/status.h"

#define COMPARISON_RANGES_MAX 32 // of a disk that are listed

enum comparison_outcome {
    COMPARISON_NONE,
    COMPARISON_FINISHED,    // all was compared
    COMPARISON_STOPPED,     // by a person
    COMPARISON_FAILED,      // `error`
    COMPARISON_INTERRUPTED, // by the end of the service
};

struct comparison_range {
    uint64_t offset, length; // bytes of the virtual disk
};

struct comparison_disk {
    uint64_t total;     // virtual size
    uint64_t compared;  // everything before it
    uint64_t different; // bytes of blocks that differ
    uint64_t ranges;    // runs of such blocks, each as long as it can be
    uint64_t end;       // of the last one
    size_t listed;      // of them, the first ones
    struct comparison_range range[COMPARISON_RANGES_MAX];
};

struct comparison {
    enum comparison_outcome outcome;
    int64_t started, ended; // wall ms
    struct status_details error;
    size_t disk_count;            // 0: it came to no disk
    struct comparison_disk *disk; // allocated
};

// Notes that [offset, offset + length) differs; ranges come in ascending order.
void comparison_note(struct comparison_disk *disk, uint64_t offset, uint64_t length);

// True when some block differs.
bool comparison_differs(const struct comparison *comparison);

const char *comparison_outcome_text(enum comparison_outcome outcome);

void comparison_free(struct comparison *comparison); // what it holds; it is none then
enum status comparison_copy(const struct comparison *from, struct comparison *to) MUST_CHECK;

// As docs/control.md has LastComparison, null for none; also the form in which it is kept.
// `with_disks`: each disk's figures and ranges, too. NULL: out of memory.
json_t *comparison_to_json(const struct comparison *comparison, bool with_disks);

// STATUS_DAMAGED: not what comparison_to_json writes. *out is to be freed.
enum status comparison_from_json(const json_t *object, size_t disk_count,
                                 struct comparison *out) MUST_CHECK;

#endif
