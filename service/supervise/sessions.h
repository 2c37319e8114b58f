// The replica's door: accepts connections of primaries and serves each in a thread of its own.
#ifndef VREP_SERVICE_SUPERVISE_SESSIONS_H
#define VREP_SERVICE_SUPERVISE_SESSIONS_H

#include "service/supervise/supervisor.h"
#include "service/wire/transport.h"

// A primary has one connection a running resynchronization; more are closed at once (event 50011).
#define SESSIONS_MAX 256

// Serves what `listener` accepts; takes it over on success.
enum status sessions_new(struct supervisor *supervisor, struct listener *listener,
                         struct sessions **out) MUST_CHECK;

// Accepts no more and cuts what runs; workers_wait follows.
void sessions_shut(struct sessions *sessions);
void sessions_free(struct sessions *sessions); // NULL is fine

#endif
