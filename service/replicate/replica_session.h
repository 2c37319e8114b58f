// The inside of the replica's side: one connection of a primary and the three threads that serve
// it.
//
//   reading thread (wire/connection.c)  drains the socket; routes frames, never waits
//   session thread (resync_replica.c)   takes requests, units and window ends from the inbox, in
//   order hashing thread (replica_hasher.c)   reads the bases, streams digests within the primary's
//   credit, answers for leaves
#ifndef VREP_SERVICE_REPLICATE_REPLICA_SESSION_H
#define VREP_SERVICE_REPLICATE_REPLICA_SESSION_H

#include <pthread.h>

#include "service/replicate/digest_cache.h"
#include "service/replicate/replica_table.h"
#include "service/replicate/resync_replica.h"
#include "service/replicate/unit_digest.h"
#include "service/wire/connection.h"
#include "service/wire/inbox.h"
#include "service/wire/request.h"

#define REPLICA_OPEN_WAIT_MS FILE_SHARING_WAIT_MS
// What the primary may have sent and we have not written yet. A unit costs its payload and
// DATA_FRAME_COST.
#define REPLICA_DATA_CREDIT (16u << 20)

struct replica_hasher;
struct replica_writer;

struct replica_session {
    const struct service_context *service;
    const struct replica_hooks *hooks;
    struct job *job;
    struct connection *connection;
    struct inbox *inbox;
    struct hello mine, theirs;
    struct digest_key digest_key;

    registry_key key;            // after agree or any other request that names a relationship
    struct replica_claim *claim; // after agree, cancel; NULL: none
    struct request agreed;       // the accepted agree; disks.count 0: none

    struct pair_mismatch mismatch; // what an agree failed of
    bool compares;                 // only reads: nothing else may be asked any more
    bool begun;                    // the children exist and are ours; what follows is valid
    struct vhd **bases;            // the claim's
    char **child_paths;            // one a disk, allocated
    uint64_t start[RELATIONSHIP_DISKS_MAX]; // cursors at the beginning
    struct digest_cache *digests;           // of the bases
    struct replica_writer *writer;
    pthread_mutex_t hasher_mutex;  // the reading thread uses the hasher, too
    struct replica_hasher *hasher; // guarded
};

// ---- replica_agree.c ----

// The relationship that a request is about; checks that this primary may ask. STATUS_NOT_FOUND
// (32098, with the command that is missing), STATUS_ACCESS_DENIED. `adopt`: a relationship of that
// name that was not contacted yet takes the request's id.
enum status replica_find(struct replica_session *session, const struct request *request, bool adopt,
                         registry_key *key) MUST_CHECK;

// Answers agree, and compare's first part: holds the bases (not for a probe), compares the pairs,
// keeps the request in session->agreed.
enum status replica_agree(struct replica_session *session, struct request *request,
                          struct agreement *out) MUST_CHECK;

// Opens the relationship's bases read-only and deny-write into the claim, those that are not open
// yet.
enum status replica_hold_bases(const struct service_context *service, struct replica_claim *claim,
                               const struct relationship *r, struct vhd ***bases) MUST_CHECK;

// ---- replica_identity.c ----

// STATUS_REPLICA_CHANGED (32390, with both disks' last write times) when somebody else has written
// the disk since we last left it.
enum status replica_check_guard(const struct relationship *r, size_t disk,
                                const struct vhd_info *now,
                                const struct peer_disk *primary) MUST_CHECK;

// The identity to save for a disk after room on it was reserved or given back, which changes that
// of a VHD: the present one, unless somebody else has written the disk.
enum status replica_identity_after_reserving(const struct service_context *service,
                                             const struct relationship_disk *d,
                                             struct vhd_identity *identity) MUST_CHECK;

// When the primary asks for it, gives a new VHDX child the primary's Virtual Disk ID and physical
// sector size, which its base takes over when it is merged, and not before.
enum status replica_adopt_into_child(const struct replica_session *s, size_t disk) MUST_CHECK;

