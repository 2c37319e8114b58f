// What `enable`, `set` and `resume` say of a schedule, and how it is shown.
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "tests/support/must.h"
#include "tests/support/service/ask.h"

#define ENABLE_PRIMARY(name, disk, more) ENABLE(name, disk, "\"replica_server\": \"there\"" more)

#define SET(members) "{\"verb\": \"set\", \"name\": \"vm\", " members "}"

static void assert_window(const json_t *r, bool enabled, const char *start, const char *end)
{
    assert_int_equal(json_is_true(json_object_get(r, "AutoResynchronizeEnabled")), enabled);
    assert_string_equal(ask_text(r, "AutoResynchronizeIntervalStart"), start);
    assert_string_equal(ask_text(r, "AutoResynchronizeIntervalEnd"), end);
}

static const char *warning(const json_t *result)
{
    const json_t *warnings = json_object_get(result, "Warnings");
    assert_true(json_is_array(warnings) && json_array_size(warnings) < 2);
    const char *value = json_string_value(json_array_get(warnings, 0));
    return value ? value : "";
}

static void set__window__kept_and_shown(void **state)
{
    struct stage *s = *state;
    json_t *r = ask_done(s, ENABLE_PRIMARY("vm", "p1.vhdx", ""));
    assert_window(r, false, "18:30:00", "06:00:00");
    assert_string_equal(warning(r), "");
    assert_true(json_is_null(json_object_get(r, "AutoResynchronizeNextStart")));
    assert_true(json_is_null(json_object_get(r, "ResynchronizeStartTime")));
    json_decref(r);
    moving_zone_set_time_of_day(&s->moving, 0);
    r = ask_done(s, SET("\"auto_resynchronize_enabled\": true, "
                        "\"auto_resynchronize_interval_start\": \"22:00\", "
                        "\"auto_resynchronize_interval_end\": \"23:59:59\", "
                        "\"auto_resynchronize_suspend_at_interval_end\": true"));
    assert_window(r, true, "22:00:00", "23:59:59");
    assert_string_equal(warning(r), "");
    assert_true(json_is_true(json_object_get(r, "AutoResynchronizeSuspendAtIntervalEnd")));
    assert_true(json_is_string(json_object_get(r, "AutoResynchronizeNextStart")));
    json_decref(r);
    ask_do(s, SET("\"auto_resynchronize_enabled\": false"));
    stage_restart(s);
    r = ask_done(s, SET("\"bandwidth_limit\": 1"));
    assert_window(r, false, "22:00:00", "23:59:59");
    json_decref(r);
    r = ask_done(s, SET("\"auto_resynchronize_enabled\": true")); // a window was given once
    assert_string_equal(warning(r), "");
    json_decref(r);
}

static void set__enabled_without_a_window__warns_and_names_both(void **state)
{
    struct stage *s = *state;
    moving_zone_set_time_of_day(&s->moving, INT64_C(12) * 3600 * 1000);
    ask_do(s, ENABLE_PRIMARY("vm", "p1.vhdx", ""));
    json_t *r = ask_done(s, SET("\"auto_resynchronize_enabled\": true"));
    assert_non_null(strstr(warning(r), "AutoResynchronizeIntervalStart"));
    assert_non_null(strstr(warning(r), "AutoResynchronizeIntervalEnd"));
    assert_non_null(strstr(warning(r), "18:30:00"));
    json_decref(r);
    r = ask_done(s, ENABLE_PRIMARY("two", "p2.vhdx", ", \"auto_resynchronize_enabled\": true"));
    assert_window(r, true, "18:30:00", "06:00:00");
    assert_non_null(strstr(warning(r), "AutoResynchronizeIntervalEnd"));
    json_decref(r);
}

static void set__wrong_window__refused_and_nothing_changes(void **state)
{
    struct stage *s = *state;
    ask_do(s, ENABLE_PRIMARY("vm", "p1.vhdx", ""));
    ask_do(s, ENABLE("copy", "p2.vhdx", "\"as_replica\": true"));
    ask_refused(s,
                SET("\"auto_resynchronize_enabled\": true, \"auto_resynchronize_interval_start\": "
                    "\"24:00\""),
                STATUS_INVALID_ARGUMENT, "AutoResynchronizeIntervalStart");
    ask_refused(s, SET("\"auto_resynchronize_interval_end\": 6"), STATUS_INVALID_ARGUMENT,
                "auto_resynchronize_interval_end");
    ask_refused(s, SET("\"auto_resynchronize_enabled\": \"on\""), STATUS_INVALID_ARGUMENT,
                "auto_resynchronize_enabled");
    ask_refused(s, "{\"verb\": \"set\", \"name\": \"copy\", \"auto_resynchronize_enabled\": true}",
                STATUS_INVALID_ARGUMENT, "replica here");
    ask_refused(
        s, ENABLE("x", "p3.vhdx", "\"as_replica\": true, \"auto_resynchronize_enabled\": true"),
        STATUS_INVALID_ARGUMENT, "replica here");
    struct relationship *r = stage_record(s, stage_key(s, "vm"));
    assert_false(r->schedule.enabled || r->schedule.window_given);
    assert_int_equal(r->schedule.start_s, SCHEDULE_START_DEFAULT_S);
    relationship_free(r);
}

