// The verb "health": one line and an exit code as monitoring plug-ins give them (Monitoring Plugins
// Development Guidelines), for Nagios, Icinga and others.
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "ps/client/ctl/ctl.h"
#include "ps/client/ctl/render.h"
#include "ps/client/ctl/text.h"

#define TEXT_MAX   1500 // some agents pass on no more than 2 KiB of a line
#define LISTED_MAX 5    // relationships that are described in one line

// The exit codes of a plug-in.
enum verdict { PLUGIN_OK, PLUGIN_WARNING, PLUGIN_CRITICAL, PLUGIN_UNKNOWN };

// Numbers of ReplicationHealth.
enum { HEALTH_NOT_APPLICABLE, HEALTH_NORMAL, HEALTH_WARNING, HEALTH_CRITICAL, HEALTHS };

static const char *const words[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};

// What is said: the text for people, and behind it the figures.
struct report {
    enum verdict verdict;
    struct buffer text, figures;
};

static enum verdict verdict_of(uint64_t health)
{
    static const enum verdict verdicts[HEALTHS] = {PLUGIN_UNKNOWN, PLUGIN_OK, PLUGIN_WARNING,
                                                   PLUGIN_CRITICAL};
    return health < HEALTHS ? verdicts[health] : PLUGIN_UNKNOWN;
}

// ---- figures ----

// "label=value[unit];warning;critical;minimum;maximum": above `warning` or `critical` is what the
// verdict says it is. "": there is none.
static enum status put_figure(struct report *report, const char *label, uint64_t value,
                              const char *unit, const char *warning, const char *critical)
{
    return buffer_printf(&report->figures, " %s=%" PRIu64 "%s;%s;%s;0", label, value, unit, warning,
                         critical);
}

static enum status put_part(struct report *report, const char *label, const json_t *r,
                            const char *member, const char *whole)
{
    if (!json_is_integer(json_object_get(r, member)))
        return STATUS_OK;
    enum status s = put_figure(report, label, member_number(r, member), "B", "", "");
    return s == STATUS_OK ? buffer_printf(&report->figures, ";%" PRIu64, member_number(r, whole))
                          : s;
}

// False: never in step, or a replica, which cannot know.
static bool in_step_age(const json_t *r, int64_t now, uint64_t *seconds)
{
    int64_t time;
    if (!clock_parse_utc(member_text(r, "LastInStepTime"), &time))
        return false;
    *seconds = now > time ? (uint64_t)(now - time) / 1000 : 0;
    return true;
}

static enum status put_figures_of_one(struct report *report, const json_t *r, int64_t now)
{
    uint64_t age;
    enum status s =
        put_figure(report, "health", member_number(r, "ReplicationHealth"), "", "1", "2");
    if (s == STATUS_OK)
        s = buffer_printf(&report->figures, ";%d", HEALTH_CRITICAL);
    if (s == STATUS_OK && in_step_age(r, now, &age))
        s = put_figure(report, "in_step_age", age, "s", "", "");
    if (s == STATUS_OK)
        s = put_figure(report, "failed_attempts", member_number(r, "FailedAttempts"), "", "0", "");
    if (s == STATUS_OK)
        s = put_part(report, "compared", r, "ResynchronizeBytesCompared",
                     "ResynchronizeBytesTotal");
    if (s == STATUS_OK)
        s = put_part(report, "different", r, "ResynchronizeBytesDifferent",
                     "ResynchronizeBytesTotal");
    if (s == STATUS_OK)
        s = put_part(report, "sent", r, "ResynchronizeBytesSent", "ResynchronizeBytesTotal");
    return s == STATUS_OK ? put_part(report, "merged", r, "ResynchronizeBytesMerged",
                                     "ResynchronizeBytesToMerge")
                          : s;
}

