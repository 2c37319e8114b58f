#include "etw/events.h"
#include "etw/sink_journald_posix.h"

const event_sink_open event_system_sinks[] = {sink_journald_open, NULL};
