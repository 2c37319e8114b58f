// vrepctl: finds the verb, reads its arguments, runs it.
#include <string.h>

#include "base/control_name.h"
#include "base/os.h"
#include "ps/client/ctl/ctl.h"

#define WINDOW_OPTIONS                                                                     \
    (OPTION_BIT(OPTION_AUTO_RESYNCHRONIZE) | OPTION_BIT(OPTION_AUTO_RESYNCHRONIZE_START) | \
     OPTION_BIT(OPTION_AUTO_RESYNCHRONIZE_END) | OPTION_BIT(OPTION_SUSPEND_AT_WINDOW_END))
#define WINDOW_USAGE                                                              \
    "    [--auto-resynchronize on|off] [--auto-resynchronize-start HH:MM[:SS]]\n" \
    "    [--auto-resynchronize-end HH:MM[:SS]] [--suspend-at-window-end on|off]\n"
#define WINDOW_HELP                                                                            \
    "  --auto-resynchronize on|off     on the primary: a resynchronization that is required\n" \
    "                                  starts by itself, inside this window\n"                 \
    "  --auto-resynchronize-start T    its start, local time of this server (18:30)\n"         \
    "  --auto-resynchronize-end T      its end (06:00); the same as its start: all day\n"      \
    "  --suspend-at-window-end on|off  what still runs then is suspended and goes on in the\n" \
    "                                  next window\n"
#define GLOBAL_OPTIONS \
    (OPTION_BIT(OPTION_JSON) | OPTION_BIT(OPTION_INSTANCE) | OPTION_BIT(OPTION_HELP))

static const char help[] =
    "vrepctl: controls the VRep replication service of this machine\n"
    "\n"
    "  vrepctl enable NAME ...      makes a relationship; on the replica first, then on the "
    "primary\n"
    "  vrepctl status [NAME]        shows all relationships, or everything of one\n"
    "  vrepctl resume NAME ...      resumes replication, starts or continues a resynchronization\n"
    "  vrepctl suspend NAME         pauses replication or a resynchronization\n"
    "  vrepctl stop NAME            cancels a resynchronization\n"
    "  vrepctl compare NAME         compares the disks of both servers and changes nothing\n"
    "  vrepctl remove NAME          removes a relationship; disks stay\n"
    "  vrepctl set NAME ...         changes a relationship's settings\n"
    "  vrepctl server               shows the server's settings\n"
    "  vrepctl server set ...       changes them\n"
    "  vrepctl events               shows what happened\n"
    "  vrepctl health [NAME]        one line and an exit code for Nagios, Icinga and others\n"
    "  vrepctl metrics              figures for Prometheus\n"
    "  vrepctl test-connection ...  asks whether a replica server answers\n"
    "  vrepctl version\n"
    "\n"
    "  --instance NAME   the service of that instance\n"
    "  --json            answers as JSON, times in UTC\n"
    "  --help            after a verb: its options\n"
    "\n"
    "NAME is a relationship's name, or its id where a name is not unique.\n"
    "Exit codes: 0 done, 1 failed, 2 usage, 3 service not reachable, 4 access denied,\n"
    "5 refused in this state. 'health' has its own: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.\n";