// A VHD's unique id is what its child knows it by, so it can change only when the child is merged
// and deleted: the id to keep in the record until then; zero: none.
struct guid replica_id_to_adopt(const struct replica_session *s, size_t disk,
                                const struct vhd_info *base);

// Gives a merged VHD the id that its record keeps, and saves what its identity is then. Can be
// repeated.
enum status replica_adopt_into_base(const struct service_context *service, registry_key key,
                                    size_t disk) MUST_CHECK;

// Adds a text to `warnings` when a guest would see another disk than the primary's.
enum status replica_warn_of_identity(const struct request *request, size_t disk,
                                     const struct peer_disk *ours, json_t *warnings) MUST_CHECK;

// ---- replica_begin.c ----

// Answers begin: goes on with this resynchronization's children or makes them; session->begun
// afterwards.
enum status replica_begin(struct replica_session *session, struct beginning *out) MUST_CHECK;

// The second part of an answer to compare: has the digests streamed.
enum status replica_begin_comparison(struct replica_session *session) MUST_CHECK;

// Ends hashing and writing and closes the child; the claim stays.
void replica_stop_streams(struct replica_session *session);

// The same, and forgets the children.
void replica_unbegin(struct replica_session *session);

// ---- replica_discard.c ----

// Deletes the unmerged children, gives reserved room back, records that the resynchronization was
// cancelled and `reason`. Drops the claim's bases. STATUS_REFUSED (32504): it is merging.
enum status replica_discard(const struct service_context *service, registry_key key,
                            struct replica_claim *claim,
                            enum resynchronize_required_reason reason) MUST_CHECK;

// Deletes one child, a missing one is fine. It is cut down piece by piece before: where a file
// system tells the disk of every freed block, one deletion takes seconds that nobody can end.
// `give_up` (may be NULL) is asked between pieces; true ends it with STATUS_CANCELLED.
enum status replica_delete_child(const struct file_system *fs, const char *path,
                                 bool (*give_up)(void *context), void *context) MUST_CHECK;

// Deletes children and gives back room only; the record is the caller's business.
enum status replica_remove_children(const struct service_context *service,
                                    const struct relationship *r,
                                    struct replica_claim *claim) MUST_CHECK;

// ---- replica_commit.c ----

// Answers commit: reserves room, persists the phase MERGING, has the merge started.
enum status replica_commit(struct replica_session *session, const struct request *request,
                           struct outcome_report *out) MUST_CHECK;

// What the record (and the merge's progress) says of this resynchronization.
enum status replica_outcome(const struct service_context *service, registry_key key,
                            const struct guid *resync_id, struct outcome_report *out) MUST_CHECK;

// ---- replica_hasher.c ----

// Starts the hashing thread. `bases` and `start` are those of the session; `sizes` are the disks'
// virtual sizes.
enum status replica_hasher_start(struct replica_session *session, const struct relationship *r,
                                 struct replica_hasher **out) MUST_CHECK;
// From the reading thread: DIGEST_CREDIT and LEAF_REQUEST.
enum status replica_hasher_frame(struct replica_hasher *hasher, const struct wire_header *header,
                                 const uint8_t *payload) MUST_CHECK;
void replica_hasher_stop(struct replica_hasher *hasher); // waits for the thread; NULL is fine

// ---- replica_writer.c ----

enum status replica_writer_new(struct replica_session *session, const struct relationship *r,
                               struct replica_writer **out) MUST_CHECK;
// UNIT, ZERO and WINDOW_END, in the session's thread.
enum status replica_writer_frame(struct replica_writer *writer, const struct wire_header *header,
                                 const uint8_t *payload) MUST_CHECK;
// True when every disk is verified to its end.
bool replica_writer_complete(const struct replica_writer *writer);
void replica_writer_free(struct replica_writer *writer); // NULL is fine

#endif
