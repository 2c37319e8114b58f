#include <windows.h>
#include <pthread.h>
#include <stdbool.h>

#include "base/clock.h"
#include "base/local_time.h"

#define TICKS_PER_MS      10000                       // FILETIME counts 100 ns
#define EPOCH_IN_FILETIME INT64_C(116444736000000000) // 1970-01-01 since 1601-01-01
#define RULES_KEPT_MS     1000                        // the administrator may change the time zone

// The rules of a year, whose reading takes a while.
static struct {
    pthread_mutex_t lock;
    int64_t read; // monotonic; 0: never
    WORD year;
    TIME_ZONE_INFORMATION zone;
} rules = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool get_rules(WORD year, TIME_ZONE_INFORMATION *zone)
{
    bool known = true;
    int64_t now = clock_mono_ms();
    pthread_mutex_lock(&rules.lock);
    if (rules.read == 0 || rules.year != year || now - rules.read > RULES_KEPT_MS) {
        known = GetTimeZoneInformationForYear(year, NULL, &rules.zone);
        rules.year = year;
        rules.read = known ? now : 0;
    }
    *zone = rules.zone;
    pthread_mutex_unlock(&rules.lock);
    return known;
}

static FILETIME file_time(int64_t ms)
{
    int64_t ticks = ms * TICKS_PER_MS + EPOCH_IN_FILETIME;
    return (FILETIME){.dwLowDateTime = (DWORD)ticks, .dwHighDateTime = (DWORD)(ticks >> 32)};
}

// Not localtime: msvcrt's is wrong when TZ is set. SystemTimeToTzSpecificLocalTimeEx is missing in
// Wine, so the rules of that year are asked for.
static int64_t system_offset(const void *context, int64_t utc_ms)
{
    SYSTEMTIME utc, local;
    TIME_ZONE_INFORMATION zone;
    FILETIME as_utc;
    (void)context;
    if (utc_ms < -EPOCH_IN_FILETIME / TICKS_PER_MS || utc_ms > INT64_MAX / TICKS_PER_MS / 2)
        return 0;
    FILETIME time = file_time(utc_ms);
    if (!FileTimeToSystemTime(&time, &utc) || !get_rules(utc.wYear, &zone) ||
        !SystemTimeToTzSpecificLocalTime(&zone, &utc, &local) ||
        !SystemTimeToFileTime(&local, &as_utc))
        return 0;
    int64_t shown = (int64_t)as_utc.dwHighDateTime << 32 | as_utc.dwLowDateTime;
    int64_t was = (int64_t)time.dwHighDateTime << 32 | time.dwLowDateTime;
    return (shown - was) / TICKS_PER_MS;
}

const struct time_zone *time_zone_system(void)
{
    static const struct time_zone zone = {.offset_ms = system_offset};
    return &zone;
}
