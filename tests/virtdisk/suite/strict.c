// The double itself: every broken rule fails the call with Windows' error, and is counted.
#include <windows.h>

#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/os_win32.h"
#include "tests/support/temp.h"
#include "tests/virtdisk/double.h"
#include "vhd/errors.h"
#include "vhd/vhd.h"
#include "vhd/virtdisk/api.h"

#define MIB       (1ull << 20)
#define DISK_SIZE (4 * MIB)

static const struct virtdisk_api *api;
static const struct virtdisk_storage_type vhdx = {.device = VHD_FORMAT_VHDX,
                                                  .vendor = VIRTDISK_VENDOR_MICROSOFT};
static char *disk_path, *child_path;
static WCHAR *disk, *child, *fresh;
static _Alignas(4096) uint8_t buffer[8192];

// `actual` is this error, and it broke a rule.
static void breaks(DWORD actual, DWORD expected)
{
    assert_int_equal(actual, expected);
    assert_int_equal(double_broken_rules(), 1);
    double_forget_broken_rules();
}

static void works(DWORD actual)
{
    assert_int_equal(actual, ERROR_SUCCESS);
    assert_int_equal(double_broken_rules(), 0);
}

static struct virtdisk_open version_2(bool read_only)
{
    struct virtdisk_open parameters = {.version = VIRTDISK_OPEN_VERSION_2, .read_only = read_only};
    assert_ok(guid_generate(&parameters.resiliency));
    return parameters;
}

static HANDLE opened(const WCHAR *path, bool read_only)
{
    const struct virtdisk_open parameters = version_2(read_only);
    HANDLE handle = NULL;
    works(api->OpenVirtualDisk(&vhdx, path, 0, 0, &parameters, &handle));
    return handle;
}

static void closed(HANDLE handle)
{
    assert_true(api->CloseHandle(handle));
    assert_int_equal(double_broken_rules(), 0);
    assert_int_equal(double_open_handles(), 0);
}

static int set_up(void **state)
{
    (void)state;
    const char *folder = temp_folder();
    const struct vhd_create how = {.format = VHD_FORMAT_VHDX,
                                   .type = VHD_TYPE_DYNAMIC,
                                   .virtual_size = DISK_SIZE,
                                   .block_size = MIB};
    disk_path = temp_path(folder, "disk.vhdx");
    child_path = temp_path(folder, "child.part.avhdx");
    char *fresh_path = temp_path(folder, "fresh.vhdx");
    assert_ok(vhd_create(disk_path, &how));
    assert_ok(vhd_create_child(child_path, disk_path, NULL));
    disk = os_wide_path(disk_path);
    child = os_wide_path(child_path);
    fresh = os_wide_path(fresh_path);
    free(fresh_path);
    assert_ok(virtdisk_provider(&api));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(disk_path);
    free(child_path);
    free(disk);
    free(child);
    free(fresh);
    return 0;
}

