// How the service lives on this system: under the Service Control Manager, as a daemon, or in a
// console.
#ifndef VREP_SERVICE_HOST_HOST_H
#define VREP_SERVICE_HOST_HOST_H

#include "service/service.h"

// Runs in the foreground until Ctrl-C or SIGTERM, then stops in order. A failure is that of the
// start.
enum status host_run_console(const struct service_options *options) MUST_CHECK;

// Windows: runs for the Service Control Manager, which learns how it goes; STATUS_UNAVAILABLE when
// it did not start this process. Elsewhere: runs until SIGTERM and tells systemd when it serves
// (NOTIFY_SOCKET).
enum status host_run_service(const struct service_options *options) MUST_CHECK;

// How Windows starts the service.
enum host_start {
    HOST_START_UNSAID,
    HOST_START_AUTO, // with Windows
    HOST_START_DEMAND,
    HOST_START_DISABLED
};

// What `install` sets down for every later start. NULL: the service's own default.
struct host_installation {
    const char *instance;
    const char *data_folder; // absolute
    const char *listen;      // "ADDR:PORT"
    enum host_start start;   // unsaid: with Windows
};

// Registers the service. STATUS_EXISTS, STATUS_ACCESS_DENIED; STATUS_UNSUPPORTED where there is
// nothing to register with.
enum status host_install(const struct host_installation *installation) MUST_CHECK;

// Gives a service that an installer has registered the command line that host_install would have
// given it, each argument quoted as it must be, and its start; account and the rest stay. With
// `start` unsaid nothing is changed, nor where there is nothing to register with. STATUS_NOT_FOUND,
// STATUS_ACCESS_DENIED.
enum status host_reconfigure(const struct host_installation *installation) MUST_CHECK;

// Stops the service and takes its registration away; its data stays. STATUS_NOT_FOUND.
enum status host_uninstall(const char *instance) MUST_CHECK;

// service_start; a failure is kept as event 50012, in the data folder too where it can be written.
// For the platform halves.
enum status host_start(const struct service_options *options, struct service **out) MUST_CHECK;

#endif
