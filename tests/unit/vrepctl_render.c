// What vrepctl shows people of the service's answers.
#include "tests/support/test.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ps/client/ctl/render.c" // NOLINT(bugprone-suspicious-include): part of a program
#include "ps/client/ctl/text.c"   // NOLINT(bugprone-suspicious-include): part of a program

// What was printed.
static char printed[65536];

void ctl_print(const char *format, ...)
{
    size_t used = strlen(printed);
    va_list args;
    va_start(args, format);
    vsnprintf(printed + used, sizeof printed - used, format, args);
    va_end(args);
}

static int begin(void **state)
{
    (void)state;
    printed[0] = '\0';
    return 0;
}

static json_t *parse(const char *text)
{
    json_error_t error;
    json_t *value = json_loads(text, 0, &error);
    assert_non_null(value);
    return value;
}

#define GIB "1073741824"

static const char running[] =
    "{\"VMName\": \"vm 1\", \"VMId\": \"id\", \"ReplicationModeText\": \"Primary\","
    " \"ReplicationState\": 11, \"ReplicationStateText\": \"Resynchronizing\","
    " \"ReplicationHealthText\": \"Normal\", \"ReplicaServerName\": \"replica1\","
    " \"ReplicaServerPort\": 29242, \"ResynchronizeActivity\": \"Comparing\","
    " \"ResynchronizeBytesTotal\": " GIB ", \"ResynchronizeBytesCompared\": 268435456,"
    " \"ResynchronizeBytesDifferent\": 1048576, \"ResynchronizeBytesSent\": 524288,"
    " \"ResynchronizeBytesPerSecond\": 104857600, \"ResynchronizeTimeRemaining\": 80,"
    " \"ResynchronizeCancelPending\": false,"
    " \"Disks\": [{\"Path\": \"/a.vhdx\", \"PeerName\": \"b.vhdx\", \"VirtualSize\": " GIB "}]}";

static void assert_progress(const char *json, const char *expected)
{
    json_t *r = parse(json);
    struct buffer out = {0};
    assert_ok(render_progress(r, &out));
    assert_string_equal((const char *)out.data, expected);
    buffer_free(&out);
    json_decref(r);
}

static void progress__comparing__has_bytes_rate_and_time(void **state)
{
    (void)state;
    assert_progress(running, "Comparing, 25 %, 256 MiB of 1.0 GiB, 100 MiB/s, 1 min 20 s left, "
                             "1.0 MiB different, 512 KiB sent");
}

static void progress__merging__counts_what_is_merged(void **state)
{
    (void)state;
    assert_progress("{\"ReplicationState\": 11, \"ResynchronizeActivity\": \"Merging\","
                    " \"ResynchronizeBytesTotal\": " GIB ", \"ResynchronizeBytesCompared\": " GIB
                    ","
                    " \"ResynchronizeBytesToMerge\": 1000, \"ResynchronizeBytesMerged\": 500,"
                    " \"ResynchronizeTimeRemaining\": null}",
                    "Merging, 50 %, 500 bytes of 1000 bytes");
}

static void progress__queued__says_which_in_line(void **state)
{
    (void)state;
    assert_progress("{\"ReplicationState\": 10, \"ResynchronizeQueuePosition\": 2}", "queued, 2nd");
    assert_progress("{\"ReplicationState\": 10, \"ResynchronizeQueuePosition\": 11}",
                    "queued, 11th");
    assert_progress("{\"ReplicationState\": 10, \"ResynchronizeQueuePosition\": 23}",
                    "queued, 23rd");
}

static void progress__not_yet_known__is_no_figure(void **state)
{
    (void)state;
    assert_progress("{\"ReplicationState\": 11, \"ResynchronizeActivity\": \"Connecting\"}",
                    "Connecting");
    assert_progress("{\"ReplicationState\": 11, \"ResynchronizeCancelPending\": true}",
                    "Starting (the cancel waits for the replica)");
    assert_progress("{\"ReplicationState\": 11, \"ResynchronizeActivity\": \"Merging\","
                    " \"ResynchronizeBytesTotal\": " GIB ", \"ResynchronizeBytesToMerge\": 0}",
                    "Merging");
}

static void assert_printed(const char *part)
{
    if (!strstr(printed, part))
        print_error("missing: %s\nin:\n%s\n", part, printed);
    assert_non_null(strstr(printed, part));
}

static void relationship__that_needs_a_resync__says_why_and_what_to_do(void **state)
{
    (void)state;
    json_t *r = parse(
        "{\"VMName\": \"vm 1\", \"ReplicationModeText\": \"Primary\", \"ReplicationState\": 10,"
        " \"ReplicationStateText\": \"WaitingForStartResynchronize\","
        " \"ReplicationHealthText\": \"Critical\","
        " \"ResynchronizeRequiredReason\": \"DiskChangedWhileNotTracked\","
        " \"ResynchronizeRequiredMessage\": \"Resynchronization is required for the virtual machine"
        " vm 1.\", \"LastReplicationTime\": null, \"BandwidthLimit\": 4194304,"
        " \"LastError\": {\"code\": \"Connection\", \"message\": \"No way.\","
        " \"action\": \"Look at the cable.\", \"osCode\": 110, \"eventId\": 29292}}");
    render_relationship(r);
    assert_printed("WaitingForStartResynchronize");
    assert_printed("DiskChangedWhileNotTracked");
    assert_printed("Resynchronization is required for the virtual machine vm 1.");
    assert_printed("No way. (Connection, code 0x0000006E)");
    assert_printed("Look at the cable.");
    assert_printed("never");
    assert_printed("4.0 MiB/s");
    assert_null(strstr(printed, "(null)"));
    json_decref(r);
}

