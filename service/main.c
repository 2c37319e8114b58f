// vrepsvc: reads the command line and hands over to the host.
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/control_name.h"
#include "base/host_port.h"
#include "base/os.h"
#include "etw/registration.h"
#include "service/configure/configure.h"
#include "service/configure/firewall.h"
#include "service/engine/store.h"
#include "service/host/host.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

enum deed {
    DO_HELP,
    DO_VERSION,
    DO_CONSOLE,
    DO_SERVICE,
    DO_INSTALL,
    DO_UNINSTALL,
    DO_EVENTS_INSTALL,
    DO_EVENTS_REMOVE,
    DO_EVENTS_STATUS,
    DO_CONFIGURE_INSTALL,
    DO_CONFIGURE_UNDO,
    DO_CONFIGURE_RETIRE,
    DO_CONFIGURE_REMOVE
};

struct command_line {
    enum deed mode;
    const char *instance;
    char *data; // absolute
    const char *listen;
    char *listen_host;
    uint16_t listen_port;
    enum host_start start;
    bool firewall, force, remove_data; // configure
};

static const char help[] =
    "vrepsvc: the VRep replication service\n"
    "\n"
    "  vrepsvc --console [OPTION...]     runs in the foreground; Ctrl-C stops it in order\n"
    "  vrepsvc --service [OPTION...]     runs for the Service Control Manager or systemd\n"
    "  vrepsvc install [OPTION...]       registers it as a Windows service\n"
    "  vrepsvc uninstall [--instance NAME]\n"
    "                                    stops it and takes the registration away; data stays\n"
    "  vrepsvc events install            registers the events with Windows, for Event Viewer;\n"
    "                                    an older registration is replaced\n"
    "  vrepsvc events remove             takes that away; events that were logged stay\n"
    "  vrepsvc events status             shows what is registered; exit code 1: nothing is\n"
    "  vrepsvc configure install [--firewall]\n"
    "                                    for installers, after the service is installed: makes\n"
    "                                    the data folder, sets how the service recovers, "
    "registers\n"
    "                                    the events and adds a firewall rule, disabled\n"
    "  vrepsvc configure undo [--firewall]\n"
    "                                    takes that back after a first installation that failed\n"
    "  vrepsvc configure retire [--force]\n"
    "                                    before an uninstallation, the service being stopped:\n"
    "                                    deletes unmerged differencing disks as a stop does,\n"
    "                                    finishes merges, or fails and names the disk\n"
    "  vrepsvc configure remove [--firewall] [--remove-data]\n"
    "                                    takes away what is not a file of the installation\n"
    "\n"
    "  --instance NAME       a service of its own beside the default one: 1 to 32 letters,\n"
    "                        digits, '-' and '_'\n"
    "  --data DIR            where its state is (default: %ProgramData%\\VRep or /var/lib/vrep,\n"
    "                        with $NAME appended for an instance)\n"
    "  --listen ADDR:PORT    where primary servers reach it (default: 127.0.0.1:29242); only\n"
    "                        loopback addresses until connections are encrypted\n"
    "  --start auto|demand|disabled\n"
    "                        install: start with Windows (default), by hand, or never;\n"
    "                        configure install: gives a registered service this start and the\n"
    "                        command line that 'install' would give it\n"
    "  --firewall            configure: the rule " FIREWALL_RULE_NAME ", too (Windows)\n"
    "  --force               configure retire: leaves what cannot be finished, and names it\n"
    "  --remove-data         configure remove: the service's files in the data folder; never a "
    "disk\n"
    "  --version, --help\n"
    "\n"
    "Exit codes: 0 done, 1 failed, 2 usage.\n";

static enum status take_start(const char *value, enum host_start *out)
{
    static const char *const names[] = {[HOST_START_AUTO] = "auto",
                                        [HOST_START_DEMAND] = "demand",
                                        [HOST_START_DISABLED] = "disabled"};
    for (int i = HOST_START_AUTO; i <= HOST_START_DISABLED; i++) {
        if (strcmp(value, names[i]) == 0) {
            *out = (enum host_start)i;
            return STATUS_OK;
        }
    }
    return status_fail(STATUS_INVALID_ARGUMENT, 0,
                       "'%.100s' is not 'auto', 'demand' or 'disabled'.", value);
}

