// One lock guards the list of tasks and everything that others than a task's own thread look at.
// Nothing is done under it that could wait for a disk, so requests may take it.
#include "service/supervise/tasks.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/thread.h"
#include "service/supervise/standstill.h"

#define SCHEDULER_STEP_MS 1000 // how often the scheduler looks for tasks that stand still

enum slot_state {
    SLOT_QUEUED,  // waits for its turn
    SLOT_RUNNING, // its thread is at work
    SLOT_WAITING, // until `due`
};

struct slot {
    struct task task;
    struct slot *next;
    enum slot_state state;
    uint64_t number; // queued: lowest first
    int64_t due;     // waiting: monotonic
    bool poked;      // an order or a poke came that its thread has not seen
    bool has_turn;   // counts as an active transfer
    bool orphan;     // forgotten: freed by its thread
    struct task_caller caller;
    struct standstill_watch watch; // of a running resynchronization
};

struct tasks {
    struct supervisor *supervisor;
    pthread_mutex_t lock;
    pthread_cond_t wake;    // the scheduler: something to start, or the end
    pthread_cond_t changed; // a task ended
    struct slot *first;
    unsigned maximum_active;
    uint64_t last_number;
    bool shut;
};

// ---- helpers; the lock is held ----

static struct slot *find(struct tasks *tasks, registry_key key)
{
    struct slot *slot = tasks->first;
    while (slot && (slot->task.key != key || slot->orphan))
        slot = slot->next;
    return slot;
}

static unsigned active(const struct tasks *tasks)
{
    unsigned count = 0;
    for (const struct slot *slot = tasks->first; slot; slot = slot->next)
        count += slot->has_turn;
    return count;
}

// Waits for its turn. One that has an order leaves the queue, though its thread may not have come
// to it yet.
static bool is_queued(const struct slot *slot)
{
    return slot->state == SLOT_QUEUED && job_get_order(slot->task.job) == JOB_GO;
}

static struct slot *next_in_queue(struct tasks *tasks)
{
    struct slot *best = NULL;
    for (struct slot *slot = tasks->first; slot; slot = slot->next)
        if (is_queued(slot) && (!best || slot->number < best->number))
            best = slot;
    return best;
}

static void unlink_slot(struct tasks *tasks, const struct slot *slot)
{
    struct slot **at = &tasks->first;
    while (*at != slot)
        at = &(*at)->next;
    *at = slot->next;
    pthread_cond_broadcast(&tasks->changed);
    pthread_cond_signal(&tasks->wake);
}

// Not under the lock: closing held disks may block.
static void slot_free(struct slot *slot)
{
    if (slot->task.hold)
        slot->task.supervisor->ops->hold_close(slot->task.hold);
    throttle_free(slot->task.throttle);
    relationship_free(slot->task.before);
    job_free(slot->task.job);
    free(slot);
}

static void set_caller(struct slot *slot, const struct control_caller *caller)
{
    if (!caller)
        return;
    snprintf(slot->caller.account, sizeof slot->caller.account, "%s", caller->account);
    snprintf(slot->caller.client, sizeof slot->caller.client, "%s", caller->client);
}

// ---- a task's thread ----

// The present owner of a slot is its task's thread while that runs; `task` is its first member.
static struct slot *slot_of(struct task *task)
{
    return (struct slot *)task;
}

void task_get_caller(struct task *task, struct task_caller *out)
{
    struct tasks *tasks = task->supervisor->tasks;
    pthread_mutex_lock(&tasks->lock);
    *out = slot_of(task)->caller;
    pthread_mutex_unlock(&tasks->lock);
}

enum job_order task_take_order(struct task *task)
{
    struct tasks *tasks = task->supervisor->tasks;
    pthread_mutex_lock(&tasks->lock);
    slot_of(task)->poked = false;
    enum job_order order = job_get_order(task->job);
    pthread_mutex_unlock(&tasks->lock);
    return order;
}

