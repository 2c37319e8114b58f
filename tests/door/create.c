// Making disks and children.
#include "tests/door/support/door.h"

#include "base/os.h"

static void create__every_kind__as_asked(void **state)
{
    (void)state;
    for (size_t i = 0; i < door_kind_count; i++) {
        const struct door_kind *kind = &door_kinds[i];
        bool vhdx = kind->format == VHD_FORMAT_VHDX;
        struct vhd_info info;
        door_info(door_create(kind, DISK_SIZE), &info);
        assert_int_equal(info.format, kind->format);
        assert_int_equal(info.type, kind->type);
        assert_int_equal(info.virtual_size, DISK_SIZE);
        assert_int_equal(info.logical_sector_size, kind->sector_size);
        if (vhdx)
            assert_int_equal(info.physical_sector_size, 4096);
        if (kind->block_size)
            assert_int_equal(info.block_size, kind->block_size);
        assert_false(guid_is_zero(&info.virtual_disk_id));
        assert_int_equal(info.identity.format, kind->format);
        assert_int_equal(info.identity.virtual_size, DISK_SIZE);
        assert_int_equal(info.depth, 1);
        assert_false(info.log_live);
    }
}

static void create__id_given__has_it(void **state)
{
    (void)state;
    const struct guid id =
        GUID_INIT(0x2DC27766u, 0xF623, 0x4200, 0x9D, 0x64, 0x11, 0x5E, 0x9B, 0xFD, 0x4A, 0x08);
    for (size_t i = 0; i < door_kind_count; i++) {
        const struct vhd_create how = {.format = door_kinds[i].format,
                                       .type = door_kinds[i].type,
                                       .virtual_size = DISK_SIZE,
                                       .virtual_disk_id = &id};
        struct vhd_info info;
        const char *path = door_path(door_kinds[i].name);
        assert_ok(vhd_create(path, &how));
        door_info(path, &info);
        assert_true(guid_equal(&info.virtual_disk_id, &id));
    }
}

static void create__nothing_said__usual_block_and_sector_sizes(void **state)
{
    (void)state;
    const struct vhd_create vhdx = {
        .format = VHD_FORMAT_VHDX, .type = VHD_TYPE_DYNAMIC, .virtual_size = DISK_SIZE};
    const struct vhd_create vhd = {
        .format = VHD_FORMAT_VHD, .type = VHD_TYPE_DYNAMIC, .virtual_size = DISK_SIZE};
    struct vhd_info info;
    const char *path = door_path("usual.vhdx");
    assert_ok(vhd_create(path, &vhdx));
    door_info(path, &info);
    assert_int_equal(info.block_size, 32 * MIB);
    assert_int_equal(info.logical_sector_size, 512);
    assert_int_equal(info.physical_sector_size, 4096);
    path = door_path("usual.vhd");
    assert_ok(vhd_create(path, &vhd));
    door_info(path, &info);
    assert_int_equal(info.block_size, 2 * MIB);
}

// Names that tell nothing, or the wrong thing: the format is what was asked for.
static void create__any_name__made_and_opened(void **state)
{
    (void)state;
    static const char *const names[] = {"disk", "disk.bin", "a.b.part.avhdx", "two words.vhd",
                                        "Gr\xC3\xB6\xC3\x9F.vhdx"};
    const char *folder = door_path("");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct vhd_create how = {
            .format = VHD_FORMAT_VHDX, .type = VHD_TYPE_DYNAMIC, .virtual_size = DISK_SIZE};
        struct vhd_info info;
        const char *path = door_beside(folder, names[i]);
        assert_ok(vhd_create(path, &how));
        door_fill_file(path, 0, 64 * KIB, 1);
        door_expect_file(path, 0, 64 * KIB, 1);
        door_info(path, &info);
        assert_int_equal(info.format, VHD_FORMAT_VHDX);
    }
}

static void create__file_exists__refused_and_the_file_stays(void **state)
{
    (void)state;
    for (size_t i = 0; i < door_kind_count; i++) {
        const char *path = door_create(&door_kinds[i], DISK_SIZE);
        const struct vhd_create how = {
            .format = door_kinds[i].format, .type = door_kinds[i].type, .virtual_size = DISK_SIZE};
        uint64_t bytes = door_file_bytes(path);
        assert_failure(vhd_create(path, &how), STATUS_EXISTS, 0);
        assert_failure(vhd_create_child(path, path, NULL), STATUS_EXISTS, 0);
        assert_int_equal(door_file_bytes(path), bytes);
    }
}

static void create__folder_missing__not_found(void **state)
{
    (void)state;
    const char *parent = door_create(&door_kinds[0], DISK_SIZE);
    const char *nowhere = door_beside(parent, "nowhere/disk.vhdx");
    const struct vhd_create how = {
        .format = VHD_FORMAT_VHDX, .type = VHD_TYPE_DYNAMIC, .virtual_size = DISK_SIZE};
    assert_failure(vhd_create(nowhere, &how), STATUS_NOT_FOUND, 0);
    assert_failure(vhd_create_child(nowhere, parent, NULL), STATUS_NOT_FOUND, 0);
}

