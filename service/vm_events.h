// Raising events of one virtual machine: Hyper-V's leading fields, its name and id.
#ifndef VREP_SERVICE_VM_EVENTS_H
#define VREP_SERVICE_VM_EVENTS_H

#include "service/context.h"
#include "service/engine/relationship.h"

// Event ids that the supervisor raises, by their symbols in etw/catalogue.c.
enum {
    EVENT_RESYNCHRONIZE_NOT_CANCELLABLE = 29168,
    EVENT_RESYNCHRONIZE_STARTED = 29266,
    EVENT_RESYNCHRONIZE_FINISHED = 29268,
    EVENT_RESYNCHRONIZE_FAILED = 29270,
    EVENT_REPLICATION_ENABLED = 32074,
    EVENT_REPLICATION_REMOVED = 32080,
    EVENT_RESYNCHRONIZE_CANCELLED = 32082,
    EVENT_REPLICATION_WILL_RETRY = 32315,
    EVENT_RESYNCHRONIZE_START_FAILED = 32316,
    EVENT_RESYNCHRONIZE_COMPLETE_FAILED = 32318,
    EVENT_RESYNCHRONIZE_CANCEL_FAILED = 32320,
    EVENT_RESYNCHRONIZE_INITIATED = 32325,
    EVENT_RESYNCHRONIZE_REQUIRED = 32326,
    EVENT_RESYNCHRONIZE_COMPLETED = 32328,
    EVENT_SUSPENDED_FOR_SPACE = 32346,
    EVENT_REPLICA_CHANGED = 32390,
    EVENT_REFUSED_WHILE_MERGING = 32504,
    EVENT_DISK_CHANGED_WHILE_NOT_TRACKED = 32544,
    EVENT_REFUSED_IN_STATE = 32546,
    EVENT_REPLICATION_SUSPENDED = 32570,
    EVENT_HEALTH_RESYNCHRONIZE_REQUIRED = 33422,
    EVENT_RESYNCHRONIZE_SUSPENDED = 33603,
    EVENT_RESYNCHRONIZE_RESUMED = 33604,
    EVENT_SERVICE_STARTED = 50000,
    EVENT_SERVICE_STOPPED = 50001,
    EVENT_SETTINGS_CHANGED = 50002,
    EVENT_SERVER_SETTINGS_CHANGED = 50003,
    EVENT_STATE_FILE_UNREADABLE = 50004,
    EVENT_MERGE_STALLED = 50005,
    EVENT_MERGE_RECOVERED = 50006,
    EVENT_DISK_NOT_VERIFIED = 50007,
    EVENT_DISK_VERIFIED_AGAIN = 50008,
    EVENT_REPLICATION_RESUMED = 50009,
    EVENT_THREAD_ABANDONED = 50010,
    EVENT_CONNECTION_REFUSED_BUSY = 50011,
    EVENT_RESYNCHRONIZE_STALLED = 50024,
    EVENT_RESYNCHRONIZE_RECOVERED = 50025,
    EVENT_RESYNCHRONIZE_RESTARTED = 50027,
    EVENT_RESYNCHRONIZE_CONTINUES = 50030,
};

// An event whose fields are only the machine's name and id; VM_EVENT has more of them.
#define VM_EVENT_PLAIN(context, event, r) \
    EVENT_RAISE((context)->events, event, EVENT_STRING((r)->name), EVENT_GUID((r)->id))
#define VM_EVENT(context, event, r, ...) \
    EVENT_RAISE((context)->events, event, EVENT_STRING((r)->name), EVENT_GUID((r)->id), __VA_ARGS__)

// The fields ErrorMessage and ErrorCode. Without a code of the system or of a disk format: VRep's
// own status number.
#define EVENT_ERROR_FIELDS(details)   \
    EVENT_STRING((details)->message), \
        EVENT_HEX32((details)->os_code ? (details)->os_code : (uint32_t)(details)->status)

// The field Action: what the failure advises, or else `otherwise`.
#define EVENT_ADVICE(details, otherwise) \
    EVENT_STRING((details)->action[0] ? (details)->action : (otherwise))

// 32326 with the reason, and 33422 with Hyper-V's health message: when a relationship comes to need
// a resynchronization.
void vm_event_required(const struct service_context *context, const struct relationship *r);

// The refusal just recorded (status_last) of a person's request, as the event that it names;
// nothing for failures that name no refusal.
void vm_event_refused(const struct service_context *context, const struct relationship *r,
                      const char *account, const char *client);

#endif