static const struct verb {
    const char *name;
    const char *second; // the word that must follow it, or NULL
    ctl_verb run;
    uint64_t options;
    enum name_rule rule;
    const char *help;
} verbs[] = {
    {"enable", NULL, ctl_enable,
     OPTION_BIT(OPTION_DISK) | OPTION_BIT(OPTION_REPLICA) | OPTION_BIT(OPTION_AS_REPLICA) |
         OPTION_BIT(OPTION_ALLOWED_PRIMARY) | OPTION_BIT(OPTION_VM_ID) | WINDOW_OPTIONS,
     NAME_REQUIRED,
     "vrepctl enable NAME --as-replica --disk PATH... [--allowed-primary HOST]\n"
     "vrepctl enable NAME --replica HOST[:PORT] --disk PATH... [--vm-id GUID]\n" WINDOW_USAGE "\n"
     "Makes a relationship: the first form on the replica server, the second on the primary.\n"
     "The disks of both pair by order. Enabling on the replica is the consent to overwrite its\n"
     "disks with the first resynchronization.\n"
     "\n"
     "  --disk PATH...          the disks; relative paths count from the present folder\n"
     "  --replica HOST[:PORT]   the replica server (port 29242); IPv6 as [::1]:29242\n"
     "  --as-replica            this server is the replica\n"
     "  --allowed-primary HOST  the only primary server that may come\n"
     "  --vm-id GUID            the relationship's id, otherwise a new one\n"
     "\n" WINDOW_HELP},
    {"status", NULL, ctl_status, 0, NAME_OPTIONAL,
     "vrepctl status [NAME] [--json]\n"
     "\n"
     "All relationships, a line each, or everything of one: state, health and what is behind\n"
     "it, the progress of a resynchronization, why one is required, the last error and what to\n"
     "do about it.\n"},
    {"resume", NULL, ctl_resume,
     OPTION_BIT(OPTION_RESYNCHRONIZE) | OPTION_BIT(OPTION_OVERWRITE_REPLICA) |
         OPTION_BIT(OPTION_ADOPT_IDENTITY) | OPTION_BIT(OPTION_CONTINUE) |
         OPTION_BIT(OPTION_START_TIME) | OPTION_BIT(OPTION_NO_WAIT) | OPTION_BIT(OPTION_WHAT_IF),
     NAME_REQUIRED,
     "vrepctl resume NAME [--resynchronize [--overwrite-replica] [--adopt-identity] [--what-if]\n"
     "    [--start-time \"YYYY-MM-DD HH:MM\"]] [--continue] [--no-wait]\n"
     "\n"
     "Resumes replication. When that starts or continues a resynchronization, waits for its end:\n"
     "exit code 0 when the disks are in step, 1 with the reason when it ended otherwise. Ctrl-C\n"
     "leaves it running in the service and says so, exit code 0.\n"
     "\n"
     "  --resynchronize      compares from block 0\n"
     "  --overwrite-replica  even if somebody else has written the replica's disks since\n"
     "  --adopt-identity     the replica's disks take the primary's Virtual Disk ID and physical\n"
     "                       sector size when they are merged, so that a guest sees the same "
     "disks\n"
     "  --what-if            changes nothing: asks the replica server and shows what would be\n"
     "                       resynchronized, the room that it needs, how long it takes; exit code\n"
     "                       5 or 1 when it would not start\n"
     "  --start-time T       starts then: local time, at most 7 days ahead; 'stop' takes it back\n"
     "  --continue           goes on with a suspended one\n"
     "  --no-wait            returns when the service has accepted it\n"},
    {"suspend", NULL, ctl_suspend, 0, NAME_REQUIRED,
     "vrepctl suspend NAME\n"
     "\n"
     "Pauses replication, or a resynchronization, which keeps what it has sent.\n"},
    {"stop", NULL, ctl_stop, 0, NAME_REQUIRED,
     "vrepctl stop NAME\n"
     "\n"
     "Ends a comparison, or cancels a resynchronization that runs, is suspended, queued or\n"
     "scheduled. Exit code 0: cancelled, the replica's disks are what they were; 1: too late, the\n"
     "merge has begun, or the replica server has not answered yet.\n"},
    {"compare", NULL, ctl_compare, OPTION_BIT(OPTION_NO_WAIT), NAME_REQUIRED,
     "vrepctl compare NAME [--no-wait] [--json]\n"
     "\n"
     "Reads the disks of both servers and says what differs, and whether a resynchronization is\n"
     "needed. Nothing is changed; both servers' disks are held against writers meanwhile. "
     "'vrepctl\n"
     "stop' ends it. Exit code 0: compared, whatever was found; 1: it came to no end.\n"
     "\n"
     "  --no-wait   returns when the service has accepted it; 'vrepctl status' has the result\n"},
    {"remove", NULL, ctl_remove, 0, NAME_REQUIRED,
     "vrepctl remove NAME\n"
     "\n"
     "Removes the relationship from this server. Its disks stay.\n"},
    {"set", NULL, ctl_set,
     OPTION_BIT(OPTION_BANDWIDTH_LIMIT) | OPTION_BIT(OPTION_REPLICA) |
         OPTION_BIT(OPTION_ALLOWED_PRIMARY) | WINDOW_OPTIONS,
     NAME_REQUIRED,
     "vrepctl set NAME [--bandwidth-limit N] [--replica HOST[:PORT]] [--allowed-primary "
     "HOST]\n" WINDOW_USAGE "\n"
     "  --bandwidth-limit N     bytes per second, with K, M or G; 'none': no limit\n"
     "  --replica HOST[:PORT]   on the primary: where the replica server is now\n"
     "  --allowed-primary HOST  on the replica: the only primary server that may come\n"
     "\n" WINDOW_HELP},
    {"server", "set", ctl_server_set,
     OPTION_BIT(OPTION_BANDWIDTH_LIMIT) | OPTION_BIT(OPTION_MAXIMUM_ACTIVE_TRANSFERS) |
         OPTION_BIT(OPTION_METRICS_FOLDER),
     NAME_NONE,
     "vrepctl server set [--bandwidth-limit N] [--maximum-active-transfers N]\n"
     "    [--metrics-folder PATH]\n"
     "\n"
     "  --bandwidth-limit N            of all relationships together: bytes per second, with K,\n"
     "                                 M or G; 'none': no limit\n"
     "  --maximum-active-transfers N   so many resynchronizations run, the others wait\n"
     "  --metrics-folder PATH          the service writes vrep.prom there for Prometheus' "
     "textfile\n"
     "                                 collectors; 'none': it does not\n"},
    {"server", NULL, ctl_server, 0, NAME_NONE,
     "vrepctl server\n"
     "\n"
     "Shows the server's settings. 'vrepctl server set --help' shows how to change them.\n"},
    {"events", NULL, ctl_events,
     OPTION_BIT(OPTION_FOLLOW) | OPTION_BIT(OPTION_LIMIT) | OPTION_BIT(OPTION_ID) |
         OPTION_BIT(OPTION_LEVEL) | OPTION_BIT(OPTION_SINCE) | OPTION_BIT(OPTION_UNTIL),
     NAME_OPTIONAL,
     "vrepctl events [NAME] [--id N[-M],...] [--level LEVEL,...] [--since TIME] [--until TIME]\n"
     "    [--limit N] [--follow] [--json]\n"
     "\n"
     "Shows the newest events that match everything that is given, oldest first.\n"
     "\n"
     "  NAME               of this virtual machine, by its name or id; also of one whose\n"
     "                     relationship is gone\n"
     "  --id N[-M],...     with these numbers: --id 29242,29244,32300-32399\n"
     "  --level LEVEL,...  critical, error, warning, information, verbose; 'warning+': warning or\n"
     "                     worse\n"
     "  --since TIME       from then on: '2026-11-22', '2026-11-22 18:30' (local time),\n"
     "                     2026-11-22T17:30:00Z (ISO 8601), or so long ago: 90s, 30m, 2h, 7d\n"
     "  --until TIME       up to then\n"
     "  --limit N          so many of them (100; with --since all)\n"
     "  --follow           then those to come, until Ctrl-C; with --json a line is one event\n"},
    {"test-connection", NULL, ctl_test_connection, OPTION_BIT(OPTION_RELATIONSHIP), NAME_OPTIONAL,
     "vrepctl test-connection HOST[:PORT]\n"
     "vrepctl test-connection --relationship NAME\n"
     "\n"
     "Asks from this server's service whether that replica server answers and can be spoken\n"
     "with; of a relationship, whether it would accept it now. Changes nothing.\n"},
    {"health", NULL, ctl_health, 0, NAME_OPTIONAL,
     "vrepctl health [NAME]\n"
     "\n"
     "A plug-in for Nagios, Icinga and others: the health of one relationship, or the worst of\n"
     "all, as one line with figures behind '|'. Its exit codes are those of plug-ins and differ\n"
     "from vrepctl's others: 0 OK (Normal), 1 WARNING, 2 CRITICAL, 3 UNKNOWN: there is nothing\n"
     "to judge, the service cannot be reached, or the command line is wrong.\n"},
    {"metrics", NULL, ctl_metrics, 0, NAME_NONE,
     "vrepctl metrics\n"
     "\n"
     "State, health and progress of all relationships in the text format of Prometheus. The\n"
     "service can write them itself: vrepctl server set --metrics-folder PATH\n"},
    {"version", NULL, ctl_version, 0, NAME_NONE,
     "vrepctl version\n"
     "\n"
     "Shows the versions of this program and of the service.\n"},
};