static void open__rules(void **state)
{
    (void)state;
    struct virtdisk_open good = version_2(false), bad;
    const struct virtdisk_storage_type unknown = {0}, nameless = {.device = VHD_FORMAT_VHDX},
                                       vhd = {.device = VHD_FORMAT_VHD,
                                              .vendor = VIRTDISK_VENDOR_MICROSOFT};
    HANDLE handle = NULL;
    breaks(api->OpenVirtualDisk(&vhdx, disk, 0x3F0000, 0, &good, &handle), ERROR_INVALID_PARAMETER);
    breaks(api->OpenVirtualDisk(&vhdx, L"disk.vhdx", 0, 0, &good, &handle),
           ERROR_INVALID_PARAMETER);
    breaks(api->OpenVirtualDisk(NULL, disk, 0, 0, &good, &handle), ERROR_INVALID_PARAMETER);
    breaks(api->OpenVirtualDisk(&vhdx, disk, 0, 0, NULL, &handle), ERROR_INVALID_PARAMETER);
    breaks(api->OpenVirtualDisk(&vhdx, disk, 0, 0x10000, &good, &handle), ERROR_INVALID_PARAMETER);
    bad = good;
    bad.version = 1;
    breaks(api->OpenVirtualDisk(&vhdx, disk, 0, 0, &bad, &handle), ERROR_INVALID_PARAMETER);
    good = version_2(false);
    breaks(api->OpenVirtualDisk(&nameless, disk, 0, 0, &good, &handle),
           VHD_ERROR_PROVIDER_NOT_FOUND);
    good = version_2(false);
    breaks(api->OpenVirtualDisk(&vhd, disk, 0, 0, &good, &handle), VHD_ERROR_FORMAT_UNKNOWN);
    good = version_2(false);
    breaks(api->OpenVirtualDisk(&unknown, L"C:\\disk.1234.part", 0, 0, &good, &handle),
           VHD_ERROR_PROVIDER_NOT_FOUND);
    bad = good = version_2(true);
    works(api->OpenVirtualDisk(&vhdx, disk, 0, 0, &good, &handle));
    breaks(api->OpenVirtualDisk(&vhdx, disk, 0, 0, &bad, &handle), ERROR_INVALID_PARAMETER);
    closed(handle);
}

static void create__rules(void **state)
{
    (void)state;
    const struct virtdisk_create good = {
        .version = VIRTDISK_CREATE_VERSION_2, .maximum_size = DISK_SIZE, .block_size = MIB};
    const struct virtdisk_create good_child = {.version = VIRTDISK_CREATE_VERSION_2,
                                               .parent_path = disk};
    struct virtdisk_create bad = good;
    HANDLE handle = NULL;
#define REFUSED(access)                                                                   \
    breaks(api->CreateVirtualDisk(&vhdx, fresh, access, NULL, 0, 0, &bad, NULL, &handle), \
           ERROR_INVALID_PARAMETER)
    REFUSED(0x3F0000);
    bad.version = 1;
    REFUSED(0);
    bad = good;
    bad.block_size = 3 * MIB;
    REFUSED(0);
    bad = good;
    bad.maximum_size = 2 * MIB;
    REFUSED(0);
    bad = good;
    bad.maximum_size++;
    REFUSED(0);
    bad = good;
    bad.sector_size = 1024;
    REFUSED(0);
    bad = good_child;
    bad.maximum_size = DISK_SIZE;
    REFUSED(0);
    bad = good_child;
    bad.sector_size = 512;
    REFUSED(0);
    bad = good_child;
    bad.source_path = disk;
    REFUSED(0);
#undef REFUSED
    assert_int_equal(api->CreateVirtualDisk(&vhdx, disk, 0, NULL, 0, 0, &good, NULL, &handle),
                     ERROR_FILE_EXISTS);
    works(api->CreateVirtualDisk(&vhdx, fresh, 0, NULL, 0, 0, &good, NULL, &handle));
    closed(handle);
}

static void attach__rules(void **state)
{
    (void)state;
    const struct virtdisk_attach good = {.version = VIRTDISK_ATTACH_VERSION_1};
    const uint32_t reading =
        VIRTDISK_ATTACH_FLAG_NO_LOCAL_HOST | (uint32_t)VIRTDISK_ATTACH_FLAG_READ_ONLY;
    HANDLE handle = opened(disk, true);
    breaks(api->AttachVirtualDisk(handle, NULL, VIRTDISK_ATTACH_FLAG_READ_ONLY, 0, &good, NULL),
           ERROR_NOT_SUPPORTED);
    breaks(api->AttachVirtualDisk(handle, NULL, VIRTDISK_ATTACH_FLAG_NO_LOCAL_HOST, 0, &good, NULL),
           ERROR_WRITE_PROTECT);
    works(api->AttachVirtualDisk(handle, NULL, reading, 0, &good, NULL));
    breaks(api->AttachVirtualDisk(handle, NULL, reading, 0, &good, NULL), VHD_ERROR_ALREADY_OWNED);
    closed(handle);
    breaks(api->AttachVirtualDisk(handle, NULL, reading, 0, &good, NULL), ERROR_INVALID_HANDLE);
    struct virtdisk_open look = version_2(true);
    look.get_info_only = TRUE;
    works(api->OpenVirtualDisk(&vhdx, child, 0, VIRTDISK_OPEN_FLAG_NO_PARENTS, &look, &handle));
    breaks(api->AttachVirtualDisk(handle, NULL, reading, 0, &good, NULL), ERROR_ACCESS_DENIED);
    closed(handle);
}

