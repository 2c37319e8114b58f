// The control pipe (Windows: \\.\pipe\VRep) or socket (POSIX: /run/vrep/control.sock): local
// administrators talk to the service in length-prefixed JSON (base/frame.h, docs/control.md).
#ifndef VREP_SERVICE_CONTROL_SERVER_H
#define VREP_SERVICE_CONTROL_SERVER_H

#include "base/json.h"
#include "base/status.h"

#define CONTROL_CLIENTS_MAX 64     // connections at once; more wait for a free instance
#define CONTROL_IDLE_MS     300000 // a client that says nothing for so long is cut
#define CONTROL_PARTIAL_MS  10000  // a request that has begun must arrive whole within this

// Who asks, for events and authorization.
struct control_caller {
    const char *account; // "HOST\\alice" or "alice"
    const char *client;  // "vrepctl", "PowerShell": as the client calls itself, checked to be
                         // printable; never NULL
};

// Answers one request within 2 s whatever disks and peers do. *result is a new object or NULL for
// "{}"; on failure the recorded details become the error reply. Any thread; several requests run at
// once.
typedef enum status (*control_handler)(void *context, const struct control_caller *caller,
                                       const json_t *request, json_t **result);

struct control_server;

// Starts listening and serving in threads of its own. Another service on the same pipe or socket:
// STATUS_IN_USE.
enum status control_server_start(const char *instance, control_handler handler, void *context,
                                 struct control_server **out) MUST_CHECK;
// Refuses new requests, lets running ones answer (at most 2 s), ends.
void control_server_stop(struct control_server *server);

#endif
