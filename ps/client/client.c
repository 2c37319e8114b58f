#include "ps/client/vrep.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/control_name.h"
#include "base/frame.h"
#include "base/json.h"
#include "ps/client/link.h"

#define CLIENT_NAME_MAX    64
#define ERROR_TEXT_MAX     16384 // a message and an action, every character escaped
#define DEFAULT_TIMEOUT_MS 30000
#define CONNECT_MS         10000
#define CHUNK              65536
#define PROTOCOL_MAJOR     1
#define PROTOCOL_MINOR     0

// Numbers that the relationship's JSON has for ReplicationState.
#define STATE_RESYNCHRONIZING 11

struct error_text {
    char text[ERROR_TEXT_MAX];
};

struct vrep_client {
    struct link *link;
    char name[CLIENT_NAME_MAX + 1];
    struct error_text error;
    pthread_mutex_t mutex; // the two below
    bool busy;             // a public call runs: something to cancel
    bool cancelled;
};

static _Thread_local struct error_text open_error;

// Writes the thread's last failure as JSON; an empty object when even that fails.
static int32_t report(struct error_text *error, enum status s)
{
    json_t *object = s == STATUS_OK ? NULL : js_from_status(status_last());
    size_t size = object ? json_dumpb(object, error->text, ERROR_TEXT_MAX - 1, JSON_COMPACT) : 0;
    if (size == 0 || size >= ERROR_TEXT_MAX) {
        memcpy(error->text, "{}", 2);
        size = 2;
    }
    error->text[size] = '\0';
    json_decref(object);
    return (int32_t)s;
}

const char *vrep_version(void)
{
    return VREP_VERSION;
}

static enum status check_client_name(const char *name)
{
    size_t length = name ? strlen(name) : 0;
    bool fine = length > 0 && length <= CLIENT_NAME_MAX;
    for (size_t i = 0; i < length && fine; i++)
        fine = name[i] >= 0x20 && name[i] < 0x7F;
    return fine ? STATUS_OK
                : status_fail(STATUS_INVALID_ARGUMENT, 0,
                              "The client's name is not 1 to %d printable characters of ASCII.",
                              CLIENT_NAME_MAX);
}

static enum status open_client(const char *instance, const char *client_name,
                               struct vrep_client **out)
{
    char *name = NULL;
    enum status s = check_client_name(client_name);
    if (s == STATUS_OK)
        s = control_name(instance, &name);
    if (s != STATUS_OK)
        return s;
    struct vrep_client *client = calloc(1, sizeof *client);
    if (!client) {
        free(name);
        return status_no_memory("a client");
    }
    pthread_mutex_init(&client->mutex, NULL);
    memcpy(client->name, client_name, strlen(client_name) + 1);
    s = link_new(name, &client->link);
    free(name);
    if (s == STATUS_OK)
        s = link_connect(client->link, CONNECT_MS);
    if (s != STATUS_OK) {
        vrep_close(client);
        return s;
    }
    *out = client;
    return STATUS_OK;
}

int32_t vrep_open(const char *instance, const char *client_name, struct vrep_client **client)
{
    *client = NULL;
    return report(&open_error, open_client(instance, client_name, client));
}

void vrep_close(struct vrep_client *client)
{
    if (!client)
        return;
    link_free(client->link);
    pthread_mutex_destroy(&client->mutex);
    free(client);
}

// From here to end_call a vrep_cancel has something to cancel.
static void begin_call(struct vrep_client *client)
{
    pthread_mutex_lock(&client->mutex);
    link_clear_cancel(client->link);
    client->busy = true;
    client->cancelled = false;
    pthread_mutex_unlock(&client->mutex);
}

static int32_t end_call(struct vrep_client *client, enum status s)
{
    pthread_mutex_lock(&client->mutex);
    client->busy = false;
    pthread_mutex_unlock(&client->mutex);
    return report(&client->error, s);
}

void vrep_cancel(struct vrep_client *client)
{
    pthread_mutex_lock(&client->mutex);
    if (client->busy && !client->cancelled) {
        client->cancelled = true;
        link_cancel(client->link);
    }
    pthread_mutex_unlock(&client->mutex);
}

const char *vrep_error(struct vrep_client *client)
{
    const char *text = client ? client->error.text : open_error.text;
    return text[0] ? text : "{}";
}

void vrep_free(char *text)
{
    free(text);
}

// The request with its envelope as a frame.
static enum status make_frame(const struct vrep_client *client, const char *request,
                              struct buffer *frame)
{
    json_t *object = NULL;
    const char *verb;
    enum status s = request ? js_parse(request, strlen(request), &object)
                            : status_fail(STATUS_INVALID_ARGUMENT, 0, "There is no request.");
    if (s == STATUS_OK)
        s = js_get_string(object, "verb", &verb);
    if (s == STATUS_OK)
        s = js_put_new(object, "version",
                       json_pack("{s:i, s:i}", "major", PROTOCOL_MAJOR, "minor", PROTOCOL_MINOR));
    if (s == STATUS_OK)
        s = js_put_string(object, "client", client->name);
    char *text = s == STATUS_OK ? js_text(object) : NULL;
    if (s == STATUS_OK)
        s = text ? frame_append(frame, text, strlen(text), FRAME_REQUEST_MAX)
                 : status_no_memory("a request");
    free(text);
    json_decref(object);
    return s;
}

static uint32_t time_left(int64_t deadline)
{
    int64_t left = deadline - clock_mono_ms();
    return left <= 0 ? 0 : left < UINT32_MAX ? (uint32_t)left : UINT32_MAX;
}

