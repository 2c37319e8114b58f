#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/endian.h"
#include "base/utf.h"

static void both_ways__every_code_point__comes_back(void **state)
{
    (void)state;
    for (uint32_t c = 1; c <= 0x10FFFF; c += c < 0x11000 ? 1 : 257) {
        if (c >= 0xD800 && c <= 0xDFFF)
            continue;
        uint16_t units[2] = {(uint16_t)c, 0};
        size_t count = 1;
        if (c >= 0x10000) {
            units[0] = (uint16_t)(0xD800 + ((c - 0x10000) >> 10));
            units[1] = (uint16_t)(0xDC00 + ((c - 0x10000) & 0x3FF));
            count = 2;
        }
        char *text = utf16_to_utf8(units, count);
        assert_non_null(text);
        size_t back_count;
        uint16_t *back = utf8_to_utf16(text, strlen(text), &back_count);
        assert_non_null(back);
        assert_int_equal(back_count, count);
        assert_memory_equal(back, units, count * 2);
        assert_int_equal(back[count], 0);
        free(back);
        free(text);
    }
}

static void utf8__known_texts__have_their_bytes(void **state)
{
    (void)state;
    static const uint16_t wide[] = {'a', 0xE4, 0x20AC, 0xD83D, 0xDE00};
    char *text = utf16_to_utf8(wide, 5);
    assert_string_equal(text, "a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80");
    assert_int_equal(utf8_utf16_length(text, strlen(text)), 5);
    free(text);
}

static const struct {
    const char *bytes;
    size_t size;
} bad[] = {
    {"\x80", 1},                 // continuation without lead
    {"\xC0\x80", 2},             // overlong NUL
    {"\xC1\xBF", 2},             // overlong
    {"\xC3", 1},                 // cut
    {"\xC3(", 2},                // no continuation
    {"\xE0\x80\x80", 3},         // overlong
    {"\xE0\x9F\xBF", 3},         // overlong
    {"\xE2\x82", 2},             // cut
    {"\xED\xA0\x80", 3},         // surrogate
    {"\xED\xBF\xBF", 3},         // surrogate
    {"\xF0\x80\x80\x80", 4},     // overlong
    {"\xF0\x8F\xBF\xBF", 4},     // overlong
    {"\xF0\x9F\x98", 3},         // cut
    {"\xF4\x90\x80\x80", 4},     // above U+10FFFF
    {"\xF5\x80\x80\x80", 4},     // no such lead
    {"\xF8\x88\x80\x80\x80", 5}, // five bytes
    {"\xFE", 1},
    {"\xFF", 1},
    {"good\xFF", 5},
};

static void utf8__invalid__refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        // A copy without a terminator, so that a sanitizer sees any read past the end.
        char *copy = malloc(bad[i].size);
        memcpy(copy, bad[i].bytes, bad[i].size);
        assert_false(utf8_is_valid(copy, bad[i].size));
        assert_true(utf8_utf16_length(copy, bad[i].size) == SIZE_MAX);
        assert_null(utf8_to_utf16(copy, bad[i].size, NULL));
        free(copy);
    }
}

static void make_valid__invalid__has_question_marks(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[16] = "";
        memcpy(text, bad[i].bytes, bad[i].size);
        utf8_make_valid(text);
        assert_true(utf8_is_valid(text, strlen(text)));
        assert_non_null(strchr(text, '?'));
        assert_true(strlen(text) <= bad[i].size);
    }
    char good[] = "a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80";
    char copy[sizeof good];
    memcpy(copy, good, sizeof good);
    utf8_make_valid(copy);
    assert_string_equal(copy, good);
}

static void utf8__zero_byte_inside__is_a_character(void **state)
{
    (void)state;
    size_t units;
    uint16_t *wide = utf8_to_utf16("a\0b", 3, &units);
    assert_int_equal(units, 3);
    assert_int_equal(wide[1], 0);
    free(wide);
}

static void utf16__unpaired_surrogates__refused(void **state)
{
    (void)state;
    static const uint16_t texts[][2] = {
        {0xD800, 'a'}, {'a', 0xD800},    {0xDC00, 'a'},
        {'a', 0xDFFF}, {0xDBFF, 0xDBFF}, {0xDC00, 0xD800},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_null(utf16_to_utf8(texts[i], 2));
    static const uint16_t high = 0xD83D;
    assert_null(utf16_to_utf8(&high, 1));
}

static void utf16le__unaligned_bytes__are_read(void **state)
{
    (void)state;
    uint8_t bytes[5] = {0xFF};
    store_le16(bytes + 1, 'h');
    store_le16(bytes + 3, 0x439);
    char *text = utf16le_to_utf8(bytes + 1, 2);
    assert_string_equal(text, "h\xD0\xB9");
    free(text);
}

static void empty__gives_empty(void **state)
{
    (void)state;
    size_t units = 9;
    uint16_t *wide = utf8_to_utf16("", 0, &units);
    assert_int_equal(units, 0);
    assert_int_equal(wide[0], 0);
    char *text = utf16_to_utf8(wide, 0);
    assert_string_equal(text, "");
    assert_true(utf8_is_valid("", 0));
    free(text);
    free(wide);
}

static void utf16le__absurd_length__refused(void **state)
{
    (void)state;
    uint8_t byte = 0;
    assert_null(utf16le_to_utf8(&byte, SIZE_MAX / 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ways__every_code_point__comes_back),
        cmocka_unit_test(utf8__known_texts__have_their_bytes),
        cmocka_unit_test(utf8__invalid__refused),
        cmocka_unit_test(make_valid__invalid__has_question_marks),
        cmocka_unit_test(utf8__zero_byte_inside__is_a_character),
        cmocka_unit_test(utf16__unpaired_surrogates__refused),
        cmocka_unit_test(utf16le__unaligned_bytes__are_read),
        cmocka_unit_test(empty__gives_empty),
        cmocka_unit_test(utf16le__absurd_length__refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
