// A long piece of work on one relationship, running in its own thread, and the order that others
// give it.
#ifndef VREP_SERVICE_REPLICATE_JOB_H
#define VREP_SERVICE_REPLICATE_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "service/context.h"
#include "service/wire/throttle.h"

// Orders only grow: a later one overrides a smaller one.
enum job_order {
    JOB_GO,
    JOB_SUSPEND, // stop at the next safe point, keep child and cursor
    JOB_CANCEL,  // ask the replica for a cancel
    JOB_CUT,     // the service stops: leave everything as a crash would, but now
};

struct job;

enum status job_new(struct job **out) MUST_CHECK;
void job_free(struct job *job);

// Gives an order and wakes whatever waits: sleeps, and blocked socket operations that registered
// with job_set_wake. Any thread.
void job_give_order(struct job *job, enum job_order order);
enum job_order job_get_order(struct job *job);

// Ends a retry wait early (ACTION_RETRY_NOW) without an order.
void job_poke(struct job *job);

// Sleeps up to `ms`; true: slept it out, false: an order or a poke came, during the sleep or since
// the last one. After JOB_CUT it never sleeps.
bool job_sleep(struct job *job, uint64_t ms);

// The job's thread names how to interrupt what it now blocks in (for example shutting down its
// socket); NULL clears. Called by job_give_order from another thread, for every higher order; it
// must not call the job's functions other than job_get_order. An order that came before is not told
// again: look after setting it.
void job_set_wake(struct job *job, void (*wake)(void *context), void *context);

#endif
