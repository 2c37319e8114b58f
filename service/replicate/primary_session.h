// The inside of the primary's side: one connection with a replica, and the comparison over it.
//
//   reading thread (wire/connection.c)   drains the socket into the inbox
//   job's thread (resync_primary.c, compare.c)  everything else
#ifndef VREP_SERVICE_REPLICATE_PRIMARY_SESSION_H
#define VREP_SERVICE_REPLICATE_PRIMARY_SESSION_H

#include <stdatomic.h>

#include "service/replicate/resync_primary.h"
#include "service/replicate/unit_digest.h"
#include "service/wire/connection.h"
#include "service/wire/inbox.h"
#include "service/wire/request.h"

#define PRIMARY_ANSWER_MS 120000 // for answers that need the replica's disks
#define PRIMARY_STALL_MS  300000 // without any frame for so long the replica's disks are given up

// ---- disk_hold.c ----

struct disk_hold {
    size_t count;
    struct vhd **disk;
};

// ---- primary_session.c ----

struct primary_session {
    const struct service_context *service;
    registry_key key;
    struct job *job;
    struct throttle *throttle; // the relationship's; NULL: this connection sends no data
    struct relationship *r;    // as it was when the session was opened, or what the caller set
    struct connection *connection;
    struct inbox *inbox;
    struct hello mine, theirs;
    struct digest_key digest_key;
    atomic_bool committing; // from here on only JOB_CUT interrupts
    atomic_bool comparing;  // a suspension is followed when what was sent is verified
    int64_t suspend_until;  // but not later; 0: none was seen yet
    bool for_cancel;        // this connection carries a cancel: only JOB_CUT interrupts it, too
    bool question;          // nothing will begin, and no event tells of what is found
    uint64_t data_credit;   // the replica's grant, in all
    uint64_t data_sent;     // what of it is used
    enum progress_kind shown_as;
    struct resync_progress progress;
    int64_t progress_shown;
    uint64_t rate_position; // for the smoothed rate
    int64_t rate_time;
    uint64_t examined;    // bytes whose contents were compared, of all disks,
    int64_t examining_ms; // in this time
};

// Connects and exchanges hellos, with the replica of `key`'s record unless `r` is set. On failure
// nothing is left open, but `s` must be closed all the same. `deadline_ms`: for connecting.
enum status primary_open(struct primary_session *s, uint32_t deadline_ms) MUST_CHECK;
void primary_close(struct primary_session *s);

// True when an order keeps this connection from going on.
bool primary_is_ordered(void *session);
// The same, but while a suspension may still verify what was sent (the job's thread only).
bool primary_must_end(void *session);

// What a failure of this connection means for the attempt.
enum resync_end primary_end_of(struct primary_session *s, enum status st);

// Sends a request and waits for its answer. *answered: the failure is the replica's answer.
// `deadline_ms` 0: none but the connection's own. MERGE_PROGRESS frames that come meanwhile are
// shown.
enum status primary_ask(struct primary_session *s, const struct request *request,
                        uint32_t deadline_ms, struct pair_mismatch *mismatch, bool *answered,
                        json_t **reply) MUST_CHECK;

// A frame that may come at any time: DATA_CREDIT, MERGE_PROGRESS. Others are STATUS_PROTOCOL.
enum status primary_take_frame(struct primary_session *s,
                               const struct inbox_frame *frame) MUST_CHECK;

// Bytes a second that the comparisons of this session have examined; `otherwise` when there were
// none.
uint64_t primary_measured_rate(const struct primary_session *s, uint64_t otherwise);

// Shows the progress: at once, or when the last time is long enough ago.
void primary_show(struct primary_session *s, bool now);

// ---- primary_agree.c ----

// Asks with REQUEST_AGREE (a question: only to look) whether the pairs may be resynchronized, with
// REQUEST_COMPARE to have the replica's disks read.
// `hold`: the primary's disks. *answered: a failure is the replica's answer; one of a start is
// raised as 29260 or 32098, too. *out: as many disks as `hold` has; agreement_free.
enum status primary_agree(struct primary_session *s, enum request_verb verb,
                          const struct disk_hold *hold, bool *answered,
                          struct agreement *out) MUST_CHECK;

// ---- compare.c ----

// Compares one disk from `start` and sends what differs, until all of it is verified. Raises 29242
// and 29244.
enum status primary_compare(struct primary_session *s, size_t index, struct vhd *disk,
                            uint64_t start) MUST_CHECK;
// Compares one disk and only notes what differs, exact to blocks, from a replica that was asked
// with REQUEST_COMPARE. `found` has the disk's size; also after a failure it is right as far as it
// goes.
enum status primary_compare_only(struct primary_session *s, size_t index, struct vhd *disk,
                                 struct comparison_disk *found) MUST_CHECK;

#endif
