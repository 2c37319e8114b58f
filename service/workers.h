// The service's threads, each with a name: so that the end of the service can wait for all of them,
// and leave behind those that a disk blocks for ever.
#ifndef VREP_SERVICE_WORKERS_H
#define VREP_SERVICE_WORKERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct workers;

enum status workers_new(struct workers **out) MUST_CHECK;

// No thread may run any more. NULL is fine.
void workers_free(struct workers *workers);

// Runs `run(context)` in a thread of its own. `purpose` is static ("resynchronization"), `object`
// is copied ("the virtual machine 'x'", cut to fit); both are for messages.
enum status workers_start(struct workers *workers, const char *purpose, const char *object,
                          void (*run)(void *context), void *context) MUST_CHECK;

// Runs `run(context)` in a thread of its own and waits at most `ms` for its end. *finished true: it
// ended, `context` is the caller's again. False: it goes on by itself; `drop(context)` is called in
// its thread when it ends. A failure (no thread) leaves `context` with the caller.
enum status workers_call(struct workers *workers, const char *purpose, const char *object,
                         void (*run)(void *context), void (*drop)(void *context), void *context,
                         uint32_t ms, bool *finished) MUST_CHECK;

// Waits until no thread runs, at most `ms`. True: none runs.
bool workers_wait(struct workers *workers, uint32_t ms);

// Calls `each` for every thread that still runs.
void workers_each(struct workers *workers,
                  void (*each)(void *context, const char *purpose, const char *object),
                  void *context);

#endif
