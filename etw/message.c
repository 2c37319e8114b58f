#include "etw/message.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/guid.h"
#include "base/utf.h"

const char *event_level_text(unsigned level)
{
    switch (level) {
    case EVENT_ERROR:
        return "Error";
    case EVENT_WARNING:
        return "Warning";
    default:
        return "Information";
    }
}

char *event_clean_string(const char *string)
{
    char *text = strdup(string ? string : "");
    if (!text)
        return NULL;
    utf8_make_valid(text);
    for (unsigned char *p = (unsigned char *)text; *p; p++) {
        if (*p < 0x20 || *p == 0x7F)
            *p = ' ';
    }
    return text;
}

const char *event_format_number(const struct event_value *value, char text[EVENT_NUMBER_TEXT_SIZE])
{
    struct guid guid;
    switch (value->type) {
    case EVENT_IN_GUID:
        memcpy(guid.bytes, value->as.data, sizeof guid.bytes);
        return guid_format(&guid, text);
    case EVENT_IN_HEX_INT32:
        snprintf(text, EVENT_NUMBER_TEXT_SIZE, "0x%08" PRIX32, (uint32_t)value->as.number);
        return text;
    default:
        assert(value->type == EVENT_IN_UINT32 || value->type == EVENT_IN_UINT64);
        snprintf(text, EVENT_NUMBER_TEXT_SIZE, "%" PRIu64, value->as.number);
        return text;
    }
}

enum status event_append_value(struct buffer *out, const struct event_value *value)
{
    char number[EVENT_NUMBER_TEXT_SIZE];
    if (value->type != EVENT_IN_UNICODE_STRING)
        return buffer_printf(out, "%s", event_format_number(value, number));
    char *text = event_clean_string(value->as.string);
    if (!text)
        return status_no_memory("an event");
    enum status s = buffer_printf(out, "%s", text[0] ? text : "-");
    free(text);
    return s;
}

// One piece of the text, which begins at *p with '%' or does not; *p moves behind it.
static enum status append_piece(struct buffer *out, const char **p,
                                const struct event_definition *definition,
                                const struct event_value *values)
{
    const char *text = *p;
    char *end;
    if (*text != '%') {
        size_t plain = strcspn(text, "%");
        *p += plain;
        return buffer_append(out, text, plain);
    }
    unsigned long insert = strtoul(text + 1, &end, 10);
    if (insert >= 1 && insert <= definition->field_count) {
        *p = end;
        return event_append_value(out, &values[insert - 1]);
    }
    *p += 2;
    return buffer_append(out, text[1] == 'n' ? "\n" : text + 1, 1);
}

char *event_message(const struct event_definition *definition, const struct event_value *values)
{
    struct buffer out = {0};
    enum status s = buffer_reserve(&out, 1);
    const char *p = definition->message;
    while (s == STATUS_OK && *p)
        s = append_piece(&out, &p, definition, values);
    if (s == STATUS_OK)
        s = buffer_append(&out, "", 1);
    if (s == STATUS_OK)
        return (char *)out.data;
    buffer_free(&out);
    return NULL;
}
