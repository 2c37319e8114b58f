// Two clocks: wall (UTC) for schedules and records, monotonic for time-outs, rates and retries.
#ifndef VREP_BASE_CLOCK_H
#define VREP_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

// Milliseconds since 1970-01-01T00:00:00Z.
int64_t clock_wall_ms(void);

// Milliseconds of a clock that never goes back; its zero has no meaning.
int64_t clock_mono_ms(void);

void clock_sleep_ms(uint32_t ms);

#define CLOCK_TEXT_SIZE 32

// "2026-11-22T17:49:09.123Z"; years outside 1 to 9999 are cut to these. Returns `text`.
char *clock_format_utc(int64_t wall_ms, char text[CLOCK_TEXT_SIZE]);

// "2026-11-22 18:49:09" in the system's local time (base/local_time.h). Returns `text`.
char *clock_format_local(int64_t wall_ms, char text[CLOCK_TEXT_SIZE]);

// Reads what clock_format_utc writes; milliseconds may be absent. False: malformed or out of range.
bool clock_parse_utc(const char *text, int64_t *wall_ms);

// Reads a time as people and ISO 8601 write it: "2026-11-22", "2026-11-22 18:49[:09[.123]]", 'T' in
// the place of the space, and behind it "Z" or an offset ("+01:00"); without either it is the
// system's local time, by local_time_to_utc (base/local_time.h). False: malformed.
bool clock_parse(const char *text, int64_t *wall_ms);

#endif
