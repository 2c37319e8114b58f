#include "base/clock.h"

#include <stdio.h>

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

bool clock_parse_utc(const char *text, int64_t *wall_ms)
{
    const char *p = text;
    int year, month, day, hour, minute, second, ms = 0;
    if (!parse_digits(&p, 4, &year) || !parse_char(&p, '-') || !parse_digits(&p, 2, &month) ||
        !parse_char(&p, '-') || !parse_digits(&p, 2, &day) || !parse_char(&p, 'T') ||
        !parse_digits(&p, 2, &hour) || !parse_char(&p, ':') || !parse_digits(&p, 2, &minute) ||
        !parse_char(&p, ':') || !parse_digits(&p, 2, &second))
        return false;
    if (*p == '.' && (!parse_char(&p, '.') || !parse_digits(&p, 3, &ms)))
        return false;
    if (!parse_char(&p, 'Z') || *p != '\0')
        return false;
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > days_of_month(year, month) ||
        hour > 23 || minute > 59 || second > 59)
        return false;
    int64_t days = days_to_year(year) + day - 1;
    for (int m = 1; m < month; m++)
        days += days_of_month(year, m);
    *wall_ms = days * MS_PER_DAY + hour * INT64_C(3600000) + minute * INT64_C(60000) +
               second * INT64_C(1000) + ms;
    return true;
}
