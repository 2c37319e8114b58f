// Values as Windows takes them, and what is left of strings that have no room.
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/event_samples.h"

#define UNIT sizeof(uint16_t)

static struct event_value text_of(const char *text)
{
    return event_string(EVENT_IN_UNICODE_STRING, text, 0);
}

static char *repeated(const char *text, size_t times)
{
    size_t length = strlen(text);
    char *all = malloc(times * length + 1);
    assert_non_null(all);
    for (size_t i = 0; i < times; i++)
        memcpy(all + i * length, text, length);
    all[times * length] = '\0';
    return all;
}

static size_t units_of(const struct event_piece *piece)
{
    return piece->size / UNIT;
}

static size_t size_of(const struct event_pack *pack)
{
    size_t size = 0;
    for (size_t i = 0; i < pack->count; i++)
        size += pack->piece[i].size;
    return size;
}

static void assert_ends_with_mark(const struct event_piece *piece)
{
    static const uint16_t mark[] = EVENT_PACK_MARK;
    size_t units = sizeof mark / UNIT;
    assert_true(units_of(piece) >= units);
    assert_memory_equal((const uint16_t *)piece->data + units_of(piece) - units, mark, sizeof mark);
}

static void data__each_type__has_its_bytes(void **state)
{
    (void)state;
    static const uint8_t guid[16] = {1, 2, 3};
    const struct event_value values[] = {text_of("a\xF0\x9F\x92\xBE"),
                                         event_data(EVENT_IN_GUID, guid, sizeof guid),
                                         event_number(EVENT_IN_UINT64, 0x0102030405060708),
                                         event_number(EVENT_IN_UINT32, 0x01020304),
                                         event_number(EVENT_IN_HEX_INT32, 0x80070005),
                                         text_of(NULL)};
    static const uint16_t text[] = u"a\U0001F4BE";
    const uint64_t large = 0x0102030405060708;
    const uint32_t small = 0x01020304, code = 0x80070005;
    struct event_pack pack;
    assert_ok(event_pack_data(values, 6, 1000, &pack));
    assert_int_equal(pack.count, 6);
    assert_int_equal(pack.piece[0].size, sizeof text);
    assert_memory_equal(pack.piece[0].data, text, sizeof text);
    assert_int_equal(pack.piece[1].size, 16);
    assert_memory_equal(pack.piece[1].data, guid, sizeof guid);
    assert_int_equal(pack.piece[2].size, 8);
    assert_memory_equal(pack.piece[2].data, &large, sizeof large);
    assert_int_equal(pack.piece[3].size, 4);
    assert_memory_equal(pack.piece[3].data, &small, sizeof small);
    assert_int_equal(pack.piece[4].size, 4);
    assert_memory_equal(pack.piece[4].data, &code, sizeof code);
    assert_int_equal(pack.piece[5].size, UNIT);
    assert_int_equal(*(const uint16_t *)pack.piece[5].data, 0);
    event_pack_free(&pack);
}

static void texts__numbers_and_empty_strings__are_as_a_message_shows_them(void **state)
{
    (void)state;
    const struct event_value values[] = {event_number(EVENT_IN_HEX_INT32, 5), text_of(""),
                                         event_number(EVENT_IN_UINT64, UINT64_MAX)};
    static const uint16_t code[] = u"0x00000005", none[] = u"-", number[] = u"18446744073709551615";
    struct event_pack pack;
    assert_ok(event_pack_texts(values, 3, 1000, &pack));
    assert_memory_equal(pack.piece[0].data, code, sizeof code);
    assert_memory_equal(pack.piece[1].data, none, sizeof none);
    assert_memory_equal(pack.piece[2].data, number, sizeof number);
    event_pack_free(&pack);
}

