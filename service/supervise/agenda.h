// What happens because its time has come: starts inside a relationship's window, starts that were
// asked for at a time, pauses at a window's end (service/engine/schedule.h). One thread asks the
// engine about every relationship, a few times a minute and at each instant at which its answer may
// change, so that it finds whatever a restart or a clock that was set made due.
#ifndef VREP_SERVICE_SUPERVISE_AGENDA_H
#define VREP_SERVICE_SUPERVISE_AGENDA_H

#include "service/supervise/supervisor.h"

struct agenda;

// Starts the thread, with a first look at once.
enum status agenda_new(struct supervisor *supervisor, struct agenda **out) MUST_CHECK;

// Starts nothing more; workers_wait follows.
void agenda_shut(struct agenda *agenda);
void agenda_free(struct agenda *agenda); // NULL is fine; its thread does not run any more

// Looks again at once: a schedule was changed.
void agenda_look_soon(struct agenda *agenda);

#endif
