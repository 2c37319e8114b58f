// What the parts of vrepctl share.
#ifndef VREP_CTL_H
#define VREP_CTL_H

#include <jansson.h>
#include <stdbool.h>

#include "base/status.h"
#include "ps/client/ctl/args.h"
#include "ps/client/vrep.h"

// What vrepctl tells a script; documented in its help.
enum exit_code {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_UNREACHABLE = 3,
    EXIT_DENIED = 4,
    EXIT_REFUSED = 5,
};

struct ctl {
    const char *instance; // NULL: the default one
    bool json;
    struct vrep_client *client; // NULL until the first request
};

// Numbers of ReplicationState that decide something here.
enum { STATE_REPLICATING = 4, STATE_RESYNCHRONIZING = 11, STATE_RESYNCHRONIZE_SUSPENDED = 12 };

// A verb of the command line: sends what is asked for and shows the answer.
typedef enum exit_code (*ctl_verb)(struct ctl *ctl, const struct arguments *arguments);

enum exit_code ctl_enable(struct ctl *ctl, const struct arguments *arguments);
enum exit_code ctl_status(struct ctl *ctl, const struct arguments *arguments);
enum exit_code ctl_resume(struct ctl *ctl, const struct arguments *arguments);
enum exit_code ctl_suspend(struct ctl *ctl, const struct arguments *arguments);
enum exit_code ctl_stop(struct ctl *ctl, const struct arguments *arguments);
enum exit_code ctl_remove(struct ctl *ctl, const struct arguments *arguments);
enum exit_code ctl_set(struct ctl *ctl, const struct arguments *arguments);
enum exit_code ctl_server(struct ctl *ctl, const struct arguments *arguments);
enum exit_code ctl_server_set(struct ctl *ctl, const struct arguments *arguments);
enum exit_code ctl_events(struct ctl *ctl, const struct arguments *arguments);
enum exit_code ctl_compare(struct ctl *ctl, const struct arguments *arguments);
enum exit_code ctl_plan(struct ctl *ctl, const struct arguments *arguments); // resume --what-if
enum exit_code ctl_test_connection(struct ctl *ctl, const struct arguments *arguments);
enum exit_code ctl_health(struct ctl *ctl, const struct arguments *arguments);
enum exit_code ctl_metrics(struct ctl *ctl, const struct arguments *arguments);
enum exit_code ctl_version(struct ctl *ctl, const struct arguments *arguments);

// Connects if that is still to be done; tells a failure on standard error.
enum exit_code ctl_connect(struct ctl *ctl);

// Sends `request` (taken; NULL counts as out of memory) and gives its result.
enum status ctl_ask(struct ctl *ctl, json_t *request, json_t **result) MUST_CHECK;

// The same, and tells a failure on standard error.
enum exit_code ctl_request(struct ctl *ctl, json_t *request, json_t **result);

// Puts --start-time, where it is given, into `request`. STATUS_INVALID_ARGUMENT: no time, or
// without --resynchronize.
enum status ctl_put_start_time(json_t *request, const struct arguments *arguments) MUST_CHECK;

// Tells the failure that a vrep_ call gave, or the one that this thread recorded.
enum exit_code ctl_tell_client_error(struct ctl *ctl);
enum exit_code ctl_tell_failure(void);

// A mistake on the command line: tells the recorded failure and where to look.
enum exit_code ctl_tell_usage(void);

// The same for the verb "health", whose words and exit codes are those of monitoring plug-ins.
enum exit_code ctl_health_unknown(void);

// The exit code for the name of a status ("Refused").
enum exit_code ctl_exit_code(const char *code);

// Prints formatted text on standard output.
void ctl_print(const char *format, ...) PRINTF_LIKE(1, 2);

// Prints a value as indented JSON.
void ctl_print_json(const json_t *value);

#endif
