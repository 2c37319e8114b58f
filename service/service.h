// The service as a whole: opens what it needs, runs the jobs that the engine decides, answers
// requests, ends in order.
#ifndef VREP_SERVICE_SERVICE_H
#define VREP_SERVICE_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"

struct service_options {
    const char *instance;       // NULL: default
    const char *data_folder;    // NULL: the instance's default
    const char *listen_address; // NULL: from the settings
    int listen_port;            // -1: from the settings
    bool echo_events;           // console mode: print events on standard error
};

struct service;

// Opens state, starts the listener, the control server and whatever jobs the state asks for (a
// merge, a resynchronization in state 11, pending cancels). Serving when it returns STATUS_OK.
enum status service_start(const struct service_options *options, struct service **out) MUST_CHECK;

// Cuts every job at its next safe point and ends within 10 s (a thread that a disk blocks for ever
// is abandoned); `wait_hint` is called about every second meanwhile (SCM check points; may be
// NULL).
void service_stop(struct service *service, void (*wait_hint)(void *context), void *context);

// Opens the state of a service that does not run, without a listener or a control server, and does
// what an uninstallation asks of it (supervise/retirement.h, which has `force`, `report` and the
// failures). STATUS_IN_USE: the service runs. A data folder that does not exist is left so.
enum status service_retire(const struct service_options *options, bool force,
                           struct buffer *report) MUST_CHECK;

#endif
