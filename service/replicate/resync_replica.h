// The replica's side: serve a primary's connection, keep the children, commit, merge.
#ifndef VREP_SERVICE_REPLICATE_RESYNC_REPLICA_H
#define VREP_SERVICE_REPLICATE_RESYNC_REPLICA_H

#include "service/replicate/job.h"
#include "service/replicate/resync_primary.h"
#include "service/wire/transport.h"

// Called by a session when a commit was persisted (phase MERGING), so that the supervisor starts
// resync_replica_merge in a job of its own.
struct replica_hooks {
    void *context;
    void (*start_merge)(void *context, registry_key key);
};

// Serves one accepted connection until it ends: hello, then requests and streams of one primary
// (docs/protocol.md). Frees `stream`. A hostile or broken peer gets an error frame and is cut;
// nothing that it says is trusted. One session a relationship: a new one of the same primary
// displaces the old, waiting for it to let go.
void resync_replica_session(const struct service_context *service,
                            const struct replica_hooks *hooks, struct stream *stream,
                            struct job *job);

// Finishes a merge whose phase is MERGING or MERGED: renames the children without .part, merges
// each disk, persists merged and identity, deletes the child, ends with state 4, phase NONE,
// outcome MERGED. Restartable. Returns RESYNC_MERGED, RESYNC_CUT, RESYNC_RETRY (volume full or file
// held: try later; failure recorded) or RESYNC_GUARD (finished elsewhere: state 10).
enum resync_end resync_replica_merge(const struct service_context *service, registry_key key,
                                     struct job *job);

// Deletes the unmerged children of a relationship whose phase is COMPARING and gives reserved room
// back; phase NONE, outcome CANCELLED. For `remove` on the replica and for granting a cancel.
// STATUS_REFUSED (32504) once it is merging.
enum status resync_replica_discard(const struct service_context *service,
                                   registry_key key) MUST_CHECK;

// Holds the disks of a relationship whose phase is COMPARING deny-write again, as they were before
// the service ended. A disk that cannot be held now is guarded when the resynchronization goes on.
// May take as long as a disk takes.
void resync_replica_hold(const struct service_context *service, registry_key key);

// "<disk without extension>.<resync id>.part.avhdx" beside the disk (without ".part" when
// `merging`). Allocated; NULL: out of memory.
char *resync_child_path(const char *disk_path, const struct guid *resync_id, bool merging);

#endif
