// When a resynchronization starts, pauses and goes on by itself: the daily window (Hyper-V's
// AutoResynchronizeEnabled, AutoResynchronizeIntervalStart, AutoResynchronizeIntervalEnd) and the
// one start that somebody asked for (ResynchronizeStartTime). Pure: no I/O; the clock and the time
// zone are arguments.
//
// Window: from `start` on one day of the local clock to the next `end`, past midnight when that
// comes first; when both are equal, always. One that daylight saving skips begins at the first
// valid instant, and lasts as long as it would have if its end is skipped, too. An hour that comes
// twice counts once. A window and the time until the next one are its period: it is asked what to
// do at any time, in any order, so that a clock that is set back or forward changes nothing but
// which window it is.
#ifndef VREP_SERVICE_ENGINE_SCHEDULE_H
#define VREP_SERVICE_ENGINE_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/local_time.h"
#include "base/status.h"

#define SCHEDULE_START_DEFAULT_S (18 * 3600 + 30 * 60) // Hyper-V's
#define SCHEDULE_END_DEFAULT_S   (6 * 3600)
#define SCHEDULE_AHEAD_MAX_DAYS  7 // Hyper-V's limit of a start that is asked for

// Persisted with a relationship. Instants are wall ms (UTC), 0: never or none.
struct resync_schedule {
    bool enabled;          // AutoResynchronizeEnabled
    bool window_given;     // somebody chose the window; false: it is the default
    uint32_t start_s;      // AutoResynchronizeIntervalStart: seconds of the local day
    uint32_t end_s;        // AutoResynchronizeIntervalEnd
    bool suspend_at_end;   // what still runs when the window ends suspends itself
    int64_t stopped;       // a resynchronization was last stopped or refused
    int64_t told;          // why none started was last told
    int64_t run_since;     // state 11: when it was asked for
    bool suspended_by_end; // state 12: by the end of a window, so it goes on in the next one

    int64_t start_time;        // ResynchronizeStartTime
    bool start_overwrite;      // what was asked for with it
    bool start_adopt_identity; // likewise
};

// One period: the window [start, end), then nothing until `next`, where the next window starts.
struct schedule_window {
    int64_t start, end, next;
};

// The period that `now` falls in.
struct schedule_window schedule_window_at(const struct resync_schedule *schedule, int64_t now,
                                          const struct time_zone *zone);

// What the time asks of a relationship.
enum schedule_step {
    SCHEDULE_NOTHING,
    SCHEDULE_START_DUE,     // the start that was asked for
    SCHEDULE_START,         // state 10, inside its window
    SCHEDULE_CONTINUE,      // state 12 by the end of a window, inside the next one
    SCHEDULE_SUSPEND,       // state 11, and its window has ended
    SCHEDULE_TELL_DISABLED, // state 10, none starts: AutoResynchronizeEnabled is false (32394)
    SCHEDULE_TELL_OUTSIDE,  // state 10, none starts: outside its window (32396)
};

struct relationship;

// A start inside the window is asked for while the relationship needs it, but not in a window in
// which one was stopped or refused; the reason why there is none is told once in a period.
// SCHEDULE_START says nothing of whether the disks are free.
enum schedule_step schedule_decide(const struct relationship *r, int64_t now,
                                   const struct time_zone *zone);

// The reason why none started was told in the period of `now`.
bool schedule_is_told(const struct resync_schedule *schedule, int64_t now,
                      const struct time_zone *zone);

// When schedule_decide may answer something else though nothing but the time changes: an instant
// after `now`.
int64_t schedule_next_change(const struct resync_schedule *schedule, int64_t now,
                             const struct time_zone *zone);

// When the relationship next starts or goes on by its window: an instant after `now`; the start of
// the present window when it only waits for its disks; 0: it does not.
int64_t schedule_next_start(const struct relationship *r, int64_t now,
                            const struct time_zone *zone);

// STATUS_INVALID_ARGUMENT (event 29178) unless `start_time` lies ahead, by at most
// SCHEDULE_AHEAD_MAX_DAYS. The message has the date as it was understood.
enum status schedule_check_start_time(const char *name, int64_t start_time, int64_t now) MUST_CHECK;

// A time of the day: "HH:MM" or "HH:MM:SS", 00:00 to 23:59:59. False: it is none.
#define TIME_OF_DAY_SIZE 16
bool time_of_day_parse(const char *text, uint32_t *seconds);
char *time_of_day_format(uint32_t seconds, char text[TIME_OF_DAY_SIZE]); // "18:30:00"

#endif
