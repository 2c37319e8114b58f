// One record, every sink: what each gets, and what becomes of one that fails.
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/event_samples.h"
#include "tests/support/temp.h"

// A sink of this test: keeps what it is given, and refuses while it is told to.
#define KEPT_MAX 200

struct kept_sink {
    struct event_sink sink;
    bool refuses, closed;
    size_t count;
    struct {
        uint64_t record_id;
        const struct event_definition *definition;
        char message[600];
    } kept[KEPT_MAX];
};

static struct kept_sink first, second;

static enum status write_kept(struct event_sink *sink, const struct event_record *record)
{
    struct kept_sink *kept = (struct kept_sink *)sink;
    assert_false(kept->closed);
    if (kept->refuses)
        return status_fail(STATUS_IO, 5, "The sink refuses.");
    assert_true(kept->count < KEPT_MAX);
    kept->kept[kept->count].record_id = record->record_id;
    kept->kept[kept->count].definition = record->definition;
    snprintf(kept->kept[kept->count].message, sizeof kept->kept[0].message, "%s", record->message);
    kept->count++;
    return STATUS_OK;
}

static void close_kept(struct event_sink *sink)
{
    ((struct kept_sink *)sink)->closed = true;
}

static struct event_sink *open_first(void)
{
    first = (struct kept_sink){.sink = {"the first", write_kept, close_kept}};
    return &first.sink;
}

static struct event_sink *open_second(void)
{
    second = (struct kept_sink){.sink = {"the second", write_kept, close_kept}};
    return &second.sink;
}

static struct event_sink *open_none(void)
{
    return NULL;
}

static const event_sink_open sinks[] = {open_first, open_none, open_second, NULL};

static struct event_log *open_log(const char *folder)
{
    struct event_log *log;
    assert_ok(event_log_open(folder, "unit", false, sinks, &log));
    return log;
}

static json_t *read_lines(struct event_log *log)
{
    const struct event_query all = {.limit = 0};
    struct event_page page = {.events = NULL};
    assert_ok(event_log_read(log, &all, &page));
    return page.events;
}

static const char *member(const json_t *event, const char *name)
{
    return json_string_value(json_object_get(event, name));
}

static json_int_t number(const json_t *event, const char *name)
{
    const json_t *value = json_object_get(event, name);
    assert_true(json_is_integer(value));
    return json_integer_value(value);
}

// The field of a line is the value that was raised.
static void assert_field(const json_t *event, const struct event_field *field,
                         const struct event_value *value)
{
    char text[EVENT_NUMBER_TEXT_SIZE];
    switch (field->in_type) {
    case EVENT_IN_UINT32:
    case EVENT_IN_UINT64:
        assert_int_equal(number(event, field->name), value->as.number);
        break;
    case EVENT_IN_UNICODE_STRING:
        assert_string_equal(member(event, field->name), value->as.string);
        break;
    default:
        assert_string_equal(member(event, field->name), event_format_number(value, text));
    }
}

static void assert_line(const json_t *event, const struct event_definition *e)
{
    struct sample_values values;
    char keywords[20];
    event_sample_values(e, &values);
    snprintf(keywords, sizeof keywords, "0x%016llx", (unsigned long long)e->descriptor.keyword);
    assert_int_equal(number(event, "Id"), e->descriptor.id);
    assert_int_equal(number(event, "Version"), e->descriptor.version);
    assert_int_equal(number(event, "Level"), e->descriptor.level);
    assert_int_equal(number(event, "Task"), e->descriptor.task);
    assert_int_equal(number(event, "Opcode"), e->descriptor.opcode);
    assert_string_equal(member(event, "Keywords"), keywords);
    assert_string_equal(member(event, "Channel"), e->channel);
    assert_string_equal(member(event, "Symbol"), e->symbol);
    assert_string_equal(member(event, "Instance"), "unit");
    assert_null(strchr(member(event, "Message"), '%'));
    assert_int_equal(json_object_size(event), 13 + e->field_count);
    for (size_t f = 0; f < e->field_count; f++)
        assert_field(event, &e->field[f], &values.value[f]);
}

