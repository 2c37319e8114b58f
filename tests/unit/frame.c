#include "tests/support/test.h"

#include <string.h>

#include "base/endian.h"
#include "base/frame.h"

static void append_then_peek__byte_by_byte__gives_the_payload(void **state)
{
    (void)state;
    struct buffer out = {0}, in = {0};
    assert_ok(frame_append(&out, "{\"a\":1}", 7, FRAME_REQUEST_MAX));
    assert_ok(frame_append(&out, "{}", 2, FRAME_REQUEST_MAX));
    bool ready = true;
    uint32_t size = 0;
    for (size_t i = 0; i < FRAME_HEADER_SIZE + 7; i++) {
        assert_ok(frame_peek(&in, FRAME_REQUEST_MAX, &ready, &size));
        assert_false(ready);
        assert_ok(buffer_append(&in, out.data + i, 1));
    }
    assert_ok(frame_peek(&in, FRAME_REQUEST_MAX, &ready, &size));
    assert_true(ready);
    assert_int_equal(size, 7);
    assert_memory_equal(in.data + FRAME_HEADER_SIZE, "{\"a\":1}", 7);
    buffer_consume(&in, FRAME_HEADER_SIZE + size);
    assert_ok(buffer_append(&in, out.data + FRAME_HEADER_SIZE + 7, out.size - 11));
    assert_ok(frame_peek(&in, FRAME_REQUEST_MAX, &ready, &size));
    assert_true(ready);
    assert_int_equal(size, 2);
    buffer_free(&in);
    buffer_free(&out);
}

static void append__empty_or_too_large__refused_without_a_trace(void **state)
{
    (void)state;
    struct buffer out = {0};
    assert_status(frame_append(&out, "", 0, 10), STATUS_INVALID_ARGUMENT);
    assert_status(frame_append(&out, "12345678901", 11, 10), STATUS_INVALID_ARGUMENT);
    assert_int_equal(out.size, 0);
    assert_ok(frame_append(&out, "1234567890", 10, 10));
    buffer_free(&out);
}

static enum status peek_length(uint32_t length, uint32_t limit)
{
    uint8_t header[FRAME_HEADER_SIZE];
    store_le32(header, length);
    struct buffer in = {.data = header, .size = sizeof header, .capacity = sizeof header};
    bool ready;
    uint32_t size;
    enum status s = frame_peek(&in, limit, &ready, &size);
    assert_false(ready);
    return s;
}

static void peek__length_out_of_range__refused_before_the_payload(void **state)
{
    (void)state;
    assert_status(peek_length(0, 100), STATUS_PROTOCOL);
    assert_status(peek_length(101, 100), STATUS_PROTOCOL);
    assert_status(peek_length(UINT32_MAX, FRAME_REPLY_MAX), STATUS_PROTOCOL);
    assert_status(peek_length(0x20544547, FRAME_REQUEST_MAX), STATUS_PROTOCOL); // "GET "
    assert_ok(peek_length(100, 100));
    assert_ok(peek_length(1, 100));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(append_then_peek__byte_by_byte__gives_the_payload),
        cmocka_unit_test(append__empty_or_too_large__refused_without_a_trace),
        cmocka_unit_test(peek__length_out_of_range__refused_before_the_payload),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
