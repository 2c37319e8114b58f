// Every cell of the design's table of states and verbs.
#include "tests/support/test.h"

#include <string.h>

#include "tests/support/records.h"

#define REFUSED(event) (-(int)(event))

// One row: a state of a primary in a phase, and what each verb in the order of the enumeration
// leads to: an action or a refusal.
struct row {
    enum replication_state state;
    enum resynchronize_phase phase;
    bool queued, cancel_pending;
    unsigned attempts;
    int outcome[8]; // resume, resume --resynchronize, resume --continue, suspend, stop, remove,
                    // resume --resynchronize --start-time,
                    // compare
};

static const struct row rows[] = {
    {REPLICATION_REPLICATING,
     PHASE_NONE,
     false,
     false,
     0,
     {REFUSED(32546), REFUSED(32546), REFUSED(32546), ACTION_PAUSE, REFUSED(32546), ACTION_REMOVE,
      REFUSED(32546), ACTION_COMPARE}},
    {REPLICATION_SUSPENDED,
     PHASE_NONE,
     false,
     false,
     0,
     {ACTION_REPLICATE, ACTION_START, REFUSED(32546), ACTION_NOTHING, REFUSED(32546), ACTION_REMOVE,
      ACTION_SCHEDULE, ACTION_COMPARE}},
    {REPLICATION_WAITING_FOR_START_RESYNCHRONIZE,
     PHASE_NONE,
     false,
     false,
     0,
     {REFUSED(32546), ACTION_START, REFUSED(32546), REFUSED(32546), REFUSED(32546), ACTION_REMOVE,
      ACTION_SCHEDULE, ACTION_COMPARE}},
    {REPLICATION_ERROR,
     PHASE_COMPARING,
     false,
     false,
     0,
     {ACTION_CONTINUE, ACTION_START, ACTION_CONTINUE, REFUSED(32546), ACTION_CANCEL, ACTION_REMOVE,
      ACTION_SCHEDULE, ACTION_COMPARE}},
    // What became of a commit is asked first; and a replica that is gone does not keep the record.
    {REPLICATION_ERROR,
     PHASE_COMMITTING,
     false,
     false,
     0,
     {ACTION_CONTINUE, REFUSED(32546), ACTION_CONTINUE, REFUSED(32546), ACTION_CANCEL,
      ACTION_REMOVE, REFUSED(32546), REFUSED(32546)}},
    {REPLICATION_RESYNCHRONIZE_SUSPENDED,
     PHASE_COMPARING,
     false,
     false,
     0,
     {ACTION_CONTINUE, ACTION_START, ACTION_CONTINUE, ACTION_NOTHING, ACTION_CANCEL, ACTION_REMOVE,
      ACTION_SCHEDULE, ACTION_COMPARE}},
    {REPLICATION_RESYNCHRONIZE_SUSPENDED,
     PHASE_NONE,
     false,
     false,
     0,
     {ACTION_CONTINUE, ACTION_START, ACTION_CONTINUE, ACTION_NOTHING, ACTION_CANCEL, ACTION_REMOVE,
      ACTION_SCHEDULE, ACTION_COMPARE}},
    {REPLICATION_RESYNCHRONIZING,
     PHASE_NONE,
     true,
     false,
     0,
     {ACTION_NOTHING, REFUSED(32546), ACTION_NOTHING, ACTION_SUSPEND, ACTION_CANCEL, ACTION_REMOVE,
      REFUSED(32546), REFUSED(32546)}},
    {REPLICATION_RESYNCHRONIZING,
     PHASE_NONE,
     false,
     false,
     0,
     {ACTION_RETRY_NOW, REFUSED(32546), ACTION_RETRY_NOW, ACTION_SUSPEND, ACTION_CANCEL,
      ACTION_REMOVE, REFUSED(32546), REFUSED(32546)}},
    {REPLICATION_RESYNCHRONIZING,
     PHASE_COMPARING,
     false,
     false,
     0,
     {ACTION_RETRY_NOW, REFUSED(32546), ACTION_RETRY_NOW, ACTION_SUSPEND, ACTION_CANCEL,
      ACTION_REMOVE, REFUSED(32546), REFUSED(32546)}},
    {REPLICATION_RESYNCHRONIZING,
     PHASE_COMPARING,
     false,
     false,
     3,
     {ACTION_RETRY_NOW, REFUSED(32546), ACTION_RETRY_NOW, ACTION_SUSPEND, ACTION_CANCEL,
      ACTION_REMOVE, REFUSED(32546), REFUSED(32546)}},
    {REPLICATION_RESYNCHRONIZING,
     PHASE_COMMITTING,
     false,
     false,
     0,
     {ACTION_RETRY_NOW, REFUSED(32546), ACTION_RETRY_NOW, REFUSED(32504), ACTION_CANCEL,
      REFUSED(32504), REFUSED(32546), REFUSED(32546)}},
    {REPLICATION_RESYNCHRONIZING,
     PHASE_COMMITTING,
     false,
     false,
     1,
     {ACTION_RETRY_NOW, REFUSED(32546), ACTION_RETRY_NOW, REFUSED(32504), ACTION_CANCEL,
      ACTION_REMOVE, REFUSED(32546), REFUSED(32546)}},
    {REPLICATION_RESYNCHRONIZING,
     PHASE_MERGING,
     false,
     false,
     0,
     {ACTION_RETRY_NOW, REFUSED(32546), ACTION_RETRY_NOW, REFUSED(32504), REFUSED(29168),
      REFUSED(32504), REFUSED(32546), REFUSED(32546)}},
    {REPLICATION_RESYNCHRONIZING,
     PHASE_COMPARING,
     false,
     true,
     0,
     {ACTION_RETRY_NOW, REFUSED(32546), REFUSED(32546), REFUSED(32546), ACTION_RETRY_NOW,
      ACTION_REMOVE, REFUSED(32546), REFUSED(32546)}},
    {REPLICATION_RESYNCHRONIZE_SUSPENDED,
     PHASE_COMPARING,
     false,
     true,
     0,
     {ACTION_RETRY_NOW, REFUSED(32546), REFUSED(32546), REFUSED(32546), ACTION_RETRY_NOW,
      ACTION_REMOVE, REFUSED(32546), REFUSED(32546)}},
    {REPLICATION_DISABLED,
     PHASE_NONE,
     false,
     false,
     0,
     {REFUSED(32546), REFUSED(32546), REFUSED(32546), REFUSED(32546), REFUSED(32546), ACTION_REMOVE,
      REFUSED(32546), REFUSED(32546)}},
};

