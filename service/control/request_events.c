// `events`: pages of the log, of events that match. A search that takes longer than its patience
// ends early and tells how far it has come, so that a request is answered in time however large the
// log is.
#include "base/clock.h"
#include "service/control/requests.h"
#include "service/engine/json_writer.h"

#define LIMIT_DEFAULT 100
#define LIMIT_MAX     1000
#define PATIENCE_MS   1000
#define LEVEL_MAX     5 // ETW's levels: 1 Critical to 5 Verbose

static enum status read_id(const json_t *value, uint32_t *out)
{
    json_int_t id = json_integer_value(value);
    if (!json_is_integer(value) || id < 0 || id > UINT32_MAX)
        return status_fail(STATUS_INVALID_ARGUMENT, 0,
                           "\"ids\" must hold pairs of numbers, the first and the last Id of a "
                           "range.");
    *out = (uint32_t)id;
    return STATUS_OK;
}

static enum status read_ids(const json_t *request, struct event_query *query)
{
    json_t *ids;
    if (!json_object_get(request, "ids"))
        return STATUS_OK;
    enum status s = js_get_array(request, "ids", &ids);
    if (s == STATUS_OK && (json_array_size(ids) == 0 || json_array_size(ids) > EVENT_ID_RANGES_MAX))
        s = status_fail(STATUS_INVALID_ARGUMENT, 0, "\"ids\" must hold 1 to %d ranges.",
                        EVENT_ID_RANGES_MAX);
    for (size_t i = 0; s == STATUS_OK && i < json_array_size(ids); i++) {
        const json_t *pair = json_array_get(ids, i);
        s = read_id(json_array_get(pair, 0), &query->ids[i].first);
        if (s == STATUS_OK)
            s = read_id(json_array_get(pair, 1), &query->ids[i].last);
        query->id_ranges = i + 1;
    }
    return s;
}

static enum status read_levels(const json_t *request, struct event_query *query)
{
    json_t *levels;
    if (!json_object_get(request, "levels"))
        return STATUS_OK;
    enum status s = js_get_array(request, "levels", &levels);
    if (s == STATUS_OK && json_array_size(levels) == 0)
        s = status_fail(STATUS_INVALID_ARGUMENT, 0, "\"levels\" is empty.");
    for (size_t i = 0; s == STATUS_OK && i < json_array_size(levels); i++) {
        json_int_t level = json_integer_value(json_array_get(levels, i));
        if (level < 1 || level > LEVEL_MAX)
            s = status_fail(STATUS_INVALID_ARGUMENT, 0, "\"levels\" must hold numbers of 1 to %d.",
                            LEVEL_MAX);
        else
            query->levels |= 1u << level;
    }
    return s;
}

static enum status read_time(const json_t *request, const char *member, bool *given, int64_t *out)
{
    const char *text;
    enum status s = js_opt_string(request, member, NULL, &text);
    if (s != STATUS_OK || !text)
        return s;
    *given = clock_parse_utc(text, out);
    return *given ? STATUS_OK
                  : status_fail(STATUS_INVALID_ARGUMENT, 0,
                                "\"%s\" is not a time like \"2026-11-22T17:49:09Z\".", member);
}

static enum status read_filter(const json_t *request, struct event_query *query)
{
    enum status s = read_ids(request, query);
    if (s == STATUS_OK)
        s = read_levels(request, query);
    if (s == STATUS_OK)
        s = js_opt_string(request, "name", NULL, &query->vm);
    if (s == STATUS_OK)
        s = read_time(request, "since", &query->since_given, &query->since);
    if (s == STATUS_OK)
        s = read_time(request, "until", &query->until_given, &query->until);
    return s;
}

static enum status read_query(const json_t *request, struct event_query *query)
{
    uint64_t limit;
    enum status s = js_opt_u64(request, "after", 0, &query->after);
    if (s == STATUS_OK)
        s = js_opt_u64(request, "before", 0, &query->before);
    if (s == STATUS_OK)
        s = js_opt_bool(request, "newest", false, &query->newest);
    if (s == STATUS_OK)
        s = js_opt_u64(request, "limit", LIMIT_DEFAULT, &limit);
    if (s == STATUS_OK && (limit == 0 || limit > LIMIT_MAX))
        s = status_fail(STATUS_INVALID_ARGUMENT, 0, "\"limit\" must be 1 to %d.", LIMIT_MAX);
    if (s != STATUS_OK)
        return s;
    query->limit = (size_t)limit;
    query->patience_ms = PATIENCE_MS;
    return read_filter(request, query);
}

enum status request_events(struct supervisor *supervisor, const struct control_caller *caller,
                           const json_t *request, json_t **result)
{
    (void)caller;
    struct event_query query = {0};
    struct event_page page;
    enum status s = read_query(request, &query);
    if (s == STATUS_OK)
        s = event_log_read(supervisor->context.event_log, &query, &page);
    if (s != STATUS_OK)
        return s;
    struct json_writer w = json_writer_begin(NULL);
    json_writer_value(&w, "Events", page.events);
    json_writer_number(&w, "First", page.first);
    json_writer_number(&w, "Last", page.last);
    json_writer_bool(&w, "More", page.more);
    json_writer_number(&w, "Newest", event_log_last(supervisor->context.event_log));
    *result = json_writer_end(&w);
    return w.status;
}
