// The file for textfile collectors: whole at each moment, where the settings say, and told once
// when it cannot be.
#include "tests/support/test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/os.h"
#include "service/monitor/metrics_file.h"
#include "tests/support/must.h"
#include "tests/support/service/stage.h"
#include "tests/support/temp.h"

#define NOT_WRITTEN   50060
#define WRITTEN_AGAIN 50061
#define FIRST_LINE    "# HELP vrep_build_info"

struct place {
    const char *folder;
    char *path; // of the file
};

static struct place place_new(void)
{
    struct place place = {.folder = temp_folder()};
    place.path = temp_path(place.folder, "vrep.prom");
    return place;
}

static void place_free(struct place *place)
{
    temp_remove(place->folder);
    free(place->path);
}

static json_t *set_folder(struct stage *s, const char *folder)
{
    json_t *result;
    json_t *request = json_pack("{s:s, s:s}", "verb", "server-set", "metrics_folder", folder);
    char *text = js_text(request);
    assert_ok(stage_request(s, text, &result));
    free(text);
    json_decref(request);
    return result;
}

static void use_folder(struct stage *s, const char *folder)
{
    json_decref(set_folder(s, folder));
}

static struct metrics_file_state state_of(struct stage *s)
{
    struct metrics_file_state state;
    metrics_file_get_state(s->supervisor.metrics, &state);
    return state;
}

// Waits until the file is there, or is not.
static void await_file(const char *path, bool there)
{
    int64_t end = clock_mono_ms() + STAGE_PATIENCE_MS;
    while (os_file_exists(path) != there && clock_mono_ms() < end)
        clock_sleep_ms(5);
    assert_int_equal(os_file_exists(path), there);
}

static void await_failure(struct stage *s)
{
    int64_t end = clock_mono_ms() + STAGE_PATIENCE_MS;
    while (state_of(s).why.status == STATUS_OK && clock_mono_ms() < end)
        clock_sleep_ms(5);
    assert_true(state_of(s).why.status != STATUS_OK);
}

static void folder__given__is_written_and_the_file_leaves_with_the_setting(void **state)
{
    struct stage *s = *state;
    struct place first = place_new(), second = place_new();
    char *text;
    size_t size;
    use_folder(s, first.folder);
    await_file(first.path, true);
    assert_ok(os_read_file(first.path, 1 << 20, &text, &size));
    assert_memory_equal(text, FIRST_LINE, strlen(FIRST_LINE));
    free(text);
    use_folder(s, second.folder);
    await_file(second.path, true);
    await_file(first.path, false);
    json_decref(set_folder(s, ""));
    await_file(second.path, false);
    assert_int_equal(state_of(s).last_write, 0);
    assert_int_equal(stage_events(s, NOT_WRITTEN), 0);
    place_free(&first);
    place_free(&second);
}

static void service__restarted__writes_on_and_a_stop_takes_the_file_away(void **state)
{
    struct stage *s = *state;
    struct place place = place_new();
    use_folder(s, place.folder);
    await_file(place.path, true);
    stage_leave(s);
    assert_false(os_file_exists(place.path));
    stage_open(s);
    await_file(place.path, true);
    use_folder(s, "");
    await_file(place.path, false);
    stage_restart(s);
    clock_sleep_ms(50);
    assert_false(os_file_exists(place.path));
    place_free(&place);
}

