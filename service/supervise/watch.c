// The lock guards the list of what was looked at; it is never held during a look.
#include "service/supervise/watch.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/thread.h"
#include "service/track/tracker.h"
#include "service/vm_events.h"

#define LOOK_MS 2000 // a look that takes longer counts as "in use or unreadable" until it ends

// One relationship that was ever looked at.
struct watched {
    struct watched *next;
    registry_key key;
    struct watch_times times;
    bool looking; // a look has not ended yet
};

struct watch {
    struct supervisor *supervisor;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct watched *first;
    bool shut, soon;
};

// One look at all disks of one relationship, in a thread of its own.
struct look {
    struct watch *watch;
    registry_key key;
    struct relationship *r; // as it was when the look began
    enum tracker_finding finding;
    size_t disk; // which was changed or unknown
    struct vhd_identity now;
    struct status_details why; // unknown: why
};

static void look_free(struct look *look)
{
    relationship_free(look->r);
    free(look);
}

// ---- the list ----

// The entry of `key`, made when it is missing; NULL: no memory. The lock is held.
static struct watched *watched_of(struct watch *watch, registry_key key)
{
    struct watched *entry = watch->first;
    while (entry && entry->key != key)
        entry = entry->next;
    if (entry || !(entry = calloc(1, sizeof *entry)))
        return entry;
    entry->key = key;
    entry->next = watch->first;
    watch->first = entry;
    return entry;
}

// False: a look is under way already.
static bool claim(struct watch *watch, registry_key key)
{
    pthread_mutex_lock(&watch->lock);
    struct watched *entry = watched_of(watch, key);
    bool claimed = entry && !entry->looking;
    if (claimed)
        entry->looking = true;
    pthread_mutex_unlock(&watch->lock);
    return claimed;
}

// `finding` NULL: nothing was looked at.
static void release(struct watch *watch, registry_key key, const enum tracker_finding *finding)
{
    pthread_mutex_lock(&watch->lock);
    struct watched *entry = watched_of(watch, key);
    if (entry) {
        entry->looking = false;
        if (finding)
            entry->times.looked = clock_wall_ms();
        if (finding && *finding == TRACKER_UNCHANGED)
            entry->times.unchanged = entry->times.looked;
    }
    pthread_mutex_unlock(&watch->lock);
}

struct watch_times watch_times_of(struct watch *watch, registry_key key)
{
    struct watch_times times = {0};
    pthread_mutex_lock(&watch->lock);
    for (const struct watched *entry = watch->first; entry; entry = entry->next)
        if (entry->key == key)
            times = entry->times;
    pthread_mutex_unlock(&watch->lock);
    return times;
}

// ---- a look ----

static void look_run(void *context)
{
    struct look *look = context;
    const struct relationship *r = look->r;
    look->finding = TRACKER_UNCHANGED;
    // A changed disk says more than one that cannot be looked at.
    for (size_t i = 0; i < r->disk_count && look->finding != TRACKER_CHANGED; i++) {
        if (!r->disks[i].identity_saved)
            continue;
        enum tracker_finding finding =
            offline_look(look->watch->supervisor->context.fs, r->disks[i].path,
                         &r->disks[i].identity, &look->now);
        if (finding == TRACKER_UNCHANGED ||
            (finding == TRACKER_UNKNOWN && look->finding == TRACKER_UNKNOWN))
            continue;
        look->finding = finding;
        look->disk = i;
        if (finding == TRACKER_UNKNOWN)
            look->why = *status_last();
    }
}

// Called in the look's thread when nobody waited for it any more: the next look tells.
static void look_drop(void *context)
{
    struct look *look = context;
    release(look->watch, look->key, NULL);
    look_free(look);
}

// ---- what is found ----

// The record is still what was looked at: idle, and not replicated again since.
static bool still_same(const struct relationship *r, const struct look *look)
{
    return r->state == REPLICATION_REPLICATING &&
           r->last_replication_time == look->r->last_replication_time;
}

static enum status superseded(void)
{
    return status_fail(STATUS_CANCELLED, 0,
                       "The relationship has changed since the disk was looked at.");
}

static enum status note_changed(struct relationship *r, void *argument)
{
    const struct look *look = argument;
    if (!still_same(r, look))
        return superseded();
    r->state = REPLICATION_WAITING_FOR_START_RESYNCHRONIZE;
    r->reason = REASON_DISK_CHANGED_WHILE_NOT_TRACKED;
    r->look_in_use = false;
    r->look_in_use_since = 0;
    r->last_look_time = clock_wall_ms();
    return STATUS_OK;
}

static enum status note_unknown(struct relationship *r, void *argument)
{
    if (!still_same(r, argument))
        return superseded();
    r->look_in_use = true;
    r->look_in_use_since = clock_wall_ms();
    return STATUS_OK;
}

static enum status note_known(struct relationship *r, void *argument)
{
    if (!still_same(r, argument))
        return superseded();
    r->look_in_use = false;
    r->look_in_use_since = 0;
    r->last_look_time = clock_wall_ms();
    return STATUS_OK;
}

static void found_changed(const struct supervisor *supervisor, struct look *look)
{
    struct relationship *now;
    const struct service_context *context = &supervisor->context;
    if (registry_update(context->registry, look->key, note_changed, look) != STATUS_OK ||
        registry_get(context->registry, look->key, &now) != STATUS_OK)
        return;
    EventWriteDiskChangedWhileNotTracked(context->events, now->name, now->id.bytes,
                                         look->r->disks[look->disk].path);
    vm_event_required(context, now);
    relationship_free(now);
}

