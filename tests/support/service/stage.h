// The service without network and without other hosts: its store, registry, tasks and watch on a
// temporary folder, disks in memory, and an actor in the place of replicate/ that plays what a test
// writes into its script.
#ifndef VREP_TESTS_SUPPORT_SERVICE_STAGE_H
#define VREP_TESTS_SUPPORT_SERVICE_STAGE_H

#include <jansson.h>

#include "service/control/server.h"
#include "service/supervise/supervisor.h"
#include "service/supervise/tasks.h"
#include "tests/support/mem_fs.h"
#include "tests/support/zones.h"

#define STAGE_SCRIPT_MAX  64
#define STAGE_PATIENCE_MS 20000 // no step of a test takes longer on any machine

// How one attempt ends, and what it did before.
struct stage_line {
    enum resync_end end;
    bool begins;        // it gets as far as a child: phase Comparing
    enum status status; // of the failure that is recorded; STATUS_OK: none
    const char *message;
};

#define STAGE_FAILS(end_, begins_, status_) \
    ((struct stage_line){.end = (end_), .begins = (begins_), .status = (status_)})

struct stage {
    struct supervisor supervisor;
    const char *folder;
    struct mem_fs *disks;
    struct moving_zone moving; // of schedules; UTC until a test moves it

    pthread_mutex_t lock; // all below
    pthread_cond_t changed;
    struct stage_line run[STAGE_SCRIPT_MAX];    // attempts take these in order; then: merged
    struct stage_line cancel[STAGE_SCRIPT_MAX]; // likewise; then: cancelled
    struct stage_line merge[STAGE_SCRIPT_MAX];  // likewise; then: merged
    unsigned runs, cancels, merges, discards, compares;
    bool hold;         // attempts wait for an order or for this to become false
    bool hold_compare; // comparisons wait for an order
    bool hold_disks;   // opening a primary's disks blocks until this is false, whatever is ordered
    unsigned active, most_active;         // attempts at once
    registry_key order[STAGE_SCRIPT_MAX]; // of the attempts' beginnings
    unsigned held, released;              // primaries' disks
};

// Opens everything on a new folder, or (after stage_leave) on the same one again.
void stage_open(struct stage *stage);

// Ends the service in order; the folder and the disks stay.
void stage_leave(struct stage *stage);

// stage_leave and all gone.
void stage_close(struct stage *stage);

// For cmocka: *state is an open stage.
int stage_set_up(void **state);
int stage_tear_down(void **state);

// Leaves and opens again; keys are new then.
void stage_restart(struct stage *stage);

// The key of the relationship of that name.
registry_key stage_key(struct stage *stage, const char *name);

// Adds a primary "vm" and asks for its resynchronization.
registry_key stage_start(struct stage *stage);

// The record is in this state, with this reason; or has this error.
void stage_assert_record(struct stage *stage, registry_key key, enum replication_state state,
                         enum resynchronize_required_reason reason);
void stage_assert_error(struct stage *stage, registry_key key, enum status wanted);
struct guid stage_resync_id(struct stage *stage, registry_key key);

// A relationship of one disk that is in state 10.
registry_key stage_add(struct stage *stage, const char *name, enum replication_mode mode);

// A copy of the present record; relationship_free.
struct relationship *stage_record(struct stage *stage, registry_key key);

// Changes the record without any verb.
void stage_change(struct stage *stage, registry_key key, registry_change change, void *argument);

// A person asks; the verb's status.
enum status stage_ask(struct stage *stage, registry_key key, enum relationship_verb verb);

// Wait until it is so; fail the test when it does not come.
void stage_await_state(struct stage *stage, registry_key key, enum replication_state state);
void stage_await_idle(struct stage *stage, registry_key key); // no task
void stage_await(struct stage *stage, const unsigned *counter,
                 unsigned at_least); // a counter above

// Sets stage->hold or stage->hold_disks.
void stage_set(struct stage *stage, bool *flag, bool value);

// How many events of this id there were.
size_t stage_events(struct stage *stage, uint32_t id);
// The last of them as the log has it; the caller's reference. There must be one.
json_t *stage_last_event(struct stage *stage, uint32_t id);
void stage_await_events(struct stage *stage, uint32_t id, size_t at_least);

// One request through requests_handle, as JSON text; *result is NULL after a failure.
enum status stage_request(struct stage *stage, const char *request, json_t **result);

#endif