// What can be set once and takes a value.
static enum status take_value(struct command_line *line, const char *option, const char *value)
{
    if (strcmp(option, "--instance") == 0) {
        line->instance = value;
        return instance_name_check(value);
    }
    if (strcmp(option, "--data") == 0) {
        free(line->data);
        line->data = NULL;
        return os_absolute_path(value, &line->data);
    }
    if (strcmp(option, "--listen") == 0) {
        line->listen = value;
        free(line->listen_host);
        line->listen_host = NULL;
        // Port 0, any free one, serves tests.
        return host_port_parse(value, VREP_DEFAULT_PORT, &line->listen_host, &line->listen_port);
    }
    return take_start(value, &line->start);
}

// A verb of one word, or of two. Gives the number of words; 0: it is none.
static int find_mode(int count, char **words, enum deed *mode)
{
    static const struct {
        const char *word, *second; // NULL: there is none
        enum deed mode;
    } modes[] = {{"--help", NULL, DO_HELP},
                 {"-h", NULL, DO_HELP},
                 {"/?", NULL, DO_HELP},
                 {"--version", NULL, DO_VERSION},
                 {"--console", NULL, DO_CONSOLE},
                 {"--service", NULL, DO_SERVICE},
                 {"install", NULL, DO_INSTALL},
                 {"uninstall", NULL, DO_UNINSTALL},
                 {"events", "install", DO_EVENTS_INSTALL},
                 {"events", "remove", DO_EVENTS_REMOVE},
                 {"events", "status", DO_EVENTS_STATUS},
                 {"configure", "install", DO_CONFIGURE_INSTALL},
                 {"configure", "undo", DO_CONFIGURE_UNDO},
                 {"configure", "retire", DO_CONFIGURE_RETIRE},
                 {"configure", "remove", DO_CONFIGURE_REMOVE}};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        int length = modes[i].second ? 2 : 1;
        if (count < length || strcmp(words[0], modes[i].word) != 0 ||
            (length == 2 && strcmp(words[1], modes[i].second) != 0))
            continue;
        *mode = modes[i].mode;
        return length;
    }
    return 0;
}

static bool takes_value(const char *argument)
{
    return strcmp(argument, "--instance") == 0 || strcmp(argument, "--data") == 0 ||
           strcmp(argument, "--listen") == 0 || strcmp(argument, "--start") == 0;
}

// What is on when it is said. NULL: it is none.
static bool *find_switch(struct command_line *line, const char *argument)
{
    return strcmp(argument, "--firewall") == 0      ? &line->firewall
           : strcmp(argument, "--force") == 0       ? &line->force
           : strcmp(argument, "--remove-data") == 0 ? &line->remove_data
                                                    : NULL;
}

// A word that asks for more than the verb does is not ignored.
static enum status check_switches(const struct command_line *line)
{
    const char *stray = NULL;
    if (line->force && line->mode != DO_CONFIGURE_RETIRE)
        stray = "--force";
    if (line->remove_data && line->mode != DO_CONFIGURE_REMOVE)
        stray = "--remove-data";
    if (line->firewall && line->mode != DO_CONFIGURE_INSTALL && line->mode != DO_CONFIGURE_UNDO &&
        line->mode != DO_CONFIGURE_REMOVE)
        stray = "--firewall";
    return stray
               ? status_fail(STATUS_INVALID_ARGUMENT, 0, "'%s' does not go with that verb.", stray)
               : STATUS_OK;
}

// A first word without its second one.
static enum status missing_second(const char *word)
{
    return status_fail(STATUS_INVALID_ARGUMENT, 0, "Say what to do: %s %s.", word,
                       strcmp(word, "events") == 0 ? "install, remove or status"
                                                   : "install, undo, retire or remove");
}

static enum status parse(int argc, char **argv, struct command_line *line)
{
    bool chosen = false;
    for (int i = 1; i < argc; i++) {
        enum deed mode;
        enum status s = STATUS_OK;
        int words = find_mode(argc - i, argv + i, &mode);
        if (words > 0) {
            if (chosen && mode != line->mode)
                return status_fail(STATUS_INVALID_ARGUMENT, 0,
                                   "'%.100s' does not go with what is before it.", argv[i]);
            line->mode = mode;
            chosen = true;
            i += words - 1;
        } else if (strcmp(argv[i], "events") == 0 || strcmp(argv[i], "configure") == 0) {
            return missing_second(argv[i]);
        } else if (find_switch(line, argv[i])) {
            *find_switch(line, argv[i]) = true;
        } else if (!takes_value(argv[i])) {
            return status_fail(STATUS_INVALID_ARGUMENT, 0, "'%.100s' is not known.", argv[i]);
        } else if (i + 1 == argc) {
            return status_fail(STATUS_INVALID_ARGUMENT, 0, "'%s' needs a value.", argv[i]);
        } else {
            s = take_value(line, argv[i], argv[i + 1]);
            i++;
        }
        if (s != STATUS_OK)
            return s;
    }
    if (argc > 1 && !chosen)
        return status_fail(STATUS_INVALID_ARGUMENT, 0,
                           "Say what to do: --console, --service, install, uninstall, events or "
                           "configure.");
    return check_switches(line);
}

