// The lock guards the list of entries; it is never held during a look or a change.
#include "service/supervise/agenda.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/thread.h"
#include "service/supervise/tasks.h"
#include "service/supervise/verbs.h"
#include "service/track/tracker.h"
#include "service/vm_events.h"

#define LOOK_EVERY_MS 5000  // a clock that was set, or a state that changed, is noticed within this
#define DISK_LOOK_MS  2000  // a disk that does not answer within this is not free
#define DISK_AGAIN_MS 30000 // between two looks at disks that are held

// One relationship that was ever to start inside its window.
struct entry {
    struct entry *next;
    registry_key key;
    bool looking;   // a look at its disks has not ended yet
    int64_t again;  // monotonic: not before
    unsigned tries; // starts in a row
};

struct agenda {
    struct supervisor *supervisor;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct entry *first;
    bool shut, soon;
};

// ---- the list ----

// The entry of `key`, made when it is missing; NULL: no memory. The lock is held.
static struct entry *entry_of(struct agenda *agenda, registry_key key)
{
    struct entry *entry = agenda->first;
    while (entry && entry->key != key)
        entry = entry->next;
    if (entry || !(entry = calloc(1, sizeof *entry)))
        return entry;
    entry->key = key;
    entry->next = agenda->first;
    agenda->first = entry;
    return entry;
}

// False: it is not time yet, or a look is under way already.
static bool claim(struct agenda *agenda, registry_key key)
{
    pthread_mutex_lock(&agenda->lock);
    struct entry *entry = entry_of(agenda, key);
    bool claimed = entry && !entry->looking && entry->again <= clock_mono_ms();
    if (claimed)
        entry->looking = true;
    pthread_mutex_unlock(&agenda->lock);
    return claimed;
}

// The next look comes so much later.
static void release(struct agenda *agenda, registry_key key, uint64_t later_ms)
{
    pthread_mutex_lock(&agenda->lock);
    struct entry *entry = entry_of(agenda, key);
    if (entry) {
        entry->looking = false;
        entry->again = clock_mono_ms() + (int64_t)later_ms;
    }
    pthread_mutex_unlock(&agenda->lock);
}

// A start that comes to nothing is not tried again at once.
static uint64_t count_try(struct agenda *agenda, registry_key key)
{
    pthread_mutex_lock(&agenda->lock);
    struct entry *entry = entry_of(agenda, key);
    uint64_t delay = relationship_retry_delay_ms(entry ? ++entry->tries : 1);
    pthread_mutex_unlock(&agenda->lock);
    return delay;
}

// Nothing is to start: the next time begins afresh.
static void forget_tries(struct agenda *agenda, registry_key key)
{
    pthread_mutex_lock(&agenda->lock);
    for (struct entry *entry = agenda->first; entry; entry = entry->next)
        if (entry->key == key && !entry->looking)
            *entry = (struct entry){.next = entry->next, .key = key};
    pthread_mutex_unlock(&agenda->lock);
}

// ---- the look at the disks ----

struct disk_look {
    struct agenda *agenda;
    registry_key key;
    struct relationship *r;
    size_t disk; // which is not free
    struct status_details why;
};

static void disk_look_free(struct disk_look *look)
{
    relationship_free(look->r);
    free(look);
}

static void disk_look_run(void *context)
{
    struct disk_look *look = context;
    const struct file_system *fs = look->agenda->supervisor->context.fs;
    for (size_t i = 0; i < look->r->disk_count; i++)
        if (offline_is_free(fs, look->r->disks[i].path) != STATUS_OK) {
            look->disk = i;
            look->why = *status_last();
            return;
        }
}

// Called in the look's thread when nobody waited for it any more: the next look tells.
static void disk_look_drop(void *context)
{
    struct disk_look *look = context;
    release(look->agenda, look->key, 0);
    disk_look_free(look);
}

// ---- why nothing starts ----

struct telling {
    const struct time_zone *zone;
    enum schedule_step step;
    int64_t now;
};

static enum status note_told(struct relationship *r, void *argument)
{
    const struct telling *telling = argument;
    if (schedule_decide(r, telling->now, telling->zone) != telling->step ||
        schedule_is_told(&r->schedule, telling->now, telling->zone))
        return status_fail(STATUS_CANCELLED, 0, "There is nothing to tell of '%s'.", r->name);
    r->schedule.told = telling->now;
    return STATUS_OK;
}

