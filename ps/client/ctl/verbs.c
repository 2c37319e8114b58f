// The verbs: what each sends, and how its answer is shown.
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/guid.h"
#include "base/host_port.h"
#include "base/json.h"
#include "base/os.h"
#include "ps/client/ctl/console.h"
#include "ps/client/ctl/ctl.h"
#include "ps/client/ctl/progress.h"
#include "ps/client/ctl/render.h"
#include "ps/client/ctl/text.h"

#define DEFAULT_PORT   29242
#define TRANSFERS_MAX  1024
#define SETTLE_WAIT_MS 10000 // a reachable replica lets go, or refuses a cancel, well within this
#define LOOK_EVERY_MS  50

// {"verb": verb, "name": the relationship's, if one was given}
static enum status new_request(const char *verb, const struct arguments *a, json_t **out)
{
    json_t *request = json_object();
    enum status s = request ? js_put_string(request, "verb", verb) : status_no_memory("a request");
    if (s == STATUS_OK && a->name)
        s = js_put_string(request, "name", a->name);
    if (s == STATUS_OK)
        *out = request;
    else
        json_decref(request);
    return s;
}

// Sends a request whose making gave `s`; a mistake in it is one of the command line.
static enum exit_code send(struct ctl *ctl, enum status s, json_t *request, json_t **result)
{
    if (s == STATUS_OK)
        return ctl_request(ctl, request, result);
    json_decref(request);
    return ctl_tell_usage();
}

// Prints the answer's message, or all of it with --json; takes `result`.
static enum exit_code show_message(const struct ctl *ctl, json_t *result)
{
    const char *message = member_text(result, "Message");
    if (ctl->json)
        ctl_print_json(result);
    else if (message[0])
        ctl_print("%s\n", message);
    json_decref(result);
    return EXIT_DONE;
}

// Sends a request that was built with `s` and shows its result: as JSON, or for people by `render`.
static enum exit_code send_and_show(struct ctl *ctl, enum status s, json_t *request,
                                    void (*render)(const json_t *result))
{
    json_t *result;
    enum exit_code code = send(ctl, s, request, &result);
    if (code != EXIT_DONE)
        return code;
    if (ctl->json)
        ctl_print_json(result);
    else
        render(result);
    json_decref(result);
    return EXIT_DONE;
}

static enum status put_replica(json_t *request, const char *text)
{
    char *host;
    uint16_t port;
    enum status s = host_port_parse(text, DEFAULT_PORT, &host, &port);
    if (s != STATUS_OK)
        return s;
    if (port == 0)
        s = status_fail(STATUS_INVALID_ARGUMENT, 0, "'%.200s': port 0 cannot be reached.", text);
    if (s == STATUS_OK)
        s = js_put_string(request, "replica_server", host);
    if (s == STATUS_OK)
        s = js_put_u64(request, "replica_port", port);
    free(host);
    return s;
}

static enum status put_disk(json_t *disks, const char *path)
{
    char *absolute;
    enum status s = os_absolute_path(path, &absolute);
    if (s != STATUS_OK)
        return s;
    s = console_check_path(absolute);
    if (s == STATUS_OK && json_array_append_new(disks, json_string(absolute)) != 0)
        s = status_no_memory("a request");
    free(absolute);
    return s;
}

static enum status put_disks(json_t *request, const struct arguments *a)
{
    json_t *disks = json_array();
    enum status s = disks ? STATUS_OK : status_no_memory("a request");
    for (size_t i = 0; i < a->disk_count && s == STATUS_OK; i++)
        s = put_disk(disks, a->disk[i]);
    if (s == STATUS_OK)
        return js_put_new(request, "disks", disks);
    json_decref(disks);
    return s;
}

static enum status put_vm_id(json_t *request, const char *text)
{
    struct guid id;
    if (!guid_parse(text, &id))
        return status_fail(STATUS_INVALID_ARGUMENT, 0, "--vm-id: '%.100s' is not a GUID.", text);
    return js_put_guid(request, "vm_id", &id);
}

static enum status put_switch(json_t *request, const struct arguments *a, enum option option,
                              const char *what, const char *member)
{
    bool on;
    if (!a->given[option])
        return STATUS_OK;
    enum status s = parse_switch(what, a->value[option], &on);
    return s == STATUS_OK ? js_put_bool(request, member, on) : s;
}

static enum status put_text(json_t *request, const struct arguments *a, enum option option,
                            const char *member)
{
    return a->given[option] ? js_put_string(request, member, a->value[option]) : STATUS_OK;
}

