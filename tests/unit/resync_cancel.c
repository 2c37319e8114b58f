// What ends a resynchronization before its time, and how it goes on: cancel, suspend, lost
// services, changed disks.
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/os.h"
#include "service/replicate/resync_primary.h"
#include "service/replicate/resync_replica.h"
#include "service/replicate/unit_digest.h"
#include "tests/support/service/resync_pair.h"
#include "tests/support/test.h"

#define KIB 1024ull
#define MIB (1024 * KIB)

static struct random seed(void)
{
    return random_start(random_seed("resync_cancel"));
}

static struct relationship *record_of(struct pair_side *side)
{
    struct relationship *r = NULL;
    assert_ok(registry_get(side->registry, side->key, &r));
    return r;
}

static enum resynchronize_phase phase_of(struct pair_side *side)
{
    struct relationship *r = record_of(side);
    enum resynchronize_phase phase = r->phase;
    relationship_free(r);
    return phase;
}

// Asked of the file system: a child that is being written cannot be opened, on Windows not even for
// a look.
static char *child_of(struct resync_pair *pair, bool merging)
{
    struct relationship *r = record_of(pair_primary(pair));
    char *path = resync_child_path(pair_replica(pair)->disk[0], &r->resync_id, merging);
    relationship_free(r);
    assert_non_null(path);
    return path;
}

static bool has_child(struct resync_pair *pair)
{
    char *part = child_of(pair, false), *merging = child_of(pair, true);
    bool has = os_file_exists(part) || os_file_exists(merging);
    free(part);
    free(merging);
    return has;
}

static void assert_end(enum resync_end actual, enum resync_end expected)
{
    if (actual != expected)
        print_error("ended with %d: %s\n", actual, status_last()->message);
    assert_int_equal(actual, expected);
}

static void assert_merges(struct resync_pair *pair)
{
    assert_end(pair_attempt(pair, NULL, NULL), RESYNC_MERGED);
    pair_wait_for_clean_up(pair);
    assert_true(pair_equal(pair_primary(pair)->disk[0], pair_replica(pair)->disk[0]));
    assert_false(has_child(pair));
}

// ---- an attempt in a thread of its own ----

struct attempt {
    struct resync_pair *pair;
    struct job *job;
    struct throttle *throttle;
    enum resync_end end;
    struct status_details why;
    pthread_t thread;
};

static void *run_attempt(void *argument)
{
    struct attempt *a = argument;
    a->end = pair_attempt(a->pair, a->job, a->throttle);
    a->why = *status_last();
    return NULL;
}

static void attempt_start(struct attempt *a, struct resync_pair *pair, uint64_t rate)
{
    a->pair = pair;
    assert_ok(job_new(&a->job));
    assert_ok(throttle_new(rate, &a->throttle));
    assert_int_equal(pthread_create(&a->thread, NULL, run_attempt, a), 0);
}

static void attempt_wait(struct attempt *a)
{
    pthread_join(a->thread, NULL);
    job_free(a->job);
    throttle_free(a->throttle);
}

// Gives the order and expects it to be followed within a second (and what a busy test machine
// adds).
static enum resync_end attempt_order(struct attempt *a, enum job_order order)
{
    int64_t began = clock_mono_ms();
    job_give_order(a->job, order);
    attempt_wait(a);
    assert_in_range(clock_mono_ms() - began, 0, 3000);
    return a->end;
}

static bool progress_of(struct resync_pair *pair, struct disk_progress *out)
{
    struct resync_progress progress;
    if (!registry_get_progress(pair_primary(pair)->registry, pair_primary(pair)->key,
                               PROGRESS_RESYNC, &progress))
        return false;
    *out = progress.disk[0];
    return true;
}

static void wait_for_sent(struct resync_pair *pair, uint64_t bytes)
{
    struct disk_progress disk = {.sent = 0};
    for (int i = 0; i < 2000 && !(progress_of(pair, &disk) && disk.sent >= bytes); i++)
        clock_sleep_ms(5);
    assert_true(disk.sent >= bytes);
}

