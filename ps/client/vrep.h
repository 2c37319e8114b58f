// The C interface of VRep's client library (vrep.dll, libvrep.so): UTF-8 JSON requests to the
// service of this machine.
//
//     struct vrep_client *client;
//     char *reply;
//     if (vrep_open(NULL, "my program", &client) == VREP_OK) {
//         if (vrep_request(client, "{\"verb\": \"status\"}", 0, &reply) == VREP_OK) {
//             puts(reply);
//             vrep_free(reply);
//         }
//         vrep_close(client);
//     }
//
// Requests and results are those of docs/control.md; the library adds the envelope. A client is
// used by one thread at a time; vrep_cancel may come from any other.
#ifndef VREP_H
#define VREP_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifdef _WIN32
#define VREP_CALL __cdecl
#else
#define VREP_CALL
#endif

struct vrep_client;

// 0, or the number of a status of docs/control.md (base/status.h: numbers never change).
#define VREP_OK 0

// The library's version, "0.1.0". Static.
const char *VREP_CALL vrep_version(void);

// Connects to the service of `instance` (NULL: the default one). `client_name`: how this program is
// called in events (printable ASCII, at most 64 characters). Errors: Unavailable (23: not running),
// AccessDenied (6: not an administrator), InvalidArgument (1), OutOfMemory (2). *client is set to
// NULL on failure; see vrep_error(NULL).
int32_t VREP_CALL vrep_open(const char *instance, const char *client_name,
                            struct vrep_client **client);

// Sends one request, an object with at least "verb", and waits for its reply at most `timeout_ms`
// (0: 30 s). On success *reply is the "result" object as text; free it with vrep_free. Errors:
// those of the verb; Timeout (19), Cancelled (20), Unavailable (23: the service went away; the next
// request connects again), Version (18).
int32_t VREP_CALL vrep_request(struct vrep_client *client, const char *request, uint32_t timeout_ms,
                               char **reply);

// Called about every `interval_ms` by vrep_wait with a relationship as docs/control.md has it; 0
// ends the wait.
typedef int32_t(VREP_CALL *vrep_progress)(void *context, const char *relationship);

// Follows a resynchronization or comparison of `name` until it is neither running nor queued.
// *relationship (vrep_free) is how it ended. Errors: as vrep_request; Cancelled (20) when
// `progress` returned 0 or vrep_cancel was called: what was followed goes on.
int32_t VREP_CALL vrep_wait(struct vrep_client *client, const char *name, uint32_t interval_ms,
                            vrep_progress progress, void *context, char **relationship);

// Makes the client's present vrep_request or vrep_wait return Cancelled. Any thread.
void VREP_CALL vrep_cancel(struct vrep_client *client);

// The last failure of `client` (NULL: of vrep_open in this thread) as {"code", "message", "action",
// "osCode", "eventId"}. Owned by the library, valid until the next call with that client (thread).
const char *VREP_CALL vrep_error(struct vrep_client *client);

void VREP_CALL vrep_free(char *text);

// NULL is fine.
void VREP_CALL vrep_close(struct vrep_client *client);

#ifdef __cplusplus
}
#endif

#endif
