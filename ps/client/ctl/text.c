#include "ps/client/ctl/text.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"

char *text_bytes(uint64_t bytes, char text[TEXT_SIZE])
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    if (bytes < 1024) {
        snprintf(text, TEXT_SIZE, "%" PRIu64 " bytes", bytes);
        return text;
    }
    double value = (double)bytes / 1024;
    size_t unit = 0;
    while (value >= 1000 && unit + 1 < sizeof units / sizeof units[0]) {
        value /= 1024;
        unit++;
    }
    snprintf(text, TEXT_SIZE, value < 100 ? "%.1f %s" : "%.0f %s", value, units[unit]);
    return text;
}

char *text_duration(uint64_t seconds, char text[TEXT_SIZE])
{
    if (seconds < 60)
        snprintf(text, TEXT_SIZE, "%" PRIu64 " s", seconds);
    else if (seconds < 3600)
        snprintf(text, TEXT_SIZE, "%" PRIu64 " min %" PRIu64 " s", seconds / 60, seconds % 60);
    else
        snprintf(text, TEXT_SIZE, "%" PRIu64 " h %" PRIu64 " min", seconds / 3600,
                 seconds / 60 % 60);
    return text;
}

char *text_ordinal(uint64_t number, char text[TEXT_SIZE])
{
    static const char *const endings[] = {"th", "st", "nd", "rd"};
    uint64_t last = number % 10;
    bool teen = number % 100 >= 11 && number % 100 <= 13;
    snprintf(text, TEXT_SIZE, "%" PRIu64 "%s", number, endings[last <= 3 && !teen ? last : 0]);
    return text;
}

const char *text_local_time(const char *utc, const char *missing, char text[TEXT_SIZE])
{
    int64_t wall_ms;
    char time[CLOCK_TEXT_SIZE];
    if (!utc || !clock_parse_utc(utc, &wall_ms))
        return missing;
    snprintf(text, TEXT_SIZE, "%s", clock_format_local(wall_ms, time));
    return text;
}

unsigned text_columns(const char *text)
{
    unsigned columns = 0;
    for (; *text; text++)
        columns += ((unsigned char)*text & 0xC0) != 0x80;
    return columns;
}

const char *member_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

uint64_t member_number(const json_t *object, const char *name)
{
    json_int_t value = json_integer_value(json_object_get(object, name));
    return value > 0 ? (uint64_t)value : 0;
}

bool member_is_true(const json_t *object, const char *name)
{
    return json_is_true(json_object_get(object, name));
}