static uint64_t cursor_of(struct resync_pair *pair)
{
    struct relationship *r = record_of(pair_replica(pair));
    uint64_t cursor = r->disks[0].cursor;
    relationship_free(r);
    return cursor;
}

static void wait_for_cursor(struct resync_pair *pair, uint64_t cursor)
{
    for (int i = 0; i < 4000; i++) {
        if (cursor_of(pair) >= cursor)
            return;
        clock_sleep_ms(5);
    }
    fail_msg("the cursor does not come to %llu", (unsigned long long)cursor);
}

static enum resync_end cancel(struct resync_pair *pair)
{
    struct job *job = NULL;
    assert_ok(job_new(&job));
    enum resync_end end =
        resync_primary_cancel(&pair_primary(pair)->context, pair_primary(pair)->key, job, 5000);
    job_free(job);
    return end;
}

static struct resync_pair *pair_with_data(uint64_t size, uint64_t data_at, uint64_t data_length)
{
    struct random r = seed();
    struct resync_pair *pair = pair_new(&(struct pair_options){.size = size});
    pair_write(pair_primary(pair)->disk[0], &r, data_at, data_length);
    return pair;
}

// Suspended far behind its first window: the cursor is at 300 MiB or later.
static struct resync_pair *suspended_pair(void)
{
    struct attempt a;
    struct resync_pair *pair = pair_with_data(320 * MIB, 300 * MIB, 16 * MIB);
    attempt_start(&a, pair, 2 * MIB);
    wait_for_cursor(pair, 256 * MIB);
    wait_for_sent(pair, MIB);
    assert_end(attempt_order(&a, JOB_SUSPEND), RESYNC_SUSPENDED);
    return pair;
}

// ---- cancel ----

static void cancel__in_the_middle__base_keeps_its_bytes(void **state)
{
    (void)state;
    struct attempt a;
    struct resync_pair *pair = pair_with_data(64 * MIB, 0, 32 * MIB);
    uint64_t before = pair_file_sum(pair_replica(pair)->disk[0]);
    attempt_start(&a, pair, 4 * MIB);
    wait_for_sent(pair, 2 * MIB);
    assert_true(has_child(pair));
    assert_end(attempt_order(&a, JOB_CANCEL),
               RESYNC_RETRY); // the cancel is asked for without the attempt
    assert_end(cancel(pair), RESYNC_CANCELLED);
    assert_false(has_child(pair));
    assert_true(pair_file_sum(pair_replica(pair)->disk[0]) == before);
    struct relationship *r = record_of(pair_replica(pair));
    assert_int_equal(r->phase, PHASE_NONE);
    assert_int_equal(r->state, REPLICATION_WAITING_FOR_START_RESYNCHRONIZE);
    assert_int_equal(r->last_outcome, OUTCOME_CANCELLED);
    relationship_free(r);
    assert_end(cancel(pair), RESYNC_CANCELLED);                   // repeated
    assert_end(pair_attempt(pair, NULL, NULL), RESYNC_CANCELLED); // the id is spent
    pair_request(pair, false);
    assert_merges(pair);
    pair_free(pair);
}

static void cancel__displaces_a_connection_that_still_works(void **state)
{
    (void)state;
    struct attempt a;
    struct resync_pair *pair = pair_with_data(64 * MIB, 0, 32 * MIB);
    attempt_start(&a, pair, 4 * MIB);
    wait_for_sent(pair, MIB);
    assert_end(cancel(pair), RESYNC_CANCELLED);
    attempt_wait(&a);
    assert_end(a.end, RESYNC_RETRY);
    assert_false(has_child(pair));
    pair_free(pair);
}

static void cancel__nothing_begun__granted(void **state)
{
    (void)state;
    struct resync_pair *pair = pair_with_data(MIB, 0, MIB);
    assert_end(cancel(pair), RESYNC_REFUSED); // the replica has not heard of the id
    assert_merges(pair);
    assert_end(cancel(pair), RESYNC_MERGED);
    pair_free(pair);
}

