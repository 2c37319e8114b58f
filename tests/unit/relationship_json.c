#include "tests/support/test.h"

#include <string.h>

#include "tests/support/records.h"

static struct relationship *there_and_back(const struct relationship *r)
{
    json_t *object;
    struct relationship *again;
    assert_ok(relationship_to_json(r, &object));
    // Through text, as a file has it.
    char *text = js_text(object);
    assert_non_null(text);
    json_decref(object);
    assert_ok(js_parse(text, strlen(text), &object));
    free(text);
    assert_ok(relationship_from_json(object, &again));
    json_decref(object);
    return again;
}

static void every_field__through_a_file__is_the_same(void **state)
{
    (void)state;
    struct relationship *full = record_full();
    struct relationship *again = there_and_back(full);
    record_assert_equal(full, again);
    relationship_free(again);
    relationship_free(full);
    struct relationship *plain = record_new("plain", MODE_REPLICA, 256);
    again = there_and_back(plain);
    record_assert_equal(plain, again);
    relationship_free(again);
    relationship_free(plain);
}

static void copy__every_field__shares_nothing(void **state)
{
    (void)state;
    struct relationship *full = record_full();
    struct relationship *copy = relationship_copy(full);
    assert_non_null(copy);
    record_assert_equal(full, copy);
    assert_ptr_not_equal(full->name, copy->name);
    assert_ptr_not_equal(full->disks, copy->disks);
    assert_ptr_not_equal(full->disks[0].path, copy->disks[0].path);
    assert_ptr_not_equal(full->unknown, copy->unknown);
    relationship_free(full);
    relationship_free(copy);
}

static void every_enumeration__through_a_file__is_the_same(void **state)
{
    (void)state;
    struct relationship *r = record_new("vm", MODE_PRIMARY, 1);
    static const enum replication_state states[] = {0, 4, 8, 9, 10, 11, 12};
    for (unsigned i = 0; i < 7 * 7 * 5; i++) {
        r->state = states[i % 7];
        r->reason = (enum resynchronize_required_reason)(i / 7 % (REASON_FINISHED_ELSEWHERE + 1));
        r->phase = (enum resynchronize_phase)(i / 49);
        r->last_outcome = (enum resynchronize_outcome)(i % (OUTCOME_MERGED + 1));
        struct relationship *again = there_and_back(r);
        record_assert_equal(r, again);
        relationship_free(again);
    }
    relationship_free(r);
}

static void unknown_members__kept__beside_ours(void **state)
{
    (void)state;
    struct relationship *full = record_full();
    json_t *object;
    assert_ok(relationship_to_json(full, &object));
    const json_t *kept = json_object_get(json_object_get(object, "FromTheFuture"), "kept");
    assert_true(json_integer_value(kept) == 9007199254740993);
    const json_t *disk = json_array_get(json_object_get(object, "Disks"), 1);
    assert_int_equal(json_integer_value(json_object_get(disk, "OfTheFuture")), 7);
    json_decref(object);
    relationship_free(full);
}

static void older_record__without_a_schedule__has_the_defaults(void **state)
{
    (void)state;
    struct relationship *full = record_full();
    struct relationship *plain = record_new("plain", MODE_PRIMARY, 1);
    struct relationship *again;
    json_t *object;
    assert_ok(relationship_to_json(full, &object));
    static const char *const added[] = {"AutoResynchronizeEnabled",
                                        "AutoResynchronizeIntervalGiven",
                                        "AutoResynchronizeIntervalStart",
                                        "AutoResynchronizeIntervalEnd",
                                        "ResynchronizeStoppedTime",
                                        "AutoResynchronizeSuspendAtIntervalEnd",
                                        "NotStartedToldTime",
                                        "ResynchronizeRunSince",
                                        "SuspendedByIntervalEnd",
                                        "ResynchronizeStartTime",
                                        "StartOverwritesReplica",
                                        "StartAdoptsIdentity"};
    for (size_t i = 0; i < sizeof added / sizeof *added; i++)
        assert_int_equal(json_object_del(object, added[i]), 0);
    assert_ok(relationship_from_json(object, &again));
    full->schedule = plain->schedule;
    record_assert_equal(full, again);
    json_decref(object);
    relationship_free(again);
    relationship_free(plain);
    relationship_free(full);
}