static void print_failure(void)
{
    const struct status_details *why = status_last();
    struct buffer text = {0};
    if (buffer_printf(&text, "vrepsvc: %s%s%s\n", why->message, why->action[0] ? " " : "",
                      why->action) == STATUS_OK)
        os_print(true, (const char *)text.data);
    buffer_free(&text);
}

static enum status tell(enum status s, const char *done)
{
    if (s == STATUS_OK)
        os_print(false, done);
    return s;
}

static enum status show_events_status(void)
{
    struct buffer text = {0};
    enum status s = event_registration_describe(&text);
    if (s == STATUS_OK)
        os_print(false, (const char *)text.data);
    buffer_free(&text);
    return s;
}

static enum status configure(const struct command_line *line, const struct service_options *options)
{
    struct buffer report = {0};
    const struct configuration configuration = {
        .instance = line->instance,
        .data_folder = line->data,
        .listen_address = line->listen_host,
        .listen_port = line->listen_host ? line->listen_port : VREP_DEFAULT_PORT,
        .firewall = line->firewall,
        .remove_data = line->remove_data,
    };
    enum status s = line->mode == DO_CONFIGURE_INSTALL ? configure_install(&configuration, &report)
                    : line->mode == DO_CONFIGURE_UNDO  ? configure_undo(&configuration, &report)
                    : line->mode == DO_CONFIGURE_RETIRE
                        ? service_retire(options, line->force, &report)
                        : configure_remove(&configuration, &report);
    if (report.size > 0)
        os_print(false, (const char *)report.data);
    buffer_free(&report);
    return s;
}

static enum status run(const struct command_line *line)
{
    struct service_options options = {
        .instance = line->instance,
        .data_folder = line->data,
        .listen_address = line->listen_host,
        .listen_port = line->listen_host ? line->listen_port : -1,
        .echo_events = line->mode == DO_CONSOLE,
    };
    struct host_installation installation = {
        .instance = line->instance,
        .data_folder = line->data,
        .listen = line->listen,
        .start = line->start,
    };
    switch (line->mode) {
    case DO_CONSOLE:
        return host_run_console(&options);
    case DO_SERVICE:
        return host_run_service(&options);
    case DO_INSTALL:
        return tell(
            host_install(&installation),
            "The service is installed. Start it with the services console or 'sc start'.\n");
    case DO_UNINSTALL:
        return tell(host_uninstall(line->instance),
                    "The service is stopped and no longer installed; its data stays.\n");
    case DO_EVENTS_INSTALL:
        return tell(event_registration_install(),
                    "The events are registered. A service that runs writes them to the Application "
                    "log as well, until its next start.\n");
    case DO_EVENTS_REMOVE:
        return tell(event_registration_remove(),
                    "The events are no longer registered; what was logged stays.\n");
    case DO_EVENTS_STATUS:
        return show_events_status();
    case DO_CONFIGURE_INSTALL: {
        enum status s = host_reconfigure(&installation);
        return s == STATUS_OK ? configure(line, &options) : s;
    }
    case DO_CONFIGURE_UNDO:
    case DO_CONFIGURE_RETIRE:
    case DO_CONFIGURE_REMOVE:
        return configure(line, &options);
    case DO_VERSION:
        os_print(false, "vrepsvc " VREP_VERSION "\n");
        return STATUS_OK;
    case DO_HELP:
        break;
    }
    os_print(false, help);
    return STATUS_OK;
}

int main(int argc, char **argv)
{
    struct command_line line = {.mode = DO_HELP};
    int code = EXIT_DONE;
    if (os_arguments(&argc, &argv) != STATUS_OK || parse(argc, argv, &line) != STATUS_OK) {
        print_failure();
        os_print(true, "'vrepsvc --help' shows the options.\n");
        code = EXIT_USAGE;
    } else if (run(&line) != STATUS_OK) {
        print_failure();
        code = EXIT_FAILED;
    }
    free(line.data);
    free(line.listen_host);
    return code;
}
