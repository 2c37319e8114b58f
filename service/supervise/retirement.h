// What an uninstallation asks of the state: no resynchronization stays under way, and no unfinished
// differencing disk stays beside a replica's disk. Every step is that of a stop, a cancel or a
// merge, so whatever cuts this leaves a valid record, and it can be repeated.
#ifndef VREP_SERVICE_SUPERVISE_RETIREMENT_H
#define VREP_SERVICE_SUPERVISE_RETIREMENT_H

#include "base/buffer.h"
#include "service/supervise/supervisor.h"

// Stops every resynchronization as a person would: a primary asks its replica, which may be away,
// for a cancel that then stays asked for; a replica deletes the children that were not committed
// and finishes the merges that were. Needs the tasks and workers; nobody else may serve. Appends a
// line for each to `report` (also after a failure). The first failure of several is returned: a
// child that cannot be deleted or merged now, named with its disk; a state file that cannot be
// read. `force`: such children are left, named in the report and as events, and none of it is a
// failure.
enum status retire_all(struct supervisor *supervisor, bool force, struct buffer *report) MUST_CHECK;

#endif
