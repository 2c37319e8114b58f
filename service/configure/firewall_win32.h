// The inside of firewall.h. Not for others.
#ifndef VREP_SERVICE_CONFIGURE_FIREWALL_WIN32_H
#define VREP_SERVICE_CONFIGURE_FIREWALL_WIN32_H

#include "base/buffer.h"
#include "service/configure/firewall.h"

// Append what PowerShell is to execute. `program`: absolute path of vrepsvc.
enum status firewall_script_add(const char *program, uint16_t port, struct buffer *out) MUST_CHECK;
enum status firewall_script_remove(bool if_disabled, struct buffer *out) MUST_CHECK;

// Appends the arguments of powershell.exe that execute `script`, which has no double quotes.
enum status firewall_arguments(const char *script, struct buffer *out) MUST_CHECK;

#endif
