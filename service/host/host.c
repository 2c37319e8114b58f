#include "service/host/host.h"

#include <stdlib.h>

#include "base/control_name.h"
#include "etw/events.h"

#define EVENT_SERVICE_START_FAILED 50012

static void keep_failure(const struct service_options *options, const struct status_details *why)
{
    char *preset = NULL;
    struct event_log *log;
    const char *folder = options->data_folder;
    if (!folder && default_data_folder(options->instance, &preset) == STATUS_OK)
        folder = preset;
    if (folder && event_log_open(folder, options->instance, false, &log) == STATUS_OK) {
        EVENT_RAISE(log, EVENT_SERVICE_START_FAILED, EVENT_STRING(why->message),
                    EVENT_HEX32(why->os_code ? why->os_code : (uint32_t)why->status),
                    EVENT_STRING(why->action));
        event_log_close(log);
    }
    free(preset);
}

enum status host_start(const struct service_options *options, struct service **out)
{
    enum status s = service_start(options, out);
    // In use: the data folder and its event file belong to a service that runs.
    if (s != STATUS_OK && s != STATUS_IN_USE) {
        struct status_details why = *status_last();
        keep_failure(options, &why);
        s = status_restore(&why);
    }
    return s;
}
