// What a comparison notes, and how it is kept.
#include "tests/support/test.h"

#include <stdlib.h>

#include "service/engine/comparison.h"

#define BLOCK 4096

static void note__neighbours__are_one_range(void **state)
{
    (void)state;
    struct comparison_disk disk = {.total = 1 << 20};
    comparison_note(&disk, 0, BLOCK);
    comparison_note(&disk, BLOCK, BLOCK);
    comparison_note(&disk, 4 * BLOCK, 512);
    assert_int_equal(disk.different, 2 * BLOCK + 512);
    assert_int_equal(disk.ranges, 2);
    assert_int_equal(disk.listed, 2);
    assert_int_equal(disk.range[0].offset, 0);
    assert_int_equal(disk.range[0].length, 2 * BLOCK);
    assert_int_equal(disk.range[1].offset, 4 * BLOCK);
    assert_int_equal(disk.range[1].length, 512);
}

static void note__more_than_are_listed__are_counted(void **state)
{
    (void)state;
    struct comparison_disk disk = {.total = 1 << 20};
    for (uint64_t i = 0; i < COMPARISON_RANGES_MAX + 5; i++)
        comparison_note(&disk, 2 * i * BLOCK, BLOCK);
    comparison_note(&disk, disk.end, BLOCK); // makes the last one longer, which is not listed
    assert_int_equal(disk.ranges, COMPARISON_RANGES_MAX + 5);
    assert_int_equal(disk.listed, COMPARISON_RANGES_MAX);
    assert_int_equal(disk.range[COMPARISON_RANGES_MAX - 1].length, BLOCK);
    assert_int_equal(disk.different, (COMPARISON_RANGES_MAX + 6) * BLOCK);
}

static struct comparison sample(void)
{
    struct comparison comparison = {.outcome = COMPARISON_FAILED,
                                    .started = 1795370000000,
                                    .ended = 1795370001000,
                                    .disk_count = 2,
                                    .disk = calloc(2, sizeof *comparison.disk)};
    assert_non_null(comparison.disk);
    (void)status_fail(STATUS_CONNECTION, 104, "Gone.");
    (void)status_advise(29292, "Look.");
    comparison.error = *status_last();
    comparison.disk[1].total = 1 << 20;
    comparison.disk[1].compared = 1 << 19;
    comparison_note(&comparison.disk[1], BLOCK, BLOCK);
    return comparison;
}

static void json__round_trip__same(void **state)
{
    (void)state;
    struct comparison comparison = sample(), back = {.outcome = COMPARISON_NONE};
    json_t *object = comparison_to_json(&comparison, true);
    assert_ok(comparison_from_json(object, 2, &back));
    assert_int_equal(back.outcome, COMPARISON_FAILED);
    assert_true(back.started == comparison.started && back.ended == comparison.ended);
    assert_int_equal(back.error.status, STATUS_CONNECTION);
    assert_int_equal(back.disk_count, 2);
    assert_int_equal(back.disk[1].compared, 1 << 19);
    assert_int_equal(back.disk[1].ranges, 1);
    assert_int_equal(back.disk[1].range[0].offset, BLOCK);
    assert_true(comparison_differs(&back));
    json_decref(object);
    comparison_free(&back);
    comparison_free(&comparison);
}

static void json__needed__known_or_null(void **state)
{
    (void)state;
    struct comparison comparison = sample();
    json_t *object = comparison_to_json(&comparison, false);
    assert_true(json_is_true(json_object_get(object, "ResynchronizeNeeded")));
    assert_null(json_object_get(object, "Disks"));
    json_decref(object);
    comparison.disk[1].different = 0; // as far as it came
    object = comparison_to_json(&comparison, false);
    assert_true(json_is_null(json_object_get(object, "ResynchronizeNeeded")));
    json_decref(object);
    comparison.outcome = COMPARISON_FINISHED;
    object = comparison_to_json(&comparison, false);
    assert_true(json_is_false(json_object_get(object, "ResynchronizeNeeded")));
    json_decref(object);
    comparison_free(&comparison);
    object = comparison_to_json(&comparison, true);
    assert_true(json_is_null(object));
    json_decref(object);
}

static void json__wrong_members__damaged(void **state)
{
    (void)state;
    static const char *const members[] = {"Outcome", "Started", "Disks"};
    static const char *const disk_members[] = {"BytesTotal", "BytesCompared", "BytesDifferent",
                                               "RangesDifferent", "FirstRangesDifferent"};
    struct comparison comparison = sample(), back;
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        json_t *object = comparison_to_json(&comparison, true);
        json_object_set_new(object, members[i], json_integer(-1));
        back = (struct comparison){.outcome = COMPARISON_NONE};
        assert_status(comparison_from_json(object, 2, &back), STATUS_DAMAGED);
        comparison_free(&back);
        json_decref(object);
    }
    for (size_t i = 0; i < sizeof disk_members / sizeof *disk_members; i++) {
        json_t *object = comparison_to_json(&comparison, true);
        json_object_del(json_array_get(json_object_get(object, "Disks"), 1), disk_members[i]);
        back = (struct comparison){.outcome = COMPARISON_NONE};
        assert_status(comparison_from_json(object, 2, &back), STATUS_DAMAGED);
        comparison_free(&back);
        json_decref(object);
    }
    json_t *object = comparison_to_json(&comparison, true);
    back = (struct comparison){.outcome = COMPARISON_NONE};
    assert_status(comparison_from_json(object, 3, &back),
                  STATUS_DAMAGED); // another number of disks
    comparison_free(&back);
    json_decref(object);
    comparison_free(&comparison);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(note__neighbours__are_one_range),
        cmocka_unit_test(note__more_than_are_listed__are_counted),
        cmocka_unit_test(json__round_trip__same),
        cmocka_unit_test(json__needed__known_or_null),
        cmocka_unit_test(json__wrong_members__damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
