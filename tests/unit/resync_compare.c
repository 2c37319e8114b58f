// Whole resynchronizations between two sides in this process: what is compared, sent, verified,
// merged.
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tests/support/service/resync_pair.h"
#include "tests/support/test.h"

#define KIB 1024ull
#define MIB (1024 * KIB)

static struct random seed(void)
{
    return random_start(random_seed("resync_compare"));
}

static struct relationship *record_of(struct pair_side *side)
{
    struct relationship *r = NULL;
    assert_ok(registry_get(side->registry, side->key, &r));
    return r;
}

static void assert_merged(struct resync_pair *pair, size_t disks)
{
    pair_wait_for_clean_up(pair);
    struct relationship *p = record_of(pair_primary(pair)), *r = record_of(pair_replica(pair));
    assert_int_equal(p->phase, PHASE_NONE);
    assert_int_equal(p->last_outcome, OUTCOME_MERGED);
    assert_int_equal(r->phase, PHASE_NONE);
    assert_int_equal(r->state, REPLICATION_REPLICATING);
    assert_true(guid_equal(&p->id, &r->id));
    assert_true(guid_equal(&p->last_resync_id, &r->last_resync_id));
    for (size_t i = 0; i < disks; i++) {
        char *child = NULL;
        assert_true(p->disks[i].identity_saved && r->disks[i].identity_saved);
        assert_ok(vhd_find_child(pair_replica(pair)->disk[i], &child));
        assert_null(child);
        assert_true(pair_equal(pair_primary(pair)->disk[i], pair_replica(pair)->disk[i]));
    }
    relationship_free(p);
    relationship_free(r);
}

static void assert_resynchronizes(struct resync_pair *pair, size_t disks)
{
    enum resync_end end = pair_attempt(pair, NULL, NULL);
    if (end != RESYNC_MERGED)
        print_error("ended with %d: %s %s\n", end, status_last()->message, status_last()->action);
    assert_int_equal(end, RESYNC_MERGED);
    assert_merged(pair, disks);
}

static uint64_t bytes_sent(struct resync_pair *pair)
{
    struct resync_progress progress;
    assert_true(registry_get_progress(pair_primary(pair)->registry, pair_primary(pair)->key,
                                      PROGRESS_RESYNC, &progress));
    return progress.disk[0].sent;
}

static void compare__empty_disks__nothing_is_sent(void **state)
{
    (void)state;
    struct resync_pair *pair = pair_new(&(struct pair_options){.size = 64 * MIB});
    assert_resynchronizes(pair, 1);
    assert_int_equal(bytes_sent(pair), 0);
    pair_free(pair);
}

static void compare__first_copy__all_data_arrives(void **state)
{
    (void)state;
    struct random r = seed();
    struct resync_pair *pair = pair_new(&(struct pair_options){.size = 64 * MIB});
    pair_write(pair_primary(pair)->disk[0], &r, 3 * MIB + 512, 11 * MIB);
    assert_resynchronizes(pair, 1);
    pair_free(pair);
}

static void compare__few_blocks_differ__only_they_are_sent(void **state)
{
    (void)state;
    struct random r = seed();
    struct resync_pair *pair = pair_new(&(struct pair_options){.size = 64 * MIB});
    pair_write(pair_primary(pair)->disk[0], &r, 0, 40 * MIB);
    assert_resynchronizes(pair, 1);
    for (int i = 0; i < 300; i++)
        pair_write(pair_primary(pair)->disk[0], &r, random_below(&r, 40 * MIB / 4096) * 4096, 4096);
    pair_request(pair, false);
    assert_resynchronizes(pair, 1);
    assert_in_range(bytes_sent(pair), 290 * 4096, 300 * 4096);
    pair_free(pair);
}

static void compare__everything_differs__leaves_are_not_asked_for(void **state)
{
    (void)state;
    struct random r = seed();
    struct resync_pair *pair = pair_new(&(struct pair_options){.size = 64 * MIB});
    pair_write(pair_primary(pair)->disk[0], &r, 0, 64 * MIB);
    pair_write(pair_replica(pair)->disk[0], &r, 0, 64 * MIB);
    assert_resynchronizes(pair, 1);
    pair_free(pair);
}

static void compare__replica_has_data_where_primary_is_zero__zeroed(void **state)
{
    (void)state;
    struct random r = seed();
    struct resync_pair *pair = pair_new(&(struct pair_options){.size = 64 * MIB});
    pair_write(pair_replica(pair)->disk[0], &r, 5 * MIB, 20 * MIB);
    pair_write(pair_primary(pair)->disk[0], &r, 7 * MIB + 4096, 64 * KIB);
    assert_resynchronizes(pair, 1);
    pair_free(pair);
}

