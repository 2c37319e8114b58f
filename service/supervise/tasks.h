// The long works of the service, one a relationship: resynchronizations and comparisons (primary)
// in their order of turn, and merges (replica). A task runs in a thread of its own only while it
// does something: between attempts and in the queue it is a record here, and the scheduler's thread
// starts it when its time or its turn has come.
#ifndef VREP_SERVICE_SUPERVISE_TASKS_H
#define VREP_SERVICE_SUPERVISE_TASKS_H

#include "service/control/server.h"
#include "service/supervise/supervisor.h"

enum task_kind { TASK_RESYNC, TASK_MERGE, TASK_COMPARE };

// Who gave the last order, for events.
struct task_caller {
    char account[256];
    char client[72];
};

// One task as its own thread sees it (resync_task.c, merge_task.c). The thread owns all of it while
// it runs, but for `job`'s orders, which come from others.
struct task {
    struct supervisor *supervisor;
    registry_key key;
    enum task_kind kind;
    struct job *job;
    struct disk_hold *hold;    // primary: the held disks, kept between attempts
    struct throttle *throttle; // primary: this relationship's limit
    bool fresh;                // asked for in this life of the service and not connected yet
    struct relationship
        *before;       // what a fresh start that comes to nothing goes back to; NULL: not begun yet
    unsigned restarts; // from block 0, in a row
    unsigned failures; // of a cancel or a merge, in a row
    uint64_t best;     // bytes that attempts had resolved when the last one ended
};

// What a task's thread wants next.
enum task_next {
    TASK_DONE,  // the task ends
    TASK_LATER, // again after `delay_ms`, or at once when an order or a poke comes
};

struct task_verdict {
    enum task_next next;
    uint64_t delay_ms;
};

// One attempt, in the task's thread; ends when there is nothing to do now.
struct task_verdict resync_task_attempt(struct task *task);
struct task_verdict merge_task_attempt(struct task *task);
struct task_verdict compare_task_attempt(struct task *task);

// Puts a job without orders in the place of the task's; for its own thread, after an order that
// came too late. The order JOB_CUT is kept.
enum status task_renew_job(struct task *task) MUST_CHECK;

// The order to follow now; those that come later end the next wait.
enum job_order task_take_order(struct task *task);

// The last caller.
void task_get_caller(struct task *task, struct task_caller *out);

// ---- for requests and the service ----

// Starts the scheduler. At most `maximum_active` resynchronizations run at once.
enum status tasks_new(struct supervisor *supervisor, unsigned maximum_active,
                      struct tasks **out) MUST_CHECK;

// Begins nothing more and gives every task the order JOB_CUT. workers_wait follows.
void tasks_shut(struct tasks *tasks);

// No task's thread runs any more. NULL is fine.
void tasks_free(struct tasks *tasks);

// The number of the next one to queue.
uint64_t tasks_next_number(struct tasks *tasks);

// Adds a resynchronization that waits for its turn behind all with a lower number. `order` other
// than JOB_GO: it runs at once, without a turn, to follow the order. STATUS_EXISTS: the
// relationship has a task.
enum status tasks_add_resync(struct tasks *tasks, registry_key key, uint64_t number, bool fresh,
                             uint64_t bandwidth_limit, enum job_order order,
                             const struct control_caller *caller) MUST_CHECK;

// Adds a comparison that waits for its turn in the same queue. STATUS_EXISTS as above.
enum status tasks_add_compare(struct tasks *tasks, registry_key key, uint64_t number,
                              const struct control_caller *caller) MUST_CHECK;

// Adds a merge and runs it. Nothing happens when the relationship has a task already.
enum status tasks_add_merge(struct tasks *tasks, registry_key key) MUST_CHECK;

// Gives an order to the relationship's task, which acts on it at once whatever it waits for. False:
// it has none.
bool tasks_order(struct tasks *tasks, registry_key key, enum job_order order,
                 const struct control_caller *caller);

// Ends a wait for the next attempt. False: no task.
bool tasks_poke(struct tasks *tasks, registry_key key);

// Waits until the relationship has no task, at most `ms`. True: it has none.
bool tasks_wait_gone(struct tasks *tasks, registry_key key, uint32_t ms);

// Forgets a relationship's task, which may be blocked for ever: its turn goes to the next, its
// thread ends when it can.
void tasks_orphan(struct tasks *tasks, registry_key key);

// What `status` shows of a relationship's task.
struct task_view {
    registry_key key;
    enum task_kind kind;
    bool present;
    bool running;            // a thread is at work
    unsigned queue_position; // 1 is next; 0: not in the queue, or about to start
};
struct task_view tasks_view(struct tasks *tasks, registry_key key);

// The views of all tasks at one time, so that the positions in a list fit together.
struct tasks_snapshot {
    struct task_view *views; // the caller frees
    size_t count;
    unsigned active;     // resynchronizations that have a turn
    unsigned queued;     // and that wait for one
    unsigned last_place; // queue position of one that comes now
};
enum status tasks_take_snapshot(struct tasks *tasks, struct tasks_snapshot *out) MUST_CHECK;

void tasks_set_maximum(struct tasks *tasks, unsigned maximum_active);
void tasks_set_bandwidth(struct tasks *tasks, registry_key key, uint64_t bytes_per_second);

#endif
