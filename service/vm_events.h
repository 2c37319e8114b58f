// What raising the events of one virtual machine has in common; etw/events.h has the events.
#ifndef VREP_SERVICE_VM_EVENTS_H
#define VREP_SERVICE_VM_EVENTS_H

#include "service/context.h"
#include "service/engine/relationship.h"

// The field ErrorCode: the code of the system or of a disk format, or else VRep's own status
// number.
uint32_t event_code(const struct status_details *details);

// The field Action: what the failure advises, or else `otherwise`.
const char *event_advice(const struct status_details *details, const char *otherwise);

// 32326 with the reason, and 33422 with Hyper-V's health message: when a relationship comes to need
// a resynchronization.
void vm_event_required(const struct service_context *context, const struct relationship *r);

// The refusal just recorded (status_last) of a person's request, as the event that it names;
// nothing for failures that name no refusal.
void vm_event_refused(const struct service_context *context, const struct relationship *r,
                      const char *account, const char *client);

#endif
