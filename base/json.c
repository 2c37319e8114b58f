#include "base/json.h"

#include <inttypes.h>
#include <string.h>

enum status js_parse(const char *text, size_t size, json_t **out)
{
    json_error_t error;
    json_t *value = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    if (!value)
        return status_fail(STATUS_INVALID_ARGUMENT, 0,
                           "The text is not valid JSON: line %d, column %d: %s.", error.line,
                           error.column, error.text);
    if (!json_is_object(value)) {
        json_decref(value);
        return status_fail(STATUS_INVALID_ARGUMENT, 0, "The JSON text is not an object.");
    }
    *out = value;
    return STATUS_OK;
}

char *js_text(const json_t *value)
{
    return json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
}

// The member, or NULL when it is absent or null.
static const json_t *member(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    return json_is_null(value) ? NULL : value;
}

static enum status missing(const char *name)
{
    return status_fail(STATUS_INVALID_ARGUMENT, 0, "The member \"%s\" is missing.", name);
}

static enum status wrong_type(const char *name, const char *wanted)
{
    return status_fail(STATUS_INVALID_ARGUMENT, 0, "The member \"%s\" is not %s.", name, wanted);
}

enum status js_opt_string(const json_t *object, const char *name, const char *preset,
                          const char **out)
{
    const json_t *value = member(object, name);
    if (value && !json_is_string(value))
        return wrong_type(name, "a string");
    *out = value ? json_string_value(value) : preset;
    return STATUS_OK;
}

enum status js_get_string(const json_t *object, const char *name, const char **out)
{
    return member(object, name) ? js_opt_string(object, name, NULL, out) : missing(name);
}

enum status js_opt_u64(const json_t *object, const char *name, uint64_t preset, uint64_t *out)
{
    const json_t *value = member(object, name);
    if (value && (!json_is_integer(value) || json_integer_value(value) < 0))
        return wrong_type(name, "an integer of 0 or more");
    *out = value ? (uint64_t)json_integer_value(value) : preset;
    return STATUS_OK;
}

enum status js_get_u64(const json_t *object, const char *name, uint64_t *out)
{
    return member(object, name) ? js_opt_u64(object, name, 0, out) : missing(name);
}

enum status js_opt_bool(const json_t *object, const char *name, bool preset, bool *out)
{
    const json_t *value = member(object, name);
    if (value && !json_is_boolean(value))
        return wrong_type(name, "true or false");
    *out = value ? json_is_true(value) : preset;
    return STATUS_OK;
}

enum status js_opt_guid(const json_t *object, const char *name, struct guid *out)
{
    const json_t *value = member(object, name);
    struct guid guid = {{0}};
    if (value && (!json_is_string(value) || !guid_parse(json_string_value(value), &guid)))
        return wrong_type(name, "a GUID");
    *out = guid;
    return STATUS_OK;
}

enum status js_get_guid(const json_t *object, const char *name, struct guid *out)
{
    return member(object, name) ? js_opt_guid(object, name, out) : missing(name);
}

enum status js_get_array(const json_t *object, const char *name, json_t **out)
{
    json_t *value = json_object_get(object, name);
    if (!value || json_is_null(value))
        return missing(name);
    if (!json_is_array(value))
        return wrong_type(name, "an array");
    *out = value;
    return STATUS_OK;
}

enum status js_put_new(json_t *object, const char *name, json_t *value)
{
    // Takes `value` even when it fails.
    return json_object_set_new(object, name, value) == 0 ? STATUS_OK
                                                         : status_no_memory("a JSON value");
}

enum status js_put_string(json_t *object, const char *name, const char *value)
{
    return js_put_new(object, name, json_string(value));
}

enum status js_put_u64(json_t *object, const char *name, uint64_t value)
{
    if (value > INT64_MAX)
        return status_fail(STATUS_INVALID_ARGUMENT, 0,
                           "The member \"%s\" cannot be as large as %" PRIu64 ".", name, value);
    return js_put_new(object, name, json_integer((json_int_t)value));
}

enum status js_put_bool(json_t *object, const char *name, bool value)
{
    return js_put_new(object, name, json_boolean(value));
}

enum status js_put_guid(json_t *object, const char *name, const struct guid *value)
{
    char text[GUID_TEXT_SIZE];
    return js_put_string(object, name, guid_format(value, text));
}

json_t *js_from_status(const struct status_details *details)
{
    return json_pack("{s:s, s:s, s:s, s:I, s:I}", "code", status_name(details->status), "message",
                     details->message, "action", details->action, "osCode",
                     (json_int_t)details->os_code, "eventId", (json_int_t)details->event_id);
}

// A string member cut to fit, without a character that lost its end; "" when there is none.
static void copy_string(const json_t *object, const char *name, char *target, size_t size)
{
    const char *text = json_string_value(json_object_get(object, name));
    size_t length = text ? strlen(text) : 0;
    if (length >= size) {
        length = size - 1;
        while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80)
            length--;
    }
    if (length > 0)
        memcpy(target, text, length);
    target[length] = '\0';
}

static uint32_t code_member(const json_t *object, const char *name)
{
    json_int_t value = json_integer_value(json_object_get(object, name));
    return value > 0 && value <= UINT32_MAX ? (uint32_t)value : 0;
}

void js_to_status(const json_t *object, struct status_details *details)
{
    const char *code = json_string_value(json_object_get(object, "code"));
    details->status = code ? status_from_name(code) : STATUS_INTERNAL;
    if (details->status == STATUS_OK)
        details->status = STATUS_INTERNAL;
    details->os_code = code_member(object, "osCode");
    details->event_id = code_member(object, "eventId");
    copy_string(object, "message", details->message, sizeof details->message);
    copy_string(object, "action", details->action, sizeof details->action);
}