// A change of one member that must be refused as damage, naming it.
static void assert_refused(const char *member, json_t *value)
{
    struct relationship *full = record_full();
    struct relationship *again = NULL;
    json_t *object;
    assert_ok(relationship_to_json(full, &object));
    if (value)
        json_object_set_new(object, member, value);
    else
        json_object_del(object, member);
    assert_status(relationship_from_json(object, &again), STATUS_DAMAGED);
    assert_null(again);
    assert_non_null(strstr(status_last()->message, member));
    json_decref(object);
    relationship_free(full);
}

static void impossible_values__refused__by_name(void **state)
{
    (void)state;
    assert_refused("VMId", json_string("no guid"));
    assert_refused("VMId", NULL);
    assert_refused("VMName", NULL);
    assert_refused("VMName", json_string("a\nb"));
    assert_refused("ReplicationMode", NULL);
    assert_refused("ReplicationMode", json_string("Third"));
    assert_refused("ReplicationState", json_integer(5));
    assert_refused("ReplicationState", json_integer(13));
    assert_refused("ReplicationState", json_string("Replicating"));
    assert_refused("ResynchronizePhase", json_string("merging"));
    assert_refused("ReplicaServerPort", json_integer(65536));
    assert_refused("BandwidthLimit", json_integer(-1));
    assert_refused("LastReplicationTime", json_string("yesterday"));
    assert_refused("FromStart", json_integer(1));
    assert_refused("AutoResynchronizeEnabled", json_string("on"));
    assert_refused("AutoResynchronizeIntervalStart", json_string("24:00:00"));
    assert_refused("AutoResynchronizeIntervalEnd", json_integer(6));
    assert_refused("ResynchronizeStartTime", json_string("tonight"));
    assert_refused("LastError", json_string("oops"));
    assert_refused("Disks", json_array());
    assert_refused("Disks", NULL);
}

static void impossible_disks__refused__by_number(void **state)
{
    (void)state;
    static const char *const disks[] = {
        "[{}]",
        "[5]",
        "[{\"Path\": \"relative.vhdx\"}]",
        "[{\"Path\": \"/a.vhdx\", \"Cursor\": \"-1\"}]",
        "[{\"Path\": \"/a.vhdx\", \"Cursor\": \"18446744073709551616\"}]",
        "[{\"Path\": \"/a.vhdx\", \"Cursor\": \"5\", \"VirtualSize\": \"4\"}]",
        "[{\"Path\": \"/a.vhdx\", \"Identity\": 5}]",
        "[{\"Path\": \"/a.vhdx\", \"Identity\": {\"Guid\": 5}}]",
    };
    for (size_t i = 0; i < sizeof disks / sizeof *disks; i++) {
        struct relationship *full = record_full();
        struct relationship *again = NULL;
        json_t *object;
        assert_ok(relationship_to_json(full, &object));
        json_object_set_new(object, "Disks", json_loads(disks[i], 0, NULL));
        assert_status(relationship_from_json(object, &again), STATUS_DAMAGED);
        assert_non_null(strstr(status_last()->message, "Disk 1"));
        json_decref(object);
        relationship_free(full);
    }
}

static void check_name__what_can_be_a_name(void **state)
{
    (void)state;
    char longest[RELATIONSHIP_NAME_MAX + 2];
    memset(longest, 'x', sizeof longest);
    longest[RELATIONSHIP_NAME_MAX] = '\0';
    assert_ok(relationship_check_name("a"));
    assert_ok(relationship_check_name("Gru\xC3\x9F an den \xF0\x9F\x90\x98"));
    assert_ok(relationship_check_name(longest));
    longest[RELATIONSHIP_NAME_MAX] = 'x';
    longest[RELATIONSHIP_NAME_MAX + 1] = '\0';
    static const char *const wrong[] = {"", "   ", "a\tb", "a\x7F", "\xFF", "\xC2\x85", "\xC3"};
    assert_status(relationship_check_name(longest), STATUS_INVALID_ARGUMENT);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_status(relationship_check_name(wrong[i]), STATUS_INVALID_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field__through_a_file__is_the_same),
        cmocka_unit_test(copy__every_field__shares_nothing),
        cmocka_unit_test(every_enumeration__through_a_file__is_the_same),
        cmocka_unit_test(unknown_members__kept__beside_ours),
        cmocka_unit_test(older_record__without_a_schedule__has_the_defaults),
        cmocka_unit_test(impossible_values__refused__by_name),
        cmocka_unit_test(impossible_disks__refused__by_number),
        cmocka_unit_test(check_name__what_can_be_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
