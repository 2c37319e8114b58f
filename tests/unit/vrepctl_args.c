// What people type after vrepctl.
#include "tests/support/test.h"

#include <string.h>

#include "base/host_port.h"
#include "ps/client/ctl/args.c" // NOLINT(bugprone-suspicious-include): part of a program

#define ANY UINT64_MAX

static enum status parse(struct arguments *out, uint64_t allowed, enum name_rule rule, size_t argc,
                         const char **argv)
{
    return arguments_parse((int)argc, (char **)argv, allowed, rule, out);
}

#define PARSE(out, allowed, rule, ...)                                                \
    parse(out, allowed, rule, sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *), \
          (const char *[]){__VA_ARGS__})

static void arguments__enable_with_several_disks__keeps_their_order(void **state)
{
    (void)state;
    struct arguments a;
    assert_ok(PARSE(&a, ANY, NAME_REQUIRED, "vm 1", "--disk", "a.vhdx", "b.vhdx", "--replica",
                    "host:1", "--disk=c.vhdx", "d.vhdx", "--json"));
    assert_string_equal(a.name, "vm 1");
    assert_int_equal(a.disk_count, 4);
    assert_string_equal(a.disk[0], "a.vhdx");
    assert_string_equal(a.disk[1], "b.vhdx");
    assert_string_equal(a.disk[2], "c.vhdx");
    assert_string_equal(a.disk[3], "d.vhdx");
    assert_string_equal(a.value[OPTION_REPLICA], "host:1");
    assert_true(a.given[OPTION_JSON]);
    assert_false(a.given[OPTION_AS_REPLICA]);
    arguments_free(&a);
}

#define assert_refused(...)                                                   \
    do {                                                                      \
        struct arguments refused;                                             \
        assert_status(PARSE(&refused, __VA_ARGS__), STATUS_INVALID_ARGUMENT); \
        arguments_free(&refused);                                             \
    } while (0)

static void arguments__wrong_ones__are_refused(void **state)
{
    (void)state;
    assert_refused(ANY, NAME_REQUIRED, "--json");
    assert_refused(ANY, NAME_NONE, "name");
    assert_refused(ANY, NAME_REQUIRED, "name", "another");
    assert_refused(ANY, NAME_REQUIRED, "name", "--frob");
    assert_refused(ANY, NAME_REQUIRED, "name", "--disk");
    assert_refused(ANY, NAME_REQUIRED, "name", "--json=yes");
    assert_refused(ANY, NAME_REQUIRED, "name", "--disk", "a", "-b");
    assert_refused(OPTION_BIT(OPTION_JSON), NAME_REQUIRED, "name", "--follow");
}

static void arguments__help__needs_no_name(void **state)
{
    (void)state;
    struct arguments a;
    assert_ok(PARSE(&a, ANY, NAME_REQUIRED, "--help"));
    assert_true(a.given[OPTION_HELP]);
    arguments_free(&a);
}

static void bandwidth__what_people_write__is_bytes_per_second(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t value;
    } good[] = {
        {"0", 0},       {"none", 0},     {"1000", 1000},     {"64K", 65536},
        {"64k", 65536}, {"4M", 4194304}, {"1G", 1073741824}, {"9223372036854775807", INT64_MAX}};
    static const char *const bad[] = {
        "", "K", "4Q", "4MB", "-1", "1.5M", "4 M", "9223372036854775808", "9007199254740992G"};
    uint64_t value = 0;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_ok(parse_bandwidth(good[i].text, &value));
        assert_int_equal(value, good[i].value);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_status(parse_bandwidth(bad[i], &value), STATUS_INVALID_ARGUMENT);
}

static void number__outside_its_range__is_refused(void **state)
{
    (void)state;
    uint64_t value = 0;
    assert_ok(parse_number("--limit", "10", 1, 10, &value));
    assert_int_equal(value, 10);
    assert_status(parse_number("--limit", "11", 1, 10, &value), STATUS_INVALID_ARGUMENT);
    assert_status(parse_number("--limit", "0", 1, 10, &value), STATUS_INVALID_ARGUMENT);
    assert_status(parse_number("--limit", "1x", 1, 10, &value), STATUS_INVALID_ARGUMENT);
}

static void host_port__every_form__is_split(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *host;
        uint16_t port;
    } good[] = {
        {"replica1", "replica1", 29242},
        {"replica1:1", "replica1", 1},
        {"192.0.2.7:65535", "192.0.2.7", 65535},
        {"[::1]:29243", "::1", 29243},
        {"[::1]", "::1", 29242},
        {"2001:db8::7", "2001:db8::7", 29242},
        {"[fe80::1%eth0]:5", "fe80::1%eth0", 5},
        {"127.0.0.1:0", "127.0.0.1", 0},
    };
    static const char *const bad[] = {"",       ":1",      "host:",    "host:65536", "host:1x",
                                      "[::1",   "[::1]x",  "[]:1",     "ho st",      "host/path",
                                      "[::1]:", "host:-1", "a\xC3\xA4"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        char *host = NULL;
        uint16_t port = 0;
        assert_ok(host_port_parse(good[i].text, 29242, &host, &port));
        assert_string_equal(host, good[i].host);
        assert_int_equal(port, good[i].port);
        free(host);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char *host = NULL;
        uint16_t port = 0;
        assert_status(host_port_parse(bad[i], 29242, &host, &port), STATUS_INVALID_ARGUMENT);
    }
}

static void switch__on_and_off__and_nothing_else(void **state)
{
    (void)state;
    bool on = false;
    assert_ok(parse_switch("--x", "on", &on));
    assert_true(on);
    assert_ok(parse_switch("--x", "off", &on));
    assert_false(on);
    static const char *const wrong[] = {"", "On", "1", "true", "of", "on "};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_status(parse_switch("--x", wrong[i], &on), STATUS_INVALID_ARGUMENT);
        assert_non_null(strstr(status_last()->message, "--x"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(switch__on_and_off__and_nothing_else),
        cmocka_unit_test(arguments__enable_with_several_disks__keeps_their_order),
        cmocka_unit_test(arguments__wrong_ones__are_refused),
        cmocka_unit_test(arguments__help__needs_no_name),
        cmocka_unit_test(bandwidth__what_people_write__is_bytes_per_second),
        cmocka_unit_test(number__outside_its_range__is_refused),
        cmocka_unit_test(host_port__every_form__is_split),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
