// Valid but unusual disks, forged byte by byte: each reads as its maker says, its check finds
// nothing, and a session of writing leaves the rest of it as it was.
#include "tests/support/test.h"

#include <string.h>

#include "tests/support/forge/forge.h"
#include "vhd/vhd.h"

#define SEED_NAME "unit.forged_valid"

// Writing all of a disk of this size, or a map of all its blocks, takes too long for a test.
#define WRITTEN_MAX (8ull << 30)

static struct vhd *open_disk(const struct forged *d, bool writable)
{
    struct vhd_open how = {.fs = mem_fs_system(d->fs),
                           .writable = writable,
                           .share = writable ? FILE_SHARE_NOTHING : FILE_SHARE_DENY_WRITE};
    struct vhd *disk;
    assert_ok(vhd_open(d->leaf, &how, &disk));
    return disk;
}

static void print_problem(void *context, const struct vhd_problem *problem)
{
    (void)context;
    static const char *const kinds[] = {"note", "repairable", "damage"};
    if (problem->kind != VHD_PROBLEM_NOTE)
        print_error("%s %s: %s\n", kinds[problem->kind], problem->name, problem->message);
}

static void assert_clean(const struct forged *d)
{
    const struct vhd_check how = {.fs = mem_fs_system(d->fs), .problem = print_problem};
    struct vhd_checked checked;
    assert_ok(vhd_check(d->leaf, &how, &checked));
    assert_int_equal(checked.problems, 0);
}

static void assert_reads(const struct forged *d)
{
    struct vhd *disk = open_disk(d, false);
    assert_int_equal(forge_model_differences(&d->model, disk), 0);
    vhd_abandon(disk);
}

// Writes a pattern into a few sectors; the model follows.
static void write_some(struct forged *d)
{
    struct vhd *disk = open_disk(d, true);
    assert_int_equal(forge_model_differences(&d->model, disk), 0);
    uint64_t sectors = d->model.size / d->model.sector_size;
    for (uint8_t i = 0; i < 12; i++) {
        uint8_t data[4 * VHD_SECTOR_SIZE_MAX];
        uint64_t first = random_below(&d->random, sectors);
        uint64_t count = sectors - first < 4 ? sectors - first : 4;
        uint8_t tag = (uint8_t)(i % 4 == 0 ? 0 : 0xA0 + i);
        uint64_t offset = first * d->model.sector_size;
        uint64_t length = count * d->model.sector_size;
        forge_fill(data, tag, first, count, d->model.sector_size);
        if (tag == 0)
            assert_ok(vhd_zero(disk, offset, length));
        else
            assert_ok(vhd_write(disk, offset, data, (size_t)length));
        forge_model_paint(&d->model, first, count, tag);
    }
    assert_int_equal(forge_model_differences(&d->model, disk), 0);
    assert_ok(vhd_close(disk));
}

static void forged__each_valid_disk__reads_as_its_model_and_is_clean(void **state)
{
    (void)state;
    uint64_t seed = random_seed(SEED_NAME);
    const struct forge_disk *maker;
    for (size_t i = 0; (maker = forge_disk_at(i)) != NULL; i++) {
        struct forged d;
        print_message("%s\n", maker->name);
        forge_make(maker, seed + i, &d);
        assert_reads(&d);
        assert_clean(&d);
        assert_reads(&d);
        forge_free(&d);
    }
}

static void forged__each_valid_disk_written__keeps_the_rest(void **state)
{
    (void)state;
    uint64_t seed = random_seed(SEED_NAME);
    const struct forge_disk *maker;
    for (size_t i = 0; (maker = forge_disk_at(i)) != NULL; i++) {
        struct forged d;
        forge_make(maker, seed + i, &d);
        if (d.model.size <= WRITTEN_MAX) {
            print_message("%s\n", maker->name);
            write_some(&d);
            assert_reads(&d);
            assert_clean(&d);
        }
        forge_free(&d);
    }
}

// Other seeds make other random disks.
static void forged__random_disks__read_as_their_models(void **state)
{
    (void)state;
    uint64_t seed = random_seed(SEED_NAME);
    const struct forge_disk *maker;
    for (size_t i = 0; (maker = forge_disk_at(i)) != NULL; i++) {
        for (uint64_t round = 1; round < 20 && strstr(maker->name, "random"); round++) {
            struct forged d;
            forge_make(maker, seed + i + 1000 * round, &d);
            assert_reads(&d);
            assert_clean(&d);
            write_some(&d);
            assert_reads(&d);
            assert_clean(&d);
            forge_free(&d);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forged__each_valid_disk__reads_as_its_model_and_is_clean),
        cmocka_unit_test(forged__each_valid_disk_written__keeps_the_rest),
        cmocka_unit_test(forged__random_disks__read_as_their_models),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