static void create__impossible__refused_with_nothing_left(void **state)
{
    (void)state;
    static const struct {
        struct vhd_create how;
        uint32_t code;
    } impossible[] = {
        {{.format = VHD_FORMAT_VHDX, .type = VHD_TYPE_DYNAMIC}, VHD_ERROR_INVALID_SIZE},
        {{.format = VHD_FORMAT_VHDX, .type = VHD_TYPE_DYNAMIC, .virtual_size = DISK_SIZE + 1},
         VHD_ERROR_INVALID_SIZE},
        {{.format = VHD_FORMAT_VHDX,
          .type = VHD_TYPE_DYNAMIC,
          .virtual_size = DISK_SIZE + 512,
          .logical_sector_size = 4096},
         VHD_ERROR_INVALID_SIZE},
        {{.format = VHD_FORMAT_VHDX,
          .type = VHD_TYPE_FIXED,
          .virtual_size = DISK_SIZE,
          .logical_sector_size = 1024},
         VHD_ERROR_INVALID_SIZE},
        {{.format = VHD_FORMAT_VHDX, .type = VHD_TYPE_DYNAMIC, .virtual_size = VHDX_SIZE_MAX + MIB},
         VHD_ERROR_INVALID_SIZE},
        {{.format = VHD_FORMAT_VHDX,
          .type = VHD_TYPE_DYNAMIC,
          .virtual_size = DISK_SIZE,
          .block_size = 3 << 20},
         VHD_ERROR_INVALID_BLOCK_SIZE},
        {{.format = VHD_FORMAT_VHDX,
          .type = VHD_TYPE_DYNAMIC,
          .virtual_size = DISK_SIZE,
          .block_size = 512 << 20},
         VHD_ERROR_INVALID_BLOCK_SIZE},
        {{.format = VHD_FORMAT_VHDX, .type = VHD_TYPE_DIFFERENCING, .virtual_size = DISK_SIZE},
         VHD_ERROR_INVALID_TYPE},
        {{.format = VHD_FORMAT_VHD, .type = VHD_TYPE_DYNAMIC, .virtual_size = MIB},
         VHD_ERROR_INVALID_SIZE},
        {{.format = VHD_FORMAT_VHD, .type = VHD_TYPE_FIXED, .virtual_size = VHD1_SIZE_MAX + MIB},
         VHD_ERROR_INVALID_SIZE},
        {{.format = VHD_FORMAT_VHD,
          .type = VHD_TYPE_DYNAMIC,
          .virtual_size = DISK_SIZE,
          .block_size = 1 << 20},
         VHD_ERROR_INVALID_BLOCK_SIZE},
        {{.format = VHD_FORMAT_VHD,
          .type = VHD_TYPE_DYNAMIC,
          .virtual_size = DISK_SIZE,
          .logical_sector_size = 4096},
         0},
    };
    for (size_t i = 0; i < sizeof impossible / sizeof *impossible; i++) {
        const char *path = door_path("impossible.disk");
        print_message("%zu\n", i);
        assert_failure(vhd_create(path, &impossible[i].how), STATUS_INVALID_ARGUMENT,
                       impossible[i].code);
        assert_false(os_file_exists(path));
    }
}

static void create__less_than_3_mib__made_unless_the_backend_may_not(void **state)
{
    (void)state;
    const struct vhd_create how = {
        .format = VHD_FORMAT_VHDX, .type = VHD_TYPE_DYNAMIC, .virtual_size = 2 * MIB};
    const char *path = door_path("tiny.vhdx");
    enum status status = vhd_create(path, &how);
    if (door_may(DOOR_NOT_TINY) && status != STATUS_OK)
        assert_false(os_file_exists(path));
    else
        assert_ok(status);
}

static void create_child__every_kind__takes_after_its_parent(void **state)
{
    (void)state;
    for (size_t i = 0; i < door_kind_count; i++) {
        const char *parent = door_create(&door_kinds[i], DISK_SIZE);
        struct vhd_info above, info;
        door_fill_file(parent, 0, MIB, 3);
        uint64_t bytes = door_file_bytes(parent);
        const char *path = door_child(parent, "child.avhdx");
        assert_int_equal(door_file_bytes(parent), bytes);
        door_info(parent, &above);
        struct vhd *disk = door_open(path, false);
        vhd_get_info(disk, &info);
        assert_int_equal(info.type, VHD_TYPE_DIFFERENCING);
        assert_int_equal(info.format, above.format);
        assert_int_equal(info.virtual_size, above.virtual_size);
        assert_int_equal(info.logical_sector_size, above.logical_sector_size);
        assert_int_equal(info.physical_sector_size, above.physical_sector_size);
        assert_int_equal(info.block_size, 2 * MIB);
        assert_int_equal(info.depth, 2);
        assert_string_equal(info.parent_path, parent);
        assert_true(guid_equal(&info.parent_linkage, &above.identity.guid));
        if (info.format == VHD_FORMAT_VHDX)
            assert_true(guid_equal(&info.virtual_disk_id, &above.virtual_disk_id));
        else
            assert_false(guid_equal(&info.virtual_disk_id, &above.virtual_disk_id));
        door_close(disk);
    }
}

