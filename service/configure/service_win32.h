// An instance's service as the Service Control Manager knows it. Needs <windows.h> before it.
#ifndef VREP_SERVICE_CONFIGURE_SERVICE_WIN32_H
#define VREP_SERVICE_CONFIGURE_SERVICE_WIN32_H

#include <wchar.h>

#include "base/status.h"

// "VRep" or "VRep$INSTANCE". Allocated, caller frees.
enum status service_name(const char *instance, wchar_t **out) MUST_CHECK;

// Opens the manager. STATUS_ACCESS_DENIED advises.
enum status service_manager_open(DWORD access, SC_HANDLE *out) MUST_CHECK;

// Opens a service that exists. STATUS_NOT_FOUND.
enum status service_open(SC_HANDLE manager, const wchar_t *name, DWORD access,
                         SC_HANDLE *out) MUST_CHECK;

// The same for the service of an instance (NULL: the default one), with a manager of its own.
enum status service_open_instance(const char *instance, DWORD access, SC_HANDLE *out) MUST_CHECK;

// service_properties_apply for a service that is open with SERVICE_CHANGE_CONFIG and SERVICE_START.
enum status service_properties_set(SC_HANDLE service) MUST_CHECK;

// The SID that Windows gives to the service of that name, S-1-5-80-... Allocated, caller frees.
enum status service_sid(const wchar_t *name, char **out) MUST_CHECK;

#endif