static enum status put_figures_of_all(struct report *report, const json_t *relationships,
                                      const size_t count[HEALTHS], size_t unreadable, int64_t now)
{
    uint64_t age, oldest = 0;
    bool known = false;
    size_t index;
    const json_t *r;
    json_array_foreach((json_t *)relationships, index, r)
    {
        if (in_step_age(r, now, &age)) {
            oldest = age > oldest ? age : oldest;
            known = true;
        }
    }
    enum status s = put_figure(report, "relationships", json_array_size(relationships), "", "", "");
    if (s == STATUS_OK)
        s = put_figure(report, "normal", count[HEALTH_NORMAL], "", "", "");
    if (s == STATUS_OK)
        s = put_figure(report, "warning", count[HEALTH_WARNING], "", "0", "");
    if (s == STATUS_OK)
        s = put_figure(report, "critical", count[HEALTH_CRITICAL], "", "", "0");
    if (s == STATUS_OK)
        s = put_figure(report, "unreadable", unreadable, "", "", "0");
    return s == STATUS_OK && known ? put_figure(report, "oldest_in_step_age", oldest, "s", "", "")
                                   : s;
}

// ---- text ----

static enum status put_details(struct report *report, const json_t *r)
{
    enum status s = STATUS_OK;
    size_t index;
    const json_t *detail;
    json_array_foreach(json_object_get(r, "ReplicationHealthDetails"), index, detail)
    {
        const char *text = json_string_value(detail);
        if (s == STATUS_OK && text)
            s = buffer_printf(&report->text, "%s %s", index == 0 ? ":" : "", text);
    }
    return s;
}

// "'web 1' is Replicating", and what is wrong with it or how far it is.
static enum status describe(struct report *report, const json_t *r)
{
    enum status s = buffer_printf(&report->text, "'%s' is %s", member_text(r, "VMName"),
                                  member_text(r, "ReplicationStateText"));
    if (s != STATUS_OK)
        return s;
    if (verdict_of(member_number(r, "ReplicationHealth")) != PLUGIN_OK)
        return put_details(report, r);
    if (member_number(r, "ReplicationState") != STATE_RESYNCHRONIZING)
        return STATUS_OK;
    s = buffer_printf(&report->text, ": ");
    return s == STATUS_OK ? render_progress(r, &report->text) : s;
}

static enum status describe_worst(struct report *report, const json_t *relationships,
                                  const size_t count[HEALTHS])
{
    enum status s = STATUS_OK;
    size_t told = 0, index;
    const json_t *r;
    for (uint64_t health = HEALTH_CRITICAL; health > HEALTH_NORMAL; health--) {
        json_array_foreach((json_t *)relationships, index, r)
        {
            if (s != STATUS_OK || member_number(r, "ReplicationHealth") != health)
                continue;
            if (told++ == LISTED_MAX)
                return buffer_printf(&report->text, "; and %zu more",
                                     count[HEALTH_CRITICAL] + count[HEALTH_WARNING] - LISTED_MAX);
            s = buffer_printf(&report->text, "; ");
            if (s == STATUS_OK)
                s = describe(report, r);
        }
    }
    return s;
}

static enum verdict worst_of(const size_t count[HEALTHS], size_t unreadable)
{
    if (count[HEALTH_CRITICAL] > 0 || unreadable > 0)
        return PLUGIN_CRITICAL;
    if (count[HEALTH_WARNING] > 0)
        return PLUGIN_WARNING;
    return count[HEALTH_NORMAL] > 0 ? PLUGIN_OK : PLUGIN_UNKNOWN;
}

