// Attempts and the queue, with an actor in the place of the other host.
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "tests/support/service/stage.h"

static void resynchronize__merged__replicating_with_its_events(void **state)
{
    struct stage *s = *state;
    registry_key key = stage_start(s);
    stage_await_state(s, key, REPLICATION_REPLICATING);
    stage_await_idle(s, key);
    struct relationship *r = stage_record(s, key);
    assert_int_equal(r->reason, REASON_NONE);
    assert_int_equal(r->phase, PHASE_NONE);
    assert_int_equal(r->last_outcome, OUTCOME_MERGED);
    assert_false(guid_is_zero(&r->last_resync_id));
    assert_true(guid_is_zero(&r->resync_id));
    assert_int_equal(r->queue_number, 0);
    relationship_free(r);
    static const uint32_t events[] = {32325, 29266, 29268, 32328};
    for (size_t i = 0; i < sizeof events / sizeof *events; i++)
        assert_int_equal(stage_events(s, events[i]), 1);
}

// ---- the queue ----

#define CROWD 20

static void add_crowd(struct stage *s, registry_key keys[CROWD], unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char name[16];
        snprintf(name, sizeof name, "vm%02u", i);
        keys[i] = stage_add(s, name, MODE_PRIMARY);
        assert_ok(stage_ask(s, keys[i], VERB_RESUME_RESYNCHRONIZE));
        if (i < 3)
            stage_await(s, &s->runs, i + 1); // so that the order of the first is known, too
    }
}

static void twenty_at_once__three_run__the_others_in_their_order(void **state)
{
    struct stage *s = *state;
    registry_key keys[CROWD];
    s->hold = true;
    add_crowd(s, keys, CROWD);
    for (unsigned i = 0; i < CROWD; i++) {
        struct task_view view = tasks_view(s->supervisor.tasks, keys[i]);
        assert_int_equal(view.running, i < 3);
        assert_int_equal(view.queue_position, i < 3 ? 0 : i - 2);
        stage_assert_record(s, keys[i], REPLICATION_RESYNCHRONIZING, REASON_NOT_YET_COMPARED);
    }
    stage_set(s, &s->hold, false);
    for (unsigned i = 0; i < CROWD; i++)
        stage_await_state(s, keys[i], REPLICATION_REPLICATING);
    assert_int_equal(s->most_active, 3);
    assert_int_equal(s->runs, CROWD);
    // Nobody overtakes more than the two beside it, who have their turn but may be slow to use it.
    for (unsigned i = 3; i < CROWD; i++) {
        unsigned at = 0;
        while (s->order[at] != keys[i])
            at++;
        assert_true(at + 3 > i);
    }
}

static void queued__stopped__has_the_state_that_it_had(void **state)
{
    struct stage *s = *state;
    registry_key keys[CROWD];
    s->hold = true;
    add_crowd(s, keys, 5);
    assert_ok(stage_ask(s, keys[3], VERB_STOP));
    stage_assert_record(s, keys[3], REPLICATION_WAITING_FOR_START_RESYNCHRONIZE,
                        REASON_NOT_YET_COMPARED);
    stage_await_idle(s, keys[3]);
    assert_int_equal(tasks_view(s->supervisor.tasks, keys[4]).queue_position, 1);
    assert_ok(stage_ask(s, keys[4], VERB_SUSPEND));
    stage_assert_record(s, keys[4], REPLICATION_RESYNCHRONIZE_SUSPENDED, REASON_NOT_YET_COMPARED);
    stage_await_idle(s, keys[4]);
    assert_int_equal(s->cancels, 0); // nothing of them was on the replica
    stage_set(s, &s->hold, false);
    assert_ok(stage_ask(s, keys[4], VERB_RESUME));
    stage_await_state(s, keys[4], REPLICATION_REPLICATING);
    assert_int_equal(s->runs, 4);
}

static void maximum__raised__more_run_at_once(void **state)
{
    struct stage *s = *state;
    registry_key keys[CROWD];
    json_t *result;
    s->hold = true;
    add_crowd(s, keys, 6);
    assert_ok(
        stage_request(s, "{\"verb\": \"server-set\", \"maximum_active_transfers\": 5}", &result));
    json_decref(result);
    stage_await(s, &s->active, 5);
    assert_int_equal(tasks_view(s->supervisor.tasks, keys[5]).queue_position, 1);
}

static void restart__queued_ones__queue_again_in_their_order(void **state)
{
    struct stage *s = *state;
    registry_key keys[CROWD];
    s->hold = true;
    add_crowd(s, keys, 8);
    s->runs = 0;
    stage_restart(s);
    stage_await(s, &s->runs, 3);
    for (unsigned i = 0; i < 8; i++) {
        char name[16];
        snprintf(name, sizeof name, "vm%02u", i);
        keys[i] = stage_key(s, name);
        assert_int_equal(tasks_view(s->supervisor.tasks, keys[i]).queue_position,
                         i < 3 ? 0 : i - 2);
    }
    stage_set(s, &s->hold, false);
    for (unsigned i = 0; i < 8; i++)
        stage_await_state(s, keys[i], REPLICATION_REPLICATING);
}

