// The system's zones against themselves: the C library tells what the clock on the wall shows at
// each minute of some years, and by that alone it is found when windows start. On systems with the
// TZ database.
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "service/engine/schedule.h"

#define ZONES "/usr/share/zoneinfo"

static const char *const zones[] = {"Europe/Berlin",    "America/New_York",  "Australia/Lord_Howe",
                                    "Asia/Kathmandu",   "America/St_Johns",  "Africa/Casablanca",
                                    "Pacific/Auckland", "America/Sao_Paulo", "UTC"};
static const unsigned starts_m[] = {0, 30, 119, 120, 135, 179, 180, 18 * 60 + 30, 23 * 60 + 59};

#define STARTS (sizeof starts_m / sizeof *starts_m)

static void use_zone(const char *name)
{
    setenv("TZ", name, 1);
    tzset();
}

// Minute by minute: the first at which the clock of a day shows the start, or more, begins its
// window.
static void check_year(const char *zone, int year)
{
    struct tm first = {.tm_year = year - 1900, .tm_mday = 1};
    time_t from = timegm(&first), to = from + 366 * 86400;
    bool begun[STARTS] = {false};
    int day = -1;
    for (time_t t = from; t < to; t += 60) {
        struct tm local;
        localtime_r(&t, &local);
        if (local.tm_yday != day) {
            memset(begun, day < 0, sizeof begun); // the first day is seen in part
            day = local.tm_yday;
        }
        for (size_t i = 0; i < STARTS; i++) {
            unsigned shown = (unsigned)(local.tm_hour * 60 + local.tm_min);
            if (begun[i] || shown < starts_m[i])
                continue;
            begun[i] = true;
            const struct resync_schedule schedule = {.start_s = starts_m[i] * 60,
                                                     .end_s = (starts_m[i] * 60 + 3600) % 86400};
            int64_t now = (int64_t)t * 1000;
            struct schedule_window window = schedule_window_at(&schedule, now, time_zone_system());
            if (window.start != now || window.end <= now || window.next <= window.start)
                fail_msg("%s, start %u: not at %s", zone, starts_m[i], asctime(&local));
            if (schedule_window_at(&schedule, now - 1, time_zone_system()).start >= now)
                fail_msg("%s, start %u: before %s", zone, starts_m[i], asctime(&local));
        }
    }
}

static void windows__every_day_of_some_years__start_as_the_clock_shows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof zones / sizeof *zones; i++) {
        use_zone(zones[i]);
        check_year(zones[i], 2015);
        check_year(zones[i], 2026);
    }
}

// mktime takes the same local time back, where it is no hour that comes twice or not at all.
static void to_utc__agrees_with_mktime(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof zones / sizeof *zones; i++) {
        use_zone(zones[i]);
        for (time_t t = 1750000000; t < 1790000000; t += 12347) {
            struct tm local, again;
            char text[32];
            int64_t ms;
            localtime_r(&t, &local);
            strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &local);
            assert_true(clock_parse(text, &ms));
            time_t found = (time_t)(ms / 1000);
            localtime_r(&found, &again);
            assert_true(found == t || (found < t && again.tm_hour == local.tm_hour &&
                                       again.tm_min == local.tm_min));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows__every_day_of_some_years__start_as_the_clock_shows),
        cmocka_unit_test(to_utc__agrees_with_mktime),
    };
    if (access(ZONES "/Europe/Berlin", R_OK) != 0) {
        printf("no TZ database in " ZONES "\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
