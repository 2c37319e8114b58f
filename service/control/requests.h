// The verbs of docs/control.md, one function a request. None waits for a disk or another host
// longer than 1.6 s, so that every request is answered within 2 s.
#ifndef VREP_SERVICE_CONTROL_REQUESTS_H
#define VREP_SERVICE_CONTROL_REQUESTS_H

#include "base/buffer.h"
#include "service/control/server.h"
#include "service/supervise/supervisor.h"

// The control_handler of the service; `supervisor` is its struct supervisor.
enum status requests_handle(void *supervisor, const struct control_caller *caller,
                            const json_t *request, json_t **result);

// What the verbs share.

// `enable` (request_enable.c).
enum status request_enable(struct supervisor *supervisor, const struct control_caller *caller,
                           const json_t *request, json_t **result) MUST_CHECK;

// `plan` and `test-connection` (request_ask.c).
enum status request_plan(struct supervisor *supervisor, const struct control_caller *caller,
                         const json_t *request, json_t **result) MUST_CHECK;
enum status request_test_connection(struct supervisor *supervisor,
                                    const struct control_caller *caller, const json_t *request,
                                    json_t **result) MUST_CHECK;

// The relationship that "name" names.
enum status request_find(struct supervisor *supervisor, const json_t *request,
                         registry_key *key) MUST_CHECK;

// "resynchronize_start_time" in wall ms; 0: the request has none.
enum status request_start_time(const json_t *request, int64_t *start_time) MUST_CHECK;

// `status` and `metrics` (request_status.c).
enum status request_status(struct supervisor *supervisor, const struct control_caller *caller,
                           const json_t *request, json_t **result) MUST_CHECK;
enum status request_metrics(struct supervisor *supervisor, const struct control_caller *caller,
                            const json_t *request, json_t **result) MUST_CHECK;

// "Server" of docs/control.md.
enum status request_server_view(struct supervisor *supervisor, json_t **out) MUST_CHECK;

// Appends what `metrics` answers.
enum status request_metrics_text(struct supervisor *supervisor, struct buffer *out) MUST_CHECK;

// `events` (request_events.c).
enum status request_events(struct supervisor *supervisor, const struct control_caller *caller,
                           const json_t *request, json_t **result) MUST_CHECK;

// `set` and `server-set` (request_set.c).
enum status request_set(struct supervisor *supervisor, const struct control_caller *caller,
                        const json_t *request, json_t **result) MUST_CHECK;
enum status request_server_set(struct supervisor *supervisor, const struct control_caller *caller,
                               const json_t *request, json_t **result) MUST_CHECK;

// Whether the request has that member.
bool request_given(const json_t *request, const char *member);

// Appends "Name value" to what an event tells of changed settings; NULL: there is none.
enum status request_tell(struct buffer *told, const char *name, const char *value) MUST_CHECK;

// A host name or address as a person gives it: 1 to 255 printable characters without spaces.
// STATUS_INVALID_ARGUMENT names `member`.
enum status request_check_host(const char *member, const char *host) MUST_CHECK;

struct tasks_snapshot;

// One relationship as docs/control.md has it (request_view.c), with what `tasks`
// (service/supervise/tasks.h) says of its task. `with_disks`: its "Disks", too.
enum status request_view(struct supervisor *supervisor, registry_key key,
                         const struct tasks_snapshot *tasks, bool with_disks,
                         json_t **out) MUST_CHECK;

// The same at this moment, with its disks.
enum status request_view_now(struct supervisor *supervisor, registry_key key,
                             json_t **out) MUST_CHECK;

#endif
