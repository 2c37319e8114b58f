#include "etw/record_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "etw/message.h"

#define KEYWORDS_TEXT_SIZE 20

static enum status put_field(json_t *object, const char *name, const struct event_value *value)
{
    char number[EVENT_NUMBER_TEXT_SIZE];
    switch (value->type) {
    case EVENT_IN_UINT32:
    case EVENT_IN_UINT64:
        return js_put_u64(object, name,
                          value->as.number < INT64_MAX ? value->as.number : INT64_MAX);
    case EVENT_IN_UNICODE_STRING:
        break;
    default:
        return js_put_string(object, name, event_format_number(value, number));
    }
    char *text = event_clean_string(value->as.string);
    enum status s = text ? js_put_string(object, name, text) : status_no_memory("an event");
    free(text);
    return s;
}

static enum status put_descriptor(json_t *object, const struct event_definition *definition)
{
    const struct event_descriptor *d = &definition->descriptor;
    char keywords[KEYWORDS_TEXT_SIZE];
    snprintf(keywords, sizeof keywords, "0x%016" PRIx64, d->keyword);
    enum status s = js_put_u64(object, "Id", d->id);
    if (s == STATUS_OK)
        s = js_put_u64(object, "Version", d->version);
    if (s == STATUS_OK)
        s = js_put_u64(object, "Level", d->level);
    if (s == STATUS_OK)
        s = js_put_string(object, "LevelText", event_level_text(d->level));
    if (s == STATUS_OK)
        s = js_put_string(object, "Channel", definition->channel);
    if (s == STATUS_OK)
        s = js_put_u64(object, "Task", d->task);
    if (s == STATUS_OK)
        s = js_put_u64(object, "Opcode", d->opcode);
    if (s == STATUS_OK)
        s = js_put_string(object, "Keywords", keywords);
    return s == STATUS_OK ? js_put_string(object, "Symbol", definition->symbol) : s;
}

static enum status put_all(json_t *object, const struct event_record *record)
{
    char time[CLOCK_TEXT_SIZE];
    const struct event_definition *definition = record->definition;
    enum status s = js_put_u64(object, EVENT_RECORD_ID, record->record_id);
    if (s == STATUS_OK)
        s = js_put_string(object, "TimeCreated", clock_format_utc(record->time_ms, time));
    if (s == STATUS_OK)
        s = put_descriptor(object, definition);
    if (s == STATUS_OK)
        s = js_put_string(object, "Message", record->message);
    if (s == STATUS_OK)
        s = js_put_string(object, "Instance", record->instance);
    for (size_t i = 0; s == STATUS_OK && i < definition->field_count; i++)
        s = put_field(object, definition->field[i].name, &record->values[i]);
    return s;
}

enum status event_record_json(const struct event_record *record, json_t **out)
{
    json_t *object = json_object();
    enum status s = object ? put_all(object, record) : status_no_memory("an event");
    if (s == STATUS_OK)
        *out = object;
    else
        json_decref(object);
    return s;
}
