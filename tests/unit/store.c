#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/os.h"
#include "service/engine/store.h"
#include "tests/support/must.h"
#include "tests/support/records.h"
#include "tests/support/temp.h"

struct fixture {
    const char *folder;
    struct store *store;
    size_t unreadable;
    char path[4096]; // of the last unreadable file
    struct status_details why;
};

static int set_up(void **state)
{
    struct fixture *f = must_alloc(sizeof *f);
    f->folder = temp_folder();
    *state = f;
    return store_open(f->folder, &f->store) == STATUS_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    store_close(f->store);
    temp_remove(f->folder);
    free(f);
    return 0;
}

static void reopen(struct fixture *f)
{
    store_close(f->store);
    f->store = NULL;
    assert_ok(store_open(f->folder, &f->store));
}

static void note_unreadable(void *context, const char *path)
{
    struct fixture *f = context;
    f->unreadable++;
    f->why = *status_last();
    snprintf(f->path, sizeof f->path, "%s", path);
}

static struct relationship **load(struct fixture *f, size_t wanted)
{
    struct relationship **all;
    size_t count;
    assert_ok(store_load_all(f->store, &all, &count, note_unreadable, f));
    assert_int_equal(count, wanted);
    return all;
}

static void free_loaded(struct relationship **all, size_t count)
{
    for (size_t i = 0; i < count; i++)
        relationship_free(all[i]);
    free(all);
}

static char *file_of(const struct fixture *f, const struct guid *name, const char *suffix)
{
    char text[GUID_TEXT_SIZE];
    char file_name[64];
    snprintf(file_name, sizeof file_name, "%s.json%s", guid_format(name, text), suffix);
    char *folder = must(os_path_join(f->folder, "relationships"));
    char *path = must(os_path_join(folder, file_name));
    free(folder);
    return path;
}

// Saves a primary and gives its id.
static struct guid saved(struct fixture *f, const char *name)
{
    struct relationship *r = record_new(name, MODE_PRIMARY, 1);
    assert_ok(store_save(f->store, r));
    struct guid id = r->id;
    relationship_free(r);
    return id;
}

// Changes one member of a relationship's file, behind the store's back.
static void doctor(const struct fixture *f, const struct guid *id, const char *member,
                   json_t *value)
{
    char *path = file_of(f, id, "");
    json_t *object = must(json_load_file(path, 0, NULL));
    json_object_set_new(object, member, value);
    assert_int_equal(json_dump_file(object, path, 0), 0);
    json_decref(object);
    free(path);
}

static void save_and_load__every_field__is_the_same(void **state)
{
    struct fixture *f = *state;
    struct relationship *full = record_full();
    assert_ok(store_save(f->store, full));
    assert_true(guid_equal(&full->stored_as, &full->id));
    reopen(f);
    struct relationship **all = load(f, 1);
    record_assert_equal(full, all[0]);
    assert_true(guid_equal(&all[0]->stored_as, &full->id));
    free_loaded(all, 1);
    assert_ok(store_remove(f->store, full));
    free_loaded(load(f, 0), 0);
    assert_ok(store_remove(f->store, full)); // gone already
    relationship_free(full);
}

static void open__twice__in_use(void **state)
{
    struct fixture *f = *state;
    struct store *second = NULL;
    assert_status(store_open(f->folder, &second), STATUS_IN_USE);
    assert_null(second);
    assert_non_null(strstr(status_last()->message, f->folder));
    reopen(f); // and free again after a close
}

static void replica_before_contact__saved__renamed_with_its_id(void **state)
{
    struct fixture *f = *state;
    struct relationship *r = record_new("vm", MODE_REPLICA, 1);
    assert_ok(store_save(f->store, r));
    struct guid before = r->stored_as;
    assert_false(guid_is_zero(&before));
    assert_ok(store_save(f->store, r));
    assert_true(guid_equal(&r->stored_as, &before));
    assert_ok(guid_generate(&r->id));
    assert_ok(store_save(f->store, r));
    assert_true(guid_equal(&r->stored_as, &r->id));
    char *old = file_of(f, &before, "");
    assert_false(os_file_exists(old));
    free(old);
    struct relationship **all = load(f, 1);
    record_assert_equal(r, all[0]);
    free_loaded(all, 1);
    relationship_free(r);
}

