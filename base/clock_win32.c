#include "base/clock.h"

#include <windows.h>
#include <stdio.h>

#include "base/clock_fields.h"

#define TICKS_PER_MS      10000                       // FILETIME counts 100 ns
#define EPOCH_IN_FILETIME INT64_C(116444736000000000) // 1970-01-01 since 1601-01-01

int64_t clock_wall_ms(void)
{
    FILETIME now;
    GetSystemTimePreciseAsFileTime(&now);
    int64_t ticks = (int64_t)now.dwHighDateTime << 32 | now.dwLowDateTime;
    return (ticks - EPOCH_IN_FILETIME) / TICKS_PER_MS;
}

int64_t clock_mono_ms(void)
{
    LARGE_INTEGER count, per_second;
    QueryPerformanceCounter(&count);
    QueryPerformanceFrequency(&per_second);
    int64_t seconds = count.QuadPart / per_second.QuadPart;
    return seconds * 1000 + count.QuadPart % per_second.QuadPart * 1000 / per_second.QuadPart;
}

void clock_sleep_ms(uint32_t ms)
{
    Sleep(ms);
}

// Not localtime: msvcrt's is wrong when TZ is set.
static bool local_time(int64_t wall_ms, SYSTEMTIME *local)
{
    if (wall_ms < -EPOCH_IN_FILETIME / TICKS_PER_MS || wall_ms > INT64_MAX / TICKS_PER_MS / 2)
        return false;
    int64_t ticks = wall_ms * TICKS_PER_MS + EPOCH_IN_FILETIME;
    FILETIME time = {.dwLowDateTime = (DWORD)ticks, .dwHighDateTime = (DWORD)(ticks >> 32)};
    SYSTEMTIME utc;
    TIME_ZONE_INFORMATION
    zone; // with the rules of that year; SystemTimeToTzSpecificLocalTimeEx is missing in Wine
    return FileTimeToSystemTime(&time, &utc) &&
           GetTimeZoneInformationForYear(utc.wYear, NULL, &zone) &&
           SystemTimeToTzSpecificLocalTime(&zone, &utc, local);
}

char *clock_format_local(int64_t wall_ms, char text[CLOCK_TEXT_SIZE])
{
    SYSTEMTIME t;
    if (!local_time(wall_ms, &t))
        return clock_format_utc(wall_ms, text);
    snprintf(text, CLOCK_TEXT_SIZE, "%04u-%02u-%02u %02u:%02u:%02u", t.wYear, t.wMonth, t.wDay,
             t.wHour, t.wMinute, t.wSecond);
    return text;
}

bool clock_from_local(const struct clock_fields *fields, int64_t *wall_ms)
{
    SYSTEMTIME local = {.wYear = (WORD)fields->year,
                        .wMonth = (WORD)fields->month,
                        .wDay = (WORD)fields->day,
                        .wHour = (WORD)fields->hour,
                        .wMinute = (WORD)fields->minute,
                        .wSecond = (WORD)fields->second,
                        .wMilliseconds = (WORD)fields->ms};
    SYSTEMTIME utc;
    FILETIME time;
    TIME_ZONE_INFORMATION zone;
    if (!GetTimeZoneInformationForYear(local.wYear, NULL, &zone) ||
        !TzSpecificLocalTimeToSystemTime(&zone, &local, &utc) || !SystemTimeToFileTime(&utc, &time))
        return false;
    int64_t ticks = (int64_t)time.dwHighDateTime << 32 | time.dwLowDateTime;
    *wall_ms = (ticks - EPOCH_IN_FILETIME) / TICKS_PER_MS;
    return true;
}
