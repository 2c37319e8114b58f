#include "ps/client/ctl/args.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

static const struct {
    const char *name;
    bool takes_value;
} options[OPTIONS] = {
    [OPTION_DISK] = {"--disk", true},
    [OPTION_REPLICA] = {"--replica", true},
    [OPTION_AS_REPLICA] = {"--as-replica", false},
    [OPTION_ALLOWED_PRIMARY] = {"--allowed-primary", true},
    [OPTION_VM_ID] = {"--vm-id", true},
    [OPTION_RESYNCHRONIZE] = {"--resynchronize", false},
    [OPTION_OVERWRITE_REPLICA] = {"--overwrite-replica", false},
    [OPTION_ADOPT_IDENTITY] = {"--adopt-identity", false},
    [OPTION_CONTINUE] = {"--continue", false},
    [OPTION_START_TIME] = {"--start-time", true},
    [OPTION_NO_WAIT] = {"--no-wait", false},
    [OPTION_WHAT_IF] = {"--what-if", false},
    [OPTION_RELATIONSHIP] = {"--relationship", true},
    [OPTION_BANDWIDTH_LIMIT] = {"--bandwidth-limit", true},
    [OPTION_AUTO_RESYNCHRONIZE] = {"--auto-resynchronize", true},
    [OPTION_AUTO_RESYNCHRONIZE_START] = {"--auto-resynchronize-start", true},
    [OPTION_AUTO_RESYNCHRONIZE_END] = {"--auto-resynchronize-end", true},
    [OPTION_SUSPEND_AT_WINDOW_END] = {"--suspend-at-window-end", true},
    [OPTION_MAXIMUM_ACTIVE_TRANSFERS] = {"--maximum-active-transfers", true},
    [OPTION_METRICS_FOLDER] = {"--metrics-folder", true},
    [OPTION_FOLLOW] = {"--follow", false},
    [OPTION_LIMIT] = {"--limit", true},
    [OPTION_ID] = {"--id", true},
    [OPTION_LEVEL] = {"--level", true},
    [OPTION_SINCE] = {"--since", true},
    [OPTION_UNTIL] = {"--until", true},
    [OPTION_JSON] = {"--json", false},
    [OPTION_INSTANCE] = {"--instance", true},
    [OPTION_HELP] = {"--help", false},
};

// The option that `argument` names, with its value after '=' if there is one; OPTIONS: none.
static enum option find_option(const char *argument, const char **value)
{
    const char *equals = strchr(argument, '=');
    size_t length = equals ? (size_t)(equals - argument) : strlen(argument);
    *value = equals ? equals + 1 : NULL;
    for (unsigned i = 0; i < OPTIONS; i++) {
        if (strlen(options[i].name) == length && memcmp(options[i].name, argument, length) == 0)
            return (enum option)i;
    }
    return strcmp(argument, "-h") == 0 || strcmp(argument, "/?") == 0 ? OPTION_HELP : OPTIONS;
}

static enum status take_option(enum option option, const char *value, struct arguments *out)
{
    if (options[option].takes_value && !value)
        return status_fail(STATUS_INVALID_ARGUMENT, 0, "'%s' needs a value.", options[option].name);
    if (!options[option].takes_value && value)
        return status_fail(STATUS_INVALID_ARGUMENT, 0, "'%s' takes no value.",
                           options[option].name);
    out->given[option] = true;
    out->value[option] = value;
    if (option == OPTION_DISK)
        out->disk[out->disk_count++] = value;
    return STATUS_OK;
}

static enum status take_word(const char *word, bool is_disk, enum name_rule rule,
                             struct arguments *out)
{
    if (is_disk) {
        out->disk[out->disk_count++] = word;
        return STATUS_OK;
    }
    if (word[0] == '-' || out->name || rule == NAME_NONE)
        return status_fail(STATUS_INVALID_ARGUMENT, 0, "'%.200s' is not expected here.", word);
    out->name = word;
    return STATUS_OK;
}