static void cancel__after_commit__too_late(void **state)
{
    (void)state;
    struct attempt a;
    struct random r = seed();
    struct job *job = NULL;
    struct resync_pair *pair = pair_new(&(struct pair_options){.size = 8 * MIB, .no_merge = true});
    pair_write(pair_primary(pair)->disk[0], &r, 0, MIB);
    attempt_start(&a, pair, 0);
    for (int i = 0; i < 2000 && phase_of(pair_replica(pair)) != PHASE_MERGING; i++)
        clock_sleep_ms(5);
    assert_int_equal(phase_of(pair_replica(pair)), PHASE_MERGING);
    assert_end(attempt_order(&a, JOB_CUT), RESYNC_CUT);
    assert_int_equal(phase_of(pair_primary(pair)), PHASE_COMMITTING);
    assert_end(cancel(pair), RESYNC_MERGED);
    assert_status(resync_replica_discard(&pair_replica(pair)->context, pair_replica(pair)->key),
                  STATUS_REFUSED);
    pair_restart_replica(pair);
    assert_ok(job_new(&job));
    assert_end(resync_replica_merge(&pair_replica(pair)->context, pair_replica(pair)->key, job),
               RESYNC_MERGED);
    job_free(job);
    assert_merges(pair); // asks for the outcome, that is all
    pair_free(pair);
}

// As when its relationship was removed and enabled again.
static enum status change_forgotten(struct relationship *r, void *argument)
{
    (void)argument;
    r->phase = PHASE_NONE;
    r->state = REPLICATION_WAITING_FOR_START_RESYNCHRONIZE;
    r->resync_id = r->last_resync_id = (struct guid){{0}};
    r->last_outcome = OUTCOME_NONE;
    return STATUS_OK;
}

static void cancel__replica_forgot_a_commit__claims_nothing(void **state)
{
    (void)state;
    struct attempt a;
    struct random r = seed();
    struct resync_pair *pair = pair_new(&(struct pair_options){.size = 8 * MIB, .no_merge = true});
    struct pair_side *replica = pair_replica(pair);
    pair_write(pair_primary(pair)->disk[0], &r, 0, MIB);
    attempt_start(&a, pair, 0);
    for (int i = 0; i < 2000 && phase_of(replica) != PHASE_MERGING; i++)
        clock_sleep_ms(5);
    assert_end(attempt_order(&a, JOB_CUT), RESYNC_CUT);
    assert_int_equal(phase_of(pair_primary(pair)), PHASE_COMMITTING);
    pair_restart_replica(pair);
    assert_ok(registry_update(replica->registry, replica->key, change_forgotten, NULL));
    assert_end(cancel(pair), RESYNC_GUARD);
    assert_int_equal(status_last()->status, STATUS_REPLICA_CHANGED);
    // Its answer was lost, so it is asked again, before and after a restart of the replica.
    assert_end(cancel(pair), RESYNC_GUARD);
    pair_restart_replica(pair);
    assert_end(cancel(pair), RESYNC_GUARD);
    assert_int_equal(status_last()->status, STATUS_REPLICA_CHANGED);
    assert_end(pair_attempt(pair, NULL, NULL), RESYNC_RESTART); // nor is it one to an attempt
    pair_free(pair);
}

static void discard__replica_removed_while_suspended__child_goes(void **state)
{
    (void)state;
    struct resync_pair *pair = suspended_pair();
    assert_true(has_child(pair));
    assert_ok(resync_replica_discard(&pair_replica(pair)->context, pair_replica(pair)->key));
    assert_false(has_child(pair));
    pair_free(pair);
}

// ---- going on ----

static void continue__after_suspend__from_the_cursor(void **state)
{
    (void)state;
    struct disk_progress disk = {.start = 0};
    struct resync_pair *pair = suspended_pair();
    assert_merges(pair);
    assert_true(progress_of(pair, &disk));
    assert_true(disk.start >= 256 * MIB);
    pair_free(pair);
}

