// What virtdisk's errors mean to us.
#include "tests/support/test.h"

#include <string.h>

#include "vhd/errors.h"
#include "vhd/virtdisk/error.h"

static void every_number_of_the_taxonomy__has_a_status(void **state)
{
    (void)state;
    // 0xC03A0001 to 30; 14 to 1F and 20 to 2A are named in spec order, 2B to 2F do not exist.
    for (uint32_t code = 0xC03A0001u; code <= 0xC03A0030u; code++) {
        const struct virtdisk_error *error = virtdisk_error_find(code);
        if (code > 0xC03A002Au && code < 0xC03A0030u) {
            assert_null(error);
            continue;
        }
        assert_non_null(error);
        assert_int_not_equal(error->status, STATUS_OK);
        assert_status(virtdisk_fail(code, "virtdisk cannot do it"), error->status);
        assert_int_equal(status_last()->os_code, code);
        assert_non_null(strstr(status_last()->message, "virtdisk cannot do it"));
    }
}

static void same_meaning_as_natively(void **state)
{
    (void)state;
    static const struct {
        uint32_t code;
        enum status status;
    } meanings[] = {
        {VHD_ERROR_NOT_VIRTUAL_DISK, STATUS_NOT_A_DISK},
        {VHD_ERROR_PARENT_VHD_NOT_FOUND, STATUS_PARENT_MISSING},
        {VHD_ERROR_CHILD_PARENT_ID_MISMATCH, STATUS_PARENT_MISMATCH},
        {VHD_ERROR_SPARSE_HEADER_CORRUPT, STATUS_DAMAGED},
        {VHD_ERROR_RESIZE_WOULD_TRUNCATE_DATA, STATUS_REFUSED},
        {2, STATUS_NOT_FOUND},
        {5, STATUS_ACCESS_DENIED},
        {32, STATUS_IN_USE},
        {80, STATUS_EXISTS},
        {87, STATUS_INVALID_ARGUMENT},
        {112, STATUS_NO_SPACE},
        {618, STATUS_UNSUPPORTED},
        {665, STATUS_UNSUPPORTED},
        {1314, STATUS_ACCESS_DENIED},
        {1392, STATUS_DAMAGED},
        {6002, STATUS_UNSUPPORTED},
    };
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++) {
        assert_status(virtdisk_fail(meanings[i].code, "x"), meanings[i].status);
        assert_int_equal(status_last()->os_code, meanings[i].code);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_number_of_the_taxonomy__has_a_status),
        cmocka_unit_test(same_meaning_as_natively),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
