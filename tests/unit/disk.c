#include "tests/support/test.h"

#include <string.h>

#include "tests/support/fault_fs.h"
#include "tests/support/mem_fs.h"
#include "vhd/errors.h"
#include "vhd/vhd.h"

#define MIB       (1ull << 20)
#define DISK_SIZE (5 * MIB)

static struct mem_fs *fs;

static const struct {
    enum vhd_format format;
    enum vhd_type type;
    const char *path;
} kinds[] = {
    {VHD_FORMAT_VHD, VHD_TYPE_FIXED, "/fixed.vhd"},
    {VHD_FORMAT_VHD, VHD_TYPE_DYNAMIC, "/dynamic.vhd"},
    {VHD_FORMAT_VHDX, VHD_TYPE_FIXED, "/fixed.vhdx"},
    {VHD_FORMAT_VHDX, VHD_TYPE_DYNAMIC, "/dynamic.vhdx"},
};

#define KIND_COUNT (sizeof kinds / sizeof *kinds)

static int set_up(void **state)
{
    (void)state;
    fs = mem_fs_new();
    for (size_t i = 0; i < KIND_COUNT; i++) {
        const struct vhd_create how = {.fs = mem_fs_system(fs),
                                       .format = kinds[i].format,
                                       .type = kinds[i].type,
                                       .virtual_size = DISK_SIZE};
        assert_ok(vhd_create(kinds[i].path, &how));
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mem_fs_free(fs);
    return 0;
}

static struct vhd *open_in(const struct file_system *system, const char *path, bool writable)
{
    const struct vhd_open how = {
        .fs = system, .writable = writable, .share = FILE_SHARE_DENY_WRITE};
    struct vhd *disk = NULL;
    assert_ok(vhd_open(path, &how, &disk));
    return disk;
}

static void rename_file(const char *from, const char *to)
{
    assert_ok(mem_fs_system(fs)->rename(mem_fs_system(fs), from, to));
}

static void open__any_name__told_by_contents(void **state)
{
    (void)state;
    for (size_t i = 0; i < KIND_COUNT; i++) {
        struct vhd_info info;
        rename_file(kinds[i].path, "/disk.bin");
        struct vhd *disk = open_in(mem_fs_system(fs), "/disk.bin", false);
        vhd_get_info(disk, &info);
        assert_int_equal(info.format, kinds[i].format);
        assert_int_equal(info.type, kinds[i].type);
        assert_int_equal(info.virtual_size, DISK_SIZE);
        assert_int_equal(info.identity.format, kinds[i].format);
        assert_int_equal(info.identity.virtual_size, DISK_SIZE);
        assert_int_equal(info.depth, 1);
        assert_string_equal(info.path, "/disk.bin");
        assert_int_equal(info.file_size, mem_fs_size(fs, "/disk.bin"));
        assert_true(strlen(info.creator) > 0);
        assert_ok(vhd_close(disk));
        rename_file("/disk.bin", kinds[i].path);
    }
}

// A guest of a VHDX wrote a VHD's footer into the last sector of its last block.
static void open__vhdx_that_ends_like_a_vhd__is_a_vhdx(void **state)
{
    (void)state;
    struct vhd_info info;
    uint8_t footer[512];
    mem_fs_peek(fs, "/dynamic.vhd", 0, footer, sizeof footer);
    uint64_t size = mem_fs_size(fs, "/fixed.vhdx");
    assert_int_equal(size % MIB, 0);
    mem_fs_poke(fs, "/fixed.vhdx", size - 512, footer, sizeof footer);
    struct vhd *disk = open_in(mem_fs_system(fs), "/fixed.vhdx", false);
    vhd_get_info(disk, &info);
    assert_int_equal(info.format, VHD_FORMAT_VHDX);
    assert_ok(vhd_close(disk));
}

static void access__outside_or_unaligned__refused(void **state)
{
    (void)state;
    uint8_t buffer[1024] = {0};
    for (size_t i = 0; i < KIND_COUNT; i++) {
        struct vhd *disk = open_in(mem_fs_system(fs), kinds[i].path, true);
        static const struct {
            uint64_t offset;
            size_t length;
        } bad[] = {
            {DISK_SIZE, 512}, {DISK_SIZE - 512, 1024}, {UINT64_MAX - 511, 512}, {1, 512}, {0, 511},
            {512, 100}};
        for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
            assert_status(vhd_read(disk, bad[k].offset, buffer, bad[k].length),
                          STATUS_INVALID_ARGUMENT);
            assert_status(vhd_write(disk, bad[k].offset, buffer, bad[k].length),
                          STATUS_INVALID_ARGUMENT);
            assert_status(vhd_zero(disk, bad[k].offset, bad[k].length), STATUS_INVALID_ARGUMENT);
        }
        assert_status(vhd_zero(disk, 512, UINT64_MAX), STATUS_INVALID_ARGUMENT);
        assert_ok(vhd_read(disk, DISK_SIZE, NULL, 0));
        assert_ok(vhd_write(disk, DISK_SIZE, NULL, 0));
        assert_ok(vhd_zero(disk, DISK_SIZE, 0));
        assert_ok(vhd_close(disk)); // a wrong argument poisons nothing
    }
}

