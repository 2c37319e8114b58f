// One client of the control pipe: requests in, replies out. Not for others.
#ifndef VREP_SERVICE_CONTROL_CONNECTION_H
#define VREP_SERVICE_CONTROL_CONNECTION_H

#include "service/control/endpoint.h"
#include "service/control/server.h"

// Serves the client until it goes, breaks the framing, is idle for too long or is interrupted. Does
// not close the channel.
void connection_serve(struct channel *channel, control_handler handler, void *context);

// Answers one request, the text of a frame. `account`: who asks. *reply is never NULL on success:
// failures of the request are replies too. Apart for the fuzzer.
enum status connection_answer(const char *request, size_t size, const char *account,
                              control_handler handler, void *context, char **reply) MUST_CHECK;

#endif