enum status task_renew_job(struct task *task)
{
    struct tasks *tasks = task->supervisor->tasks;
    struct job *fresh;
    enum status s = job_new(&fresh);
    if (s != STATUS_OK)
        return s;
    pthread_mutex_lock(&tasks->lock);
    struct job *old = task->job;
    if (job_get_order(old) == JOB_CUT)
        job_give_order(fresh, JOB_CUT);
    task->job = fresh;
    pthread_mutex_unlock(&tasks->lock);
    job_free(old);
    return STATUS_OK;
}

// A cancel that was asked for while the thread was on its way out with another end. Its next
// attempt finds nothing to do when it had been followed already.
static bool cancel_unheard(const struct slot *slot)
{
    return slot->poked && job_get_order(slot->task.job) == JOB_CANCEL;
}

// What the thread's verdict makes of the slot. True: the slot is unlinked, for the caller to free.
static bool settle(struct tasks *tasks, struct slot *slot, struct task_verdict verdict)
{
    slot->has_turn = false;
    if (slot->orphan || tasks->shut || (verdict.next == TASK_DONE && !cancel_unheard(slot))) {
        unlink_slot(tasks, slot);
        return true;
    }
    // An order or a poke that came while the thread was on its way out is not to be slept over.
    bool at_once = slot->poked;
    slot->poked = false;
    slot->state = SLOT_WAITING;
    slot->due = clock_mono_ms() + (int64_t)(at_once ? 0 : verdict.delay_ms);
    pthread_cond_signal(&tasks->wake);
    return false;
}

static const struct {
    const char *purpose;
    struct task_verdict (*attempt)(struct task *task);
} kinds[] = {
    [TASK_RESYNC] = {"resynchronization", resync_task_attempt},
    [TASK_MERGE] = {"merge", merge_task_attempt},
    [TASK_COMPARE] = {"comparison", compare_task_attempt},
};

static void run_slot(void *argument)
{
    struct slot *slot = argument;
    struct tasks *tasks = slot->task.supervisor->tasks;
    struct task_verdict verdict = kinds[slot->task.kind].attempt(&slot->task);
    pthread_mutex_lock(&tasks->lock);
    bool ended = settle(tasks, slot, verdict);
    pthread_mutex_unlock(&tasks->lock);
    if (ended)
        slot_free(slot);
}

// Starts the slot's thread; the lock is held. Without a thread it is tried again a second later.
static void start_slot(struct tasks *tasks, struct slot *slot, bool with_turn)
{
    char object[48];
    snprintf(object, sizeof object, "relationship %u", slot->task.key);
    slot->state = SLOT_RUNNING;
    slot->has_turn = with_turn;
    slot->poked = false;
    slot->watch.since = clock_mono_ms();
    if (workers_start(tasks->supervisor->workers, kinds[slot->task.kind].purpose, object, run_slot,
                      slot) == STATUS_OK)
        return;
    slot->has_turn = false;
    slot->state = SLOT_WAITING;
    slot->due = clock_mono_ms() + SCHEDULER_STEP_MS;
}

// ---- the scheduler ----

// A task that has an order, and a merge, need no turn.
static bool needs_turn(const struct slot *slot)
{
    return slot->task.kind != TASK_MERGE && job_get_order(slot->task.job) == JOB_GO;
}

// Starts all that can run now; gives the milliseconds until the next one is due.
static uint32_t start_due(struct tasks *tasks)
{
    int64_t now = clock_mono_ms();
    int64_t wait = SCHEDULER_STEP_MS;
    for (struct slot *slot = tasks->first; slot; slot = slot->next) {
        bool ordered = slot->state != SLOT_RUNNING && job_get_order(slot->task.job) != JOB_GO;
        bool due = slot->state == SLOT_WAITING && slot->due <= now;
        if (slot->state == SLOT_WAITING && !due && slot->due - now < wait)
            wait = slot->due - now;
        if (due && needs_turn(slot)) {
            slot->state = SLOT_QUEUED;
            slot->number = ++tasks->last_number;
        } else if (due || (ordered && slot->state == SLOT_QUEUED)) {
            start_slot(tasks, slot, false);
        }
    }
    for (struct slot *slot; active(tasks) < tasks->maximum_active && (slot = next_in_queue(tasks));)
        start_slot(tasks, slot, true);
    return (uint32_t)wait;
}