// Within its first window, of which nothing was verified until then.
static void suspend_keeps_what_was_sent(bool replica_has_data)
{
    struct attempt a;
    struct random r = seed();
    struct disk_progress disk = {.start = 0};
    struct resync_pair *pair = pair_with_data(64 * MIB, 0, 32 * MIB);
    if (replica_has_data) { // then leaves are asked for, and units wait for them
        pair_write(pair_replica(pair)->disk[0], &r, 0, 4 * KIB);
        pair_write(pair_replica(pair)->disk[0], &r, 0, 32 * MIB); // not what the primary got
    }
    attempt_start(&a, pair, 4 * MIB);
    wait_for_sent(pair, 2 * MIB);
    assert_int_equal(cursor_of(pair), 0);
    assert_end(attempt_order(&a, JOB_SUSPEND), RESYNC_SUSPENDED);
    assert_true(progress_of(pair, &disk));
    // What was sent ahead of a unit that still waits for its leaves is sent again.
    assert_true(cursor_of(pair) >= (replica_has_data ? UNIT_SIZE : 2 * MIB));
    assert_true(disk.sent >= cursor_of(pair));
    assert_int_equal(disk.verified, cursor_of(pair));
    uint64_t cursor = cursor_of(pair);
    assert_merges(pair);
    assert_true(progress_of(pair, &disk));
    assert_int_equal(disk.start, cursor);
    pair_free(pair);
}

static void suspend__first_window__keeps_what_was_sent(void **state)
{
    (void)state;
    suspend_keeps_what_was_sent(false);
}

static void suspend__units_wait_for_leaves__keeps_what_was_sent(void **state)
{
    (void)state;
    suspend_keeps_what_was_sent(true);
}

// The bandwidth limit keeps a step from its end for minutes.
static void suspend__line_too_slow__ends_without_it(void **state)
{
    (void)state;
    struct attempt a;
    struct resync_pair *pair = pair_with_data(64 * MIB, 0, 32 * MIB);
    attempt_start(&a, pair, KIB);
    clock_sleep_ms(500);
    int64_t began = clock_mono_ms();
    job_give_order(a.job, JOB_SUSPEND);
    attempt_wait(&a);
    assert_end(a.end, RESYNC_SUSPENDED);
    assert_in_range(clock_mono_ms() - began, 0, 13000);
    assert_merges(pair);
    pair_free(pair);
}

static void suspend__then_cut__ends_at_once(void **state)
{
    (void)state;
    struct attempt a;
    struct resync_pair *pair = pair_with_data(64 * MIB, 0, 32 * MIB);
    attempt_start(&a, pair, KIB);
    clock_sleep_ms(500);
    job_give_order(a.job, JOB_SUSPEND);
    assert_end(attempt_order(&a, JOB_CUT), RESYNC_CUT);
    assert_merges(pair);
    pair_free(pair);
}

static void continue__replica_restarted__from_the_cursor(void **state)
{
    (void)state;
    struct disk_progress disk = {.start = 0};
    struct resync_pair *pair = suspended_pair();
    pair_restart_replica(pair);
    assert_merges(pair);
    assert_true(progress_of(pair, &disk));
    assert_true(disk.start >= 256 * MIB);
    pair_free(pair);
}

static void continue__replica_cut_in_the_middle__retries(void **state)
{
    (void)state;
    struct attempt a;
    struct resync_pair *pair = pair_with_data(64 * MIB, 0, 32 * MIB);
    attempt_start(&a, pair, 4 * MIB);
    wait_for_sent(pair, 2 * MIB);
    pair_restart_replica(pair);
    attempt_wait(&a);
    assert_end(a.end, RESYNC_RETRY);
    assert_merges(pair);
    pair_free(pair);
}

static void continue__primary_changed__from_block_0(void **state)
{
    (void)state;
    struct random r = seed();
    struct disk_progress disk = {.start = 0};
    struct resync_pair *pair = suspended_pair();
    pair_write(pair_primary(pair)->disk[0], &r, 5 * MIB, MIB); // behind the cursor
    assert_end(pair_attempt(pair, NULL, NULL), RESYNC_RESTART);
    assert_non_null(strstr(status_last()->message, "changed"));
    assert_merges(pair);
    assert_true(progress_of(pair, &disk));
    assert_int_equal(disk.start, 0);
    pair_free(pair);
}