static enum status judge_all(struct report *report, const json_t *status, int64_t now)
{
    const json_t *relationships = json_object_get(status, "Relationships");
    size_t unreadable =
        json_array_size(json_object_get(json_object_get(status, "Server"), "UnreadableStateFiles"));
    size_t count[HEALTHS] = {0};
    size_t index;
    const json_t *r;
    json_array_foreach((json_t *)relationships, index, r)
    {
        uint64_t health = member_number(r, "ReplicationHealth");
        count[health < HEALTHS ? health : HEALTH_NOT_APPLICABLE]++;
    }
    report->verdict = worst_of(count, unreadable);
    enum status s =
        json_array_size(relationships) == 0
            ? buffer_printf(&report->text, "there are no relationships on this server")
            : buffer_printf(&report->text, "%zu critical, %zu warning, %zu normal",
                            count[HEALTH_CRITICAL], count[HEALTH_WARNING], count[HEALTH_NORMAL]);
    if (s == STATUS_OK && unreadable > 0)
        s = buffer_printf(&report->text, "; %zu state files cannot be read (event 50004)",
                          unreadable);
    if (s == STATUS_OK)
        s = describe_worst(report, relationships, count);
    return s == STATUS_OK ? put_figures_of_all(report, relationships, count, unreadable, now) : s;
}

static enum status judge_one(struct report *report, const json_t *status, int64_t now)
{
    const json_t *r = json_array_get(json_object_get(status, "Relationships"), 0);
    report->verdict = verdict_of(member_number(r, "ReplicationHealth"));
    enum status s = describe(report, r);
    return s == STATUS_OK ? put_figures_of_one(report, r, now) : s;
}

// ---- the line ----

// '|' begins the figures and a line break ends the line, so neither may be in the text.
static void make_one_line(char *text)
{
    for (char *p = text; *p; p++)
        *p = (char)(*p == '|' ? '/' : *p == '\n' || *p == '\r' ? ' ' : *p);
}

// How much of a text is shown: all, or up to the end of a character near TEXT_MAX.
static size_t shown(const char *text)
{
    size_t end = strlen(text);
    if (end <= TEXT_MAX)
        return end;
    for (end = TEXT_MAX; end > 0 && ((unsigned char)text[end] & 0xC0) == 0x80;)
        end--;
    return end;
}

static enum exit_code put_line(enum verdict verdict, char *text, const char *figures)
{
    make_one_line(text);
    size_t length = shown(text);
    ctl_print("VREP %s - %.*s%s%s%s\n", words[verdict], (int)length, text,
              text[length] ? "..." : "", figures[0] ? " |" : "", figures);
    return (enum exit_code)verdict;
}

enum exit_code ctl_health_unknown(void)
{
    const struct status_details why = *status_last();
    struct buffer text = {0};
    enum exit_code code = (enum exit_code)PLUGIN_UNKNOWN;
    if (buffer_printf(&text, "%s%s%s", why.message, why.action[0] ? " " : "", why.action) ==
        STATUS_OK)
        code = put_line(PLUGIN_UNKNOWN, (char *)text.data, "");
    buffer_free(&text);
    return code;
}

// The service's answer to "status", with or without a name, as the line.
static enum exit_code report_on(const json_t *status, bool one, int64_t now)
{
    struct report report = {.verdict = PLUGIN_UNKNOWN};
    enum status s = one ? judge_one(&report, status, now) : judge_all(&report, status, now);
    enum exit_code code = s == STATUS_OK ? put_line(report.verdict, (char *)report.text.data,
                                                    (const char *)report.figures.data)
                                         : ctl_health_unknown();
    buffer_free(&report.text);
    buffer_free(&report.figures);
    return code;
}

enum exit_code ctl_health(struct ctl *ctl, const struct arguments *a)
{
    json_t *status;
    if (ctl->json) {
        status_fail(STATUS_INVALID_ARGUMENT, 0, "'--json' does not go with this verb.");
        return ctl_health_unknown();
    }
    json_t *request = json_pack("{s:s, s:s*}", "verb", "status", "name", a->name);
    if (ctl_ask(ctl, request, &status) != STATUS_OK)
        return ctl_health_unknown();
    enum exit_code code = report_on(status, a->name != NULL, clock_wall_ms());
    json_decref(status);
    return code;
}
