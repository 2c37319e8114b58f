// The verbs of docs/control.md, through their one door.
#include "tests/support/test.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "service/supervise/verbs.h"
#include "service/vm_events.h"
#include "tests/support/must.h"
#include "tests/support/service/ask.h"

#define P1  ROOT "p1.vhdx"
#define P2  ROOT "p2.vhdx"
#define OLD ROOT "old.vhd"

static int set_up(void **state)
{
    if (ask_set_up(state) != 0)
        return -1;
    ask_make_disk(*state, ROOT_RAW "old.vhd", VHD_FORMAT_VHD);
    mem_fs_put(((struct stage *)*state)->disks, ROOT_RAW "text.vhdx", "This is no disk at all.",
               23);
    return 0;
}

#define ENABLE_PRIMARY(name, disks)                                     \
    "{\"verb\": \"enable\", \"name\": \"" name "\", \"disks\": [" disks \
    "], \"replica_server\": \"there\"}"
#define ENABLE_REPLICA(name, disks) \
    "{\"verb\": \"enable\", \"name\": \"" name "\", \"disks\": [" disks "], \"as_replica\": true}"
#define DISK(path) "\"" path "\""

static void enable__primary__waits_for_its_first_resynchronization(void **state)
{
    struct stage *s = *state;
    json_t *r = ask_done(s, ENABLE_PRIMARY("vm", DISK(P1) ", " DISK(P2)));
    assert_string_equal(ask_text(r, "VMName"), "vm");
    assert_int_equal(strlen(ask_text(r, "VMId")), 36);
    assert_string_equal(ask_text(r, "ReplicationModeText"), "Primary");
    assert_int_equal(json_integer_value(json_object_get(r, "ReplicationState")), 10);
    assert_string_equal(ask_text(r, "ReplicationHealthText"), "Critical");
    assert_string_equal(ask_text(r, "PrimaryServerName"), "primary.example");
    assert_string_equal(ask_text(r, "ReplicaServerName"), "there");
    assert_int_equal(json_integer_value(json_object_get(r, "ReplicaServerPort")), 29242);
    assert_string_equal(ask_text(r, "AuthenticationTypeText"), "None");
    assert_true(json_is_null(json_object_get(r, "ReplicationFrequencySec")));
    assert_string_equal(ask_text(r, "ResynchronizeRequiredReason"), "NotYetCompared");
    assert_string_equal(
        ask_text(r, "ResynchronizeRequiredMessage"),
        "Resynchronization is required for the virtual machine vm. Resume replication "
        "to start resynchronization.");
    const json_t *disks = json_object_get(r, "Disks");
    assert_int_equal(json_array_size(disks), 2);
    assert_string_equal(ask_text(json_array_get(disks, 0), "Path"), ROOT_RAW "p1.vhdx");
    assert_int_equal(json_integer_value(json_object_get(json_array_get(disks, 0), "VirtualSize")),
                     8 << 20);
    json_decref(r);
    assert_int_equal(stage_events(s, 32074), 1);
}

static void enable__replica__has_no_id_before_contact(void **state)
{
    struct stage *s = *state;
    json_t *r = ask_done(s, "{\"verb\": \"enable\", \"name\": \"vm\", \"disks\": [" DISK(
                                P1) "], "
                                    "\"as_replica\": true, \"allowed_primary\": \"first\"}");
    assert_true(json_is_null(json_object_get(r, "VMId")));
    assert_true(json_is_null(json_object_get(r, "ReplicaServerPort")));
    assert_string_equal(ask_text(r, "ReplicationModeText"), "Replica");
    assert_string_equal(ask_text(r, "AllowedPrimaryServer"), "first");
    json_decref(r);
}