static void folder__missing__told_once_and_once_when_it_is_there(void **state)
{
    struct stage *s = *state;
    struct place place = place_new();
    char *missing = temp_path(place.folder, "later");
    char *path = temp_path(missing, "vrep.prom");
    json_decref(set_folder(s, missing));
    stage_await_events(s, NOT_WRITTEN, 1);
    await_failure(s);
    json_t *server = set_folder(s, missing);
    assert_string_equal(json_string_value(json_object_get(server, "MetricsFolder")), missing);
    assert_true(json_is_object(json_object_get(server, "MetricsError")));
    assert_true(json_is_null(json_object_get(server, "MetricsLastWriteTime")));
    json_decref(server);
    for (int i = 0; i < 5; i++) {
        metrics_file_soon(s->supervisor.metrics);
        clock_sleep_ms(20);
    }
    assert_int_equal(stage_events(s, NOT_WRITTEN), 1);
    assert_int_equal(stage_events(s, WRITTEN_AGAIN), 0);
    assert_ok(os_make_folders(missing, false));
    metrics_file_soon(s->supervisor.metrics);
    stage_await_events(s, WRITTEN_AGAIN, 1);
    await_file(path, true);
    assert_true(state_of(s).why.status == STATUS_OK);
    assert_true(state_of(s).last_write > 0);
    assert_int_equal(stage_events(s, NOT_WRITTEN), 1);
    free(path);
    free(missing);
    place_free(&place);
}

static void folder__wrong__refused_and_nothing_changes(void **state)
{
    struct stage *s = *state;
    static const char *const wrong[] = {"\"relative\"", "\"./here\"", "5", "null"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char request[100];
        json_t *result;
        snprintf(request, sizeof request, "{\"verb\": \"server-set\", \"metrics_folder\": %s}",
                 wrong[i]);
        assert_status(stage_request(s, request, &result), STATUS_INVALID_ARGUMENT);
    }
    assert_null(s->supervisor.settings.metrics_folder);
}

// A reader who looks all the time.
struct reader {
    const char *path;
    atomic_bool stop;
    atomic_uint reads, wrong;
};

static void *read_on(void *context)
{
    struct reader *reader = context;
    while (!atomic_load(&reader->stop)) {
        char *text;
        size_t size;
        if (os_read_file(reader->path, 1 << 20, &text, &size) != STATUS_OK)
            continue; // Windows: it is just being replaced
        bool whole = size > strlen(FIRST_LINE) && text[size - 1] == '\n' &&
                     memcmp(text, FIRST_LINE, strlen(FIRST_LINE)) == 0 &&
                     strstr(text, "\nvrep_unreadable_state_files{service=\"VRep\"} 0\n");
        atomic_fetch_add(&reader->wrong, !whole);
        atomic_fetch_add(&reader->reads, 1);
        free(text);
    }
    return NULL;
}

#define READS    1000
#define RENEWALS 200

static void file__replaced_while_it_is_read__is_whole_each_time(void **state)
{
    struct stage *s = *state;
    struct place place = place_new();
    struct reader reader = {.path = place.path};
    pthread_t thread;
    use_folder(s, place.folder);
    await_file(place.path, true);
    assert_int_equal(pthread_create(&thread, NULL, read_on, &reader), 0);
    int64_t end = clock_mono_ms() + 60000;
    for (int i = 0; (i < RENEWALS || atomic_load(&reader.reads) < READS) && clock_mono_ms() < end;
         i++) {
        metrics_file_soon(s->supervisor.metrics);
        clock_sleep_ms(2);
    }
    atomic_store(&reader.stop, true);
    pthread_join(thread, NULL);
    assert_true(atomic_load(&reader.reads) >= READS);
    assert_int_equal(atomic_load(&reader.wrong), 0);
    assert_true(state_of(s).why.status == STATUS_OK);
    assert_int_equal(stage_events(s, NOT_WRITTEN), 0);
    use_folder(s, "");
    await_file(place.path, false);
    place_free(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            folder__given__is_written_and_the_file_leaves_with_the_setting, stage_set_up,
            stage_tear_down),
        cmocka_unit_test_setup_teardown(
            service__restarted__writes_on_and_a_stop_takes_the_file_away, stage_set_up,
            stage_tear_down),
        cmocka_unit_test_setup_teardown(folder__missing__told_once_and_once_when_it_is_there,
                                        stage_set_up, stage_tear_down),
        cmocka_unit_test_setup_teardown(folder__wrong__refused_and_nothing_changes, stage_set_up,
                                        stage_tear_down),
        cmocka_unit_test_setup_teardown(file__replaced_while_it_is_read__is_whole_each_time,
                                        stage_set_up, stage_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