static void compare__odd_size__last_unit_is_short(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {512, 4096, 64 * KIB - 512, 64 * KIB + 512,
                                     3 * MIB + 4096 + 512};
    struct random r = seed();
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct resync_pair *pair = pair_new(&(struct pair_options){.size = sizes[i]});
        pair_write(pair_primary(pair)->disk[0], &r, 0, sizes[i]);
        assert_resynchronizes(pair, 1);
        pair_write(pair_primary(pair)->disk[0], &r, sizes[i] - 512, 512);
        pair_request(pair, false);
        assert_resynchronizes(pair, 1);
        pair_free(pair);
    }
}

static void compare__sectors_of_4096__resynchronizes(void **state)
{
    (void)state;
    struct random r = seed();
    struct resync_pair *pair =
        pair_new(&(struct pair_options){.size = 9 * MIB + 4096, .logical_sector_size = 4096});
    pair_write(pair_primary(pair)->disk[0], &r, 4096, 5 * MIB);
    pair_write(pair_replica(pair)->disk[0], &r, 9 * MIB, 4096);
    assert_resynchronizes(pair, 1);
    pair_free(pair);
}

static void compare__vhd_primary__resynchronizes(void **state)
{
    (void)state;
    static const enum vhd_type types[] = {VHD_TYPE_FIXED, VHD_TYPE_DYNAMIC};
    struct random r = seed();
    for (size_t i = 0; i < 2; i++) {
        struct resync_pair *pair = pair_new(&(struct pair_options){
            .size = 8 * MIB, .primary_format = VHD_FORMAT_VHD, .primary_type = types[i]});
        pair_write(pair_primary(pair)->disk[0], &r, 512, 3 * MIB);
        assert_resynchronizes(pair, 1);
        pair_free(pair);
    }
}

static void compare__several_disks__commit_together(void **state)
{
    (void)state;
    struct random r = seed();
    struct resync_pair *pair = pair_new(&(struct pair_options){.disks = 3, .size = 16 * MIB});
    pair_write(pair_primary(pair)->disk[0], &r, 0, 5 * MIB);
    pair_write(pair_primary(pair)->disk[2], &r, 9 * MIB, 5 * MIB);
    pair_write(pair_replica(pair)->disk[1], &r, MIB, MIB);
    assert_resynchronizes(pair, 3);
    pair_free(pair);
}

static void compare__random_changes__always_equal_afterwards(void **state)
{
    (void)state;
    struct random r = seed();
    struct resync_pair *pair = pair_new(&(struct pair_options){.size = 24 * MIB + 7 * 512});
    for (int round = 0; round < 12; round++) {
        for (uint64_t n = random_below(&r, 40); n > 0; n--) {
            uint64_t offset = random_below(&r, 24 * MIB / 512) * 512;
            uint64_t length = (1 + random_below(&r, random_chance(&r, 20) ? 4000 : 20)) * 512;
            length = length < 24 * MIB - offset ? length : 24 * MIB - offset;
            if (random_chance(&r, 30))
                pair_zero(pair_primary(pair)->disk[0], offset, length);
            else
                pair_write(pair_primary(pair)->disk[0], &r, offset, length);
        }
        pair_request(pair, false);
        assert_resynchronizes(pair, 1);
    }
    pair_free(pair);
}

static void throttle__bandwidth_limit__is_kept_and_changes_at_once(void **state)
{
    (void)state;
    struct random r = seed();
    struct throttle *throttle = NULL;
    struct resync_pair *pair = pair_new(&(struct pair_options){.size = 16 * MIB});
    pair_write(pair_primary(pair)->disk[0], &r, 0, 2 * MIB);
    assert_ok(throttle_new(2 * MIB, &throttle));
    int64_t began = clock_mono_ms();
    assert_int_equal(pair_attempt(pair, NULL, throttle), RESYNC_MERGED);
    assert_in_range(clock_mono_ms() - began, 800, 5000);
    throttle_free(throttle);
    pair_free(pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compare__empty_disks__nothing_is_sent),
        cmocka_unit_test(compare__first_copy__all_data_arrives),
        cmocka_unit_test(compare__few_blocks_differ__only_they_are_sent),
        cmocka_unit_test(compare__everything_differs__leaves_are_not_asked_for),
        cmocka_unit_test(compare__replica_has_data_where_primary_is_zero__zeroed),
        cmocka_unit_test(compare__odd_size__last_unit_is_short),
        cmocka_unit_test(compare__sectors_of_4096__resynchronizes),
        cmocka_unit_test(compare__vhd_primary__resynchronizes),
        cmocka_unit_test(compare__several_disks__commit_together),
        cmocka_unit_test(compare__random_changes__always_equal_afterwards),
        cmocka_unit_test(throttle__bandwidth_limit__is_kept_and_changes_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
