#include "base/clock.h"

#include <windows.h>

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
