#include "tests/support/test.h"

#include "base/checked.h"
#include "base/endian.h"

static void add_and_multiply__at_the_limits(void **state)
{
    (void)state;
    uint64_t r;
    assert_false(add_overflows(UINT64_MAX - 1, 1, &r));
    assert_true(r == UINT64_MAX);
    assert_true(add_overflows(UINT64_MAX, 1, &r));
    assert_false(multiply_overflows(UINT64_C(1) << 32, (UINT64_C(1) << 32) - 1, &r));
    assert_true(multiply_overflows(UINT64_C(1) << 32, UINT64_C(1) << 32, &r));
    assert_false(multiply_overflows(UINT64_MAX, 0, &r));
    assert_int_equal(r, 0);
}

static void range_fits__never_overflows(void **state)
{
    (void)state;
    assert_true(range_fits(0, 0, 0));
    assert_true(range_fits(10, 0, 10));
    assert_true(range_fits(4, 6, 10));
    assert_false(range_fits(4, 7, 10));
    assert_false(range_fits(11, 0, 10));
    assert_false(range_fits(1, UINT64_MAX, UINT64_MAX));
    assert_false(range_fits(UINT64_MAX, UINT64_MAX, UINT64_MAX));
    assert_true(range_fits(0, UINT64_MAX, UINT64_MAX));
}

static void alignment__rounds(void **state)
{
    (void)state;
    assert_int_equal(align_down(4097, 4096), 4096);
    assert_int_equal(align_up(4097, 4096), 8192);
    assert_int_equal(align_up(4096, 4096), 4096);
    assert_int_equal(align_up(0, 512), 0);
    assert_true(is_aligned(8192, 4096));
    assert_false(is_aligned(8191, 4096));
    assert_true(align_down(UINT64_MAX, 512) == UINT64_MAX - 511);
}

static void divide_up__at_the_limits(void **state)
{
    (void)state;
    assert_int_equal(divide_up(0, 7), 0);
    assert_int_equal(divide_up(7, 7), 1);
    assert_int_equal(divide_up(8, 7), 2);
    assert_true(divide_up(UINT64_MAX, 2) == UINT64_C(1) << 63);
    assert_true(divide_up(UINT64_MAX, 1) == UINT64_MAX);
}

static void power_of_two__exactly(void **state)
{
    (void)state;
    assert_false(is_power_of_two(0));
    assert_true(is_power_of_two(1));
    assert_false(is_power_of_two(3));
    assert_true(is_power_of_two(UINT64_C(1) << 63));
    assert_false(is_power_of_two(UINT64_MAX));
    assert_true(min_u64(3, UINT64_MAX) == 3 && max_u64(3, UINT64_MAX) == UINT64_MAX);
}

static void endian__unaligned_fields__both_orders(void **state)
{
    (void)state;
    uint8_t bytes[16] = {0};
    store_le16(bytes + 1, 0x1234);
    assert_int_equal(bytes[1], 0x34);
    assert_int_equal(load_le16(bytes + 1), 0x1234);
    assert_int_equal(load_be16(bytes + 1), 0x3412);
    store_be32(bytes + 3, 0x12345678);
    assert_int_equal(bytes[3], 0x12);
    assert_int_equal(load_be32(bytes + 3), 0x12345678);
    assert_int_equal(load_le32(bytes + 3), 0x78563412);
    store_be64(bytes + 5, UINT64_C(0x0123456789ABCDEF));
    assert_int_equal(bytes[5], 0x01);
    assert_true(load_be64(bytes + 5) == UINT64_C(0x0123456789ABCDEF));
    assert_true(load_le64(bytes + 5) == UINT64_C(0xEFCDAB8967452301));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(add_and_multiply__at_the_limits),
        cmocka_unit_test(range_fits__never_overflows),
        cmocka_unit_test(alignment__rounds),
        cmocka_unit_test(divide_up__at_the_limits),
        cmocka_unit_test(power_of_two__exactly),
        cmocka_unit_test(endian__unaligned_fields__both_orders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
