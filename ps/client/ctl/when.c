#include "ps/client/ctl/when.h"

#include <string.h>

#include "base/checked.h"
#include "base/clock.h"
#include "ps/client/ctl/args.h"

#define WORD_MAX 24 // the longest level, or pair of numbers, with room

// ---- times ----

// The milliseconds of a unit: 's', 'm', 'h', 'd'; 0: none of them.
static uint64_t unit_ms(const char *unit)
{
    static const struct {
        char letter;
        uint64_t ms;
    } units[] = {{'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', 86400000}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (unit[0] == units[i].letter && unit[1] == '\0')
            return units[i].ms;
    return 0;
}

static bool parse_ago(const char *text, int64_t now, int64_t *wall_ms)
{
    const char *end;
    uint64_t count, ms;
    if (!parse_digits(text, &end, &count) || unit_ms(end) == 0 ||
        multiply_overflows(count, unit_ms(end), &ms) || ms > (uint64_t)now)
        return false;
    *wall_ms = now - (int64_t)ms;
    return true;
}

enum status parse_when(const char *what, const char *text, int64_t now, int64_t *wall_ms)
{
    if (parse_ago(text, now, wall_ms) || clock_parse(text, wall_ms))
        return STATUS_OK;
    status_fail(STATUS_INVALID_ARGUMENT, 0, "%s: '%.100s' is not a time.", what, text);
    return status_advise(0, "Give a local time like '2026-11-22 18:30', one with its zone like "
                            "2026-11-22T17:30:00Z, or how long ago it was: 90s, 30m, 2h, 7d.");
}

// ---- lists ----

// The words between commas, each handed to `each`.
static enum status
for_each_word(const char *what, const char *text,
              enum status (*each)(const char *what, const char *word, json_t *out), json_t **out)
{
    json_t *list = json_array();
    enum status s = list ? STATUS_OK : status_no_memory("a request");
    for (const char *p = text; s == STATUS_OK && p;) {
        char word[WORD_MAX];
        size_t length = strcspn(p, ",");
        if (length >= sizeof word) {
            s = status_fail(STATUS_INVALID_ARGUMENT, 0, "%s: '%.100s' is not understood.", what, p);
            break;
        }
        memcpy(word, p, length);
        word[length] = '\0';
        s = each(what, word, list);
        p = p[length] == ',' ? p + length + 1 : NULL;
    }
    if (s == STATUS_OK)
        *out = list;
    else
        json_decref(list);
    return s;
}

static enum status put_range(const char *what, const char *word, json_t *out)
{
    const char *end;
    uint64_t first = 0;
    bool fine = parse_digits(word, &end, &first);
    uint64_t last = first;
    if (fine && *end == '-')
        fine = parse_digits(end + 1, &end, &last);
    if (!fine || *end != '\0' || first > last || last > UINT32_MAX)
        return status_fail(STATUS_INVALID_ARGUMENT, 0,
                           "%s: '%s' is not the number of an event, nor a range like 32300-32399.",
                           what, word);
    json_t *pair = json_pack("[I, I]", (json_int_t)first, (json_int_t)last);
    return json_array_append_new(out, pair) == 0 ? STATUS_OK : status_no_memory("a request");
}

enum status parse_ids(const char *text, json_t **out)
{
    return for_each_word("--id", text, put_range, out);
}

// A level; with '+', it and what is worse, which has lower numbers.
static enum status put_level(const char *what, const char *word, json_t *out)
{
    static const char *const levels[] = {"critical", "error", "warning", "information", "verbose"};
    size_t length = strcspn(word, "+");
    bool or_worse = strcmp(word + length, "+") == 0;
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        if (strlen(levels[i]) != length || memcmp(levels[i], word, length) != 0 ||
            (word[length] && !or_worse))
            continue;
        for (size_t level = or_worse ? 1 : i + 1; level <= i + 1; level++)
            if (json_array_append_new(out, json_integer((json_int_t)level)) != 0)
                return status_no_memory("a request");
        return STATUS_OK;
    }
    return status_fail(STATUS_INVALID_ARGUMENT, 0,
                       "%s: '%s' is not critical, error, warning, information or verbose, with '+' "
                       "behind it for what is worse, too.",
                       what, word);
}

enum status parse_levels(const char *text, json_t **out)
{
    return for_each_word("--level", text, put_level, out);
}
