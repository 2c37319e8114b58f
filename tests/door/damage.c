// Files that are not what they should be: the same refusal with the same number from every backend.
#include "tests/door/support/door.h"

#include "base/os.h"

static const uint8_t junk[1024] = {0xDE, 0xAD};

static void open__missing__not_found(void **state)
{
    (void)state;
    const char *path = door_path("missing.vhdx");
    door_refuses(path, false, STATUS_NOT_FOUND, 0);
    door_refuses(path, true, STATUS_NOT_FOUND, 0);
}

static void open__neither_vhd_nor_vhdx__not_a_disk(void **state)
{
    (void)state;
    const char *path = door_path("text.vhdx");
    assert_ok(os_replace_file(path, junk, sizeof junk));
    door_refuses(path, false, STATUS_NOT_A_DISK, VHD_ERROR_NOT_VIRTUAL_DISK);
    assert_ok(os_replace_file(path, "", 0));
    door_refuses(path, true, STATUS_NOT_A_DISK, VHD_ERROR_NOT_VIRTUAL_DISK);
}

// What is broken in a VHDX, and what that is called.
static void open__vhdx_damaged__refused(void **state)
{
    (void)state;
    static const struct {
        uint64_t offset; // of junk
        size_t size;
        uint64_t also; // 0: nowhere
        uint32_t code;
    } damages[] = {
        {64 * KIB, 8, 128 * KIB, VHD_ERROR_SPARSE_HEADER_CORRUPT},  // both headers
        {192 * KIB, 8, 256 * KIB, VHD_ERROR_SPARSE_HEADER_CORRUPT}, // both region tables
        {2 * MIB, 8, 0, VHD_ERROR_METADATA_READ_FAILURE},           // metadata table
    };
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        const char *path = door_create(&door_kinds[0], DISK_SIZE);
        door_fill_file(path, 0, MIB, 1);
        door_patch(path, damages[i].offset, junk, damages[i].size);
        if (damages[i].also)
            door_patch(path, damages[i].also, junk, damages[i].size);
        uint64_t bytes = door_file_bytes(path);
        print_message("damage %zu\n", i);
        door_refuses(path, false, STATUS_DAMAGED, damages[i].code);
        door_refuses(path, true, STATUS_DAMAGED, damages[i].code);
        assert_int_equal(door_file_bytes(path), bytes);
    }
}

// One of two headers is enough.
static void open__one_vhdx_header_damaged__read(void **state)
{
    (void)state;
    for (uint64_t at = 64 * KIB; at <= 128 * KIB; at += 64 * KIB) {
        const char *path = door_create(&door_kinds[0], DISK_SIZE);
        struct vhd_info info;
        door_patch(path, at, junk, 8);
        door_info(path, &info);
        assert_int_equal(info.virtual_size, DISK_SIZE);
    }
}

static void open__vhd_header_damaged__refused(void **state)
{
    (void)state;
    const char *path = door_create(&door_kinds[3], DISK_SIZE);
    door_patch(path, 512 + 100, junk, 8);
    door_refuses(path, false, STATUS_DAMAGED, VHD_ERROR_SPARSE_HEADER_CHECKSUM_MISMATCH);
    door_refuses(path, true, STATUS_DAMAGED, VHD_ERROR_SPARSE_HEADER_CHECKSUM_MISMATCH);
}

static void change__damaged__refused_by_every_function(void **state)
{
    (void)state;
    const struct vhd_resize resize = {.virtual_size = 2 * DISK_SIZE};
    const struct vhd_compact compact = {0};
    const struct vhd_merge merge = {0};
    struct vhd_compacted sizes;
    const char *path = door_create(&door_kinds[0], DISK_SIZE);
    door_patch(path, 64 * KIB, junk, 8);
    door_patch(path, 128 * KIB, junk, 8);
    uint32_t code = VHD_ERROR_SPARSE_HEADER_CORRUPT;
    assert_failure(vhd_resize(path, &resize), STATUS_DAMAGED, code);
    assert_failure(vhd_compact(path, &compact, &sizes), STATUS_DAMAGED, code);
    assert_failure(vhd_merge(path, &merge), STATUS_DAMAGED, code);
    assert_failure(vhd_create_child(door_beside(path, "child.avhdx"), path, NULL), STATUS_DAMAGED,
                   code);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(open__missing__not_found),
        cmocka_unit_test(open__neither_vhd_nor_vhdx__not_a_disk),
        cmocka_unit_test(open__vhdx_damaged__refused),
        cmocka_unit_test(open__one_vhdx_header_damaged__read),
        cmocka_unit_test(open__vhd_header_damaged__refused),
        cmocka_unit_test(change__damaged__refused_by_every_function),
    };
    return cmocka_run_group_tests(tests, door_start, door_end);
}
