// Searches of the event files against a plain list of what is in them, from both ends, in pages.
#include "tests/support/test.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/os.h"
#include "etw/events.h"
#include "etw/sink_jsonl.h"
#include "tests/support/random.h"
#include "tests/support/temp.h"

#define RECORDS    2000
#define EPOCH      INT64_C(1795369749000) // 2026-11-22T17:49:09Z
#define STEP_MS    1000
#define VMS        3
#define IDS        8
#define FIRST_ID   29240
#define QUERIES    60
#define VM_ID_TEXT "0%zu030201-0000-0000-0000-00000000000a"

struct model {
    size_t count;
    struct {
        uint64_t record;
        uint32_t id;
        unsigned level;
        size_t vm; // VMS: an event of no machine
        int64_t time;
    } event[RECORDS];
};

static const char *const vm_names[VMS] = {"web 1", "web \\\"2\\\"", "db"};
static const char *const vm_wanted[VMS] = {"web 1", "web \"2\"", "db"};

static void append_event(struct buffer *out, const struct model *model, size_t i)
{
    char time[CLOCK_TEXT_SIZE];
    size_t vm = model->event[i].vm;
    assert_ok(buffer_printf(
        out, "{\"RecordId\":%" PRIu64 ",\"TimeCreated\":\"%s\",\"Id\":%" PRIu32 ",\"Level\":%u",
        model->event[i].record, clock_format_utc(model->event[i].time, time), model->event[i].id,
        model->event[i].level));
    if (vm < VMS)
        assert_ok(buffer_printf(out, ",\"VmName\":\"%s\",\"VmId\":\"" VM_ID_TEXT "\"", vm_names[vm],
                                vm + 1));
    assert_ok(buffer_printf(out, "}\n"));
}

// What a crash leaves in the middle of a file: a line that only looks like the event of its number.
static void append_torn(struct buffer *out, uint64_t record)
{
    assert_ok(buffer_printf(out, "{\"RecordId\":%" PRIu64 ",\"TimeCr\n", record));
}

static void write_files(const char *folder, const struct model *model, struct random *r)
{
    char *log_folder = temp_path(folder, "log");
    assert_ok(os_make_folders(log_folder, true));
    size_t at = 0;
    for (unsigned file = SINK_JSONL_FILES; file-- > 0;) {
        struct buffer text = {0};
        char name[32];
        size_t end = file == 0 ? model->count : at + random_below(r, model->count / 3);
        if (end > model->count)
            end = model->count;
        for (; at < end; at++) {
            if (random_below(r, 50) == 0)
                append_torn(&text, model->event[at].record + random_below(r, 2) * 1000000);
            append_event(&text, model, at);
        }
        snprintf(name, sizeof name, file ? "events.%u.jsonl" : "events.jsonl", file);
        char *path = temp_path(log_folder, name);
        if (text.size > 0)
            assert_ok(os_replace_file(path, text.data, text.size));
        free(path);
        buffer_free(&text);
    }
    free(log_folder);
}

// Numbers with gaps, times that now and then go back.
static void fill(struct model *model, struct random *r)
{
    uint64_t record = 1 + random_below(r, 5000);
    int64_t time = EPOCH;
    model->count = RECORDS;
    for (size_t i = 0; i < RECORDS; i++) {
        record += 1 + (random_below(r, 20) == 0 ? random_below(r, 300) : 0);
        time += random_below(r, 100) == 0 ? -5 * STEP_MS : STEP_MS;
        model->event[i].record = record;
        model->event[i].time = time;
        model->event[i].id = FIRST_ID + (uint32_t)random_below(r, IDS);
        model->event[i].level = 2 + (unsigned)random_below(r, 3);
        model->event[i].vm = random_below(r, VMS + 1);
    }
}

static bool wanted(const struct model *model, size_t i, const struct event_query *query,
                   const char *vm_name)
{
    bool id = query->id_ranges == 0;
    for (size_t k = 0; k < query->id_ranges; k++)
        id = id || (model->event[i].id >= query->ids[k].first &&
                    model->event[i].id <= query->ids[k].last);
    bool vm = !vm_name ||
              (model->event[i].vm < VMS && strcmp(vm_wanted[model->event[i].vm], vm_name) == 0);
    return id && vm && (query->levels == 0 || query->levels >> model->event[i].level & 1) &&
           (!query->since_given || model->event[i].time >= query->since) &&
           (!query->until_given || model->event[i].time <= query->until) &&
           model->event[i].record > query->after &&
           (query->before == 0 || model->event[i].record < query->before);
}

