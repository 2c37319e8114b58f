// The catalogue, the records made of it, and the file that keeps them.
#include "tests/support/test.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/os.h"
#include "etw/events.h"
#include "etw/sink_jsonl.h"
#include "tests/support/temp.h"

static const struct guid id = {{0x01, 0x02, 0x03, 0x04}};

// Values for every field of an event: strings name the field.
static size_t sample_values(const struct event_definition *e, struct event_value *values)
{
    for (unsigned i = 0; i < e->fields; i++) {
        switch (e->field[i].type) {
        case EVENT_FIELD_STRING:
            values[i] = EVENT_STRING(e->field[i].name);
            break;
        case EVENT_FIELD_GUID:
            values[i] = EVENT_GUID(id);
            break;
        case EVENT_FIELD_UINT64:
            values[i] = EVENT_NUMBER(1000 + i);
            break;
        case EVENT_FIELD_HEX32:
            values[i] = EVENT_HEX32(0xC03A0000 + i);
            break;
        }
    }
    return e->fields;
}

static void catalogue__every_event__is_well_formed(void **state)
{
    (void)state;
    static const char *const envelope[] = {"RecordId",  "TimeCreated", "Id",      "Level",
                                           "LevelText", "Symbol",      "Message", "Instance"};
    size_t count;
    const struct event_definition *events = event_catalogue(&count);
    for (size_t i = 0; i < count; i++) {
        const struct event_definition *e = &events[i];
        if (i > 0)
            assert_true(events[i - 1].id < e->id);
        assert_ptr_equal(event_find(e->id), e);
        assert_true(isupper((unsigned char)e->symbol[0]));
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(events[j].symbol, e->symbol);
        assert_true(e->fields <= EVENT_FIELDS_MAX);
        assert_true(e->level >= EVENT_ERROR && e->level <= EVENT_INFORMATION);
        for (unsigned f = 0; f < e->fields; f++) {
            for (unsigned g = 0; g < f; g++)
                assert_string_not_equal(e->field[f].name, e->field[g].name);
            for (size_t m = 0; m < sizeof envelope / sizeof envelope[0]; m++)
                assert_string_not_equal(e->field[f].name, envelope[m]);
        }
        if (e->id < 50000) { // Hyper-V's: the machine comes first
            assert_string_equal(e->field[0].name, "VmName");
            assert_string_equal(e->field[1].name, "VmId");
        }
        for (const char *p = strchr(e->text, '%'); p; p = strchr(p + 1, '%')) {
            unsigned long insert = strtoul(p + 1, NULL, 10);
            assert_true(insert >= 1 && insert <= e->fields);
        }
    }
    assert_null(event_find(1));
    assert_null(event_find(60000));
}

static void catalogue__texts_of_hyper_v__are_verbatim(void **state)
{
    (void)state;
    assert_string_equal(
        event_find(29242)->text,
        "Starting resynchronization operation on VHD '%3' of VM '%1'. Starting Block = '%4'. "
        "Total blocks = '%5'. (Virtual machine ID %2)");
    assert_string_equal(
        event_find(29244)->text,
        "Finished resynchronization operation on VHD = '%4' of VM '%1'. Blocks sent = %5. "
        "Duration = %6 seconds. Result %3. (Virtual machine ID %2)");
    assert_string_equal(
        event_find(33422)->text,
        "Resynchronization is required for the virtual machine %1. Resume replication to "
        "start resynchronization.");
}

static void message__fields_of_every_type__are_filled_in(void **state)
{
    (void)state;
    struct event_value values[] = {
        EVENT_STRING("vm 1"), EVENT_GUID(id),   EVENT_HEX32(0x70), EVENT_STRING("C:\\a.vhdx"),
        EVENT_NUMBER(5),      EVENT_NUMBER(60), EVENT_GUID(id),    EVENT_NUMBER(0),
        EVENT_NUMBER(0),      EVENT_NUMBER(0)};
    char *text = event_message(event_find(29244), values, sizeof values / sizeof values[0]);
    assert_string_equal(
        text, "Finished resynchronization operation on VHD = 'C:\\a.vhdx' of VM 'vm 1'. Blocks "
              "sent = 5. Duration = 60 seconds. Result 0x00000070. (Virtual machine ID "
              "04030201-0000-0000-0000-000000000000)");
    free(text);
}

