// Waiting with a time-out: winpthreads refuses condition variables on CLOCK_MONOTONIC, so waits are
// relative. Everything else of pthreads is used as it is.
#ifndef VREP_BASE_THREAD_H
#define VREP_BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

// Waits on `cond` for at most `ms` milliseconds of the monotonic clock; `mutex` is held by the
// caller. False: time-out. May return true early (as every condition variable): look at the
// condition in a loop. `cond` must come from thread_cond_init.
bool thread_cond_wait_ms(pthread_cond_t *cond, pthread_mutex_t *mutex, uint32_t ms);

// Initializes a condition variable for thread_cond_wait_ms. Returns 0 or an errno value.
int thread_cond_init(pthread_cond_t *cond);

#endif
