// Files that are written around the system's cache: what is written is what is read, whichever
// part of it went which way.
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "tests/support/must.h"
#include "tests/support/random.h"
#include "tests/support/temp.h"
#include "vhd/file/file.h"

#define MIB       (1u << 20)
#define FILE_SIZE (24u * MIB)
#define WRITES    60

static void bypass__any_size_and_place__read_as_written(void **state)
{
    (void)state;
    static const uint32_t grains[] = {1, 512, 4096, MIB};
    const struct file_system *fs = file_system_os();
    const struct file_open how = {.writable = true, .create = true, .bypass_cache = true};
    struct random random = random_start(random_seed("unit.file_bypass"));
    const char *folder = temp_folder();
    char *path = temp_path(folder, "file");
    uint8_t *expected = must_alloc(FILE_SIZE), *seen = must_alloc(FILE_SIZE);
    uint8_t *memory = must_alloc(FILE_SIZE + 8192);
    struct file *file;

    assert_ok(fs->open(fs, path, &how, &file));
    assert_ok(file->ops->set_size(file, FILE_SIZE));
    for (int i = 0; i < WRITES; i++) {
        uint32_t grain = grains[i % 4];
        uint64_t offset = align_down(random_below(&random, FILE_SIZE), grain);
        uint64_t rest = min_u64(FILE_SIZE - offset, 6 * MIB);
        size_t size = (size_t)(align_down(random_below(&random, rest), grain) + grain);
        size = (size_t)min_u64(size, FILE_SIZE - offset);
        // Sometimes aligned in memory, sometimes not.
        uint8_t *data = memory + (-(uintptr_t)memory & 4095) + (i % 3 == 0 ? 16 : 0);
        random_fill(&random, data, size);
        memcpy(expected + offset, data, size);
        assert_ok(file_write(file, offset, data, size));
        assert_ok(file_read(file, offset, seen, size));
        assert_memory_equal(seen, expected + offset, size);
    }
    assert_ok(file_flush(file));
    assert_ok(file_read(file, 0, seen, FILE_SIZE));
    assert_memory_equal(seen, expected, FILE_SIZE);
    file_close(file);
    free(memory);
    free(seen);
    free(expected);
    free(path);
    temp_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bypass__any_size_and_place__read_as_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
