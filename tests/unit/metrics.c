// Status as text for Prometheus.
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "service/monitor/metrics.h"

#define NOW INT64_C(1795369749123) // 2026-11-22T17:49:09.123Z

// The text of a status, given as JSON; the caller frees.
static char *render(const char *json, const char *instance)
{
    json_t *status;
    struct buffer text = {0};
    assert_ok(js_parse(json, strlen(json), &status));
    assert_ok(metrics_render(status, instance, NOW, &text));
    json_decref(status);
    return (char *)text.data;
}

static void assert_line(const char *text, const char *line)
{
    char wanted[1024];
    snprintf(wanted, sizeof wanted, "\n%s\n", line);
    if (!strstr(text, wanted))
        fail_msg("the line \"%s\" is missing in:\n%s", line, text);
}

static void assert_no(const char *text, const char *word)
{
    if (strstr(text, word))
        fail_msg("\"%s\" is in:\n%s", word, text);
}

#define RELATIONSHIP(members) \
    "{\"Server\": {}, \"Relationships\": [{\"VMName\": \"vm\", \"VMId\": \"id\", " members "}]}"
#define LABELS "{service=\"VRep\",vm_name=\"vm\",vm_id=\"id\"}"

static void render__no_relationship__only_the_service(void **state)
{
    (void)state;
    char *text = render("{\"Relationships\": [], \"Server\": {\"ActiveTransfers\": 2, "
                        "\"QueuedTransfers\": 5, \"MaximumActiveTransfers\": 3, "
                        "\"BandwidthLimit\": 9007199254740993, "
                        "\"EventsLostTotal\": 4, \"UnreadableStateFiles\": [{}, {}]}}",
                        "lab-1");
    assert_line(text, "# TYPE vrep_build_info gauge");
    assert_line(text, "vrep_build_info{service=\"VRep$lab-1\",version=\"" VREP_VERSION "\"} 1");
    assert_line(text, "vrep_relationships{service=\"VRep$lab-1\"} 0");
    assert_line(text, "vrep_active_transfers{service=\"VRep$lab-1\"} 2");
    assert_line(text, "vrep_queued_transfers{service=\"VRep$lab-1\"} 5");
    assert_line(text, "vrep_maximum_active_transfers{service=\"VRep$lab-1\"} 3");
    // More than a double holds.
    assert_line(text,
                "vrep_bandwidth_limit_bytes_per_second{service=\"VRep$lab-1\"} 9007199254740993");
    assert_line(text, "# TYPE vrep_events_lost_total counter");
    assert_line(text, "vrep_events_lost_total{service=\"VRep$lab-1\"} 4");
    assert_line(text, "vrep_unreadable_state_files{service=\"VRep$lab-1\"} 2");
    assert_no(text, "vm_name");
    assert_no(text, "vrep_replication_state");
    free(text);
}

static void render__names__are_escaped(void **state)
{
    (void)state;
    char *text =
        render("{\"Server\": {}, \"Relationships\": [{\"VMName\": \"a\\\\b\\\"c\\nd\xc3\xa4\\\\\", "
               "\"VMId\": null, \"ReplicationState\": 4}]}",
               NULL);
    assert_line(text,
                "vrep_replication_state{service=\"VRep\",vm_name=\"a\\\\b\\\"c\\nd\xc3\xa4\\\\\","
                "vm_id=\"\"} 4");
    free(text);
}

static void render__numbers_and_words__have_their_values(void **state)
{
    (void)state;
    char *text = render(
        RELATIONSHIP(
            "\"ReplicationMode\": 1, \"ReplicationState\": 11, \"ReplicationHealth\": 2, "
            "\"ResynchronizeRequiredMessage\": \"...\", \"ResynchronizeQueuePosition\": 3, "
            "\"ResynchronizeLastOutcome\": \"Merged\", \"ResynchronizePhase\": \"Comparing\", "
            "\"ResynchronizeCancelPending\": true, \"ResynchronizeBytesTotal\": 100, "
            "\"ResynchronizeBytesCompared\": 90, \"ResynchronizeBytesDifferent\": 50, "
            "\"ResynchronizeBytesSent\": 40, \"ResynchronizeBytesToMerge\": 30, "
            "\"ResynchronizeBytesMerged\": 20, \"ResynchronizeBytesPerSecond\": 10, "
            "\"ResynchronizeTimeRemaining\": 7, \"FailedAttempts\": 1, "
            "\"FailedAttemptsTotal\": 6, \"VerificationFailuresTotal\": 8"),
        NULL);
    assert_line(text, "vrep_replication_mode" LABELS " 1");
    assert_line(text, "vrep_replication_state" LABELS " 11");
    assert_line(text, "vrep_replication_health" LABELS " 2");
    assert_line(text, "vrep_resynchronize_required" LABELS " 1");
    assert_line(text, "vrep_resynchronize_queue_position" LABELS " 3");
    assert_line(text, "vrep_resynchronize_last_outcome" LABELS " 2");
    assert_line(text, "vrep_resynchronize_cancel_pending" LABELS " 1");
    assert_line(text, "vrep_merge_pending" LABELS " 0");
    assert_line(text, "vrep_resynchronize_total_bytes" LABELS " 100");
    assert_line(text, "vrep_resynchronize_compared_bytes" LABELS " 90");
    assert_line(text, "vrep_resynchronize_different_bytes" LABELS " 50");
    assert_line(text, "vrep_resynchronize_sent_bytes" LABELS " 40");
    assert_line(text, "vrep_resynchronize_to_merge_bytes" LABELS " 30");
    assert_line(text, "vrep_resynchronize_merged_bytes" LABELS " 20");
    assert_line(text, "vrep_resynchronize_bytes_per_second" LABELS " 10");
    assert_line(text, "vrep_resynchronize_remaining_seconds" LABELS " 7");
    assert_line(text, "vrep_consecutive_failed_attempts" LABELS " 1");
    assert_line(text, "# TYPE vrep_failed_attempts_total counter");
    assert_line(text, "vrep_failed_attempts_total" LABELS " 6");
    assert_line(text, "vrep_verification_failures_total" LABELS " 8");
    free(text);
}