static void found_unknown(const struct supervisor *supervisor, struct look *look)
{
    const struct service_context *context = &supervisor->context;
    if (look->r->look_in_use ||
        registry_update(context->registry, look->key, note_unknown, look) != STATUS_OK)
        return;
    EventWriteDiskNotVerified(context->events, look->r->name, look->r->id.bytes,
                              look->r->disks[look->disk].path, look->why.message,
                              event_code(&look->why));
}

// Only a change is worth a save: the time of each look is kept in memory.
static void found_unchanged(const struct supervisor *supervisor, struct look *look)
{
    const struct service_context *context = &supervisor->context;
    if (!look->r->look_in_use ||
        registry_update(context->registry, look->key, note_known, look) != STATUS_OK)
        return;
    EventWriteDiskVerifiedAgain(context->events, look->r->name, look->r->id.bytes);
}

static void act_on(const struct supervisor *supervisor, struct look *look)
{
    switch (look->finding) {
    case TRACKER_CHANGED:
        found_changed(supervisor, look);
        break;
    case TRACKER_UNKNOWN:
        found_unknown(supervisor, look);
        break;
    case TRACKER_UNCHANGED:
        found_unchanged(supervisor, look);
        break;
    }
}

// A disk that does not answer. The look's own copy belongs to its thread now.
static void act_on_blocked(struct watch *watch, registry_key key)
{
    struct look blocked = {.watch = watch, .key = key, .finding = TRACKER_UNKNOWN};
    if (registry_get(watch->supervisor->context.registry, key, &blocked.r) != STATUS_OK)
        return;
    status_fail(STATUS_TIMEOUT, 0, "A disk of '%s' has not answered for %d ms.", blocked.r->name,
                LOOK_MS);
    blocked.why = *status_last();
    act_on(watch->supervisor, &blocked);
    relationship_free(blocked.r);
}

static struct look *look_new(struct watch *watch, registry_key key)
{
    struct look *look = calloc(1, sizeof *look);
    if (!look)
        return NULL;
    look->watch = watch;
    look->key = key;
    if (registry_get(watch->supervisor->context.registry, key, &look->r) == STATUS_OK)
        return look;
    free(look);
    return NULL;
}

static void look_at(struct watch *watch, registry_key key)
{
    bool finished;
    if (!claim(watch, key))
        return;
    struct look *look = look_new(watch, key);
    bool wanted =
        look && look->r->mode == MODE_PRIMARY && look->r->state == REPLICATION_REPLICATING;
    if (!wanted || workers_call(watch->supervisor->workers, "a look at an idle disk", look->r->name,
                                look_run, look_drop, look, LOOK_MS, &finished) != STATUS_OK) {
        release(watch, key, NULL);
        if (look)
            look_free(look);
        return;
    }
    if (!finished) {
        act_on_blocked(watch, key);
        return;
    }
    act_on(watch->supervisor, look);
    release(watch, key, &look->finding);
    look_free(look);
}

// ---- the thread ----

static bool shut(struct watch *watch)
{
    pthread_mutex_lock(&watch->lock);
    bool is = watch->shut;
    pthread_mutex_unlock(&watch->lock);
    return is;
}

static void look_at_all(struct watch *watch)
{
    registry_key *keys;
    size_t count;
    if (registry_list(watch->supervisor->context.registry, &keys, &count) != STATUS_OK)
        return;
    for (size_t i = 0; i < count && !shut(watch); i++)
        look_at(watch, keys[i]);
    free(keys);
}

static int64_t interval_ms(struct supervisor *supervisor)
{
    pthread_mutex_lock(&supervisor->settings_lock);
    unsigned seconds = supervisor->settings.watch_interval_s;
    pthread_mutex_unlock(&supervisor->settings_lock);
    return seconds * 1000ll;
}

static void watch_run(void *context)
{
    struct watch *watch = context;
    while (!shut(watch)) {
        int64_t next = clock_mono_ms() + interval_ms(watch->supervisor);
        look_at_all(watch);
        pthread_mutex_lock(&watch->lock);
        int64_t left;
        while (!watch->shut && !watch->soon && (left = next - clock_mono_ms()) > 0)
            thread_cond_wait_ms(&watch->wake, &watch->lock, (uint32_t)left);
        watch->soon = false;
        pthread_mutex_unlock(&watch->lock);
    }
}

enum status watch_new(struct supervisor *supervisor, struct watch **out)
{
    struct watch *watch = calloc(1, sizeof *watch);
    if (!watch)
        return status_no_memory("the watch over idle disks");
    watch->supervisor = supervisor;
    pthread_mutex_init(&watch->lock, NULL);
    thread_cond_init(&watch->wake);
    enum status s =
        workers_start(supervisor->workers, "the watch over idle disks", "", watch_run, watch);
    if (s != STATUS_OK) {
        watch_free(watch);
        return s;
    }
    *out = watch;
    return STATUS_OK;
}

void watch_shut(struct watch *watch)
{
    pthread_mutex_lock(&watch->lock);
    watch->shut = true;
    pthread_cond_signal(&watch->wake);
    pthread_mutex_unlock(&watch->lock);
}

void watch_free(struct watch *watch)
{
    if (!watch)
        return;
    while (watch->first) {
        struct watched *entry = watch->first;
        watch->first = entry->next;
        free(entry);
    }
    pthread_cond_destroy(&watch->wake);
    pthread_mutex_destroy(&watch->lock);
    free(watch);
}

void watch_look_soon(struct watch *watch)
{
    pthread_mutex_lock(&watch->lock);
    watch->soon = true;
    pthread_cond_signal(&watch->wake);
    pthread_mutex_unlock(&watch->lock);
}
