// Time zones of one year each (2026; Apia: 2011, when it left out a day), by their changes as the
// TZ database has them, so that a test says the same on every system; and one that a test moves.
#ifndef VREP_TESTS_SUPPORT_ZONES_H
#define VREP_TESTS_SUPPORT_ZONES_H

#include "base/local_time.h"

extern const struct time_zone zone_utc, zone_berlin, zone_new_york, zone_lord_howe, zone_apia;

// A zone whose offset any thread may change.
struct moving_zone {
    struct time_zone zone;
    _Atomic int64_t offset_ms;
};
void moving_zone_init(struct moving_zone *moving);

// From now on its clock shows that time of the day at the present instant.
void moving_zone_set_time_of_day(struct moving_zone *moving, int64_t ms_of_day);

#endif
