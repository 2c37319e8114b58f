// The arguments behind a verb.
#ifndef VREP_CTL_ARGS_H
#define VREP_CTL_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum option {
    OPTION_DISK,
    OPTION_REPLICA,
    OPTION_AS_REPLICA,
    OPTION_ALLOWED_PRIMARY,
    OPTION_VM_ID,
    OPTION_RESYNCHRONIZE,
    OPTION_OVERWRITE_REPLICA,
    OPTION_ADOPT_IDENTITY,
    OPTION_CONTINUE,
    OPTION_START_TIME,
    OPTION_NO_WAIT,
    OPTION_WHAT_IF,
    OPTION_RELATIONSHIP,
    OPTION_BANDWIDTH_LIMIT,
    OPTION_AUTO_RESYNCHRONIZE,
    OPTION_AUTO_RESYNCHRONIZE_START,
    OPTION_AUTO_RESYNCHRONIZE_END,
    OPTION_SUSPEND_AT_WINDOW_END,
    OPTION_MAXIMUM_ACTIVE_TRANSFERS,
    OPTION_METRICS_FOLDER,
    OPTION_FOLLOW,
    OPTION_LIMIT,
    OPTION_ID,
    OPTION_LEVEL,
    OPTION_SINCE,
    OPTION_UNTIL,
    OPTION_JSON,
    OPTION_INSTANCE,
    OPTION_HELP,
    OPTIONS
};

#define OPTION_BIT(option) (UINT64_C(1) << (option))

// Whether a verb takes a relationship's name.
enum name_rule { NAME_NONE, NAME_OPTIONAL, NAME_REQUIRED };

struct arguments {
    const char *name; // NULL: not given
    bool given[OPTIONS];
    const char *value[OPTIONS]; // of options that take one; the last one given
    const char **disk;          // the paths after --disk, in order; allocated
    size_t disk_count;
};

// Reads argv[0 .. argc - 1]. Each may be an option of `allowed` ("--option value" or
// "--option=value"), the name, or, after
// --disk, a path. STATUS_INVALID_ARGUMENT. `out` is to be freed even after a failure.
enum status arguments_parse(int argc, char **argv, uint64_t allowed, enum name_rule rule,
                            struct arguments *out) MUST_CHECK;
void arguments_free(struct arguments *arguments);

// Reads the digits at the front of `text` and leaves *end behind them; false: none, or too many.
bool parse_digits(const char *text, const char **end, uint64_t *out);

// "4194304", "4M", "1G", "64K" (powers of 1024), "0" or "none": bytes per second, 0: no limit.
enum status parse_bandwidth(const char *text, uint64_t *out) MUST_CHECK;

// "on" or "off". `what`: "--auto-resynchronize".
enum status parse_switch(const char *what, const char *text, bool *out) MUST_CHECK;

// A plain number from `least` to `most`. `what`: "--limit".
enum status parse_number(const char *what, const char *text, uint64_t least, uint64_t most,
                         uint64_t *out) MUST_CHECK;

#endif
