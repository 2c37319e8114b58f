// Suspend, stop, remove and restarts of the service, with an actor in the place of the other host.
#include "tests/support/test.h"

#include <string.h>

#include "base/clock.h"
#include "tests/support/service/stage.h"

// ---- suspend and stop ----

static void running__suspended__continues_with_the_same_id(void **state)
{
    struct stage *s = *state;
    s->hold = true;
    registry_key key = stage_start(s);
    stage_await(s, &s->runs, 1);
    struct guid id = stage_resync_id(s, key);
    assert_ok(stage_ask(s, key, VERB_SUSPEND));
    stage_await_state(s, key, REPLICATION_RESYNCHRONIZE_SUSPENDED);
    stage_await_idle(s, key);
    assert_int_equal(s->held, s->released);
    struct relationship *r = stage_record(s, key);
    assert_string_equal(r->suspend_cause, "Paused by HOST\\alice (test)");
    relationship_free(r);
    stage_restart(s);
    key = stage_key(s, "vm");
    stage_assert_record(s, key, REPLICATION_RESYNCHRONIZE_SUSPENDED, REASON_NOT_YET_COMPARED);
    stage_set(s, &s->hold, false);
    assert_ok(stage_ask(s, key, VERB_RESUME_CONTINUE));
    stage_await_state(s, key, REPLICATION_REPLICATING);
    r = stage_record(s, key);
    assert_true(guid_equal(&r->last_resync_id, &id));
    assert_null(r->suspend_cause);
    relationship_free(r);
}

static void running__stopped__cancelled_when_granted(void **state)
{
    struct stage *s = *state;
    s->hold = true;
    registry_key key = stage_start(s);
    stage_await(s, &s->runs, 1);
    assert_ok(stage_ask(s, key, VERB_STOP));
    stage_await_state(s, key, REPLICATION_WAITING_FOR_START_RESYNCHRONIZE);
    stage_await_idle(s, key);
    struct relationship *r = stage_record(s, key);
    assert_int_equal(r->reason, REASON_CANCELLED);
    assert_int_equal(r->last_outcome, OUTCOME_CANCELLED);
    assert_false(r->cancel_pending);
    relationship_free(r);
    assert_int_equal(s->cancels, 1);
    assert_int_equal(stage_events(s, 32082), 1);
    assert_int_equal(s->held, s->released);
}

static void stop__replica_away__pending_over_a_restart(void **state)
{
    struct stage *s = *state;
    s->hold = true;
    s->cancel[0] = s->cancel[1] = STAGE_FAILS(RESYNC_RETRY, false, STATUS_CONNECTION);
    registry_key key = stage_start(s);
    stage_await(s, &s->runs, 1);
    assert_ok(stage_ask(s, key, VERB_STOP));
    stage_await(s, &s->cancels, 1);
    stage_await_events(s, 32320, 1);
    struct relationship *r = stage_record(s, key);
    assert_int_equal(r->state, REPLICATION_RESYNCHRONIZING);
    assert_true(r->cancel_pending);
    relationship_free(r);
    assert_int_equal(s->held, s->released); // a pending stop lets go of the disks
    assert_status(stage_ask(s, key, VERB_SUSPEND), STATUS_REFUSED);
    stage_restart(s);
    key = stage_key(s, "vm");
    stage_await(s, &s->cancels, 2);
    assert_ok(stage_ask(s, key, VERB_RESUME)); // asks again at once
    stage_await_state(s, key, REPLICATION_WAITING_FOR_START_RESYNCHRONIZE);
    assert_int_equal(s->runs, 1);
}

static void stop__in_error_and_suspended__asks_the_replica(void **state)
{
    struct stage *s = *state;
    s->run[0] = STAGE_FAILS(RESYNC_FAILED, true, STATUS_DAMAGED);
    registry_key key = stage_start(s);
    stage_await_state(s, key, REPLICATION_ERROR);
    assert_ok(stage_ask(s, key, VERB_STOP));
    stage_await_state(s, key, REPLICATION_WAITING_FOR_START_RESYNCHRONIZE);
    assert_int_equal(s->cancels, 1);
    stage_await_idle(s, key);
    s->hold = true;
    assert_ok(stage_ask(s, key, VERB_RESUME_RESYNCHRONIZE));
    stage_await(s, &s->runs, 2);
    assert_ok(stage_ask(s, key, VERB_SUSPEND));
    stage_await_state(s, key, REPLICATION_RESYNCHRONIZE_SUSPENDED);
    assert_ok(stage_ask(s, key, VERB_STOP));
    stage_await_state(s, key, REPLICATION_WAITING_FOR_START_RESYNCHRONIZE);
    assert_int_equal(s->cancels, 2);
}

