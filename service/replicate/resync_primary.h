// The primary's side of a resynchronization: hold the disks, connect, compare, send, commit, follow
// the merge.
#ifndef VREP_SERVICE_REPLICATE_RESYNC_PRIMARY_H
#define VREP_SERVICE_REPLICATE_RESYNC_PRIMARY_H

#include "service/replicate/job.h"

// The primary's disks of one relationship, held deny-write from the start of a resynchronization
// until COMMIT is answered, lost connections included. Freed by the supervisor on suspend, stop,
// state 9 and the service's end.
struct disk_hold;

// Opens every disk read-only, deny-write, low I/O priority, natively (a live log is replayed in
// memory), checks that no two are one file. May block for as long as a disk blocks: call it in a
// job's thread only.
enum status disk_hold_open(const struct service_context *service, const struct relationship *r,
                           struct disk_hold **out) MUST_CHECK;
void disk_hold_close(struct disk_hold *hold); // NULL is fine

enum resync_end {
    RESYNC_MERGED,    // finished: identities saved in the record, phase NONE, outcome MERGED
    RESYNC_SUSPENDED, // the order JOB_SUSPEND was followed (or the replica paused itself: cause in
                      // *why)
    RESYNC_CANCELLED, // the replica granted a cancel: child deleted, its disk never written
    RESYNC_CUT,       // the order JOB_CUT was followed
    RESYNC_RESTART, // child or cursor had to go (reason recorded as a failure with its text): start
                    // again from block 0 at once
    RESYNC_GUARD,   // split-brain guard: refused, 32390; state 10
    RESYNC_RETRY,   // connection trouble or a busy replica: try again later; failure recorded
    RESYNC_NO_SPACE, // the replica has no room: suspend with 32346; failure recorded
    RESYNC_REFUSED,  // nothing was started and nothing will be by itself (29260, 32098, replica
                     // refuses us); failure recorded
    RESYNC_FAILED,   // not recoverable: state 9; child and cursor kept; failure recorded
};

// One attempt for the relationship `key` (state 11, r->resync_id set by the caller; phase
// COMMITTING makes it ask for the outcome first). Updates the record's persisted fields through the
// registry (peer names, compared identities, phase, last outcome, last replication time) and its
// live progress; raises the disk events (29242, 29244, 29260, 29292, merge begun and finished).
// `hold`: the held disks (*hold may be NULL in the phase COMMITTING: nothing of
// them may be needed any more, and they are opened here when it is); disk_hold_close'd inside and
// set to NULL once COMMIT was answered. `throttle`: this relationship's bandwidth limit. Runs in
// the job's thread; every wait has a deadline and heeds the job's order.
enum resync_end resync_primary_run(const struct service_context *service, registry_key key,
                                   struct job *job, struct disk_hold **hold,
                                   struct throttle *throttle);

// Asks the replica to cancel, without a running attempt (states 9 and 12, pending cancels).
// RESYNC_CANCELLED, RESYNC_MERGED (too late), RESYNC_RETRY (not reachable), RESYNC_CUT,
// RESYNC_REFUSED (it does not know us: nothing to cancel there), RESYNC_GUARD (COMMIT may have
// reached it, and it does not know the resynchronization any more). `deadline_ms`: how long it may
// take in all.
enum resync_end resync_primary_cancel(const struct service_context *service, registry_key key,
                                      struct job *job, uint32_t deadline_ms);

#endif
