// The JSON of a connection: what a primary asks of a replica, and the answers. Pure. Members that
// this version does not know are ignored; what is decoded has been checked and can be used as it is
// (docs/protocol.md).
#ifndef VREP_SERVICE_WIRE_REQUEST_H
#define VREP_SERVICE_WIRE_REQUEST_H

#include "base/json.h"
#include "service/engine/relationship.h"
#include "vhd/vhd.h"

enum request_verb {
    REQUEST_AGREE,   // may these disks be resynchronized? Nothing is changed but the replica's
                     // knowledge of the primary
    REQUEST_BEGIN,   // make the children, or open those of this resynchronization
    REQUEST_COMMIT,  // merge: the point of no return is the replica's answer
    REQUEST_CANCEL,  // delete the children, unless it is too late
    REQUEST_OUTCOME, // what became of the resynchronization
    REQUEST_FOLLOW,  // the same, answered when it merges no longer; MERGE_PROGRESS frames meanwhile
    REQUEST_COMPARE, // read both sides and change nothing; for a peer whose hello has WIRE_COMPARE
};

#define PEER_NAME_MAX 1024 // bytes of a file's name

// One disk as its owner describes it to the other side. `name` is for people, never a path.
struct peer_disk {
    char name[PEER_NAME_MAX];
    uint64_t size; // virtual
    uint32_t logical_sector, physical_sector;
    struct guid virtual_disk_id; // zero: a peer that does not tell it
    enum vhd_format format;
    enum vhd_type type;
    uint64_t allocated;  // bytes of virtual disk that the file holds blocks for
    uint64_t write_time; // 100 ns since 1601
    struct file_id file_id;
    struct vhd_identity identity;
};

struct peer_disks {
    size_t count;
    struct peer_disk *disk; // allocated
};
void peer_disks_free(struct peer_disks *disks);

// `info` of an open disk as it is told to the peer.
void peer_disk_describe(const struct vhd_info *info, struct peer_disk *out);

// True when a guest would see that it has another disk: Virtual Disk ID or physical sectors differ.
bool peer_disk_identity_differs(const struct peer_disk *a, const struct peer_disk *b);

struct request {
    enum request_verb verb;
    struct guid relationship_id; // VMId
    struct guid resync_id;
    // agree and compare only
    char vm_name[RELATIONSHIP_NAME_MAX + 1];
    bool probe; // only look: nothing will begin
    bool overwrite_replica;
    bool adopt_identity;     // the replica's disks take the primary's Virtual Disk ID and physical
                             // sectors
    struct peer_disks disks; // the primary's, in order
};
void request_free(struct request *request);
json_t *request_encode(const struct request *request); // NULL: out of memory
enum status request_decode(const uint8_t *data, size_t size, struct request *out) MUST_CHECK;

#define VOLUME_NAME_MAX 256

// A volume of the replica that some of its disks lie on. `name` is for people.
struct peer_volume {
    char name[VOLUME_NAME_MAX];
    uint64_t needed; // if every block differs, bytes
    uint64_t free_space;
};

// Answer to agree and compare.
struct agreement {
    struct peer_disks disks;    // the replica's, in order
    uint64_t free_space;        // on the fullest of their volumes
    size_t volume_count;        // 0: a peer that does not tell them
    struct peer_volume *volume; // allocated
    json_t *warnings;           // array of texts; NULL: none
};
void agreement_free(struct agreement *agreement);
json_t *agreement_encode(const struct agreement *agreement);
enum status agreement_decode(const json_t *reply, struct agreement *out) MUST_CHECK;

// Answer to begin: where the comparison of each disk starts, and why it starts anew where it could
// have gone on.
struct beginning {
    size_t count;
    uint64_t start[RELATIONSHIP_DISKS_MAX];
    char restarted[512]; // "": it goes on, or is new
};
// True: a new resynchronization's children cannot be made, and could not at another attempt (the
// folder may not be written, the name is too long). The replica keeps nothing of it.
static inline bool begin_was_refused(enum status status)
{
    return status == STATUS_ACCESS_DENIED || status == STATUS_INVALID_ARGUMENT ||
           status == STATUS_UNSUPPORTED;
}
json_t *beginning_encode(const struct beginning *beginning);
enum status beginning_decode(const json_t *reply, struct beginning *out) MUST_CHECK;

enum request_outcome {
    REQUEST_OUTCOME_UNKNOWN,   // the replica does not know this resynchronization
    REQUEST_OUTCOME_COMPARING, // not committed
    REQUEST_OUTCOME_MERGING,   // committed: it will be merged, whatever happens
    REQUEST_OUTCOME_MERGED,
    REQUEST_OUTCOME_CANCELLED,
    REQUEST_OUTCOME_ELSEWHERE, // committed, then finished or undone by somebody else
};

// Answer to commit, cancel, outcome and follow; also the payload of MERGE_PROGRESS.
struct outcome_report {
    enum request_outcome outcome;
    size_t count; // disks; 0: not told
    struct {
        uint64_t total, merged; // bytes
    } disk[RELATIONSHIP_DISKS_MAX];
};
json_t *outcome_encode(const struct outcome_report *report);
enum status outcome_decode(const json_t *reply, struct outcome_report *out) MUST_CHECK;

// A pair of disks that cannot be compared, told with a failure.
struct pair_mismatch {
    bool present;
    size_t disk;
    char name[PEER_NAME_MAX]; // the replica's
    uint64_t size;
    uint32_t logical_sector;
};

// A failure as an answer: {"error": {...}}, with {"mismatch": {...}} when `mismatch` is present.
json_t *reply_error(const struct status_details *details, const struct pair_mismatch *mismatch);

// Parses an answer. One that tells of a failure comes back as that failure; *out is untouched then.
enum status reply_decode(const uint8_t *data, size_t size, struct pair_mismatch *mismatch,
                         json_t **out) MUST_CHECK;

#endif
