// The manifest, the messages made of it, and the file that keeps events.
#include "tests/support/test.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/os.h"
#include "etw/sink_jsonl.h"
#include "tests/support/event_samples.h"
#include "tests/support/temp.h"

static const uint8_t id[16] = {0x01, 0x02, 0x03, 0x04};

// The members that every line of events.jsonl has.
static const char *const envelope[] = {"RecordId",  "TimeCreated", "Id",      "Version", "Level",
                                       "LevelText", "Channel",     "Task",    "Opcode",  "Keywords",
                                       "Symbol",    "Message",     "Instance"};

static void assert_field_names(const struct event_definition *e)
{
    for (size_t f = 0; f < e->field_count; f++) {
        for (size_t g = 0; g < f; g++)
            assert_string_not_equal(e->field[f].name, e->field[g].name);
        for (size_t m = 0; m < sizeof envelope / sizeof envelope[0]; m++)
            assert_string_not_equal(e->field[f].name, envelope[m]);
    }
}

static void assert_inserts(const struct event_definition *e)
{
    for (const char *p = strchr(e->message, '%'); p; p = strchr(p + 1, '%')) {
        unsigned long insert = strtoul(p + 1, NULL, 10);
        assert_true(insert >= 1 && insert <= e->field_count);
    }
}

static void manifest__every_event__is_well_formed(void **state)
{
    (void)state;
    size_t count;
    const struct event_definition *const *events = event_samples(&count);
    for (size_t i = 0; i < count; i++) {
        const struct event_definition *e = events[i];
        const struct event_descriptor *d = &e->descriptor;
        uint32_t number = (uint32_t)d->version << 16 | d->id;
        if (i > 0)
            assert_true(events[i - 1]->descriptor.id < d->id ||
                        (events[i - 1]->descriptor.id == d->id &&
                         events[i - 1]->descriptor.version < d->version));
        assert_true(isupper((unsigned char)e->symbol[0]));
        assert_true(d->level >= EVENT_ERROR && d->level <= EVENT_INFORMATION);
        assert_true(d->task > 0);
        // A number of Hyper-V's, or of ours.
        assert_true(d->id < 40000 || (d->id >= 50000 && d->id < 51000));
        assert_int_equal(e->message_id, 0xB0000000u + number);
        bool admin = strcmp(e->channel, "VRep/Admin") == 0;
        assert_int_equal(d->channel, admin ? 16 : 17);
        assert_true(d->keyword & (admin ? 1ull << 63 : 1ull << 62));
        if (!admin) { // progress and diagnostics
            assert_string_equal(e->channel, "VRep/Operational");
            assert_int_equal(d->level, EVENT_INFORMATION);
        }
        assert_field_names(e);
        assert_inserts(e);
    }
}

// What Hyper-V's event has comes first, in its order; ours follows.
static void manifest__events_of_hyper_v__have_its_leading_fields(void **state)
{
    (void)state;
    static const struct {
        uint16_t id;
        enum event_level level;
        const char *fields[7]; // behind VmName and VmId
    } known[] = {
        {29168, EVENT_WARNING, {NULL}},
        {29242, EVENT_INFORMATION, {"VhdPath", "StartingBlock", "TotalBlocks"}},
        {29244, EVENT_INFORMATION, {"Result", "VhdPath", "BlocksSent", "Seconds"}},
        {29260, EVENT_ERROR, {NULL}},
        {29266, EVENT_INFORMATION, {NULL}},
        {29268, EVENT_INFORMATION, {"Result", "CompletionState", "Status"}},
        {29270, EVENT_ERROR, {NULL}},
        {29292, EVENT_ERROR, {"ErrorMessage", "ErrorCode", "ReplicaServer", "ReplicaPort"}},
        {32074, EVENT_INFORMATION, {NULL}},
        {32080, EVENT_INFORMATION, {NULL}},
        {32082, EVENT_INFORMATION, {NULL}},
        {32098, EVENT_ERROR, {NULL}},
        {32315, EVENT_WARNING, {"Minutes"}},
        {32316, EVENT_ERROR, {"ErrorMessage", "ErrorCode"}},
        {32318, EVENT_ERROR, {"ErrorMessage", "ErrorCode"}},
        {32320, EVENT_WARNING, {"ErrorMessage", "ErrorCode"}},
        {32325, EVENT_INFORMATION, {NULL}},
        {32326, EVENT_ERROR, {NULL}},
        {32328, EVENT_INFORMATION, {NULL}},
        {32346, EVENT_ERROR, {"Volume"}},
        {32390, EVENT_ERROR, {NULL}},
        {32504, EVENT_WARNING, {NULL}},
        {32544, EVENT_ERROR, {NULL}},
        {32546, EVENT_WARNING, {NULL}},
        {32570, EVENT_INFORMATION, {NULL}},
        {33422, EVENT_ERROR, {NULL}},
        {33603, EVENT_WARNING, {NULL}},
        {33604, EVENT_INFORMATION, {NULL}},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        const struct event_definition *e = event_sample(known[i].id);
        assert_int_equal(e->descriptor.level, known[i].level);
        assert_string_equal(e->channel, "VRep/Admin");
        assert_string_equal(e->field[0].name, "VmName");
        assert_string_equal(e->field[1].name, "VmId");
        assert_int_equal(e->field[1].in_type, EVENT_IN_GUID);
        for (size_t f = 0; known[i].fields[f]; f++)
            assert_string_equal(e->field[f + 2].name, known[i].fields[f]);
    }
}

