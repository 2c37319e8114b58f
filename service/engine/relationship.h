// One relationship: what is persisted of it, and the rules of its states. Pure: no I/O, no clock;
// times are arguments.
#ifndef VREP_SERVICE_ENGINE_RELATIONSHIP_H
#define VREP_SERVICE_ENGINE_RELATIONSHIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/guid.h"
#include "base/json.h"
#include "base/status.h"
#include "service/engine/comparison.h"
#include "service/engine/schedule.h"
#include "vhd/vhd.h"

// Numbers are those of Hyper-V's PowerShell enumeration VMReplicationState.
enum replication_state {
    REPLICATION_DISABLED = 0,
    REPLICATION_REPLICATING = 4,
    REPLICATION_SUSPENDED = 8,
    REPLICATION_ERROR = 9,
    REPLICATION_WAITING_FOR_START_RESYNCHRONIZE = 10,
    REPLICATION_RESYNCHRONIZING = 11,
    REPLICATION_RESYNCHRONIZE_SUSPENDED = 12,
};

enum replication_health { HEALTH_NOT_APPLICABLE, HEALTH_NORMAL, HEALTH_WARNING, HEALTH_CRITICAL };

enum replication_mode { MODE_NONE, MODE_PRIMARY, MODE_REPLICA };

// Why state 10 (and what the last resynchronization was for).
enum resynchronize_required_reason {
    REASON_NONE,
    REASON_NOT_YET_COMPARED,
    REASON_DISK_CHANGED_WHILE_NOT_TRACKED,
    REASON_REPLICA_CHANGED,   // split-brain guard
    REASON_CANCELLED,         // a resynchronization was stopped; nothing was merged
    REASON_REQUESTED,         // an administrator asked for it
    REASON_FINISHED_ELSEWHERE // the merge was finished, or the child removed, outside the service
};

// Where a resynchronization stands; persisted, on each side its own.
enum resynchronize_phase {
    PHASE_NONE,
    PHASE_COMPARING,  // primary and replica: a child exists or may exist
    PHASE_COMMITTING, // primary: COMMIT was or may have been sent
    PHASE_MERGING,    // replica: the point of no return is persisted
    PHASE_MERGED, // replica: all bases closed, identities saved, children may remain to be deleted
};

// What became of the last resynchronization that ended; the replica repeats it when asked.
enum resynchronize_outcome { OUTCOME_NONE, OUTCOME_CANCELLED, OUTCOME_MERGED };

struct relationship_disk {
    char *path;      // absolute, UTF-8, this host's
    char *peer_name; // the other side's file name, for status; NULL until known
    // Which file the path named when it was last looked at: one disk belongs to one relationship.
    bool file_known;
    struct file_id file;
    // Primary: at the end of the last finished resync; replica: when we last left it.
    bool identity_saved;
    struct vhd_identity identity;

    // The running resynchronization. `compared` is the primary's identity, read while its disk is
    // held; it goes into cursors.
    bool compared_saved;
    struct vhd_identity compared;
    uint64_t cursor; // replica: end of what is verified and flushed in the child, bytes
    uint64_t total;  // virtual size, 0 until known
    bool reserved;   // replica: room on the base was (or may have been) reserved
    bool merged;     // replica: this disk's merge is complete and its identity saved
    // Replica, a VHD whose unique id becomes the primary's once the merge is complete (what a VHDX
    // takes over is in its child); zero: it stays.
    struct guid adopt_id;

    json_t *unknown; // members of a newer minor version, kept; NULL: none
};

struct relationship {
    struct guid id; // VMId; zero on a replica that was not contacted yet
    char *name;     // VMName
    enum replication_mode mode;
    enum replication_state state;
    enum resynchronize_required_reason reason;
    char *replica_server;     // primary: host; replica: its name as the primary calls it, or NULL
    uint16_t replica_port;    // primary
    char *primary_server;     // replica: the last primary that came; NULL before
    char *allowed_primary;    // replica: NULL: any
    uint64_t bandwidth_limit; // bytes per second, 0: none
    int64_t last_replication_time; // wall ms, 0: never
    // Primary: bytes a second of the last comparison that came to its end, of those that had to be
    // read; 0: none yet.
    uint64_t measured_rate;
    // Primary: the last look at the disks' identities (wall ms, 0: never), and whether it found a
    // disk held or unreadable, and since when.
    int64_t last_look_time;
    bool look_in_use;
    int64_t look_in_use_since;

    bool clocks_differ; // primary: from the replica server's, by more than is fine, when last seen

    struct guid resync_id; // the running or suspended one; zero: none
    enum resynchronize_phase phase;
    int64_t commit_time;   // primary, phase COMMITTING: as of when the replica's disks will equal
                           // ours; wall ms
    uint64_t queue_number; // state 11: waits for its turn, lowest first; 0: does not wait
    // State 11 before anything was begun: where a stop or a refused start leads back to.
    enum replication_state state_before;
    bool from_start;        // the next attempt begins a new resynchronization, with a new resync_id
    bool overwrite_replica; // asked for with this run
    bool adopt_identity;    // the same: the replica's disks take the primary's Virtual Disk ID
    bool cancel_pending;    // stop was asked for and not yet granted by the replica
    char *suspend_cause;    // state 12: who or what paused it; NULL otherwise
    struct guid last_resync_id; // the last one that ended
    enum resynchronize_outcome last_outcome;
    // Replica: that cancel was of one that it did not know. Asked again, it says so again.
    bool last_unbegun;
    struct status_details error; // the last error of a resynchronization; status OK: none
    // Primary: since when both sides are compared without changing anything, wall ms; 0: not now.
    int64_t comparing_since;
    struct comparison comparison;    // primary: the last one that ended
    unsigned attempts;               // failed attempts in a row of the running resynchronization
    int64_t next_attempt;            // wall ms, 0: none planned
    struct resync_schedule schedule; // primary: what starts by itself, and when

