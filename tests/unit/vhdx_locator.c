#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/endian.h"
#include "vhd/vhdx/layout.h"
#include "vhd/vhdx/locator.h"

static const struct guid linkage =
    GUID_INIT(0x7584F8FB, 0x36D3, 0x4091, 0xAF, 0xB5, 0xB1, 0xAF, 0xE5, 0x87, 0xBF, 0xA8);

static void encode__five_keys__packed_as_windows_packs_them(void **state)
{
    (void)state;
    static const struct guid zero;
    struct vhdx_locator locator = {0};
    assert_ok(vhdx_locator_set_guid(&locator, VHDX_KEY_LINKAGE, &linkage));
    assert_ok(vhdx_locator_set(&locator, VHDX_KEY_ABSOLUTE_PATH, "C:\\p.vhdx"));
    assert_ok(vhdx_locator_set(&locator, VHDX_KEY_RELATIVE_PATH, ".\\p.vhdx"));
    assert_ok(vhdx_locator_set(&locator, VHDX_KEY_VOLUME_PATH, "\\\\?\\Volume{x}\\p.vhdx"));
    assert_ok(vhdx_locator_set_guid(&locator, VHDX_KEY_LINKAGE2, &zero));
    uint8_t *raw;
    size_t size;
    assert_ok(vhdx_locator_encode(&locator, &raw, &size));
    assert_memory_equal(raw, &vhdx_guid_locator_type, 16);
    assert_int_equal(load_le16(raw + 16), 0);
    assert_int_equal(load_le16(raw + 18), 5);
    // Keys and values follow each other from offset 80 on, without gaps.
    uint32_t expected = 80;
    for (size_t i = 0; i < 5; i++) {
        const uint8_t *entry = raw + 20 + 12 * i;
        assert_int_equal(load_le32(entry), expected);
        expected += load_le16(entry + 8);
        assert_int_equal(load_le32(entry + 4), expected);
        expected += load_le16(entry + 10);
    }
    assert_int_equal(expected, size);
    assert_memory_equal(raw + 80, "p\0a\0r\0e\0n\0t\0_\0", 14);
    assert_memory_equal(raw + 80 + 28,
                        "{\0"
                        "7\0"
                        "5\0"
                        "8\0"
                        "4\0"
                        "f\0",
                        12);
    free(raw);
    vhdx_locator_free(&locator);
}

static void decode__what_was_encoded__comes_back(void **state)
{
    (void)state;
    struct vhdx_locator locator = {0}, decoded;
    assert_ok(vhdx_locator_set_guid(&locator, VHDX_KEY_LINKAGE, &linkage));
    assert_ok(vhdx_locator_set(&locator, VHDX_KEY_RELATIVE_PATH, "..\\диск \xF0\x9F\x92\xBE.vhdx"));
    assert_ok(vhdx_locator_set(&locator, VHDX_KEY_RELATIVE_PATH, ".\\диск \xF0\x9F\x92\xBE.vhdx"));
    uint8_t *raw;
    size_t size;
    assert_ok(vhdx_locator_encode(&locator, &raw, &size));
    assert_ok(vhdx_locator_decode(raw, size, &decoded));
    assert_int_equal(decoded.count, 2);
    struct guid found;
    assert_true(vhdx_locator_find_guid(&decoded, VHDX_KEY_LINKAGE, &found));
    assert_true(guid_equal(&found, &linkage));
    assert_string_equal(vhdx_locator_find(&decoded, VHDX_KEY_RELATIVE_PATH),
                        ".\\диск \xF0\x9F\x92\xBE.vhdx");
    assert_null(vhdx_locator_find(&decoded, "PARENT_LINKAGE"));
    assert_false(vhdx_locator_find_guid(&decoded, VHDX_KEY_RELATIVE_PATH, &found));
    vhdx_locator_free(&decoded);
    vhdx_locator_free(&locator);
    free(raw);
}

// A locator with one pair, to be broken.
static uint8_t *one_pair(size_t *size)
{
    struct vhdx_locator locator = {0};
    uint8_t *raw;
    assert_ok(vhdx_locator_set_guid(&locator, VHDX_KEY_LINKAGE, &linkage));
    assert_ok(vhdx_locator_encode(&locator, &raw, size));
    vhdx_locator_free(&locator);
    return raw;
}

