#include "tests/support/test.h"

#include "base/guid.h"

static const struct guid bat_region =
    GUID_INIT(0x2DC27766, 0xF623, 0x4200, 0x9D, 0x64, 0x11, 0x5E, 0x9B, 0xFD, 0x4A, 0x08);

static void init__canonical_fields__give_bytes_in_memory_order(void **state)
{
    (void)state;
    static const uint8_t bytes[16] = {0x66, 0x77, 0xC2, 0x2D, 0x23, 0xF6, 0x00, 0x42,
                                      0x9D, 0x64, 0x11, 0x5E, 0x9B, 0xFD, 0x4A, 0x08};
    assert_memory_equal(bat_region.bytes, bytes, sizeof bytes);
}

static void format__is_lower_case_without_braces(void **state)
{
    (void)state;
    char text[GUID_TEXT_SIZE];
    assert_string_equal(guid_format(&bat_region, text), "2dc27766-f623-4200-9d64-115e9bfd4a08");
}

static void parse__either_case_and_braces__accepted(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "2dc27766-f623-4200-9d64-115e9bfd4a08",
        "2DC27766-F623-4200-9D64-115E9BFD4A08",
        "{2DC27766-f623-4200-9d64-115E9BFD4A08}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct guid g = {{0}};
        assert_true(guid_parse(texts[i], &g));
        assert_true(guid_equal(&g, &bat_region));
    }
}

static void parse__anything_else__refused_and_untouched(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "{",
        "{}",
        "2dc27766f62342009d64115e9bfd4a08",
        "2dc27766-f623-4200-9d64-115e9bfd4a0",
        "2dc27766-f623-4200-9d64-115e9bfd4a080",
        "2dc27766-f623-4200-9d64-115e9bfd4a0g",
        "2dc27766-f623-4200-9d64 115e9bfd4a08",
        "{2dc27766-f623-4200-9d64-115e9bfd4a08",
        "2dc27766-f623-4200-9d64-115e9bfd4a08}",
        "{2dc27766-f623-4200-9d64-115e9bfd4a08} ",
        " 2dc27766-f623-4200-9d64-115e9bfd4a08",
        "2dc2776-6f623-4200-9d64-115e9bfd4a08",
        "2dc27766-f623-4200-9d64-115e9bfd4a\xC3\xA9",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct guid g = bat_region;
        assert_false(guid_parse(texts[i], &g));
        assert_true(guid_equal(&g, &bat_region));
    }
}

static void generate__is_version_4_and_never_the_same(void **state)
{
    (void)state;
    struct guid a, b;
    assert_ok(guid_generate(&a));
    assert_ok(guid_generate(&b));
    assert_false(guid_equal(&a, &b));
    assert_false(guid_is_zero(&a));
    char text[GUID_TEXT_SIZE];
    guid_format(&a, text);
    assert_int_equal(text[14], '4');
    assert_true(text[19] == '8' || text[19] == '9' || text[19] == 'a' || text[19] == 'b');
}

static void is_zero__only_for_zero(void **state)
{
    (void)state;
    struct guid g = {{0}};
    assert_true(guid_is_zero(&g));
    g.bytes[15] = 1;
    assert_false(guid_is_zero(&g));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(init__canonical_fields__give_bytes_in_memory_order),
        cmocka_unit_test(format__is_lower_case_without_braces),
        cmocka_unit_test(parse__either_case_and_braces__accepted),
        cmocka_unit_test(parse__anything_else__refused_and_untouched),
        cmocka_unit_test(generate__is_version_4_and_never_the_same),
        cmocka_unit_test(is_zero__only_for_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
