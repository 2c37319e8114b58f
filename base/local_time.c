#include "base/local_time.h"

#define AROUND_MS   (LOCAL_TIME_DAY_MS / 2 * 3) // no zone is further from UTC than a day
#define FARTHEST_MS (INT64_MAX / 2)             // no calendar gets there

static int64_t offset_at(const struct time_zone *zone, int64_t utc_ms)
{
    return zone->offset_ms(zone->context, utc_ms);
}

int64_t local_time_from_utc(const struct time_zone *zone, int64_t utc_ms)
{
    if (utc_ms > FARTHEST_MS || utc_ms < -FARTHEST_MS)
        return utc_ms;
    return utc_ms + offset_at(zone, utc_ms);
}

int64_t local_time_to_utc(const struct time_zone *zone, int64_t local_ms)
{
    int64_t before = offset_at(zone, local_ms - AROUND_MS);
    int64_t after = offset_at(zone, local_ms + AROUND_MS);
    int64_t early = local_ms - (before > after ? before : after);
    int64_t late = local_ms - (before > after ? after : before);
    if (local_time_from_utc(zone, early) == local_ms)
        return early;
    if (local_time_from_utc(zone, late) == local_ms)
        return late;
    // Skipped: the change lies between, and the clock shows less than `local_ms` until it.
    while (late - early > 1) {
        int64_t middle = early + (late - early) / 2;
        if (local_time_from_utc(zone, middle) < local_ms)
            early = middle;
        else
            late = middle;
    }
    return late;
}
