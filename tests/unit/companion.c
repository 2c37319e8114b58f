#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "tests/support/mem_fs.h"
#include "tests/support/temp.h"
#include "vhd/errors.h"
#include "vhd/vhd.h"

#define MIB   (1ull << 20)
#define DISK  "/disk.vhdx"
#define GUID  "2dc27766-f623-4200-9d64-115e9bfd4a08"
#define CHECK "disk_" GUID ".avhdx"

static bool tracked_when_opened(struct mem_fs *fs)
{
    const struct vhd_open how = {.fs = mem_fs_system(fs), .share = FILE_SHARE_DENY_WRITE};
    struct vhd_info info;
    struct vhd *disk;
    assert_ok(vhd_open(DISK, &how, &disk));
    vhd_get_info(disk, &info);
    bool tracked = info.change_tracked;
    vhd_abandon(disk);
    return tracked;
}

static void change_tracking__either_file_beside_it__told(void **state)
{
    (void)state;
    static const char *const beside[] = {DISK ".rct", DISK ".mrt"};
    for (size_t i = 0; i < 2; i++) {
        struct mem_fs *fs = mem_fs_new();
        const struct vhd_create how = {.fs = mem_fs_system(fs),
                                       .format = VHD_FORMAT_VHDX,
                                       .type = VHD_TYPE_DYNAMIC,
                                       .virtual_size = 3 * MIB};
        assert_ok(vhd_create(DISK, &how));
        assert_false(tracked_when_opened(fs));
        assert_false(vhd_is_change_tracked(DISK, mem_fs_system(fs)));
        mem_fs_put(fs, beside[i], "opaque", 6);
        assert_true(tracked_when_opened(fs));
        assert_true(vhd_is_change_tracked(DISK, mem_fs_system(fs)));
        mem_fs_free(fs);
    }
}

static void checkpoint__told_by_its_name(void **state)
{
    (void)state;
    assert_true(vhd_is_checkpoint("/vms/" CHECK));
    assert_true(vhd_is_checkpoint("disk_2DC27766-F623-4200-9D64-115E9BFD4A08.AVHDX"));
    assert_true(vhd_is_checkpoint("d_" GUID ".avhd"));
    assert_false(vhd_is_checkpoint("disk_" GUID ".vhdx"));
    assert_false(vhd_is_checkpoint("disk.vhdx." GUID ".avhdx")); // ours
    assert_false(vhd_is_checkpoint("disk.vhdx." GUID ".part.avhdx"));
    assert_false(vhd_is_checkpoint(GUID ".avhdx"));
    assert_false(vhd_is_checkpoint("disk_not-a-guid-at-all-but-just-as-long-zz.avhdx"));
    assert_false(vhd_is_checkpoint("disk"));
}

// Whatever a set begins with: what it holds is no disk's content.
static void vhd_set__opened__refused_with_the_disk_to_give(void **state)
{
    (void)state;
    const char *folder = temp_folder();
    char *set = temp_path(folder, "Disk.VHDS"), *backing = temp_path(folder, CHECK);
    const struct vhd_open how = {.share = FILE_SHARE_DENY_WRITE};
    const struct vhd_create create = {
        .format = VHD_FORMAT_VHDX, .type = VHD_TYPE_DYNAMIC, .virtual_size = 3 * MIB};
    struct vhd *disk;

    assert_status(vhd_open(set, &how, &disk), STATUS_NOT_FOUND);
    assert_ok(vhd_create(set, &create));
    assert_status(vhd_open(set, &how, &disk), STATUS_UNSUPPORTED);
    assert_int_equal(status_last()->os_code, VHD_ERROR_NOT_VIRTUAL_DISK);
    assert_non_null(strstr(status_last()->message, "VHD Set"));
    assert_non_null(strstr(status_last()->action, ".avhdx"));
    assert_ok(vhd_create(backing, &create));
    assert_status(vhd_open(set, &how, &disk), STATUS_UNSUPPORTED);
    assert_non_null(strstr(status_last()->action, CHECK));
    free(set);
    free(backing);
    temp_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(change_tracking__either_file_beside_it__told),
        cmocka_unit_test(checkpoint__told_by_its_name),
        cmocka_unit_test(vhd_set__opened__refused_with_the_disk_to_give),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
