// Searching the event files: forward from a RecordId, or backward from the newest in windows of
// RecordIds that grow while nothing is found.
#include <string.h>

#include "base/checked.h"
#include "base/clock.h"
#include "base/json.h"
#include "etw/line_reader.h"
#include "etw/record_json.h"
#include "etw/sink_jsonl.h"

#define WINDOW_MAX  2048 // records; so many are in memory at once, and a window is read in some ms
#define WINDOW_MS   100  // one that took longer is not followed by a larger one
#define NO_DEADLINE INT64_MAX

struct search {
    const struct event_query *query;
    struct guid vm_id; // query->vm as an id; zero: it is none
    int64_t deadline;  // clock_mono_ms
    struct log_file *file[SINK_JSONL_FILES];
    uint64_t front[SINK_JSONL_FILES]; // the first RecordId of each; 0: it has none
};

// ---- one event ----

static bool id_matches(const struct event_query *query, const json_t *event)
{
    json_int_t id = json_integer_value(json_object_get(event, "Id"));
    for (size_t i = 0; i < query->id_ranges; i++)
        if (id >= query->ids[i].first && id <= query->ids[i].last)
            return true;
    return query->id_ranges == 0;
}

static bool level_matches(const struct event_query *query, const json_t *event)
{
    json_int_t level = json_integer_value(json_object_get(event, "Level"));
    return query->levels == 0 || (level >= 0 && level < 32 && (query->levels >> level & 1));
}

static bool vm_matches(const struct search *search, const json_t *event)
{
    const char *wanted = search->query->vm;
    struct guid id;
    if (!wanted)
        return true;
    const char *name = json_string_value(json_object_get(event, "VmName"));
    if (name && strcmp(name, wanted) == 0)
        return true;
    const char *text = json_string_value(json_object_get(event, "VmId"));
    return text && !guid_is_zero(&search->vm_id) && guid_parse(text, &id) &&
           guid_equal(&id, &search->vm_id);
}

static bool time_matches(const struct event_query *query, const json_t *event)
{
    int64_t time;
    if (!query->since_given && !query->until_given)
        return true;
    const char *text = json_string_value(json_object_get(event, "TimeCreated"));
    return text && clock_parse_utc(text, &time) && (!query->since_given || time >= query->since) &&
           (!query->until_given || time <= query->until);
}

static bool matches(const struct search *search, const json_t *event)
{
    return id_matches(search->query, event) && level_matches(search->query, event) &&
           vm_matches(search, event) && time_matches(search->query, event);
}

// Adds the line's event to `found` if it is asked for. *whole false: a crash tore the line, and the
// next one may have its number.
static enum status take(const struct search *search, const struct line *line, json_t *found,
                        bool *whole)
{
    json_t *event;
    *whole = js_parse(line->text, line->size, &event) == STATUS_OK;
    if (!*whole)
        return STATUS_OK;
    if (!matches(search, event)) {
        json_decref(event);
        return STATUS_OK;
    }
    return json_array_append_new(found, event) == 0 ? STATUS_OK : status_no_memory("the events");
}

static bool is_event(const struct line *line)
{
    json_t *event;
    if (js_parse(line->text, line->size, &event) != STATUS_OK)
        return false;
    json_decref(event);
    return true;
}

// ---- a range of them ----

// A search through RecordIds, oldest first.
struct range {
    uint64_t after, before;
    size_t limit;     // matches
    int64_t deadline; // clock_mono_ms
    json_t *found;
    uint64_t last; // looked at; files hold RecordIds in their order
    bool stopped;  // by the limit or the deadline
};

static enum status read_file(const struct search *search, struct log_file *file,
                             struct range *range)
{
    uint64_t offset, id;
    enum status s = line_reader_seek(file, range->after, &offset);
    if (s != STATUS_OK)
        return s;
    struct line_reader reader;
    struct line line;
    bool more = true;
    line_reader_begin(&reader, file, offset);
    while (!range->stopped) {
        s = line_reader_next(&reader, &line, &more);
        if (s != STATUS_OK || !more)
            break;
        if (!line_record_id(&line, &id) || id <= range->last)
            continue;
        if (id >= range->before && is_event(&line))
            break;
        bool whole;
        s = take(search, &line, range->found, &whole);
        if (s != STATUS_OK)
            break;
        if (!whole) // nor is its number to be trusted
            continue;
        range->last = id;
        range->stopped = json_array_size(range->found) >= range->limit ||
                         (range->deadline != NO_DEADLINE && clock_mono_ms() >= range->deadline);
    }
    line_reader_end(&reader);
    return s;
}

// True when the file may have records of the range. The newer ones begin where it ends.
static bool holds(const struct search *search, unsigned file, const struct range *range)
{
    if (search->front[file] == 0 || search->front[file] >= range->before)
        return false;
    return file == 0 || search->front[file - 1] == 0 || search->front[file - 1] > range->after + 1;
}

