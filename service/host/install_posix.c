#include "service/host/host.h"

static enum status no_manager(void)
{
    status_fail(STATUS_UNSUPPORTED, 0, "Only Windows services are installed by this program.");
    return status_advise(0, "Here systemd starts it: systemctl enable --now vrep, or vrep@NAME for "
                            "an instance.");
}

enum status host_install(const struct host_installation *installation)
{
    (void)installation;
    return no_manager();
}

enum status host_reconfigure(const struct host_installation *installation)
{
    (void)installation;
    return STATUS_OK;
}

enum status host_uninstall(const char *instance)
{
    (void)instance;
    return no_manager();
}
