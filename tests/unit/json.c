#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/os.h"
#include "tests/support/temp.h"

static const char *folder;

static int make_folder(void **state)
{
    (void)state;
    folder = temp_folder();
    return 0;
}

static json_t *parse(const char *text)
{
    json_t *value = NULL;
    assert_ok(js_parse(text, strlen(text), &value));
    return value;
}

static void parse__not_an_object_or_not_json__refused_with_the_place(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "[]",
        "1",
        "\"x\"",
        "{",
        "{}x",
        "{\"a\":}",
        "{'a':1}",
        "{\"a\":1,}",
        "{\"a\":1,\"a\":2}",
        "null",
        "{\"\\u0000\":1}",
        "{\"a\":\"\xFF\"}",
        "{\"a\":\"\xED\xA0\x80\"}",
        "{\"a\":1e999}",
        "{\"a\":99999999999999999999}",
        "{\"a\":NaN}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        json_t *value = NULL;
        assert_status(js_parse(texts[i], strlen(texts[i]), &value), STATUS_INVALID_ARGUMENT);
        assert_null(value);
    }
    json_t *value = NULL;
    assert_status(js_parse("{\n \"a\": x}", 10, &value), STATUS_INVALID_ARGUMENT);
    assert_non_null(strstr(status_last()->message, "line 2"));
}

static void parse__very_deep__refused(void **state)
{
    (void)state;
    size_t depth = 100000;
    char *text = malloc(5 + depth);
    memcpy(text, "{\"a\":", 5);
    memset(text + 5, '[', depth);
    json_t *value = NULL;
    assert_status(js_parse(text, 5 + depth, &value), STATUS_INVALID_ARGUMENT);
    free(text);
}

static void members__of_their_type__are_read(void **state)
{
    (void)state;
    json_t *o = parse("{\"s\":\"text\",\"n\":9223372036854775807,\"b\":true,\"a\":[1,2],"
                      "\"g\":\"{2DC27766-F623-4200-9D64-115E9BFD4A08}\"}");
    const char *s;
    uint64_t n;
    bool b;
    json_t *a;
    struct guid g;
    char text[GUID_TEXT_SIZE];
    assert_ok(js_get_string(o, "s", &s));
    assert_string_equal(s, "text");
    assert_ok(js_get_u64(o, "n", &n));
    assert_true(n == INT64_MAX);
    assert_ok(js_opt_bool(o, "b", false, &b));
    assert_true(b);
    assert_ok(js_get_array(o, "a", &a));
    assert_int_equal(json_array_size(a), 2);
    assert_ok(js_get_guid(o, "g", &g));
    assert_string_equal(guid_format(&g, text), "2dc27766-f623-4200-9d64-115e9bfd4a08");
    json_decref(o);
}

static void members__absent_or_null__preset_or_an_error_that_names_them(void **state)
{
    (void)state;
    json_t *o = parse("{\"x\":null}");
    for (int i = 0; i < 2; i++) {
        const char *name = i == 0 ? "x" : "absent";
        const char *s;
        uint64_t n;
        bool b;
        json_t *a;
        struct guid g;
        assert_ok(js_opt_string(o, name, "preset", &s));
        assert_string_equal(s, "preset");
        assert_ok(js_opt_u64(o, name, 7, &n));
        assert_int_equal(n, 7);
        assert_ok(js_opt_bool(o, name, true, &b));
        assert_true(b);
        assert_ok(js_opt_guid(o, name, &g));
        assert_true(guid_is_zero(&g));
        assert_status(js_get_string(o, name, &s), STATUS_INVALID_ARGUMENT);
        assert_non_null(strstr(status_last()->message, name));
        assert_status(js_get_u64(o, name, &n), STATUS_INVALID_ARGUMENT);
        assert_status(js_get_guid(o, name, &g), STATUS_INVALID_ARGUMENT);
        assert_status(js_get_array(o, name, &a), STATUS_INVALID_ARGUMENT);
    }
    json_decref(o);
}