#define STANDSTILLS_MAX 16 // a look tells at most so many; the rest is told by the next one

static void scheduler(void *argument)
{
    struct tasks *tasks = argument;
    struct standstill found[STANDSTILLS_MAX];
    struct resync_progress progress;
    pthread_mutex_lock(&tasks->lock);
    while (!tasks->shut) {
        uint32_t wait = start_due(tasks);
        size_t count = 0;
        int64_t now = clock_mono_ms();
        for (struct slot *slot = tasks->first; slot && count < STANDSTILLS_MAX; slot = slot->next)
            if (slot->state == SLOT_RUNNING && slot->task.kind == TASK_RESYNC && !slot->orphan)
                count += standstill_look(tasks->supervisor->context.registry, slot->task.key,
                                         &slot->watch, now, &progress, &found[count]);
        if (count == 0) {
            thread_cond_wait_ms(&tasks->wake, &tasks->lock, wait);
            continue;
        }
        pthread_mutex_unlock(&tasks->lock);
        for (size_t i = 0; i < count; i++)
            standstill_tell(&tasks->supervisor->context, &found[i]);
        pthread_mutex_lock(&tasks->lock);
    }
    pthread_mutex_unlock(&tasks->lock);
}

// ---- for requests and the service ----

enum status tasks_new(struct supervisor *supervisor, unsigned maximum_active, struct tasks **out)
{
    struct tasks *tasks = calloc(1, sizeof *tasks);
    if (!tasks)
        return status_no_memory("the list of tasks");
    tasks->supervisor = supervisor;
    tasks->maximum_active = maximum_active;
    pthread_mutex_init(&tasks->lock, NULL);
    thread_cond_init(&tasks->wake);
    thread_cond_init(&tasks->changed);
    supervisor->tasks = tasks;
    enum status s =
        workers_start(supervisor->workers, "the scheduler of tasks", "", scheduler, tasks);
    if (s != STATUS_OK) {
        supervisor->tasks = NULL;
        tasks_free(tasks);
        return s;
    }
    *out = tasks;
    return STATUS_OK;
}

void tasks_shut(struct tasks *tasks)
{
    pthread_mutex_lock(&tasks->lock);
    tasks->shut = true;
    for (struct slot *slot = tasks->first; slot; slot = slot->next)
        job_give_order(slot->task.job, JOB_CUT);
    pthread_cond_signal(&tasks->wake);
    pthread_mutex_unlock(&tasks->lock);
}

void tasks_free(struct tasks *tasks)
{
    if (!tasks)
        return;
    while (tasks->first) {
        struct slot *slot = tasks->first;
        tasks->first = slot->next;
        slot_free(slot);
    }
    pthread_cond_destroy(&tasks->changed);
    pthread_cond_destroy(&tasks->wake);
    pthread_mutex_destroy(&tasks->lock);
    free(tasks);
}

uint64_t tasks_next_number(struct tasks *tasks)
{
    pthread_mutex_lock(&tasks->lock);
    uint64_t number = ++tasks->last_number;
    pthread_mutex_unlock(&tasks->lock);
    return number;
}

