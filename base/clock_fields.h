// A time by the calendar, and the one thing about it that only the system knows. Not for others.
#ifndef VREP_BASE_CLOCK_FIELDS_H
#define VREP_BASE_CLOCK_FIELDS_H

#include <stdbool.h>
#include <stdint.h>

struct clock_fields {
    int year, month, day; // month 1 to 12
    int hour, minute, second, ms;
};

// The fields as a time of the system's time zone. False: out of what the system knows.
bool clock_from_local(const struct clock_fields *fields, int64_t *wall_ms);

#endif
