#include "service/host/host.h"

#include <stdlib.h>

#include "base/control_name.h"
#include "etw/events.h"
#include "service/vm_events.h"

// Where the data folder is out of reach, the system's own event service still hears of it.
static enum status open_log(const struct service_options *options, bool folder_is_ours,
                            struct event_log **out)
{
    char *preset = NULL;
    enum status s = STATUS_UNAVAILABLE;
    const char *folder = options->data_folder;
    if (!folder && default_data_folder(options->instance, &preset) == STATUS_OK)
        folder = preset;
    if (folder && folder_is_ours)
        s = event_log_open(folder, options->instance, false, event_system_sinks, out);
    if (s != STATUS_OK)
        s = event_log_open(NULL, options->instance, false, event_system_sinks, out);
    free(preset);
    return s;
}

static void keep_failure(const struct service_options *options, const struct status_details *why)
{
    struct event_log *log;
    // In use: the folder and its event file belong to a service that runs.
    if (open_log(options, why->status != STATUS_IN_USE, &log) != STATUS_OK)
        return;
    EventWriteServiceStartFailed(event_log_writer(log), why->message, event_code(why),
                                 event_advice(why, ""));
    event_log_close(log);
}

enum status host_start(const struct service_options *options, struct service **out)
{
    enum status s = service_start(options, out);
    if (s != STATUS_OK) {
        struct status_details why = *status_last();
        keep_failure(options, &why);
        s = status_restore(&why);
    }
    return s;
}
