// Reading and writing a disk.
#include "tests/door/support/door.h"

#include <stdlib.h>

#include "tests/support/random.h"

#define STEPS      150
#define LENGTH_MAX (300 * KIB)

// What the disk should hold, and the disk.
struct mirror {
    const char *path;
    struct vhd *disk;
    uint8_t *model;
    uint32_t sector;
    struct random random;
};

static void compare(struct mirror *m, uint64_t offset, uint64_t length)
{
    static uint8_t actual[LENGTH_MAX];
    assert_ok(vhd_read(m->disk, offset, actual, (size_t)length));
    assert_memory_equal(actual, m->model + offset, (size_t)length);
}

static void step(struct mirror *m)
{
    uint64_t offset = random_below(&m->random, DISK_SIZE / m->sector) * m->sector;
    uint64_t length = (1 + random_below(&m->random, LENGTH_MAX / m->sector)) * m->sector;
    if (length > DISK_SIZE - offset)
        length = DISK_SIZE - offset;
    switch (random_below(&m->random, 8)) {
    case 0:
        memset(m->model + offset, 0, (size_t)length);
        assert_ok(vhd_zero(m->disk, offset, length));
        break;
    case 1:
        assert_ok(vhd_flush(m->disk));
        break;
    case 2:
        door_close(m->disk);
        m->disk = door_open(m->path, true);
        break;
    case 3:
    case 4:
        compare(m, offset, length);
        break;
    default:
        random_fill(&m->random, m->model + offset, (size_t)length);
        assert_ok(vhd_write(m->disk, offset, m->model + offset, (size_t)length));
    }
}

// Any steps on the disk, whose contents are those of `model`.
static void mirror(const char *path, uint8_t *model, uint32_t sector, uint64_t seed)
{
    struct mirror m = {
        .path = path, .model = model, .sector = sector, .random = random_start(seed)};
    m.disk = door_open(path, true);
    for (int i = 0; i < STEPS; i++)
        step(&m);
    door_close(m.disk);
    m.disk = door_open(path, false);
    for (uint64_t at = 0; at < DISK_SIZE; at += LENGTH_MAX)
        compare(&m, at, DISK_SIZE - at < LENGTH_MAX ? DISK_SIZE - at : LENGTH_MAX);
    door_close(m.disk);
}

static void any_steps__every_kind__as_the_model(void **state)
{
    (void)state;
    uint64_t seed = random_seed("door.io");
    uint8_t *model = malloc(DISK_SIZE);
    assert_non_null(model);
    for (size_t i = 0; i < door_kind_count; i++) {
        memset(model, 0, DISK_SIZE);
        const char *path = door_create(&door_kinds[i], DISK_SIZE);
        mirror(path, model, door_kinds[i].sector_size, seed + i);
    }
    free(model);
}

static void any_steps__child_of_every_kind__as_the_model_and_the_parent_stays(void **state)
{
    (void)state;
    uint64_t seed = random_seed("door.io") + 100;
    uint8_t *model = malloc(DISK_SIZE);
    assert_non_null(model);
    for (size_t i = 0; i < door_kind_count; i++) {
        memset(model, 0, DISK_SIZE);
        const char *parent = door_create(&door_kinds[i], DISK_SIZE);
        mirror(parent, model, door_kinds[i].sector_size, seed + i);
        uint64_t bytes = door_file_bytes(parent);
        const char *child = door_child(parent, "child.avhdx");
        mirror(child, model, door_kinds[i].sector_size, seed + 50 + i);
        assert_int_equal(door_file_bytes(parent), bytes);
    }
    free(model);
}

static void read__new_disk__zeros(void **state)
{
    (void)state;
    for (size_t i = 0; i < door_kind_count; i++) {
        struct vhd *disk = door_open(door_create(&door_kinds[i], DISK_SIZE), false);
        door_expect_zeros(disk, 0, DISK_SIZE);
        door_close(disk);
    }
}

static void zero__over_data__zeros_there_and_nowhere_else(void **state)
{
    (void)state;
    for (size_t i = 0; i < door_kind_count; i++) {
        const char *path = door_create(&door_kinds[i], DISK_SIZE);
        struct vhd *disk = door_open(path, true);
        door_fill(disk, 0, DISK_SIZE, 7);
        assert_ok(vhd_zero(disk, MIB + 64 * KIB, 3 * MIB));
        door_close(disk);
        disk = door_open(path, false);
        door_expect(disk, 0, MIB + 64 * KIB, 7);
        door_expect_zeros(disk, MIB + 64 * KIB, 3 * MIB);
        door_expect(disk, 4 * MIB + 64 * KIB, DISK_SIZE - 4 * MIB - 64 * KIB, 7);
        door_close(disk);
    }
}

static void arguments__not_sectors_or_past_the_end__refused(void **state)
{
    (void)state;
    static uint8_t buffer[2 * 4096];
    for (size_t i = 0; i < door_kind_count; i++) {
        uint32_t sector = door_kinds[i].sector_size;
        struct vhd *disk = door_open(door_create(&door_kinds[i], DISK_SIZE), true);
        struct vhd_extent extent;
        assert_failure(vhd_read(disk, 1, buffer, sector), STATUS_INVALID_ARGUMENT, 0);
        assert_failure(vhd_read(disk, 0, buffer, sector - 1), STATUS_INVALID_ARGUMENT, 0);
        assert_failure(vhd_write(disk, sector / 2, buffer, sector), STATUS_INVALID_ARGUMENT, 0);
        assert_failure(vhd_write(disk, DISK_SIZE, buffer, sector), STATUS_INVALID_ARGUMENT, 0);
        assert_failure(vhd_write(disk, DISK_SIZE - sector, buffer, 2 * sector),
                       STATUS_INVALID_ARGUMENT, 0);
        assert_failure(vhd_zero(disk, UINT64_MAX - sector + 1, 2 * sector), STATUS_INVALID_ARGUMENT,
                       0);
        assert_failure(vhd_map(disk, VHD_MAP_CHAIN, DISK_SIZE, sector, &extent),
                       STATUS_INVALID_ARGUMENT, 0);
        // None of them has changed or spoilt it.
        assert_ok(vhd_write(disk, 0, buffer, sector));
        assert_ok(vhd_write(disk, 0, buffer, 0));
        door_expect_zeros(disk, 0, DISK_SIZE);
        door_close(disk);
    }
}

