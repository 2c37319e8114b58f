// What the service does because its time has come, with an actor in the place of the other host and
// a local clock that the tests set.
#include "tests/support/test.h"

#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "etw/message.h"
#include "service/supervise/agenda.h"
#include "service/supervise/verbs.h"
#include "tests/support/service/stage.h"

#ifdef _WIN32
#define ROOT "C:\\disks\\"
#else
#define ROOT "/disks/"
#endif

#define HOUR_MS  INT64_C(3600000)
#define ASIDE_MS 100 // within this the agenda would have acted
#define NOON     (12 * HOUR_MS)

// The window is Hyper-V's, 18:30 to 06:00.
static void set_clock(struct stage *s, int64_t ms_of_day)
{
    moving_zone_set_time_of_day(&s->moving, ms_of_day);
    agenda_look_soon(s->supervisor.agenda);
}

static enum status grow_older(struct relationship *r, void *argument)
{
    int64_t ms = *(const int64_t *)argument;
    r->schedule.stopped -= r->schedule.stopped ? ms : 0;
    r->schedule.told -= r->schedule.told ? ms : 0;
    r->schedule.run_since -= r->schedule.run_since ? ms : 0;
    return STATUS_OK;
}

// As if so much time went by: the local clock goes on, and what is noted is so much longer ago.
static void pass(struct stage *s, registry_key key, int64_t hours)
{
    int64_t ms = hours * HOUR_MS;
    stage_change(s, key, grow_older, &ms);
    atomic_fetch_add(&s->moving.offset_ms, ms);
    agenda_look_soon(s->supervisor.agenda);
}

static enum status enable(struct relationship *r, void *argument)
{
    r->schedule.enabled = true;
    r->schedule.suspend_at_end = argument != NULL;
    return STATUS_OK;
}

// A primary whose disk is in place, in state 10, at noon; why it does not start has been told.
static registry_key add(struct stage *s, bool enabled)
{
    set_clock(s, NOON);
    mem_fs_put(s->disks, ROOT "vm-0.vhdx", "disk", 4);
    registry_key key = stage_add(s, "vm", MODE_PRIMARY);
    if (enabled)
        stage_change(s, key, enable, NULL);
    agenda_look_soon(s->supervisor.agenda);
    stage_await_events(s, enabled ? 32396 : 32394, 1);
    return key;
}

static void assert_trigger(struct stage *s, const char *trigger)
{
    json_t *event = stage_last_event(s, 32325);
    assert_string_equal(json_string_value(json_object_get(event, "Trigger")), trigger);
    json_decref(event);
}

static void assert_level(struct stage *s, uint32_t id, int level)
{
    json_t *event = stage_last_event(s, id);
    assert_int_equal(json_integer_value(json_object_get(event, "Level")), level);
    json_decref(event);
}

static void assert_stays(struct stage *s, registry_key key, enum replication_state state,
                         unsigned runs)
{
    agenda_look_soon(s->supervisor.agenda);
    clock_sleep_ms(ASIDE_MS);
    struct relationship *r = stage_record(s, key);
    assert_int_equal(r->state, state);
    relationship_free(r);
    assert_int_equal(s->runs, runs);
}

static enum status schedule(struct stage *s, registry_key key, int64_t ahead_ms)
{
    static const struct control_caller caller = {.account = "HOST\\alice", .client = "test"};
    char message[VERB_MESSAGE_MAX] = "";
    const struct resume_options options = {.overwrite_replica = true,
                                           .start_time = clock_wall_ms() + ahead_ms};
    return verb_apply(&s->supervisor, key, VERB_SCHEDULE_RESYNCHRONIZE, &options, &caller, message);
}

static int64_t start_time_of(struct stage *s, registry_key key)
{
    struct relationship *r = stage_record(s, key);
    int64_t start = r->schedule.start_time;
    relationship_free(r);
    return start;
}

// ---- the window ----

static void inside_its_window__starts_by_itself(void **state)
{
    struct stage *s = *state;
    registry_key key = add(s, true);
    assert_stays(s, key, REPLICATION_WAITING_FOR_START_RESYNCHRONIZE, 0);
    pass(s, key, 8); // 20:00
    stage_await_state(s, key, REPLICATION_REPLICATING);
    assert_int_equal(stage_events(s, 32325), 1);
    assert_trigger(s, "AutoResynchronizeInterval");
    assert_int_equal(s->runs, 1);
}