static int outcome_of(const struct relationship *r, enum relationship_verb verb, bool queued)
{
    enum relationship_action action = (enum relationship_action)99;
    enum status s = relationship_decide(r, verb, queued, &action);
    if (s == STATUS_OK)
        return (int)action;
    assert_int_equal(s, STATUS_REFUSED);
    assert_int_equal(action, 99); // untouched
    // The text names the machine and its state, and what fits.
    assert_non_null(strstr(status_last()->message, "'vm'"));
    assert_non_null(strstr(status_last()->message, replication_state_text(r->state)));
    assert_true(strlen(status_last()->action) > 0);
    return REFUSED(status_last()->event_id);
}

static void primary__every_state_and_verb__as_the_table_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct relationship *r = record_new("vm", MODE_PRIMARY, 1);
        r->state = rows[i].state;
        r->phase = rows[i].phase;
        r->cancel_pending = rows[i].cancel_pending;
        r->attempts = rows[i].attempts;
        for (int verb = 0; verb <= VERB_COMPARE; verb++) {
            int seen = outcome_of(r, (enum relationship_verb)verb, rows[i].queued);
            if (seen != rows[i].outcome[verb])
                fail_msg("row %zu, verb %d: %d, not %d", i, verb, seen, rows[i].outcome[verb]);
        }
        relationship_free(r);
    }
}

// Until it is taken back, nothing else starts or goes on.
static void scheduled__every_state_and_verb__only_stop_takes_it_back(void **state)
{
    (void)state;
    static const enum replication_state states[] = {8, 9, 10, 12};
    struct relationship *r = record_new("vm", MODE_PRIMARY, 1);
    r->schedule.start_time = 1795369749000;
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        r->state = states[i];
        assert_int_equal(outcome_of(r, VERB_STOP, false), ACTION_UNSCHEDULE);
        assert_int_equal(outcome_of(r, VERB_REMOVE, false), ACTION_REMOVE);
        static const enum relationship_verb starts[] = {VERB_RESUME, VERB_RESUME_RESYNCHRONIZE,
                                                        VERB_RESUME_CONTINUE,
                                                        VERB_SCHEDULE_RESYNCHRONIZE};
        for (size_t v = 0; v < sizeof starts / sizeof *starts; v++) {
            assert_int_equal(outcome_of(r, starts[v], false), REFUSED(29186));
            assert_non_null(strstr(status_last()->action, "vrepctl stop \"vm\""));
        }
    }
    r->state = REPLICATION_SUSPENDED;
    assert_int_equal(outcome_of(r, VERB_SUSPEND, false), ACTION_NOTHING);
    relationship_free(r);
}

static void suspended_by_the_window__suspend__becomes_a_persons(void **state)
{
    (void)state;
    struct relationship *r = record_new("vm", MODE_PRIMARY, 1);
    r->state = REPLICATION_RESYNCHRONIZE_SUSPENDED;
    r->schedule.suspended_by_end = true;
    assert_int_equal(outcome_of(r, VERB_SUSPEND, false), ACTION_HOLD);
    assert_int_equal(outcome_of(r, VERB_RESUME, false), ACTION_CONTINUE);
    relationship_free(r);
}

