#include "vhd/virtdisk/error.h"

#include <stddef.h>

#include "vhd/errors.h"

#define CTLOG_FIRST          0xC03A0020u // ERROR_CTLOG_*: change tracking's log
#define CTLOG_LAST           0xC03A0024u
#define WIN32_PRIVILEGE      1314u // ERROR_PRIVILEGE_NOT_HELD
#define WIN32_SHARING        32u
#define WIN32_COMPRESSED     618u  // ERROR_COMPRESSED_FILE_NOT_SUPPORTED
#define WIN32_LOOPBACK_SHARE 665u  // ERROR_FILE_SYSTEM_LIMITATION
#define WIN32_CORRUPT        1392u // ERROR_FILE_CORRUPT
#define WIN32_ENCRYPTED      6002u // ERROR_FILE_ENCRYPTED

static const char restore[] = "Restore the file from a copy that is whole.";
static const char bring_parent[] =
    "Bring back the parent as it was; this child cannot be used without.";
static const char put_parent[] =
    "Put the parent beside the child, or where the child's locator says.";
static const char make_plain[] =
    "The file must not be compressed, encrypted or sparse: mend it "
    "with `compact /u`, `cipher /d` or `fsutil sparse setflag FILE 0`.";
static const char release[] =
    "Shut down the virtual machine that uses the disk, or detach the disk in Disk Management (or "
    "with Dismount-VHD), then try again.";

static const struct virtdisk_error errors[] = {
    {VHD_ERROR_DRIVE_FOOTER_MISSING, STATUS_DAMAGED, restore},
    {VHD_ERROR_DRIVE_FOOTER_CHECKSUM_MISMATCH, STATUS_DAMAGED, restore},
    {VHD_ERROR_DRIVE_FOOTER_CORRUPT, STATUS_DAMAGED, restore},
    {VHD_ERROR_FORMAT_UNKNOWN, STATUS_UNSUPPORTED, NULL},
    {VHD_ERROR_FORMAT_UNSUPPORTED_VERSION, STATUS_UNSUPPORTED, NULL},
    {VHD_ERROR_SPARSE_HEADER_CHECKSUM_MISMATCH, STATUS_DAMAGED, restore},
    {VHD_ERROR_SPARSE_HEADER_UNSUPPORTED_VERSION, STATUS_UNSUPPORTED, NULL},
    {VHD_ERROR_SPARSE_HEADER_CORRUPT, STATUS_DAMAGED, restore},
    {VHD_ERROR_BLOCK_ALLOCATION_FAILURE, STATUS_UNSUPPORTED, NULL},
    {VHD_ERROR_BLOCK_ALLOCATION_TABLE_CORRUPT, STATUS_DAMAGED, restore},
    {VHD_ERROR_INVALID_BLOCK_SIZE, STATUS_DAMAGED, restore},
    {VHD_ERROR_BITMAP_MISMATCH, STATUS_DAMAGED, restore},
    {VHD_ERROR_PARENT_VHD_NOT_FOUND, STATUS_PARENT_MISSING, put_parent},
    {VHD_ERROR_CHILD_PARENT_ID_MISMATCH, STATUS_PARENT_MISMATCH, bring_parent},
    {VHD_ERROR_CHILD_PARENT_TIMESTAMP_MISMATCH, STATUS_PARENT_MISMATCH, bring_parent},
    {VHD_ERROR_METADATA_READ_FAILURE, STATUS_DAMAGED, restore},
    {VHD_ERROR_METADATA_WRITE_FAILURE, STATUS_UNSUPPORTED, NULL},
    {VHD_ERROR_INVALID_SIZE, STATUS_DAMAGED, restore},
    {VHD_ERROR_INVALID_FILE_SIZE, STATUS_DAMAGED, restore},
    {VHD_ERROR_PROVIDER_NOT_FOUND, STATUS_UNSUPPORTED, "Use the native backend."},
    {VHD_ERROR_NOT_VIRTUAL_DISK, STATUS_NOT_A_DISK, "Give the path of a virtual hard disk file."},
    {VHD_ERROR_PARENT_VHD_ACCESS_DENIED, STATUS_ACCESS_DENIED, NULL},
    {VHD_ERROR_CHILD_PARENT_SIZE_MISMATCH, STATUS_UNSUPPORTED, NULL},
    {VHD_ERROR_DIFFERENCING_CHAIN_CYCLE_DETECTED, STATUS_DAMAGED, restore},
    {VHD_ERROR_DIFFERENCING_CHAIN_ERROR_IN_PARENT, STATUS_DAMAGED, restore},
    {VHD_ERROR_VIRTUAL_DISK_LIMITATION, STATUS_UNSUPPORTED, make_plain},
    {VHD_ERROR_INVALID_TYPE, STATUS_INVALID_ARGUMENT, NULL},
    {VHD_ERROR_INVALID_STATE, STATUS_REFUSED, NULL},
    {VHD_ERROR_UNSUPPORTED_DISK_SECTOR_SIZE, STATUS_UNSUPPORTED, NULL},
    {VHD_ERROR_ALREADY_OWNED, STATUS_IN_USE, release},
    {VHD_ERROR_ONLINE_AND_WRITABLE, STATUS_IN_USE, release},
    {VHD_ERROR_RESIZE_WOULD_TRUNCATE_DATA, STATUS_REFUSED, NULL},
    {VHD_ERROR_RESIZE_CANNOT_COMPUTE_MINIMUM, STATUS_REFUSED, NULL},
    {VHD_ERROR_RESIZE_ALREADY_AT_OR_BELOW_MINIMUM, STATUS_REFUSED, NULL},
    {VHD_ERROR_METADATA_FULL, STATUS_NO_SPACE, NULL},
    {VHD_ERROR_INVALID_CHANGE_TRACKING_ID, STATUS_NOT_FOUND, NULL},
    {VHD_ERROR_CHANGE_TRACKING_DISABLED, STATUS_REFUSED, NULL},
    {VHD_ERROR_MISSING_CHANGE_TRACKING, STATUS_NOT_FOUND, NULL},
    {WIN32_SHARING, STATUS_IN_USE, release},
    {WIN32_COMPRESSED, STATUS_UNSUPPORTED, make_plain},
    {WIN32_LOOPBACK_SHARE, STATUS_UNSUPPORTED, "Name the disk by its local path."},
    {WIN32_PRIVILEGE, STATUS_ACCESS_DENIED,
     "Virtual disks are attached by administrators (SE_MANAGE_VOLUME_NAME)."},
    {WIN32_CORRUPT, STATUS_DAMAGED, restore},
    {WIN32_ENCRYPTED, STATUS_UNSUPPORTED, make_plain},
};

const struct virtdisk_error *virtdisk_error_find(uint32_t code)
{
    static const struct virtdisk_error tracking_log = {CTLOG_FIRST, STATUS_DAMAGED, NULL};
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (errors[i].code == code)
            return &errors[i];
    return code >= CTLOG_FIRST && code <= CTLOG_LAST ? &tracking_log : NULL;
}