static void outside__told_once__and_again_in_the_next_period(void **state)
{
    struct stage *s = *state;
    registry_key key = add(s, true);
    stage_await_events(s, 32396, 1);
    assert_stays(s, key, REPLICATION_WAITING_FOR_START_RESYNCHRONIZE, 0);
    stage_restart(s);
    key = stage_key(s, "vm");
    assert_stays(s, key, REPLICATION_WAITING_FOR_START_RESYNCHRONIZE, 0);
    assert_int_equal(stage_events(s, 32396), 1);
    pass(s, key, 24);
    stage_await_events(s, 32396, 2);
    assert_int_equal(stage_events(s, 32394), 0);
}

static void disabled__told_once(void **state)
{
    struct stage *s = *state;
    registry_key key = add(s, false);
    stage_await_events(s, 32394, 1);
    pass(s, key, 1);
    assert_stays(s, key, REPLICATION_WAITING_FOR_START_RESYNCHRONIZE, 0);
    pass(s, key, 7);
    stage_await_events(s, 32394, 2); // another period has begun
    assert_stays(s, key, REPLICATION_WAITING_FOR_START_RESYNCHRONIZE, 0);
    assert_int_equal(stage_events(s, 32394), 2);
    assert_int_equal(stage_events(s, 32396), 0);
}

static enum status disk_has_changed(struct relationship *r, void *argument)
{
    (void)argument;
    r->reason = REASON_DISK_CHANGED_WHILE_NOT_TRACKED;
    return STATUS_OK;
}

// Before its first comparison nothing is wrong with a relationship.
static void not_started__warning__but_information_before_the_first(void **state)
{
    struct stage *s = *state;
    registry_key key = add(s, false);
    assert_level(s, 32394, EVENT_INFORMATION);
    stage_change(s, key, disk_has_changed, NULL);
    pass(s, key, 24);
    stage_await_events(s, 32394, 2);
    assert_level(s, 32394, EVENT_WARNING);
    assert_ok(registry_remove(s->supervisor.context.registry, key));
    key = add(s, true);
    assert_level(s, 32396, EVENT_INFORMATION);
    stage_change(s, key, disk_has_changed, NULL);
    pass(s, key, 24);
    stage_await_events(s, 32396, 2);
    assert_level(s, 32396, EVENT_WARNING);
}

static void stopped_in_the_window__not_again_in_it(void **state)
{
    struct stage *s = *state;
    s->hold = true;
    registry_key key = add(s, true);
    pass(s, key, 8); // 20:00
    stage_await(s, &s->runs, 1);
    assert_ok(stage_ask(s, key, VERB_STOP));
    stage_await_state(s, key, REPLICATION_WAITING_FOR_START_RESYNCHRONIZE);
    stage_await_idle(s, key);
    assert_stays(s, key, REPLICATION_WAITING_FOR_START_RESYNCHRONIZE, 1);
    stage_restart(s);
    key = stage_key(s, "vm");
    assert_stays(s, key, REPLICATION_WAITING_FOR_START_RESYNCHRONIZE, 1);
    pass(s, key, 24);
    stage_await(s, &s->runs, 2);
}

// Another one that runs until s->hold is false; whatever starts now queues.
static registry_key take_the_only_turn(struct stage *s)
{
    json_t *result;
    s->hold = true;
    assert_ok(
        stage_request(s, "{\"verb\": \"server-set\", \"maximum_active_transfers\": 1}", &result));
    json_decref(result);
    registry_key other = stage_add(s, "other", MODE_PRIMARY);
    assert_ok(stage_ask(s, other, VERB_RESUME_RESYNCHRONIZE));
    stage_await(s, &s->runs, 1);
    return other;
}

static void stopped_in_the_queue__not_again_in_the_window(void **state)
{
    struct stage *s = *state;
    (void)take_the_only_turn(s);
    registry_key key = add(s, true);
    pass(s, key, 8); // 20:00
    stage_await_state(s, key, REPLICATION_RESYNCHRONIZING);
    assert_int_equal(tasks_view(s->supervisor.tasks, key).queue_position, 1); // the ordinary path
    assert_ok(stage_ask(s, key, VERB_STOP));
    stage_await_idle(s, key);
    assert_stays(s, key, REPLICATION_WAITING_FOR_START_RESYNCHRONIZE, 1);
}