static void stop__too_late__followed_to_the_end(void **state)
{
    struct stage *s = *state;
    s->hold = true;
    s->cancel[0] = (struct stage_line){.end = RESYNC_MERGED, .begins = true};
    registry_key key = stage_start(s);
    stage_await(s, &s->runs, 1);
    stage_set(s, &s->hold, false);
    s->hold = true;
    assert_ok(stage_ask(s, key, VERB_STOP));
    stage_set(s, &s->hold, false);
    stage_await_state(s, key, REPLICATION_REPLICATING);
    stage_await_idle(s, key);
    struct relationship *r = stage_record(s, key);
    assert_false(r->cancel_pending);
    relationship_free(r);
}

static void suspend_and_resume__replicating__without_a_resynchronization(void **state)
{
    struct stage *s = *state;
    registry_key key = stage_start(s);
    stage_await_state(s, key, REPLICATION_REPLICATING);
    stage_await_idle(s, key);
    assert_status(stage_ask(s, key, VERB_RESUME_RESYNCHRONIZE), STATUS_REFUSED);
    assert_int_equal(stage_events(s, 32546), 1);
    assert_ok(stage_ask(s, key, VERB_SUSPEND));
    stage_assert_record(s, key, REPLICATION_SUSPENDED, REASON_NONE);
    assert_ok(stage_ask(s, key, VERB_RESUME));
    stage_assert_record(s, key, REPLICATION_REPLICATING, REASON_NONE);
    assert_ok(stage_ask(s, key, VERB_SUSPEND));
    assert_ok(stage_ask(s, key, VERB_RESUME_RESYNCHRONIZE)); // healthy, and wanted nevertheless
    stage_await_state(s, key, REPLICATION_REPLICATING);
    assert_int_equal(s->runs, 2);
}

// ---- restarts ----

static void restart__running__goes_on_by_itself(void **state)
{
    struct stage *s = *state;
    s->hold = true;
    registry_key key = stage_start(s);
    stage_await(s, &s->runs, 1);
    struct guid id = stage_resync_id(s, key);
    stage_restart(s);
    key = stage_key(s, "vm");
    stage_await(s, &s->runs, 2);
    assert_true((struct guid[]) { stage_resync_id(s, key) } -> bytes[0] == id.bytes[0]);
    stage_set(s, &s->hold, false);
    stage_await_state(s, key, REPLICATION_REPLICATING);
    assert_int_equal(stage_events(s, 50030), 1);
}

static enum status merged_but_not_settled(struct relationship *r, void *argument)
{
    (void)argument;
    r->state = REPLICATION_RESYNCHRONIZING;
    r->phase = PHASE_NONE;
    r->last_outcome = OUTCOME_MERGED;
    memset(&r->resync_id, 5, sizeof r->resync_id);
    r->last_resync_id = r->resync_id;
    return STATUS_OK;
}

static void restart__merged_but_not_settled__nothing_is_repeated(void **state)
{
    struct stage *s = *state;
    registry_key key = stage_add(s, "vm", MODE_PRIMARY);
    stage_change(s, key, merged_but_not_settled, NULL);
    stage_restart(s);
    key = stage_key(s, "vm");
    stage_await_state(s, key, REPLICATION_REPLICATING);
    assert_int_equal(s->runs, 0);
}

// ---- remove ----

static void remove__unfinished__cancelled_on_the_replica_first(void **state)
{
    struct stage *s = *state;
    s->hold = true;
    registry_key key = stage_start(s);
    stage_await(s, &s->runs, 1);
    assert_ok(stage_ask(s, key, VERB_REMOVE));
    assert_int_equal(s->cancels, 1);
    struct relationship *r;
    assert_status(registry_get(s->supervisor.context.registry, key, &r), STATUS_NOT_FOUND);
    assert_int_equal(stage_events(s, 32080), 1);
}

