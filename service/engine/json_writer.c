#include "service/engine/json_writer.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"

struct json_writer json_writer_begin(const json_t *base)
{
    struct json_writer w = {.object = base ? json_deep_copy(base) : json_object()};
    w.status = w.object ? STATUS_OK : status_no_memory("a JSON object");
    return w;
}

void json_writer_value(struct json_writer *w, const char *name, json_t *value)
{
    if (w->status == STATUS_OK)
        w->status = js_put_new(w->object, name, value);
    else
        json_decref(value);
}

void json_writer_null(struct json_writer *w, const char *name)
{
    json_writer_value(w, name, json_null());
}

void json_writer_text(struct json_writer *w, const char *name, const char *value)
{
    json_writer_value(w, name, value ? json_string(value) : json_null());
}

void json_writer_number(struct json_writer *w, const char *name, uint64_t value)
{
    if (w->status == STATUS_OK)
        w->status = js_put_u64(w->object, name, value);
}

void json_writer_wide(struct json_writer *w, const char *name, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, value);
    json_writer_text(w, name, text);
}

void json_writer_bool(struct json_writer *w, const char *name, bool value)
{
    json_writer_value(w, name, json_boolean(value));
}

void json_writer_guid(struct json_writer *w, const char *name, const struct guid *value)
{
    char text[GUID_TEXT_SIZE];
    json_writer_text(w, name, guid_format(value, text));
}

void json_writer_time(struct json_writer *w, const char *name, int64_t wall_ms)
{
    char text[CLOCK_TEXT_SIZE];
    json_writer_text(w, name, wall_ms == 0 ? NULL : clock_format_utc(wall_ms, text));
}

json_t *json_writer_end(struct json_writer *w)
{
    if (w->status == STATUS_OK)
        return w->object;
    json_decref(w->object);
    w->object = NULL;
    return NULL;
}