static void refused_by_the_guard__not_again_in_the_window(void **state)
{
    struct stage *s = *state;
    s->run[0] = STAGE_FAILS(RESYNC_GUARD, false, STATUS_REFUSED);
    registry_key key = add(s, true);
    pass(s, key, 8); // 20:00
    stage_await_events(s, 32390, 1);
    stage_await_idle(s, key);
    assert_stays(s, key, REPLICATION_WAITING_FOR_START_RESYNCHRONIZE, 1);
    stage_assert_record(s, key, REPLICATION_WAITING_FOR_START_RESYNCHRONIZE,
                        REASON_REPLICA_CHANGED);
    pass(s, key, 24);
    stage_await_state(s, key, REPLICATION_REPLICATING);
}

static void refused_by_the_replica__not_again_in_the_window(void **state)
{
    struct stage *s = *state;
    s->run[0] = STAGE_FAILS(RESYNC_REFUSED, false, STATUS_NOT_FOUND);
    registry_key key = add(s, true);
    pass(s, key, 8); // 20:00
    stage_await_events(s, 32316, 1);
    stage_await_idle(s, key);
    struct relationship *r = stage_record(s, key);
    assert_true(r->schedule.stopped != 0);
    assert_int_equal(schedule_decide(r, clock_wall_ms(), &s->moving.zone), SCHEDULE_NOTHING);
    relationship_free(r);
    assert_stays(s, key, REPLICATION_WAITING_FOR_START_RESYNCHRONIZE, 1);
}

// The replica server boots, or the network is away: the night is long.
static void replica_not_reachable__tried_again_later_in_the_window(void **state)
{
    struct stage *s = *state;
    s->run[0] = STAGE_FAILS(RESYNC_RETRY, false, STATUS_CONNECTION);
    registry_key key = add(s, true);
    pass(s, key, 8); // 20:00
    stage_await_events(s, 32316, 1);
    stage_await_idle(s, key);
    assert_int_equal(s->held, s->released); // nobody's disks stay held meanwhile
    assert_stays(s, key, REPLICATION_WAITING_FOR_START_RESYNCHRONIZE, 1); // not at once
    struct relationship *r = stage_record(s, key);
    assert_int_equal(schedule_decide(r, clock_wall_ms(), &s->moving.zone), SCHEDULE_START);
    relationship_free(r);
    stage_restart(s); // forgets how often it was tried
    stage_await_state(s, stage_key(s, "vm"), REPLICATION_REPLICATING);
}

static void disk_in_use__told_once_and_not_started(void **state)
{
    struct stage *s = *state;
    const struct file_system *fs = mem_fs_system(s->disks);
    const struct file_open writer = {.writable = true, .share = FILE_SHARE_NOTHING};
    struct file *held;
    registry_key key = add(s, true);
    assert_ok(fs->open(fs, ROOT "vm-0.vhdx", &writer, &held));
    pass(s, key, 8); // 20:00
    stage_await_events(s, 50048, 1);
    assert_stays(s, key, REPLICATION_WAITING_FOR_START_RESYNCHRONIZE, 0);
    file_close(held);
    stage_restart(s); // looks at once, not only after a while
    key = stage_key(s, "vm");
    stage_await_state(s, key, REPLICATION_REPLICATING);
    assert_int_equal(stage_events(s, 50048), 1);
    assert_int_equal(stage_events(s, 32316), 0);
}

// ---- the end of the window ----

static void window_ends__not_wanted__runs_on(void **state)
{
    struct stage *s = *state;
    s->hold = true;
    registry_key key = add(s, true);
    pass(s, key, 8); // 20:00
    stage_await(s, &s->runs, 1);
    pass(s, key, 16); // noon of the next day
    assert_stays(s, key, REPLICATION_RESYNCHRONIZING, 1);
}