static void relationship__running__shows_disks_and_progress(void **state)
{
    (void)state;
    json_t *r = parse(running);
    render_relationship(r);
    assert_printed("Comparing, 25 %");
    assert_printed("/a.vhdx (with b.vhdx)");
    assert_printed("replica1, port 29242");
    json_decref(r);
}

static void relationship__with_a_schedule__shows_window_and_start(void **state)
{
    (void)state;
    json_t *r = parse("{\"VMName\": \"vm\", \"ReplicationModeText\": \"Primary\", "
                      "\"AutoResynchronizeEnabled\": true, "
                      "\"AutoResynchronizeIntervalStart\": \"18:30:00\", "
                      "\"AutoResynchronizeIntervalEnd\": \"06:00:00\", "
                      "\"AutoResynchronizeSuspendAtIntervalEnd\": true, "
                      "\"AutoResynchronizeNextStart\": \"2026-11-22T17:30:00.000Z\", "
                      "\"ResynchronizeStartTime\": \"2026-11-23T12:00:00.000Z\"}");
    render_relationship(r);
    assert_printed("from 18:30:00 to 06:00:00, suspended at the end of it");
    assert_printed("Next window:          2026-11-2");
    assert_printed("Scheduled for:        2026-11-2");
    json_decref(r);
}

static void table__scheduled__says_for_when(void **state)
{
    (void)state;
    json_t *list = parse("[{\"VMName\": \"vm\", \"ReplicationModeText\": \"Primary\", "
                         "\"ReplicationState\": 10, \"ResynchronizeStartTime\": "
                         "\"2026-11-23T12:00:00.000Z\"}]");
    render_table(list);
    assert_printed("scheduled for 2026-11-2");
    json_decref(list);
}

static void table__names_of_any_script__stay_in_their_columns(void **state)
{
    (void)state;
    json_t *list = parse(
        "[{\"VMName\": \"\xC3\xA4\xC3\xB6\", \"ReplicationModeText\": \"Replica\","
        " \"ReplicationState\": 12, \"ReplicationStateText\": \"ResynchronizeSuspended\","
        " \"ReplicationHealthText\": \"Warning\", \"ResynchronizeSuspendCause\": \"no room\"},"
        " {\"VMName\": \"long name\", \"ReplicationModeText\": \"Replica\", \"ReplicationState\": "
        "4,"
        " \"ReplicationStateText\": \"Replicating\", \"ReplicationHealthText\": \"Normal\","
        " \"ResynchronizeRequiredReason\": \"None\"}]");
    render_table(list);
    assert_string_equal(
        printed, "NAME       MODE     STATE                   HEALTH   DETAIL\n"
                 "\xC3\xA4\xC3\xB6         Replica  ResynchronizeSuspended  Warning  no room\n"
                 "long name  Replica  Replicating             Normal   \n");
    json_decref(list);
}

static void table__nothing__says_how_to_begin(void **state)
{
    (void)state;
    json_t *list = json_array();
    render_table(list);
    assert_printed("enable");
    json_decref(list);
}

static void text__sizes_and_durations__are_short(void **state)
{
    (void)state;
    char text[TEXT_SIZE];
    assert_string_equal(text_bytes(0, text), "0 bytes");
    assert_string_equal(text_bytes(1023, text), "1023 bytes");
    assert_string_equal(text_bytes(1536, text), "1.5 KiB");
    assert_string_equal(text_bytes(UINT64_MAX, text), "16.0 EiB");
    assert_string_equal(text_duration(59, text), "59 s");
    assert_string_equal(text_duration(3599, text), "59 min 59 s");
    assert_string_equal(text_duration(7500, text), "2 h 5 min");
    assert_string_equal(text_local_time("nonsense", "never", text), "never");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(progress__comparing__has_bytes_rate_and_time),
        cmocka_unit_test(progress__merging__counts_what_is_merged),
        cmocka_unit_test(progress__queued__says_which_in_line),
        cmocka_unit_test(progress__not_yet_known__is_no_figure),
        cmocka_unit_test_setup(relationship__that_needs_a_resync__says_why_and_what_to_do, begin),
        cmocka_unit_test_setup(relationship__running__shows_disks_and_progress, begin),
        cmocka_unit_test_setup(relationship__with_a_schedule__shows_window_and_start, begin),
        cmocka_unit_test_setup(table__scheduled__says_for_when, begin),
        cmocka_unit_test_setup(table__names_of_any_script__stay_in_their_columns, begin),
        cmocka_unit_test_setup(table__nothing__says_how_to_begin, begin),
        cmocka_unit_test(text__sizes_and_durations__are_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
