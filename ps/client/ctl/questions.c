// What asks a replica server and changes nothing: resume --what-if, test-connection.
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/host_port.h"
#include "base/json.h"
#include "ps/client/ctl/ctl.h"
#include "ps/client/ctl/text.h"

#define DEFAULT_PORT  29242
#define ANSWER_MS     30000 // the service itself gives a replica server up before that
#define LOOK_EVERY_MS 50

static bool is_ready(const json_t *result)
{
    return member_is_true(result, "Ready");
}

// Sends `request` (taken) again until the service has the replica server's answer.
static enum exit_code ask(struct ctl *ctl, json_t *request, json_t **result)
{
    int64_t end = clock_mono_ms() + ANSWER_MS;
    enum exit_code code = ctl_request(ctl, json_incref(request), result);
    while (code == EXIT_DONE && !is_ready(*result) && clock_mono_ms() < end) {
        json_decref(*result);
        clock_sleep_ms(LOOK_EVERY_MS);
        code = ctl_request(ctl, json_incref(request), result);
    }
    json_decref(request);
    if (code != EXIT_DONE || is_ready(*result))
        return code;
    json_decref(*result);
    status_fail(STATUS_TIMEOUT, 0, "The replica server has not answered for %d s.",
                ANSWER_MS / 1000);
    return ctl_tell_failure();
}

// The refusals' texts; the exit code that the first of them would be.
static enum exit_code show_refusals(const struct ctl *ctl, const json_t *refusals)
{
    size_t index;
    const json_t *refusal;
    json_array_foreach((json_t *)refusals, index, refusal)
    {
        if (ctl->json)
            break; // it has been shown
        ctl_print("It would not start: %s\n", member_text(refusal, "message"));
        if (member_text(refusal, "action")[0])
            ctl_print("%s\n", member_text(refusal, "action"));
    }
    const json_t *first = json_array_get(refusals, 0);
    return first ? ctl_exit_code(member_text(first, "code")) : EXIT_DONE;
}

static void show_time(const json_t *plan)
{
    char time[TEXT_SIZE], rate[TEXT_SIZE];
    const char *basis = member_text(plan, "EstimateBasis");
    if (!json_is_integer(json_object_get(plan, "EstimatedTime"))) {
        ctl_print("; how long it takes is not known.\n");
        return;
    }
    ctl_print("; about %s (%s/s, %s).\n", text_duration(member_number(plan, "EstimatedTime"), time),
              text_bytes(member_number(plan, "EstimatedBytesPerSecond"), rate),
              strcmp(basis, "MeasuredRate") == 0 ? "as the last time"
                                                 : "the bandwidth limit, if all of it differs");
}

static void show_plan(const struct arguments *a, const json_t *plan)
{
    char size[TEXT_SIZE], allocated[TEXT_SIZE], needed[TEXT_SIZE], space[TEXT_SIZE];
    const char *server = member_text(plan, "ReplicaServerName");
    size_t disks = json_array_size(json_object_get(plan, "Disks"));
    size_t index;
    const json_t *entry;
    ctl_print("What if: Resynchronize \"%s\" to %s%s%s: %zu disk%s, %s, %s allocated",
              member_text(plan, "VMName"), server, a->given[OPTION_START_TIME] ? " at " : "",
              a->given[OPTION_START_TIME] ? a->value[OPTION_START_TIME] : "", disks,
              disks == 1 ? "" : "s", text_bytes(member_number(plan, "VirtualSize"), size),
              text_bytes(member_number(plan, "AllocatedBytes"), allocated));
    json_array_foreach(json_object_get(plan, "Volumes"), index, entry)
    {
        ctl_print("; %s %s needs up to %s, free %s", server, member_text(entry, "Name"),
                  text_bytes(member_number(entry, "BytesNeeded"), needed),
                  text_bytes(member_number(entry, "BytesFree"), space));
    }
    show_time(plan);
    json_array_foreach(json_object_get(plan, "Warnings"), index, entry)
    {
        ctl_print("Warning: %s\n", json_string_value(entry));
    }
}

enum exit_code ctl_plan(struct ctl *ctl, const struct arguments *a)
{
    json_t *plan;
    json_t *request = json_pack("{s:s, s:s, s:b}", "verb", "plan", "name", a->name,
                                "overwrite_replica", a->given[OPTION_OVERWRITE_REPLICA]);
    if (!request)
        status_no_memory("a request");
    if (!request || ctl_put_start_time(request, a) != STATUS_OK) {
        json_decref(request);
        return ctl_tell_usage();
    }
    enum exit_code code = ask(ctl, request, &plan);
    if (code != EXIT_DONE)
        return code;
    const json_t *refusals = json_object_get(plan, "Refusals");
    if (ctl->json)
        ctl_print_json(plan);
    else
        show_plan(a, plan);
    code = show_refusals(ctl, refusals);
    json_decref(plan);
    return code;
}

// {"verb": "test-connection"} with a server and port, or with a relationship's name.
static enum status connection_request(const struct arguments *a, json_t **out)
{
    char *host;
    uint16_t port;
    if (!a->name == !a->given[OPTION_RELATIONSHIP])
        return status_fail(STATUS_INVALID_ARGUMENT, 0,
                           "Say either HOST[:PORT] or --relationship NAME.");
    if (!a->name) {
        *out = json_pack("{s:s, s:s}", "verb", "test-connection", "name",
                         a->value[OPTION_RELATIONSHIP]);
        return *out ? STATUS_OK : status_no_memory("a request");
    }
    enum status s = host_port_parse(a->name, DEFAULT_PORT, &host, &port);
    if (s != STATUS_OK)
        return s;
    *out = json_pack("{s:s, s:s, s:i}", "verb", "test-connection", "server", host, "port", port);
    free(host);
    return *out ? STATUS_OK : status_no_memory("a request");
}

enum exit_code ctl_test_connection(struct ctl *ctl, const struct arguments *a)
{
    json_t *request, *answer;
    if (connection_request(a, &request) != STATUS_OK)
        return ctl_tell_usage();
    enum exit_code code = ask(ctl, request, &answer);
    if (code != EXIT_DONE)
        return code;
    const json_t *refusal = json_object_get(answer, "Refusal");
    if (json_is_object(refusal))
        code = ctl_exit_code(member_text(refusal, "code"));
    if (ctl->json) {
        ctl_print_json(answer);
    } else {
        ctl_print("%s port %" PRIu64 " answers: host %s, VRep %s.\n",
                  member_text(answer, "ReplicaServerName"),
                  member_number(answer, "ReplicaServerPort"), member_text(answer, "ReplicaHost"),
                  member_text(answer, "ReplicaVersion"));
        if (code != EXIT_DONE)
            ctl_print("It would not accept '%s': %s\n%s\n", member_text(answer, "VMName"),
                      member_text(refusal, "message"), member_text(refusal, "action"));
        else if (member_is_true(answer, "Accepted"))
            ctl_print("It would accept '%s'.\n", member_text(answer, "VMName"));
    }
    json_decref(answer);
    return code;
}
