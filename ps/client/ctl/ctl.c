#include "ps/client/ctl/ctl.h"

#include <stdarg.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "base/json.h"
#include "base/os.h"

#define CLIENT_NAME "vrepctl"

enum exit_code ctl_exit_code(const char *code)
{
    switch (status_from_name(code)) {
    case STATUS_UNAVAILABLE:
        return EXIT_UNREACHABLE;
    case STATUS_ACCESS_DENIED:
        return EXIT_DENIED;
    case STATUS_REFUSED:
    case STATUS_REPLICA_CHANGED:
        return EXIT_REFUSED;
    default:
        return EXIT_FAILED;
    }
}

static enum exit_code tell(const struct status_details *why)
{
    struct buffer text = {0};
    enum status s = buffer_printf(&text, "vrepctl: %s\n", why->message);
    if (s == STATUS_OK && why->action[0])
        s = buffer_printf(&text, "%s\n", why->action);
    if (s == STATUS_OK && (why->event_id || why->os_code)) {
        s = buffer_printf(&text, "(%s", status_name(why->status));
        if (s == STATUS_OK && why->event_id)
            s = buffer_printf(&text, ", event %u", (unsigned)why->event_id);
        if (s == STATUS_OK && why->os_code)
            s = buffer_printf(&text, ", code 0x%08X", (unsigned)why->os_code);
        if (s == STATUS_OK)
            s = buffer_printf(&text, ")\n");
    }
    if (s == STATUS_OK)
        os_print(true, (const char *)text.data);
    buffer_free(&text);
    return ctl_exit_code(status_name(why->status));
}

enum exit_code ctl_tell_failure(void)
{
    struct status_details why = *status_last();
    return tell(&why);
}

enum exit_code ctl_tell_usage(void)
{
    ctl_tell_failure();
    os_print(true, "'vrepctl --help' shows the verbs, 'vrepctl VERB --help' one of them.\n");
    return EXIT_USAGE;
}

// Records the failure that a vrep_ call gave.
static enum status client_error(struct ctl *ctl)
{
    struct status_details why;
    json_error_t ignored;
    json_t *error = json_loads(vrep_error(ctl->client), 0, &ignored);
    js_to_status(error, &why);
    json_decref(error);
    return status_restore(&why);
}

enum exit_code ctl_tell_client_error(struct ctl *ctl)
{
    (void)client_error(ctl);
    return ctl_tell_failure();
}

static enum status connect(struct ctl *ctl)
{
    if (ctl->client || vrep_open(ctl->instance, CLIENT_NAME, &ctl->client) == VREP_OK)
        return STATUS_OK;
    return client_error(ctl);
}

enum exit_code ctl_connect(struct ctl *ctl)
{
    return connect(ctl) == STATUS_OK ? EXIT_DONE : ctl_tell_failure();
}

static enum status send_text(struct ctl *ctl, const char *request, json_t **result)
{
    char *reply;
    json_error_t ignored;
    if (vrep_request(ctl->client, request, 0, &reply) != VREP_OK)
        return client_error(ctl);
    *result = json_loads(reply, 0, &ignored);
    vrep_free(reply);
    return *result ? STATUS_OK : status_no_memory("an answer");
}

enum status ctl_ask(struct ctl *ctl, json_t *request, json_t **result)
{
    char *text = request ? js_text(request) : NULL;
    json_decref(request);
    enum status s = text ? connect(ctl) : status_no_memory("a request");
    if (s == STATUS_OK)
        s = send_text(ctl, text, result);
    free(text);
    return s;
}

enum exit_code ctl_request(struct ctl *ctl, json_t *request, json_t **result)
{
    return ctl_ask(ctl, request, result) == STATUS_OK ? EXIT_DONE : ctl_tell_failure();
}

// What comes from elsewhere must not steer the terminal.
static void remove_controls(struct buffer *text)
{
    for (size_t i = 0; i < text->size; i++) {
        uint8_t c = text->data[i];
        if ((c < 0x20 && c != '\n' && c != '\r') || c == 0x7F)
            text->data[i] = '?';
    }
}

void ctl_print(const char *format, ...)
{
    struct buffer text = {0};
    va_list args;
    va_start(args, format);
    enum status status = buffer_vprintf(&text, format, args);
    va_end(args);
    if (status == STATUS_OK) {
        remove_controls(&text);
        os_print(false, (const char *)text.data);
    }
    buffer_free(&text);
}

void ctl_print_json(const json_t *value)
{
    char *text = json_dumps(value, JSON_INDENT(2) | JSON_ENCODE_ANY);
    if (text) {
        os_print(false, text);
        os_print(false, "\n");
    }
    free(text);
}