static enum status read_range(const struct search *search, struct range *range)
{
    enum status s = STATUS_OK;
    range->last = range->after;
    for (unsigned i = SINK_JSONL_FILES; i-- > 0 && s == STATUS_OK && !range->stopped;)
        if (holds(search, i, range))
            s = read_file(search, search->file[i], range);
    return s;
}

// ---- both ways ----

static size_t limit_of(const struct event_query *query)
{
    return query->limit > 0 ? query->limit : SIZE_MAX;
}

static enum status oldest_first(const struct search *search, struct event_page *page)
{
    const struct event_query *query = search->query;
    struct range range = {.after = query->after,
                          .before = query->before,
                          .limit = limit_of(query),
                          .deadline = search->deadline,
                          .found = page->events};
    enum status s = read_range(search, &range);
    page->first = query->after + 1;
    page->more = range.stopped;
    page->last = range.stopped ? range.last : max_u64(query->after, query->before - 1);
    return s;
}

// Puts the newest of `window` before what is in page->events, up to the limit.
static enum status put_before(const struct event_query *query, json_t *window,
                              struct event_page *page)
{
    size_t room = limit_of(query) - json_array_size(page->events);
    while (json_array_size(window) > room) {
        page->first = (uint64_t)json_integer_value(
            json_object_get(json_array_get(window, 0), EVENT_RECORD_ID));
        page->first++;
        if (json_array_remove(window, 0) != 0)
            return status_no_memory("the events");
    }
    if (json_array_extend(window, page->events) != 0 || json_array_clear(page->events) != 0 ||
        json_array_extend(page->events, window) != 0)
        return status_no_memory("the events");
    return STATUS_OK;
}

// The records from page->first on have been looked at; looks at `size` more before them.
static enum status read_window(const struct search *search, uint64_t size, struct event_page *page)
{
    const struct event_query *query = search->query;
    uint64_t room = page->first - 1 - query->after;
    struct range range = {.after = room > size ? page->first - 1 - size : query->after,
                          .before = page->first,
                          .limit = SIZE_MAX,
                          .deadline = NO_DEADLINE,
                          .found = json_array()};
    if (!range.found)
        return status_no_memory("the events");
    enum status s = read_range(search, &range);
    page->first = range.after + 1;
    if (s == STATUS_OK)
        s = put_before(query, range.found, page);
    json_decref(range.found);
    return s;
}

// The RecordId that the oldest record has; UINT64_MAX when there is none.
static uint64_t oldest_of(const struct search *search)
{
    for (unsigned i = SINK_JSONL_FILES; i-- > 0;)
        if (search->front[i] > 0)
            return search->front[i];
    return UINT64_MAX;
}

static enum status newest_first(const struct search *search, struct event_page *page)
{
    const struct event_query *query = search->query;
    uint64_t end = max_u64(query->after + 1, oldest_of(search)); // nothing is before it
    uint64_t size = min_u64(limit_of(query), WINDOW_MAX);
    enum status s = STATUS_OK;
    page->last = query->before - 1;
    page->first = query->before;
    page->more = false;
    while (s == STATUS_OK && page->first > end && !page->more) {
        int64_t begun = clock_mono_ms();
        s = read_window(search, size, page);
        int64_t now = clock_mono_ms();
        page->more = page->first > end &&
                     (json_array_size(page->events) >= limit_of(query) || now >= search->deadline);
        if (now - begun < WINDOW_MS)
            size = min_u64(size * 2, WINDOW_MAX);
    }
    return s;
}

// ---- the door ----

static enum status find_front(struct log_file *file, uint64_t *front)
{
    struct line_reader reader;
    struct line line;
    bool more = true;
    enum status s = STATUS_OK;
    line_reader_begin(&reader, file, 0);
    while (s == STATUS_OK && more && *front == 0) {
        s = line_reader_next(&reader, &line, &more);
        if (s == STATUS_OK && more && !line_record_id(&line, front))
            *front = 0;
    }
    line_reader_end(&reader);
    return s;
}

static enum status open_all(struct sink_jsonl *sink, struct search *search)
{
    enum status s = sink_jsonl_open_files(sink, search->file);
    for (unsigned i = 0; i < SINK_JSONL_FILES && s == STATUS_OK; i++)
        if (search->file[i])
            s = find_front(search->file[i], &search->front[i]);
    return s;
}

enum status sink_jsonl_search(struct sink_jsonl *sink, const struct event_query *query,
                              struct event_page *out)
{
    struct search search = {.query = query, .deadline = NO_DEADLINE};
    struct event_page page = {.events = json_array()};
    if (!page.events)
        return status_no_memory("the events");
    if (query->patience_ms > 0)
        search.deadline = clock_mono_ms() + query->patience_ms;
    if (query->vm && !guid_parse(query->vm, &search.vm_id))
        search.vm_id = (struct guid){{0}};
    enum status s = open_all(sink, &search);
    if (s == STATUS_OK)
        s = query->newest ? newest_first(&search, &page) : oldest_first(&search, &page);
    for (unsigned i = 0; i < SINK_JSONL_FILES; i++)
        log_file_close(search.file[i]);
    if (s == STATUS_OK)
        *out = page;
    else
        json_decref(page.events);
    return s;
}