static void enable__wrong_arguments__one_clear_error_each(void **state)
{
    struct stage *s = *state;
    static const struct {
        const char *request;
        enum status status;
        const char *says;
    } rows[] = {
        {"{\"verb\": \"enable\"}", STATUS_INVALID_ARGUMENT, "name"},
        {ENABLE_PRIMARY("", DISK(P1)), STATUS_INVALID_ARGUMENT, "1 to 255"},
        {ENABLE_PRIMARY("a\\u0007", DISK(P1)), STATUS_INVALID_ARGUMENT, "control character"},
        {"{\"verb\": \"enable\", \"name\": 5, \"disks\": {\"a\": 1}}", STATUS_INVALID_ARGUMENT,
         "name"},
        {"{\"verb\": \"enable\", \"name\": \"vm\", \"disks\": [" DISK(P1) "]}",
         STATUS_INVALID_ARGUMENT, "replica_server"},
        {"{\"verb\": \"enable\", \"name\": \"vm\", \"disks\": [" DISK(
             P1) "], \"replica_server\": \"a b\"}",
         STATUS_INVALID_ARGUMENT, "host name"},
        {"{\"verb\": \"enable\", \"name\": \"vm\", \"disks\": [" DISK(
             P1) "], \"replica_server\": \"a\", "
                 "\"replica_port\": 65536}",
         STATUS_INVALID_ARGUMENT, "65535"},
        {"{\"verb\": \"enable\", \"name\": \"vm\", \"disks\": [" DISK(
             P1) "], \"replica_server\": \"a\", "
                 "\"as_replica\": true}",
         STATUS_INVALID_ARGUMENT, "either"},
        {ENABLE_PRIMARY("vm", ""), STATUS_INVALID_ARGUMENT, "1 to 256"},
        {ENABLE_PRIMARY("vm", "5"), STATUS_INVALID_ARGUMENT, "Disk 1"},
        {ENABLE_PRIMARY("vm", DISK("relative.vhdx")), STATUS_INVALID_ARGUMENT, "not absolute"},
        {ENABLE_PRIMARY("vm", DISK("\\\\\\\\.\\\\PhysicalDrive1")), STATUS_UNSUPPORTED,
         "pass-through"},
        {ENABLE_PRIMARY("vm", DISK("\\\\\\\\?\\\\GLOBALROOT\\\\Device\\\\Harddisk0")),
         STATUS_UNSUPPORTED, "pass-through"},
        {ENABLE_PRIMARY("vm", DISK("/dev/sdb")), STATUS_UNSUPPORTED, "pass-through"},
        {ENABLE_PRIMARY("vm", DISK(ROOT "nothing.vhdx")), STATUS_NOT_FOUND, "nothing.vhdx"},
        {ENABLE_PRIMARY("vm", DISK(ROOT "text.vhdx")), STATUS_NOT_A_DISK, "text.vhdx"},
        {ENABLE_PRIMARY("vm", DISK(P1) ", " DISK(P1)), STATUS_INVALID_ARGUMENT, "one file"},
        {ENABLE_PRIMARY("vm", DISK(P1) ", " DISK(ROOT "../disks/p1.vhdx")), STATUS_INVALID_ARGUMENT,
         "one file"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        ask_refused(s, rows[i].request, rows[i].status, rows[i].says);
}

static void enable__vhd__on_either_side(void **state)
{
    struct stage *s = *state;
    ask_do(s, ENABLE_PRIMARY("vm", DISK(OLD)));
    ask_do(s, "{\"verb\": \"remove\", \"name\": \"vm\"}");
    ask_do(s, ENABLE_REPLICA("vm", DISK(OLD)));
}

static void enable__disk_of_another__refused_with_its_name(void **state)
{
    struct stage *s = *state;
    ask_do(s, ENABLE_PRIMARY("first", DISK(P1)));
    ask_refused(s, ENABLE_PRIMARY("second", DISK(P2) ", " DISK(P1)), STATUS_EXISTS, "'first'");
    ask_refused(s, ENABLE_REPLICA("second", DISK(P1)), STATUS_EXISTS, "'first'");
    ask_refused(s, ENABLE_PRIMARY("first", DISK(P2)), STATUS_EXISTS, "'first'");
    ask_do(s, "{\"verb\": \"remove\", \"name\": \"first\"}");
    ask_do(s, ENABLE_PRIMARY("second", DISK(P2) ", " DISK(P1)));
}

// ---- a disk that does not answer ----

static struct {
    pthread_mutex_t lock;
    struct file_system system;
    const struct file_system *below;
} slow = {.lock = PTHREAD_MUTEX_INITIALIZER};

static enum status open_slowly(const struct file_system *fs, const char *path,
                               const struct file_open *how, struct file **out)
{
    (void)fs;
    pthread_mutex_lock(&slow.lock); // until the test lets go
    pthread_mutex_unlock(&slow.lock);
    return slow.below->open(slow.below, path, how, out);
}

static bool exists_below(const struct file_system *fs, const char *path)
{
    (void)fs;
    return slow.below->exists(slow.below, path);
}

static void enable__disk_blocks__answered_in_time(void **state)
{
    struct stage *s = *state;
    slow.below = mem_fs_system(s->disks);
    slow.system = *slow.below;
    slow.system.open = open_slowly;
    slow.system.exists = exists_below;
    pthread_mutex_lock(&slow.lock);
    s->supervisor.context.fs = &slow.system;
    ask_refused(s, ENABLE_PRIMARY("vm", DISK(P1)), STATUS_TIMEOUT, "not answered");
    pthread_mutex_unlock(&slow.lock);
    s->supervisor.context.fs = slow.below;
}

// ---- status ----

static void status__every_member_of_the_document__is_there(void **state)
{
    struct stage *s = *state;
    static const char *const members[] = {"VMName",
                                          "VMId",
                                          "ReplicationMode",
                                          "ReplicationModeText",
                                          "ReplicationState",
                                          "ReplicationStateText",
                                          "ReplicationHealth",
                                          "ReplicationHealthText",
                                          "ReplicationHealthDetails",
                                          "PrimaryServerName",
                                          "AutoResynchronizeEnabled",
                                          "AutoResynchronizeIntervalStart",
                                          "AutoResynchronizeIntervalEnd",
                                          "AutoResynchronizeSuspendAtIntervalEnd",
                                          "AutoResynchronizeNextStart",
                                          "ResynchronizeStartTime",
                                          "ReplicaServerName",
                                          "ReplicaServerPort",
                                          "AllowedPrimaryServer",
                                          "BandwidthLimit",
                                          "LastReplicationTime",
                                          "LastLookTime",
                                          "DiskInUseSince",
                                          "ResynchronizeRequiredReason",
                                          "ResynchronizeRequiredMessage",
                                          "ResynchronizeId",
                                          "ResynchronizePhase",
                                          "ResynchronizeActivity",
                                          "ResynchronizeQueuePosition",
                                          "ResynchronizeSuspendCause",
                                          "ResynchronizeCancelPending",
                                          "ResynchronizeLastOutcome",
                                          "ResynchronizeStarted",
                                          "ResynchronizeBytesTotal",
                                          "ResynchronizeBytesCompared",
                                          "ResynchronizeBytesDifferent",
                                          "ResynchronizeBytesSent",
                                          "ResynchronizeBytesToMerge",
                                          "ResynchronizeBytesMerged",
                                          "ResynchronizeBytesPerSecond",
                                          "ResynchronizeTimeRemaining",
                                          "NextAttemptTime",
                                          "FailedAttempts",
                                          "LastError",
                                          "Comparison",
                                          "LastComparison",
                                          "Disks"};
    ask_do(s, ENABLE_PRIMARY("vm", DISK(P1)));
    json_t *result = ask_done(s, "{\"verb\": \"status\"}");
    const json_t *r = json_array_get(json_object_get(result, "Relationships"), 0);
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (!json_object_get(r, members[i]))
            fail_msg("%s is missing", members[i]);
    const json_t *server = json_object_get(result, "Server");
    assert_string_equal(ask_text(server, "ListenAddress"), "127.0.0.1");
    assert_int_equal(json_integer_value(json_object_get(server, "MaximumActiveTransfers")), 3);
    json_decref(result);
}

static void status__running__sums_the_disks(void **state)
{
    struct stage *s = *state;
    ask_do(s, ENABLE_PRIMARY("vm", DISK(P1) ", " DISK(P2)));
    s->hold = true;
    ask_do(s, "{\"verb\": \"resume\", \"name\": \"vm\", \"resynchronize\": true}");
    stage_await(s, &s->runs, 1);
    struct resync_progress progress = {
        .activity = "Comparing", .rate = 1000, .remaining_s = 42, .disk_count = 2};
    for (unsigned i = 0; i < 2; i++)
        progress.disk[i] =
            (struct disk_progress){.total = 100 + i, .compared = 50 + i, .different = 5, .sent = 3};
    registry_set_progress(s->supervisor.context.registry, stage_key(s, "vm"), PROGRESS_RESYNC,
                          &progress);
    json_t *result = ask_done(s, "{\"verb\": \"status\", \"name\": \"vm\"}");
    const json_t *r = json_array_get(json_object_get(result, "Relationships"), 0);
    assert_int_equal(json_integer_value(json_object_get(r, "ResynchronizeBytesTotal")), 201);
    assert_int_equal(json_integer_value(json_object_get(r, "ResynchronizeBytesCompared")), 101);
    assert_int_equal(json_integer_value(json_object_get(r, "ResynchronizeTimeRemaining")), 42);
    assert_string_equal(ask_text(r, "ResynchronizeActivity"), "Comparing");
    assert_string_equal(ask_text(r, "ReplicationHealthText"), "Normal");
    const json_t *second = json_array_get(json_object_get(r, "Disks"), 1);
    assert_int_equal(json_integer_value(json_object_get(second, "ResynchronizeBytesCompared")), 51);
    json_decref(result);
}

static void status__nobody__not_found(void **state)
{
    struct stage *s = *state;
    ask_refused(s, "{\"verb\": \"status\", \"name\": \"nobody\"}", STATUS_NOT_FOUND, "nobody");
    json_t *result = ask_done(s, "{\"verb\": \"status\"}");
    assert_int_equal(json_array_size(json_object_get(result, "Relationships")), 0);
    json_decref(result);
}

// ---- verbs ----

static void resume__wrong_switches__refused(void **state)
{
    struct stage *s = *state;
    ask_do(s, ENABLE_PRIMARY("vm", DISK(P1)));
    ask_refused(
        s, "{\"verb\": \"resume\", \"name\": \"vm\", \"resynchronize\": true, \"continue\": true}",
        STATUS_INVALID_ARGUMENT, "one of them");
    ask_refused(s, "{\"verb\": \"resume\", \"name\": \"vm\", \"adopt_identity\": true}",
                STATUS_INVALID_ARGUMENT, "resynchronize");
    ask_refused(s, "{\"verb\": \"resume\", \"name\": \"vm\", \"resynchronize\": 1}",
                STATUS_INVALID_ARGUMENT, "resynchronize");
    ask_refused(s, "{\"verb\": \"resume\", \"name\": \"vm\"}", STATUS_REFUSED,
                "WaitingForStartResynchronize");
}

static enum status look_at_options(struct relationship *r, void *argument)
{
    *(struct resume_options *)argument = (struct resume_options){
        .overwrite_replica = r->overwrite_replica, .adopt_identity = r->adopt_identity};
    return STATUS_OK;
}

static void resume__options__reach_the_record(void **state)
{
    struct stage *s = *state;
    struct resume_options options = {false};
    ask_do(s, ENABLE_PRIMARY("vm", DISK(P1)));
    s->hold = true;
    json_t *result =
        ask_done(s, "{\"verb\": \"resume\", \"name\": \"vm\", \"resynchronize\": true, "
                    "\"overwrite_replica\": true, \"adopt_identity\": true}");
    assert_true(strlen(ask_text(result, "Message")) > 0);
    assert_non_null(json_object_get(result, "Relationship"));
    json_decref(result);
    stage_change(s, stage_key(s, "vm"), look_at_options, &options);
    assert_true(options.overwrite_replica && options.adopt_identity);
}

static void unknown__verb_or_none__refused(void **state)
{
    struct stage *s = *state;
    ask_refused(s, "{\"verb\": \"fly\"}", STATUS_INVALID_ARGUMENT, "fly");
    ask_refused(s, "{}", STATUS_INVALID_ARGUMENT, "verb");
    ask_refused(s, "{\"verb\": 7}", STATUS_INVALID_ARGUMENT, "verb");
    json_t *result = ask_done(s, "{\"verb\": \"version\", \"of_the_future\": 1}");
    assert_string_equal(ask_text(result, "Version"), VREP_VERSION);
    assert_string_equal(ask_text(result, "Host"), "primary.example");
    json_decref(result);
}

// ---- settings ----

static void set__each_setting__kept_over_a_restart(void **state)
{
    struct stage *s = *state;
    ask_do(s, ENABLE_PRIMARY("vm", DISK(P1)));
    ask_do(s, ENABLE_REPLICA("copy", DISK(P2)));
    ask_do(s,
           "{\"verb\": \"set\", \"name\": \"vm\", \"bandwidth_limit\": 1000, \"replica_server\": "
           "\"elsewhere\", \"replica_port\": 5}");
    ask_do(s, "{\"verb\": \"set\", \"name\": \"copy\", \"allowed_primary\": \"one\"}");
    assert_int_equal(stage_events(s, 50002), 2);
    stage_restart(s);
    struct relationship *r = stage_record(s, stage_key(s, "vm"));
    assert_int_equal(r->bandwidth_limit, 1000);
    assert_string_equal(r->replica_server, "elsewhere");
    assert_int_equal(r->replica_port, 5);
    relationship_free(r);
    r = stage_record(s, stage_key(s, "copy"));
    assert_string_equal(r->allowed_primary, "one");
    relationship_free(r);
    ask_do(s, "{\"verb\": \"set\", \"name\": \"copy\", \"allowed_primary\": \"\"}");
    r = stage_record(s, stage_key(s, "copy"));
    assert_null(r->allowed_primary);
    relationship_free(r);
}

static void set__wrong__refused_and_nothing_changes(void **state)
{
    struct stage *s = *state;
    ask_do(s, ENABLE_PRIMARY("vm", DISK(P1)));
    ask_do(s, ENABLE_REPLICA("copy", DISK(P2)));
    ask_refused(s, "{\"verb\": \"set\", \"name\": \"vm\"}", STATUS_INVALID_ARGUMENT, "no setting");
    ask_refused(s, "{\"verb\": \"set\", \"name\": \"vm\", \"bandwidth_limit\": -1}",
                STATUS_INVALID_ARGUMENT, "bandwidth_limit");
    ask_refused(
        s, "{\"verb\": \"set\", \"name\": \"vm\", \"bandwidth_limit\": 7, \"replica_port\": 0}",
        STATUS_INVALID_ARGUMENT, "65535");
    ask_refused(s, "{\"verb\": \"set\", \"name\": \"vm\", \"allowed_primary\": \"x\"}",
                STATUS_INVALID_ARGUMENT, "primary here");
    ask_refused(s, "{\"verb\": \"set\", \"name\": \"copy\", \"replica_server\": \"x\"}",
                STATUS_INVALID_ARGUMENT, "replica here");
    struct relationship *r = stage_record(s, stage_key(s, "vm"));
    assert_int_equal(r->bandwidth_limit, 0);
    relationship_free(r);
    s->hold = true;
    ask_do(s, "{\"verb\": \"resume\", \"name\": \"vm\", \"resynchronize\": true}");
    ask_refused(s, "{\"verb\": \"set\", \"name\": \"vm\", \"replica_server\": \"x\"}",
                STATUS_REFUSED, "'vm'");
}

static void server_set__limits__in_force_and_kept(void **state)
{
    struct stage *s = *state;
    json_t *server = ask_done(s, "{\"verb\": \"server-set\", \"bandwidth_limit\": 5000000, "
                                 "\"maximum_active_transfers\": 7}");
    assert_int_equal(json_integer_value(json_object_get(server, "BandwidthLimit")), 5000000);
    json_decref(server);
    ask_refused(s, "{\"verb\": \"server-set\"}", STATUS_INVALID_ARGUMENT, "no setting");
    ask_refused(s, "{\"verb\": \"server-set\", \"maximum_active_transfers\": 0}",
                STATUS_INVALID_ARGUMENT, "1024");
    ask_refused(s, "{\"verb\": \"server-set\", \"maximum_active_transfers\": 1025}",
                STATUS_INVALID_ARGUMENT, "1024");
    stage_restart(s);
    json_t *result = ask_done(s, "{\"verb\": \"status\"}");
    assert_int_equal(json_integer_value(json_object_get(json_object_get(result, "Server"),
                                                        "MaximumActiveTransfers")),
                     7);
    json_decref(result);
    assert_int_equal(stage_events(s, 50003), 1);
}

// ---- questions ----

static int64_t number(const json_t *object, const char *member)
{
    return json_integer_value(json_object_get(object, member));
}

static void plan__primary__ready_with_the_report(void **state)
{
    struct stage *s = *state;
    ask_do(s, ENABLE_PRIMARY("vm", DISK(P1)));
    ask_do(s, ENABLE_REPLICA("copy", DISK(P2)));
    ask_do(s, "{\"verb\": \"server-set\", \"bandwidth_limit\": 4711}");
    json_t *report =
        ask_done(s, "{\"verb\": \"plan\", \"name\": \"vm\", \"overwrite_replica\": true}");
    assert_true(json_is_true(json_object_get(report, "Ready")));
    assert_string_equal(ask_text(report, "ReplicaHost"), "there");
    assert_int_equal(number(report, "kind"), QUESTION_PLAN);
    assert_int_not_equal(number(report, "key"), 0);
    assert_int_equal(number(report, "limit"), 4711);
    assert_true(json_is_true(json_object_get(report, "overwrite")));
    json_decref(report);
    report = ask_done(s, "{\"verb\": \"plan\", \"name\": \"vm\", \"resynchronize_start_time\": "
                         "\"1970-01-01T00:00:01Z\"}");
    assert_int_equal(number(report, "start_time"), 1000);
    json_decref(report);
    ask_refused(s, "{\"verb\": \"plan\", \"name\": \"vm\", \"resynchronize_start_time\": \"x\"}",
                STATUS_INVALID_ARGUMENT, "is not a time");
    ask_refused(s, "{\"verb\": \"plan\", \"name\": \"copy\"}", STATUS_REFUSED, "replica here");
    ask_refused(s, "{\"verb\": \"plan\", \"name\": \"nobody\"}", STATUS_NOT_FOUND, "nobody");
    ask_refused(s, "{\"verb\": \"plan\"}", STATUS_INVALID_ARGUMENT, "name");
}

static void test_connection__server_or_name__asks_that(void **state)
{
    struct stage *s = *state;
    ask_do(s, ENABLE_PRIMARY("vm", DISK(P1)));
    ask_do(s, ENABLE_REPLICA("copy", DISK(P2)));
    json_t *report = ask_done(s, "{\"verb\": \"test-connection\", \"server\": \"hv02\"}");
    assert_int_equal(number(report, "kind"), QUESTION_CONNECTION);
    assert_int_equal(number(report, "key"), 0);
    assert_string_equal(ask_text(report, "server"), "hv02");
    assert_int_equal(number(report, "port"), 29242);
    json_decref(report);
    report = ask_done(s, "{\"verb\": \"test-connection\", \"server\": \"hv02\", \"port\": 7}");
    assert_int_equal(number(report, "port"), 7);
    json_decref(report);
    report = ask_done(s, "{\"verb\": \"test-connection\", \"name\": \"vm\"}");
    assert_int_not_equal(number(report, "key"), 0);
    json_decref(report);
    ask_refused(s, "{\"verb\": \"test-connection\"}", STATUS_INVALID_ARGUMENT, "server");
    ask_refused(s, "{\"verb\": \"test-connection\", \"server\": \"a\", \"name\": \"vm\"}",
                STATUS_INVALID_ARGUMENT, "server");
    ask_refused(s, "{\"verb\": \"test-connection\", \"server\": \"a b\"}", STATUS_INVALID_ARGUMENT,
                "server");
    ask_refused(s, "{\"verb\": \"test-connection\", \"server\": \"a\", \"port\": 65536}",
                STATUS_INVALID_ARGUMENT, "port");
    ask_refused(s, "{\"verb\": \"test-connection\", \"name\": \"copy\"}", STATUS_REFUSED,
                "replica here");
}

// ---- comparisons ----

static void compare__to_its_end__keeps_what_was_found(void **state)
{
    struct stage *s = *state;
    ask_do(s, ENABLE_PRIMARY("vm", DISK(P1)));
    registry_key key = stage_key(s, "vm");
    ask_do(s, "{\"verb\": \"compare\", \"name\": \"vm\"}");
    stage_await_idle(s, key);
    stage_restart(s);
    json_t *shown = ask_done(s, "{\"verb\": \"status\", \"name\": \"vm\"}");
    const json_t *r = json_array_get(json_object_get(shown, "Relationships"), 0);
    const json_t *last = json_object_get(r, "LastComparison");
    assert_true(json_is_null(json_object_get(r, "Comparison")));
    assert_string_equal(ask_text(last, "Outcome"), "Finished");
    assert_true(json_is_true(json_object_get(last, "ResynchronizeNeeded")));
    assert_int_equal(number(last, "BytesDifferent"), 8192);
    assert_int_equal(number(r, "ReplicationState"), REPLICATION_WAITING_FOR_START_RESYNCHRONIZE);
    json_decref(shown);
    assert_int_equal(stage_events(s, ComparisonStarted_value), 1);
    assert_int_equal(stage_events(s, ComparisonFoundDifferences_value), 1);
}

static void compare__running__only_stop_and_remove(void **state)
{
    struct stage *s = *state;
    ask_do(s, ENABLE_PRIMARY("vm", DISK(P1)));
    registry_key key = stage_key(s, "vm");
    stage_set(s, &s->hold_compare, true);
    ask_do(s, "{\"verb\": \"compare\", \"name\": \"vm\"}");
    stage_await(s, &s->compares, 1);
    ask_refused(s, "{\"verb\": \"resume\", \"name\": \"vm\", \"resynchronize\": true}",
                STATUS_REFUSED, "being compared");
    ask_refused(s, "{\"verb\": \"compare\", \"name\": \"vm\"}", STATUS_REFUSED, "being compared");
    json_t *shown = ask_done(s, "{\"verb\": \"stop\", \"name\": \"vm\"}");
    json_decref(shown);
    stage_await_idle(s, key);
    struct relationship *r = stage_record(s, key);
    assert_int_equal(r->comparing_since, 0);
    assert_int_equal(r->comparison.outcome, COMPARISON_STOPPED);
    relationship_free(r);
    ask_do(s, "{\"verb\": \"compare\", \"name\": \"vm\"}");
    stage_await(s, &s->compares, 2);
    ask_do(s, "{\"verb\": \"remove\", \"name\": \"vm\"}");
}

static void compare__service_ends__interrupted(void **state)
{
    struct stage *s = *state;
    ask_do(s, ENABLE_PRIMARY("vm", DISK(P1)));
    stage_set(s, &s->hold_compare, true);
    ask_do(s, "{\"verb\": \"compare\", \"name\": \"vm\"}");
    stage_await(s, &s->compares, 1);
    stage_restart(s);
    struct relationship *r = stage_record(s, stage_key(s, "vm"));
    assert_int_equal(r->comparing_since, 0);
    assert_int_equal(r->comparison.outcome, COMPARISON_INTERRUPTED);
    relationship_free(r);
    assert_int_equal(s->compares, 1); // not gone on with
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, stage_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(enable__primary__waits_for_its_first_resynchronization),
        TEST(enable__replica__has_no_id_before_contact),
        TEST(enable__wrong_arguments__one_clear_error_each),
        TEST(enable__vhd__on_either_side),
        TEST(enable__disk_of_another__refused_with_its_name),
        TEST(enable__disk_blocks__answered_in_time),
        TEST(status__every_member_of_the_document__is_there),
        TEST(status__running__sums_the_disks),
        TEST(status__nobody__not_found),
        TEST(resume__wrong_switches__refused),
        TEST(resume__options__reach_the_record),
        TEST(unknown__verb_or_none__refused),
        TEST(set__each_setting__kept_over_a_restart),
        TEST(set__wrong__refused_and_nothing_changes),
        TEST(server_set__limits__in_force_and_kept),
        TEST(plan__primary__ready_with_the_report),
        TEST(test_connection__server_or_name__asks_that),
        TEST(compare__to_its_end__keeps_what_was_found),
        TEST(compare__running__only_stop_and_remove),
        TEST(compare__service_ends__interrupted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