// The three steps of a save under a new id: the old file says the new id; both exist; the old one
// is gone.
static void rename__crash_between_its_steps__one_record_stays(void **state)
{
    struct fixture *f = *state;
    struct guid id;
    struct relationship *r = record_new("vm", MODE_REPLICA, 1);
    assert_ok(store_save(f->store, r));
    struct guid before = r->stored_as;
    assert_ok(guid_generate(&id));
    char text[GUID_TEXT_SIZE];
    doctor(f, &before, "VMId", json_string(guid_format(&id, text))); // after step 1
    struct relationship **all = load(f, 1);
    assert_true(guid_equal(&all[0]->id, &id));
    assert_true(guid_equal(&all[0]->stored_as, &before));
    r->id = id;
    assert_ok(store_save(f->store, all[0])); // brings it home
    assert_true(guid_equal(&all[0]->stored_as, &id));
    free_loaded(all, 1);

    r->stored_as = (struct guid){{0}};
    struct guid real = r->id;
    r->id = (struct guid){{0}};
    assert_ok(store_save(f->store, r)); // a second file ...
    doctor(f, &r->stored_as, "VMId",
           json_string(guid_format(&real, text))); // ... of the same id: after step 2
    all = load(f, 1);
    assert_true(guid_equal(&all[0]->stored_as, &real));
    char *old = file_of(f, &r->stored_as, "");
    assert_false(os_file_exists(old));
    free(old);
    free_loaded(all, 1);
    relationship_free(r);
}

static void save__cut_short__the_old_state_stays(void **state)
{
    struct fixture *f = *state;
    struct guid id = saved(f, "vm");
    char *half = file_of(f, &id, ".new"); // what a crash leaves of the next save
    assert_ok(os_replace_file(half, "{\"format\": \"VRepRel", 19));
    reopen(f);
    struct relationship **all = load(f, 1);
    assert_string_equal(all[0]->name, "vm");
    assert_int_equal(f->unreadable, 0);
    all[0]->bandwidth_limit = 5;
    assert_ok(store_save(f->store, all[0]));
    free_loaded(all, 1);
    all = load(f, 1);
    assert_int_equal(all[0]->bandwidth_limit, 5);
    free_loaded(all, 1);
    free(half);
}

static void load__newer_major__left_untouched_and_reported(void **state)
{
    struct fixture *f = *state;
    struct guid newer = saved(f, "newer"), fine = saved(f, "fine");
    char *path = file_of(f, &newer, "");
    char *before, *after;
    size_t size_before, size_after;
    doctor(f, &newer, "major", json_integer(RELATIONSHIP_MAJOR + 1));
    assert_ok(os_read_file(path, 1 << 20, &before, &size_before));
    struct relationship **all = load(f, 1);
    assert_true(guid_equal(&all[0]->id, &fine));
    assert_int_equal(f->unreadable, 1);
    assert_string_equal(f->path, path);
    assert_int_equal(f->why.status, STATUS_VERSION);
    assert_ok(os_read_file(path, 1 << 20, &after, &size_after));
    assert_int_equal(size_before, size_after);
    assert_memory_equal(before, after, size_before);
    free_loaded(all, 1);
    free(before);
    free(after);
    free(path);
}

static void load__older_major__migrated_after_a_copy(void **state)
{
    struct fixture *f = *state;
    struct guid old = saved(f, "old");
    doctor(f, &old, "major", json_integer(RELATIONSHIP_MAJOR - 1));
    struct relationship **all = load(f, 1);
    char *copy = file_of(f, &old, ".v0");
    assert_true(os_file_exists(copy));
    assert_ok(store_save(f->store, all[0]));
    free_loaded(all, 1);
    all = load(f, 1);
    free_loaded(all, 1);
    assert_int_equal(f->unreadable, 0);
    free(copy);
}

static void load__newer_minor__keeps_what_it_does_not_know(void **state)
{
    struct fixture *f = *state;
    struct guid id = saved(f, "vm");
    doctor(f, &id, "minor", json_integer(RELATIONSHIP_MINOR + 1));
    doctor(f, &id, "FromTheFuture", json_pack("{s:[i,i]}", "kept", 1, 2));
    struct relationship **all = load(f, 1);
    assert_ok(store_save(f->store, all[0]));
    free_loaded(all, 1);
    char *path = file_of(f, &id, "");
    json_t *object = must(json_load_file(path, 0, NULL));
    const json_t *kept = json_object_get(json_object_get(object, "FromTheFuture"), "kept");
    assert_int_equal(json_array_size(kept), 2);
    json_decref(object);
    free(path);
}

