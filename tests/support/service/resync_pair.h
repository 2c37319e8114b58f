// Two sides of one relationship in this process, with all that they have in a service: stores,
// registries, events, a listener on the loopback, one thread a connection, merges in threads of
// their own. What the supervisor does (states, retries) the test does itself.
#ifndef VREP_TESTS_SUPPORT_SERVICE_RESYNC_PAIR_H
#define VREP_TESTS_SUPPORT_SERVICE_RESYNC_PAIR_H

#include "service/replicate/resync_primary.h"
#include "service/replicate/resync_replica.h"
#include "service/replicate/replica_table.h"
#include "tests/support/random.h"

#define PAIR_DISKS_MAX 4

struct pair_side {
    char *data; // folder
    struct store *store;
    struct registry *registry;
    struct event_log *events;
    struct throttle *server_throttle;
    struct service_context context;
    registry_key key;
    char *disk[PAIR_DISKS_MAX];
};

struct pair_options {
    size_t disks; // 0: 1
    uint64_t size;
    uint32_t logical_sector_size;                      // 0: 512
    enum vhd_format primary_format;                    // 0: VHDX
    enum vhd_type primary_type;                        // 0: dynamic
    const struct file_system *primary_fs, *replica_fs; // NULL: the system's
    bool no_merge;                                     // a commit is persisted and nothing follows
};

struct resync_pair;

// Creates both disks, zero, and the records of both sides: the primary's in state 11 with a new
// resynchronization. Ends the test when it cannot.
struct resync_pair *pair_new(const struct pair_options *options);

// Ends all threads, closes, deletes the files.
void pair_free(struct resync_pair *pair);

struct pair_side *pair_primary(struct resync_pair *pair);
struct pair_side *pair_replica(struct resync_pair *pair);
uint16_t pair_port(struct resync_pair *pair);

// Ends the replica's connections and merges and starts it anew from its files.
void pair_restart_replica(struct resync_pair *pair);

// The primary asks for a new resynchronization (new id); the state before is forgotten.
void pair_request(struct resync_pair *pair, bool overwrite_replica);

// One attempt, in this thread, with disks that are held before and let go after. `job` may be NULL.
enum resync_end pair_attempt(struct resync_pair *pair, struct job *job, struct throttle *throttle);

// How many events of this id the side has raised.
size_t pair_events(const struct pair_side *side, uint32_t id);

// The primary hears of a merge before the replica has deleted its children: waits for that, too.
void pair_wait_for_clean_up(struct resync_pair *pair);

// Writes random data at a place of one disk.
void pair_write(const char *path, struct random *r, uint64_t offset, uint64_t length);
// Rewrites `blocks` different blocks of 4 KiB, chosen at random among those of `extents` ranges of
// `length` bytes that begin every `stride` bytes.
void pair_change_blocks(const char *path, struct random *r, uint64_t stride, uint64_t length,
                        uint64_t extents, uint64_t blocks);
void pair_zero(const char *path, uint64_t offset, uint64_t length);

// True when both disks read the same.
bool pair_equal(const char *a, const char *b);

// A check sum of a file's bytes (not of the disk in it).
uint64_t pair_file_sum(const char *path);

#endif
