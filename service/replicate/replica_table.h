// What the replica side of one service shares between its connections, merges and requests: which
// connection works on which relationship, the bases that are held deny-write while a child exists,
// and word of a merge's progress.
#ifndef VREP_SERVICE_REPLICATE_REPLICA_TABLE_H
#define VREP_SERVICE_REPLICATE_REPLICA_TABLE_H

#include "service/replicate/job.h"
#include "vhd/vhd.h"

struct replica_table;

enum status replica_table_new(struct replica_table **out) MUST_CHECK;
// Closes the bases that are still held. Nobody may have a claim any more.
void replica_table_free(struct replica_table *table);

// The right to work on one relationship's children; one at a time.
struct replica_claim;

#define REPLICA_CLAIM_WAIT_MS \
    8000 // a displaced connection that has not let go by then is stuck in a disk

// Takes the claim for `key`. Whoever has it is displaced: its job gets the order JOB_CUT, and it
// has `wait_ms` to let go (then STATUS_IN_USE). `job`: the taker's, for the same to be done to it;
// it must live until the release. NULL: the taker is not to be displaced and lets go by itself
// soon.
enum status replica_claim_take(struct replica_table *table, registry_key key, struct job *job,
                               uint32_t wait_ms, struct replica_claim **out) MUST_CHECK;
void replica_claim_release(struct replica_claim *claim); // NULL is fine

// The held bases of the relationship: `count` read-only, deny-write disks (an element may be NULL)
// that outlive the claim. The claim's owner may use them, put others in their place, and drop them
// all. STATUS_OUT_OF_MEMORY only.
enum status replica_claim_bases(struct replica_claim *claim, size_t count,
                                struct vhd ***bases) MUST_CHECK;
void replica_claim_drop_bases(struct replica_claim *claim);

// Tells all who wait below that something about a merge has changed.
void replica_table_announce(struct replica_table *table);
// Waits until something was announced after the call that returned `seen`, at most `ms`. Returns
// the new value to pass.
uint64_t replica_table_await(struct replica_table *table, uint64_t seen, uint32_t ms);

#endif
