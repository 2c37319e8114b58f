// 'vrepctl health' as a monitoring system reads it.
#include "tests/support/test.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "ps/client/ctl/health.c" // NOLINT(bugprone-suspicious-include): parts of a program
#include "ps/client/ctl/render.c" // NOLINT(bugprone-suspicious-include)
#include "ps/client/ctl/text.c"   // NOLINT(bugprone-suspicious-include)

#define NOW INT64_C(1795369749123) // 2026-11-22T17:49:09.123Z

static char printed[8192];

void ctl_print(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(printed, sizeof printed, format, args);
    va_end(args);
}

// Not called: what is asked is given here.
enum status ctl_ask(struct ctl *ctl, json_t *request, json_t **result)
{
    (void)ctl;
    (void)result;
    json_decref(request);
    return status_fail(STATUS_UNAVAILABLE, 0, "Nobody is there.");
}

static void report(const char *json, bool one, int code, const char *line)
{
    json_t *status;
    assert_ok(js_parse(json, strlen(json), &status));
    assert_int_equal((int)report_on(status, one, NOW), code);
    json_decref(status);
    assert_string_equal(printed, line);
}

#define NORMAL(name)                                                                 \
    "{\"VMName\": \"" name "\", \"ReplicationState\": 4, \"ReplicationStateText\": " \
    "\"Replicating\", \"ReplicationHealth\": 1, \"LastInStepTime\": \"2026-11-22T17:48:49Z\"}"
#define WORSE(name, health)                                                          \
    "{\"VMName\": \"" name "\", \"ReplicationState\": 8, \"ReplicationStateText\": " \
    "\"Suspended\", \"ReplicationHealth\": " health                                  \
    ", \"ReplicationHealthDetails\": [\"It is paused.\", "                           \
    "\"Resume it.\"]}"
#define STATUS(relationships) \
    "{\"Server\": {\"UnreadableStateFiles\": []}, \"Relationships\": [" relationships "]}"

static void all__nothing_wrong__ok(void **state)
{
    (void)state;
    report(STATUS(NORMAL("a") ", " NORMAL("b")), false, 0,
           "VREP OK - 0 critical, 0 warning, 2 normal | relationships=2;;;0 normal=2;;;0 "
           "warning=0;0;;0 critical=0;;0;0 unreadable=0;;0;0 oldest_in_step_age=20s;;;0\n");
}

static void all__the_worst_decides_and_comes_first(void **state)
{
    (void)state;
    report(
        STATUS(NORMAL("a") ", " WORSE("b", "2") ", " WORSE("c", "3")), false, 2,
        "VREP CRITICAL - 1 critical, 1 warning, 1 normal; 'c' is Suspended: It is paused. Resume "
        "it.; 'b' is Suspended: It is paused. Resume it. | relationships=3;;;0 normal=1;;;0 "
        "warning=1;0;;0 critical=1;;0;0 unreadable=0;;0;0 oldest_in_step_age=20s;;;0\n");
    report(
        STATUS(NORMAL("a") ", " WORSE("b", "2")), false, 1,
        "VREP WARNING - 0 critical, 1 warning, 1 normal; 'b' is Suspended: It is paused. Resume "
        "it. | relationships=2;;;0 normal=1;;;0 warning=1;0;;0 critical=0;;0;0 unreadable=0;;0;0 "
        "oldest_in_step_age=20s;;;0\n");
}

static void all__no_relationship__is_unknown(void **state)
{
    (void)state;
    report(STATUS(""), false, 3,
           "VREP UNKNOWN - there are no relationships on this server | relationships=0;;;0 "
           "normal=0;;;0 warning=0;0;;0 critical=0;;0;0 unreadable=0;;0;0\n");
}

static void all__a_state_file_that_cannot_be_read__is_critical(void **state)
{
    (void)state;
    report("{\"Server\": {\"UnreadableStateFiles\": [{}]}, \"Relationships\": [" NORMAL("a") "]}",
           false, 2,
           "VREP CRITICAL - 0 critical, 0 warning, 1 normal; 1 state files cannot be read (event "
           "50004) | relationships=1;;;0 normal=1;;;0 warning=0;0;;0 critical=0;;0;0 "
           "unreadable=1;;0;0 oldest_in_step_age=20s;;;0\n");
}

