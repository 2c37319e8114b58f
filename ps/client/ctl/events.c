// The verb "events": the newest events that match, and with --follow those to come.
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/os.h"
#include "ps/client/ctl/console.h"
#include "ps/client/ctl/ctl.h"
#include "ps/client/ctl/render.h"
#include "ps/client/ctl/text.h"
#include "ps/client/ctl/when.h"

#define LIMIT_PRESET    100
#define LIMIT_MAX       100000
#define PAGE_MAX        1000 // what the service gives at once
#define FOLLOW_EVERY_MS 500

static atomic_bool interrupted;

static void on_interrupt(void *context)
{
    (void)context;
    atomic_store(&interrupted, true);
}

// What is asked for: the members of a request that stay the same from page to page.
struct question {
    json_t *filter; // {"verb": "events", "name": ...}
    uint64_t limit;
};

// ---- pages ----

// One page; `bound` is "after" or "before" this RecordId. A service that finds nothing in time says
// how far it has come, so the next page is asked for from there.
static enum exit_code get_page(struct ctl *ctl, const struct question *question, const char *bound,
                               uint64_t record, uint64_t limit, json_t **page)
{
    json_t *request = json_copy(question->filter);
    if (request &&
        (js_put_u64(request, bound, record) != STATUS_OK ||
         js_put_u64(request, "limit", limit < PAGE_MAX ? limit : PAGE_MAX) != STATUS_OK)) {
        json_decref(request);
        request = NULL;
    }
    return ctl_request(ctl, request, page);
}

// Puts the events of `page` before those of `events`.
static enum exit_code put_before(json_t *page, json_t *events)
{
    json_t *older = json_object_get(page, "Events");
    if (json_array_extend(older, events) == 0 && json_array_clear(events) == 0 &&
        json_array_extend(events, older) == 0)
        return EXIT_DONE;
    status_no_memory("the events");
    return ctl_tell_failure();
}

// Adds the newest events to the empty array `events`, oldest first. *last: the newest that was
// looked at.
static enum exit_code get_newest(struct ctl *ctl, struct question *question, json_t *events,
                                 uint64_t *last)
{
    enum exit_code code = EXIT_DONE;
    uint64_t before = 0; // the end of the log
    bool more = true;
    if (js_put_bool(question->filter, "newest", true) != STATUS_OK)
        return ctl_tell_failure();
    while (code == EXIT_DONE && more && json_array_size(events) < question->limit) {
        json_t *page;
        code = get_page(ctl, question, "before", before, question->limit - json_array_size(events),
                        &page);
        if (code != EXIT_DONE)
            return code;
        if (before == 0)
            *last = member_number(page, "Last");
        before = member_number(page, "First");
        more = member_is_true(page, "More");
        code = put_before(page, events);
        json_decref(page);
    }
    json_object_del(question->filter, "newest");
    return code;
}

// ---- showing ----

// For people, or a line of JSON that a reader can follow.
static void show(const struct ctl *ctl, const json_t *event)
{
    char *text = ctl->json ? js_text(event) : NULL;
    if (text) {
        os_print(false, text);
        os_print(false, "\n");
    } else {
        render_event(event);
    }
    free(text);
}

static void show_all(const struct ctl *ctl, const json_t *events)
{
    size_t index;
    const json_t *event;
    json_array_foreach((json_t *)events, index, event) show(ctl, event);
}

// Those that came after *last, and moves it behind them.
static enum exit_code show_new(struct ctl *ctl, const struct question *question, uint64_t *last)
{
    for (bool more = true; more && !atomic_load(&interrupted);) {
        json_t *page;
        enum exit_code code = get_page(ctl, question, "after", *last, PAGE_MAX, &page);
        if (code != EXIT_DONE)
            return code;
        show_all(ctl, json_object_get(page, "Events"));
        *last = member_number(page, "Last");
        more = member_is_true(page, "More");
        json_decref(page);
    }
    return EXIT_DONE;
}

static enum exit_code follow(struct ctl *ctl, const struct question *question, uint64_t last)
{
    if (console_catch_interrupt(on_interrupt, NULL) != STATUS_OK)
        return ctl_tell_failure();
    while (!atomic_load(&interrupted)) {
        enum exit_code code = show_new(ctl, question, &last);
        if (code != EXIT_DONE)
            return code;
        clock_sleep_ms(FOLLOW_EVERY_MS);
    }
    return EXIT_DONE;
}

static enum exit_code answer(struct ctl *ctl, struct question *question, bool follows)
{
    uint64_t last = 0;
    json_t *all = json_pack("{s:[]}", "Events");
    if (!all) {
        status_no_memory("the events");
        return ctl_tell_failure();
    }
    enum exit_code code = get_newest(ctl, question, json_object_get(all, "Events"), &last);
    if (code == EXIT_DONE && ctl->json && !follows)
        ctl_print_json(all);
    else if (code == EXIT_DONE)
        show_all(ctl, json_object_get(all, "Events"));
    json_decref(all);
    return code == EXIT_DONE && follows ? follow(ctl, question, last) : code;
}

// ---- the command line ----

static enum status put_time(json_t *filter, const struct arguments *a, enum option option,
                            const char *what, const char *member)
{
    int64_t wall_ms;
    char text[CLOCK_TEXT_SIZE];
    if (!a->given[option])
        return STATUS_OK;
    enum status s = parse_when(what, a->value[option], clock_wall_ms(), &wall_ms);
    return s == STATUS_OK ? js_put_string(filter, member, clock_format_utc(wall_ms, text)) : s;
}

static enum status put_list(json_t *filter, const struct arguments *a, enum option option,
                            enum status (*parse)(const char *text, json_t **out),
                            const char *member)
{
    json_t *list;
    if (!a->given[option])
        return STATUS_OK;
    enum status s = parse(a->value[option], &list);
    return s == STATUS_OK ? js_put_new(filter, member, list) : s;
}

static enum status read_arguments(const struct arguments *a, struct question *question)
{
    json_t *filter = question->filter = json_pack("{s:s}", "verb", "events");
    enum status s = filter ? STATUS_OK : status_no_memory("a request");
    question->limit = a->given[OPTION_SINCE] ? LIMIT_MAX : LIMIT_PRESET;
    if (s == STATUS_OK && a->given[OPTION_FOLLOW] && a->given[OPTION_UNTIL])
        s = status_fail(STATUS_INVALID_ARGUMENT, 0,
                        "--follow shows what is to come, --until what was: say one of them.");
    if (s == STATUS_OK && a->given[OPTION_LIMIT])
        s = parse_number("--limit", a->value[OPTION_LIMIT], 1, LIMIT_MAX, &question->limit);
    if (s == STATUS_OK && a->name)
        s = js_put_string(filter, "name", a->name);
    if (s == STATUS_OK)
        s = put_list(filter, a, OPTION_ID, parse_ids, "ids");
    if (s == STATUS_OK)
        s = put_list(filter, a, OPTION_LEVEL, parse_levels, "levels");
    if (s == STATUS_OK)
        s = put_time(filter, a, OPTION_SINCE, "--since", "since");
    if (s == STATUS_OK)
        s = put_time(filter, a, OPTION_UNTIL, "--until", "until");
    return s;
}

enum exit_code ctl_events(struct ctl *ctl, const struct arguments *a)
{
    struct question question;
    enum exit_code code = read_arguments(a, &question) == STATUS_OK
                              ? answer(ctl, &question, a->given[OPTION_FOLLOW])
                              : ctl_tell_usage();
    json_decref(question.filter);
    return code;
}
