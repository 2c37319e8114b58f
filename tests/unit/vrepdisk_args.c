// What people type after a verb of vrepdisk.
#include "tests/support/test.h"

#include <string.h>

#include "vhd/tool/arguments.c" // NOLINT(bugprone-suspicious-include): part of a program

#define ANY     (~0u)
#define ONLY(o) (1u << (o))

#define PARSE(out, allowed, ...)                                                   \
    arguments_parse((int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)), \
                    (char **)(const char *[]){__VA_ARGS__}, allowed, out)

static void arguments__options_anywhere__are_told_from_files(void **state)
{
    (void)state;
    struct arguments a;
    assert_ok(PARSE(&a, ANY, "--json", "a.vhdx", "--size", "1G", "--levels=2", "--", "--odd-name"));
    assert_int_equal(a.file_count, 2);
    assert_string_equal(a.files[0], "a.vhdx");
    assert_string_equal(a.files[1], "--odd-name");
    assert_string_equal(a.values[OPTION_SIZE], "1G");
    assert_string_equal(a.values[OPTION_LEVELS], "2");
    assert_true(arguments_have(&a, OPTION_JSON));
    assert_false(arguments_have(&a, OPTION_FORCE));
}

static void arguments__every_option__has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int i = 0; i < OPTION_COUNT; i++) {
        assert_non_null(option_name((enum option)i));
        assert_int_equal(find_option(option_name((enum option)i)), i);
    }
}

static void arguments__wrong_ones__are_named(void **state)
{
    (void)state;
    struct arguments a;
    assert_status(PARSE(&a, ANY, "--frob"), STATUS_INVALID_ARGUMENT);
    assert_non_null(strstr(status_last()->message, "--frob"));
    assert_status(PARSE(&a, ONLY(OPTION_JSON), "f", "--size", "1"), STATUS_INVALID_ARGUMENT);
    assert_non_null(strstr(status_last()->message, "--size"));
    assert_status(PARSE(&a, ANY, "f", "--size"), STATUS_INVALID_ARGUMENT);
    assert_status(PARSE(&a, ANY, "f", "--json=yes"), STATUS_INVALID_ARGUMENT);
    assert_status(PARSE(&a, ANY, "--size=1", "--size", "1"), STATUS_INVALID_ARGUMENT);
    assert_status(PARSE(&a, ANY, "a", "b", "c"), STATUS_INVALID_ARGUMENT);
}

static void arguments__sizes__are_exact_or_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t bytes;
    } sizes[] = {{"0", 0},
                 {"512", 512},
                 {"64k", 64 << 10},
                 {"3M", 3 << 20},
                 {"2G", 2ull << 30},
                 {"64T", 64ull << 40},
                 {"18446744073709551615", UINT64_MAX}};
    static const char *const wrong[] = {
        "", "K", "-1", "1 G", "1GB", "0x10", "1.5", "16777216T", "18446744073709551616"};
    struct arguments a = {0};
    uint64_t bytes;
    uint32_t bytes32;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        a.values[OPTION_SIZE] = sizes[i].text;
        assert_ok(arguments_size(&a, OPTION_SIZE, 7, &bytes));
        assert_int_equal(bytes, sizes[i].bytes);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        a.values[OPTION_SIZE] = wrong[i];
        assert_status(arguments_size(&a, OPTION_SIZE, 7, &bytes), STATUS_INVALID_ARGUMENT);
    }
    a.values[OPTION_SIZE] = "4G";
    assert_status(arguments_size32(&a, OPTION_SIZE, 7, &bytes32), STATUS_INVALID_ARGUMENT);
    a.values[OPTION_SIZE] = NULL;
    assert_ok(arguments_size32(&a, OPTION_SIZE, 7, &bytes32));
    assert_int_equal(bytes32, 7);
}

static void arguments__format__comes_from_the_option_then_the_extension(void **state)
{
    (void)state;
    struct arguments a = {0};
    enum vhd_format format;
    assert_ok(arguments_format(&a, "x.VHD", &format));
    assert_int_equal(format, VHD_FORMAT_VHD);
    assert_ok(arguments_format(&a, "x.vhd.old", &format));
    assert_int_equal(format, VHD_FORMAT_VHDX);
    a.values[OPTION_FORMAT] = "vhd";
    assert_ok(arguments_format(&a, "x.vhdx", &format));
    assert_int_equal(format, VHD_FORMAT_VHD);
    a.values[OPTION_FORMAT] = "qcow2";
    assert_status(arguments_format(&a, "x.vhdx", &format), STATUS_INVALID_ARGUMENT);
}

static void arguments__backend__is_one_of_two_words(void **state)
{
    (void)state;
    struct arguments a = {0};
    enum vhd_backend backend;
    assert_ok(arguments_backend(&a, &backend));
    assert_int_equal(backend, vhd_default_backend());
    a.values[OPTION_BACKEND] = "Virtdisk";
    assert_ok(arguments_backend(&a, &backend));
    assert_int_equal(backend, VHD_BACKEND_VIRTDISK);
    a.values[OPTION_BACKEND] = "native";
    assert_ok(arguments_backend(&a, &backend));
    assert_int_equal(backend, VHD_BACKEND_NATIVE);
    a.values[OPTION_BACKEND] = "qemu";
    assert_status(arguments_backend(&a, &backend), STATUS_INVALID_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arguments__options_anywhere__are_told_from_files),
        cmocka_unit_test(arguments__every_option__has_a_name_of_its_own),
        cmocka_unit_test(arguments__wrong_ones__are_named),
        cmocka_unit_test(arguments__sizes__are_exact_or_refused),
        cmocka_unit_test(arguments__format__comes_from_the_option_then_the_extension),
        cmocka_unit_test(arguments__backend__is_one_of_two_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
