// The live relationships of this service: one table that requests, jobs and sessions share. Readers
// get copies and never wait for a disk; a change is persisted before anybody sees it.
#ifndef VREP_SERVICE_REGISTRY_H
#define VREP_SERVICE_REGISTRY_H

#include "service/engine/relationship.h"
#include "service/engine/store.h"

struct registry;

// What a running resynchronization shows; not persisted. Per disk, bytes unless said otherwise.
struct disk_progress {
    uint64_t total;     // virtual size
    uint64_t start;     // where this run began (its cursor)
    uint64_t compared;  // position: everything before it is resolved
    uint64_t different; // bytes found different
    uint64_t sent;      // bytes of data sent (wire, without frame headers)
    uint64_t verified;  // the replica's cursor
    uint64_t merge_total;
    uint64_t merged;
};

struct resync_progress {
    const char *activity; // static text: "Connecting", "Comparing", "Verifying", "Committing",
                          // "Merging", "Waiting to retry"
    int64_t started;      // wall ms
    int64_t mono_started; // for rates
    uint64_t rate;        // bytes compared (or merged) per second, smoothed over some seconds
    int64_t remaining_s;  // -1: not known yet
    size_t disk_count;
    struct disk_progress disk[RELATIONSHIP_DISKS_MAX];
};

// Takes over what the store holds. `store` outlives the registry.
enum status registry_open(struct store *store, struct registry **out) MUST_CHECK;
void registry_close(struct registry *registry); // NULL is fine; no other call may run any more

// A state file that could not be read when the registry was opened: it was left as it is.
struct unreadable_state {
    char *path;
    struct status_details why;
};
// Owned by the registry, constant for its life.
const struct unreadable_state *registry_unreadable(const struct registry *registry, size_t *count);

// A handle inside the registry for one relationship: stable for the life of the service, whatever
// its id and name become; numbers are never reused. 0 is no key.
typedef uint32_t registry_key;

// Adds a new relationship (registry takes over `r` on success) and persists it. STATUS_EXISTS: a
// relationship of the same mode has that name, or any has that id.
enum status registry_add(struct registry *registry, struct relationship *r,
                         registry_key *key) MUST_CHECK;

// Keys of all relationships in order of name, allocated; caller frees.
enum status registry_list(struct registry *registry, registry_key **keys, size_t *count) MUST_CHECK;

// By name or by id text. STATUS_NOT_FOUND (event 32098); several relationships of that name:
// STATUS_INVALID_ARGUMENT listing the ids.
enum status registry_find(struct registry *registry, const char *name_or_id,
                          registry_key *key) MUST_CHECK;
enum status registry_find_id(struct registry *registry, const struct guid *id,
                             registry_key *key) MUST_CHECK;

// A copy of the present record; caller frees with relationship_free. STATUS_NOT_FOUND: removed
// meanwhile.
enum status registry_get(struct registry *registry, registry_key key,
                         struct relationship **out) MUST_CHECK;

// Changes a record: `change` gets a private copy; when it returns STATUS_OK the copy is persisted
// and then becomes what readers see. A failure of `change` or of the disk changes nothing. `change`
// must not call the registry.
typedef enum status (*registry_change)(struct relationship *r, void *argument);
enum status registry_update(struct registry *registry, registry_key key, registry_change change,
                            void *argument) MUST_CHECK;

// Forgets a relationship and deletes its file; copies that were handed out stay valid.
// STATUS_NOT_FOUND.
enum status registry_remove(struct registry *registry, registry_key key) MUST_CHECK;

// Live progress, of a resynchronization and of a comparison that only reads. `set` copies; `get`
// gives false when there is none. `registry_clear_progress` forgets it.
enum progress_kind { PROGRESS_RESYNC, PROGRESS_COMPARISON, PROGRESS_KINDS };
void registry_set_progress(struct registry *registry, registry_key key, enum progress_kind kind,
                           const struct resync_progress *progress);
bool registry_get_progress(struct registry *registry, registry_key key, enum progress_kind kind,
                           struct resync_progress *out);
void registry_clear_progress(struct registry *registry, registry_key key, enum progress_kind kind);

// What is counted of a relationship since the service has started.
enum registry_counter {
    COUNT_FAILED_ATTEMPTS,       // of resynchronizations, and on a replica of merges
    COUNT_VERIFICATION_FAILURES, // units that read back different from what was written
    REGISTRY_COUNTS
};
void registry_count(struct registry *registry, registry_key key, enum registry_counter counter,
                    uint64_t by);
uint64_t registry_get_count(struct registry *registry, registry_key key,
                            enum registry_counter counter);

#endif
