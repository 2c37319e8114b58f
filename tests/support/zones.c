#include "tests/support/zones.h"

#include <stdatomic.h>
#include <stddef.h>

#include "base/clock.h"

struct change {
    int64_t utc_ms; // INT64_MIN: of the beginning
    int64_t offset_ms;
};

struct changes {
    const struct change *change;
    size_t count;
};

static int64_t offset_by_changes(const void *context, int64_t utc_ms)
{
    const struct changes *changes = context;
    size_t i = changes->count - 1;
    while (i > 0 && changes->change[i].utc_ms > utc_ms)
        i--;
    return changes->change[i].offset_ms;
}

#define ZONE(name, ...)                                                                          \
    static const struct change name##_change[] = {__VA_ARGS__};                                  \
    static const struct changes name##_changes = {name##_change,                                 \
                                                  sizeof name##_change / sizeof *name##_change}; \
    const struct time_zone zone_##name = {.offset_ms = offset_by_changes,                        \
                                          .context = &name##_changes}

ZONE(utc, {INT64_MIN, 0});
ZONE(berlin, {INT64_MIN, 3600000}, {1774746000000, 7200000}, {1792890000000, 3600000});
ZONE(new_york, {INT64_MIN, -18000000}, {1772953200000, -14400000}, {1793512800000, -18000000});
ZONE(lord_howe, {INT64_MIN, 39600000}, {1775314800000, 37800000}, {1791041400000, 39600000});
ZONE(apia, {INT64_MIN, -36000000}, {1325239200000, 50400000});

static int64_t moving_offset(const void *context, int64_t utc_ms)
{
    const struct moving_zone *moving = context;
    (void)utc_ms;
    return atomic_load(&moving->offset_ms);
}

void moving_zone_init(struct moving_zone *moving)
{
    moving->zone = (struct time_zone){.offset_ms = moving_offset, .context = moving};
    atomic_store(&moving->offset_ms, 0);
}

void moving_zone_set_time_of_day(struct moving_zone *moving, int64_t ms_of_day)
{
    atomic_store(&moving->offset_ms, ms_of_day - clock_wall_ms() % LOCAL_TIME_DAY_MS);
}