static DWORD read_error(HANDLE handle, void *to, DWORD size, DWORD *done, OVERLAPPED *at)
{
    return api->ReadFile(handle, to, size, done, at) ? ERROR_SUCCESS : GetLastError();
}

static void transfer__rules(void **state)
{
    (void)state;
    const struct virtdisk_attach good = {.version = VIRTDISK_ATTACH_VERSION_1};
    DWORD done;
    HANDLE handle = opened(disk, true);
    OVERLAPPED at = {.hEvent = CreateEventW(NULL, TRUE, FALSE, NULL)};
    OVERLAPPED no_event = {0};
    breaks(read_error(handle, buffer, 512, NULL, &at), ERROR_INVALID_PARAMETER);
    works(api->AttachVirtualDisk(
        handle, NULL, VIRTDISK_ATTACH_FLAG_NO_LOCAL_HOST | (uint32_t)VIRTDISK_ATTACH_FLAG_READ_ONLY,
        0, &good, NULL));
    breaks(read_error(handle, buffer, 512, NULL, NULL), ERROR_INVALID_PARAMETER);
    breaks(read_error(handle, buffer, 512, NULL, &no_event), ERROR_INVALID_PARAMETER);
    breaks(read_error(handle, buffer, 512, &done, &at), ERROR_INVALID_PARAMETER);
    breaks(read_error(handle, buffer, 500, NULL, &at), ERROR_INVALID_PARAMETER);
    breaks(read_error(handle, buffer + 1, 512, NULL, &at), ERROR_INVALID_PARAMETER);
    at.Offset = 100;
    breaks(read_error(handle, buffer, 512, NULL, &at), ERROR_INVALID_PARAMETER);
    at.Offset = DISK_SIZE;
    breaks(read_error(handle, buffer, 512, NULL, &at), ERROR_INVALID_PARAMETER);
    at.Offset = 0;
    assert_false(api->WriteFile(handle, buffer, 512, NULL, &at));
    breaks(GetLastError(), ERROR_WRITE_PROTECT);
    assert_false(api->FlushFileBuffers(handle));
    breaks(GetLastError(), ERROR_ACCESS_DENIED);
    closed(handle);
    CloseHandle(at.hEvent);
}

// The buffer holds nothing before the result was waited for.
static void transfer__pending__done_with_its_result(void **state)
{
    (void)state;
    const struct virtdisk_attach good = {.version = VIRTDISK_ATTACH_VERSION_1};
    HANDLE handle = opened(disk, true);
    OVERLAPPED at = {.hEvent = CreateEventW(NULL, TRUE, FALSE, NULL)};
    DWORD done = 0;
    works(api->AttachVirtualDisk(
        handle, NULL, VIRTDISK_ATTACH_FLAG_NO_LOCAL_HOST | (uint32_t)VIRTDISK_ATTACH_FLAG_READ_ONLY,
        0, &good, NULL));
    works(read_error(handle, buffer, 512, NULL, &at));
    assert_true(api->GetOverlappedResult(handle, &at, &done, TRUE));
    assert_int_equal(read_error(handle, buffer, 4096, NULL, &at), ERROR_IO_PENDING);
    assert_int_equal(buffer[0], 0xA5);
    assert_int_equal(WaitForSingleObject(at.hEvent, 0), WAIT_TIMEOUT);
    breaks(read_error(handle, buffer, 4096, NULL, &at), ERROR_INVALID_PARAMETER);
    assert_false(api->GetOverlappedResult(handle, &at, &done, FALSE));
    assert_int_equal(GetLastError(), ERROR_IO_INCOMPLETE);
    assert_true(api->GetOverlappedResult(handle, &at, &done, TRUE));
    assert_int_equal(done, 4096);
    assert_int_equal(buffer[0], 0);
    closed(handle);
    CloseHandle(at.hEvent);
}