static void message__empty_and_foreign_strings__are_made_presentable(void **state)
{
    (void)state;
    struct event_value values[] = {EVENT_STRING("a\r\nb\x1b[1m\xff"), EVENT_GUID(id),
                                   EVENT_STRING(NULL), EVENT_STRING("")};
    char *text = event_message(event_find(50009), values, 4);
    assert_string_equal(text, "Replication of 'a  b [1m?' was resumed. (Virtual machine ID "
                              "04030201-0000-0000-0000-000000000000, account -, client -)");
    free(text);
}

static struct event_log *open_log(const char *folder)
{
    struct event_log *log;
    assert_ok(event_log_open(folder, "unit", false, &log));
    return log;
}

// The oldest events after a RecordId, at most `limit` (0: all).
static json_t *read_after(struct event_log *log, uint64_t after, size_t limit)
{
    struct event_page page;
    assert_ok(event_log_read(log, &(struct event_query){.after = after, .limit = limit}, &page));
    return page.events;
}

static json_t *read_all(struct event_log *log)
{
    return read_after(log, 0, 0);
}

static json_int_t number_of(const json_t *events, size_t index, const char *name)
{
    const json_t *value = json_object_get(json_array_get(events, index), name);
    assert_true(json_is_integer(value));
    return json_integer_value(value);
}

static void log__every_event_raised__is_read_back_with_its_fields(void **state)
{
    (void)state;
    const char *folder = temp_folder();
    struct event_log *log = open_log(folder);
    size_t count;
    const struct event_definition *definitions = event_catalogue(&count);
    for (size_t i = 0; i < count; i++) {
        struct event_value values[EVENT_FIELDS_MAX];
        event_raise(log, definitions[i].id, values, sample_values(&definitions[i], values));
    }
    json_t *events = read_all(log);
    assert_int_equal(json_array_size(events), count);
    assert_int_equal(event_log_last(log), count);
    for (size_t i = 0; i < count; i++) {
        const json_t *event = json_array_get(events, i);
        assert_int_equal(number_of(events, i, "RecordId"), i + 1);
        assert_int_equal(number_of(events, i, "Id"), definitions[i].id);
        assert_int_equal(number_of(events, i, "Level"), definitions[i].level);
        assert_string_equal(json_string_value(json_object_get(event, "Instance")), "unit");
        assert_null(strchr(json_string_value(json_object_get(event, "Message")), '%'));
        for (unsigned f = 0; f < definitions[i].fields; f++)
            assert_non_null(json_object_get(event, definitions[i].field[f].name));
    }
    json_decref(events);
    event_log_close(log);
    temp_remove(folder);
}

static void raise_one(struct event_log *log)
{
    EVENT_RAISE(log, 50008, EVENT_STRING("vm"), EVENT_GUID(id));
}

static void log__opened_again__goes_on_counting(void **state)
{
    (void)state;
    const char *folder = temp_folder();
    for (int i = 0; i < 3; i++) {
        struct event_log *log = open_log(folder);
        raise_one(log);
        event_log_close(log);
    }
    struct event_log *log = open_log(folder);
    assert_int_equal(event_log_last(log), 3);
    json_t *events = read_after(log, 1, 1);
    assert_int_equal(json_array_size(events), 1);
    assert_int_equal(number_of(events, 0, "RecordId"), 2);
    json_decref(events);
    event_log_close(log);
    temp_remove(folder);
}

// Cuts the file as a crash in the middle of a write would, after every byte of its last line.
static void log__torn_last_line__is_left_out_and_the_next_is_whole(void **state)
{
    (void)state;
    const char *folder = temp_folder();
    struct event_log *log = open_log(folder);
    raise_one(log);
    raise_one(log);
    event_log_close(log);
    char *log_folder = temp_path(folder, "log");
    char *path = temp_path(log_folder, "events.jsonl");
    char *data;
    size_t size;
    assert_ok(os_read_file(path, 1 << 20, &data, &size));
    size_t first = (size_t)(strchr(data, '\n') - data) + 1;
    for (size_t kept = first; kept < size; kept += 7) {
        assert_ok(os_replace_file(path, data, kept));
        log = open_log(folder);
        raise_one(log);
        json_t *events = read_all(log);
        assert_int_equal(json_array_size(events), 2);
        assert_int_equal(number_of(events, 0, "RecordId"), 1);
        assert_true(number_of(events, 1, "RecordId") >= 2);
        json_decref(events);
        event_log_close(log);
    }
    free(data);
    free(path);
    free(log_folder);
    temp_remove(folder);
}

