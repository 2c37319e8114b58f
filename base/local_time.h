// Local wall-clock time, which runs at an offset from UTC that seasons and decrees change. A
// "local" time is the count of milliseconds from 1970-01-01 00:00:00 of the local clock to what it
// shows.
#ifndef VREP_BASE_LOCAL_TIME_H
#define VREP_BASE_LOCAL_TIME_H

#include <stdint.h>

#define LOCAL_TIME_DAY_MS INT64_C(86400000)

struct time_zone {
    // What the local clock shows at that instant (ms since 1970, UTC) minus UTC, in ms.
    int64_t (*offset_ms)(const void *context, int64_t utc_ms);
    const void *context;
};

// The zone of this system, as its administrator has set it at the time of each call (on Windows
// never TZ).
const struct time_zone *time_zone_system(void);

// What the clock of `zone` shows at that instant.
int64_t local_time_from_utc(const struct time_zone *zone, int64_t utc_ms);

// The first instant at which the local clock shows `local_ms`; one that it skips: the instant of
// the change that skips it, the first valid one after it. At most one change is looked for within a
// day and a half around it.
int64_t local_time_to_utc(const struct time_zone *zone, int64_t local_ms);

#endif
