#include "base/clock.h"

#include <stdio.h>
#include <string.h>

#include "base/local_time.h"

struct clock_fields {
    int year, month, day; // month 1 to 12
    int hour, minute, second, ms;
};

#define MS_PER_DAY  INT64_C(86400000)
#define EARLIEST_MS INT64_C(-62135596800000) // 0001-01-01T00:00:00.000Z
#define LATEST_MS   INT64_C(253402300799999) // 9999-12-31T23:59:59.999Z

static bool is_leap_year(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int days_of_month(int64_t year, int month)
{
    static const int days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && is_leap_year(year) ? 29 : days[month - 1];
}

// Days from 1970-01-01 to the first of January of `year` (1 to 9999), Gregorian.
static int64_t days_to_year(int64_t year)
{
    int64_t y = year - 1;
    return y * 365 + y / 4 - y / 100 + y / 400 - 719162;
}

char *clock_format_utc(int64_t wall_ms, char text[CLOCK_TEXT_SIZE])
{
    int64_t ms = wall_ms < EARLIEST_MS ? EARLIEST_MS : wall_ms > LATEST_MS ? LATEST_MS : wall_ms;
    int64_t since = ms - EARLIEST_MS; // not negative, so that division rounds down
    int64_t days = since / MS_PER_DAY + EARLIEST_MS / MS_PER_DAY;
    int of_day = (int)(since % MS_PER_DAY);
    int64_t year = 1 + since / MS_PER_DAY / 366; // never too late
    while (year < 9999 && days_to_year(year + 1) <= days)
        year++;
    int day = (int)(days - days_to_year(year));
    int month = 1;
    while (day >= days_of_month(year, month))
        day -= days_of_month(year, month++);
    snprintf(text, CLOCK_TEXT_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", (int)year % 10000,
             month % 100, (day + 1) % 100, of_day / 3600000 % 100, of_day / 60000 % 60,
             of_day / 1000 % 60, of_day % 1000);
    return text;
}

char *clock_format_local(int64_t wall_ms, char text[CLOCK_TEXT_SIZE])
{
    clock_format_utc(local_time_from_utc(time_zone_system(), wall_ms), text);
    text[strlen("2026-11-22")] = ' ';
    text[strlen("2026-11-22 18:49:09")] = '\0';
    return text;
}

// Reads exactly `count` digits and moves on; false when there are fewer.
static bool parse_digits(const char **p, int count, int *value)
{
    *value = 0;
    for (int i = 0; i < count; i++) {
        if (**p < '0' || **p > '9')
            return false;
        *value = *value * 10 + (*(*p)++ - '0');
    }
    return true;
}

static bool parse_char(const char **p, char c)
{
    if (**p != c)
        return false;
    (*p)++;
    return true;
}

// The fraction of a second, if there is one: ".123".
static bool parse_fraction(const char **p, int *ms)
{
    *ms = 0;
    return **p != '.' || (parse_char(p, '.') && parse_digits(p, 3, ms));
}

static bool parse_date(const char **p, struct clock_fields *out)
{
    return parse_digits(p, 4, &out->year) && parse_char(p, '-') &&
           parse_digits(p, 2, &out->month) && parse_char(p, '-') && parse_digits(p, 2, &out->day) &&
           out->year >= 1 && out->month >= 1 && out->month <= 12 && out->day >= 1 &&
           out->day <= days_of_month(out->year, out->month);
}

static bool parse_minutes(const char **p, int *hour, int *minute)
{
    return parse_digits(p, 2, hour) && parse_char(p, ':') && parse_digits(p, 2, minute) &&
           *hour <= 23 && *minute <= 59;
}

static bool parse_seconds(const char **p, struct clock_fields *out)
{
    return parse_char(p, ':') && parse_digits(p, 2, &out->second) && out->second <= 59 &&
           parse_fraction(p, &out->ms);
}

// The fields as a time of UTC.
static int64_t utc_ms(const struct clock_fields *f)
{
    int64_t days = days_to_year(f->year) + f->day - 1;
    for (int m = 1; m < f->month; m++)
        days += days_of_month(f->year, m);
    return days * MS_PER_DAY + f->hour * INT64_C(3600000) + f->minute * INT64_C(60000) +
           f->second * INT64_C(1000) + f->ms;
}

bool clock_parse_utc(const char *text, int64_t *wall_ms)
{
    const char *p = text;
    struct clock_fields f = {0};
    if (!parse_date(&p, &f) || !parse_char(&p, 'T') || !parse_minutes(&p, &f.hour, &f.minute) ||
        !parse_seconds(&p, &f) || !parse_char(&p, 'Z') || *p != '\0')
        return false;
    *wall_ms = utc_ms(&f);
    return true;
}

// "Z", "+01:00", "-0330", or nothing. *minutes: east of UTC.
static bool parse_zone(const char **p, bool *local, int *minutes)
{
    int hour, minute;
    *local = **p == '\0';
    *minutes = 0;
    if (*local || parse_char(p, 'Z'))
        return **p == '\0';
    int sign = **p == '-' ? -1 : 1;
    if (!parse_char(p, '+') && !parse_char(p, '-'))
        return false;
    if (!parse_digits(p, 2, &hour))
        return false;
    (void)parse_char(p, ':');
    if (!parse_digits(p, 2, &minute) || hour > 14 || minute > 59)
        return false;
    *minutes = sign * (hour * 60 + minute);
    return **p == '\0';
}

bool clock_parse(const char *text, int64_t *wall_ms)
{
    const char *p = text;
    struct clock_fields f = {0};
    bool local = true;
    int east = 0;
    if (!parse_date(&p, &f))
        return false;
    if (*p != '\0') {
        if ((!parse_char(&p, ' ') && !parse_char(&p, 'T')) ||
            !parse_minutes(&p, &f.hour, &f.minute) || (*p == ':' && !parse_seconds(&p, &f)) ||
            !parse_zone(&p, &local, &east))
            return false;
    }
    *wall_ms = local ? local_time_to_utc(time_zone_system(), utc_ms(&f))
                     : utc_ms(&f) - east * INT64_C(60000);
    return true;
}