// Long events fill the files soon.
#define LONG_FIELD  100000
#define LONG_EVENTS 600 // about 120 MiB: every file is rotated and the oldest one dropped

static void log__full_files__are_rotated_and_read_in_order(void **state)
{
    (void)state;
    const char *folder = temp_folder();
    struct event_log *log = open_log(folder);
    char *text = malloc(LONG_FIELD + 1);
    assert_non_null(text);
    memset(text, 'x', LONG_FIELD);
    text[LONG_FIELD] = '\0';
    for (int i = 0; i < LONG_EVENTS; i++)
        EVENT_RAISE(log, 50008, EVENT_STRING(text), EVENT_GUID(id));
    free(text);

    uint64_t after = 0;
    uint64_t first = 0;
    for (;;) {
        json_t *events = read_after(log, after, 50);
        size_t count = json_array_size(events);
        for (size_t i = 0; i < count; i++) {
            uint64_t record = (uint64_t)number_of(events, i, "RecordId");
            if (first == 0)
                first = record;
            else
                assert_int_equal(record, after + 1);
            after = record;
        }
        json_decref(events);
        if (count == 0)
            break;
    }
    assert_int_equal(after, LONG_EVENTS);
    assert_true(first > 1); // the oldest are gone
    uint64_t most = (uint64_t)SINK_JSONL_FILE_MAX * SINK_JSONL_FILES / (2 * LONG_FIELD);
    assert_true(LONG_EVENTS - first + 1 <= most + SINK_JSONL_FILES);
    assert_true(LONG_EVENTS - first + 1 >= most * (SINK_JSONL_FILES - 1) / SINK_JSONL_FILES);
    event_log_close(log);

    log = open_log(folder);
    assert_int_equal(event_log_last(log), LONG_EVENTS);
    event_log_close(log);
    temp_remove(folder);
}

static void log__garbage_in_the_file__is_passed_over(void **state)
{
    (void)state;
    const char *folder = temp_folder();
    struct event_log *log = open_log(folder);
    raise_one(log);
    event_log_close(log);
    char *log_folder = temp_path(folder, "log");
    char *path = temp_path(log_folder, "events.jsonl");
    struct buffer damaged = {0};
    char *data;
    size_t size;
    assert_ok(os_read_file(path, 1 << 20, &data, &size));
    assert_ok(buffer_append(&damaged, "\0\0\0\n{\"RecordId\":99999999999999999999,\n\n[]\n", 42));
    assert_ok(buffer_append(&damaged, data, size));
    assert_ok(buffer_append(&damaged, "{\"RecordId\":7,\"no end\n", 22));
    assert_ok(os_replace_file(path, damaged.data, damaged.size));
    log = open_log(folder);
    raise_one(log);
    json_t *events = read_all(log);
    assert_int_equal(json_array_size(events), 2);
    assert_int_equal(number_of(events, 1, "RecordId"), 8); // a number is never given twice
    json_decref(events);
    buffer_free(&damaged);
    free(data);
    event_log_close(log);
    free(path);
    free(log_folder);
    temp_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(catalogue__every_event__is_well_formed),
        cmocka_unit_test(catalogue__texts_of_hyper_v__are_verbatim),
        cmocka_unit_test(message__fields_of_every_type__are_filled_in),
        cmocka_unit_test(message__empty_and_foreign_strings__are_made_presentable),
        cmocka_unit_test(log__every_event_raised__is_read_back_with_its_fields),
        cmocka_unit_test(log__opened_again__goes_on_counting),
        cmocka_unit_test(log__torn_last_line__is_left_out_and_the_next_is_whole),
        cmocka_unit_test(log__full_files__are_rotated_and_read_in_order),
        cmocka_unit_test(log__garbage_in_the_file__is_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
