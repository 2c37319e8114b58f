// The client's end of the control pipe or socket: platform halves. Not for others.
#ifndef VREP_CLIENT_LINK_H
#define VREP_CLIENT_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct link;

// An unconnected link to the service that listens at `name` (control_name).
enum status link_new(const char *name, struct link **out) MUST_CHECK;
void link_free(struct link *link); // NULL is fine

// Connects within `deadline_ms`. STATUS_UNAVAILABLE: nobody listens. STATUS_ACCESS_DENIED.
// STATUS_TIMEOUT.
enum status link_connect(struct link *link, uint32_t deadline_ms) MUST_CHECK;
void link_disconnect(struct link *link);

// Connected, and the service has not ended the connection meanwhile.
bool link_is_connected(struct link *link);

// All of `size` bytes. STATUS_UNAVAILABLE: the connection broke. STATUS_TIMEOUT, STATUS_CANCELLED.
enum status link_send(struct link *link, const void *data, size_t size,
                      uint32_t deadline_ms) MUST_CHECK;

// At least one byte, at most `size`. Errors as link_send.
enum status link_receive(struct link *link, void *data, size_t size, uint32_t deadline_ms,
                         size_t *got) MUST_CHECK;

// Waits for `ms`. STATUS_CANCELLED.
enum status link_sleep(struct link *link, uint32_t ms) MUST_CHECK;

// Makes every operation above give STATUS_CANCELLED until link_clear_cancel. Any thread.
void link_cancel(struct link *link);
void link_clear_cancel(struct link *link);

#endif