// A random question. *vm_name: the machine that query->vm names by its name or id.
static struct event_query ask(const struct model *model, struct random *r, const char **vm_name,
                              char id_text[64])
{
    struct event_query query = {0};
    *vm_name = NULL;
    if (random_chance(r, 50)) {
        query.id_ranges = 1 + random_below(r, 2);
        for (size_t k = 0; k < query.id_ranges; k++) {
            query.ids[k].first = FIRST_ID + (uint32_t)random_below(r, IDS);
            query.ids[k].last = query.ids[k].first + (uint32_t)random_below(r, 3);
        }
    }
    if (random_below(r, 3) == 0)
        query.levels = 1u << (2 + random_below(r, 3));
    if (random_below(r, 3) == 0) {
        size_t vm = random_below(r, VMS);
        snprintf(id_text, 64, VM_ID_TEXT, vm + 1);
        *vm_name = vm_wanted[vm];
        query.vm = random_below(r, 2) ? *vm_name : id_text;
    }
    query.since_given = random_below(r, 4) == 0;
    query.since = model->event[random_below(r, RECORDS)].time;
    query.until_given = random_below(r, 4) == 0;
    query.until = model->event[random_below(r, RECORDS)].time;
    if (random_below(r, 4) == 0)
        query.after = model->event[random_below(r, RECORDS)].record;
    if (random_below(r, 4) == 0)
        query.before = model->event[random_below(r, RECORDS)].record;
    query.limit = random_below(r, 5) == 0 ? 0 : 20 + random_below(r, 300);
    return query;
}

static uint64_t record_of(const json_t *events, size_t i)
{
    return (uint64_t)json_integer_value(json_object_get(json_array_get(events, i), "RecordId"));
}

// All that a question has for an answer, page by page.
static json_t *answer(struct event_log *log, struct event_query query)
{
    json_t *all = json_array();
    struct event_page page = {.more = true};
    while (page.more) {
        uint64_t bound = query.newest ? query.before : query.after;
        assert_ok(event_log_read(log, &query, &page));
        assert_true(query.limit == 0 || json_array_size(page.events) <= query.limit);
        for (size_t i = 0; i < json_array_size(page.events); i++)
            assert_in_range(record_of(page.events, i), page.first, page.last);
        if (query.newest) {
            assert_int_equal(json_array_extend(page.events, all), 0);
            json_decref(all);
            all = json_incref(page.events);
            query.before = page.first;
            assert_true(!page.more || bound == 0 || page.first < bound); // it comes to an end
        } else {
            assert_int_equal(json_array_extend(all, page.events), 0);
            query.after = page.last;
            assert_true(!page.more || page.last > bound);
        }
        json_decref(page.events);
    }
    return all;
}

static void compare(const struct model *model, const struct event_query *query, const char *vm_name,
                    json_t *events)
{
    size_t seen = 0;
    for (size_t i = 0; i < model->count; i++) {
        if (!wanted(model, i, query, vm_name))
            continue;
        assert_true(seen < json_array_size(events));
        assert_int_equal(record_of(events, seen), model->event[i].record);
        seen++;
    }
    assert_int_equal(seen, json_array_size(events));
    json_decref(events);
}

static void search__any_question__finds_what_a_list_of_all_has(void **state)
{
    (void)state;
    const char *folder = temp_folder();
    struct random r = random_start(random_seed("event_search"));
    struct model *model = calloc(1, sizeof *model);
    struct event_log *log;
    assert_non_null(model);
    fill(model, &r);
    write_files(folder, model, &r);
    assert_ok(event_log_open(folder, NULL, false, NULL, &log));
    for (unsigned n = 0; n < QUERIES; n++) {
        char id_text[64];
        const char *vm_name;
        struct event_query query = ask(model, &r, &vm_name, id_text);
        query.newest = n % 2;
        query.patience_ms = n % 8 == 0 ? 5 : 0;
        compare(model, &query, vm_name, answer(log, query));
    }
    event_log_close(log);
    free(model);
    temp_remove(folder);
}

