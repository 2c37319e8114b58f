// The functions that the manifest compiler generates, and the definitions that they hand over, of a
// manifest that uses everything (tests/interop/manifests/everything.man).
#include "tests/support/test.h"

#include <string.h>

#include "events/everything.h"

// Keeps what it was given last.
struct recorder {
    struct event_writer writer;
    const struct event_definition *definition;
    struct event_value values[128];
    size_t count;
};

static void record(struct event_writer *writer, const struct event_definition *definition,
                   const struct event_value *values, size_t count)
{
    struct recorder *recorder = (struct recorder *)writer;
    recorder->definition = definition;
    recorder->count = count;
    assert_true(count == definition->field_count && count <= 128);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(values[i].type, definition->field[i].in_type);
        recorder->values[i] = values[i];
    }
}

static const uint8_t guid[16] = {1, 2, 3};
static const uint16_t times[16] = {2026, 11, 1, 30};
static const uint8_t sid[12] = {1, 1, 0, 0, 0, 0, 0, 5, 18};
static const uint8_t bytes[16] = {0xCA, 0xFE};

static void scalars__reach_the_writer(void **state)
{
    (void)state;
    struct recorder r = {.writer = {record}};
    EventWriteSCALARS(&r.writer, "text", "ansi", -1, 255, -2, 65535, -3, 4000000000u, INT64_MIN,
                      UINT64_MAX, 0.5f, -2.25, true, guid, &r, 116444736000000000u, times, sid,
                      0xC0000001u, 1, bytes);
    const struct event_descriptor *d = &r.definition->descriptor;
    assert_true(d->id == 7 && d->version == 0 && d->channel == FEATURES_ADMIN && d->level == 4);
    assert_true(d->keyword == FEATURES_ADMIN_KEYWORD && d->opcode == 0 && d->task == 0);
    assert_string_equal(r.definition->symbol, "SCALARS");
    assert_string_equal(r.definition->channel, "Test-Features/Admin");
    assert_string_equal(r.definition->message, "Shared by three");
    assert_int_equal(r.count, 21);
    assert_string_equal(r.values[0].as.string, "text");
    assert_string_equal(r.values[1].as.string, "ansi");
    assert_true(r.values[2].as.number == UINT64_MAX && r.values[3].as.number == 255);
    assert_true(r.values[4].as.number == UINT64_MAX - 1 && r.values[7].as.number == 4000000000u);
    assert_true(r.values[8].as.number == (uint64_t)INT64_MIN);
    assert_true(r.values[10].as.real > 0.49 && r.values[10].as.real < 0.51);
    assert_true(r.values[11].as.real < -2.24 && r.values[12].as.number == 1);
    assert_true(r.values[13].as.data == guid && r.values[13].size == 16);
    assert_true(r.values[14].as.number == (uint64_t)(uintptr_t)&r);
    assert_true(r.values[16].as.data == times && r.values[16].size == 16);
    assert_true(r.values[17].as.data == sid && r.values[17].size == sizeof sid);
    assert_true(r.values[18].as.number == 0xC0000001u);
    assert_true(r.values[20].as.data == bytes && r.values[20].size == 6);
    for (size_t i = 0; i < r.count; i++)
        assert_true(!r.values[i].array && r.values[i].count == 1);
}

static void arrays__bring_their_counts_and_sizes(void **state)
{
    (void)state;
    struct recorder r = {.writer = {record}};
    const uint32_t fixed[3] = {1, 2, 3};
    const int16_t counted[2] = {-1, 1};
    const char *const names[2] = {"a", "b"};
    const uint8_t *const sids[2] = {sid, sid};
    const bool flags[2] = {true, false};
    const void *const pointers[2] = {&r, NULL};
    const double reals[2] = {1, 2};
    EventWriteARRAYS(&r.writer, 2, 7, fixed, counted, names, names, bytes, times, sids, flags,
                     pointers, reals, "abcdefg", "abcdefg", bytes, bytes, 9, sid);
    static const struct {
        bool array;
        size_t count;
        size_t size;
    } wanted[18] = {{false, 1, 0}, {false, 1, 0},         {true, 3, 0},  {true, 2, 0},
                    {true, 2, 0},  {true, 2, 0},          {true, 2, 0},  {true, 2, 0},
                    {true, 2, 0},  {true, 2, 0},          {true, 2, 0},  {true, 2, 0},
                    {false, 1, 4}, {false, 1, 7},         {false, 1, 7}, {true, 2, 4},
                    {false, 1, 0}, {false, 1, sizeof sid}};
    assert_int_equal(r.count, 18);
    for (size_t i = 0; i < r.count; i++)
        if (r.values[i].array != wanted[i].array || r.values[i].count != wanted[i].count ||
            r.values[i].size != wanted[i].size)
            fail_msg("%s has %zu elements of size %zu", r.definition->field[i].name,
                     r.values[i].count, r.values[i].size);
    const struct event_field *field = r.definition->field;
    assert_int_equal(field[2].flags, EVENT_FIELD_COUNT);
    assert_int_equal(field[2].count, 3);
    assert_int_equal(field[3].flags, EVENT_FIELD_COUNT_FROM);
    assert_int_equal(field[3].count, 0);
    assert_int_equal(field[15].flags, EVENT_FIELD_LENGTH | EVENT_FIELD_COUNT_FROM);
    assert_int_equal(field[14].flags, EVENT_FIELD_LENGTH_FROM);
    assert_int_equal(field[14].length, 1);
    assert_int_equal(field[16].flags, 0);
}

