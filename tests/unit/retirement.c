// What an uninstallation makes of the relationships, with an actor in the place of disks and of the
// other host.
#include "tests/support/test.h"

#include <string.h>

#include "service/supervise/retirement.h"
#include "tests/support/service/stage.h"

static enum status to_phase(struct relationship *r, void *argument)
{
    r->phase = *(const enum resynchronize_phase *)argument;
    return guid_generate(&r->resync_id);
}

static registry_key add_replica(struct stage *s, const char *name, enum resynchronize_phase phase)
{
    registry_key key = stage_add(s, name, MODE_REPLICA);
    stage_change(s, key, to_phase, &phase);
    return key;
}

static enum status retire(struct stage *s, bool force, struct buffer *report)
{
    return retire_all(&s->supervisor, force, report);
}

static bool tells(const struct buffer *report, const char *what)
{
    return report->data && strstr((const char *)report->data, what);
}

static void idle__nothing_is_touched(void **state)
{
    struct stage *s = *state;
    struct buffer report = {0};
    registry_key primary = stage_add(s, "one", MODE_PRIMARY);
    registry_key replica = stage_add(s, "two", MODE_REPLICA);
    assert_ok(retire(s, false, &report));
    assert_int_equal(report.size, 0);
    assert_int_equal(s->cancels + s->discards + s->merges, 0);
    stage_assert_record(s, primary, REPLICATION_WAITING_FOR_START_RESYNCHRONIZE,
                        REASON_NOT_YET_COMPARED);
    stage_assert_record(s, replica, REPLICATION_WAITING_FOR_START_RESYNCHRONIZE,
                        REASON_NOT_YET_COMPARED);
    buffer_free(&report);
}

static void primary__suspended__cancelled_on_its_replica(void **state)
{
    struct stage *s = *state;
    struct buffer report = {0};
    s->hold = true;
    registry_key key = stage_start(s);
    stage_await(s, &s->runs, 1);
    assert_ok(stage_ask(s, key, VERB_SUSPEND));
    stage_await_state(s, key, REPLICATION_RESYNCHRONIZE_SUSPENDED);
    stage_await_idle(s, key);
    assert_ok(retire(s, false, &report));
    assert_int_equal(s->cancels, 1);
    stage_assert_record(s, key, REPLICATION_WAITING_FOR_START_RESYNCHRONIZE, REASON_CANCELLED);
    assert_true(tells(&report, "'vm' was stopped"));
    assert_int_equal(stage_events(s, 32082), 1);
    assert_ok(retire(s, false, &report)); // again
    assert_int_equal(s->cancels, 1);
    buffer_free(&report);
}

static void primary__replica_away__stays_asked_for_and_is_no_failure(void **state)
{
    struct stage *s = *state;
    struct buffer report = {0};
    for (size_t i = 0; i < STAGE_SCRIPT_MAX; i++)
        s->cancel[i] = STAGE_FAILS(RESYNC_RETRY, false, STATUS_CONNECTION);
    s->hold = true;
    registry_key key = stage_start(s);
    stage_await(s, &s->runs, 1);
    assert_ok(retire(s, false, &report));
    struct relationship *r = stage_record(s, key);
    assert_true(r->cancel_pending);
    relationship_free(r);
    assert_true(tells(&report, "does not answer"));
    buffer_free(&report);
}

static void replica__comparing__children_deleted(void **state)
{
    struct stage *s = *state;
    struct buffer report = {0};
    (void)add_replica(s, "web1", PHASE_COMPARING);
    assert_ok(retire(s, false, &report));
    assert_int_equal(s->discards, 1);
    assert_int_equal(s->merges, 0);
    assert_int_equal(stage_events(s, 50070), 1);
    assert_true(tells(&report, "'web1' were deleted"));
    buffer_free(&report);
}

static void replica__merging__finished(void **state)
{
    struct stage *s = *state;
    struct buffer report = {0};
    (void)add_replica(s, "web1", PHASE_MERGING);
    (void)add_replica(s, "web2", PHASE_MERGED);
    assert_ok(retire(s, false, &report));
    assert_int_equal(s->merges, 2);
    assert_true(tells(&report, "The merge of 'web1' is finished."));
    assert_true(tells(&report, "The merge of 'web2' is finished."));
    assert_int_equal(stage_events(s, 50070), 0);
    buffer_free(&report);
}

static void replica__merge_cannot_end__named_and_the_others_are_finished(void **state)
{
    struct stage *s = *state;
    struct buffer report = {0};
    (void)add_replica(s, "web1", PHASE_MERGING);
    (void)add_replica(s, "web2", PHASE_MERGING);
    (void)add_replica(s, "web3", PHASE_COMPARING);
    s->merge[0] = STAGE_FAILS(RESYNC_RETRY, false, STATUS_NO_SPACE);
    assert_status(retire(s, false, &report), STATUS_NO_SPACE);
    assert_int_equal(s->merges, 2);
    assert_int_equal(s->discards, 1);
    struct relationship *r = stage_record(s, stage_key(s, "web1"));
    assert_non_null(strstr(status_last()->message, r->disks[0].path));
    assert_non_null(strstr(status_last()->message, "'web1'"));
    assert_non_null(strstr(status_last()->message, "It is so written."));
    assert_non_null(strstr(status_last()->action, "FORCE=1"));
    assert_int_equal(r->phase, PHASE_MERGING);
    relationship_free(r);
    assert_ok(retire(s, false, &report)); // the cause is mended
    assert_int_equal(s->merges, 3);
    buffer_free(&report);
}

static void forced__merge_cannot_end__no_failure(void **state)
{
    struct stage *s = *state;
    struct buffer report = {0};
    registry_key key = add_replica(s, "web1", PHASE_MERGING);
    s->merge[0] = STAGE_FAILS(RESYNC_RETRY, false, STATUS_IN_USE);
    assert_ok(retire(s, true, &report));
    struct relationship *r = stage_record(s, key);
    assert_int_equal(r->phase, PHASE_MERGING); // the next installation goes on with it
    relationship_free(r);
    buffer_free(&report);
}

static void replica__merge_finished_elsewhere__told(void **state)
{
    struct stage *s = *state;
    struct buffer report = {0};
    (void)add_replica(s, "web1", PHASE_MERGING);
    s->merge[0] = (struct stage_line){RESYNC_GUARD, false, STATUS_REPLICA_CHANGED,
                                      "It was finished outside."};
    assert_ok(retire(s, false, &report));
    assert_true(tells(&report, "It was finished outside."));
    assert_int_equal(stage_events(s, 32326), 1);
    buffer_free(&report);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_set_up, stage_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(idle__nothing_is_touched),
        TEST(primary__suspended__cancelled_on_its_replica),
        TEST(primary__replica_away__stays_asked_for_and_is_no_failure),
        TEST(replica__comparing__children_deleted),
        TEST(replica__merging__finished),
        TEST(replica__merge_cannot_end__named_and_the_others_are_finished),
        TEST(forced__merge_cannot_end__no_failure),
        TEST(replica__merge_finished_elsewhere__told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
