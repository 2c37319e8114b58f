// What an installer asks of the program beyond files and the service itself: `vrepsvc configure`.
// Every step may be repeated. What `retire` does is service_retire (service/service.h).
#ifndef VREP_SERVICE_CONFIGURE_CONFIGURE_H
#define VREP_SERVICE_CONFIGURE_CONFIGURE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"

struct configuration {
    const char *instance;       // NULL: default
    const char *data_folder;    // absolute; NULL: the instance's default
    const char *listen_address; // NULL: not said
    uint16_t listen_port;       // of the firewall rule
    bool firewall;              // the rule is asked for, too
    bool remove_data;           // configure_remove
};

// All of these append a line for people about each thing that was done or could not be done to
// `report`, also after a failure.

// Makes the data folder with what protects it, gives the service (Windows, where it must exist:
// STATUS_NOT_FOUND) its description and what happens after failures, registers the events, and adds
// the firewall rule unless there is one of its name. A failure takes back a data folder that was
// made here. STATUS_REFUSED: the listen address is not a loopback one; the folder is somebody
// else's. Events that cannot be registered are told and no failure.
enum status configure_install(const struct configuration *c, struct buffer *report) MUST_CHECK;

// Takes back what configure_install has made on a machine that had nothing of it: the data folder
// while it is empty, the events, the rule while it is disabled.
enum status configure_undo(const struct configuration *c, struct buffer *report) MUST_CHECK;

// Takes the events and (`firewall`) the rule away, and (`remove_data`) the files of the service in
// the data folder; the folder goes when nothing else is in it, and what else is in it is named.
// STATUS_IN_USE: the service runs. Events or a rule that cannot be removed are told and no failure.
enum status configure_remove(const struct configuration *c, struct buffer *report) MUST_CHECK;

#endif