static void structs__are_followed_by_their_members(void **state)
{
    (void)state;
    struct recorder r = {.writer = {record}};
    const int32_t left[2] = {1, 2};
    const int32_t right[2] = {3, 4};
    const uint16_t lengths[3] = {1, 0, 2};
    const uint64_t items[3] = {7, 8, 9};
    const char *const labels[3] = {"x", "y", "z"};
    EventWriteSTRUCTS(&r.writer, 3, "name", 4, bytes, COLOUR_BLUE, left, right, lengths, items, 3,
                      labels, bytes, 3, 5);
    static const char *const names[] = {"Parts",  "One",   "Name",  "Size",  "Data",
                                        "Colour", "Two",   "Left",  "Right", "Many",
                                        "Length", "Items", "Label", "Bytes", "Last"};
    assert_int_equal(r.count, 15);
    for (size_t i = 0; i < r.count; i++)
        assert_string_equal(r.definition->field[i].name, names[i]);
    assert_int_equal(r.definition->field[1].members, 4);
    assert_true(r.values[1].count == 1 && r.values[6].count == 2 && r.values[9].count == 3);
    assert_true(r.values[4].size == 4 && r.values[7].array && r.values[7].as.data == left);
    assert_true(r.values[11].count == 3 && r.values[13].size == 3);
    assert_int_equal(r.definition->field[9].count, 0);   // of Parts
    assert_int_equal(r.definition->field[11].count, 10); // of Length
    const struct event_map *colours = r.definition->field[5].map;
    assert_string_equal(colours->name, "Colours");
    assert_true(!colours->bits && colours->count == 3);
    assert_true(colours->entry[0].value == COLOUR_RED && colours->entry[2].value == 0xFFFFFFFF);
    assert_string_equal(colours->entry[1].text, "Blue");
    assert_true(r.definition->field[14].map->bits);
    assert_string_equal(r.definition->message, "%1!u! parts, %5");
}

static void other_types__bring_their_sizes(void **state)
{
    (void)state;
    struct recorder r = {.writer = {record}};
    EventWriteCOUNTED(&r.writer, "t", "a", bytes, 3, bytes, 5);
    assert_true(r.count == 4 && r.values[2].size == 3 && r.values[3].size == 5);
    assert_true(!r.definition->channel && !r.definition->message);
    assert_int_equal(r.definition->message_id, UINT32_MAX);
    EventWriteEMPTY(&r.writer);
    assert_true(r.count == 0 && r.definition->descriptor.opcode == 2);
    EventWriteAWKWARD(&r.writer, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    for (size_t i = 0; i < r.count; i++)
        assert_int_equal(r.values[i].as.number, i + 1);
    EventWriteSECOND_SEVEN(&r.writer);
    assert_true(r.definition->message_id == 0xB1000007u);
    EventWriteSECOND_EIGHT(&r.writer);
    assert_true(r.definition->message_id == SCALARS_event.message_id);
}

static void tables__have_every_event_by_id(void **state)
{
    (void)state;
    static const unsigned ids[] = {0, 7, 8, 9, 10, 11, 12, 13, 300, 300, 65535};
    assert_int_equal(FEATURES_EVENT_COUNT, sizeof ids / sizeof ids[0]);
    for (size_t i = 0; i < FEATURES_EVENT_COUNT; i++)
        assert_int_equal(FEATURES_events[i]->descriptor.id, ids[i]);
    assert_int_equal(FEATURES_events[10]->descriptor.version, 255);
    assert_true(FEATURES_events[10]->descriptor.keyword ==
                (FEATURES_KEYWORD_Low | FEATURES_KEYWORD_Middle));
    assert_int_equal(FEATURES_events[0]->message_id, 0);
    assert_int_equal(LATE_value, 300);
    assert_int_equal(LATE_event.descriptor.opcode, SECOND_TURN);
    assert_int_equal(LATE_event.descriptor.task, TASK_SECOND);
    assert_true(LATE_event.descriptor.keyword ==
                (FEATURES_ADMIN_KEYWORD | KEYWORD_HIGH | FEATURES_KEYWORD_Low));
    assert_string_equal(LATE_event.message,
                        "Late: %1, %21 of 100%%%n\"%2\" ?\?= \\ \nafter a line feed\r\nand a pair "
                        "\xE2\x98\x83 \xF0\x9F\x98\x80");
    assert_int_equal(SECOND_PROVIDER_EVENT_COUNT, 2);
    assert_string_equal(SECOND_PROVIDER_NAME, "Test-Features-Zw\xC3\xB6lf");
    assert_int_equal(FEATURES[0], 0x2C);
    assert_int_equal(FEATURE_LEVEL, 20);
    assert_int_equal(ELSEWHERE, 19);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalars__reach_the_writer),
        cmocka_unit_test(arrays__bring_their_counts_and_sizes),
        cmocka_unit_test(structs__are_followed_by_their_members),
        cmocka_unit_test(other_types__bring_their_sizes),
        cmocka_unit_test(tables__have_every_event_by_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