// False: it was told in this period.
static bool begin_telling(struct agenda *agenda, registry_key key, enum schedule_step step,
                          int64_t now)
{
    const struct supervisor *supervisor = agenda->supervisor;
    struct telling telling = {supervisor->zone, step, now};
    return registry_update(supervisor->context.registry, key, note_told, &telling) == STATUS_OK;
}

static void tell_held(struct agenda *agenda, registry_key key, enum schedule_step step, int64_t now,
                      const struct relationship *r, size_t disk, const struct status_details *why)
{
    if (begin_telling(agenda, key, step, now))
        EventWriteAutoResynchronizeWaitsForDisk(agenda->supervisor->context.events, r->name,
                                                r->id.bytes, r->disks[disk].path, why->message,
                                                event_code(why));
}

// Enabled and not compared yet, so nothing is wrong: what is told is information, not a warning.
static bool is_first(const struct relationship *r)
{
    return r->reason == REASON_NOT_YET_COMPARED;
}

static void tell_disabled(struct agenda *agenda, registry_key key, int64_t now,
                          const struct relationship *r)
{
    struct event_writer *events = agenda->supervisor->context.events;
    if (!begin_telling(agenda, key, SCHEDULE_TELL_DISABLED, now))
        return;
    if (is_first(r))
        EventWriteFirstResynchronizeDisabled(events, r->name, r->id.bytes);
    else
        EventWriteAutoResynchronizeDisabled(events, r->name, r->id.bytes);
}

static void tell_outside(struct agenda *agenda, registry_key key, int64_t now,
                         const struct relationship *r)
{
    const struct supervisor *supervisor = agenda->supervisor;
    char start[TIME_OF_DAY_SIZE], end[TIME_OF_DAY_SIZE], next[CLOCK_TEXT_SIZE];
    char interval[2 * TIME_OF_DAY_SIZE + 8];
    if (!begin_telling(agenda, key, SCHEDULE_TELL_OUTSIDE, now))
        return;
    snprintf(interval, sizeof interval, "%s to %s", time_of_day_format(r->schedule.start_s, start),
             time_of_day_format(r->schedule.end_s, end));
    clock_format_utc(schedule_window_at(&r->schedule, now, supervisor->zone).next, next);
    if (is_first(r))
        EventWriteFirstResynchronizeOutsideInterval(supervisor->context.events, r->name,
                                                    r->id.bytes, interval, next);
    else
        EventWriteAutoResynchronizeOutsideInterval(supervisor->context.events, r->name, r->id.bytes,
                                                   interval, next);
}

// ---- starts inside a window ----

static struct disk_look *disk_look_new(struct agenda *agenda, registry_key key,
                                       const struct relationship *r)
{
    struct disk_look *look = calloc(1, sizeof *look);
    if (!look)
        return NULL;
    look->agenda = agenda;
    look->key = key;
    look->r = relationship_copy(r);
    if (look->r)
        return look;
    free(look);
    return NULL;
}

// The disks are free, or it is told why not. *blocked: the look goes on by itself.
static bool are_disks_free(struct agenda *agenda, registry_key key, enum schedule_step step,
                           int64_t now, const struct relationship *r, bool *blocked)
{
    bool finished;
    struct disk_look *look = disk_look_new(agenda, key, r);
    *blocked = false;
    if (!look)
        return false;
    if (workers_call(agenda->supervisor->workers, "a look at disks to be held", r->name,
                     disk_look_run, disk_look_drop, look, DISK_LOOK_MS, &finished) != STATUS_OK) {
        disk_look_free(look);
        return false;
    }
    if (!finished) {
        status_fail(STATUS_TIMEOUT, 0, "It has not answered for %d ms.", DISK_LOOK_MS);
        tell_held(agenda, key, step, now, r, 0, status_last());
        *blocked = true;
        return false;
    }
    bool free_now = look->why.status == STATUS_OK;
    if (!free_now)
        tell_held(agenda, key, step, now, r, look->disk, &look->why);
    disk_look_free(look);
    return free_now;
}

// Starts a relationship, or goes on with it, as soon as its disks are free and nothing is left of a
// run before.
static void start(struct agenda *agenda, registry_key key, enum schedule_step step, int64_t now,
                  const struct relationship *r)
{
    struct supervisor *supervisor = agenda->supervisor;
    bool blocked;
    if (tasks_view(supervisor->tasks, key).present || !claim(agenda, key))
        return;
    if (are_disks_free(agenda, key, step, now, r, &blocked)) {
        verb_by_clock(supervisor, key, step, now);
        release(agenda, key, count_try(agenda, key));
    } else if (!blocked) {
        release(agenda, key, DISK_AGAIN_MS);
    }
}

