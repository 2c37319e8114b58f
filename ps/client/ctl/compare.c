// vrepctl compare: reads both sides and changes nothing.
#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "ps/client/ctl/ctl.h"
#include "ps/client/ctl/progress.h"
#include "ps/client/ctl/render.h"
#include "ps/client/ctl/text.h"

static const char *activity_of(const json_t *r)
{
    return member_text(json_object_get(r, "Comparison"), "Activity");
}

static unsigned percent_of(const json_t *r)
{
    const json_t *comparison = json_object_get(r, "Comparison");
    uint64_t total = member_number(comparison, "BytesTotal");
    uint64_t done = member_number(comparison, "BytesCompared");
    if (total == 0)
        return 0;
    return done >= total ? 100 : (unsigned)((double)done * 100 / (double)total);
}

static enum exit_code tell_end(struct ctl *ctl, const json_t *r)
{
    const json_t *last = json_object_get(r, "LastComparison");
    if (ctl->json)
        ctl_print_json(r);
    else
        render_comparison(r);
    return strcmp(member_text(last, "Outcome"), "Finished") == 0 ? EXIT_DONE : EXIT_FAILED;
}

static const struct followed comparison = {
    .activity = activity_of,
    .percent = percent_of,
    .render = render_comparing,
    .tell_end = tell_end,
    .goes_on = "The comparison goes on in the service; 'vrepctl status' shows it, "
               "'vrepctl stop' ends it.\n",
};

enum exit_code ctl_compare(struct ctl *ctl, const struct arguments *a)
{
    json_t *result;
    enum exit_code code =
        ctl_request(ctl, json_pack("{s:s, s:s}", "verb", "compare", "name", a->name), &result);
    if (code != EXIT_DONE)
        return code;
    const json_t *relationship = json_object_get(result, "Relationship");
    if (!ctl->json)
        ctl_print("%s\n", member_text(result, "Message"));
    else if (a->given[OPTION_NO_WAIT])
        ctl_print_json(result);
    if (!a->given[OPTION_NO_WAIT])
        code = progress_follow(ctl, member_text(relationship, "VMId"), &comparison);
    json_decref(result);
    return code;
}
