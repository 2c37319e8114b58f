// vrepsvc: reads the command line and hands over to the host.
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/control_name.h"
#include "base/host_port.h"
#include "base/os.h"
#include "service/engine/store.h"
#include "service/host/host.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

enum deed { DO_HELP, DO_VERSION, DO_CONSOLE, DO_SERVICE, DO_INSTALL, DO_UNINSTALL };

struct command_line {
    enum deed mode;
    const char *instance;
    char *data; // absolute
    const char *listen;
    char *listen_host;
    uint16_t listen_port;
    bool demand; // install --start demand
};

static const char help[] =
    "vrepsvc: the VRep replication service\n"
    "\n"
    "  vrepsvc --console [OPTION...]     runs in the foreground; Ctrl-C stops it in order\n"
    "  vrepsvc --service [OPTION...]     runs for the Service Control Manager or systemd\n"
    "  vrepsvc install [OPTION...]       registers it as a Windows service\n"
    "  vrepsvc uninstall [--instance NAME]\n"
    "                                    stops it and takes the registration away; data stays\n"
    "\n"
    "  --instance NAME       a service of its own beside the default one: 1 to 32 letters,\n"
    "                        digits, '-' and '_'\n"
    "  --data DIR            where its state is (default: %ProgramData%\\VRep or /var/lib/vrep,\n"
    "                        with $NAME appended for an instance)\n"
    "  --listen ADDR:PORT    where primary servers reach it (default: 127.0.0.1:29242); only\n"
    "                        loopback addresses until connections are encrypted\n"
    "  --start auto|demand   install: start with Windows (default), or by hand\n"
    "  --version, --help\n"
    "\n"
    "Exit codes: 0 done, 1 failed, 2 usage.\n";

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
    line->demand = strcmp(value, "demand") == 0;
    if (line->demand || strcmp(value, "auto") == 0)
        return STATUS_OK;
    return status_fail(STATUS_INVALID_ARGUMENT, 0, "'%.100s' is not 'auto' or 'demand'.", value);
}

static bool find_mode(const char *argument, enum deed *mode)
{
    static const struct {
        const char *name;
        enum deed mode;
    } modes[] = {{"--help", DO_HELP},       {"-h", DO_HELP},
                 {"/?", DO_HELP},           {"--version", DO_VERSION},
                 {"--console", DO_CONSOLE}, {"--service", DO_SERVICE},
                 {"install", DO_INSTALL},   {"uninstall", DO_UNINSTALL}};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        if (strcmp(argument, modes[i].name) == 0) {
            *mode = modes[i].mode;
            return true;
        }
    }
    return false;
}

static bool takes_value(const char *argument)
{
    return strcmp(argument, "--instance") == 0 || strcmp(argument, "--data") == 0 ||
           strcmp(argument, "--listen") == 0 || strcmp(argument, "--start") == 0;
}

static enum status parse(int argc, char **argv, struct command_line *line)
{
    bool chosen = false;
    for (int i = 1; i < argc; i++) {
        enum deed mode;
        enum status s = STATUS_OK;
        if (find_mode(argv[i], &mode)) {
            if (chosen && mode != line->mode)
                return status_fail(STATUS_INVALID_ARGUMENT, 0,
                                   "'%.100s' does not go with what is before it.", argv[i]);
            line->mode = mode;
            chosen = true;
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
                           "Say what to do: --console, --service, install or uninstall.");
    return STATUS_OK;
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
        .start_with_system = !line->demand,
    };
    enum status s;
    switch (line->mode) {
    case DO_CONSOLE:
        return host_run_console(&options);
    case DO_SERVICE:
        return host_run_service(&options);
    case DO_INSTALL:
        s = host_install(&installation);
        if (s == STATUS_OK)
            os_print(false, "The service is installed. Start it with the services console or 'sc "
                            "start'.\n");
        return s;
    case DO_UNINSTALL:
        s = host_uninstall(line->instance);
        if (s == STATUS_OK)
            os_print(false, "The service is stopped and no longer installed; its data stays.\n");
        return s;
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
