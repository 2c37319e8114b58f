// What other programs do to a disk between our look at its files and virtdisk's opening.
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "tests/support/temp.h"
#include "tests/virtdisk/double.h"
#include "vhd/vhd.h"

#define MIB       (1ull << 20)
#define DISK_SIZE (8 * MIB)

static const struct {
    const char *name, *child;
    enum vhd_format format;
} formats[] = {
    {"disk.vhdx", "child.avhdx", VHD_FORMAT_VHDX},
    {"disk.vhd", "child.avhd", VHD_FORMAT_VHD},
};
#define FORMATS (sizeof formats / sizeof *formats)

static uint8_t data[MIB], back[MIB];

static int set_up(void **state)
{
    (void)state;
    assert_ok(vhd_choose_backend(VHD_BACKEND_VIRTDISK));
    memset(data, 0x77, sizeof data);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    double_before(NULL, NULL, NULL);
    assert_int_equal(double_broken_rules(), 0);
    assert_int_equal(double_open_handles(), 0);
    return 0;
}

static char *make_disk(size_t format)
{
    const struct vhd_create how = {
        .format = formats[format].format, .type = VHD_TYPE_DYNAMIC, .virtual_size = DISK_SIZE};
    char *path = temp_path(temp_folder(), formats[format].name);
    assert_ok(vhd_create(path, &how));
    return path;
}

static enum status open_disk(const char *path, bool writable, struct vhd **disk)
{
    const struct vhd_open how = {.writable = writable,
                                 .share = writable ? FILE_SHARE_NOTHING : FILE_SHARE_DENY_WRITE};
    return vhd_open(path, &how, disk);
}

static void fill_mib(const char *path, uint64_t offset)
{
    const struct vhd_open how = {.writable = true, .share = FILE_SHARE_NOTHING, .native = true};
    struct vhd *disk;
    assert_ok(vhd_open(path, &how, &disk));
    assert_ok(vhd_write(disk, offset, data, sizeof data));
    assert_ok(vhd_close(disk));
}

static void write_once(void *context)
{
    double_before(NULL, NULL, NULL);
    fill_mib(context, 0);
}

static void write_each_time(void *context)
{
    data[0]++;
    fill_mib(context, 0);
}

static void write_end_once(void *context)
{
    double_before(NULL, NULL, NULL);
    fill_mib(context, DISK_SIZE - MIB);
}

static void resize_once(void *context)
{
    const struct vhd_resize how = {.virtual_size = 2 * DISK_SIZE};
    double_before(NULL, NULL, NULL);
    assert_ok(vhd_choose_backend(VHD_BACKEND_NATIVE));
    assert_ok(vhd_resize(context, &how));
    assert_ok(vhd_choose_backend(VHD_BACKEND_VIRTDISK));
}

// Another time of the last write, the same contents.
static void touch_once(void *context)
{
    const struct file_system *fs = file_system_os();
    const struct file_open how = {.writable = true, .share = FILE_SHARE_NOTHING};
    struct file *file;
    uint8_t byte;
    double_before(NULL, NULL, NULL);
    assert_ok(fs->open(fs, context, &how, &file));
    assert_ok(file_read(file, 0, &byte, sizeof byte));
    assert_ok(file_write(file, 0, &byte, sizeof byte));
    file_close(file);
}

static void expect_map(struct vhd *disk, enum vhd_extent_kind kind)
{
    struct vhd_extent extent;
    assert_ok(vhd_map(disk, VHD_MAP_CHAIN, 0, MIB, &extent));
    assert_int_equal(extent.length, MIB);
    assert_int_equal(extent.kind, kind);
}

static void expect_data(struct vhd *disk)
{
    assert_ok(vhd_read(disk, 0, back, sizeof back));
    assert_memory_equal(back, data, sizeof back);
}

static void read__written_in_between__new_map(void **state)
{
    (void)state;
    for (size_t i = 0; i < FORMATS; i++) {
        char *path = make_disk(i);
        struct vhd *disk;
        double_before("OpenVirtualDisk", write_once, path);
        assert_ok(open_disk(path, false, &disk));
        expect_map(disk, VHD_EXTENT_DATA);
        expect_data(disk);
        assert_ok(vhd_close(disk));
        free(path);
    }
}

