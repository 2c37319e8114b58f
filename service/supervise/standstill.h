// The watch for resynchronizations that stand still.
#ifndef VREP_SERVICE_SUPERVISE_STANDSTILL_H
#define VREP_SERVICE_SUPERVISE_STANDSTILL_H

#include "service/context.h"

// Of one task; zero at its start, but `since`.
struct standstill_watch {
    uint64_t seen; // sum of the counters
    int64_t since; // monotonic: nothing has moved since then
    bool stalled;
};

// What a look has noted under a lock, to be told when it is released.
struct standstill {
    registry_key key;
    bool stalled; // false: goes on again
    uint64_t seconds;
    const char *activity;
};

// Looks at one running resynchronization; takes the registry's table only. True: *out is to be
// told. `progress`: room to work in.
bool standstill_look(struct registry *registry, registry_key key, struct standstill_watch *watch,
                     int64_t now, struct resync_progress *progress, struct standstill *out);

// Raises the event. Without locks.
void standstill_tell(const struct service_context *service, const struct standstill *what);

#endif
