// What the last life of the service left unfinished: resynchronizations in state 11, running or
// queued, cancels that the replica has not granted, merges.
#ifndef VREP_SERVICE_SUPERVISE_UNFINISHED_H
#define VREP_SERVICE_SUPERVISE_UNFINISHED_H

#include "service/supervise/supervisor.h"

// Adds a task for each, those that ran before those that waited, these in their order. At the start
// of the service.
enum status unfinished_resume(struct supervisor *supervisor) MUST_CHECK;

#endif
