// The door of the check: what it opens, how it tells findings, and what it says of a merge that was
// cut off.
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/endian.h"
#include "tests/support/mem_fs.h"
#include "tests/support/temp.h"
#include "vhd/vhd.h"

#define MIB (1ull << 20)
#define BAT (3 * MIB) // in files that we create

// The findings of one name, and the last message of it.
struct told {
    const char *name;
    unsigned count;
    enum vhd_problem_kind kind;
    char message[1024];
};

static void see(void *context, const struct vhd_problem *problem)
{
    struct told *told = context;
    if (strcmp(problem->name, told->name) != 0)
        return;
    told->count++;
    told->kind = problem->kind;
    snprintf(told->message, sizeof told->message, "%s", problem->message);
}

static struct vhd_checked check(const struct file_system *fs, const char *path, struct told *told)
{
    const struct vhd_check how = {.fs = fs, .problem = see, .context = told};
    struct vhd_checked checked;
    assert_ok(vhd_check(path, &how, &checked));
    return checked;
}

static void create_disk(const struct file_system *fs, const char *path, uint64_t size)
{
    const struct vhd_create how = {.fs = fs,
                                   .format = VHD_FORMAT_VHDX,
                                   .type = VHD_TYPE_DYNAMIC,
                                   .virtual_size = size,
                                   .block_size = 1 << 20};
    assert_ok(vhd_create(path, &how));
}

static enum status try_check(struct mem_fs *fs, const char *path, bool repair)
{
    struct told told = {.name = ""};
    const struct vhd_check how = {
        .fs = mem_fs_system(fs), .repair = repair, .problem = see, .context = &told};
    struct vhd_checked checked;
    return vhd_check(path, &how, &checked);
}

static void check__no_disk__fails(void **state)
{
    (void)state;
    struct mem_fs *fs = mem_fs_new();
    uint8_t *junk = calloc(1, MIB);
    assert_non_null(junk);
    mem_fs_put(fs, "/empty", "", 0);
    mem_fs_put(fs, "/junk", junk, MIB);
    free(junk);
    assert_status(try_check(fs, "/nothing", false), STATUS_NOT_FOUND);
    assert_status(try_check(fs, "/empty", false), STATUS_NOT_A_DISK);
    assert_status(try_check(fs, "/junk", true), STATUS_NOT_A_DISK);
    mem_fs_free(fs);
}

static void check__disk_in_use__repair_is_refused_and_a_look_with_readers_is_not(void **state)
{
    (void)state;
    struct mem_fs *fs = mem_fs_new();
    const struct vhd_open how = {.fs = mem_fs_system(fs), .share = FILE_SHARE_DENY_WRITE};
    struct vhd *disk;
    create_disk(mem_fs_system(fs), "/disk.vhdx", 8 * MIB);
    assert_ok(vhd_open("/disk.vhdx", &how, &disk));
    assert_ok(try_check(fs, "/disk.vhdx", false));
    assert_status(try_check(fs, "/disk.vhdx", true), STATUS_IN_USE);
    vhd_abandon(disk);
    assert_ok(try_check(fs, "/disk.vhdx", true));
    mem_fs_free(fs);
}

static void check__repair_of_a_sound_disk__writes_nothing(void **state)
{
    (void)state;
    struct mem_fs *fs = mem_fs_new();
    create_disk(mem_fs_system(fs), "/disk.vhdx", 8 * MIB);
    struct mem_fs *before = mem_fs_clone(fs);
    assert_ok(try_check(fs, "/disk.vhdx", true));
    assert_true(mem_fs_equal(fs, "/disk.vhdx", before, "/disk.vhdx"));
    mem_fs_free(before);
    mem_fs_free(fs);
}

