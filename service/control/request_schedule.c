#include "service/control/request_schedule.h"

#include "service/control/requests.h"

#define ENABLED        "auto_resynchronize_enabled"
#define INTERVAL_START "auto_resynchronize_interval_start"
#define INTERVAL_END   "auto_resynchronize_interval_end"
#define SUSPEND_AT_END "auto_resynchronize_suspend_at_interval_end"

bool request_has_schedule(const json_t *request)
{
    return request_given(request, ENABLED) || request_given(request, INTERVAL_START) ||
           request_given(request, INTERVAL_END) || request_given(request, SUSPEND_AT_END);
}

static enum status read_flag(const json_t *request, const char *member, const char *name,
                             bool *flag, struct buffer *told)
{
    if (!request_given(request, member))
        return STATUS_OK;
    enum status s = js_opt_bool(request, member, *flag, flag);
    return s == STATUS_OK ? request_tell(told, name, *flag ? "true" : "false") : s;
}

static enum status read_time_of_day(const json_t *request, const char *member, const char *name,
                                    uint32_t *seconds, struct buffer *told)
{
    const char *value;
    char text[TIME_OF_DAY_SIZE];
    if (!request_given(request, member))
        return STATUS_OK;
    enum status s = js_get_string(request, member, &value);
    if (s == STATUS_OK && !time_of_day_parse(value, seconds)) {
        s = status_fail(STATUS_INVALID_ARGUMENT, 0,
                        "\"%s\": '%.40s' is not a time of the day (%s).", member, value, name);
        status_advise(0, "Give HH:MM or HH:MM:SS, 00:00 to 23:59:59, local time of this server.");
    }
    return s == STATUS_OK ? request_tell(told, name, time_of_day_format(*seconds, text)) : s;
}

static bool is_same_window(const struct resync_schedule *a, const struct resync_schedule *b)
{
    return a->enabled == b->enabled && a->start_s == b->start_s && a->end_s == b->end_s;
}

enum status request_read_schedule(const json_t *request, struct relationship *r,
                                  struct buffer *told)
{
    struct resync_schedule schedule = r->schedule;
    if (r->mode != MODE_PRIMARY)
        return status_fail(STATUS_INVALID_ARGUMENT, 0,
                           "'%s' is a replica here; its primary server resynchronizes it.",
                           r->name);
    enum status s =
        read_flag(request, ENABLED, "AutoResynchronizeEnabled", &schedule.enabled, told);
    if (s == STATUS_OK)
        s = read_time_of_day(request, INTERVAL_START, "AutoResynchronizeIntervalStart",
                             &schedule.start_s, told);
    if (s == STATUS_OK)
        s = read_time_of_day(request, INTERVAL_END, "AutoResynchronizeIntervalEnd", &schedule.end_s,
                             told);
    if (s == STATUS_OK)
        s = read_flag(request, SUSPEND_AT_END, "AutoResynchronizeSuspendAtIntervalEnd",
                      &schedule.suspend_at_end, told);
    if (s != STATUS_OK)
        return s;
    if (request_given(request, INTERVAL_START) || request_given(request, INTERVAL_END))
        schedule.window_given = true;
    if (!is_same_window(&schedule, &r->schedule)) {
        schedule.stopped = 0;
        schedule.told = 0;
    }
    r->schedule = schedule;
    return STATUS_OK;
}

static enum status warn_of_default(const struct resync_schedule *schedule, json_t *warnings)
{
    struct buffer text = {0};
    char start[TIME_OF_DAY_SIZE], end[TIME_OF_DAY_SIZE];
    enum status s = buffer_printf(
        &text,
        "No window was given, so resynchronizations start by themselves from %s to %s, local time "
        "of this server. Choose another one with AutoResynchronizeIntervalStart and "
        "AutoResynchronizeIntervalEnd.",
        time_of_day_format(schedule->start_s, start), time_of_day_format(schedule->end_s, end));
    if (s == STATUS_OK && json_array_append_new(warnings, json_string((char *)text.data)) != 0)
        s = status_no_memory("an answer");
    buffer_free(&text);
    return s;
}

enum status request_warn_of_schedule(const json_t *request, const struct resync_schedule *schedule,
                                     json_t **result)
{
    json_t *warnings = json_array();
    enum status s = warnings ? STATUS_OK : status_no_memory("an answer");
    if (s == STATUS_OK && json_is_true(json_object_get(request, ENABLED)) &&
        !schedule->window_given)
        s = warn_of_default(schedule, warnings);
    if (s == STATUS_OK) {
        s = js_put_new(*result, "Warnings", warnings);
        warnings = NULL;
    }
    if (s != STATUS_OK) {
        json_decref(warnings);
        json_decref(*result);
        *result = NULL;
    }
    return s;
}
