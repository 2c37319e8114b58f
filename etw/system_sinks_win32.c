#include "etw/events.h"
#include "etw/windows_win32.h"

const event_sink_open event_system_sinks[] = {sink_etw_open, sink_classic_open, NULL};