// One reply frame; its payload begins at reply->data + FRAME_HEADER_SIZE.
static enum status receive_frame(struct vrep_client *client, int64_t deadline, struct buffer *reply,
                                 uint32_t *size)
{
    for (;;) {
        bool ready;
        enum status s = frame_peek(reply, FRAME_REPLY_MAX, &ready, size);
        if (s != STATUS_OK || ready)
            return s;
        size_t got;
        s = buffer_reserve(reply, CHUNK);
        if (s == STATUS_OK)
            s = link_receive(client->link, reply->data + reply->size, CHUNK, time_left(deadline),
                             &got);
        if (s != STATUS_OK)
            return s;
        reply->size += got;
    }
}

static enum status exchange(struct vrep_client *client, const struct buffer *frame,
                            int64_t deadline, struct buffer *reply, uint32_t *size)
{
    enum status s = STATUS_OK;
    if (!link_is_connected(client->link))
        s = link_connect(client->link, time_left(deadline));
    if (s == STATUS_OK)
        s = link_send(client->link, frame->data, frame->size, time_left(deadline));
    if (s == STATUS_OK)
        s = receive_frame(client, deadline, reply, size);
    // After a failure an answer may still come: the next request must not take it for its own.
    if (s != STATUS_OK)
        link_disconnect(client->link);
    return s;
}

// The "result" of a reply, or the failure that it carries.
static enum status open_reply(const char *text, size_t size, json_t **result)
{
    json_t *reply;
    enum status s = js_parse(text, size, &reply);
    if (s != STATUS_OK)
        return status_context("The service's answer");
    json_t *object = json_object_get(reply, "result");
    if (json_is_true(json_object_get(reply, "ok")) && json_is_object(object)) {
        *result = json_incref(object);
    } else {
        struct status_details details;
        js_to_status(json_object_get(reply, "error"), &details);
        s = status_restore(&details);
    }
    json_decref(reply);
    return s;
}

static enum status request_json(struct vrep_client *client, const char *request,
                                uint32_t timeout_ms, json_t **result)
{
    struct buffer frame = {0};
    struct buffer reply = {0};
    uint32_t size;
    int64_t deadline = clock_mono_ms() + (timeout_ms ? timeout_ms : DEFAULT_TIMEOUT_MS);
    enum status s = make_frame(client, request, &frame);
    if (s == STATUS_OK)
        s = exchange(client, &frame, deadline, &reply, &size);
    if (s == STATUS_OK)
        s = open_reply((const char *)reply.data + FRAME_HEADER_SIZE, size, result);
    buffer_free(&frame);
    buffer_free(&reply);
    return s;
}

// Takes `value`.
static enum status give_text(json_t *value, char **out)
{
    char *text = js_text(value);
    json_decref(value);
    if (!text)
        return status_no_memory("an answer");
    *out = text;
    return STATUS_OK;
}

int32_t vrep_request(struct vrep_client *client, const char *request, uint32_t timeout_ms,
                     char **reply)
{
    json_t *result;
    begin_call(client);
    enum status s = request_json(client, request, timeout_ms, &result);
    if (s == STATUS_OK)
        s = give_text(result, reply);
    return end_call(client, s);
}

static enum status get_relationship(struct vrep_client *client, const char *request,
                                    json_t **relationship)
{
    json_t *result;
    enum status s = request_json(client, request, 0, &result);
    if (s != STATUS_OK)
        return s;
    json_t *first = json_array_get(json_object_get(result, "Relationships"), 0);
    if (first)
        *relationship = json_incref(first);
    else
        s = status_fail(STATUS_NOT_FOUND, 0, "The service does not know the relationship.");
    json_decref(result);
    return s;
}

static bool goes_on(const json_t *relationship)
{
    return json_integer_value(json_object_get(relationship, "ReplicationState")) ==
               STATE_RESYNCHRONIZING ||
           json_integer_value(json_object_get(relationship, "ResynchronizeQueuePosition")) > 0 ||
           json_is_object(json_object_get(relationship, "Comparison"));
}

static enum status tell_progress(const json_t *relationship, vrep_progress progress, void *context)
{
    if (!progress)
        return STATUS_OK;
    char *text = js_text(relationship);
    if (!text)
        return status_no_memory("an answer");
    int32_t go_on = progress(context, text);
    free(text);
    return go_on ? STATUS_OK : status_fail(STATUS_CANCELLED, 0, "The wait was ended.");
}

static enum status wait_for_end(struct vrep_client *client, const char *request,
                                uint32_t interval_ms, vrep_progress progress, void *context,
                                char **out)
{
    for (;;) {
        json_t *relationship = NULL;
        enum status s = get_relationship(client, request, &relationship);
        if (s != STATUS_OK)
            return s;
        if (!goes_on(relationship))
            return give_text(relationship, out);
        s = tell_progress(relationship, progress, context);
        json_decref(relationship);
        if (s == STATUS_OK)
            s = link_sleep(client->link, interval_ms);
        if (s != STATUS_OK)
            return s;
    }
}

int32_t vrep_wait(struct vrep_client *client, const char *name, uint32_t interval_ms,
                  vrep_progress progress, void *context, char **relationship)
{
    begin_call(client);
    json_t *object = json_pack("{s:s, s:s}", "verb", "status", "name", name);
    char *request = NULL;
    enum status s = object ? give_text(object, &request)
                           : status_fail(STATUS_INVALID_ARGUMENT, 0,
                                         "The relationship's name is not valid UTF-8.");
    if (s == STATUS_OK)
        s = wait_for_end(client, request, interval_ms, progress, context, relationship);
    free(request);
    return end_call(client, s);
}