static void decode_broken(size_t at, uint32_t value, int bytes, enum status expected)
{
    struct vhdx_locator decoded;
    size_t size;
    uint8_t *raw = one_pair(&size);
    if (bytes == 2)
        store_le16(raw + at, (uint16_t)value);
    else
        store_le32(raw + at, value);
    assert_status(vhdx_locator_decode(raw, size, &decoded), expected);
    free(raw);
}

static void decode__fields_out_of_bounds__refused(void **state)
{
    (void)state;
    decode_broken(0, 0, 4, STATUS_UNSUPPORTED);       // another kind of parent
    decode_broken(18, 0, 2, STATUS_DAMAGED);          // no pairs
    decode_broken(18, 257, 2, STATUS_DAMAGED);        // too many
    decode_broken(18, 20, 2, STATUS_DAMAGED);         // more than fit
    decode_broken(20, 0, 4, STATUS_DAMAGED);          // key on the header
    decode_broken(20, 0xffffffff, 4, STATUS_DAMAGED); // key past the end
    decode_broken(24, 0xfffffff0, 4, STATUS_DAMAGED); // value past the end
    decode_broken(28, 0, 2, STATUS_DAMAGED);          // empty key
    decode_broken(28, 3, 2, STATUS_DAMAGED);          // half a unit
    decode_broken(30, 0xfffe, 2, STATUS_DAMAGED);     // value past the end
    decode_broken(32, 0x00000000, 4, STATUS_DAMAGED); // NULs in the key
    decode_broken(32, 0x0061d800, 4, STATUS_DAMAGED); // half a surrogate pair
}

static void decode__same_key_twice__refused(void **state)
{
    (void)state;
    struct vhdx_locator locator = {0}, decoded;
    uint8_t *raw;
    size_t size;
    assert_ok(vhdx_locator_set(&locator, "a", "1"));
    assert_ok(vhdx_locator_set(&locator, "b", "2"));
    assert_ok(vhdx_locator_encode(&locator, &raw, &size));
    store_le32(raw + 32, load_le32(raw + 20));
    assert_status(vhdx_locator_decode(raw, size, &decoded), STATUS_DAMAGED);
    vhdx_locator_free(&locator);
    free(raw);
}

static void decode__cut_anywhere__refused_without_reading_past_the_end(void **state)
{
    (void)state;
    size_t size;
    uint8_t *raw = one_pair(&size);
    for (size_t length = 0; length < size; length++) {
        struct vhdx_locator decoded;
        uint8_t *copy = malloc(length ? length : 1);
        assert_non_null(copy);
        memcpy(copy, raw, length);
        assert_status(vhdx_locator_decode(copy, length, &decoded), STATUS_DAMAGED);
        free(copy);
    }
    free(raw);
}

static void encode__strings_that_do_not_fit__refused(void **state)
{
    (void)state;
    struct vhdx_locator locator = {0};
    uint8_t *raw;
    size_t size;
    assert_ok(vhdx_locator_set(&locator, "empty", ""));
    assert_status(vhdx_locator_encode(&locator, &raw, &size), STATUS_INVALID_ARGUMENT);
    assert_ok(vhdx_locator_set(&locator, "empty", "\xff"));
    assert_status(vhdx_locator_encode(&locator, &raw, &size), STATUS_INVALID_ARGUMENT);
    char *longest = malloc(32768 + 1);
    assert_non_null(longest);
    memset(longest, 'x', 32768);
    longest[32767] = '\0';
    assert_ok(vhdx_locator_set(&locator, "empty", longest));
    assert_ok(vhdx_locator_encode(&locator, &raw, &size));
    free(raw);
    longest[32767] = 'x';
    longest[32768] = '\0';
    assert_ok(vhdx_locator_set(&locator, "empty", longest));
    assert_status(vhdx_locator_encode(&locator, &raw, &size), STATUS_INVALID_ARGUMENT);
    free(longest);
    vhdx_locator_free(&locator);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encode__five_keys__packed_as_windows_packs_them),
        cmocka_unit_test(decode__what_was_encoded__comes_back),
        cmocka_unit_test(decode__fields_out_of_bounds__refused),
        cmocka_unit_test(decode__same_key_twice__refused),
        cmocka_unit_test(decode__cut_anywhere__refused_without_reading_past_the_end),
        cmocka_unit_test(encode__strings_that_do_not_fit__refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
