#include "service/engine/schedule.h"

#include <stdio.h>

#include "base/clock.h"
#include "events/VRep.h"
#include "service/engine/relationship.h"

#define S_PER_DAY 86400

// ---- the window ----

// The start of the day that holds `local_ms`.
static int64_t day_of(int64_t local_ms)
{
    int64_t since = local_ms % LOCAL_TIME_DAY_MS;
    return local_ms - (since < 0 ? since + LOCAL_TIME_DAY_MS : since);
}

static int64_t instant(const struct time_zone *zone, int64_t day, uint32_t seconds)
{
    return local_time_to_utc(zone, day + seconds * INT64_C(1000));
}

// The window that begins on the day whose local clock starts at `day`.
static struct schedule_window window_of_day(const struct resync_schedule *schedule, int64_t day,
                                            const struct time_zone *zone)
{
    uint32_t lasts = (schedule->end_s + S_PER_DAY - schedule->start_s) % S_PER_DAY;
    uint32_t end_s = schedule->start_s + (lasts ? lasts : S_PER_DAY);
    struct schedule_window window = {
        .start = instant(zone, day, schedule->start_s),
        .end = instant(zone, day, end_s),
        .next = instant(zone, day + LOCAL_TIME_DAY_MS, schedule->start_s),
    };
    if (window.end <= window.start) // all of it is skipped
        window.end = window.start + lasts * INT64_C(1000);
    if (window.end > window.next)
        window.end = window.next;
    return window;
}

struct schedule_window schedule_window_at(const struct resync_schedule *schedule, int64_t now,
                                          const struct time_zone *zone)
{
    // A day ahead of the present one, because a change of the offset may lie between.
    int64_t day = day_of(local_time_from_utc(zone, now)) + LOCAL_TIME_DAY_MS;
    struct schedule_window window = window_of_day(schedule, day, zone);
    while (window.start > now || window.start == window.next) { // a day that is left out
        day -= LOCAL_TIME_DAY_MS;
        window = window_of_day(schedule, day, zone);
    }
    return window;
}

static bool within(int64_t at, int64_t start, int64_t end)
{
    return start <= at && at < end;
}

// ---- what to do ----

bool schedule_is_told(const struct resync_schedule *schedule, int64_t now,
                      const struct time_zone *zone)
{
    struct schedule_window window = schedule_window_at(schedule, now, zone);
    return within(schedule->told, window.start, window.next);
}

static bool is_stopped(const struct resync_schedule *schedule, const struct schedule_window *window)
{
    return within(schedule->stopped, window->start, window->end);
}

static enum schedule_step decide_required(const struct resync_schedule *schedule, int64_t now,
                                          const struct schedule_window *window)
{
    if (schedule->enabled && now < window->end)
        return is_stopped(schedule, window) ? SCHEDULE_NOTHING : SCHEDULE_START;
    if (within(schedule->told, window->start, window->next))
        return SCHEDULE_NOTHING;
    return schedule->enabled ? SCHEDULE_TELL_OUTSIDE : SCHEDULE_TELL_DISABLED;
}

// Started by the clock it would go on in the window that follows, so it has to be enabled.
static bool has_outrun(const struct resync_schedule *schedule, int64_t now,
                       const struct schedule_window *window)
{
    return schedule->enabled && schedule->suspend_at_end && now >= window->end &&
           schedule->run_since < window->end;
}

static bool waits_for_next_window(const struct relationship *r)
{
    return r->state == REPLICATION_RESYNCHRONIZE_SUSPENDED && r->schedule.suspended_by_end;
}

