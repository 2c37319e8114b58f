#include <signal.h>

#include "vhd/tool/tool.h"

static volatile sig_atomic_t came;

// The second signal does what it always does. (Windows resets the handler by itself.)
static void note(int number)
{
    came = 1;
    (void)signal(number, SIG_DFL);
}

void interrupt_watch(void)
{
    (void)signal(SIGINT, note);
    (void)signal(SIGTERM, note);
}

bool interrupt_came(void)
{
    return came != 0;
}