// The window in which resynchronizations start by themselves.
static enum status put_window(json_t *request, const struct arguments *a)
{
    enum status s = put_switch(request, a, OPTION_AUTO_RESYNCHRONIZE, "--auto-resynchronize",
                               "auto_resynchronize_enabled");
    if (s == STATUS_OK)
        s = put_text(request, a, OPTION_AUTO_RESYNCHRONIZE_START,
                     "auto_resynchronize_interval_start");
    if (s == STATUS_OK)
        s = put_text(request, a, OPTION_AUTO_RESYNCHRONIZE_END, "auto_resynchronize_interval_end");
    if (s == STATUS_OK)
        s = put_switch(request, a, OPTION_SUSPEND_AT_WINDOW_END, "--suspend-at-window-end",
                       "auto_resynchronize_suspend_at_interval_end");
    return s;
}

static bool gives_window(const struct arguments *a)
{
    return a->given[OPTION_AUTO_RESYNCHRONIZE] || a->given[OPTION_AUTO_RESYNCHRONIZE_START] ||
           a->given[OPTION_AUTO_RESYNCHRONIZE_END] || a->given[OPTION_SUSPEND_AT_WINDOW_END];
}

// What the service warns of.
static void show_warnings(const json_t *result)
{
    size_t index;
    const json_t *warning;
    json_array_foreach(json_object_get(result, "Warnings"), index, warning)
        ctl_print("Warning: %s\n", json_string_value(warning));
}

static enum status check_enable(const struct arguments *a)
{
    if (a->given[OPTION_REPLICA] == a->given[OPTION_AS_REPLICA])
        return status_fail(
            STATUS_INVALID_ARGUMENT, 0,
            "Say either --replica HOST (this server is the primary) or --as-replica.");
    if (a->given[OPTION_ALLOWED_PRIMARY] && !a->given[OPTION_AS_REPLICA])
        return status_fail(STATUS_INVALID_ARGUMENT, 0, "--allowed-primary needs --as-replica.");
    if (a->given[OPTION_VM_ID] && a->given[OPTION_AS_REPLICA])
        return status_fail(STATUS_INVALID_ARGUMENT, 0,
                           "--vm-id is the primary's; the replica learns it from there.");
    if (a->disk_count == 0)
        return status_fail(STATUS_INVALID_ARGUMENT, 0, "Name the disks with --disk PATH...");
    return STATUS_OK;
}

static void show_enabled(const json_t *r)
{
    bool replica = strcmp(member_text(r, "ReplicationModeText"), "Replica") == 0;
    ctl_print("Replication of '%s' is enabled on this server, as %s.\n", member_text(r, "VMName"),
              replica ? "replica" : "primary");
    if (replica)
        ctl_print("Next, on the primary server: vrepctl enable NAME --disk PATH... --replica HOST, "
                  "with its own disks in the same order.\n");
    else
        ctl_print("When the replica server has enabled it too: vrepctl resume NAME "
                  "--resynchronize\n");
    show_warnings(r);
}

enum exit_code ctl_enable(struct ctl *ctl, const struct arguments *a)
{
    json_t *request = NULL;
    enum status s = check_enable(a);
    if (s == STATUS_OK)
        s = new_request("enable", a, &request);
    if (s == STATUS_OK)
        s = put_disks(request, a);
    if (s == STATUS_OK && a->given[OPTION_AS_REPLICA])
        s = js_put_bool(request, "as_replica", true);
    if (s == STATUS_OK && a->given[OPTION_REPLICA])
        s = put_replica(request, a->value[OPTION_REPLICA]);
    if (s == STATUS_OK && a->given[OPTION_ALLOWED_PRIMARY])
        s = js_put_string(request, "allowed_primary", a->value[OPTION_ALLOWED_PRIMARY]);
    if (s == STATUS_OK && a->given[OPTION_VM_ID])
        s = put_vm_id(request, a->value[OPTION_VM_ID]);
    if (s == STATUS_OK)
        s = put_window(request, a);
    return send_and_show(ctl, s, request, show_enabled);
}

enum exit_code ctl_status(struct ctl *ctl, const struct arguments *a)
{
    json_t *request = NULL;
    json_t *result;
    enum status s = new_request("status", a, &request);
    enum exit_code code = send(ctl, s, request, &result);
    if (code != EXIT_DONE)
        return code;
    const json_t *relationships = json_object_get(result, "Relationships");
    if (ctl->json)
        ctl_print_json(result);
    else if (a->name)
        render_relationship(json_array_get(relationships, 0));
    else
        render_table(relationships);
    json_decref(result);
    return EXIT_DONE;
}

