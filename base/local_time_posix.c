#include <time.h>

#include "base/local_time.h"

static int64_t system_offset(const void *context, int64_t utc_ms)
{
    struct tm local;
    time_t seconds = (time_t)(utc_ms / 1000 - (utc_ms % 1000 < 0));
    (void)context;
    tzset(); // the administrator may have changed the time zone since the last call
    return localtime_r(&seconds, &local) ? local.tm_gmtoff * INT64_C(1000) : 0;
}

const struct time_zone *time_zone_system(void)
{
    static const struct time_zone zone = {.offset_ms = system_offset};
    return &zone;
}
