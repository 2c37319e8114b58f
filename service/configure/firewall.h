// The rule in Windows' firewall that lets primary servers in: TCP to the service's program and
// port, in the Domain profile, disabled until an administrator enables it. Elsewhere than on
// Windows all of it is STATUS_UNSUPPORTED.
#ifndef VREP_SERVICE_CONFIGURE_FIREWALL_H
#define VREP_SERVICE_CONFIGURE_FIREWALL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

#define FIREWALL_RULE_NAME "VREP-Listener-In-TCP"

// Adds the rule for vrepsvc beside this program. One of that name is left as an administrator has
// made it. STATUS_ACCESS_DENIED; STATUS_IO: PowerShell could not do it.
enum status firewall_rule_add(uint16_t port) MUST_CHECK;

// Removes the rule of that name; none is fine. `if_disabled`: one that somebody has enabled stays.
enum status firewall_rule_remove(bool if_disabled) MUST_CHECK;

#endif
