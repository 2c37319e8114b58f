// What the Service Control Manager calls an instance.
#ifndef VREP_SERVICE_HOST_SERVICE_NAME_WIN32_H
#define VREP_SERVICE_HOST_SERVICE_NAME_WIN32_H

#include <wchar.h>

#include "base/status.h"

// "VRep" or "VRep$INSTANCE". Allocated, caller frees.
enum status service_name(const char *instance, wchar_t **out) MUST_CHECK;

#endif