static void write__opened_for_reading__refused(void **state)
{
    (void)state;
    static const uint8_t sector[4096];
    for (size_t i = 0; i < door_kind_count; i++) {
        struct vhd *disk = door_open(door_create(&door_kinds[i], DISK_SIZE), false);
        assert_failure(vhd_write(disk, 0, sector, sizeof sector), STATUS_INVALID_ARGUMENT, 0);
        assert_failure(vhd_zero(disk, 0, sizeof sector), STATUS_INVALID_ARGUMENT, 0);
        assert_failure(vhd_flush(disk), STATUS_INVALID_ARGUMENT, 0);
        door_close(disk);
    }
}

static void memory__not_aligned__same_bytes(void **state)
{
    (void)state;
    static uint8_t buffer[64 * KIB + 3], back[64 * KIB + 5];
    struct random random = random_start(3);
    random_fill(&random, buffer, sizeof buffer);
    for (size_t i = 0; i < door_kind_count; i++) {
        struct vhd *disk = door_open(door_create(&door_kinds[i], DISK_SIZE), true);
        assert_ok(vhd_write(disk, 64 * KIB, buffer + 3, 64 * KIB));
        assert_ok(vhd_read(disk, 64 * KIB, back + 5, 64 * KIB));
        assert_memory_equal(buffer + 3, back + 5, 64 * KIB);
        door_close(disk);
    }
}

static void abandon__after_a_flush__what_was_flushed_is_there(void **state)
{
    (void)state;
    for (size_t i = 0; i < door_kind_count; i++) {
        const char *path = door_create(&door_kinds[i], DISK_SIZE);
        struct vhd *disk = door_open(path, true);
        door_fill(disk, 2 * MIB, 1 * MIB, 11);
        assert_ok(vhd_flush(disk));
        vhd_abandon(disk);
        door_expect_file(path, 2 * MIB, 1 * MIB, 11);
    }
}

static bool identity_changed(const struct vhd_info *before, const struct vhd_info *now)
{
    return !vhd_identity_unchanged(&before->identity, &now->identity);
}

// What a disk is known by changes with its contents: open, unless the backend may tell what was at
// the opening, and closed.
static void info__after_writing__another_identity(void **state)
{
    (void)state;
    const char *path = door_create(&door_kinds[0], DISK_SIZE);
    struct vhd_info before, now;
    door_info(path, &before);
    struct vhd *disk = door_open(path, true);
    door_fill(disk, 0, MIB, 1);
    assert_ok(vhd_flush(disk));
    vhd_get_info(disk, &now);
    assert_true(identity_changed(&before, &now) || door_may(DOOR_INFO_IS_OLD));
    door_close(disk);
    door_info(path, &now);
    assert_true(identity_changed(&before, &now));
}

static void size__largest__written_and_read_at_the_end(void **state)
{
    (void)state;
    static const struct {
        struct door_kind kind;
        uint64_t size;
    } largest[] = {
        {{"large.vhdx", VHD_FORMAT_VHDX, VHD_TYPE_DYNAMIC, 512, 0}, VHDX_SIZE_MAX},
        {{"large4k.vhdx", VHD_FORMAT_VHDX, VHD_TYPE_DYNAMIC, 4096, 0}, VHDX_SIZE_MAX},
        {{"large.vhd", VHD_FORMAT_VHD, VHD_TYPE_DYNAMIC, 512, 0}, VHD1_SIZE_MAX},
    };
    for (size_t i = 0; i < sizeof largest / sizeof *largest; i++) {
        const char *path = door_create(&largest[i].kind, largest[i].size);
        struct vhd *disk = door_open(path, true);
        door_fill(disk, largest[i].size - 64 * KIB, 64 * KIB, 5);
        door_close(disk);
        disk = door_open(path, false);
        door_expect(disk, largest[i].size - 64 * KIB, 64 * KIB, 5);
        door_expect_zeros(disk, largest[i].size / 2, MIB);
        door_close(disk);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_steps__every_kind__as_the_model),
        cmocka_unit_test(any_steps__child_of_every_kind__as_the_model_and_the_parent_stays),
        cmocka_unit_test(read__new_disk__zeros),
        cmocka_unit_test(zero__over_data__zeros_there_and_nowhere_else),
        cmocka_unit_test(arguments__not_sectors_or_past_the_end__refused),
        cmocka_unit_test(write__opened_for_reading__refused),
        cmocka_unit_test(memory__not_aligned__same_bytes),
        cmocka_unit_test(abandon__after_a_flush__what_was_flushed_is_there),
        cmocka_unit_test(info__after_writing__another_identity),
        cmocka_unit_test(size__largest__written_and_read_at_the_end),
    };
    return cmocka_run_group_tests(tests, door_start, door_end);
}
