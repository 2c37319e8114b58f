// Registering the event provider with the system, so that its viewer shows the events:
// `vrepsvc events`. Elsewhere than on Windows all of it is STATUS_UNSUPPORTED.
#ifndef VREP_ETW_REGISTRATION_H
#define VREP_ETW_REGISTRATION_H

#include "base/buffer.h"

// Has Windows read VRep.man and vrep-events.dll beside this program; a registration that is there,
// of any version, is replaced. STATUS_NOT_FOUND: a file is missing; STATUS_ACCESS_DENIED: this is
// for administrators.
enum status event_registration_install(void) MUST_CHECK;

// Takes the registration away; the events that were logged stay. No registration is fine.
enum status event_registration_remove(void) MUST_CHECK;

// Appends what is registered, as lines for people. STATUS_NOT_FOUND: nothing is;
// STATUS_DAMAGED: the file with the texts is gone.
enum status event_registration_describe(struct buffer *out) MUST_CHECK;

#endif