static void information__rules(void **state)
{
    (void)state;
    HANDLE handle = opened(disk, true);
    struct virtdisk_info info = {.version = VIRTDISK_GET_PARENT_LOCATION};
    ULONG size = sizeof info;
    breaks(api->GetVirtualDiskInformation(handle, &size, &info, NULL), VHD_ERROR_INVALID_TYPE);
    info.version = 99;
    breaks(api->GetVirtualDiskInformation(handle, &size, &info, NULL), ERROR_INVALID_PARAMETER);
    breaks(api->GetVirtualDiskInformation(handle, NULL, &info, NULL), ERROR_INVALID_PARAMETER);
    size = 8;
    assert_int_equal(api->GetVirtualDiskInformation(handle, &size, &info, NULL),
                     ERROR_INSUFFICIENT_BUFFER);
    assert_int_equal(size, sizeof info);
    struct virtdisk_set_info change = {.version = VIRTDISK_SET_PHYSICAL_SECTOR_SIZE,
                                       .physical_sector_size = 512};
    breaks(api->SetVirtualDiskInformation(handle, &change), ERROR_ACCESS_DENIED);
    closed(handle);
    handle = opened(disk, false);
    breaks(api->SetVirtualDiskInformation(handle, &change), ERROR_INVALID_PARAMETER);
    closed(handle);
}

static void work__rules(void **state)
{
    (void)state;
    const struct virtdisk_merge merge = {VIRTDISK_MERGE_VERSION_2, 1, 2};
    const struct virtdisk_merge too_deep = {VIRTDISK_MERGE_VERSION_2, 1, 3};
    const struct virtdisk_merge version_1 = {1, 1, 0};
    const struct virtdisk_resize shrink = {.version = VIRTDISK_RESIZE_VERSION_1,
                                           .new_size = DISK_SIZE - MIB};
    OVERLAPPED no_event = {0};
    HANDLE handle = opened(child, true);
    breaks(api->MergeVirtualDisk(handle, 0, &merge, NULL), ERROR_ACCESS_DENIED);
    closed(handle);
    handle = opened(child, false);
    breaks(api->MergeVirtualDisk(handle, 0, &too_deep, NULL), ERROR_INVALID_PARAMETER);
    breaks(api->MergeVirtualDisk(handle, 0, &version_1, NULL), ERROR_INVALID_PARAMETER);
    breaks(api->MergeVirtualDisk(handle, 0, &merge, &no_event), ERROR_INVALID_PARAMETER);
    breaks(api->GetVirtualDiskOperationProgress(handle, &no_event, NULL), ERROR_INVALID_PARAMETER);
    assert_false(api->CancelIoEx(handle, &no_event));
    breaks(GetLastError(), ERROR_NOT_FOUND);
    breaks(api->ResizeVirtualDisk(handle, 0, &shrink, NULL),
           VHD_ERROR_RESIZE_CANNOT_COMPUTE_MINIMUM);
    works(api->MergeVirtualDisk(handle, 0, &merge, NULL));
    breaks(api->MergeVirtualDisk(handle, 0, &merge, NULL), VHD_ERROR_INVALID_STATE);
    closed(handle);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(open__rules, set_up, tear_down),
        cmocka_unit_test_setup_teardown(create__rules, set_up, tear_down),
        cmocka_unit_test_setup_teardown(attach__rules, set_up, tear_down),
        cmocka_unit_test_setup_teardown(transfer__rules, set_up, tear_down),
        cmocka_unit_test_setup_teardown(transfer__pending__done_with_its_result, set_up, tear_down),
        cmocka_unit_test_setup_teardown(information__rules, set_up, tear_down),
        cmocka_unit_test_setup_teardown(work__rules, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