// ---- attempts that fail ----

static void first_connection__fails__back_with_the_error(void **state)
{
    struct stage *s = *state;
    s->run[0] = STAGE_FAILS(RESYNC_RETRY, false, STATUS_CONNECTION);
    registry_key key = stage_start(s);
    stage_await_idle(s, key);
    stage_assert_record(s, key, REPLICATION_WAITING_FOR_START_RESYNCHRONIZE,
                        REASON_NOT_YET_COMPARED);
    stage_assert_error(s, key, STATUS_CONNECTION);
    assert_int_equal(stage_events(s, 32316), 1);
    assert_int_equal(stage_events(s, 32315), 0);
    assert_ok(stage_ask(s, key, VERB_RESUME_RESYNCHRONIZE)); // and again
    stage_await_state(s, key, REPLICATION_REPLICATING);
    stage_assert_error(s, key, STATUS_OK);
}

static void connection__lost__tried_again_and_at_once_when_asked(void **state)
{
    struct stage *s = *state;
    s->run[0] = STAGE_FAILS(RESYNC_RETRY, true, STATUS_CONNECTION);
    s->run[1] = STAGE_FAILS(RESYNC_RETRY, false, STATUS_CONNECTION);
    registry_key key = stage_start(s);
    for (unsigned i = 1; i <= 2; i++) {
        stage_await(s, &s->runs, i);
        stage_await_events(s, 32315, i);
        struct relationship *r = stage_record(s, key);
        assert_int_equal(r->state, REPLICATION_RESYNCHRONIZING);
        assert_int_equal(r->attempts, i);
        int64_t wait = r->next_attempt - clock_wall_ms();
        assert_true(wait > (int64_t)i * 60000 - 5000 && wait <= (int64_t)i * 60000);
        assert_int_equal(r->error.status, STATUS_CONNECTION);
        relationship_free(r);
        assert_int_equal(s->held, 1); // the disks stay held between attempts
        assert_int_equal(s->released, 0);
        assert_ok(stage_ask(s, key, VERB_RESUME));
    }
    stage_await_state(s, key, REPLICATION_REPLICATING);
    assert_int_equal(s->released, 1);
    stage_assert_error(s, key, STATUS_OK);
}

static void waiting_for_an_attempt__frees_its_turn(void **state)
{
    struct stage *s = *state;
    json_t *result;
    assert_ok(
        stage_request(s, "{\"verb\": \"server-set\", \"maximum_active_transfers\": 1}", &result));
    json_decref(result);
    s->run[0] = STAGE_FAILS(RESYNC_RETRY, true, STATUS_CONNECTION);
    stage_start(s);
    registry_key other = stage_add(s, "other", MODE_PRIMARY);
    assert_ok(stage_ask(s, other, VERB_RESUME_RESYNCHRONIZE));
    stage_await_state(s, other, REPLICATION_REPLICATING);
}

static void restarted__from_block_0__with_a_new_id(void **state)
{
    struct stage *s = *state;
    s->run[0] = STAGE_FAILS(RESYNC_RESTART, true, STATUS_REFUSED);
    s->run[1] = STAGE_FAILS(RESYNC_RETRY, true, STATUS_CONNECTION);
    registry_key key = stage_start(s);
    stage_await(s, &s->runs, 2);
    stage_await_events(s, 32315, 1);
    assert_int_equal(stage_events(s, 50027), 1);
    assert_int_equal(stage_events(s, 29266), 2);
    struct guid id = stage_resync_id(s, key);
    assert_ok(stage_ask(s, key, VERB_RESUME));
    stage_await_state(s, key, REPLICATION_REPLICATING);
    struct relationship *r = stage_record(s, key);
    assert_true(guid_equal(&r->last_resync_id, &id)); // a retry goes on with the same one
    relationship_free(r);
}

static void restarted__again_and_again__waits_like_a_failure(void **state)
{
    struct stage *s = *state;
    for (int i = 0; i < 6; i++)
        s->run[i] = STAGE_FAILS(RESYNC_RESTART, true, STATUS_REFUSED);
    registry_key key = stage_start(s);
    stage_await(s, &s->runs, 6);
    stage_await_events(s, 32315, 1);
    assert_int_equal(s->runs, 6);
    stage_assert_record(s, key, REPLICATION_RESYNCHRONIZING, REASON_NOT_YET_COMPARED);
}

