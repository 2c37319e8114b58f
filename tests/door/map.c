// The map: what is data, what is zeros, what is the parent's.
#include "tests/door/support/door.h"

#define GRANULE (64 * KIB)

// The sum of what the map calls `kind` in [offset, offset + length).
static uint64_t amount(struct vhd *disk, enum vhd_map_scope scope, enum vhd_extent_kind kind,
                       uint64_t offset, uint64_t length)
{
    struct vhd_extent extent;
    uint64_t sum = 0;
    for (uint64_t at = offset; at < offset + length; at += extent.length) {
        assert_ok(vhd_map(disk, scope, at, offset + length - at, &extent));
        assert_int_equal(extent.offset, at);
        assert_true(extent.length > 0 && extent.length <= offset + length - at);
        if (extent.kind == kind)
            sum += extent.length;
    }
    return sum;
}

// A format without sector granularity calls more than what was written data, but never less.
static void map__what_was_written__data(void **state)
{
    (void)state;
    for (size_t i = 0; i < door_kind_count; i++) {
        const char *path = door_create(&door_kinds[i], DISK_SIZE);
        door_fill_file(path, 3 * MIB, MIB, 1);
        struct vhd *disk = door_open(path, false);
        assert_int_equal(amount(disk, VHD_MAP_CHAIN, VHD_EXTENT_DATA, 3 * MIB, MIB), MIB);
        assert_int_equal(amount(disk, VHD_MAP_CHAIN, VHD_EXTENT_PARENT, 0, DISK_SIZE), 0);
        if (door_kinds[i].type == VHD_TYPE_DYNAMIC) {
            assert_int_equal(amount(disk, VHD_MAP_CHAIN, VHD_EXTENT_ZERO, 0, 2 * MIB), 2 * MIB);
            assert_int_equal(amount(disk, VHD_MAP_CHAIN, VHD_EXTENT_ZERO, 6 * MIB, 2 * MIB),
                             2 * MIB);
        }
        door_close(disk);
    }
}

static void map__zeros__read_as_zeros(void **state)
{
    (void)state;
    for (size_t i = 0; i < door_kind_count; i++) {
        const char *parent = door_create(&door_kinds[i], DISK_SIZE);
        door_fill_file(parent, MIB, 3 * MIB, 1);
        const char *child = door_child(parent, "child.avhdx");
        struct vhd_extent extent;
        struct vhd *disk = door_open(child, true);
        door_fill(disk, 2 * MIB, MIB, 2);
        assert_ok(vhd_zero(disk, 3 * MIB, 512 * KIB));
        door_close(disk);
        disk = door_open(child, false);
        for (uint64_t at = 0; at < DISK_SIZE; at += extent.length) {
            assert_ok(vhd_map(disk, VHD_MAP_CHAIN, at, DISK_SIZE - at, &extent));
            if (extent.kind == VHD_EXTENT_ZERO)
                door_expect_zeros(disk, at, extent.length);
        }
        door_close(disk);
    }
}

static void map__leaf__the_childs_own_and_the_parents(void **state)
{
    (void)state;
    for (size_t i = 0; i < door_kind_count; i++) {
        const char *parent = door_create(&door_kinds[i], DISK_SIZE);
        door_fill_file(parent, 0, DISK_SIZE, 1);
        const char *child = door_child(parent, "child.avhdx");
        door_fill_file(child, 2 * MIB + 64 * KIB, 128 * KIB, 2);
        struct vhd *disk = door_open(child, false);
        assert_int_equal(amount(disk, VHD_MAP_LEAF, VHD_EXTENT_DATA, 0, DISK_SIZE), 128 * KIB);
        assert_int_equal(amount(disk, VHD_MAP_LEAF, VHD_EXTENT_PARENT, 0, DISK_SIZE),
                         DISK_SIZE - 128 * KIB);
        assert_int_equal(amount(disk, VHD_MAP_CHAIN, VHD_EXTENT_DATA, 0, DISK_SIZE), DISK_SIZE);
        door_close(disk);
    }
}

static void map__while_it_is_written__never_less_than_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < door_kind_count; i++) {
        struct vhd *disk = door_open(door_create(&door_kinds[i], DISK_SIZE), true);
        door_fill(disk, 5 * MIB, 4096, 1);
        assert_int_equal(amount(disk, VHD_MAP_CHAIN, VHD_EXTENT_DATA, 5 * MIB, 4096), 4096);
        uint64_t data = amount(disk, VHD_MAP_CHAIN, VHD_EXTENT_DATA, 0, DISK_SIZE);
        if (door_kinds[i].type == VHD_TYPE_DYNAMIC && door_may(DOOR_MAP_IS_COARSE))
            assert_true(data <= GRANULE);
        door_close(disk);
    }
}

// In a whole block, which needs no sector granularity.
static void map__after_zero__zeros_unless_the_backend_may_allocate(void **state)
{
    (void)state;
    const char *path = door_create(&door_kinds[0], DISK_SIZE);
    door_fill_file(path, 0, DISK_SIZE, 1);
    struct vhd *disk = door_open(path, true);
    assert_ok(vhd_zero(disk, 2 * MIB, 2 * MIB));
    door_close(disk);
    disk = door_open(path, false);
    door_expect_zeros(disk, 2 * MIB, 2 * MIB);
    if (!door_may(DOOR_ZERO_ALLOCATES))
        assert_int_equal(amount(disk, VHD_MAP_CHAIN, VHD_EXTENT_ZERO, 2 * MIB, 2 * MIB), 2 * MIB);
    door_close(disk);
}

// Zeros over what reads as zeros take no room, whoever writes them.
static void map__zero_over_nothing__nothing_allocated(void **state)
{
    (void)state;
    const char *path = door_create(&door_kinds[0], DISK_SIZE);
    struct vhd *disk = door_open(path, true);
    assert_ok(vhd_zero(disk, 0, DISK_SIZE));
    door_close(disk);
    disk = door_open(path, false);
    assert_int_equal(amount(disk, VHD_MAP_CHAIN, VHD_EXTENT_ZERO, 0, DISK_SIZE), DISK_SIZE);
    door_close(disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(map__what_was_written__data),
        cmocka_unit_test(map__zeros__read_as_zeros),
        cmocka_unit_test(map__leaf__the_childs_own_and_the_parents),
        cmocka_unit_test(map__while_it_is_written__never_less_than_written),
        cmocka_unit_test(map__after_zero__zeros_unless_the_backend_may_allocate),
        cmocka_unit_test(map__zero_over_nothing__nothing_allocated),
    };
    return cmocka_run_group_tests(tests, door_start, door_end);
}
