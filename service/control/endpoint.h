// The pipe or socket under the control server: platform halves. Not for others.
#ifndef VREP_SERVICE_CONTROL_ENDPOINT_H
#define VREP_SERVICE_CONTROL_ENDPOINT_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

// Where clients come in; one at most for an instance.
struct endpoint;

// One client's connection.
struct channel;

// Opens the pipe or socket of `instance` for administrators only. STATUS_IN_USE: another service
// has it.
enum status endpoint_open(const char *instance, struct endpoint **out) MUST_CHECK;

// Waits for a client. STATUS_CANCELLED after endpoint_interrupt. Other failures pass: try again
// after a pause.
enum status endpoint_accept(struct endpoint *endpoint, struct channel **out) MUST_CHECK;

// Ends a present or the next endpoint_accept; any thread.
void endpoint_interrupt(struct endpoint *endpoint);
void endpoint_close(struct endpoint *endpoint);

// At least one byte, at most `size`, within `deadline_ms`. *got 0: the client is gone.
// STATUS_TIMEOUT.
enum status channel_receive(struct channel *channel, void *data, size_t size, uint32_t deadline_ms,
                            size_t *got) MUST_CHECK;

// All of `size` bytes within `deadline_ms`. STATUS_TIMEOUT, STATUS_CONNECTION.
enum status channel_send(struct channel *channel, const void *data, size_t size,
                         uint32_t deadline_ms) MUST_CHECK;

// Who is at the other end, after the first bytes arrived (Windows knows it no sooner).
// STATUS_ACCESS_DENIED: neither an administrator nor the system. *account is allocated, caller
// frees.
enum status channel_authorize(struct channel *channel, char **account) MUST_CHECK;

// Makes a present and every later channel_receive give *got 0; channel_send still works. Any
// thread.
void channel_interrupt(struct channel *channel);
void channel_close(struct channel *channel);

#endif
