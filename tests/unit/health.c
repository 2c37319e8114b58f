#include "tests/support/test.h"

#include <string.h>

#include "tests/support/records.h"

#define NOW 1763833749000
#define MESSAGE                                                         \
    "Resynchronization is required for the virtual machine vm. Resume " \
    "replication to start resynchronization."

static struct relationship *primary_in(enum replication_state state)
{
    struct relationship *r = record_new("vm", MODE_PRIMARY, 1);
    r->state = state;
    return r;
}

// True when some sentence of the health contains `text`.
static bool says(const struct relationship *r, const char *text)
{
    json_t *details = json_array();
    relationship_health(r, NOW, details);
    bool found = false;
    for (size_t i = 0; i < json_array_size(details); i++)
        found = found || strstr(json_string_value(json_array_get(details, i)), text);
    json_decref(details);
    return found;
}

static void every_state__health__as_hyper_v_has_it(void **state)
{
    (void)state;
    static const struct {
        enum replication_state state;
        enum replication_health primary, replica;
    } rows[] = {
        {REPLICATION_DISABLED, HEALTH_NOT_APPLICABLE, HEALTH_NOT_APPLICABLE},
        {REPLICATION_REPLICATING, HEALTH_NORMAL, HEALTH_NORMAL},
        {REPLICATION_SUSPENDED, HEALTH_WARNING, HEALTH_CRITICAL},
        {REPLICATION_ERROR, HEALTH_CRITICAL, HEALTH_CRITICAL},
        {REPLICATION_WAITING_FOR_START_RESYNCHRONIZE, HEALTH_CRITICAL, HEALTH_CRITICAL},
        {REPLICATION_RESYNCHRONIZING, HEALTH_NORMAL, HEALTH_NORMAL},
        {REPLICATION_RESYNCHRONIZE_SUSPENDED, HEALTH_WARNING, HEALTH_WARNING},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct relationship *r = primary_in(rows[i].state);
        assert_int_equal(relationship_health(r, NOW, NULL), rows[i].primary);
        r->mode = MODE_REPLICA;
        assert_int_equal(relationship_health(r, NOW, NULL), rows[i].replica);
        relationship_free(r);
    }
}

static void required__message__word_for_word(void **state)
{
    (void)state;
    struct relationship *r = primary_in(REPLICATION_WAITING_FOR_START_RESYNCHRONIZE);
    char *message = relationship_required_message(r);
    assert_string_equal(message, MESSAGE);
    free(message);
    json_t *details = json_array();
    relationship_health(r, NOW, details);
    assert_string_equal(json_string_value(json_array_get(details, 0)), MESSAGE);
    json_decref(details);
    relationship_free(r);
}

static void replicating__healthy__says_nothing(void **state)
{
    (void)state;
    struct relationship *r = primary_in(REPLICATION_REPLICATING);
    json_t *details = json_array();
    assert_int_equal(relationship_health(r, NOW, details), HEALTH_NORMAL);
    assert_int_equal(json_array_size(details), 0);
    json_decref(details);
    r->look_in_use = true;
    r->look_in_use_since = NOW - 3600000;
    assert_int_equal(relationship_health(r, NOW, NULL), HEALTH_WARNING);
    assert_true(says(r, "since 2025-11-22T16:49:09.000Z"));
    assert_true(says(r, "not verified"));
    relationship_free(r);
}

static void resynchronizing__attempts_failed__warns_with_the_error(void **state)
{
    (void)state;
    struct relationship *r = primary_in(REPLICATION_RESYNCHRONIZING);
    r->attempts = 2;
    r->next_attempt = NOW + 60000;
    status_fail(STATUS_CONNECTION, 0, "The line is dead.");
    r->error = *status_last();
    assert_int_equal(relationship_health(r, NOW, NULL), HEALTH_WARNING);
    assert_true(
        says(r, "The last 2 attempts failed; the next one is at 2025-11-22T17:50:09.000Z."));
    assert_true(says(r, "The line is dead."));
    r->next_attempt = NOW - 1;
    assert_true(says(r, "another one is under way"));
    relationship_free(r);
}

static void suspended__cause__is_said(void **state)
{
    (void)state;
    struct relationship *r = primary_in(REPLICATION_RESYNCHRONIZE_SUSPENDED);
    assert_ok(relationship_set_text(&r->suspend_cause, "Paused by alice (vrepctl)"));
    assert_true(says(r, "Paused by alice (vrepctl)."));
    relationship_free(r);
}

static void cancel_pending__any_state__at_least_warns(void **state)
{
    (void)state;
    struct relationship *r = primary_in(REPLICATION_RESYNCHRONIZING);
    r->cancel_pending = true;
    assert_int_equal(relationship_health(r, NOW, NULL), HEALTH_WARNING);
    assert_true(says(r, "replica.example"));
    r->state = REPLICATION_ERROR;
    assert_int_equal(relationship_health(r, NOW, NULL), HEALTH_CRITICAL);
    relationship_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_state__health__as_hyper_v_has_it),
        cmocka_unit_test(required__message__word_for_word),
        cmocka_unit_test(replicating__healthy__says_nothing),
        cmocka_unit_test(resynchronizing__attempts_failed__warns_with_the_error),
        cmocka_unit_test(suspended__cause__is_said),
        cmocka_unit_test(cancel_pending__any_state__at_least_warns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