static void render__merge__is_pending_from_the_commit_on(void **state)
{
    (void)state;
    static const struct {
        const char *phase;
        int pending;
    } rows[] = {{"None", 0}, {"Comparing", 0}, {"Committing", 1}, {"Merging", 1}, {"Merged", 1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char json[256], line[128];
        snprintf(json, sizeof json, RELATIONSHIP("\"ResynchronizePhase\": \"%s\""), rows[i].phase);
        char *text = render(json, NULL);
        snprintf(line, sizeof line, "vrep_merge_pending" LABELS " %d", rows[i].pending);
        assert_line(text, line);
        free(text);
    }
}

static void render__times__become_seconds(void **state)
{
    (void)state;
    char *text = render(RELATIONSHIP("\"LastReplicationTime\": \"2026-11-22T17:48:09.100Z\", "
                                     "\"LastInStepTime\": \"2026-11-22T17:49:08.118Z\""),
                        NULL);
    assert_line(text, "vrep_last_replication_timestamp_seconds" LABELS " 1795369689.100");
    assert_line(text, "vrep_in_step_age_seconds" LABELS " 1.005");
    free(text);
    // A clock that was set back.
    text = render(RELATIONSHIP("\"LastInStepTime\": \"2027-01-01T00:00:00.000Z\""), NULL);
    assert_line(text, "vrep_in_step_age_seconds" LABELS " 0.000");
    free(text);
}

static void render__what_is_null__has_no_sample(void **state)
{
    (void)state;
    char *text = render(RELATIONSHIP("\"LastReplicationTime\": null, \"LastInStepTime\": null, "
                                     "\"ResynchronizeBytesTotal\": null, "
                                     "\"ResynchronizeBytesPerSecond\": null, "
                                     "\"ResynchronizeTimeRemaining\": null, "
                                     "\"ResynchronizeLastOutcome\": \"SomethingNew\""),
                        NULL);
    assert_no(text, "timestamp");
    assert_no(text, "in_step_age");
    assert_no(text, "total_bytes");
    assert_no(text, "remaining");
    assert_no(text, "outcome");
    assert_line(text, "vrep_resynchronize_bytes_per_second" LABELS " 0");
    free(text);
}

static void render__several_relationships__a_family_is_in_one_piece(void **state)
{
    (void)state;
    char *text = render("{\"Server\": {}, \"Relationships\": ["
                        "{\"VMName\": \"a\", \"VMId\": \"1\", \"ReplicationState\": 4},"
                        "{\"VMName\": \"b\", \"VMId\": \"2\", \"ReplicationState\": 8}]}",
                        NULL);
    assert_non_null(
        strstr(text, "# TYPE vrep_replication_state gauge\n"
                     "vrep_replication_state{service=\"VRep\",vm_name=\"a\",vm_id=\"1\"} 4\n"
                     "vrep_replication_state{service=\"VRep\",vm_name=\"b\",vm_id=\"2\"} 8\n"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(render__no_relationship__only_the_service),
        cmocka_unit_test(render__names__are_escaped),
        cmocka_unit_test(render__numbers_and_words__have_their_values),
        cmocka_unit_test(render__merge__is_pending_from_the_commit_on),
        cmocka_unit_test(render__times__become_seconds),
        cmocka_unit_test(render__what_is_null__has_no_sample),
        cmocka_unit_test(render__several_relationships__a_family_is_in_one_piece),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
