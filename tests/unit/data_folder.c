// The data folder as an installer makes and removes it: nothing of anybody else's is ever touched.
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "service/configure/data_folder.h"
#include "service/engine/store.h"
#include "tests/support/records.h"
#include "tests/support/temp.h"

struct fixture {
    const char *parent;
    char *folder;
    struct buffer report;
};

static int set_up(void **state)
{
    static struct fixture f;
    f = (struct fixture){.parent = temp_folder()};
    f.folder = temp_path(f.parent, "data \xCE\xA9");
    *state = &f;
    return 0;
}

static int clean_up(void **state)
{
    struct fixture *f = *state;
    buffer_free(&f->report);
    free(f->folder);
    temp_remove(f->parent);
    return 0;
}

static char *path_of(const struct fixture *f, const char *folder, const char *name)
{
    char *inner = folder ? temp_path(f->folder, folder) : strdup(f->folder);
    char *path = temp_path(inner, name);
    free(inner);
    return path;
}

static void put(const struct fixture *f, const char *folder, const char *name)
{
    char *path = path_of(f, folder, name);
    assert_ok(os_replace_file(path, "x", 1));
    free(path);
}

static bool there(const struct fixture *f, const char *folder, const char *name)
{
    char *path = path_of(f, folder, name);
    bool exists = os_file_exists(path);
    free(path);
    return exists;
}

static const char *told(const struct fixture *f)
{
    return f->report.data ? (const char *)f->report.data : "";
}

// Everything that a service leaves, and what replaced or migrated files leave beside it.
static void fill(const struct fixture *f)
{
    static const char id[] = "6f1c2b1e-8a3d-4c55-9a77-0123456789ab.json";
    struct store *store;
    struct relationship *r = record_new("vm", MODE_PRIMARY, 1);
    assert_ok(store_open(f->folder, &store));
    assert_ok(store_save(store, r));
    store_close(store);
    relationship_free(r);
    put(f, NULL, "config.json");
    put(f, NULL, "config.json.new");
    put(f, NULL, "config.json.v1");
    put(f, "relationships", id);
    put(f, "relationships", "6f1c2b1e-8a3d-4c55-9a77-0123456789ab.json.new");
    put(f, "relationships", "6f1c2b1e-8a3d-4c55-9a77-0123456789ab.json.v12");
    char *log = temp_path(f->folder, "log");
    assert_ok(os_make_folders(log, true));
    free(log);
    put(f, "log", "events.jsonl");
    put(f, "log", "events.4.jsonl");
}

// ---- make ----

static void make__new__folders_of_the_service(void **state)
{
    struct fixture *f = *state;
    bool made = false;
    assert_ok(data_folder_make(f->folder, &made));
    assert_true(made);
    assert_true(there(f, NULL, "relationships"));
    assert_true(there(f, NULL, "log"));
    made = true;
    assert_ok(data_folder_make(f->folder, &made)); // again
    assert_false(made);
    data_folder_unmake(f->folder);
    assert_false(os_file_exists(f->folder));
    data_folder_unmake(f->folder); // again
}

static void make__used_before__stays(void **state)
{
    struct fixture *f = *state;
    bool made = true;
    assert_ok(os_make_folders(f->folder, true));
    fill(f);
    put(f, NULL, "notes of an administrator.txt"); // the lock says that the folder is the service's
    assert_ok(data_folder_make(f->folder, &made));
    assert_false(made);
    data_folder_unmake(f->folder);
    assert_true(there(f, NULL, "config.json"));
    assert_true(there(f, "log", "events.jsonl"));
}

static void make__somebody_elses__refused(void **state)
{
    struct fixture *f = *state;
    bool made;
    assert_ok(os_make_folders(f->folder, false));
    put(f, NULL, "web1.vhdx");
    assert_status(data_folder_make(f->folder, &made), STATUS_REFUSED);
    assert_non_null(strstr(status_last()->message, f->folder));
    assert_false(there(f, NULL, "relationships"));
    char *root = os_path_folder(f->folder), *up = os_path_folder(root);
    while (strcmp(root, up) != 0) {
        free(root);
        root = up;
        up = os_path_folder(root);
    }
    assert_status(data_folder_make(root, &made), STATUS_REFUSED); // "/" or "C:\"
    free(root);
    free(up);
}

// ---- remove ----

static void remove__only_the_services_files__all_gone(void **state)
{
    struct fixture *f = *state;
    assert_ok(os_make_folders(f->folder, true));
    fill(f);
    assert_ok(data_folder_remove(f->folder, &f->report));
    assert_false(os_file_exists(f->folder));
    assert_non_null(strstr(told(f), "was removed"));
    assert_ok(data_folder_remove(f->folder, &f->report)); // again
}

static void remove__disks_and_strangers__stay_and_are_named(void **state)
{
    struct fixture *f = *state;
    static const char *const kept[][2] = {
        {NULL, "web1.vhdx"},
        {NULL, "lock.vhd"},
        {"log", "web1.6f1c2b1e-8a3d-4c55-9a77-0123456789ab.avhdx"},
        {"log", "events.x.jsonl"},
        {"relationships", "6f1c2b1e-8a3d-4c55-9a77-0123456789ab.vhdx"},
        {"relationships", "events.jsonl"},
    };
    assert_ok(os_make_folders(f->folder, true));
    fill(f);
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
        put(f, kept[i][0], kept[i][1]);
    assert_ok(data_folder_remove(f->folder, &f->report));
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        assert_true(there(f, kept[i][0], kept[i][1]));
        assert_non_null(strstr(told(f), kept[i][1]));
    }
    assert_false(there(f, NULL, "config.json"));
    assert_false(there(f, NULL, "lock"));
    assert_false(there(f, "log", "events.jsonl"));
    assert_non_null(strstr(told(f), "stays"));
}

static void remove__service_runs__refused(void **state)
{
    struct fixture *f = *state;
    struct store *store;
    assert_ok(os_make_folders(f->folder, true));
    fill(f);
    assert_ok(store_open(f->folder, &store));
    assert_status(data_folder_remove(f->folder, &f->report), STATUS_IN_USE);
    assert_non_null(strstr(status_last()->action, "Stop the service"));
    assert_true(there(f, NULL, "config.json"));
    store_close(store);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, clean_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(make__new__folders_of_the_service),
        TEST(make__used_before__stays),
        TEST(make__somebody_elses__refused),
        TEST(remove__only_the_services_files__all_gone),
        TEST(remove__disks_and_strangers__stay_and_are_named),
        TEST(remove__service_runs__refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