// A thousand wrong entries: all are counted, a few are told, and one more says how many there are.
static void check__a_table_of_junk__is_told_in_few_words(void **state)
{
    (void)state;
    struct mem_fs *fs = mem_fs_new();
    struct told told = {.name = "bat-past-end"};
    create_disk(mem_fs_system(fs), "/disk.vhdx", 1000 * MIB);
    for (uint64_t i = 0; i < 1000; i++) {
        uint8_t raw[8];
        store_le64(raw, (900 + i) * MIB | 6);
        mem_fs_poke(fs, "/disk.vhdx", BAT + i * 8, raw, sizeof raw);
    }
    struct vhd_checked checked = check(mem_fs_system(fs), "/disk.vhdx", &told);
    assert_int_equal(checked.problems, 1000);
    assert_in_range(told.count, 2, 20);
    char rest[32];
    snprintf(rest, sizeof rest, "%u more", 1000 - told.count + 1);
    assert_non_null(strstr(told.message, rest));
    mem_fs_free(fs);
}

static bool stop(void *context, uint64_t done, uint64_t total)
{
    (void)context;
    (void)total;
    return done == 0;
}

static void check__stopped__cancelled(void **state)
{
    (void)state;
    struct mem_fs *fs = mem_fs_new();
    struct told told = {.name = ""};
    const struct vhd_check how = {
        .fs = mem_fs_system(fs), .problem = see, .progress = stop, .context = &told};
    struct vhd_checked checked;
    create_disk(mem_fs_system(fs), "/disk.vhdx", 8 * MIB);
    assert_status(vhd_check("/disk.vhdx", &how, &checked), STATUS_CANCELLED);
    mem_fs_free(fs);
}

static void make_pair(const char *base, const char *child)
{
    const struct vhd_open how = {.writable = true, .share = FILE_SHARE_NOTHING};
    struct vhd *disk;
    uint8_t *data = calloc(1, 8 * MIB);
    assert_non_null(data);
    memset(data, 0x5a, 8 * MIB);
    create_disk(NULL, base, 16 * MIB);
    assert_ok(vhd_create_child(child, base, NULL));
    assert_ok(vhd_open(child, &how, &disk));
    assert_ok(vhd_write(disk, 2 * MIB, data, 8 * MIB));
    assert_ok(vhd_close(disk));
    free(data);
}

static bool stop_after_some(void *context, uint64_t done, uint64_t total)
{
    (void)context;
    (void)total;
    return done < 4 * MIB;
}

static void check__merge_cut_off__base_and_child_say_so_until_it_is_finished(void **state)
{
    (void)state;
    const char *folder = temp_folder();
    char *base = temp_path(folder, "base.vhdx"), *child = temp_path(folder, "child.avhdx");
    struct told unfinished = {.name = "merge-unfinished"}, begun = {.name = "merge-begun"};
    struct vhd_merge how = {.progress = stop_after_some};
    make_pair(base, child);
    assert_int_equal(check(NULL, base, &unfinished).notes, 0);
    assert_status(vhd_merge(child, &how), STATUS_CANCELLED);
    assert_int_equal(check(NULL, base, &unfinished).problems, 1);
    assert_int_equal(unfinished.count, 1);
    assert_int_equal(unfinished.kind, VHD_PROBLEM_DAMAGE);
    assert_non_null(strstr(unfinished.message, "Run: vrepdisk merge "));
    assert_non_null(strstr(unfinished.message, "child.avhdx"));
    assert_int_equal(check(NULL, child, &begun).problems, 0);
    assert_int_equal(begun.count, 1);
    how.progress = NULL;
    assert_ok(vhd_merge(child, &how));
    assert_int_equal(remove(child), 0);
    assert_int_equal(check(NULL, base, &unfinished).problems, 0);
    free(base);
    free(child);
    temp_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check__no_disk__fails),
        cmocka_unit_test(check__disk_in_use__repair_is_refused_and_a_look_with_readers_is_not),
        cmocka_unit_test(check__repair_of_a_sound_disk__writes_nothing),
        cmocka_unit_test(check__a_table_of_junk__is_told_in_few_words),
        cmocka_unit_test(check__stopped__cancelled),
        cmocka_unit_test(check__merge_cut_off__base_and_child_say_so_until_it_is_finished),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
