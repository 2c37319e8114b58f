#include "service/control/requests.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/os.h"
#include "service/engine/json_writer.h"
#include "service/supervise/tasks.h"
#include "service/supervise/verbs.h"
#include "service/vm_events.h"

#define HOST_MAX 255

enum status request_check_host(const char *member, const char *host)
{
    size_t length = strlen(host);
    bool fine = length > 0 && length <= HOST_MAX;
    for (size_t i = 0; i < length && fine; i++)
        fine = (unsigned char)host[i] > 0x20 && host[i] != 0x7F;
    return fine ? STATUS_OK
                : status_fail(
                      STATUS_INVALID_ARGUMENT, 0,
                      "\"%s\" is not a host name or address of 1 to %d characters without spaces.",
                      member, HOST_MAX);
}

enum status request_find(struct supervisor *supervisor, const json_t *request, registry_key *key)
{
    const char *name;
    enum status s = js_get_string(request, "name", &name);
    return s == STATUS_OK ? registry_find(supervisor->context.registry, name, key) : s;
}

// ---- what is asked ----

static enum status request_version(struct supervisor *supervisor,
                                   const struct control_caller *caller, const json_t *request,
                                   json_t **result)
{
    (void)caller;
    (void)request;
    struct json_writer w = json_writer_begin(NULL);
    json_writer_text(&w, "Version", VREP_VERSION);
    json_writer_text(&w, "Host", supervisor->context.host_name);
    json_writer_text(&w, "Instance", supervisor->context.instance);
    *result = json_writer_end(&w);
    return w.status;
}

// ---- what is done ----

static enum status answer(struct supervisor *supervisor, registry_key key, const char *message,
                          json_t **result)
{
    json_t *view;
    enum status s = request_view_now(supervisor, key, &view);
    if (s != STATUS_OK)
        return s;
    struct json_writer w = json_writer_begin(NULL);
    json_writer_value(&w, "Relationship", view);
    json_writer_text(&w, "Message", message);
    *result = json_writer_end(&w);
    return w.status;
}

static enum status apply(struct supervisor *supervisor, const struct control_caller *caller,
                         const json_t *request, enum relationship_verb verb,
                         const struct resume_options *options, json_t **result)
{
    registry_key key;
    char message[VERB_MESSAGE_MAX];
    enum status s = request_find(supervisor, request, &key);
    if (s == STATUS_OK)
        s = verb_apply(supervisor, key, verb, options, caller, message);
    return s == STATUS_OK ? answer(supervisor, key, message, result) : s;
}

static enum status resume_options(const json_t *request, bool resynchronize,
                                  struct resume_options *out)
{
    enum status s = js_opt_bool(request, "overwrite_replica", false, &out->overwrite_replica);
    if (s == STATUS_OK)
        s = js_opt_bool(request, "adopt_identity", false, &out->adopt_identity);
    if (s == STATUS_OK && out->adopt_identity && !resynchronize)
        s = status_fail(STATUS_INVALID_ARGUMENT, 0,
                        "\"adopt_identity\" goes with \"resynchronize\": a replica's disk takes "
                        "over an identity when it is merged.");
    return s;
}

enum status request_start_time(const json_t *request, int64_t *start_time)
{
    const char *text;
    enum status s = js_opt_string(request, "resynchronize_start_time", NULL, &text);
    *start_time = 0;
    if (s != STATUS_OK || !text)
        return s;
    if (clock_parse_utc(text, start_time) && *start_time != 0)
        return STATUS_OK;
    status_fail(STATUS_INVALID_ARGUMENT, 0, "\"resynchronize_start_time\": '%.40s' is not a time.",
                text);
    return status_advise(0, "Give a UTC time in the form 2026-11-22T17:49:09Z.");
}

static enum relationship_verb resume_verb(bool resynchronize, bool go_on, int64_t start_time)
{
    if (start_time != 0)
        return VERB_SCHEDULE_RESYNCHRONIZE;
    if (resynchronize)
        return VERB_RESUME_RESYNCHRONIZE;
    return go_on ? VERB_RESUME_CONTINUE : VERB_RESUME;
}

static enum status request_resume(struct supervisor *supervisor,
                                  const struct control_caller *caller, const json_t *request,
                                  json_t **result)
{
    struct resume_options options = {false};
    bool resynchronize, go_on;
    enum status s = js_opt_bool(request, "resynchronize", false, &resynchronize);
    if (s == STATUS_OK)
        s = resume_options(request, resynchronize, &options);
    if (s == STATUS_OK)
        s = request_start_time(request, &options.start_time);
    if (s == STATUS_OK && options.start_time != 0 && !resynchronize)
        s = status_fail(STATUS_INVALID_ARGUMENT, 0,
                        "\"resynchronize_start_time\" goes with \"resynchronize\".");
    if (s == STATUS_OK)
        s = js_opt_bool(request, "continue", false, &go_on);
    if (s == STATUS_OK && resynchronize && go_on)
        s = status_fail(
            STATUS_INVALID_ARGUMENT, 0,
            "\"resynchronize\" begins at block 0 and \"continue\" goes on; give one of them.");
    if (s != STATUS_OK)
        return s;
    return apply(supervisor, caller, request, resume_verb(resynchronize, go_on, options.start_time),
                 &options, result);
}

static enum status request_suspend(struct supervisor *supervisor,
                                   const struct control_caller *caller, const json_t *request,
                                   json_t **result)
{
    return apply(supervisor, caller, request, VERB_SUSPEND, NULL, result);
}

static enum status request_stop(struct supervisor *supervisor, const struct control_caller *caller,
                                const json_t *request, json_t **result)
{
    return apply(supervisor, caller, request, VERB_STOP, NULL, result);
}

static enum status request_compare(struct supervisor *supervisor,
                                   const struct control_caller *caller, const json_t *request,
                                   json_t **result)
{
    return apply(supervisor, caller, request, VERB_COMPARE, NULL, result);
}

static enum status request_remove(struct supervisor *supervisor,
                                  const struct control_caller *caller, const json_t *request,
                                  json_t **result)
{
    registry_key key;
    char message[VERB_MESSAGE_MAX];
    enum status s = request_find(supervisor, request, &key);
    if (s == STATUS_OK)
        s = verb_remove(supervisor, key, caller, message);
    if (s != STATUS_OK)
        return s;
    struct json_writer w = json_writer_begin(NULL);
    json_writer_text(&w, "Message", message);
    *result = json_writer_end(&w);
    return w.status;
}

// ---- dispatch ----

typedef enum status (*verb_function)(struct supervisor *supervisor,
                                     const struct control_caller *caller, const json_t *request,
                                     json_t **result);

enum status requests_handle(void *supervisor, const struct control_caller *caller,
                            const json_t *request, json_t **result)
{
    static const struct {
        const char *verb;
        verb_function function;
    } verbs[] = {
        {"version", request_version},
        {"enable", request_enable},
        {"status", request_status},
        {"resume", request_resume},
        {"suspend", request_suspend},
        {"stop", request_stop},
        {"remove", request_remove},
        {"set", request_set},
        {"server-set", request_server_set},
        {"plan", request_plan},
        {"events", request_events},
        {"metrics", request_metrics},
        {"test-connection", request_test_connection},
        {"compare", request_compare},
    };
    const char *verb;
    enum status s = js_get_string(request, "verb", &verb);
    if (s != STATUS_OK)
        return s;
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (strcmp(verbs[i].verb, verb) == 0)
            return verbs[i].function(supervisor, caller, request, result);
    return status_fail(STATUS_INVALID_ARGUMENT, 0, "The verb \"%.64s\" is not known.", verb);
}
