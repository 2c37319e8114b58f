// What `status` shows, as text for Prometheus: exposition format 0.0.4 (docs/monitoring.md has the
// families).
#ifndef VREP_SERVICE_MONITOR_METRICS_H
#define VREP_SERVICE_MONITOR_METRICS_H

#include <jansson.h>
#include <stdint.h>

#include "base/buffer.h"

// Appends the metrics of `status`, the result of the verb `status` without a name
// (docs/control.md). `instance`: NULL for the default one; the label "service" has it, so that
// several services can be read by one exporter. `now`: wall ms, for ages. Pure; any thread.
// STATUS_OUT_OF_MEMORY.
enum status metrics_render(const json_t *status, const char *instance, int64_t now,
                           struct buffer *out) MUST_CHECK;

#endif