static void members__of_another_type__refused_and_untouched(void **state)
{
    (void)state;
    json_t *o =
        parse("{\"s\":1,\"n\":\"1\",\"m\":-1,\"r\":1.0,\"b\":1,\"a\":{},\"g\":\"no guid\"}");
    const char *s = "untouched";
    uint64_t n = 42;
    bool b = true;
    json_t *a = NULL;
    struct guid g = {{1}};
    assert_status(js_get_string(o, "s", &s), STATUS_INVALID_ARGUMENT);
    assert_status(js_opt_string(o, "s", "p", &s), STATUS_INVALID_ARGUMENT);
    assert_string_equal(s, "untouched");
    assert_status(js_get_u64(o, "n", &n), STATUS_INVALID_ARGUMENT);
    assert_status(js_get_u64(o, "m", &n), STATUS_INVALID_ARGUMENT);
    assert_status(js_opt_u64(o, "r", 1, &n), STATUS_INVALID_ARGUMENT);
    assert_int_equal(n, 42);
    assert_status(js_opt_bool(o, "b", false, &b), STATUS_INVALID_ARGUMENT);
    assert_true(b);
    assert_status(js_get_array(o, "a", &a), STATUS_INVALID_ARGUMENT);
    assert_null(a);
    assert_status(js_get_guid(o, "g", &g), STATUS_INVALID_ARGUMENT);
    assert_status(js_opt_guid(o, "n", &g), STATUS_INVALID_ARGUMENT);
    assert_int_equal(g.bytes[0], 1);
    json_decref(o);
}

static void put__then_text__then_parse__gives_the_same(void **state)
{
    (void)state;
    json_t *o = json_object();
    struct guid g = {{1, 2, 3}}, back;
    uint64_t n;
    assert_ok(js_put_string(o, "s", "\xD0\x94 \"quoted\"\n"));
    assert_ok(js_put_u64(o, "n", INT64_MAX));
    assert_ok(js_put_bool(o, "b", false));
    assert_ok(js_put_guid(o, "g", &g));
    assert_ok(js_put_new(o, "a", json_array()));
    assert_status(js_put_u64(o, "large", (uint64_t)INT64_MAX + 1), STATUS_INVALID_ARGUMENT);
    assert_null(json_object_get(o, "large"));
    assert_status(js_put_new(o, "none", NULL), STATUS_OUT_OF_MEMORY);
    char *text = js_text(o);
    assert_null(strchr(text, '\n'));
    json_t *again = parse(text);
    assert_true(json_equal(o, again));
    assert_ok(js_get_guid(again, "g", &back));
    assert_true(guid_equal(&g, &back));
    assert_ok(js_get_u64(again, "n", &n));
    assert_true(n == INT64_MAX);
    json_decref(again);
    json_decref(o);
    free(text);
}

static void save_then_load__unknown_members_stay(void **state)
{
    (void)state;
    char *path = temp_path(folder, "state.json");
    json_t *o = parse("{\"name\":\"x\",\"FromTheFuture\":{\"a\":[1]}}");
    assert_ok(js_save_file(path, "vrep-test", 2, 1, o));
    json_decref(o);
    assert_ok(js_load_file(path, "vrep-test", 2, &o));
    uint64_t minor;
    assert_ok(js_get_u64(o, "minor", &minor));
    assert_int_equal(minor, 1);
    assert_non_null(json_object_get(o, "FromTheFuture"));
    json_decref(o);
    free(path);
}

static void load__missing__not_found(void **state)
{
    (void)state;
    char *path = temp_path(folder, "missing.json");
    json_t *o = NULL;
    assert_status(js_load_file(path, "vrep-test", 1, &o), STATUS_NOT_FOUND);
    free(path);
}

static void load__newer_major__refused_untouched(void **state)
{
    (void)state;
    static const char text[] = "{\"format\":\"vrep-test\",\"major\":3,\"minor\":0,\"x\":1}";
    char *path = temp_path(folder, "newer.json");
    char *copy = temp_path(folder, "newer.json.v3");
    json_t *o = NULL;
    char *after;
    size_t size;
    assert_ok(os_replace_file(path, text, sizeof text - 1));
    assert_status(js_load_file(path, "vrep-test", 2, &o), STATUS_VERSION);
    assert_null(o);
    assert_non_null(strstr(status_last()->message, "version 3"));
    assert_true(strlen(status_last()->action) > 0);
    assert_ok(os_read_file(path, 1000, &after, &size));
    assert_string_equal(after, text);
    assert_false(os_file_exists(copy));
    free(after);
    free(copy);
    free(path);
}

static void load__older_major__keeps_a_copy_once(void **state)
{
    (void)state;
    static const char text[] = "{\"format\":\"vrep-test\",\"major\":1,\"minor\":0,\"x\":1}";
    char *path = temp_path(folder, "older.json");
    char *copy = temp_path(folder, "older.json.v1");
    json_t *o = NULL;
    char *kept;
    size_t size;
    uint64_t major;
    assert_ok(os_replace_file(path, text, sizeof text - 1));
    assert_ok(js_load_file(path, "vrep-test", 2, &o));
    assert_ok(js_get_u64(o, "major", &major));
    assert_int_equal(major, 1);
    json_decref(o);
    assert_ok(os_replace_file(copy, "the first copy", 14));
    assert_ok(js_load_file(path, "vrep-test", 2, &o));
    json_decref(o);
    assert_ok(os_read_file(copy, 1000, &kept, &size));
    assert_string_equal(kept, "the first copy");
    free(kept);
    free(copy);
    free(path);
}

