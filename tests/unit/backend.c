// The choice of a backend where virtdisk.dll is none that works: Linux, and Wine, whose stub would
// end the process if it were called. (The double's tests choose virtdisk: tests/virtdisk.)
#include "tests/support/test.h"

#include <string.h>

#include "vhd/vhd.h"

static void start__nothing_chosen__native(void **state)
{
    (void)state;
    assert_int_equal(vhd_chosen_backend(), VHD_BACKEND_NATIVE);
}

static void choose__virtdisk__refused_with_a_reason_or_chosen(void **state)
{
    (void)state;
    if (vhd_default_backend() == VHD_BACKEND_VIRTDISK) { // Windows itself
        assert_ok(vhd_choose_backend(VHD_BACKEND_VIRTDISK));
        assert_int_equal(vhd_chosen_backend(), VHD_BACKEND_VIRTDISK);
        return;
    }
    assert_status(vhd_choose_backend(VHD_BACKEND_VIRTDISK), STATUS_UNSUPPORTED);
    assert_string_equal(status_last()->action, "Use the native backend.");
    assert_int_equal(vhd_chosen_backend(), VHD_BACKEND_NATIVE);
    // Asked again, the same.
    assert_status(vhd_choose_backend(VHD_BACKEND_VIRTDISK), STATUS_UNSUPPORTED);
    assert_true(strlen(status_last()->message) > 0);
}

static void choose__native__chosen(void **state)
{
    (void)state;
    assert_ok(vhd_choose_backend(VHD_BACKEND_NATIVE));
    assert_int_equal(vhd_chosen_backend(), VHD_BACKEND_NATIVE);
    assert_string_equal(vhd_backend_name(VHD_BACKEND_NATIVE), "native");
    assert_string_equal(vhd_backend_name(VHD_BACKEND_VIRTDISK), "virtdisk");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(start__nothing_chosen__native),
        cmocka_unit_test(choose__virtdisk__refused_with_a_reason_or_chosen),
        cmocka_unit_test(choose__native__chosen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
