#include "service/replicate/fault_point.h"

#ifdef VREP_FAULT_POINTS

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

static struct {
    char name[64];
    unsigned long count;
    char action[32];
} chosen;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static atomic_ulong passages;

static void choose(void)
{
    const char *text = getenv("VREP_FAULT");
    if (text && sscanf(text, "%63[^:]:%lu:%31s", chosen.name, &chosen.count, chosen.action) != 3) {
        fprintf(stderr, "VREP_FAULT is not name:count:action: %s\n", text);
        abort();
    }
}

void fault_point(const char *name)
{
    pthread_once(&once, choose);
    if (strcmp(name, chosen.name) != 0)
        return;
    unsigned long passage = atomic_fetch_add(&passages, 1) + 1;
    if (chosen.count != 0 && passage != chosen.count)
        return;
    if (strcmp(chosen.action, "kill") == 0)
        raise(SIGKILL);
    else if (strcmp(chosen.action, "stop") == 0)
        for (;;)
            clock_sleep_ms(1000);
    else if (strncmp(chosen.action, "sleep-", 6) == 0)
        clock_sleep_ms((uint32_t)strtoul(chosen.action + 6, NULL, 10));
}

#else

// A translation unit must not be empty.
extern int fault_point_left_out;
int fault_point_left_out;

#endif
