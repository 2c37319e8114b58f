// The path from a child to its parent.
#include "tests/support/test.h"

#include <stdlib.h>

#include "base/os.h"
#include "vhd/relative_path.h"

static void assert_relative(const char *child, const char *parent, const char *expected)
{
    char *path;
    assert_ok(vhd_relative_path(child, parent, &path));
    if (expected)
        assert_string_equal(path, expected);
    else
        assert_null(path);
    free(path);
}

static void relative_path__any_two_places__leads_from_one_to_the_other(void **state)
{
    (void)state;
    if (OS_PATH_SEPARATOR == '\\') {
        assert_relative("C:\\vm\\c.avhdx", "c:\\vm\\p.vhdx", ".\\p.vhdx");
        assert_relative("d:\\path1\\sub2\\file.vhdx", "d:\\path2\\sub3\\parent.vhdx",
                        "..\\..\\path2\\sub3\\parent.vhdx");
        assert_relative("C:\\c.vhdx", "D:\\p.vhdx", NULL);
        assert_relative("\\\\server\\share\\a\\c.vhdx", "\\\\server\\share\\p.vhdx", "..\\p.vhdx");
        assert_relative("\\\\server\\share\\c.vhdx", "\\\\server\\other\\p.vhdx", NULL);
    } else {
        assert_relative("/vm/c.avhdx", "/vm/p.vhdx", ".\\p.vhdx");
        assert_relative("/path1/sub2/file.vhdx", "/path2/sub3/parent.vhdx",
                        "..\\..\\path2\\sub3\\parent.vhdx");
        assert_relative("/vm/child/c.vhdx", "/vm/p.vhdx", "..\\p.vhdx");
        assert_relative("/vm/c.vhdx", "/vm/base/p.vhdx", ".\\base\\p.vhdx");
        assert_relative("/vm1/c.vhdx", "/vm12/p.vhdx", "..\\vm12\\p.vhdx");
    }
    assert_relative("/c.vhdx", "/p.vhdx", ".\\p.vhdx");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(relative_path__any_two_places__leads_from_one_to_the_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
