// What 'vrepctl events' is asked for, as its options say it.
#ifndef VREP_CTL_WHEN_H
#define VREP_CTL_WHEN_H

#include <jansson.h>
#include <stdint.h>

#include "base/status.h"

// A time: as clock_parse reads it, or how long ago it was: "90s", "30m", "2h", "7d". `what`:
// "--since". STATUS_INVALID_ARGUMENT.
enum status parse_when(const char *what, const char *text, int64_t now,
                       int64_t *wall_ms) MUST_CHECK;

// "29242,29244,32300-32399" as [[29242, 29242], [29244, 29244], [32300, 32399]].
enum status parse_ids(const char *text, json_t **out) MUST_CHECK;

// "error,warning", or "warning+" for warning and what is worse, as the numbers of the levels.
enum status parse_levels(const char *text, json_t **out) MUST_CHECK;

#endif