static enum status put_flag(json_t *request, const struct arguments *a, enum option option,
                            const char *member)
{
    return a->given[option] ? js_put_bool(request, member, true) : STATUS_OK;
}

enum status ctl_put_start_time(json_t *request, const struct arguments *a)
{
    int64_t start;
    char text[CLOCK_TEXT_SIZE];
    if (!a->given[OPTION_START_TIME])
        return STATUS_OK;
    if (!a->given[OPTION_RESYNCHRONIZE])
        return status_fail(STATUS_INVALID_ARGUMENT, 0, "--start-time goes with --resynchronize.");
    if (!clock_parse(a->value[OPTION_START_TIME], &start))
        return status_fail(STATUS_INVALID_ARGUMENT, 0,
                           "--start-time: '%.100s' is not a time of the form \"YYYY-MM-DD HH:MM\".",
                           a->value[OPTION_START_TIME]);
    return js_put_string(request, "resynchronize_start_time", clock_format_utc(start, text));
}

static bool is_under_way(const json_t *relationship)
{
    return member_number(relationship, "ReplicationState") == STATE_RESYNCHRONIZING ||
           member_number(relationship, "ResynchronizeQueuePosition") > 0;
}

enum exit_code ctl_resume(struct ctl *ctl, const struct arguments *a)
{
    json_t *request = NULL;
    json_t *result;
    enum status s = STATUS_OK;
    if (a->given[OPTION_CONTINUE] && a->given[OPTION_RESYNCHRONIZE])
        s = status_fail(STATUS_INVALID_ARGUMENT, 0,
                        "--continue goes on where it stopped, --resynchronize starts from block 0: "
                        "say one of them.");
    if (s == STATUS_OK && a->given[OPTION_WHAT_IF] && !a->given[OPTION_RESYNCHRONIZE])
        s = status_fail(STATUS_INVALID_ARGUMENT, 0, "--what-if needs --resynchronize.");
    if (s == STATUS_OK && a->given[OPTION_WHAT_IF])
        return ctl_plan(ctl, a);
    if (s == STATUS_OK)
        s = new_request("resume", a, &request);
    if (s == STATUS_OK)
        s = put_flag(request, a, OPTION_RESYNCHRONIZE, "resynchronize");
    if (s == STATUS_OK)
        s = put_flag(request, a, OPTION_OVERWRITE_REPLICA, "overwrite_replica");
    if (s == STATUS_OK)
        s = put_flag(request, a, OPTION_ADOPT_IDENTITY, "adopt_identity");
    if (s == STATUS_OK)
        s = put_flag(request, a, OPTION_CONTINUE, "continue");
    if (s == STATUS_OK)
        s = ctl_put_start_time(request, a);
    enum exit_code code = send(ctl, s, request, &result);
    if (code != EXIT_DONE)
        return code;
    const json_t *relationship = json_object_get(result, "Relationship");
    if (a->given[OPTION_NO_WAIT] || !is_under_way(relationship))
        return show_message(ctl, result);
    if (!ctl->json)
        ctl_print("%s\n", member_text(result, "Message"));
    // The id, for it stays the same whatever happens to the name.
    code = progress_follow(ctl, member_text(relationship, "VMId"), &followed_resynchronization);
    json_decref(result);
    return code;
}

static enum exit_code simple_verb(struct ctl *ctl, const char *verb, const struct arguments *a)
{
    json_t *request = NULL;
    json_t *result;
    enum status s = new_request(verb, a, &request);
    enum exit_code code = send(ctl, s, request, &result);
    return code == EXIT_DONE ? show_message(ctl, result) : code;
}

enum exit_code ctl_remove(struct ctl *ctl, const struct arguments *a)
{
    return simple_verb(ctl, "remove", a);
}

// The relationship as it is now.
static enum exit_code look(struct ctl *ctl, const char *id, json_t **relationship)
{
    struct arguments a = {.name = id};
    json_t *request = NULL;
    json_t *result;
    enum status s = new_request("status", &a, &request);
    enum exit_code code = send(ctl, s, request, &result);
    if (code != EXIT_DONE)
        return code;
    *relationship = json_incref(json_array_get(json_object_get(result, "Relationships"), 0));
    json_decref(result);
    return *relationship ? EXIT_DONE : EXIT_FAILED;
}

