#include "tests/support/test.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "service/registry.h"
#include "tests/support/must.h"
#include "tests/support/records.h"
#include "tests/support/temp.h"

struct fixture {
    const char *folder;
    struct store *store;
    struct registry *registry;
};

static int set_up(void **state)
{
    struct fixture *f = must_alloc(sizeof *f);
    f->folder = temp_folder();
    *state = f;
    return store_open(f->folder, &f->store) == STATUS_OK &&
                   registry_open(f->store, &f->registry) == STATUS_OK
               ? 0
               : -1;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    registry_close(f->registry);
    store_close(f->store);
    temp_remove(f->folder);
    free(f);
    return 0;
}

static void reopen(struct fixture *f)
{
    registry_close(f->registry);
    store_close(f->store);
    assert_ok(store_open(f->folder, &f->store));
    assert_ok(registry_open(f->store, &f->registry));
}

static registry_key add(struct fixture *f, const char *name, enum replication_mode mode)
{
    registry_key key = 0;
    assert_ok(registry_add(f->registry, record_new(name, mode, 1), &key));
    assert_int_not_equal(key, 0);
    return key;
}

static enum status set_limit(struct relationship *r, void *argument)
{
    r->bandwidth_limit = *(const uint64_t *)argument;
    return STATUS_OK;
}

static uint64_t limit_of(struct fixture *f, registry_key key)
{
    struct relationship *r;
    assert_ok(registry_get(f->registry, key, &r));
    uint64_t limit = r->bandwidth_limit;
    relationship_free(r);
    return limit;
}

static void update__succeeds__seen_and_persisted(void **state)
{
    struct fixture *f = *state;
    registry_key key = add(f, "vm", MODE_PRIMARY);
    uint64_t limit = 12345;
    assert_ok(registry_update(f->registry, key, set_limit, &limit));
    assert_int_equal(limit_of(f, key), 12345);
    reopen(f);
    assert_ok(registry_find(f->registry, "vm", &key));
    assert_int_equal(limit_of(f, key), 12345);
}

static enum status spoil_and_fail(struct relationship *r, void *argument)
{
    (void)argument;
    r->bandwidth_limit = 1;
    return status_fail(STATUS_REFUSED, 0, "No.");
}

static void update__change_fails__nothing_changes(void **state)
{
    struct fixture *f = *state;
    registry_key key = add(f, "vm", MODE_PRIMARY);
    assert_status(registry_update(f->registry, key, spoil_and_fail, NULL), STATUS_REFUSED);
    assert_int_equal(limit_of(f, key), 0);
    reopen(f);
    assert_ok(registry_find(f->registry, "vm", &key));
    assert_int_equal(limit_of(f, key), 0);
}

static enum status name_badly(struct relationship *r, void *argument)
{
    (void)argument;
    r->bandwidth_limit = UINT64_MAX; // cannot be held by a state file
    return STATUS_OK;
}

static void update__save_fails__nothing_changes(void **state)
{
    struct fixture *f = *state;
    registry_key key = add(f, "vm", MODE_PRIMARY);
    assert_status(registry_update(f->registry, key, name_badly, NULL), STATUS_INVALID_ARGUMENT);
    assert_int_equal(limit_of(f, key), 0);
}

static void add__same_name_or_id__refused(void **state)
{
    struct fixture *f = *state;
    registry_key key = add(f, "vm", MODE_PRIMARY);
    struct relationship *same = record_new("vm", MODE_PRIMARY, 1);
    assert_status(registry_add(f->registry, same, &key), STATUS_EXISTS);
    relationship_free(same);
    add(f, "vm", MODE_REPLICA); // the other mode may have the name
    struct relationship *first;
    assert_ok(registry_get(f->registry, key, &first));
    struct relationship *twin = record_new("other", MODE_PRIMARY, 1);
    twin->id = first->id;
    assert_status(registry_add(f->registry, twin, &key), STATUS_EXISTS);
    relationship_free(twin);
    relationship_free(first);
}

static enum status adopt(struct relationship *r, void *argument)
{
    r->id = *(const struct guid *)argument;
    return STATUS_OK;
}

