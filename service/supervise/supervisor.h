// What the parts of the running service share, below the control server and the listener.
//
// Locks: those of tasks.c, watch.c, agenda.c, sessions.c, questions.c and the settings' are held
// for a few instructions, never during I/O and never while something is waited for that a disk
// could keep. Inside tasks' lock only leaves are taken: the workers' lock, a job's, the registry's
// table. Registry changes (registry.c) are made without any of them.
#ifndef VREP_SERVICE_SUPERVISE_SUPERVISOR_H
#define VREP_SERVICE_SUPERVISE_SUPERVISOR_H

#include <pthread.h>

#include "base/local_time.h"
#include "service/context.h"
#include "service/engine/store.h"
#include "service/replicate/comparison.h"
#include "service/replicate/question.h"
#include "service/replicate/resync_primary.h"
#include "service/replicate/resync_replica.h"
#include "service/workers.h"

struct tasks;
struct watch;
struct sessions;
struct questions;
struct metrics_file;
struct agenda;

// What replicate/ does, as a table, so that a test can stand in for the other host.
struct replication_ops {
    enum status (*hold_open)(const struct service_context *service, const struct relationship *r,
                             struct disk_hold **out);
    void (*hold_close)(struct disk_hold *hold);
    enum resync_end (*run)(const struct service_context *service, registry_key key, struct job *job,
                           struct disk_hold **hold, struct throttle *throttle);
    enum resync_end (*cancel)(const struct service_context *service, registry_key key,
                              struct job *job, uint32_t deadline_ms);
    enum status (*ask)(const struct service_context *service, const struct question *question,
                       struct job *job, uint32_t deadline_ms, json_t **report);
    enum status (*compare)(const struct service_context *service, registry_key key, struct job *job,
                           const struct disk_hold *hold, struct comparison *out, uint64_t *rate);
    enum resync_end (*merge)(const struct service_context *service, registry_key key,
                             struct job *job);
    enum status (*discard)(const struct service_context *service, registry_key key);
    void (*hold_replica)(const struct service_context *service, registry_key key);
};
extern const struct replication_ops replication_ops_real;

struct supervisor {
    struct service_context context;
    const struct replication_ops *ops;
    struct store *store;
    struct workers *workers;
    struct tasks *tasks;
    struct watch *watch;
    struct sessions *sessions;
    struct questions *questions;
    struct metrics_file *metrics;
    struct agenda *agenda;
    const struct time_zone *zone;  // of schedules; constant while serving
    pthread_mutex_t change_lock;   // one `enable` or `server-set` at a time; held while it is saved
    pthread_mutex_t settings_lock; // guards `settings`
    struct server_settings settings;
    const char *listen_address; // as in use, which an option may have set; constant while serving
    uint16_t listen_port;
};

#endif
