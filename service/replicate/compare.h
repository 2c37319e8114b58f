// The comparison of one disk: what compare.c (the loop, the frames) and compare_unit.c (the units)
// share.
#ifndef VREP_SERVICE_REPLICATE_COMPARE_H
#define VREP_SERVICE_REPLICATE_COMPARE_H

#include "service/replicate/primary_session.h"
#include "service/replicate/progress_pace.h"

#define COMPARE_READ_UNITS 8 // units read and compared at once: stays in the cache
// Credit that one step of comparing may use up.
#define COMPARE_STEP_COST \
    (COMPARE_READ_UNITS * (uint64_t)(UNIT_HEADER_SIZE + UNIT_SIZE + DATA_FRAME_COST))

// A unit that differs, kept until the replica's leaves have come.
struct pending_unit {
    uint64_t offset;
    uint8_t *data; // a place of pending_data
    struct unit_digests digests;
};

struct compare {
    struct primary_session *session;
    size_t index;
    struct vhd *disk;
    uint64_t size;

    uint64_t position;                    // everything before it is compared
    uint64_t received;                    // digests have come up to here
    uint64_t granted;                     // and may come up to here
    struct inbox_frame *runs, **runs_end; // HASH and ZERO_RUN frames that reach beyond `position`
    struct vhd_extent own;                // of our disk, around `position`
    uint8_t *buffer;                      // COMPARE_READ_UNITS units
    uint8_t *message;                     // a UNIT frame's data

    // Units that wait for leaves, oldest first: a ring.
    struct pending_unit pending[LEAF_REQUEST_MAX];
    uint8_t *pending_data; // LEAF_REQUEST_MAX units
    // Places that are free. What was given back last is taken first: it is still in the processor's
    // cache.
    uint8_t *free_places[LEAF_REQUEST_MAX];
    size_t pending_first, pending_count;
    size_t asked;                             // of those: requested
    size_t answered;                          // of those: their leaves have come
    struct inbox_frame *leaves, **leaves_end; // LEAVES frames to be worked on
    size_t leaves_used;                       // entries of the first one
    unsigned density;                         // leaves that differ in a unit, smoothed, times 16
    unsigned skipped;                         // units sent whole without asking, in a row

    uint64_t resend[LEAF_REQUEST_MAX];
    size_t resend_count, resend_used;

    uint64_t window_start, window_sent;
    uint64_t window_skipped; // zeros on both sides since then, which neither side had to read
    int64_t window_since;
    uint64_t mark;       // a window is to end here; 0: none
    size_t mark_pending; // units before it that still wait for leaves
    uint64_t window_end; // sent and not answered; 0: none
    uint64_t verified;

    uint64_t blocks_sent;
    struct progress_pace pace;
    struct comparison_disk *found; // takes what differs, and nothing is sent; NULL: it is sent
    uint64_t empty;                // zeros on both sides that neither side had to read
    bool waiting;                  // the last step was to wait for the replica,
    int64_t last_frame;            // which has sent nothing since then
};

// ---- compare_unit.c ----

// Compares on from `position`, at most COMPARE_READ_UNITS units that must be read. There is a run,
// credit for COMPARE_STEP_COST and at least one free pending place.
enum status compare_step(struct compare *c) MUST_CHECK;
// Works on one entry of the first LEAVES frame.
enum status compare_leaves(struct compare *c) MUST_CHECK;
// Sends one unit again, whole.
enum status compare_resend(struct compare *c) MUST_CHECK;
// Asks for the leaves of what has been found different since the last time.
enum status compare_ask_leaves(struct compare *c) MUST_CHECK;

#endif
