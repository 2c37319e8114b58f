// The verbs that ask a replica and change nothing: `plan` and `test-connection`.
#include <stdio.h>

#include "service/control/requests.h"
#include "service/supervise/questions.h"
#include "service/vm_events.h"

#define DEFAULT_PORT 29242

// The primary relationship that "name" names.
static enum status find_primary(struct supervisor *supervisor, const json_t *request,
                                registry_key *key)
{
    struct relationship *r;
    enum status s = request_find(supervisor, request, key);
    if (s == STATUS_OK)
        s = registry_get(supervisor->context.registry, *key, &r);
    if (s != STATUS_OK)
        return s;
    if (r->mode != MODE_PRIMARY) {
        s = status_fail(STATUS_REFUSED, 0, "'%s' is a replica here; its primary server asks.",
                        r->name);
        status_advise(RefusedInState_value, "Use the command on the primary server.");
    }
    relationship_free(r);
    return s;
}

enum status request_plan(struct supervisor *supervisor, const struct control_caller *caller,
                         const json_t *request, json_t **result)
{
    (void)caller;
    struct question question = {.kind = QUESTION_PLAN};
    enum status s = find_primary(supervisor, request, &question.key);
    if (s == STATUS_OK)
        s = js_opt_bool(request, "overwrite_replica", false, &question.overwrite_replica);
    if (s == STATUS_OK)
        s = request_start_time(request, &question.start_time);
    if (s != STATUS_OK)
        return s;
    pthread_mutex_lock(&supervisor->settings_lock);
    question.bandwidth_limit = supervisor->settings.bandwidth_limit;
    pthread_mutex_unlock(&supervisor->settings_lock);
    return questions_ask(supervisor->questions, &question, result);
}

static enum status read_server(const json_t *request, struct question *question)
{
    const char *server;
    uint64_t port;
    enum status s = js_get_string(request, "server", &server);
    if (s == STATUS_OK)
        s = js_opt_u64(request, "port", DEFAULT_PORT, &port);
    if (s == STATUS_OK)
        s = request_check_host("server", server);
    if (s == STATUS_OK && (port == 0 || port > UINT16_MAX))
        s = status_fail(STATUS_INVALID_ARGUMENT, 0, "\"port\" must be 1 to 65535.");
    if (s != STATUS_OK)
        return s;
    snprintf(question->server, sizeof question->server, "%s", server);
    question->port = (uint16_t)port;
    return STATUS_OK;
}

enum status request_test_connection(struct supervisor *supervisor,
                                    const struct control_caller *caller, const json_t *request,
                                    json_t **result)
{
    (void)caller;
    struct question question = {.kind = QUESTION_CONNECTION};
    bool named = json_object_get(request, "name") != NULL;
    enum status s = STATUS_OK;
    if (named == (json_object_get(request, "server") != NULL))
        s = status_fail(STATUS_INVALID_ARGUMENT, 0,
                        "Give \"server\" with or without \"port\", or the \"name\" of a "
                        "relationship.");
    if (s == STATUS_OK)
        s = named ? find_primary(supervisor, request, &question.key)
                  : read_server(request, &question);
    return s == STATUS_OK ? questions_ask(supervisor->questions, &question, result) : s;
}