enum schedule_step schedule_decide(const struct relationship *r, int64_t now,
                                   const struct time_zone *zone)
{
    const struct resync_schedule *schedule = &r->schedule;
    if (r->mode != MODE_PRIMARY || r->cancel_pending || r->comparing_since != 0)
        return SCHEDULE_NOTHING;
    if (schedule->start_time != 0)
        return schedule->start_time <= now ? SCHEDULE_START_DUE : SCHEDULE_NOTHING;
    struct schedule_window window = schedule_window_at(schedule, now, zone);
    if (r->state == REPLICATION_WAITING_FOR_START_RESYNCHRONIZE)
        return decide_required(schedule, now, &window);
    if (waits_for_next_window(r))
        return schedule->enabled && now < window.end ? SCHEDULE_CONTINUE : SCHEDULE_NOTHING;
    if (r->state == REPLICATION_RESYNCHRONIZING && !relationship_is_merging(r))
        return has_outrun(schedule, now, &window) ? SCHEDULE_SUSPEND : SCHEDULE_NOTHING;
    return SCHEDULE_NOTHING;
}

int64_t schedule_next_change(const struct resync_schedule *schedule, int64_t now,
                             const struct time_zone *zone)
{
    struct schedule_window window = schedule_window_at(schedule, now, zone);
    int64_t change = window.end > now ? window.end : window.next;
    return schedule->start_time > now && schedule->start_time < change ? schedule->start_time
                                                                       : change;
}

int64_t schedule_next_start(const struct relationship *r, int64_t now, const struct time_zone *zone)
{
    const struct resync_schedule *schedule = &r->schedule;
    bool required = r->state == REPLICATION_WAITING_FOR_START_RESYNCHRONIZE;
    if (r->mode != MODE_PRIMARY || !schedule->enabled || schedule->start_time != 0 ||
        !(required || waits_for_next_window(r)))
        return 0;
    struct schedule_window window = schedule_window_at(schedule, now, zone);
    bool stays_out = now >= window.end || (required && is_stopped(schedule, &window));
    return stays_out ? window.next : window.start;
}

// ---- what people give ----

enum status schedule_check_start_time(const char *name, int64_t start_time, int64_t now)
{
    char local[CLOCK_TEXT_SIZE], utc[CLOCK_TEXT_SIZE];
    const char *wrong = NULL;
    if (start_time <= now)
        wrong = "has passed";
    else if (start_time > now + SCHEDULE_AHEAD_MAX_DAYS * LOCAL_TIME_DAY_MS)
        wrong = "is more than 7 days ahead";
    if (!wrong)
        return STATUS_OK;
    status_fail(
        STATUS_INVALID_ARGUMENT, 0,
        "The resynchronization of '%s' cannot be scheduled for %s local time (%s): that %s.", name,
        clock_format_local(start_time, local), clock_format_utc(start_time, utc), wrong);
    return status_advise(StartTimeRefused_value,
                         "Give a time within the next %d days, as YYYY-MM-DD HH:MM.",
                         SCHEDULE_AHEAD_MAX_DAYS);
}

// Two digits below `limit`, and moves on.
static bool parse_part(const char **text, uint32_t limit, uint32_t *out)
{
    const char *p = *text;
    if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9')
        return false;
    *out = (uint32_t)(p[0] - '0') * 10 + (uint32_t)(p[1] - '0');
    *text = p + 2;
    return *out < limit;
}

bool time_of_day_parse(const char *text, uint32_t *seconds)
{
    uint32_t hour, minute, second = 0;
    const char *p = text;
    if (!parse_part(&p, 24, &hour) || *p++ != ':' || !parse_part(&p, 60, &minute))
        return false;
    if (*p == ':') {
        p++;
        if (!parse_part(&p, 60, &second))
            return false;
    }
    if (*p != '\0')
        return false;
    *seconds = hour * 3600 + minute * 60 + second;
    return true;
}

char *time_of_day_format(uint32_t seconds, char text[TIME_OF_DAY_SIZE])
{
    snprintf(text, TIME_OF_DAY_SIZE, "%02u:%02u:%02u", seconds / 3600 % 24, seconds / 60 % 60,
             seconds % 60);
    return text;
}