static enum status mark_stopped(struct relationship *r, void *argument)
{
    (void)argument;
    r->schedule.stopped = 7;
    return STATUS_OK;
}

static void set__another_window__is_a_new_one(void **state)
{
    struct stage *s = *state;
    ask_do(s, ENABLE_PRIMARY("vm", "p1.vhdx", ""));
    moving_zone_set_time_of_day(&s->moving, INT64_C(12) * 3600 * 1000);
    ask_do(s, SET("\"auto_resynchronize_enabled\": true"));
    stage_change(s, stage_key(s, "vm"), mark_stopped, NULL);
    ask_do(s, SET("\"auto_resynchronize_enabled\": true")); // said again: nothing is new
    struct relationship *r = stage_record(s, stage_key(s, "vm"));
    assert_int_equal(r->schedule.stopped, 7);
    relationship_free(r);
    ask_do(s, SET("\"auto_resynchronize_interval_end\": \"05:00\""));
    r = stage_record(s, stage_key(s, "vm"));
    assert_int_equal(r->schedule.stopped, 0);
    relationship_free(r);
}

static void resume__start_time__scheduled_shown_and_taken_back(void **state)
{
    struct stage *s = *state;
    char request[200], utc[CLOCK_TEXT_SIZE], local[CLOCK_TEXT_SIZE];
    int64_t start = clock_wall_ms() + 3600 * 1000;
    ask_do(s, ENABLE_PRIMARY("vm", "p1.vhdx", ""));
    snprintf(request, sizeof request,
             "{\"verb\": \"resume\", \"name\": \"vm\", \"resynchronize\": true, "
             "\"resynchronize_start_time\": \"%s\"}",
             clock_format_utc(start, utc));
    json_t *result = ask_done(s, request);
    const json_t *r = json_object_get(result, "Relationship");
    assert_string_equal(ask_text(r, "ResynchronizeStartTime"), utc);
    assert_int_equal(json_integer_value(json_object_get(r, "ReplicationState")), 10);
    assert_non_null(strstr(ask_text(result, "Message"), clock_format_local(start, local)));
    json_decref(result);
    ask_refused(s, request, STATUS_REFUSED, "scheduled"); // and not twice
    assert_int_equal(status_last()->event_id, 29186);
    ask_do(s, "{\"verb\": \"stop\", \"name\": \"vm\"}");
    result = ask_done(s, "{\"verb\": \"status\", \"name\": \"vm\"}");
    r = json_array_get(json_object_get(result, "Relationships"), 0);
    assert_true(json_is_null(json_object_get(r, "ResynchronizeStartTime")));
    json_decref(result);
}

#define RESUME(members) "{\"verb\": \"resume\", \"name\": \"vm\", " members "}"

static void resume__wrong_start_time__refused(void **state)
{
    struct stage *s = *state;
    ask_do(s, ENABLE_PRIMARY("vm", "p1.vhdx", ""));
    ask_refused(s, RESUME("\"resynchronize\": true, \"resynchronize_start_time\": \"tonight\""),
                STATUS_INVALID_ARGUMENT, "tonight");
    ask_refused(s, RESUME("\"resynchronize_start_time\": \"2026-11-22T17:49:09Z\""),
                STATUS_INVALID_ARGUMENT, "resynchronize");
    ask_refused(s,
                RESUME("\"resynchronize\": true, \"resynchronize_start_time\": "
                       "\"2001-02-03T04:05:06Z\""),
                STATUS_INVALID_ARGUMENT, "2001-02-03T04:05:06");
    assert_int_equal(status_last()->event_id, 29178);
    ask_refused(s,
                RESUME("\"resynchronize\": true, \"resynchronize_start_time\": "
                       "\"9001-02-03T04:05:06Z\""),
                STATUS_INVALID_ARGUMENT, "7 days");
    assert_int_equal(stage_events(s, 29178), 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, ask_set_up, stage_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(set__window__kept_and_shown),
        TEST(set__enabled_without_a_window__warns_and_names_both),
        TEST(set__wrong_window__refused_and_nothing_changes),
        TEST(set__another_window__is_a_new_one),
        TEST(resume__start_time__scheduled_shown_and_taken_back),
        TEST(resume__wrong_start_time__refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
