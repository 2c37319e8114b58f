#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/control_name.h"
#include "base/os.h"

static void instance_name__letters_digits_dashes__and_nothing_else(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "a/b", "a\\b", "..", "a b", "a$b", "\xC3\xA4", "123456789012345678901234567890123",
    };
    assert_ok(instance_name_check(NULL));
    assert_ok(instance_name_check("Primary-2_b"));
    assert_ok(instance_name_check("12345678901234567890123456789012"));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char *out = NULL;
        assert_status(instance_name_check(bad[i]), STATUS_INVALID_ARGUMENT);
        assert_status(control_name(bad[i], &out), STATUS_INVALID_ARGUMENT);
        assert_status(default_data_folder(bad[i], &out), STATUS_INVALID_ARGUMENT);
        assert_null(out);
    }
}

static void names__of_two_instances__differ_by_their_suffix(void **state)
{
    (void)state;
    char *plain, *named;
    assert_ok(control_name(NULL, &plain));
    assert_ok(control_name("two", &named));
    assert_null(strchr(plain, '$'));
    assert_non_null(strstr(named, "$two"));
    free(named);
    free(plain);
    assert_ok(default_data_folder(NULL, &plain));
    assert_ok(default_data_folder("two", &named));
    assert_true(os_path_is_absolute(plain));
    assert_memory_equal(named, plain, strlen(plain));
    assert_string_equal(named + strlen(plain), "$two");
    free(named);
    free(plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(instance_name__letters_digits_dashes__and_nothing_else),
        cmocka_unit_test(names__of_two_instances__differ_by_their_suffix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