static enum status slot_new(struct tasks *tasks, registry_key key, enum task_kind kind,
                            struct slot **out)
{
    struct slot *slot = calloc(1, sizeof *slot);
    if (!slot)
        return status_no_memory("a task");
    slot->task.supervisor = tasks->supervisor;
    slot->task.key = key;
    slot->task.kind = kind;
    enum status s = job_new(&slot->task.job);
    if (s != STATUS_OK) {
        free(slot);
        return s;
    }
    *out = slot;
    return STATUS_OK;
}

// Links a new slot, or frees it when the relationship has one or the service ends.
static enum status insert(struct tasks *tasks, struct slot *slot)
{
    enum status s = STATUS_OK;
    pthread_mutex_lock(&tasks->lock);
    if (tasks->shut) {
        s = status_fail(STATUS_UNAVAILABLE, 0, "The service is stopping.");
    } else if (find(tasks, slot->task.key)) {
        s = status_fail(STATUS_EXISTS, 0, "The relationship is being worked on.");
    } else {
        slot->next = tasks->first;
        tasks->first = slot;
        if (slot->number > tasks->last_number)
            tasks->last_number = slot->number;
        pthread_cond_signal(&tasks->wake);
    }
    pthread_mutex_unlock(&tasks->lock);
    if (s != STATUS_OK)
        slot_free(slot);
    return s;
}

enum status tasks_add_resync(struct tasks *tasks, registry_key key, uint64_t number, bool fresh,
                             uint64_t bandwidth_limit, enum job_order order,
                             const struct control_caller *caller)
{
    struct slot *slot = NULL;
    enum status s = slot_new(tasks, key, TASK_RESYNC, &slot);
    if (s != STATUS_OK)
        return s;
    s = throttle_new(bandwidth_limit, &slot->task.throttle);
    if (s != STATUS_OK) {
        slot_free(slot);
        return s;
    }
    slot->task.fresh = fresh;
    slot->state = SLOT_QUEUED;
    slot->number = number;
    set_caller(slot, caller);
    if (order != JOB_GO)
        job_give_order(slot->task.job, order);
    return insert(tasks, slot);
}

enum status tasks_add_compare(struct tasks *tasks, registry_key key, uint64_t number,
                              const struct control_caller *caller)
{
    struct slot *slot = NULL;
    enum status s = slot_new(tasks, key, TASK_COMPARE, &slot);
    if (s != STATUS_OK)
        return s;
    slot->state = SLOT_QUEUED;
    slot->number = number;
    set_caller(slot, caller);
    return insert(tasks, slot);
}

enum status tasks_add_merge(struct tasks *tasks, registry_key key)
{
    struct slot *slot = NULL;
    enum status s = slot_new(tasks, key, TASK_MERGE, &slot);
    if (s != STATUS_OK)
        return s;
    slot->state = SLOT_WAITING;
    slot->due = clock_mono_ms();
    s = insert(tasks, slot);
    return s == STATUS_EXISTS ? STATUS_OK : s;
}

bool tasks_order(struct tasks *tasks, registry_key key, enum job_order order,
                 const struct control_caller *caller)
{
    pthread_mutex_lock(&tasks->lock);
    struct slot *slot = find(tasks, key);
    if (slot) {
        if (order > job_get_order(slot->task.job))
            set_caller(slot, caller); // who asks for the same again did not cause it
        job_give_order(slot->task.job, order);
        slot->poked = true;
        if (slot->state == SLOT_WAITING)
            slot->due = clock_mono_ms();
        pthread_cond_signal(&tasks->wake);
    }
    pthread_mutex_unlock(&tasks->lock);
    return slot != NULL;
}

bool tasks_poke(struct tasks *tasks, registry_key key)
{
    pthread_mutex_lock(&tasks->lock);
    struct slot *slot = find(tasks, key);
    if (slot) {
        job_poke(slot->task.job);
        slot->poked = slot->state == SLOT_RUNNING;
        if (slot->state == SLOT_WAITING)
            slot->due = clock_mono_ms();
        pthread_cond_signal(&tasks->wake);
    }
    pthread_mutex_unlock(&tasks->lock);
    return slot != NULL;
}

