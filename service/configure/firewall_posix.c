#include "service/configure/firewall.h"

static enum status no_firewall(void)
{
    (void)status_fail(STATUS_UNSUPPORTED, 0, "Only Windows' firewall gets a rule from VRep.");
    return status_advise(0, "Add a rule for the service's port with the system's own tools.");
}

enum status firewall_rule_add(uint16_t port)
{
    (void)port;
    return no_firewall();
}

enum status firewall_rule_remove(bool if_disabled)
{
    (void)if_disabled;
    return no_firewall();
}
