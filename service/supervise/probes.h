// Probes: whether a replica could be resynchronized now, asked in the background, for requests that
// do not wait.
#ifndef VREP_SERVICE_SUPERVISE_PROBES_H
#define VREP_SERVICE_SUPERVISE_PROBES_H

#include "service/supervise/supervisor.h"

enum status probes_new(struct supervisor *supervisor, struct probes **out) MUST_CHECK;
void probes_shut(struct probes *probes); // cuts those that run; workers_wait follows
void probes_free(struct probes *probes); // NULL is fine

// The report of a probe of the relationship as {"Ready": true, ...}, or, when its outcome was a
// failure, that failure. A probe that has not ended yet: {"Ready": false}; ask again. Each outcome
// is given once, then a new probe begins.
enum status probes_ask(struct probes *probes, registry_key key, json_t **report) MUST_CHECK;

#endif