static void remove__replica_away__its_host_is_named(void **state)
{
    struct stage *s = *state;
    s->hold = true;
    s->cancel[0] = STAGE_FAILS(RESYNC_RETRY, false, STATUS_CONNECTION);
    stage_start(s);
    stage_await(s, &s->runs, 1);
    json_t *result;
    assert_ok(stage_request(s, "{\"verb\": \"remove\", \"name\": \"vm\"}", &result));
    assert_non_null(
        strstr(json_string_value(json_object_get(result, "Message")), "replica.example"));
    json_decref(result);
}

static enum status to_phase(struct relationship *r, void *argument)
{
    r->phase = *(const enum resynchronize_phase *)argument;
    return STATUS_OK;
}

static void remove__on_the_replica__deletes_the_child_unless_merging(void **state)
{
    struct stage *s = *state;
    registry_key key = stage_add(s, "vm", MODE_REPLICA);
    enum resynchronize_phase phase = PHASE_MERGING;
    stage_change(s, key, to_phase, &phase);
    assert_status(stage_ask(s, key, VERB_REMOVE), STATUS_REFUSED);
    assert_int_equal(status_last()->event_id, 32504);
    phase = PHASE_COMPARING;
    stage_change(s, key, to_phase, &phase);
    assert_ok(stage_ask(s, key, VERB_REMOVE));
    assert_int_equal(s->discards, 1);
    assert_int_equal(s->cancels, 0);
}

// ---- a disk that blocks ----

static void disk__blocks_for_ever__requests_answer_and_others_run(void **state)
{
    struct stage *s = *state;
    s->hold_disks = true;
    registry_key key = stage_start(s);
    stage_await(s, &s->held, 1);
    json_t *result;
    assert_ok(stage_request(s, "{\"verb\": \"status\"}", &result));
    json_decref(result);
    assert_ok(stage_request(s, "{\"verb\": \"stop\", \"name\": \"vm\"}", &result));
    json_decref(result);
    assert_ok(stage_request(s, "{\"verb\": \"remove\", \"name\": \"vm\"}", &result));
    json_decref(result);
    int64_t deadline = clock_mono_ms() + STAGE_PATIENCE_MS;
    struct relationship *r = NULL;
    while (registry_get(s->supervisor.context.registry, key, &r) == STATUS_OK &&
           clock_mono_ms() < deadline) {
        relationship_free(r);
        r = NULL;
        clock_sleep_ms(5);
    }
    assert_null(r);
    stage_set(s, &s->hold_disks, false); // it answers at last, to nobody
}

// ---- the replica's merge ----

static void merge__fails__tried_again_and_finished(void **state)
{
    struct stage *s = *state;
    s->merge[0] = STAGE_FAILS(RESYNC_RETRY, false, STATUS_NO_SPACE);
    registry_key key = stage_add(s, "vm", MODE_REPLICA);
    enum resynchronize_phase phase = PHASE_MERGING;
    stage_change(s, key, to_phase, &phase);
    stage_restart(s);
    key = stage_key(s, "vm");
    stage_await(s, &s->merges, 1);
    stage_await_events(s, 50005, 1);
    stage_assert_error(s, key, STATUS_NO_SPACE);
    assert_true(tasks_poke(s->supervisor.tasks, key));
    stage_await_idle(s, key);
    assert_int_equal(s->merges, 2);
    assert_int_equal(stage_events(s, 50006), 1);
    stage_assert_error(s, key, STATUS_OK);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, stage_set_up, stage_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(running__suspended__continues_with_the_same_id),
        TEST(running__stopped__cancelled_when_granted),
        TEST(stop__replica_away__pending_over_a_restart),
        TEST(stop__in_error_and_suspended__asks_the_replica),
        TEST(stop__too_late__followed_to_the_end),
        TEST(suspend_and_resume__replicating__without_a_resynchronization),
        TEST(restart__running__goes_on_by_itself),
        TEST(restart__merged_but_not_settled__nothing_is_repeated),
        TEST(remove__unfinished__cancelled_on_the_replica_first),
        TEST(remove__replica_away__its_host_is_named),
        TEST(remove__on_the_replica__deletes_the_child_unless_merging),
        TEST(disk__blocks_for_ever__requests_answer_and_others_run),
        TEST(merge__fails__tried_again_and_finished),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
