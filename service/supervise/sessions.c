#include "service/supervise/sessions.h"

#include <stdlib.h>

#include "base/clock.h"
#include "service/supervise/tasks.h"
#include "service/vm_events.h"

#define ACCEPT_PAUSE_MS 1000 // after a failure that is not the end: no handles, no memory

struct session {
    struct session *next;
    struct sessions *owner;
    struct stream *stream;
    struct job *job;
};

struct sessions {
    struct supervisor *supervisor;
    struct listener *listener;
    struct replica_hooks hooks;
    pthread_mutex_t lock; // guards the list
    struct session *first;
    unsigned count;
    unsigned refused; // since the last one that was served
    bool shut;
};

static void unlink_session(struct sessions *sessions, const struct session *session)
{
    pthread_mutex_lock(&sessions->lock);
    struct session **at = &sessions->first;
    while (*at != session)
        at = &(*at)->next;
    *at = session->next;
    sessions->count--;
    pthread_mutex_unlock(&sessions->lock);
}

static void session_run(void *context)
{
    struct session *session = context;
    struct sessions *sessions = session->owner;
    resync_replica_session(&sessions->supervisor->context, &sessions->hooks, session->stream,
                           session->job);
    unlink_session(sessions, session);
    job_free(session->job);
    free(session);
}

// Links the session; false: there are too many, or the service ends. *refused: how many others
// were refused before.
static bool admit(struct sessions *sessions, struct session *session, unsigned *refused)
{
    pthread_mutex_lock(&sessions->lock);
    bool admitted = !sessions->shut && sessions->count < SESSIONS_MAX;
    *refused = sessions->refused;
    sessions->refused = admitted ? 0 : sessions->refused + 1;
    if (admitted) {
        session->next = sessions->first;
        sessions->first = session;
        sessions->count++;
    }
    pthread_mutex_unlock(&sessions->lock);
    return admitted;
}

// A flood of connections is two events: its first refusal and its end.
static bool admit_and_tell(struct sessions *sessions, struct session *session)
{
    struct event_writer *events = sessions->supervisor->context.events;
    unsigned refused;
    bool admitted = admit(sessions, session, &refused);
    if (admitted && refused > 0)
        EventWriteConnectionsServedAgain(events, session->stream->peer, refused);
    else if (!admitted && refused == 0)
        EventWriteConnectionRefusedBusy(events, session->stream->peer, SESSIONS_MAX);
    return admitted;
}

// Takes over `stream`.
static void serve(struct sessions *sessions, struct stream *stream)
{
    struct session *session = calloc(1, sizeof *session);
    if (!session || job_new(&session->job) != STATUS_OK) {
        free(session);
        stream->ops->close(stream);
        return;
    }
    session->owner = sessions;
    session->stream = stream;
    if (admit_and_tell(sessions, session)) {
        if (workers_start(sessions->supervisor->workers, "a connection", stream->peer, session_run,
                          session) == STATUS_OK)
            return;
        unlink_session(sessions, session);
    }
    stream->ops->close(stream);
    job_free(session->job);
    free(session);
}

static bool shut(struct sessions *sessions)
{
    pthread_mutex_lock(&sessions->lock);
    bool is = sessions->shut;
    pthread_mutex_unlock(&sessions->lock);
    return is;
}

static void accept_run(void *context)
{
    struct sessions *sessions = context;
    while (!shut(sessions)) {
        struct stream *stream;
        enum status s = transport_accept(sessions->listener, &stream);
        if (s == STATUS_OK)
            serve(sessions, stream);
        else if (s != STATUS_CANCELLED)
            clock_sleep_ms(ACCEPT_PAUSE_MS);
    }
}

// The hook of resync_replica_session: a commit was persisted.
static void start_merge(void *context, registry_key key)
{
    struct supervisor *supervisor = context;
    struct relationship *r;
    if (tasks_add_merge(supervisor->tasks, key) == STATUS_OK)
        return;
    const struct status_details why = *status_last();
    if (registry_get(supervisor->context.registry, key, &r) != STATUS_OK)
        return;
    // The phase is persisted: the next start of the service merges.
    EventWriteMergeStalled(supervisor->context.events, r->name, r->id.bytes, why.message,
                           event_code(&why), 0);
    relationship_free(r);
}

enum status sessions_new(struct supervisor *supervisor, struct listener *listener,
                         struct sessions **out)
{
    struct sessions *sessions = calloc(1, sizeof *sessions);
    if (!sessions)
        return status_no_memory("the list of connections");
    sessions->supervisor = supervisor;
    sessions->listener = listener;
    sessions->hooks = (struct replica_hooks){.context = supervisor, .start_merge = start_merge};
    pthread_mutex_init(&sessions->lock, NULL);
    enum status s = workers_start(supervisor->workers, "the listener", "", accept_run, sessions);
    if (s != STATUS_OK) {
        pthread_mutex_destroy(&sessions->lock);
        free(sessions);
        return s;
    }
    *out = sessions;
    return STATUS_OK;
}

void sessions_shut(struct sessions *sessions)
{
    pthread_mutex_lock(&sessions->lock);
    sessions->shut = true;
    for (struct session *session = sessions->first; session; session = session->next)
        job_give_order(session->job, JOB_CUT);
    pthread_mutex_unlock(&sessions->lock);
    transport_stop(sessions->listener);
}

void sessions_free(struct sessions *sessions)
{
    if (!sessions)
        return;
    transport_close(sessions->listener);
    pthread_mutex_destroy(&sessions->lock);
    free(sessions);
}