static void every_event__raised__reaches_every_sink_with_its_fields(void **state)
{
    (void)state;
    const char *folder = temp_folder();
    struct event_log *log = open_log(folder);
    size_t count;
    const struct event_definition *const *events = event_samples(&count);
    for (size_t i = 0; i < count; i++)
        event_sample_raise(log, events[i]);
    json_t *lines = read_lines(log);
    assert_int_equal(json_array_size(lines), count);
    assert_int_equal(first.count, count);
    assert_int_equal(second.count, count);
    for (size_t i = 0; i < count; i++) {
        assert_line(json_array_get(lines, i), events[i]);
        assert_int_equal(first.kept[i].record_id, i + 1);
        assert_ptr_equal(first.kept[i].definition, events[i]);
        assert_string_equal(first.kept[i].message, second.kept[i].message);
        assert_string_equal(first.kept[i].message, member(json_array_get(lines, i), "Message"));
    }
    json_decref(lines);
    event_log_close(log);
    assert_true(first.closed && second.closed);
    temp_remove(folder);
}

static void dead_sink__for_some_events__costs_the_others_nothing(void **state)
{
    (void)state;
    const char *folder = temp_folder();
    struct event_log *log = open_log(folder);
    first.refuses = true;
    for (int i = 0; i < 5; i++)
        EventWriteServiceStopped(event_log_writer(log), "1.0", "unit");
    assert_int_equal(first.count, 0);
    assert_int_equal(second.count, 5);
    json_t *lines = read_lines(log);
    assert_int_equal(json_array_size(lines), 5);
    json_decref(lines);

    // It is back: it is told first what it has missed, and so is everybody.
    first.refuses = false;
    EventWriteServiceStopped(event_log_writer(log), "1.0", "unit");
    assert_int_equal(first.count, 2);
    assert_int_equal(second.count, 7);
    assert_int_equal(first.kept[0].definition->descriptor.id, 50013);
    assert_int_equal(first.kept[1].definition->descriptor.id, 50001);
    assert_int_equal(second.kept[5].definition->descriptor.id, 50013);
    assert_non_null(strstr(second.kept[5].message, "5 event(s)"));
    assert_non_null(strstr(second.kept[5].message, "the first"));
    EventWriteServiceStopped(event_log_writer(log), "1.0", "unit");
    assert_int_equal(first.count, 3);
    event_log_close(log);
    temp_remove(folder);
}

static void all_sinks__dead__count_each_for_itself(void **state)
{
    (void)state;
    struct event_log *log;
    assert_ok(event_log_open(NULL, NULL, false, sinks, &log)); // without a file
    first.refuses = second.refuses = true;
    EventWriteServiceStopped(event_log_writer(log), "1.0", "unit");
    first.refuses = false;
    EventWriteServiceStopped(event_log_writer(log), "1.0", "unit");
    second.refuses = false;
    EventWriteServiceStopped(event_log_writer(log), "1.0", "unit");
    // 50013 of the first, one event, 50013 of the second, one event.
    assert_int_equal(first.count, 4);
    assert_non_null(strstr(first.kept[0].message, "1 event(s)"));
    assert_int_equal(second.count, 2);
    assert_non_null(strstr(second.kept[0].message, "3 event(s)"));
    event_log_close(log);
}

static void failure__of_a_sink__leaves_what_the_caller_has_failed_with(void **state)
{
    (void)state;
    struct event_log *log;
    assert_ok(event_log_open(NULL, NULL, false, sinks, &log));
    first.refuses = true;
    status_fail(STATUS_REFUSED, 7, "The reason.");
    EventWriteServiceStopped(event_log_writer(log), "1.0", "unit");
    assert_int_equal(status_last()->status, STATUS_REFUSED);
    assert_string_equal(status_last()->message, "The reason.");
    event_log_close(log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_event__raised__reaches_every_sink_with_its_fields),
        cmocka_unit_test(dead_sink__for_some_events__costs_the_others_nothing),
        cmocka_unit_test(all_sinks__dead__count_each_for_itself),
        cmocka_unit_test(failure__of_a_sink__leaves_what_the_caller_has_failed_with),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