// Global options may stand before the verb. Leaves *at on the verb, or behind the last argument.
static enum status parse_global(int argc, char **argv, struct ctl *ctl, int *at)
{
    int i = 1;
    for (; i < argc && argv[i][0] == '-'; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            ctl->json = true;
        } else if (strcmp(argv[i], "--instance") == 0 && i + 1 < argc) {
            ctl->instance = argv[++i];
        } else if (strncmp(argv[i], "--instance=", strlen("--instance=")) == 0) {
            ctl->instance = argv[i] + strlen("--instance=");
        } else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            i = argc; // all that follows is the help's
            break;
        } else if (strcmp(argv[i], "--version") == 0) {
            break; // a verb in an option's clothes
        } else {
            return status_fail(STATUS_INVALID_ARGUMENT, 0, "'%.200s' is not known here.", argv[i]);
        }
    }
    *at = i;
    return STATUS_OK;
}

static const struct verb *find_verb(int argc, char **argv, int *at)
{
    const char *word = strcmp(argv[*at], "--version") == 0 ? "version" : argv[*at];
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        const struct verb *verb = &verbs[i];
        if (strcmp(word, verb->name) != 0)
            continue;
        if (verb->second && (*at + 1 == argc || strcmp(argv[*at + 1], verb->second) != 0))
            continue;
        *at += verb->second ? 2 : 1;
        return verb;
    }
    return NULL;
}

