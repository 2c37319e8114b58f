#include "service/control/connection.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/frame.h"

#define CHUNK           65536
#define CLIENT_NAME_MAX 64
#define LINGER_MS       1000 // a client that is cut may read the reason within this
#define VERSION_MAJOR   1

struct connection {
    struct channel *channel;
    control_handler handler;
    void *context;
    char *account;    // NULL until the first request
    struct buffer in; // bytes of the present request, and maybe of the next
};

static enum status check_version(const json_t *request)
{
    const json_t *version = json_object_get(request, "version");
    uint64_t major;
    if (!json_is_object(version))
        return status_fail(STATUS_INVALID_ARGUMENT, 0, "The member \"version\" is missing.");
    enum status s = js_get_u64(version, "major", &major);
    if (s != STATUS_OK || major == VERSION_MAJOR)
        return s;
    status_fail(STATUS_VERSION, 0,
                "The client speaks version %llu of the control protocol, this service version %d.",
                (unsigned long long)major, VERSION_MAJOR);
    return status_advise(0, "Install the same version of VRep's programs and service.");
}

static enum status client_name(const json_t *request, const char **name)
{
    enum status s = js_opt_string(request, "client", "unknown", name);
    if (s != STATUS_OK)
        return s;
    size_t length = strlen(*name);
    bool fine = length > 0 && length <= CLIENT_NAME_MAX;
    for (size_t i = 0; i < length && fine; i++)
        fine = (*name)[i] >= 0x20 && (*name)[i] < 0x7F;
    return fine ? STATUS_OK
                : status_fail(STATUS_INVALID_ARGUMENT, 0,
                              "The member \"client\" is not 1 to %d printable characters of ASCII.",
                              CLIENT_NAME_MAX);
}

static enum status handle(const json_t *request, const char *account, control_handler handler,
                          void *context, json_t **result)
{
    struct control_caller caller = {.account = account};
    enum status s = check_version(request);
    if (s == STATUS_OK)
        s = client_name(request, &caller.client);
    return s == STATUS_OK ? handler(context, &caller, request, result) : s;
}

// Takes `result`, which may be NULL.
static json_t *success(json_t *result)
{
    json_t *reply = json_object();
    json_t *object = result ? result : json_object();
    if (reply && json_object_set_new(reply, "ok", json_true()) == 0 && object &&
        json_object_set_new(reply, "result", object) == 0)
        return reply;
    json_decref(reply);
    return NULL;
}

// The reply for the failure that this thread recorded last.
static json_t *failure(void)
{
    json_t *reply = json_object();
    if (reply && json_object_set_new(reply, "ok", json_false()) == 0 &&
        json_object_set_new(reply, "error", js_from_status(status_last())) == 0)
        return reply;
    json_decref(reply);
    return NULL;
}

static enum status reply_text(json_t *reply, char **text)
{
    char *out = reply ? js_text(reply) : NULL;
    json_decref(reply);
    if (!out)
        return status_no_memory("an answer");
    *text = out;
    return STATUS_OK;
}

enum status connection_answer(const char *request, size_t size, const char *account,
                              control_handler handler, void *context, char **reply)
{
    json_t *object = NULL;
    json_t *result = NULL;
    enum status s = js_parse(request, size, &object);
    if (s == STATUS_OK)
        s = handle(object, account, handler, context, &result);
    json_decref(object);
    char *text;
    enum status made = reply_text(s == STATUS_OK ? success(result) : failure(), &text);
    if (made == STATUS_OK && strlen(text) > FRAME_REPLY_MAX) {
        status_fail(STATUS_UNSUPPORTED, 0, "The answer of %zu bytes is longer than a reply may be.",
                    strlen(text));
        status_advise(0, "Ask for less at a time.");
        free(text);
        made = reply_text(failure(), &text);
    }
    if (made == STATUS_OK)
        *reply = text;
    return made;
}

static enum status send_reply(struct connection *c, const char *text)
{
    struct buffer out = {0};
    enum status s = frame_append(&out, text, strlen(text), FRAME_REPLY_MAX);
    if (s == STATUS_OK)
        s = channel_send(c->channel, out.data, out.size, CONTROL_PARTIAL_MS);
    buffer_free(&out);
    return s;
}

// Receives until a whole request is at the front of the buffer. STATUS_CONNECTION: the client is
// gone.
static enum status receive_request(struct connection *c, uint32_t *size)
{
    int64_t begun = clock_mono_ms();
    for (;;) {
        bool ready;
        enum status s = frame_peek(&c->in, FRAME_REQUEST_MAX, &ready, size);
        if (s != STATUS_OK || ready)
            return s;
        // A request that has begun has a deadline as a whole, however its bytes trickle.
        int64_t left = CONTROL_IDLE_MS;
        if (c->in.size > 0)
            left = begun + CONTROL_PARTIAL_MS - clock_mono_ms();
        if (left <= 0)
            return status_fail(STATUS_TIMEOUT, 0, "A request did not arrive whole within %d ms.",
                               CONTROL_PARTIAL_MS);
        size_t got;
        bool first = c->in.size == 0;
        s = buffer_reserve(&c->in, CHUNK);
        if (s == STATUS_OK)
            s = channel_receive(c->channel, c->in.data + c->in.size, CHUNK, (uint32_t)left, &got);
        if (s != STATUS_OK)
            return s;
        if (got == 0)
            return status_fail(STATUS_CONNECTION, 0, "The client is gone.");
        c->in.size += got;
        if (first)
            begun = clock_mono_ms();
    }
}

static enum status serve_request(struct connection *c)
{
    uint32_t size;
    char *reply;
    enum status s = receive_request(c, &size);
    if (s == STATUS_OK && !c->account)
        s = channel_authorize(c->channel, &c->account);
    if (s == STATUS_OK)
        s = connection_answer((const char *)c->in.data + FRAME_HEADER_SIZE, size, c->account,
                              c->handler, c->context, &reply);
    if (s != STATUS_OK)
        return s;
    buffer_consume(&c->in, FRAME_HEADER_SIZE + size);
    s = send_reply(c, reply);
    free(reply);
    return s;
}

// The last failure as a reply, and a moment for the client to read it: closing with unread bytes
// would take it away.
static void explain(struct connection *c)
{
    char *text;
    if (reply_text(failure(), &text) != STATUS_OK)
        return;
    enum status s = send_reply(c, text);
    free(text);
    int64_t end = clock_mono_ms() + LINGER_MS;
    c->in.size = 0;
    while (s == STATUS_OK && c->in.capacity > 0) {
        int64_t left = end - clock_mono_ms();
        size_t got = 0;
        s = left > 0 ? channel_receive(c->channel, c->in.data, c->in.capacity, (uint32_t)left, &got)
                     : STATUS_TIMEOUT;
        if (s == STATUS_OK && got == 0)
            break;
    }
}

void connection_serve(struct channel *channel, control_handler handler, void *context)
{
    struct connection c = {.channel = channel, .handler = handler, .context = context};
    enum status s;
    do
        s = serve_request(&c);
    while (s == STATUS_OK);
    bool idle = s == STATUS_TIMEOUT && c.in.size == 0;
    if (s != STATUS_CONNECTION && !idle)
        explain(&c);
    buffer_free(&c.in);
    free(c.account);
}