// What became of a cancel: granted, not yet answered by the replica, or too late.
static enum exit_code show_cancel(const struct ctl *ctl, const json_t *r)
{
    bool pending = member_is_true(r, "ResynchronizeCancelPending");
    bool too_late = !pending && (member_number(r, "ReplicationState") == STATE_REPLICATING ||
                                 member_number(r, "ReplicationState") == STATE_RESYNCHRONIZING);
    if (ctl->json)
        ctl_print_json(r);
    else if (pending)
        ctl_print("The cancel waits for the replica server, which alone can grant it and does not "
                  "answer yet. 'vrepctl status' shows when it has.\n");
    else if (too_late)
        ctl_print("Too late: the merge into the replica's disks has begun. It finishes by "
                  "itself.\n");
    else
        ctl_print("Cancelled: the replica's disks are what they were before. The state is %s.\n",
                  member_text(r, "ReplicationStateText"));
    return pending || too_late ? EXIT_FAILED : EXIT_DONE;
}

// Sends a verb that the service carries out a little later, and looks until `settled`, at most
// SETTLE_WAIT_MS. *result: its reply, *relationship: the last look; both are the caller's.
static enum exit_code send_and_settle(struct ctl *ctl, const char *verb, const struct arguments *a,
                                      bool (*settled)(const json_t *relationship), json_t **result,
                                      json_t **relationship)
{
    json_t *request = NULL;
    enum status s = new_request(verb, a, &request);
    enum exit_code code = send(ctl, s, request, result);
    if (code != EXIT_DONE)
        return code;
    int64_t end = clock_mono_ms() + SETTLE_WAIT_MS;
    json_t *last = json_incref(json_object_get(*result, "Relationship"));
    while (code == EXIT_DONE && !settled(last) && clock_mono_ms() < end) {
        json_t *now;
        clock_sleep_ms(LOOK_EVERY_MS);
        code = look(ctl, member_text(last, "VMId"), &now);
        if (code == EXIT_DONE) {
            json_decref(last);
            last = now;
        }
    }
    if (code == EXIT_DONE) {
        *relationship = last;
        return code;
    }
    json_decref(last);
    json_decref(*result);
    return code;
}

static bool is_cancel_answered(const json_t *r)
{
    return !member_is_true(r, "ResynchronizeCancelPending");
}

static bool is_comparing(const json_t *r)
{
    return json_is_object(json_object_get(r, "Comparison"));
}

static bool is_not_comparing(const json_t *r)
{
    return !is_comparing(r);
}

static enum exit_code stop_comparison(struct ctl *ctl, const struct arguments *a)
{
    json_t *result = NULL;
    json_t *relationship = NULL;
    enum exit_code code = send_and_settle(ctl, "stop", a, is_not_comparing, &result, &relationship);
    if (code != EXIT_DONE)
        return code;
    if (ctl->json)
        ctl_print_json(relationship);
    else
        ctl_print("The comparison is %s; nothing was changed.\n",
                  is_comparing(relationship) ? "being stopped" : "stopped");
    json_decref(relationship);
    json_decref(result);
    return EXIT_DONE;
}

enum exit_code ctl_stop(struct ctl *ctl, const struct arguments *a)
{
    json_t *result = NULL;
    json_t *relationship = NULL;
    enum exit_code code = look(ctl, a->name, &relationship);
    if (code != EXIT_DONE)
        return code;
    bool comparing = is_comparing(relationship);
    json_decref(relationship);
    if (comparing)
        return stop_comparison(ctl, a);
    code = send_and_settle(ctl, "stop", a, is_cancel_answered, &result, &relationship);
    if (code != EXIT_DONE)
        return code;
    code = show_cancel(ctl, relationship);
    json_decref(relationship);
    json_decref(result);
    return code;
}

static bool is_not_resynchronizing(const json_t *r)
{
    return member_number(r, "ReplicationState") != STATE_RESYNCHRONIZING;
}

enum exit_code ctl_suspend(struct ctl *ctl, const struct arguments *a)
{
    json_t *result = NULL;
    json_t *relationship = NULL;
    enum exit_code code =
        send_and_settle(ctl, "suspend", a, is_not_resynchronizing, &result, &relationship);
    if (code != EXIT_DONE)
        return code;
    if (member_number(relationship, "ReplicationState") == STATE_RESYNCHRONIZE_SUSPENDED &&
        !ctl->json)
        ctl_print("The resynchronization of '%s' is suspended; 'vrepctl resume' goes on with it.\n",
                  member_text(relationship, "VMName"));
    else if (ctl->json)
        ctl_print_json(relationship);
    else
        ctl_print("%s\n", member_text(result, "Message"));
    json_decref(relationship);
    json_decref(result);
    return EXIT_DONE;
}