static void load__damaged__says_so_and_names_the_file(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "{",
        "[]",
        "{}",
        "{\"format\":\"other\",\"major\":1}",
        "{\"format\":1,\"major\":1}",
        "{\"format\":\"vrep-test\"}",
        "{\"format\":\"vrep-test\",\"major\":\"1\"}",
        "{\"format\":\"vrep-test\",\"major\":-1}",
        "{\"format\":\"vrep-test\",\"major\":1,\"major\":1}",
    };
    char *path = temp_path(folder, "damaged.json");
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        json_t *o = NULL;
        assert_ok(os_replace_file(path, texts[i], strlen(texts[i])));
        assert_status(js_load_file(path, "vrep-test", 1, &o), STATUS_DAMAGED);
        assert_null(o);
        assert_non_null(strstr(status_last()->message, "damaged.json"));
        assert_true(strlen(status_last()->action) > 0);
    }
    free(path);
}

static void load__above_the_limit__refused(void **state)
{
    (void)state;
    char *path = temp_path(folder, "large.json");
    size_t size = 4 * 1024 * 1024 + 1;
    char *text = malloc(size);
    memset(text, ' ', size);
    json_t *o = NULL;
    assert_ok(os_replace_file(path, text, size));
    assert_status(js_load_file(path, "vrep-test", 1, &o), STATUS_DAMAGED);
    free(text);
    free(path);
}

static void status__to_json_and_back__is_the_same(void **state)
{
    (void)state;
    status_fail(STATUS_NO_SPACE, 0xC03A001A, "The volume is full: %s.", "\xD0\x94");
    status_advise(32346, "Make room.");
    struct status_details back;
    json_t *o = js_from_status(status_last());
    assert_non_null(o);
    js_to_status(o, &back);
    json_decref(o);
    assert_int_equal(back.status, STATUS_NO_SPACE);
    assert_true(back.os_code == 0xC03A001A);
    assert_int_equal(back.event_id, 32346);
    assert_string_equal(back.message, status_last()->message);
    assert_string_equal(back.action, "Make room.");
}

static void to_status__hostile_object__is_a_failure_with_safe_texts(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{}",
        "{\"code\":\"Ok\"}",
        "{\"code\":1,\"message\":2,\"action\":[],\"osCode\":\"x\",\"eventId\":-1}",
        "{\"code\":\"Nonsense\",\"osCode\":99999999999}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct status_details d;
        json_t *o = parse(texts[i]);
        js_to_status(o, &d);
        json_decref(o);
        assert_int_equal(d.status, STATUS_INTERNAL);
        assert_int_equal(d.os_code, 0);
        assert_int_equal(d.event_id, 0);
        assert_string_equal(d.message, "");
        assert_string_equal(d.action, "");
    }
    char long_text[3 * STATUS_MESSAGE_MAX + 1];
    for (size_t i = 0; i + 3 <= sizeof long_text; i += 3)
        memcpy(long_text + i, "\xE2\x82\xAC", 3);
    long_text[sizeof long_text - 1] = '\0';
    struct status_details d;
    json_t *o = json_object();
    assert_ok(js_put_string(o, "message", long_text));
    js_to_status(o, &d);
    json_decref(o);
    assert_int_equal(strlen(d.message), STATUS_MESSAGE_MAX - 1 - (STATUS_MESSAGE_MAX - 1) % 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse__not_an_object_or_not_json__refused_with_the_place),
        cmocka_unit_test(parse__very_deep__refused),
        cmocka_unit_test(members__of_their_type__are_read),
        cmocka_unit_test(members__absent_or_null__preset_or_an_error_that_names_them),
        cmocka_unit_test(members__of_another_type__refused_and_untouched),
        cmocka_unit_test(put__then_text__then_parse__gives_the_same),
        cmocka_unit_test(save_then_load__unknown_members_stay),
        cmocka_unit_test(load__missing__not_found),
        cmocka_unit_test(load__newer_major__refused_untouched),
        cmocka_unit_test(load__older_major__keeps_a_copy_once),
        cmocka_unit_test(load__damaged__says_so_and_names_the_file),
        cmocka_unit_test(load__above_the_limit__refused),
        cmocka_unit_test(status__to_json_and_back__is_the_same),
        cmocka_unit_test(to_status__hostile_object__is_a_failure_with_safe_texts),
    };
    return cmocka_run_group_tests(tests, make_folder, NULL);
}