static void window_ends__suspends_itself__goes_on_in_the_next_one(void **state)
{
    struct stage *s = *state;
    s->hold = true;
    registry_key key = add(s, true);
    stage_change(s, key, enable, s);
    pass(s, key, 8); // 20:00
    stage_await(s, &s->runs, 1);
    struct guid id = stage_resync_id(s, key);
    pass(s, key, 16);
    stage_await_state(s, key, REPLICATION_RESYNCHRONIZE_SUSPENDED);
    stage_await_idle(s, key);
    assert_int_equal(stage_events(s, 33603), 1);
    struct relationship *r = stage_record(s, key);
    assert_non_null(strstr(r->suspend_cause, "06:00:00"));
    assert_true(r->schedule.suspended_by_end);
    relationship_free(r);
    assert_stays(s, key, REPLICATION_RESYNCHRONIZE_SUSPENDED, 1);
    stage_restart(s);
    key = stage_key(s, "vm");
    assert_stays(s, key, REPLICATION_RESYNCHRONIZE_SUSPENDED, 1);
    stage_set(s, &s->hold, false);
    pass(s, key, 8);
    stage_await_state(s, key, REPLICATION_REPLICATING);
    r = stage_record(s, key);
    assert_true(guid_equal(&r->last_resync_id, &id)); // the same one went on
    relationship_free(r);
    assert_int_equal(stage_events(s, 33604), 1);
}

static void suspended_by_the_end__a_person_suspends__stays(void **state)
{
    struct stage *s = *state;
    s->hold = true;
    registry_key key = add(s, true);
    stage_change(s, key, enable, s);
    pass(s, key, 8); // 20:00
    stage_await(s, &s->runs, 1);
    pass(s, key, 16);
    stage_await_state(s, key, REPLICATION_RESYNCHRONIZE_SUSPENDED);
    stage_await_idle(s, key);
    assert_ok(stage_ask(s, key, VERB_SUSPEND));
    pass(s, key, 8);
    assert_stays(s, key, REPLICATION_RESYNCHRONIZE_SUSPENDED, 1);
    struct relationship *r = stage_record(s, key);
    assert_string_equal(r->suspend_cause, "Paused by HOST\\alice (test)");
    relationship_free(r);
}

static void window_ends__queued__leaves_the_queue(void **state)
{
    struct stage *s = *state;
    registry_key other = take_the_only_turn(s);
    registry_key key = add(s, true);
    stage_change(s, key, enable, s);
    pass(s, key, 8); // 20:00
    stage_await_state(s, key, REPLICATION_RESYNCHRONIZING);
    pass(s, key, 16);
    stage_await_state(s, key, REPLICATION_RESYNCHRONIZE_SUSPENDED);
    stage_assert_record(s, other, REPLICATION_RESYNCHRONIZING, REASON_NOT_YET_COMPARED);
    assert_stays(s, key, REPLICATION_RESYNCHRONIZE_SUSPENDED, 1);
    stage_set(s, &s->hold, false);
    pass(s, key, 8);
    stage_await_state(s, key, REPLICATION_REPLICATING);
}

// ---- a start that was asked for ----

static void start_time__comes__starts_with_its_options(void **state)
{
    struct stage *s = *state;
    s->hold = true;
    registry_key key = add(s, false);
    assert_ok(schedule(s, key, 300));
    assert_int_equal(stage_events(s, 50047), 1);
    stage_assert_record(s, key, REPLICATION_WAITING_FOR_START_RESYNCHRONIZE,
                        REASON_NOT_YET_COMPARED);
    assert_int_equal(s->runs, 0);
    stage_await(s, &s->runs, 1);
    assert_trigger(s, "ResynchronizeStartTime");
    struct relationship *r = stage_record(s, key);
    assert_true(r->overwrite_replica);
    assert_true(r->schedule.start_time == 0);
    relationship_free(r);
    stage_set(s, &s->hold, false);
    stage_await_state(s, key, REPLICATION_REPLICATING);
}

static void start_time__restart__kept_and_a_missed_one_fires(void **state)
{
    struct stage *s = *state;
    registry_key key = add(s, false);
    assert_ok(schedule(s, key, HOUR_MS));
    int64_t start = start_time_of(s, key);
    stage_restart(s);
    key = stage_key(s, "vm");
    assert_true(start_time_of(s, key) == start);
    assert_stays(s, key, REPLICATION_WAITING_FOR_START_RESYNCHRONIZE, 0);
    assert_ok(stage_ask(s, key, VERB_STOP));
    assert_ok(schedule(s, key, 400));
    stage_leave(s);
    clock_sleep_ms(500);
    assert_int_equal(s->runs, 0);
    stage_open(s);
    stage_await_state(s, stage_key(s, "vm"), REPLICATION_REPLICATING);
}