static void manifest__texts_of_hyper_v__are_verbatim(void **state)
{
    (void)state;
    assert_string_equal(
        event_sample(29242)->message,
        "Starting resynchronization operation on VHD '%3' of VM '%1'. Starting Block = '%4'. "
        "Total blocks = '%5'. (Virtual machine ID %2)");
    assert_string_equal(
        event_sample(29244)->message,
        "Finished resynchronization operation on VHD = '%4' of VM '%1'. Blocks sent = %5. "
        "Duration = %6 seconds. Result %3. (Virtual machine ID %2)");
    assert_string_equal(
        event_sample(33422)->message,
        "Resynchronization is required for the virtual machine %1. Resume replication to "
        "start resynchronization.");
}

// Keeps the message of the last event, as a writer of its own.
struct last_message {
    struct event_writer writer;
    char *text;
};

static void keep_message(struct event_writer *writer, const struct event_definition *definition,
                         const struct event_value *values, size_t count)
{
    struct last_message *last = (struct last_message *)writer;
    assert_int_equal(count, definition->field_count);
    free(last->text);
    last->text = event_message(definition, values);
}

static void message__fields_of_every_type__are_filled_in(void **state)
{
    (void)state;
    struct last_message last = {{keep_message}, NULL};
    EventWriteResynchronizeDiskFinished(&last.writer, "vm 1", id, 0x70, "C:\\a.vhdx", 5, 60, "",
                                        4096, 0, 0, 0, id, "");
    assert_string_equal(
        last.text,
        "Finished resynchronization operation on VHD = 'C:\\a.vhdx' of VM 'vm 1'. Blocks "
        "sent = 5. Duration = 60 seconds. Result 0x00000070. (Virtual machine ID "
        "04030201-0000-0000-0000-000000000000)");
    free(last.text);
}

static void message__empty_and_foreign_strings__are_made_presentable(void **state)
{
    (void)state;
    struct last_message last = {{keep_message}, NULL};
    EventWriteReplicationResumed(&last.writer, "a\r\nb\x1b[1m\xff", id, NULL, "");
    assert_string_equal(last.text, "Replication of 'a  b [1m?' was resumed. (Virtual machine ID "
                                   "04030201-0000-0000-0000-000000000000, account -, client -)");
    free(last.text);
}

static void message__escapes_of_format_message__are_undone(void **state)
{
    (void)state;
    static const struct event_field fields[] = {{.name = "A", .in_type = EVENT_IN_UINT32},
                                                {.name = "B", .in_type = EVENT_IN_UNICODE_STRING}};
    const struct event_definition definition = {
        .message = "100%% of %1%nand '%2'.", .field_count = 2, .field = fields};
    const struct event_value values[] = {event_number(EVENT_IN_UINT32, 7),
                                         event_string(EVENT_IN_UNICODE_STRING, "%1", 0)};
    char *text = event_message(&definition, values);
    assert_string_equal(text, "100% of 7\nand '%1'.");
    free(text);
}

static struct event_log *open_log(const char *folder)
{
    struct event_log *log;
    assert_ok(event_log_open(folder, "unit", false, NULL, &log));
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

static void raise_one(struct event_log *log)
{
    EventWriteDiskVerifiedAgain(event_log_writer(log), "vm", id);
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
        EventWriteDiskVerifiedAgain(event_log_writer(log), text, id);
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
        cmocka_unit_test(manifest__every_event__is_well_formed),
        cmocka_unit_test(manifest__events_of_hyper_v__have_its_leading_fields),
        cmocka_unit_test(manifest__texts_of_hyper_v__are_verbatim),
        cmocka_unit_test(message__fields_of_every_type__are_filled_in),
        cmocka_unit_test(message__empty_and_foreign_strings__are_made_presentable),
        cmocka_unit_test(message__escapes_of_format_message__are_undone),
        cmocka_unit_test(log__opened_again__goes_on_counting),
        cmocka_unit_test(log__torn_last_line__is_left_out_and_the_next_is_whole),
        cmocka_unit_test(log__full_files__are_rotated_and_read_in_order),
        cmocka_unit_test(log__garbage_in_the_file__is_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
