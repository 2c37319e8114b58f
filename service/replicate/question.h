// Questions to a replica, which change nothing on either side: whether it answers, and what a
// resynchronization would need.
#ifndef VREP_SERVICE_REPLICATE_QUESTION_H
#define VREP_SERVICE_REPLICATE_QUESTION_H

#include "service/replicate/job.h"

#define QUESTION_HOST_MAX 255

enum question_kind {
    QUESTION_PLAN,       // what would a resynchronization of `key` need, and would it start?
    QUESTION_CONNECTION, // can this host reach that replica, and would it accept `key`?
};

struct question {
    enum question_kind kind;
    registry_key key; // a primary; 0: `server` and `port` are asked, of no relationship
    char server[QUESTION_HOST_MAX + 1];
    uint16_t port;
    bool overwrite_replica;   // plan: as the start would be told
    int64_t start_time;       // plan: likewise; wall ms, 0: at once
    uint64_t bandwidth_limit; // plan: this server's, bytes per second, 0: none
};

// Asks. *report: the members of the verb `plan` or `test-connection` of docs/control.md but
// "Ready". A replica that cannot be spoken with is a failure (STATUS_CONNECTION, _VERSION,
// _NOT_FOUND, ...); one that refuses is a report that says so. Raises no events. `deadline_ms`: for
// connecting. Runs in the job's thread and heeds its orders.
enum status question_ask(const struct service_context *service, const struct question *question,
                         struct job *job, uint32_t deadline_ms, json_t **report) MUST_CHECK;

#endif
