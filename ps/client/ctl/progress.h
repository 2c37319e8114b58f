// Following a resynchronization to its end.
#ifndef VREP_CTL_PROGRESS_H
#define VREP_CTL_PROGRESS_H

#include "ps/client/ctl/ctl.h"

// Shows how the resynchronization of `name` (or id) goes: a bar on a terminal, a line every few
// seconds elsewhere, nothing with --json. At its end says how it ended: EXIT_DONE when the disks
// are in step, EXIT_FAILED with the reason otherwise. Ctrl-C leaves it running and says so:
// EXIT_DONE.
enum exit_code progress_follow(struct ctl *ctl, const char *name);

#endif
