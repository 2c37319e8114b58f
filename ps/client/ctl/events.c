// The verb "events": the newest events, and with --follow those to come.
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/os.h"
#include "ps/client/ctl/console.h"
#include "ps/client/ctl/ctl.h"
#include "ps/client/ctl/render.h"
#include "ps/client/ctl/text.h"

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

// What is shown: text, a line of JSON each (so that a reader can follow), or all of it as one
// object at the end.
struct output {
    bool lines;
    json_t *collected; // NULL: shown at once
};

static void show(const struct output *output, json_t *event)
{
    if (output->collected) {
        json_array_append(output->collected, event);
        return;
    }
    char *text = output->lines ? js_text(event) : NULL;
    if (text) {
        os_print(false, text);
        os_print(false, "\n");
    } else {
        render_event(event);
    }
    free(text);
}

static enum exit_code get_page(struct ctl *ctl, uint64_t after, uint64_t limit, json_t **page)
{
    json_t *request = json_pack("{s:s, s:I, s:I}", "verb", "events", "after", (json_int_t)after,
                                "limit", (json_int_t)limit);
    return ctl_request(ctl, request, page);
}

// Shows what is newer than *after, at most `limit`, and moves *after behind it.
static enum exit_code show_after(struct ctl *ctl, const struct output *output, uint64_t *after,
                                 uint64_t limit)
{
    while (limit > 0) {
        json_t *page;
        size_t index;
        json_t *event;
        enum exit_code code = get_page(ctl, *after, limit < PAGE_MAX ? limit : PAGE_MAX, &page);
        if (code != EXIT_DONE)
            return code;
        json_t *events = json_object_get(page, "Events");
        uint64_t count = json_array_size(events);
        json_array_foreach(events, index, event)
        {
            show(output, event);
            *after = member_number(event, "RecordId");
        }
        json_decref(page);
        if (count == 0)
            break;
        limit -= count < limit ? count : limit;
    }
    return EXIT_DONE;
}

static enum exit_code follow(struct ctl *ctl, const struct output *output, uint64_t after)
{
    if (console_catch_interrupt(on_interrupt, NULL) != STATUS_OK)
        return ctl_tell_failure();
    while (!atomic_load(&interrupted)) {
        enum exit_code code = show_after(ctl, output, &after, LIMIT_MAX);
        if (code != EXIT_DONE)
            return code;
        clock_sleep_ms(FOLLOW_EVERY_MS);
    }
    return EXIT_DONE;
}

static enum exit_code show_newest(struct ctl *ctl, const struct output *output, uint64_t limit,
                                  uint64_t *after)
{
    json_t *page;
    enum exit_code code = get_page(ctl, 0, 1, &page);
    if (code != EXIT_DONE)
        return code;
    uint64_t newest = member_number(page, "Newest");
    json_decref(page);
    *after = newest > limit ? newest - limit : 0;
    return show_after(ctl, output, after, limit);
}

enum exit_code ctl_events(struct ctl *ctl, const struct arguments *a)
{
    uint64_t limit = LIMIT_PRESET;
    uint64_t after;
    struct output output = {.lines = ctl->json};
    json_t *all = NULL;
    if (a->given[OPTION_LIMIT] &&
        parse_number("--limit", a->value[OPTION_LIMIT], 1, LIMIT_MAX, &limit) != STATUS_OK)
        return ctl_tell_usage();
    if (ctl->json && !a->given[OPTION_FOLLOW]) {
        all = json_pack("{s:[]}", "Events");
        output.collected = json_object_get(all, "Events");
    }
    enum exit_code code = show_newest(ctl, &output, limit, &after);
    if (code == EXIT_DONE && all)
        ctl_print_json(all);
    if (code == EXIT_DONE && a->given[OPTION_FOLLOW])
        code = follow(ctl, &output, after);
    json_decref(all);
    return code;
}