static void all__many_are_wrong__the_line_names_some(void **state)
{
    (void)state;
    json_t *status;
    const char *json = STATUS(WORSE("a", "3") "," WORSE("b", "3") "," WORSE("c", "3") "," WORSE(
        "d", "3") "," WORSE("e", "2") "," WORSE("f", "2") "," WORSE("g", "2"));
    assert_ok(js_parse(json, strlen(json), &status));
    assert_int_equal((int)report_on(status, false, NOW), 2);
    json_decref(status);
    assert_non_null(strstr(printed, "'e' is"));
    assert_null(strstr(printed, "'f' is"));
    assert_non_null(strstr(printed, "; and 2 more |"));
}

static void one__its_health_and_figures(void **state)
{
    (void)state;
    report(STATUS(NORMAL("web 1")), true, 0,
           "VREP OK - 'web 1' is Replicating | health=1;1;2;0;3 in_step_age=20s;;;0 "
           "failed_attempts=0;0;;0\n");
    report(STATUS("{\"VMName\": \"x\", \"ReplicationState\": 11, \"ReplicationStateText\": "
                  "\"Resynchronizing\", \"ReplicationHealth\": 1, \"ResynchronizeActivity\": "
                  "\"Comparing\", \"ResynchronizeBytesTotal\": 1048576, "
                  "\"ResynchronizeBytesCompared\": 524288, \"ResynchronizeBytesDifferent\": 4096, "
                  "\"ResynchronizeBytesSent\": 4096, \"ResynchronizeBytesToMerge\": 0, "
                  "\"ResynchronizeBytesMerged\": 0}"),
           true, 0,
           "VREP OK - 'x' is Resynchronizing: Comparing, 50 %, 512 KiB of 1.0 MiB, 4.0 KiB "
           "different, 4.0 KiB sent | health=1;1;2;0;3 failed_attempts=0;0;;0 "
           "compared=524288B;;;0;1048576 different=4096B;;;0;1048576 sent=4096B;;;0;1048576 "
           "merged=0B;;;0;0\n");
}

static void one__a_name_that_would_break_the_line__does_not(void **state)
{
    (void)state;
    report(STATUS("{\"VMName\": \"a|b\", \"ReplicationStateText\": \"Error\", "
                  "\"ReplicationHealth\": 3, \"ReplicationHealthDetails\": [\"one\\ntwo\\r|\"]}"),
           true, 2,
           "VREP CRITICAL - 'a/b' is Error: one two / | health=3;1;2;0;3 failed_attempts=0;0;;0\n");
}

static void one__a_long_text__is_cut_between_characters(void **state)
{
    (void)state;
    json_t *status = json_pack("{s:[{s:s, s:i, s:[s]}]}", "Relationships", "VMName", "vm",
                               "ReplicationHealth", 3, "ReplicationHealthDetails", "");
    char *text = malloc(3001);
    assert_non_null(text);
    for (int i = 0; i < 3000; i += 2)
        memcpy(text + i, "\xc3\xa4", 2);
    text[3000] = '\0';
    json_t *details = json_object_get(json_array_get(json_object_get(status, "Relationships"), 0),
                                      "ReplicationHealthDetails");
    json_array_set_new(details, 0, json_string(text));
    assert_int_equal((int)report_on(status, true, NOW), 2);
    const char *figures = strstr(printed, "... |");
    assert_non_null(figures);
    assert_in_range(figures - printed, TEXT_MAX, TEXT_MAX + 30);
    assert_memory_equal(figures - 2, "\xc3\xa4", 2);
    free(text);
    json_decref(status);
}

static void service__not_there__unknown_and_why(void **state)
{
    (void)state;
    struct ctl ctl = {0};
    assert_int_equal((int)ctl_health(&ctl, &(struct arguments){0}), 3);
    assert_string_equal(printed, "VREP UNKNOWN - Nobody is there.\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all__nothing_wrong__ok),
        cmocka_unit_test(all__the_worst_decides_and_comes_first),
        cmocka_unit_test(all__no_relationship__is_unknown),
        cmocka_unit_test(all__a_state_file_that_cannot_be_read__is_critical),
        cmocka_unit_test(all__many_are_wrong__the_line_names_some),
        cmocka_unit_test(one__its_health_and_figures),
        cmocka_unit_test(one__a_name_that_would_break_the_line__does_not),
        cmocka_unit_test(one__a_long_text__is_cut_between_characters),
        cmocka_unit_test(service__not_there__unknown_and_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
