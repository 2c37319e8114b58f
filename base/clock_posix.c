#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "base/clock_fields.h"

static int64_t now_ms(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t clock_wall_ms(void)
{
    return now_ms(CLOCK_REALTIME);
}

int64_t clock_mono_ms(void)
{
    return now_ms(CLOCK_MONOTONIC);
}

void clock_sleep_ms(uint32_t ms)
{
    struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR) {
    }
}

char *clock_format_local(int64_t wall_ms, char text[CLOCK_TEXT_SIZE])
{
    time_t seconds = (time_t)(wall_ms / 1000 - (wall_ms % 1000 < 0));
    struct tm local;
    tzset(); // the administrator may have changed the time zone since the last call
    if (!localtime_r(&seconds, &local) ||
        strftime(text, CLOCK_TEXT_SIZE, "%Y-%m-%d %H:%M:%S", &local) == 0)
        clock_format_utc(wall_ms, text);
    return text;
}

bool clock_from_local(const struct clock_fields *fields, int64_t *wall_ms)
{
    struct tm local = {
        .tm_year = fields->year - 1900,
        .tm_mon = fields->month - 1,
        .tm_mday = fields->day,
        .tm_hour = fields->hour,
        .tm_min = fields->minute,
        .tm_sec = fields->second,
        .tm_isdst = -1, // the zone's rules tell
    };
    local.tm_wday = -1; // set by a call that succeeds, whose result may be -1, too
    time_t seconds = mktime(&local);
    if (local.tm_wday < 0)
        return false;
    *wall_ms = (int64_t)seconds * 1000 + fields->ms;
    return true;
}