    size_t disk_count;
    struct relationship_disk *disks;
    json_t *unknown; // members of a newer minor version, kept; NULL: none

    // The name of the file that holds this record, not a member of it; zero: not stored yet.
    struct guid stored_as;
};

#define RELATIONSHIP_NAME_MAX  255 // bytes of UTF-8
#define RELATIONSHIP_DISKS_MAX 256 // Hyper-V: 4 controllers of 64
#define RELATIONSHIPS_MAX      1024

struct relationship *relationship_new(void);    // NULL: out of memory
void relationship_free(struct relationship *r); // NULL is fine

// A copy that shares nothing with `r`; NULL: out of memory.
struct relationship *relationship_copy(const struct relationship *r);

// Gives `r` its disks (count 1 to RELATIONSHIP_DISKS_MAX), each with a copy of its path; any that
// it had are freed.
enum status relationship_set_disks(struct relationship *r, const char *const *paths,
                                   size_t count) MUST_CHECK;

// Replaces *text by a copy of `value` (NULL: by NULL). On STATUS_OUT_OF_MEMORY *text is as before.
enum status relationship_set_text(char **text, const char *value) MUST_CHECK;

// STATUS_INVALID_ARGUMENT unless `name` can be a VMName: 1 to RELATIONSHIP_NAME_MAX bytes of UTF-8
// without control characters, not only spaces.
enum status relationship_check_name(const char *name) MUST_CHECK;

// To and from the members of <data>/relationships/<id>.json (format "VRepRelationship",
// js_load_file / js_save_file).
#define RELATIONSHIP_FORMAT "VRepRelationship"
#define RELATIONSHIP_MAJOR  1
#define RELATIONSHIP_MINOR  1 // 1: the schedule
enum status relationship_to_json(const struct relationship *r, json_t **out) MUST_CHECK;
// STATUS_DAMAGED names the member that is missing or has an impossible value.
enum status relationship_from_json(json_t *object, struct relationship **out) MUST_CHECK;

// Texts of enumerations as Hyper-V spells them: "WaitingForStartResynchronize", "Primary",
// "Critical", "Comparing", ...
const char *replication_state_text(enum replication_state state);
const char *replication_mode_text(enum replication_mode mode);
const char *replication_health_text(enum replication_health health);
const char *resynchronize_reason_text(enum resynchronize_required_reason reason);
const char *resynchronize_phase_text(enum resynchronize_phase phase);
const char *resynchronize_outcome_text(enum resynchronize_outcome outcome);

// What an administrator, the schedule or the peer asks of a relationship.
enum relationship_verb {
    VERB_RESUME,
    VERB_RESUME_RESYNCHRONIZE,
    VERB_RESUME_CONTINUE,
    VERB_SUSPEND,
    VERB_STOP,
    VERB_REMOVE,
    VERB_SCHEDULE_RESYNCHRONIZE, // the same as VERB_RESUME_RESYNCHRONIZE, at a later time
    VERB_COMPARE,
};

enum relationship_action {
    ACTION_NOTHING,   // already so
    ACTION_START,     // a new resynchronization from block 0 (state 11, or queued)
    ACTION_CONTINUE,  // the suspended or failed one from its cursor (state 11, or queued)
    ACTION_RETRY_NOW, // between two attempts: do not wait any longer
    ACTION_REPLICATE, // 8 -> 4
    ACTION_PAUSE,     // 4 -> 8
    ACTION_SUSPEND,   // the running resynchronization: 11 -> 12 when its job has let go
    ACTION_COMPARE,   // read both sides, change nothing; the state stays
    ACTION_STOP_COMPARISON,
    ACTION_CANCEL, // ask the replica to grant a cancel; 10 when it does
    ACTION_REMOVE,
    ACTION_SCHEDULE,   // a new resynchronization from block 0 later; the state stays
    ACTION_UNSCHEDULE, // it is not wanted any more
    ACTION_HOLD,       // 12 by the end of a window: a person's now, which the next one leaves alone
};

// The state x verb table of the design. `queued`: a start waits for its turn. Refusals are failures
// with event 32546, 32504, 29168 or 29186 and a text that names the state and the verb that fits;
// nothing is changed by this function.
enum status relationship_decide(const struct relationship *r, enum relationship_verb verb,
                                bool queued, enum relationship_action *action) MUST_CHECK;

// Delay before attempt `attempts` + 1 after that many failures in a row: 1, 2, 4, 8, 10, then 30
// minutes.
uint64_t relationship_retry_delay_ms(unsigned attempts);

// True when COMMIT was or may have been sent (primary) or the point of no return is persisted
// (replica): what is running can only be followed to its end.
bool relationship_is_merging(const struct relationship *r);

// Health and the sentences behind it (ReplicationHealthDetails), Hyper-V's rules (health.c).
// `details`: an array that the sentences are appended to, or NULL.
enum replication_health relationship_health(const struct relationship *r, int64_t now,
                                            json_t *details);

// Hyper-V's health message 33422, word for word: "Resynchronization is required for the virtual
// machine <name>. Resume replication to start resynchronization." Allocated; NULL: out of memory.
char *relationship_required_message(const struct relationship *r);

#endif