static void create_child__block_size__as_asked_and_it_works(void **state)
{
    (void)state;
    static const uint32_t sizes[2][3] = {{MIB, 8 * MIB, 256 * MIB}, {512 * KIB, 2 * MIB, 0}};
    for (size_t i = 0; i < door_kind_count; i++) {
        const char *parent = door_create(&door_kinds[i], DISK_SIZE);
        door_fill_file(parent, 0, DISK_SIZE, 3);
        for (size_t k = 0; k < 3; k++) {
            uint32_t size = sizes[door_kinds[i].format == VHD_FORMAT_VHD][k];
            const struct vhd_create how = {
                .type = VHD_TYPE_DIFFERENCING, .parent_path = parent, .block_size = size};
            const char *path = door_path("child.avhdx");
            struct vhd_info info;
            assert_ok(vhd_create(path, &how));
            door_info(path, &info);
            assert_int_equal(info.block_size, size ? size : 2 * MIB);
            door_fill_file(path, MIB, MIB, 4);
            door_expect_file(path, 0, MIB, 3);
            door_expect_file(path, MIB, MIB, 4);
            door_expect_file(path, 2 * MIB, DISK_SIZE - 2 * MIB, 3);
        }
    }
}

static void create_child__impossible__refused_with_nothing_left(void **state)
{
    (void)state;
    for (size_t i = 0; i < door_kind_count; i++) {
        const char *parent = door_create(&door_kinds[i], DISK_SIZE);
        const char *path = door_path("child.avhdx");
        const struct {
            struct vhd_create how;
            uint32_t code;
        } impossible[] = {
            {{.block_size = 3 * MIB, .parent_path = parent}, VHD_ERROR_INVALID_BLOCK_SIZE},
            {{.block_size = 512 << 20, .parent_path = parent}, VHD_ERROR_INVALID_BLOCK_SIZE},
            {{.virtual_size = DISK_SIZE, .parent_path = parent}, VHD_ERROR_INVALID_SIZE},
            {{.format = VHD_FORMAT_VHD, .parent_path = parent}, VHD_ERROR_INVALID_SIZE},
            {{.virtual_size = 0}, VHD_ERROR_INVALID_TYPE},
        };
        for (size_t k = 0; k < sizeof impossible / sizeof *impossible; k++) {
            struct vhd_create how = impossible[k].how;
            how.type = VHD_TYPE_DIFFERENCING;
            assert_failure(vhd_create(path, &how), STATUS_INVALID_ARGUMENT, impossible[k].code);
            assert_false(os_file_exists(path));
        }
    }
}

static void create_child__parent_missing__not_found_with_nothing_left(void **state)
{
    (void)state;
    const char *child = door_path("child.avhdx");
    assert_failure(vhd_create_child(child, door_beside(child, "parent.vhdx"), NULL),
                   STATUS_NOT_FOUND, 0);
    assert_false(os_file_exists(child));
}

static void create_child__parent_is_no_disk__refused_with_nothing_left(void **state)
{
    (void)state;
    const char *child = door_path("child.avhdx");
    const char *text = door_beside(child, "parent.vhdx");
    assert_ok(os_replace_file(text, child, 4));
    assert_failure(vhd_create_child(child, text, NULL), STATUS_NOT_A_DISK,
                   VHD_ERROR_NOT_VIRTUAL_DISK);
    assert_false(os_file_exists(child));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(create__every_kind__as_asked),
        cmocka_unit_test(create__id_given__has_it),
        cmocka_unit_test(create__nothing_said__usual_block_and_sector_sizes),
        cmocka_unit_test(create__any_name__made_and_opened),
        cmocka_unit_test(create__file_exists__refused_and_the_file_stays),
        cmocka_unit_test(create__folder_missing__not_found),
        cmocka_unit_test(create__impossible__refused_with_nothing_left),
        cmocka_unit_test(create__less_than_3_mib__made_unless_the_backend_may_not),
        cmocka_unit_test(create_child__every_kind__takes_after_its_parent),
        cmocka_unit_test(create_child__block_size__as_asked_and_it_works),
        cmocka_unit_test(create_child__impossible__refused_with_nothing_left),
        cmocka_unit_test(create_child__parent_missing__not_found_with_nothing_left),
        cmocka_unit_test(create_child__parent_is_no_disk__refused_with_nothing_left),
    };
    return cmocka_run_group_tests(tests, door_start, door_end);
}