// ---- the thread ----

static bool shut(struct agenda *agenda)
{
    pthread_mutex_lock(&agenda->lock);
    bool is = agenda->shut;
    pthread_mutex_unlock(&agenda->lock);
    return is;
}

static void act(struct agenda *agenda, registry_key key, enum schedule_step step, int64_t now,
                const struct relationship *r)
{
    switch (step) {
    case SCHEDULE_START:
    case SCHEDULE_CONTINUE:
        start(agenda, key, step, now, r);
        return;
    case SCHEDULE_START_DUE:
    case SCHEDULE_SUSPEND:
        verb_by_clock(agenda->supervisor, key, step, now);
        break;
    case SCHEDULE_TELL_DISABLED:
        tell_disabled(agenda, key, now, r);
        break;
    case SCHEDULE_TELL_OUTSIDE:
        tell_outside(agenda, key, now, r);
        break;
    case SCHEDULE_NOTHING:
        break;
    }
    if (r->state != REPLICATION_RESYNCHRONIZING)
        forget_tries(agenda, key);
}

// Gives the milliseconds until its answer may change.
static int64_t look_at(struct agenda *agenda, registry_key key)
{
    const struct supervisor *supervisor = agenda->supervisor;
    struct relationship *r;
    int64_t now = clock_wall_ms();
    if (registry_get(supervisor->context.registry, key, &r) != STATUS_OK)
        return LOOK_EVERY_MS; // removed meanwhile
    int64_t wait = LOOK_EVERY_MS;
    if (r->mode == MODE_PRIMARY && r->state == REPLICATION_REPLICATING) {
        forget_tries(agenda, key);
    } else if (r->mode == MODE_PRIMARY) {
        act(agenda, key, schedule_decide(r, now, supervisor->zone), now, r);
        wait = schedule_next_change(&r->schedule, now, supervisor->zone) - now;
    }
    relationship_free(r);
    return wait;
}

static int64_t look_at_all(struct agenda *agenda)
{
    registry_key *keys;
    size_t count;
    int64_t wait = LOOK_EVERY_MS;
    if (registry_list(agenda->supervisor->context.registry, &keys, &count) != STATUS_OK)
        return wait;
    for (size_t i = 0; i < count && !shut(agenda); i++) {
        int64_t until = look_at(agenda, keys[i]);
        wait = until < wait ? until : wait;
    }
    free(keys);
    return wait;
}

static void agenda_run(void *context)
{
    struct agenda *agenda = context;
    while (!shut(agenda)) {
        int64_t next = clock_mono_ms() + look_at_all(agenda);
        pthread_mutex_lock(&agenda->lock);
        int64_t left;
        while (!agenda->shut && !agenda->soon && (left = next - clock_mono_ms()) > 0)
            thread_cond_wait_ms(&agenda->wake, &agenda->lock, (uint32_t)left);
        agenda->soon = false;
        pthread_mutex_unlock(&agenda->lock);
    }
}

enum status agenda_new(struct supervisor *supervisor, struct agenda **out)
{
    struct agenda *agenda = calloc(1, sizeof *agenda);
    if (!agenda)
        return status_no_memory("the agenda");
    agenda->supervisor = supervisor;
    pthread_mutex_init(&agenda->lock, NULL);
    thread_cond_init(&agenda->wake);
    supervisor->agenda = agenda;
    enum status s = workers_start(supervisor->workers, "the agenda", "", agenda_run, agenda);
    if (s != STATUS_OK) {
        supervisor->agenda = NULL;
        agenda_free(agenda);
        return s;
    }
    *out = agenda;
    return STATUS_OK;
}

void agenda_shut(struct agenda *agenda)
{
    pthread_mutex_lock(&agenda->lock);
    agenda->shut = true;
    pthread_cond_signal(&agenda->wake);
    pthread_mutex_unlock(&agenda->lock);
}

void agenda_free(struct agenda *agenda)
{
    if (!agenda)
        return;
    while (agenda->first) {
        struct entry *entry = agenda->first;
        agenda->first = entry->next;
        free(entry);
    }
    pthread_cond_destroy(&agenda->wake);
    pthread_mutex_destroy(&agenda->lock);
    free(agenda);
}

void agenda_look_soon(struct agenda *agenda)
{
    pthread_mutex_lock(&agenda->lock);
    agenda->soon = true;
    pthread_cond_signal(&agenda->wake);
    pthread_mutex_unlock(&agenda->lock);
}