enum status arguments_parse(int argc, char **argv, uint64_t allowed, enum name_rule rule,
                            struct arguments *out)
{
    *out = (struct arguments){0};
    out->disk = calloc((size_t)argc + 1, sizeof *out->disk);
    if (!out->disk)
        return status_no_memory("the arguments");
    bool after_disk = false; // every word up to the next option is a path
    for (int i = 0; i < argc; i++) {
        const char *value;
        enum option option = find_option(argv[i], &value);
        enum status s;
        if (option == OPTIONS) {
            s = take_word(argv[i], after_disk && argv[i][0] != '-', rule, out);
        } else if (!(allowed & OPTION_BIT(option))) {
            s = status_fail(STATUS_INVALID_ARGUMENT, 0, "'%s' does not go with this verb.",
                            options[option].name);
        } else {
            if (options[option].takes_value && !value && i + 1 < argc)
                value = argv[++i];
            s = take_option(option, value, out);
            after_disk = option == OPTION_DISK;
        }
        if (s != STATUS_OK)
            return s;
    }
    if (rule == NAME_REQUIRED && !out->name && !out->given[OPTION_HELP])
        return status_fail(STATUS_INVALID_ARGUMENT, 0, "The name of a relationship is missing.");
    return STATUS_OK;
}

void arguments_free(struct arguments *arguments)
{
    free(arguments->disk);
    arguments->disk = NULL;
}

bool parse_digits(const char *text, const char **end, uint64_t *out)
{
    uint64_t value = 0;
    const char *p = text;
    for (; *p >= '0' && *p <= '9'; p++) {
        if (multiply_overflows(value, 10, &value) ||
            add_overflows(value, (uint64_t)(*p - '0'), &value))
            return false;
    }
    *end = p;
    *out = value;
    return p != text;
}

// The factor of a suffix: "", "K", "M", "G"; 0: none of them.
static uint64_t suffix_factor(const char *suffix)
{
    static const char letters[] = "KMG";
    if (suffix[0] == '\0')
        return 1;
    char upper = (char)(suffix[0] >= 'a' && suffix[0] <= 'z' ? suffix[0] - 'a' + 'A' : suffix[0]);
    const char *found = strchr(letters, upper);
    return found && suffix[1] == '\0' ? UINT64_C(1) << (10 * (found - letters + 1)) : 0;
}

enum status parse_bandwidth(const char *text, uint64_t *out)
{
    const char *end;
    uint64_t value;
    if (strcmp(text, "none") == 0) {
        *out = 0;
        return STATUS_OK;
    }
    uint64_t factor = parse_digits(text, &end, &value) ? suffix_factor(end) : 0;
    if (factor == 0 || multiply_overflows(value, factor, &value) || value > INT64_MAX)
        return status_fail(STATUS_INVALID_ARGUMENT, 0,
                           "'%.100s' is not a limit. Give bytes per second, with K, M or G for "
                           "powers of 1024, or 'none'.",
                           text);
    *out = value;
    return STATUS_OK;
}

enum status parse_switch(const char *what, const char *text, bool *out)
{
    bool on = strcmp(text, "on") == 0;
    if (!on && strcmp(text, "off") != 0)
        return status_fail(STATUS_INVALID_ARGUMENT, 0, "%s: '%.100s' is neither on nor off.", what,
                           text);
    *out = on;
    return STATUS_OK;
}

enum status parse_number(const char *what, const char *text, uint64_t least, uint64_t most,
                         uint64_t *out)
{
    const char *end;
    uint64_t value;
    if (!parse_digits(text, &end, &value) || *end != '\0' || value < least || value > most)
        return status_fail(STATUS_INVALID_ARGUMENT, 0,
                           "%s: '%.100s' is not a number from %" PRIu64 " to %" PRIu64 ".", what,
                           text, least, most);
    *out = value;
    return STATUS_OK;
}
