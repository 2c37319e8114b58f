// From values to text: the message of an event, and its record as JSON.
#include "etw/record.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/utf.h"

#define NUMBER_TEXT_SIZE 40

// What somebody else wrote (a path, a peer's text) may hold line breaks or be no UTF-8; a record
// must not.
static char *clean_string(const char *string)
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

// Numbers and GUIDs as text.
static const char *format_value(const struct event_value *value, char text[NUMBER_TEXT_SIZE])
{
    if (value->type == EVENT_FIELD_GUID)
        guid_format(&value->as.guid, text);
    else if (value->type == EVENT_FIELD_HEX32)
        snprintf(text, NUMBER_TEXT_SIZE, "0x%08" PRIX32, (uint32_t)value->as.number);
    else
        snprintf(text, NUMBER_TEXT_SIZE, "%" PRIu64, value->as.number);
    return text;
}

static enum status append_value(struct buffer *out, const struct event_value *value)
{
    char number[NUMBER_TEXT_SIZE];
    if (value->type != EVENT_FIELD_STRING)
        return buffer_printf(out, "%s", format_value(value, number));
    char *text = clean_string(value->as.string);
    if (!text)
        return status_no_memory("an event");
    enum status s = buffer_printf(out, "%s", text[0] ? text : "-");
    free(text);
    return s;
}

char *event_message(const struct event_definition *definition, const struct event_value *values,
                    size_t count)
{
    struct buffer out = {0};
    enum status s = buffer_reserve(&out, 1);
    const char *p = definition->text;
    while (s == STATUS_OK && *p) {
        char *end;
        unsigned long insert = *p == '%' ? strtoul(p + 1, &end, 10) : 0;
        if (insert >= 1 && insert <= count) {
            s = append_value(&out, &values[insert - 1]);
            p = end;
        } else {
            size_t plain = 1 + strcspn(p + 1, "%");
            s = buffer_append(&out, p, plain);
            p += plain;
        }
    }
    if (s == STATUS_OK)
        s = buffer_append(&out, "", 1);
    if (s == STATUS_OK)
        return (char *)out.data;
    buffer_free(&out);
    return NULL;
}

const char *event_level_text(enum event_level level)
{
    switch (level) {
    case EVENT_ERROR:
        return "Error";
    case EVENT_WARNING:
        return "Warning";
    case EVENT_INFORMATION:
        break;
    }
    return "Information";
}

static enum status put_value(json_t *record, const char *name, const struct event_value *value)
{
    char number[NUMBER_TEXT_SIZE];
    if (value->type == EVENT_FIELD_UINT64)
        return js_put_u64(record, name,
                          value->as.number < INT64_MAX ? value->as.number : INT64_MAX);
    if (value->type != EVENT_FIELD_STRING)
        return js_put_string(record, name, format_value(value, number));
    char *text = clean_string(value->as.string);
    enum status s = text ? js_put_string(record, name, text) : status_no_memory("an event");
    free(text);
    return s;
}

enum status event_record(const struct event_source *source,
                         const struct event_definition *definition,
                         const struct event_value *values, size_t count, const char *message,
                         json_t **out)
{
    char time[CLOCK_TEXT_SIZE];
    json_t *record = json_object();
    enum status s = record ? js_put_u64(record, EVENT_RECORD_ID, source->record_id)
                           : status_no_memory("an event");
    if (s == STATUS_OK)
        s = js_put_string(record, "TimeCreated", clock_format_utc(source->time_ms, time));
    if (s == STATUS_OK)
        s = js_put_u64(record, "Id", definition->id);
    if (s == STATUS_OK)
        s = js_put_u64(record, "Level", definition->level);
    if (s == STATUS_OK)
        s = js_put_string(record, "LevelText", event_level_text(definition->level));
    if (s == STATUS_OK)
        s = js_put_string(record, "Symbol", definition->symbol);
    if (s == STATUS_OK)
        s = js_put_string(record, "Message", message);
    if (s == STATUS_OK)
        s = js_put_string(record, "Instance", source->instance);
    for (size_t i = 0; s == STATUS_OK && i < count; i++)
        s = put_value(record, definition->field[i].name, &values[i]);
    if (s == STATUS_OK)
        *out = record;
    else
        json_decref(record);
    return s;
}