bool tasks_wait_gone(struct tasks *tasks, registry_key key, uint32_t ms)
{
    int64_t deadline = clock_mono_ms() + ms;
    pthread_mutex_lock(&tasks->lock);
    while (find(tasks, key)) {
        int64_t left = deadline - clock_mono_ms();
        if (left <= 0)
            break;
        thread_cond_wait_ms(&tasks->changed, &tasks->lock, (uint32_t)left);
    }
    bool gone = !find(tasks, key);
    pthread_mutex_unlock(&tasks->lock);
    return gone;
}

void tasks_orphan(struct tasks *tasks, registry_key key)
{
    pthread_mutex_lock(&tasks->lock);
    struct slot *slot = find(tasks, key);
    if (slot) {
        job_give_order(slot->task.job, JOB_CUT);
        slot->orphan = true;
        slot->has_turn = false;
        pthread_cond_broadcast(&tasks->changed);
        pthread_cond_signal(&tasks->wake);
    }
    pthread_mutex_unlock(&tasks->lock);
}

// The place in the queue of one that has `before` others before it: 0 when a turn is free for it.
// The lock is held.
static unsigned place_behind(const struct tasks *tasks, unsigned before)
{
    unsigned running = active(tasks);
    unsigned turns = tasks->maximum_active > running ? tasks->maximum_active - running : 0;
    return before < turns ? 0 : before - turns + 1;
}

// The lock is held.
static struct task_view view_of(const struct tasks *tasks, const struct slot *slot)
{
    struct task_view view = {.key = slot->task.key,
                             .kind = slot->task.kind,
                             .present = true,
                             .running = slot->state == SLOT_RUNNING};
    if (!is_queued(slot))
        return view;
    unsigned before = 0;
    for (const struct slot *other = tasks->first; other; other = other->next)
        before += is_queued(other) && other->number < slot->number;
    view.queue_position = place_behind(tasks, before);
    return view;
}

struct task_view tasks_view(struct tasks *tasks, registry_key key)
{
    struct task_view view = {.key = key};
    pthread_mutex_lock(&tasks->lock);
    const struct slot *slot = find(tasks, key);
    if (slot)
        view = view_of(tasks, slot);
    pthread_mutex_unlock(&tasks->lock);
    return view;
}

enum status tasks_take_snapshot(struct tasks *tasks, struct tasks_snapshot *out)
{
    struct tasks_snapshot snapshot = {.views = calloc(RELATIONSHIPS_MAX, sizeof *snapshot.views)};
    if (!snapshot.views)
        return status_no_memory("a list of tasks");
    pthread_mutex_lock(&tasks->lock);
    for (struct slot *slot = tasks->first; slot && snapshot.count < RELATIONSHIPS_MAX;
         slot = slot->next) {
        if (slot->orphan)
            continue;
        snapshot.views[snapshot.count++] = view_of(tasks, slot);
        snapshot.queued += is_queued(slot);
    }
    snapshot.active = active(tasks);
    snapshot.last_place = place_behind(tasks, snapshot.queued);
    pthread_mutex_unlock(&tasks->lock);
    *out = snapshot;
    return STATUS_OK;
}

void tasks_set_maximum(struct tasks *tasks, unsigned maximum_active)
{
    pthread_mutex_lock(&tasks->lock);
    tasks->maximum_active = maximum_active;
    pthread_cond_signal(&tasks->wake);
    pthread_mutex_unlock(&tasks->lock);
}

void tasks_set_bandwidth(struct tasks *tasks, registry_key key, uint64_t bytes_per_second)
{
    pthread_mutex_lock(&tasks->lock);
    struct slot *slot = find(tasks, key);
    if (slot && slot->task.throttle)
        throttle_set_rate(slot->task.throttle, bytes_per_second);
    pthread_mutex_unlock(&tasks->lock);
}
