// What an attempt tells of troubles that are over, and of what it takes over.
#include "tests/support/test.h"

#include <stdlib.h>

#include "service/replicate/resync_primary.h"
#include "tests/support/service/resync_pair.h"

#define MIB (1024ull * 1024)

static enum status had_troubles(struct relationship *r, void *argument)
{
    (void)argument;
    r->attempts = 3;
    r->clocks_differ = true;
    return STATUS_OK;
}

static enum status wants_identity(struct relationship *r, void *argument)
{
    (void)argument;
    r->adopt_identity = true;
    return STATUS_OK;
}

static struct resync_pair *pair_with(registry_change change)
{
    struct resync_pair *pair = pair_new(&(struct pair_options){.size = 4 * MIB});
    struct pair_side *primary = pair_primary(pair);
    assert_ok(registry_update(primary->registry, primary->key, change, NULL));
    return pair;
}

static void attempt__after_troubles__tells_their_end_once(void **state)
{
    (void)state;
    struct resync_pair *pair = pair_with(had_troubles);
    const struct pair_side *primary = pair_primary(pair);
    assert_int_equal(pair_attempt(pair, NULL, NULL), RESYNC_MERGED);
    assert_int_equal(pair_events(primary, 50029), 1);
    assert_int_equal(pair_events(primary, 50045), 1);
    assert_int_equal(pair_events(primary, 50040), 0);
    struct relationship *r;
    assert_ok(registry_get(primary->registry, primary->key, &r));
    assert_false(r->clocks_differ);
    relationship_free(r);
    pair_free(pair);
}

static enum status had_none(struct relationship *r, void *argument)
{
    (void)r;
    (void)argument;
    return STATUS_OK;
}

static void attempt__without_troubles__tells_of_none(void **state)
{
    (void)state;
    struct resync_pair *pair = pair_with(had_none);
    assert_int_equal(pair_attempt(pair, NULL, NULL), RESYNC_MERGED);
    assert_int_equal(pair_events(pair_primary(pair), 50029), 0);
    assert_int_equal(pair_events(pair_primary(pair), 50045), 0);
    pair_wait_for_clean_up(pair);
    assert_int_equal(pair_events(pair_replica(pair), 50038), 0);
    pair_free(pair);
}

static void attempt__that_adopts_the_identity__tells_it_on_the_replica(void **state)
{
    (void)state;
    struct resync_pair *pair = pair_with(wants_identity);
    assert_int_equal(pair_attempt(pair, NULL, NULL), RESYNC_MERGED);
    pair_wait_for_clean_up(pair);
    assert_int_equal(pair_events(pair_replica(pair), 50038), 1);
    pair_free(pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attempt__after_troubles__tells_their_end_once),
        cmocka_unit_test(attempt__without_troubles__tells_of_none),
        cmocka_unit_test(attempt__that_adopts_the_identity__tells_it_on_the_replica),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
