// What `set` and `enable` say of a relationship's schedule.
#ifndef VREP_SERVICE_CONTROL_REQUEST_SCHEDULE_H
#define VREP_SERVICE_CONTROL_REQUEST_SCHEDULE_H

#include "base/buffer.h"
#include "base/json.h"
#include "service/engine/relationship.h"

// True when the request has any of the members below.
bool request_has_schedule(const json_t *request);

// Reads auto_resynchronize_enabled, auto_resynchronize_interval_start,
// auto_resynchronize_interval_end and auto_resynchronize_suspend_at_interval_end into `r`; those
// that are absent leave what is. A change makes the present window a new one: what was stopped in
// it does not bind it. `told` as in request_tell.
// STATUS_INVALID_ARGUMENT names the member, or says that `r` is a replica.
enum status request_read_schedule(const json_t *request, struct relationship *r,
                                  struct buffer *told) MUST_CHECK;

// Gives *result, an object, its member "Warnings": an array of sentences about what the request has
// made of `schedule`. After a failure *result is NULL, and freed.
enum status request_warn_of_schedule(const json_t *request, const struct resync_schedule *schedule,
                                     json_t **result) MUST_CHECK;

#endif
