// Where the control pipe or socket of an instance is: known to service/control and to ps/client.
#ifndef VREP_BASE_CONTROL_NAME_H
#define VREP_BASE_CONTROL_NAME_H

#include "base/status.h"

#define INSTANCE_NAME_MAX 32 // letters, digits, '-' and '_'

// STATUS_INVALID_ARGUMENT: not a name of an instance. NULL (the default instance) is fine.
enum status instance_name_check(const char *instance) MUST_CHECK;

// Windows: "\\.\pipe\VRep" or "\\.\pipe\VRep$INSTANCE". POSIX: "/run/vrep/control.sock" or
// "/run/vrep$INSTANCE/control.sock" for root; others: the same below $XDG_RUNTIME_DIR, else below
// /tmp/vrep-<uid>. Allocated; caller frees.
enum status control_name(const char *instance, char **out) MUST_CHECK;

// The data folder of an instance: %ProgramData%\VRep or /var/lib/vrep, with "$INSTANCE" appended.
// Allocated.
enum status default_data_folder(const char *instance, char **out) MUST_CHECK;

#endif
