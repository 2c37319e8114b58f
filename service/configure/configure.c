#include "service/configure/configure.h"

#include <stdlib.h>
#include <string.h>

#include "base/control_name.h"
#include "etw/registration.h"
#include "service/configure/data_folder.h"
#include "service/configure/firewall.h"
#include "service/configure/service_properties.h"
#include "service/wire/transport.h"

static enum status data_folder(const struct configuration *c, char **out)
{
    if (!c->data_folder)
        return default_data_folder(c->instance, out);
    *out = strdup(c->data_folder);
    return *out ? STATUS_OK : status_no_memory("a path");
}

// Tells a failure of something that the service works without.
static enum status tell(struct buffer *report, enum status s, const char *what)
{
    const struct status_details *why = status_last();
    if (s == STATUS_OK)
        return buffer_printf(report, "%s: done.\n", what);
    if (s == STATUS_UNSUPPORTED || s == STATUS_OUT_OF_MEMORY) // not of this system; or beyond help
        return s == STATUS_UNSUPPORTED ? STATUS_OK : s;
    return buffer_printf(report, "%s: not done. %s %s\n", what, why->message, why->action);
}

// ---- install ----

static enum status set_up(const struct configuration *c, const char *folder, struct buffer *report)
{
    enum status s = data_folder_protect(folder, c->instance, report);
    if (s == STATUS_OK)
        s = service_properties_apply(c->instance);
    if (s == STATUS_OK && c->firewall)
        s = firewall_rule_add(c->listen_port);
    if (s == STATUS_OK && c->firewall)
        s = buffer_printf(report, "Firewall rule: present.\n");
    return s == STATUS_OK ? tell(report, event_registration_install(), "Registration of the events")
                          : s;
}

enum status configure_install(const struct configuration *c, struct buffer *report)
{
    char *folder = NULL;
    bool made = false;
    enum status s = STATUS_OK;
    if (c->listen_address)
        s = transport_check_address(c->listen_address);
    if (s == STATUS_OK)
        s = data_folder(c, &folder);
    if (s == STATUS_OK)
        s = data_folder_make(folder, &made);
    if (s == STATUS_OK) {
        s = set_up(c, folder, report);
        const struct status_details why = *status_last();
        if (s != STATUS_OK && made)
            data_folder_unmake(folder);
        s = s == STATUS_OK ? buffer_printf(report, "Data folder: \"%s\".\n", folder)
                           : status_restore(&why);
    }
    free(folder);
    return s;
}

// ---- undo ----

enum status configure_undo(const struct configuration *c, struct buffer *report)
{
    char *folder = NULL;
    enum status s = data_folder(c, &folder);
    if (s != STATUS_OK)
        return s;
    data_folder_unmake(folder);
    free(folder);
    s = tell(report, event_registration_remove(), "Removal of the events' registration");
    if (s == STATUS_OK && c->firewall)
        s = tell(report, firewall_rule_remove(true), "Removal of the firewall rule");
    return s;
}

// ---- remove ----

enum status configure_remove(const struct configuration *c, struct buffer *report)
{
    char *folder = NULL;
    enum status s = data_folder(c, &folder);
    if (s == STATUS_OK && c->remove_data)
        s = data_folder_remove(folder, report);
    free(folder);
    if (s == STATUS_OK)
        s = tell(report, event_registration_remove(), "Removal of the events' registration");
    if (s == STATUS_OK && c->firewall)
        s = tell(report, firewall_rule_remove(false), "Removal of the firewall rule");
    return s;
}
