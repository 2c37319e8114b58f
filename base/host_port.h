// "HOST[:PORT]" as people type it.
#ifndef VREP_BASE_HOST_PORT_H
#define VREP_BASE_HOST_PORT_H

#include <stdint.h>

#include "base/status.h"

#define HOST_NAME_MAX_BYTES 253 // of a DNS name

// Reads "host", "host:port", "192.0.2.1:port", "[2001:db8::1]:port", "[2001:db8::1]" or
// "2001:db8::1". The port is 0 to 65535, `preset` when it is missing. *host: without brackets,
// allocated, caller frees. STATUS_INVALID_ARGUMENT.
enum status host_port_parse(const char *text, uint16_t preset, char **host,
                            uint16_t *port) MUST_CHECK;

#endif