static void update__adopts_an_id__found_by_it_unless_taken(void **state)
{
    struct fixture *f = *state;
    struct guid id;
    registry_key replica = add(f, "one", MODE_REPLICA), other = add(f, "two", MODE_REPLICA), found;
    assert_ok(guid_generate(&id));
    assert_ok(registry_update(f->registry, replica, adopt, &id));
    assert_ok(registry_find_id(f->registry, &id, &found));
    assert_int_equal(found, replica);
    assert_status(registry_update(f->registry, other, adopt, &id), STATUS_EXISTS);
    reopen(f);
    assert_ok(registry_find_id(f->registry, &id, &found));
    registry_key *keys;
    size_t count;
    assert_ok(registry_list(f->registry, &keys, &count));
    assert_int_equal(count, 2);
    free(keys);
}

static void find__by_name_id_or_neither(void **state)
{
    struct fixture *f = *state;
    registry_key key = add(f, "vm", MODE_PRIMARY), found = 0;
    struct relationship *r;
    struct guid zero = {{0}};
    char text[GUID_TEXT_SIZE];
    assert_ok(registry_get(f->registry, key, &r));
    assert_ok(registry_find(f->registry, "vm", &found));
    assert_int_equal(found, key);
    found = 0;
    assert_ok(registry_find(f->registry, guid_format(&r->id, text), &found));
    assert_int_equal(found, key);
    assert_status(registry_find(f->registry, "nobody", &found), STATUS_NOT_FOUND);
    assert_int_equal(status_last()->event_id, 32098);
    assert_non_null(strstr(status_last()->message, "nobody"));
    assert_status(registry_find_id(f->registry, &zero, &found), STATUS_NOT_FOUND);
    add(f, "vm", MODE_REPLICA);
    assert_status(registry_find(f->registry, "vm", &found), STATUS_INVALID_ARGUMENT);
    assert_non_null(strstr(status_last()->message, text)); // lists the ids
    relationship_free(r);
}

static void list__many__in_order_of_name(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = {"delta", "alpha", "charlie", "bravo"};
    for (size_t i = 0; i < 4; i++)
        add(f, names[i], MODE_PRIMARY);
    registry_key *keys;
    size_t count;
    static const char *const sorted[] = {"alpha", "bravo", "charlie", "delta"};
    assert_ok(registry_list(f->registry, &keys, &count));
    assert_int_equal(count, 4);
    for (size_t i = 0; i < 4; i++) {
        struct relationship *r;
        assert_ok(registry_get(f->registry, keys[i], &r));
        assert_string_equal(r->name, sorted[i]);
        relationship_free(r);
    }
    free(keys);
}

static void remove__key__never_used_again(void **state)
{
    struct fixture *f = *state;
    struct relationship *r;
    registry_key key = add(f, "vm", MODE_PRIMARY);
    uint64_t limit = 1;
    assert_ok(registry_remove(f->registry, key));
    assert_status(registry_get(f->registry, key, &r), STATUS_NOT_FOUND);
    assert_status(registry_update(f->registry, key, set_limit, &limit), STATUS_NOT_FOUND);
    assert_status(registry_remove(f->registry, key), STATUS_NOT_FOUND);
    assert_int_not_equal(add(f, "vm", MODE_PRIMARY), key);
}

static void progress__set_get_clear(void **state)
{
    struct fixture *f = *state;
    registry_key key = add(f, "vm", MODE_PRIMARY);
    struct resync_progress progress = {.activity = "Comparing", .disk_count = 1, .remaining_s = -1},
                           seen;
    progress.disk[0].compared = 77;
    assert_false(registry_get_progress(f->registry, key, PROGRESS_RESYNC, &seen));
    registry_set_progress(f->registry, key, PROGRESS_RESYNC, &progress);
    assert_true(registry_get_progress(f->registry, key, PROGRESS_RESYNC, &seen));
    assert_int_equal(seen.disk[0].compared, 77);
    registry_clear_progress(f->registry, key, PROGRESS_RESYNC);
    assert_false(registry_get_progress(f->registry, key, PROGRESS_RESYNC, &seen));
    registry_set_progress(f->registry, key + 1, PROGRESS_RESYNC, &progress); // nobody: no effect
    assert_false(registry_get_progress(f->registry, key + 1, PROGRESS_RESYNC, &seen));
}

