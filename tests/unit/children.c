#include "tests/support/test.h"

#include <stdlib.h>

#include "base/os.h"
#include "tests/support/temp.h"
#include "vhd/vhd.h"

#define MIB (1ull << 20)

// A folder is looked into once, whatever is asked of it afterwards.
static void find_among_children__disks_of_one_folder__looked_at_once(void **state)
{
    (void)state;
    static const enum vhd_format formats[] = {VHD_FORMAT_VHDX, VHD_FORMAT_VHD};
    for (size_t i = 0; i < 2; i++) {
        const struct vhd_create how = {
            .format = formats[i], .type = VHD_TYPE_DYNAMIC, .virtual_size = 3 * MIB};
        const char *folder = temp_folder();
        char *without = temp_path(folder, "without.vhd"), *with = temp_path(folder, "with.vhd");
        char *child = temp_path(folder, "child.avhd");
        struct vhd_children *known = NULL;
        char *found;
        assert_ok(vhd_create(without, &how));
        assert_ok(vhd_create(with, &how));
        assert_ok(vhd_create_child(child, with, NULL));
        assert_ok(vhd_find_among_children(&known, without, NULL, &found));
        assert_null(found);
        assert_ok(os_remove_file(child));
        assert_ok(vhd_find_among_children(&known, with, NULL, &found));
        assert_string_equal(os_path_base_name(found), "child.avhd");
        free(found);
        vhd_children_free(known);
        assert_ok(vhd_find_child(with, &found));
        assert_null(found);
        free(without);
        free(with);
        free(child);
        temp_remove(folder);
    }
}

static void find_among_children__another_folder__looked_into(void **state)
{
    (void)state;
    const struct vhd_create how = {
        .format = VHD_FORMAT_VHDX, .type = VHD_TYPE_DYNAMIC, .virtual_size = 3 * MIB};
    const char *folders[2] = {temp_folder(), temp_folder()};
    struct vhd_children *known = NULL;
    for (size_t i = 0; i < 2; i++) {
        char *base = temp_path(folders[i], "base.vhdx"), *child = temp_path(folders[i], "c.avhdx");
        char *found;
        assert_ok(vhd_create(base, &how));
        assert_ok(vhd_create_child(child, base, NULL));
        assert_ok(vhd_find_among_children(&known, base, NULL, &found));
        assert_non_null(found);
        free(found);
        assert_ok(vhd_find_among_children(&known, base, child, &found));
        assert_null(found);
        free(base);
        free(child);
    }
    vhd_children_free(known);
    temp_remove(folders[0]);
    temp_remove(folders[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(find_among_children__disks_of_one_folder__looked_at_once),
        cmocka_unit_test(find_among_children__another_folder__looked_into),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