static void load__damaged__reported_and_the_others_load(void **state)
{
    struct fixture *f = *state;
    struct guid broken = saved(f, "broken");
    saved(f, "fine");
    char *path = file_of(f, &broken, "");
    static const char *const texts[] = {"", "{", "[]", "{\"format\": \"Other\", \"major\": 1}",
                                        "{\"format\": \"VRepRelationship\", \"major\": 1}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_ok(os_replace_file(path, texts[i], strlen(texts[i])));
        f->unreadable = 0;
        free_loaded(load(f, 1), 1);
        assert_int_equal(f->unreadable, 1);
        assert_int_equal(f->why.status, STATUS_DAMAGED);
        assert_non_null(strstr(f->why.message, path));
    }
    free(path);
}

static void settings__none_saved__the_defaults(void **state)
{
    struct fixture *f = *state;
    struct server_settings settings;
    assert_ok(store_load_settings(f->store, &settings));
    assert_string_equal(settings.listen_address, "127.0.0.1");
    assert_int_equal(settings.listen_port, 29242);
    assert_int_equal(settings.bandwidth_limit, 0);
    assert_int_equal(settings.maximum_active_transfers, 3);
    assert_int_equal(settings.watch_interval_s, 30);
    assert_null(settings.metrics_folder);
    assert_int_equal(settings.metrics_interval_s, 15);
    assert_null(settings.unknown);
    server_settings_free(&settings);
}

static void settings__saved__are_the_same_with_unknown_members(void **state)
{
    struct fixture *f = *state;
    struct server_settings settings = {.listen_port = 5,
                                       .bandwidth_limit = INT64_MAX,
                                       .maximum_active_transfers = 1024,
                                       .watch_interval_s = 1,
                                       .metrics_interval_s = 86400,
                                       .unknown = json_pack("{s:b}", "Later", 1)};
    assert_ok(relationship_set_text(&settings.listen_address, "::1"));
    assert_ok(relationship_set_text(&settings.metrics_folder, f->folder));
    assert_ok(store_save_settings(f->store, &settings));
    server_settings_free(&settings);
    reopen(f);
    assert_ok(store_load_settings(f->store, &settings));
    assert_string_equal(settings.listen_address, "::1");
    assert_int_equal(settings.listen_port, 5);
    assert_true(settings.bandwidth_limit == INT64_MAX);
    assert_int_equal(settings.maximum_active_transfers, 1024);
    assert_int_equal(settings.watch_interval_s, 1);
    assert_string_equal(settings.metrics_folder, f->folder);
    assert_int_equal(settings.metrics_interval_s, 86400);
    assert_true(json_is_true(json_object_get(settings.unknown, "Later")));
    server_settings_free(&settings);
}

static void settings__impossible__a_failure_that_names_them(void **state)
{
    struct fixture *f = *state;
    struct server_settings settings = {0};
    char *path = must(os_path_join(f->folder, "config.json"));
    static const char *const members[] = {
        "\"ListenPort\": 65536",    "\"MaximumActiveTransfers\": 0", "\"WatchIntervalSec\": 0",
        "\"ListenAddress\": 5",     "\"BandwidthLimit\": -1",        "\"MetricsFolder\": \"here\"",
        "\"MetricsIntervalSec\": 0"};
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        char text[200];
        int size =
            snprintf(text, sizeof text,
                     "{\"format\": \"VRepSettings\", \"major\": 1, \"minor\": 0, %s}", members[i]);
        assert_ok(os_replace_file(path, text, (size_t)size));
        assert_status(store_load_settings(f->store, &settings), STATUS_INVALID_ARGUMENT);
        assert_non_null(strstr(status_last()->message, "config.json"));
        assert_null(settings.listen_address);
    }
    free(path);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(save_and_load__every_field__is_the_same),
        TEST(open__twice__in_use),
        TEST(replica_before_contact__saved__renamed_with_its_id),
        TEST(rename__crash_between_its_steps__one_record_stays),
        TEST(save__cut_short__the_old_state_stays),
        TEST(load__newer_major__left_untouched_and_reported),
        TEST(load__older_major__migrated_after_a_copy),
        TEST(load__newer_minor__keeps_what_it_does_not_know),
        TEST(load__damaged__reported_and_the_others_load),
        TEST(settings__none_saved__the_defaults),
        TEST(settings__saved__are_the_same_with_unknown_members),
        TEST(settings__impossible__a_failure_that_names_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