static void start_time__stopped__the_state_it_had(void **state)
{
    struct stage *s = *state;
    registry_key key = add(s, false);
    assert_ok(schedule(s, key, 200));
    assert_status(stage_ask(s, key, VERB_RESUME_RESYNCHRONIZE), STATUS_REFUSED);
    assert_int_equal(stage_events(s, 29186), 1);
    assert_ok(stage_ask(s, key, VERB_STOP));
    assert_int_equal(stage_events(s, 32082), 1);
    assert_true(start_time_of(s, key) == 0);
    clock_sleep_ms(200);
    assert_stays(s, key, REPLICATION_WAITING_FOR_START_RESYNCHRONIZE, 0);
    assert_status(stage_ask(s, key, VERB_STOP), STATUS_REFUSED); // nothing is left to stop
}

static void start_time__past_or_too_far__refused(void **state)
{
    struct stage *s = *state;
    registry_key key = add(s, false);
    assert_status(schedule(s, key, -1000), STATUS_INVALID_ARGUMENT);
    assert_status(schedule(s, key, 7 * 24 * HOUR_MS + HOUR_MS), STATUS_INVALID_ARGUMENT);
    assert_int_equal(stage_events(s, 29178), 2);
    assert_true(start_time_of(s, key) == 0);
}

static void start_time__in_another_state__decided_by_the_table(void **state)
{
    struct stage *s = *state;
    registry_key key = add(s, false);
    assert_ok(stage_ask(s, key, VERB_RESUME_RESYNCHRONIZE));
    stage_await_state(s, key, REPLICATION_REPLICATING);
    assert_trigger(s, "Request");
    stage_await_idle(s, key);
    assert_status(schedule(s, key, HOUR_MS), STATUS_REFUSED); // suspend first
    assert_ok(stage_ask(s, key, VERB_SUSPEND));
    assert_ok(schedule(s, key, 200));
    stage_assert_record(s, key, REPLICATION_SUSPENDED, REASON_NONE);
    stage_await(s, &s->runs, 2);
    stage_await_state(s, key, REPLICATION_REPLICATING);
}

static enum status commit_was_sent(struct relationship *r, void *argument)
{
    (void)argument;
    r->state = REPLICATION_ERROR;
    r->phase = PHASE_COMMITTING;
    r->schedule.start_time = clock_wall_ms() + 100;
    return STATUS_OK;
}

static void start_time__not_possible_any_more__told_and_forgotten(void **state)
{
    struct stage *s = *state;
    registry_key key = add(s, false);
    stage_change(s, key, commit_was_sent, NULL);
    agenda_look_soon(s->supervisor.agenda);
    stage_await_events(s, 32316, 1);
    assert_true(start_time_of(s, key) == 0);
    assert_stays(s, key, REPLICATION_ERROR, 0);
    assert_int_equal(stage_events(s, 32316), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_set_up, stage_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(inside_its_window__starts_by_itself),
        TEST(outside__told_once__and_again_in_the_next_period),
        TEST(disabled__told_once),
        TEST(not_started__warning__but_information_before_the_first),
        TEST(stopped_in_the_window__not_again_in_it),
        TEST(stopped_in_the_queue__not_again_in_the_window),
        TEST(refused_by_the_guard__not_again_in_the_window),
        TEST(refused_by_the_replica__not_again_in_the_window),
        TEST(replica_not_reachable__tried_again_later_in_the_window),
        TEST(disk_in_use__told_once_and_not_started),
        TEST(window_ends__not_wanted__runs_on),
        TEST(window_ends__suspends_itself__goes_on_in_the_next_one),
        TEST(suspended_by_the_end__a_person_suspends__stays),
        TEST(window_ends__queued__leaves_the_queue),
        TEST(start_time__comes__starts_with_its_options),
        TEST(start_time__restart__kept_and_a_missed_one_fires),
        TEST(start_time__stopped__the_state_it_had),
        TEST(start_time__past_or_too_far__refused),
        TEST(start_time__in_another_state__decided_by_the_table),
        TEST(start_time__not_possible_any_more__told_and_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