// ---- readers never wait for a writer ----

struct slow {
    pthread_mutex_t gate; // held by the test while the change must last
    bool entered;
};

static enum status change_slowly(struct relationship *r, void *argument)
{
    struct slow *slow = argument;
    r->bandwidth_limit = 99;
    __atomic_store_n(&slow->entered, true, __ATOMIC_SEQ_CST);
    pthread_mutex_lock(&slow->gate);
    pthread_mutex_unlock(&slow->gate);
    return STATUS_OK;
}

struct writer {
    struct registry *registry;
    registry_key key;
    struct slow slow;
    enum status status;
};

static void *write_slowly(void *argument)
{
    struct writer *writer = argument;
    writer->status = registry_update(writer->registry, writer->key, change_slowly, &writer->slow);
    return NULL;
}

static void read__while_a_change_lasts__sees_the_old_record_at_once(void **state)
{
    struct fixture *f = *state;
    struct writer writer = {.registry = f->registry, .key = add(f, "vm", MODE_PRIMARY)};
    pthread_t thread;
    registry_key found;
    pthread_mutex_init(&writer.slow.gate, NULL);
    pthread_mutex_lock(&writer.slow.gate);
    assert_int_equal(pthread_create(&thread, NULL, write_slowly, &writer), 0);
    while (!__atomic_load_n(&writer.slow.entered, __ATOMIC_SEQ_CST)) {
    }
    assert_int_equal(limit_of(f, writer.key), 0);
    assert_ok(registry_find(f->registry, "vm", &found));
    registry_key other = add(f, "other", MODE_PRIMARY); // nor do other relationships wait
    uint64_t limit = 5;
    assert_ok(registry_update(f->registry, other, set_limit, &limit));
    pthread_mutex_unlock(&writer.slow.gate);
    pthread_join(thread, NULL);
    assert_ok(writer.status);
    assert_int_equal(limit_of(f, writer.key), 99);
    pthread_mutex_destroy(&writer.slow.gate);
}

// ---- many at once ----

#define THREADS 4
#define CHANGES 25

static enum status count_up(struct relationship *r, void *argument)
{
    (void)argument;
    r->bandwidth_limit++;
    return STATUS_OK;
}

static void *change_often(void *argument)
{
    struct writer *writer = argument;
    for (int i = 0; i < CHANGES && writer->status == STATUS_OK; i++) {
        struct relationship *r;
        writer->status = registry_update(writer->registry, writer->key, count_up, NULL);
        if (writer->status == STATUS_OK &&
            (writer->status = registry_get(writer->registry, writer->key, &r)) == STATUS_OK)
            relationship_free(r);
    }
    return NULL;
}

static void update__many_threads__none_is_lost(void **state)
{
    struct fixture *f = *state;
    registry_key key = add(f, "vm", MODE_PRIMARY);
    struct writer writers[THREADS];
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        writers[i] = (struct writer){.registry = f->registry, .key = key};
        assert_int_equal(pthread_create(&threads[i], NULL, change_often, &writers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_ok(writers[i].status);
    }
    assert_int_equal(limit_of(f, key), THREADS * CHANGES);
    reopen(f);
    assert_ok(registry_find(f->registry, "vm", &key));
    assert_int_equal(limit_of(f, key), THREADS * CHANGES);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(update__succeeds__seen_and_persisted),
        TEST(update__change_fails__nothing_changes),
        TEST(update__save_fails__nothing_changes),
        TEST(add__same_name_or_id__refused),
        TEST(update__adopts_an_id__found_by_it_unless_taken),
        TEST(find__by_name_id_or_neither),
        TEST(list__many__in_order_of_name),
        TEST(remove__key__never_used_again),
        TEST(progress__set_get_clear),
        TEST(read__while_a_change_lasts__sees_the_old_record_at_once),
        TEST(update__many_threads__none_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
