#include "tests/support/test.h"

#include <string.h>

#include "base/buffer.h"

static void append__many_pieces__are_in_order(void **state)
{
    (void)state;
    struct buffer b = {0};
    for (unsigned i = 0; i < 5000; i++) {
        uint8_t byte = (uint8_t)i;
        assert_ok(buffer_append(&b, &byte, 1));
    }
    assert_int_equal(b.size, 5000);
    for (unsigned i = 0; i < 5000; i++)
        assert_int_equal(b.data[i], (uint8_t)i);
    buffer_free(&b);
    assert_null(b.data);
    assert_int_equal(b.size, 0);
}

static void append__nothing__is_fine(void **state)
{
    (void)state;
    struct buffer b = {0};
    assert_ok(buffer_append(&b, NULL, 0));
    assert_int_equal(b.size, 0);
    buffer_free(&b);
}

static void reserve__impossible_size__leaves_the_buffer(void **state)
{
    (void)state;
    struct buffer b = {0};
    assert_ok(buffer_append(&b, "abc", 3));
    assert_status(buffer_reserve(&b, SIZE_MAX), STATUS_OUT_OF_MEMORY);
    assert_status(buffer_reserve(&b, SIZE_MAX / 2), STATUS_OUT_OF_MEMORY);
    assert_int_equal(b.size, 3);
    assert_memory_equal(b.data, "abc", 3);
    buffer_free(&b);
}

static void printf__appends_and_terminates(void **state)
{
    (void)state;
    struct buffer b = {0};
    assert_ok(buffer_printf(&b, "%s=%zu", "size", (size_t)4096));
    assert_ok(buffer_printf(&b, "%s", ""));
    char long_text[2000];
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    assert_ok(buffer_printf(&b, ";%s", long_text));
    assert_int_equal(b.size, 9 + 1 + 1999);
    assert_int_equal(strlen((char *)b.data), b.size);
    assert_memory_equal(b.data, "size=4096;x", 11);
    buffer_free(&b);
}

static void consume__front__keeps_the_rest(void **state)
{
    (void)state;
    struct buffer b = {0};
    assert_ok(buffer_append(&b, "abcdef", 6));
    buffer_consume(&b, 2);
    assert_int_equal(b.size, 4);
    assert_memory_equal(b.data, "cdef", 4);
    buffer_consume(&b, 0);
    buffer_consume(&b, 4);
    assert_int_equal(b.size, 0);
    buffer_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(append__many_pieces__are_in_order),
        cmocka_unit_test(append__nothing__is_fine),
        cmocka_unit_test(reserve__impossible_size__leaves_the_buffer),
        cmocka_unit_test(printf__appends_and_terminates),
        cmocka_unit_test(consume__front__keeps_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