// A VHD's child does not notice that its parent was written.
static void read__parent_written_in_between__new_map(void **state)
{
    (void)state;
    for (int writable = 0; writable < 2; writable++) {
        char *path = make_disk(1);
        char *child = temp_path(temp_folder(), formats[1].child);
        struct vhd *disk;
        assert_ok(vhd_create_child(child, path, NULL));
        double_before("OpenVirtualDisk", write_once, path);
        assert_ok(open_disk(child, writable, &disk));
        expect_map(disk, VHD_EXTENT_DATA);
        expect_data(disk);
        assert_ok(vhd_close(disk));
        free(child);
        free(path);
    }
}

static void read__written_each_time__in_use(void **state)
{
    (void)state;
    for (size_t i = 0; i < FORMATS; i++) {
        char *path = make_disk(i);
        struct vhd *disk = NULL;
        unsigned opens = double_calls("OpenVirtualDisk");
        double_before("OpenVirtualDisk", write_each_time, path);
        assert_status(open_disk(path, false, &disk), STATUS_IN_USE);
        assert_non_null(strstr(status_last()->message, formats[i].name));
        assert_null(disk);
        assert_int_equal(double_calls("OpenVirtualDisk"), opens + 3);
        double_before(NULL, NULL, NULL);
        free(path);
    }
}

static void read__resized_in_between__new_size(void **state)
{
    (void)state;
    for (size_t i = 0; i < FORMATS; i++) {
        char *path = make_disk(i);
        struct vhd *disk;
        struct vhd_info info;
        double_before("OpenVirtualDisk", resize_once, path);
        assert_ok(open_disk(path, false, &disk));
        vhd_get_info(disk, &info);
        assert_int_equal(info.virtual_size, 2 * DISK_SIZE);
        assert_ok(vhd_close(disk));
        free(path);
    }
}

// What was zeros when we looked has to be zeroed now.
static void write__written_in_between__zeros_are_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < FORMATS; i++) {
        char *path = make_disk(i);
        struct vhd *disk;
        double_before("OpenVirtualDisk", write_once, path);
        assert_ok(open_disk(path, true, &disk));
        expect_map(disk, VHD_EXTENT_DATA);
        expect_data(disk);
        assert_ok(vhd_zero(disk, 0, MIB));
        assert_ok(vhd_close(disk));
        assert_ok(open_disk(path, false, &disk));
        assert_ok(vhd_read(disk, 0, back, sizeof back));
        assert_true(bytes_are_zero(back, sizeof back));
        assert_ok(vhd_close(disk));
        free(path);
    }
}

static void write__resized_in_between__in_use(void **state)
{
    (void)state;
    for (size_t i = 0; i < FORMATS; i++) {
        char *path = make_disk(i);
        struct vhd *disk;
        double_before("OpenVirtualDisk", resize_once, path);
        assert_status(open_disk(path, true, &disk), STATUS_IN_USE);
        assert_ok(open_disk(path, true, &disk));
        assert_ok(vhd_close(disk));
        free(path);
    }
}

// As virtdisk itself may do when it opens a file for writing: a VHDX says that it is the same, a
// VHD cannot.
static void write__touched_in_between__known_by_the_data_write_guid(void **state)
{
    (void)state;
    for (size_t i = 0; i < FORMATS; i++) {
        char *path = make_disk(i);
        struct vhd *disk;
        double_before("OpenVirtualDisk", touch_once, path);
        assert_ok(open_disk(path, true, &disk));
        expect_map(disk, formats[i].format == VHD_FORMAT_VHDX ? VHD_EXTENT_ZERO : VHD_EXTENT_DATA);
        assert_ok(vhd_close(disk));
        free(path);
    }
}

static void shrink__end_written_in_between__nothing_cut_off(void **state)
{
    (void)state;
    const struct vhd_resize shrink = {.virtual_size = 3 * MIB};
    for (size_t i = 0; i < FORMATS; i++) {
        char *path = make_disk(i);
        struct vhd *disk;
        double_before("OpenVirtualDisk", write_end_once, path);
        assert_status(vhd_resize(path, &shrink), STATUS_IN_USE);
        assert_ok(open_disk(path, false, &disk));
        assert_ok(vhd_read(disk, DISK_SIZE - MIB, back, sizeof back));
        assert_memory_equal(back, data, sizeof back);
        assert_ok(vhd_close(disk));
        assert_status(vhd_resize(path, &shrink), STATUS_REFUSED);
        free(path);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(read__written_in_between__new_map),
        TEST(read__parent_written_in_between__new_map),
        TEST(read__written_each_time__in_use),
        TEST(read__resized_in_between__new_size),
        TEST(write__written_in_between__zeros_are_written),
        TEST(write__resized_in_between__in_use),
        TEST(write__touched_in_between__known_by_the_data_write_guid),
        TEST(shrink__end_written_in_between__nothing_cut_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
