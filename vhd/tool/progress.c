#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/os.h"
#include "vhd/tool/tool.h"

#define BAR_WIDTH 30
#define REDRAW_MS 200

static bool silent;

void progress_silence(void)
{
    silent = true;
}

void progress_start(struct progress *progress, const char *what)
{
    int64_t now = clock_mono_ms();
    *progress = (struct progress){.what = what,
                                  .shown = !silent && isatty(fileno(stderr)) != 0,
                                  .started_ms = now,
                                  .drawn_ms = now};
}

static void draw(const struct progress *progress, uint64_t done, uint64_t total, int64_t elapsed_ms)
{
    char bar[BAR_WIDTH + 1];
    char line[160];
    double part = total ? (double)done / (double)total : 1.0;
    double rate = elapsed_ms > 0 ? (double)done / 1048.576 / (double)elapsed_ms : 0.0;
    for (int i = 0; i < BAR_WIDTH; i++)
        bar[i] = i < (int)(part * BAR_WIDTH) ? '#' : '.';
    bar[BAR_WIDTH] = '\0';
    snprintf(line, sizeof line, "\r%s [%s] %3d %%  %.1f of %.1f MiB  %.0f MiB/s ", progress->what,
             bar, (int)(part * 100), (double)done / 1048576, (double)total / 1048576, rate);
    os_print(true, line);
}

void progress_update(struct progress *progress, uint64_t done, uint64_t total)
{
    int64_t now = clock_mono_ms();
    if (!progress->shown || (now - progress->drawn_ms < REDRAW_MS && done < total))
        return;
    progress->drawn_ms = now;
    progress->drawn = true;
    draw(progress, done, total, now - progress->started_ms);
}

void progress_end(struct progress *progress)
{
    if (progress->drawn)
        os_print(true, "\n");
    progress->shown = false;
}

bool progress_step(void *progress, uint64_t done, uint64_t total)
{
    progress_update(progress, done, total);
    return !interrupt_came();
}