static enum status put_bandwidth(json_t *request, const struct arguments *a)
{
    uint64_t limit;
    if (!a->given[OPTION_BANDWIDTH_LIMIT])
        return STATUS_OK;
    enum status s = parse_bandwidth(a->value[OPTION_BANDWIDTH_LIMIT], &limit);
    return s == STATUS_OK ? js_put_u64(request, "bandwidth_limit", limit) : s;
}

static void show_changed(const json_t *r)
{
    ctl_print("The settings of '%s' are changed.\n", member_text(r, "VMName"));
    show_warnings(r);
}

enum exit_code ctl_set(struct ctl *ctl, const struct arguments *a)
{
    json_t *request = NULL;
    enum status s = new_request("set", a, &request);
    if (s == STATUS_OK && !a->given[OPTION_BANDWIDTH_LIMIT] && !a->given[OPTION_REPLICA] &&
        !a->given[OPTION_ALLOWED_PRIMARY] && !gives_window(a))
        s = status_fail(STATUS_INVALID_ARGUMENT, 0, "Say what to set.");
    if (s == STATUS_OK)
        s = put_bandwidth(request, a);
    if (s == STATUS_OK && a->given[OPTION_REPLICA])
        s = put_replica(request, a->value[OPTION_REPLICA]);
    if (s == STATUS_OK && a->given[OPTION_ALLOWED_PRIMARY])
        s = js_put_string(request, "allowed_primary", a->value[OPTION_ALLOWED_PRIMARY]);
    if (s == STATUS_OK)
        s = put_window(request, a);
    return send_and_show(ctl, s, request, show_changed);
}

enum exit_code ctl_server(struct ctl *ctl, const struct arguments *a)
{
    json_t *request = NULL;
    json_t *result;
    enum status s = new_request("status", a, &request);
    enum exit_code code = send(ctl, s, request, &result);
    if (code != EXIT_DONE)
        return code;
    const json_t *server = json_object_get(result, "Server");
    if (ctl->json)
        ctl_print_json(server);
    else
        render_server(server);
    json_decref(result);
    return EXIT_DONE;
}

static enum status put_metrics_folder(json_t *request, const char *path)
{
    char *absolute;
    if (strcmp(path, "none") == 0)
        return js_put_string(request, "metrics_folder", "");
    enum status s = os_absolute_path(path, &absolute);
    if (s != STATUS_OK)
        return s;
    s = console_check_path(absolute);
    if (s == STATUS_OK)
        s = js_put_string(request, "metrics_folder", absolute);
    free(absolute);
    return s;
}

enum exit_code ctl_server_set(struct ctl *ctl, const struct arguments *a)
{
    json_t *request = NULL;
    uint64_t transfers;
    enum status s = new_request("server-set", a, &request);
    if (s == STATUS_OK && !a->given[OPTION_BANDWIDTH_LIMIT] &&
        !a->given[OPTION_MAXIMUM_ACTIVE_TRANSFERS] && !a->given[OPTION_METRICS_FOLDER])
        s = status_fail(STATUS_INVALID_ARGUMENT, 0, "Say what to set.");
    if (s == STATUS_OK)
        s = put_bandwidth(request, a);
    if (s == STATUS_OK && a->given[OPTION_MAXIMUM_ACTIVE_TRANSFERS]) {
        s = parse_number("--maximum-active-transfers", a->value[OPTION_MAXIMUM_ACTIVE_TRANSFERS], 1,
                         TRANSFERS_MAX, &transfers);
        if (s == STATUS_OK)
            s = js_put_u64(request, "maximum_active_transfers", transfers);
    }
    if (s == STATUS_OK && a->given[OPTION_METRICS_FOLDER])
        s = put_metrics_folder(request, a->value[OPTION_METRICS_FOLDER]);
    return send_and_show(ctl, s, request, render_server);
}

static void show_version(const json_t *service)
{
    ctl_print("service %s on %s\n", member_text(service, "Version"), member_text(service, "Host"));
}

enum exit_code ctl_version(struct ctl *ctl, const struct arguments *a)
{
    json_t *request = NULL;
    if (!ctl->json)
        ctl_print("vrepctl %s\n", vrep_version());
    enum status s = new_request("version", a, &request);
    return send_and_show(ctl, s, request, show_version);
}

static void show_text(const json_t *result)
{
    os_print(false, member_text(result, "Text"));
}

enum exit_code ctl_metrics(struct ctl *ctl, const struct arguments *a)
{
    json_t *request = NULL;
    enum status s = new_request("metrics", a, &request);
    return send_and_show(ctl, s, request, show_text);
}
