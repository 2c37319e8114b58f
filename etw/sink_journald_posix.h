// The sink that hands events to systemd's journal, by its native protocol: one datagram an event,
// "NAME=value" lines. Not for others.
#ifndef VREP_ETW_SINK_JOURNALD_POSIX_H
#define VREP_ETW_SINK_JOURNALD_POSIX_H

#include "etw/sink.h"

// NULL where there is no journal.
struct event_sink *sink_journald_open(void);

// The same for a socket at `path`, borrowed for the life of the sink.
struct event_sink *sink_journald_open_at(const char *path);

#endif
