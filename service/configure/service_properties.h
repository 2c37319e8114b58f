// What the Service Control Manager keeps of a service beyond its registration.
#ifndef VREP_SERVICE_CONFIGURE_SERVICE_PROPERTIES_H
#define VREP_SERVICE_CONFIGURE_SERVICE_PROPERTIES_H

#include "base/status.h"

// Windows: gives the instance's service its description, its recovery (restarted a minute after
// each of the first two failures), a minute at the system's end and a SID of its own.
// STATUS_NOT_FOUND: there is no such service. Elsewhere there is nothing to do.
enum status service_properties_apply(const char *instance) MUST_CHECK;

#endif