static void strings__too_long_together__only_the_longest_are_cut_and_marked(void **state)
{
    (void)state;
    char *longest = repeated("x", 100000), *longer = repeated("y", 5000);
    const struct event_value values[] = {text_of("short"), text_of(longest),
                                         event_number(EVENT_IN_UINT64, 7), text_of(longer)};
    struct event_pack pack;
    assert_ok(event_pack_data(values, 4, 60000, &pack));
    assert_true(size_of(&pack) <= 60000 && size_of(&pack) > 60000 - 2 * UNIT);
    assert_int_equal(units_of(&pack.piece[0]), 6);
    assert_int_equal(units_of(&pack.piece[3]), 5001);
    assert_ends_with_mark(&pack.piece[1]);
    event_pack_free(&pack);

    assert_ok(event_pack_data(values, 4, 4000, &pack));
    assert_true(size_of(&pack) <= 4000);
    assert_int_equal(units_of(&pack.piece[0]), 6);
    assert_ends_with_mark(&pack.piece[1]);
    assert_ends_with_mark(&pack.piece[3]);
    event_pack_free(&pack);
    free(longest);
    free(longer);
}

static void strings__that_just_fit__stay_whole(void **state)
{
    (void)state;
    char *text = repeated("z", 1000);
    const struct event_value value = text_of(text);
    struct event_pack pack;
    assert_ok(event_pack_data(&value, 1, 1001 * UNIT, &pack));
    assert_int_equal(units_of(&pack.piece[0]), 1001);
    event_pack_free(&pack);
    assert_ok(event_pack_data(&value, 1, 1001 * UNIT - 1, &pack));
    assert_int_equal(units_of(&pack.piece[0]), 1000);
    assert_ends_with_mark(&pack.piece[0]);
    event_pack_free(&pack);
    free(text);
}

// Whatever the budget, no half of a character is left, and nothing is larger than it may be.
static void strings__cut_at_every_length__keep_whole_characters(void **state)
{
    (void)state;
    char *text = repeated("a\xF0\x9F\x92\xBE", 40);
    const struct event_value values[] = {text_of(text), text_of("b")};
    for (size_t budget = 4 * UNIT; budget < 130 * UNIT; budget++) {
        struct event_pack pack;
        assert_ok(event_pack_data(values, 2, budget, &pack));
        assert_true(size_of(&pack) <= budget);
        const uint16_t *units = pack.piece[0].data;
        size_t count = units_of(&pack.piece[0]);
        assert_int_equal(units[count - 1], 0);
        for (size_t i = 0; i + 1 < count; i++)
            if (units[i] >= 0xD800 && units[i] < 0xDC00)
                assert_true(units[i + 1] >= 0xDC00 && units[i + 1] < 0xE000);
        event_pack_free(&pack);
    }
    free(text);
}

static void strings__of_every_event_at_its_longest__fit(void **state)
{
    (void)state;
    char *text = repeated("w", 40000);
    size_t count;
    const struct event_definition *const *events = event_samples(&count);
    for (size_t i = 0; i < count; i++) {
        struct sample_values values;
        struct event_pack pack;
        event_sample_values(events[i], &values);
        for (size_t f = 0; f < events[i]->field_count; f++)
            if (events[i]->field[f].in_type == EVENT_IN_UNICODE_STRING)
                values.value[f] = text_of(text);
        for (size_t budget = 2048; budget <= 61440; budget += 59392) {
            assert_ok(event_pack_data(values.value, events[i]->field_count, budget, &pack));
            assert_true(size_of(&pack) <= budget);
            event_pack_free(&pack);
            assert_ok(event_pack_texts(values.value, events[i]->field_count, budget, &pack));
            assert_true(size_of(&pack) <= budget);
            event_pack_free(&pack);
        }
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data__each_type__has_its_bytes),
        cmocka_unit_test(texts__numbers_and_empty_strings__are_as_a_message_shows_them),
        cmocka_unit_test(strings__too_long_together__only_the_longest_are_cut_and_marked),
        cmocka_unit_test(strings__that_just_fit__stay_whole),
        cmocka_unit_test(strings__cut_at_every_length__keep_whole_characters),
        cmocka_unit_test(strings__of_every_event_at_its_longest__fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
