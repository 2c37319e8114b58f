// The end of a comparison that changes nothing (compare_task.c).
#ifndef VREP_SERVICE_SUPERVISE_COMPARISONS_H
#define VREP_SERVICE_SUPERVISE_COMPARISONS_H

#include "service/supervise/tasks.h"

// Keeps `comparison` (its times are set here) as the relationship's last one, which is compared no
// longer then, and raises the event that tells of it. `rate`: bytes a second that it was measured
// at; 0: not.
void comparison_settle(const struct service_context *service, registry_key key,
                       struct comparison *comparison, uint64_t rate);

#endif