static void continue__child_gone__from_block_0(void **state)
{
    (void)state;
    struct resync_pair *pair = suspended_pair();
    char *child = child_of(pair, false);
    assert_ok(file_system_os()->remove(file_system_os(), child));
    free(child);
    assert_end(pair_attempt(pair, NULL, NULL), RESYNC_RESTART);
    assert_merges(pair);
    pair_free(pair);
}

static void continue__base_written_by_somebody__refused_and_child_deleted(void **state)
{
    (void)state;
    struct random r = seed();
    struct resync_pair *pair = suspended_pair();
    pair_restart_replica(pair); // our own hold would keep that somebody out
    pair_write(pair_replica(pair)->disk[0], &r, MIB, 4096);
    assert_end(pair_attempt(pair, NULL, NULL), RESYNC_GUARD);
    assert_int_equal(status_last()->event_id, 32390);
    assert_false(has_child(pair));
    pair_request(pair, true);
    assert_merges(pair);
    pair_free(pair);
}

static void hold__child_exists__nobody_writes_the_base(void **state)
{
    (void)state;
    struct resync_pair *pair = suspended_pair();
    struct vhd_open how = {.writable = true, .share = FILE_SHARE_DENY_WRITE};
    struct vhd *disk = NULL;
    assert_status(vhd_open(pair_replica(pair)->disk[0], &how, &disk), STATUS_IN_USE);
    pair_free(pair);
}

static void commit__base_has_become_a_parent__refused_and_goes_on_later(void **state)
{
    (void)state;
    struct resync_pair *pair = suspended_pair();
    char *folder = os_path_folder(pair_replica(pair)->disk[0]);
    char *other = os_path_join(folder, "checkpoint.avhdx");
    assert_ok(vhd_create_child(other, pair_replica(pair)->disk[0], NULL));
    assert_end(pair_attempt(pair, NULL, NULL), RESYNC_REFUSED);
    assert_ok(os_remove_file(other));
    assert_merges(pair);
    free(other);
    free(folder);
    pair_free(pair);
}

static void guard__replica_written_after_the_merge__refused(void **state)
{
    (void)state;
    struct random r = seed();
    struct resync_pair *pair = pair_with_data(8 * MIB, 0, MIB);
    assert_merges(pair);
    pair_write(pair_replica(pair)->disk[0], &r, 2 * MIB, 4096);
    uint64_t before = pair_file_sum(pair_replica(pair)->disk[0]);
    pair_request(pair, false);
    assert_end(pair_attempt(pair, NULL, NULL), RESYNC_GUARD);
    assert_true(pair_file_sum(pair_replica(pair)->disk[0]) == before);
    assert_false(has_child(pair));
    pair_request(pair, true);
    assert_merges(pair);
    pair_free(pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cancel__in_the_middle__base_keeps_its_bytes),
        cmocka_unit_test(cancel__displaces_a_connection_that_still_works),
        cmocka_unit_test(cancel__nothing_begun__granted),
        cmocka_unit_test(cancel__after_commit__too_late),
        cmocka_unit_test(cancel__replica_forgot_a_commit__claims_nothing),
        cmocka_unit_test(discard__replica_removed_while_suspended__child_goes),
        cmocka_unit_test(continue__after_suspend__from_the_cursor),
        cmocka_unit_test(suspend__first_window__keeps_what_was_sent),
        cmocka_unit_test(suspend__units_wait_for_leaves__keeps_what_was_sent),
        cmocka_unit_test(suspend__line_too_slow__ends_without_it),
        cmocka_unit_test(suspend__then_cut__ends_at_once),
        cmocka_unit_test(continue__replica_restarted__from_the_cursor),
        cmocka_unit_test(continue__replica_cut_in_the_middle__retries),
        cmocka_unit_test(continue__primary_changed__from_block_0),
        cmocka_unit_test(continue__child_gone__from_block_0),
        cmocka_unit_test(continue__base_written_by_somebody__refused_and_child_deleted),
        cmocka_unit_test(hold__child_exists__nobody_writes_the_base),
        cmocka_unit_test(commit__base_has_become_a_parent__refused_and_goes_on_later),
        cmocka_unit_test(guard__replica_written_after_the_merge__refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