static void search__newest__gives_the_last_matches_in_order(void **state)
{
    (void)state;
    const char *folder = temp_folder();
    struct random r = random_start(random_seed("event_search"));
    struct model *model = calloc(1, sizeof *model);
    struct event_log *log;
    struct event_page page;
    assert_non_null(model);
    fill(model, &r);
    write_files(folder, model, &r);
    assert_ok(event_log_open(folder, NULL, false, NULL, &log));
    const struct event_query query = {
        .newest = true, .limit = 5, .ids = {{FIRST_ID, FIRST_ID}}, .id_ranges = 1};
    assert_ok(event_log_read(log, &query, &page));
    assert_int_equal(json_array_size(page.events), 5);
    size_t i = model->count;
    for (size_t n = 5; n-- > 0;) {
        do
            i--;
        while (model->event[i].id != FIRST_ID);
        assert_int_equal(record_of(page.events, n), model->event[i].record);
    }
    assert_true(page.more);
    assert_true(page.last >= model->event[model->count - 1].record);
    json_decref(page.events);
    event_log_close(log);
    free(model);
    temp_remove(folder);
}

#define LARGE_RECORDS 15000

// However large the log is, one search ends in time, says so, and the next one goes on.
static void search__out_of_patience__tells_how_far_it_has_come(void **state)
{
    (void)state;
    const char *folder = temp_folder();
    char *log_folder = temp_path(folder, "log");
    char *path = temp_path(log_folder, "events.jsonl");
    struct buffer text = {0};
    struct event_log *log;
    for (int i = 1; i <= LARGE_RECORDS; i++)
        assert_ok(buffer_printf(&text,
                                "{\"RecordId\":%d,\"TimeCreated\":\"2026-11-22T17:49:09.000Z\","
                                "\"Id\":29242,\"Level\":4,\"Message\":\"%0200d\"}\n",
                                i, i));
    assert_ok(os_make_folders(log_folder, true));
    assert_ok(os_replace_file(path, text.data, text.size));
    buffer_free(&text);
    assert_ok(event_log_open(folder, NULL, false, NULL, &log));
    for (int newest = 0; newest < 2; newest++) {
        struct event_query query = {
            .newest = newest, .limit = 10, .ids = {{1, 1}}, .id_ranges = 1, .patience_ms = 10};
        unsigned searches = 0;
        struct event_page page = {.more = true};
        for (; page.more; searches++) {
            int64_t begun = clock_mono_ms();
            assert_ok(event_log_read(log, &query, &page));
            assert_true(clock_mono_ms() - begun < 2000);
            assert_int_equal(json_array_size(page.events), 0);
            json_decref(page.events);
            query.after = newest ? 0 : page.last;
            query.before = newest ? page.first : 0;
        }
        assert_true(searches > 1);
        assert_int_equal(newest ? page.first : page.last, newest ? 1 : LARGE_RECORDS);
    }
    event_log_close(log);
    free(path);
    free(log_folder);
    temp_remove(folder);
}

static void search__empty_log__is_an_empty_page(void **state)
{
    (void)state;
    const char *folder = temp_folder();
    struct event_log *log;
    struct event_page page;
    assert_ok(event_log_open(folder, NULL, false, NULL, &log));
    for (int newest = 0; newest < 2; newest++) {
        const struct event_query query = {.newest = newest, .limit = 10, .vm = "nobody"};
        assert_ok(event_log_read(log, &query, &page));
        assert_int_equal(json_array_size(page.events), 0);
        assert_int_equal(page.last, 0);
        assert_false(page.more);
        json_decref(page.events);
    }
    event_log_close(log);
    temp_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(search__any_question__finds_what_a_list_of_all_has),
        cmocka_unit_test(search__newest__gives_the_last_matches_in_order),
        cmocka_unit_test(search__out_of_patience__tells_how_far_it_has_come),
        cmocka_unit_test(search__empty_log__is_an_empty_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
