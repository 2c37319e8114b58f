// Windows at any instant in a zone with one change of any size, and the texts of times of a day.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "service/engine/schedule.h"

#define MINUTE_MS   INT64_C(60000)
#define OFFSET_MAX  (14 * 60) // minutes: no zone is further away
#define YEARS_MS    (130 * 366 * LOCAL_TIME_DAY_MS)
#define AROUND_DAYS 3 // the change is so near

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void insist(bool condition)
{
    if (!condition)
        abort();
}

struct input {
    uint32_t start, end;
    int64_t now, change;
    int16_t before, after;
};

struct one_change {
    int64_t at, before_ms, after_ms;
};

static int64_t offset_of(const void *context, int64_t utc_ms)
{
    const struct one_change *change = context;
    return utc_ms < change->at ? change->before_ms : change->after_ms;
}

static void window(const struct input *in)
{
    int64_t now = in->now % YEARS_MS;
    struct one_change change = {
        .at = now + in->change % (AROUND_DAYS * LOCAL_TIME_DAY_MS) / MINUTE_MS * MINUTE_MS,
        .before_ms = in->before % OFFSET_MAX * MINUTE_MS,
        .after_ms = in->after % OFFSET_MAX * MINUTE_MS,
    };
    const struct time_zone zone = {.offset_ms = offset_of, .context = &change};
    const struct resync_schedule schedule = {.start_s = in->start % 86400,
                                             .end_s = in->end % 86400};
    struct schedule_window found = schedule_window_at(&schedule, now, &zone);
    insist(found.start <= now && now < found.next);
    insist(found.start < found.end && found.end <= found.next);
    struct schedule_window same = schedule_window_at(&schedule, found.start, &zone);
    insist(same.start == found.start && same.end == found.end && same.next == found.next);
    insist(schedule_next_change(&schedule, now, &zone) > now);
    int64_t local = local_time_from_utc(&zone, now);
    int64_t first = local_time_to_utc(&zone, local);
    insist(first <= now && local_time_from_utc(&zone, first) == local);
}

static void time_of_day(const uint8_t *data, size_t size)
{
    char text[TIME_OF_DAY_SIZE], again[TIME_OF_DAY_SIZE];
    uint32_t seconds, same;
    if (size >= sizeof text)
        return;
    memcpy(text, data, size);
    text[size] = '\0';
    if (!time_of_day_parse(text, &seconds))
        return;
    insist(seconds < 86400);
    insist(time_of_day_parse(time_of_day_format(seconds, again), &same) && same == seconds);
    insist(memcmp(again, text, size) == 0 && (size == 5 || size == 8));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in;
    time_of_day(data, size);
    if (size != sizeof in)
        return 0;
    memcpy(&in, data, sizeof in);
    window(&in);
    return 0;
}