static enum exit_code run_verb(struct ctl *ctl, const struct verb *verb, int argc, char **argv)
{
    struct arguments arguments;
    enum exit_code code;
    enum status s =
        arguments_parse(argc, argv, verb->options | GLOBAL_OPTIONS, verb->rule, &arguments);
    if (s == STATUS_OK && arguments.given[OPTION_INSTANCE])
        ctl->instance = arguments.value[OPTION_INSTANCE];
    if (s == STATUS_OK)
        s = instance_name_check(ctl->instance);
    ctl->json = ctl->json || arguments.given[OPTION_JSON];
    if (s != STATUS_OK) {
        code = verb->run == ctl_health ? ctl_health_unknown() : ctl_tell_usage();
    } else if (arguments.given[OPTION_HELP]) {
        os_print(false, verb->help);
        code = EXIT_DONE;
    } else {
        code = verb->run(ctl, &arguments);
    }
    arguments_free(&arguments);
    return code;
}

static enum exit_code run(int argc, char **argv, struct ctl *ctl)
{
    int at = 0;
    if (os_arguments(&argc, &argv) != STATUS_OK || parse_global(argc, argv, ctl, &at) != STATUS_OK)
        return ctl_tell_usage();
    if (at >= argc || strcmp(argv[at], "help") == 0 || strcmp(argv[at], "/?") == 0) {
        os_print(false, help);
        return EXIT_DONE;
    }
    const char *word = argv[at];
    const struct verb *verb = find_verb(argc, argv, &at);
    if (verb)
        return run_verb(ctl, verb, argc - at, argv + at);
    status_fail(STATUS_INVALID_ARGUMENT, 0, "There is no verb '%.200s'.", word);
    return ctl_tell_usage();
}

int main(int argc, char **argv)
{
    struct ctl ctl = {0};
    enum exit_code code = run(argc, argv, &ctl);
    vrep_close(ctl.client);
    return (int)code;
}