static void attempt__fails_for_good__error_until_resumed(void **state)
{
    struct stage *s = *state;
    s->run[0] = STAGE_FAILS(RESYNC_FAILED, true, STATUS_DAMAGED);
    registry_key key = stage_start(s);
    stage_await_state(s, key, REPLICATION_ERROR);
    stage_await_idle(s, key);
    stage_assert_error(s, key, STATUS_DAMAGED);
    assert_int_equal(stage_events(s, 29270), 1);
    assert_int_equal(s->held, s->released);
    struct guid id = stage_resync_id(s, key);
    assert_ok(stage_ask(s, key, VERB_RESUME));
    stage_await_state(s, key, REPLICATION_REPLICATING);
    struct relationship *r = stage_record(s, key);
    assert_true(guid_equal(&r->last_resync_id, &id)); // from the cursor
    relationship_free(r);
}

static void attempt__refused__back_before_and_error_after_it_began(void **state)
{
    struct stage *s = *state;
    s->run[0] = STAGE_FAILS(RESYNC_REFUSED, false, STATUS_MISMATCH);
    s->run[1] = STAGE_FAILS(RESYNC_REFUSED, true, STATUS_NOT_FOUND);
    registry_key key = stage_start(s);
    stage_await_idle(s, key);
    stage_assert_record(s, key, REPLICATION_WAITING_FOR_START_RESYNCHRONIZE,
                        REASON_NOT_YET_COMPARED);
    assert_ok(stage_ask(s, key, VERB_RESUME_RESYNCHRONIZE));
    stage_await_state(s, key, REPLICATION_ERROR);
}

static void replica__changed__guarded(void **state)
{
    struct stage *s = *state;
    s->run[0] = STAGE_FAILS(RESYNC_GUARD, false, STATUS_REPLICA_CHANGED);
    registry_key key = stage_start(s);
    stage_await_idle(s, key);
    stage_assert_record(s, key, REPLICATION_WAITING_FOR_START_RESYNCHRONIZE,
                        REASON_REPLICA_CHANGED);
    stage_assert_error(s, key, STATUS_REPLICA_CHANGED);
    assert_int_equal(stage_events(s, 32390), 1);
    assert_int_equal(stage_events(s, 32326), 1);
    assert_int_equal(stage_events(s, 33422), 1);
}

static void replica__full__suspended_with_the_cause(void **state)
{
    struct stage *s = *state;
    s->run[0] = (struct stage_line){RESYNC_NO_SPACE, true, STATUS_NO_SPACE, "The volume is full."};
    registry_key key = stage_start(s);
    stage_await_state(s, key, REPLICATION_RESYNCHRONIZE_SUSPENDED);
    stage_await_idle(s, key);
    struct relationship *r = stage_record(s, key);
    assert_non_null(strstr(r->suspend_cause, "room"));
    relationship_free(r);
    assert_int_equal(stage_events(s, 32346), 1);
    assert_int_equal(s->held, s->released);
}

static void new_start__comes_to_nothing__the_old_one_can_go_on(void **state)
{
    struct stage *s = *state;
    s->hold = true;
    registry_key key = stage_start(s);
    stage_await(s, &s->runs, 1);
    assert_ok(stage_ask(s, key, VERB_SUSPEND));
    stage_await_state(s, key, REPLICATION_RESYNCHRONIZE_SUSPENDED);
    struct guid id = stage_resync_id(s, key);
    s->hold = false;
    s->run[1] = STAGE_FAILS(RESYNC_RETRY, false, STATUS_CONNECTION);
    assert_ok(stage_ask(s, key, VERB_RESUME_RESYNCHRONIZE));
    stage_await(s, &s->runs, 2);
    stage_await_idle(s, key);
    struct relationship *r = stage_record(s, key);
    assert_int_equal(r->state, REPLICATION_RESYNCHRONIZE_SUSPENDED);
    assert_int_equal(r->phase, PHASE_COMPARING);
    assert_true(guid_equal(&r->resync_id, &id));
    assert_non_null(r->suspend_cause);
    relationship_free(r);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, stage_set_up, stage_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(resynchronize__merged__replicating_with_its_events),
        TEST(twenty_at_once__three_run__the_others_in_their_order),
        TEST(queued__stopped__has_the_state_that_it_had),
        TEST(maximum__raised__more_run_at_once),
        TEST(restart__queued_ones__queue_again_in_their_order),
        TEST(first_connection__fails__back_with_the_error),
        TEST(connection__lost__tried_again_and_at_once_when_asked),
        TEST(waiting_for_an_attempt__frees_its_turn),
        TEST(restarted__from_block_0__with_a_new_id),
        TEST(restarted__again_and_again__waits_like_a_failure),
        TEST(attempt__fails_for_good__error_until_resumed),
        TEST(attempt__refused__back_before_and_error_after_it_began),
        TEST(replica__changed__guarded),
        TEST(replica__full__suspended_with_the_cause),
        TEST(new_start__comes_to_nothing__the_old_one_can_go_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
