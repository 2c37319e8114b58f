// The watch over primaries' disks that nobody tracks: at service start and from time to time while
// they idle in state Replicating, their identities are looked at. A look that a disk blocks is left
// to itself, and no second one is begun for that relationship.
#ifndef VREP_SERVICE_SUPERVISE_WATCH_H
#define VREP_SERVICE_SUPERVISE_WATCH_H

#include "service/supervise/supervisor.h"

// Starts the watch, with a first look at once.
enum status watch_new(struct supervisor *supervisor, struct watch **out) MUST_CHECK;

// Begins no more looks; workers_wait follows.
void watch_shut(struct watch *watch);
void watch_free(struct watch *watch); // NULL is fine; no thread of the watch runs any more

// Does not wait for the interval to end.
void watch_look_soon(struct watch *watch);

// Looks at the relationship's disks in this life of the service, wall ms; 0: not yet.
struct watch_times {
    int64_t looked;    // the last one
    int64_t unchanged; // the last one that found all disks as they were
};
struct watch_times watch_times_of(struct watch *watch, registry_key key);

#endif
