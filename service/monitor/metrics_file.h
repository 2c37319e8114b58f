// Writes the metrics into the folder that the settings name, for the textfile collectors of
// node_exporter and windows_exporter: "vrep.prom", or "vrep$INSTANCE.prom". The file is replaced as
// a whole, so that a reader finds it complete at each moment. A folder that is missing, full or
// does not answer is told once (50060), and once when it is well again (50061); nobody waits for
// it.
#ifndef VREP_SERVICE_MONITOR_METRICS_FILE_H
#define VREP_SERVICE_MONITOR_METRICS_FILE_H

#include "base/buffer.h"
#include "service/supervise/supervisor.h"

// Appends the text of the metrics (request_metrics_text).
typedef enum status (*metrics_source)(struct supervisor *supervisor, struct buffer *out);

struct metrics_file;

enum status metrics_file_new(struct supervisor *supervisor, metrics_source source,
                             struct metrics_file **out) MUST_CHECK;

// Starts writing, with a first file at once. `source` may be called from here on.
enum status metrics_file_start(struct metrics_file *file) MUST_CHECK;

// Writes no more and removes the file, so that nobody reads figures that nobody renews.
// workers_wait follows.
void metrics_file_shut(struct metrics_file *file);
void metrics_file_free(struct metrics_file *file); // NULL is fine; no thread of it runs any more

// The settings have changed: writes at once.
void metrics_file_soon(struct metrics_file *file);

struct metrics_file_state {
    int64_t last_write;        // wall ms; 0: not yet in this life of the service
    struct status_details why; // status other than STATUS_OK: the last attempt failed so
};
void metrics_file_get_state(struct metrics_file *file, struct metrics_file_state *out);

#endif
