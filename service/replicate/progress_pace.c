#include "service/replicate/progress_pace.h"

static unsigned percent_of(uint64_t done, uint64_t total)
{
    if (total == 0 || done >= total)
        return 100;
    // Disks are far smaller than the numbers that this overflows for; a hundredth is exact enough
    // for the others.
    return (unsigned)(done > UINT64_MAX / 100 ? done / (total / 100) : done * 100 / total);
}

void progress_pace_begin(struct progress_pace *pace, uint64_t done, uint64_t total, int64_t mono_ms)
{
    pace->told_ms = mono_ms;
    pace->tenths = percent_of(done, total) / 10;
}

bool progress_pace_due(struct progress_pace *pace, uint64_t done, uint64_t total, int64_t mono_ms,
                       unsigned *percent)
{
    unsigned now = percent_of(done, total);
    if (now >= 100 || now / 10 <= pace->tenths || mono_ms - pace->told_ms < PROGRESS_PACE_MS)
        return false;
    pace->told_ms = mono_ms;
    pace->tenths = now / 10;
    *percent = now;
    return true;
}
