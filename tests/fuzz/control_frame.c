// Bytes from a client of the control pipe: framing, envelope, and an answer to whatever came
// through.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/frame.h"
#include "service/control/connection.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum status answer(void *context, const struct control_caller *caller, const json_t *request,
                          json_t **result)
{
    (void)context;
    const char *verb;
    enum status s = js_get_string(request, "verb", &verb);
    if (s != STATUS_OK)
        return s;
    if (strlen(caller->client) > FRAME_REQUEST_MAX)
        abort();
    *result = json_pack("{s:s}", "Verb", verb);
    return *result ? STATUS_OK : status_fail(STATUS_INVALID_ARGUMENT, 0, "Not a verb.");
}

// A reply is JSON with either a result or an error, whatever was asked.
static void check_reply(const char *reply)
{
    json_t *object;
    if (js_parse(reply, strlen(reply), &object) != STATUS_OK)
        abort();
    bool ok = json_is_true(json_object_get(object, "ok"));
    if (!json_is_object(json_object_get(object, ok ? "result" : "error")))
        abort();
    json_decref(object);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer in = {0};
    bool ready = true;
    if (buffer_append(&in, data, size) != STATUS_OK)
        return 0;
    while (ready) {
        uint32_t length;
        char *reply;
        if (frame_peek(&in, FRAME_REQUEST_MAX, &ready, &length) != STATUS_OK)
            break;
        if (!ready)
            break;
        if (connection_answer((const char *)in.data + FRAME_HEADER_SIZE, length, "HOST\\somebody",
                              answer, NULL, &reply) == STATUS_OK) {
            check_reply(reply);
            free(reply);
        }
        buffer_consume(&in, FRAME_HEADER_SIZE + length);
    }
    buffer_free(&in);
    return 0;
}
