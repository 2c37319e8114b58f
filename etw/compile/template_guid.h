// The GUID that says which template an event was written with.
#ifndef VREP_ETW_COMPILE_TEMPLATE_GUID_H
#define VREP_ETW_COMPILE_TEMPLATE_GUID_H

#include "base/guid.h"
#include "etw/compile/model.h"

// The same for templates with the same names and types of fields, as mc.exe of Windows 10 makes it.
void template_guid(const struct template *template, struct guid *out);

#endif