// The state stays, so the same in all of them.
static void comparing__every_verb_but_stop_and_remove__refused(void **state)
{
    static const enum replication_state states[] = {
        REPLICATION_REPLICATING, REPLICATION_SUSPENDED, REPLICATION_ERROR,
        REPLICATION_WAITING_FOR_START_RESYNCHRONIZE, REPLICATION_RESYNCHRONIZE_SUSPENDED};
    (void)state;
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        struct relationship *r = record_new("vm", MODE_PRIMARY, 1);
        r->state = states[i];
        r->comparing_since = 1;
        for (int verb = VERB_RESUME; verb <= VERB_COMPARE; verb++) {
            int wanted = verb == VERB_STOP     ? (int)ACTION_STOP_COMPARISON
                         : verb == VERB_REMOVE ? (int)ACTION_REMOVE
                                               : REFUSED(32546);
            assert_int_equal(outcome_of(r, (enum relationship_verb)verb, false), wanted);
        }
        relationship_free(r);
    }
}

static void replica__every_verb_but_remove__refused_with_the_primary(void **state)
{
    (void)state;
    static const enum replication_state states[] = {4, 8, 9, 10, 11, 12};
    struct relationship *r = record_new("vm", MODE_REPLICA, 1);
    assert_ok(relationship_set_text(&r->primary_server, "first.example"));
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        for (int verb = VERB_RESUME; verb <= VERB_COMPARE; verb++) {
            if (verb == VERB_REMOVE)
                continue;
            r->state = states[i];
            assert_int_equal(outcome_of(r, (enum relationship_verb)verb, false), REFUSED(32546));
            assert_non_null(strstr(status_last()->action, "first.example"));
        }
    relationship_free(r);
}

static void replica__remove__refused_only_while_it_merges(void **state)
{
    (void)state;
    struct relationship *r = record_new("vm", MODE_REPLICA, 1);
    static const int outcomes[] = {[PHASE_NONE] = ACTION_REMOVE,
                                   [PHASE_COMPARING] = ACTION_REMOVE,
                                   [PHASE_COMMITTING] = REFUSED(32504),
                                   [PHASE_MERGING] = REFUSED(32504),
                                   [PHASE_MERGED] = REFUSED(32504)};
    for (int phase = PHASE_NONE; phase <= PHASE_MERGED; phase++) {
        r->phase = (enum resynchronize_phase)phase;
        assert_int_equal(outcome_of(r, VERB_REMOVE, false), outcomes[phase]);
    }
    relationship_free(r);
}

static void replica__remove_of_a_merge_whose_files_are_gone__granted(void **state)
{
    (void)state;
    struct relationship *r = record_new("vm", MODE_REPLICA, 1);
    r->phase = PHASE_MERGING;
    r->attempts = 1;
    r->error.status = STATUS_NO_SPACE;
    assert_int_equal(outcome_of(r, VERB_REMOVE, false), REFUSED(32504));
    r->error.status = STATUS_NOT_FOUND;
    assert_int_equal(outcome_of(r, VERB_REMOVE, false), ACTION_REMOVE);
    relationship_free(r);
}

static void waiting__resume__prints_the_command(void **state)
{
    (void)state;
    struct relationship *r = record_new("vm", MODE_PRIMARY, 1);
    assert_int_equal(outcome_of(r, VERB_RESUME, false), REFUSED(32546));
    assert_non_null(strstr(status_last()->action, "vrepctl resume \"vm\" --resynchronize"));
    r->state = REPLICATION_REPLICATING;
    assert_int_equal(outcome_of(r, VERB_RESUME_RESYNCHRONIZE, false), REFUSED(32546));
    assert_non_null(strstr(status_last()->action, "vrepctl suspend \"vm\""));
    assert_int_equal(outcome_of(r, VERB_STOP, false), REFUSED(32546));
    assert_non_null(strstr(status_last()->action, "suspend"));
    assert_non_null(strstr(status_last()->action, "remove"));
    relationship_free(r);
}

static void retry_delay__failures_in_a_row__grow_to_half_an_hour(void **state)
{
    (void)state;
    static const unsigned minutes[] = {1, 2, 4, 8, 10, 30, 30, 30};
    for (unsigned i = 0; i < sizeof minutes / sizeof *minutes; i++)
        assert_int_equal(relationship_retry_delay_ms(i + 1), minutes[i] * 60000);
    assert_int_equal(relationship_retry_delay_ms(4000000000u), 30 * 60000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(primary__every_state_and_verb__as_the_table_says),
        cmocka_unit_test(scheduled__every_state_and_verb__only_stop_takes_it_back),
        cmocka_unit_test(suspended_by_the_window__suspend__becomes_a_persons),
        cmocka_unit_test(comparing__every_verb_but_stop_and_remove__refused),
        cmocka_unit_test(replica__every_verb_but_remove__refused_with_the_primary),
        cmocka_unit_test(replica__remove__refused_only_while_it_merges),
        cmocka_unit_test(replica__remove_of_a_merge_whose_files_are_gone__granted),
        cmocka_unit_test(waiting__resume__prints_the_command),
        cmocka_unit_test(retry_delay__failures_in_a_row__grow_to_half_an_hour),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