static void write__opened_for_reading__refused(void **state)
{
    (void)state;
    uint8_t sector[512] = {0};
    for (size_t i = 0; i < KIND_COUNT; i++) {
        struct mem_fs *before = mem_fs_clone(fs);
        struct vhd *disk = open_in(mem_fs_system(fs), kinds[i].path, false);
        assert_status(vhd_write(disk, 0, sector, sizeof sector), STATUS_INVALID_ARGUMENT);
        assert_status(vhd_zero(disk, 0, 512), STATUS_INVALID_ARGUMENT);
        assert_status(vhd_flush(disk), STATUS_INVALID_ARGUMENT);
        assert_ok(vhd_close(disk));
        assert_true(mem_fs_equal(fs, kinds[i].path, before, kinds[i].path));
        mem_fs_free(before);
    }
}

static void write__after_a_failed_one__poisoned(void **state)
{
    (void)state;
    uint8_t sector[512] = {1}, read[512];
    for (size_t i = 0; i < KIND_COUNT; i++) {
        struct fault_fs *fault = fault_fs_new(mem_fs_system(fs));
        struct vhd *disk = open_in(fault_fs_system(fault), kinds[i].path, true);
        fault_fs_arm(fault, FAULT_CHANGE, 1, STATUS_NO_SPACE, false);
        enum status status = vhd_write(disk, 0, sector, sizeof sector);
        if (status == STATUS_OK)
            status = vhd_flush(disk);
        assert_int_equal(status, STATUS_NO_SPACE);
        assert_status(vhd_write(disk, 0, sector, sizeof sector), STATUS_IO);
        assert_status(vhd_zero(disk, 0, 512), STATUS_IO);
        assert_status(vhd_flush(disk), STATUS_IO);
        assert_ok(vhd_read(disk, MIB, read, sizeof read));
        assert_status(vhd_close(disk), STATUS_IO);
        fault_fs_free(fault);
        disk = open_in(mem_fs_system(fs), kinds[i].path, true);
        assert_ok(vhd_write(disk, 0, sector, sizeof sector));
        assert_ok(vhd_close(disk));
    }
}

static void open__writable_while_others_may_write__refused(void **state)
{
    (void)state;
    const struct vhd_open how = {
        .fs = mem_fs_system(fs), .writable = true, .share = FILE_SHARE_ANYTHING};
    struct vhd *disk;
    assert_status(vhd_open("/dynamic.vhdx", &how, &disk), STATUS_INVALID_ARGUMENT);
}

static void open__share__as_asked(void **state)
{
    (void)state;
    const struct vhd_open alone = {.fs = mem_fs_system(fs), .share = FILE_SHARE_NOTHING};
    const struct vhd_open reader = {.fs = mem_fs_system(fs), .share = FILE_SHARE_DENY_WRITE};
    struct vhd *first, *second;
    assert_ok(vhd_open("/dynamic.vhdx", &reader, &first));
    assert_ok(vhd_open("/dynamic.vhdx", &reader, &second));
    assert_ok(vhd_close(second));
    assert_status(vhd_open("/dynamic.vhdx", &alone, &second), STATUS_IN_USE);
    assert_ok(vhd_close(first));
    assert_ok(vhd_open("/dynamic.vhdx", &alone, &first));
    assert_status(vhd_open("/dynamic.vhdx", &reader, &second), STATUS_IN_USE);
    assert_ok(vhd_close(first));
}

static struct vhd_identity identity_of(const char *path)
{
    struct vhd_info info;
    struct vhd *disk = open_in(mem_fs_system(fs), path, false);
    vhd_get_info(disk, &info);
    assert_ok(vhd_close(disk));
    return info.identity;
}

static void identity__read_and_written__tells_them_apart(void **state)
{
    (void)state;
    uint8_t sector[512] = {7};
    for (size_t i = 0; i < KIND_COUNT; i++) {
        struct vhd_identity before = identity_of(kinds[i].path);
        struct vhd_identity again = identity_of(kinds[i].path);
        assert_true(vhd_identity_unchanged(&before, &again));
        struct vhd *disk = open_in(mem_fs_system(fs), kinds[i].path, true);
        assert_ok(vhd_write(disk, 4096, sector, sizeof sector));
        assert_ok(vhd_close(disk));
        struct vhd_identity after = identity_of(kinds[i].path);
        assert_false(vhd_identity_unchanged(&before, &after));
    }
}

static void identity__each_field__counts(void **state)
{
    (void)state;
    const struct vhd_identity saved = {.format = VHD_FORMAT_VHDX,
                                       .virtual_size = DISK_SIZE,
                                       .guid = {{1, 2, 3}},
                                       .sequence_number = 10};
    struct vhd_identity now = saved;
    now.sequence_number = 14; // opened and closed without a write
    assert_true(vhd_identity_unchanged(&saved, &now));
    now.sequence_number = 9; // an older copy was put back
    assert_false(vhd_identity_unchanged(&saved, &now));
    now = saved;
    now.guid.bytes[15] = 1;
    assert_false(vhd_identity_unchanged(&saved, &now));
    now = saved;
    now.virtual_size += 512;
    assert_false(vhd_identity_unchanged(&saved, &now));
    now = saved;
    now.format = VHD_FORMAT_VHD;
    assert_false(vhd_identity_unchanged(&saved, &now));
    now = saved;
    now.file_size = 1;
    assert_false(vhd_identity_unchanged(&saved, &now));
    now = saved;
    now.write_time = 1;
    assert_false(vhd_identity_unchanged(&saved, &now));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(open__any_name__told_by_contents),
        TEST(open__vhdx_that_ends_like_a_vhd__is_a_vhdx),
        TEST(access__outside_or_unaligned__refused),
        TEST(write__opened_for_reading__refused),
        TEST(write__after_a_failed_one__poisoned),
        TEST(open__writable_while_others_may_write__refused),
        TEST(open__share__as_asked),
        TEST(identity__read_and_written__tells_them_apart),
        TEST(identity__each_field__counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
