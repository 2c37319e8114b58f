// Following what runs in the service to its end.
#ifndef VREP_CTL_PROGRESS_H
#define VREP_CTL_PROGRESS_H

#include "base/buffer.h"
#include "ps/client/ctl/ctl.h"

// What of a relationship is followed, and how it is shown.
struct followed {
    const char *(*activity)(const json_t *relationship); // a change of it is shown at once
    unsigned (*percent)(const json_t *relationship);
    enum status (*render)(const json_t *relationship, struct buffer *out);
    enum exit_code (*tell_end)(struct ctl *ctl, const json_t *relationship);
    const char *goes_on; // said when Ctrl-C ends the wait only
};

// A resynchronization: EXIT_DONE when the disks are in step, EXIT_FAILED with the reason otherwise.
extern const struct followed followed_resynchronization;

// Shows how that of the relationship `name` (or id) goes: a bar on a terminal, a line every few
// seconds elsewhere, nothing with --json. Then says how it ended. Ctrl-C leaves it running and says
// so: EXIT_DONE.
enum exit_code progress_follow(struct ctl *ctl, const char *name, const struct followed *followed);

#endif
