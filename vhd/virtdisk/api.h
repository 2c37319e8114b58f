// What virtdisk.dll offers, declared here: mingw-w64's virtdisk.h lacks a field of
// CREATE_VIRTUAL_DISK_PARAMETERS and everything newer than Windows 8. Offsets and sizes are those
// of the Windows SDK for 64 bits, asserted. Each structure has room for the newest version that the
// SDK knows, as virtdisk.dll may expect. Needs <windows.h> before it.
#ifndef VREP_VHD_VIRTDISK_API_H
#define VREP_VHD_VIRTDISK_API_H

#include <stddef.h>
#include <stdint.h>

#include "base/guid.h"
#include "base/status.h"

#define VIRTDISK_OFFSET(type, field, offset) \
    _Static_assert(offsetof(struct type, field) == (offset), #type "." #field)
#define VIRTDISK_SIZE(type, size) _Static_assert(sizeof(struct type) == (size), #type)

// VIRTUAL_STORAGE_TYPE
struct virtdisk_storage_type {
    uint32_t device; // enum vhd_format; 0: told by the file name's extension
    struct guid vendor;
};
VIRTDISK_OFFSET(virtdisk_storage_type, vendor, 4);
VIRTDISK_SIZE(virtdisk_storage_type, 20);

// VIRTUAL_STORAGE_TYPE_VENDOR_MICROSOFT
#define VIRTDISK_VENDOR_MICROSOFT \
    GUID_INIT(0xEC984AECu, 0xA0F9, 0x47E9, 0x90, 0x1F, 0x71, 0x41, 0x5A, 0x66, 0x34, 0x5B)

// VIRTUAL_DISK_ACCESS_MASK: the only one that goes with version 2 of opening and creating.
enum { VIRTDISK_ACCESS_NONE = 0 };

// OPEN_VIRTUAL_DISK_FLAG, OPEN_VIRTUAL_DISK_PARAMETERS
enum { VIRTDISK_OPEN_FLAG_NONE = 0, VIRTDISK_OPEN_FLAG_NO_PARENTS = 1 };
enum { VIRTDISK_OPEN_VERSION_2 = 2 };

struct virtdisk_open {
    uint32_t version;
    BOOL get_info_only;
    BOOL read_only;
    struct guid resiliency; // a new one keeps vhdmp from sharing one virtual disk between two opens
    struct guid snapshot;   // version 3
};
VIRTDISK_OFFSET(virtdisk_open, get_info_only, 4);
VIRTDISK_OFFSET(virtdisk_open, read_only, 8);
VIRTDISK_OFFSET(virtdisk_open, resiliency, 12);
VIRTDISK_SIZE(virtdisk_open, 44);

// CREATE_VIRTUAL_DISK_FLAG, CREATE_VIRTUAL_DISK_PARAMETERS
enum { VIRTDISK_CREATE_FLAG_NONE = 0, VIRTDISK_CREATE_FLAG_FULL_PHYSICAL_ALLOCATION = 1 };
enum { VIRTDISK_CREATE_VERSION_2 = 2 };

struct virtdisk_create {
    uint32_t version;
    uint32_t padding;
    struct guid unique_id; // zero: a new one
    uint64_t maximum_size; // 0 with a parent
    uint32_t block_size;   // 0: the format's default
    uint32_t sector_size;  // 0 with a parent
    uint32_t physical_sector_size;
    const WCHAR *parent_path; // NULL: none
    const WCHAR *source_path;
    uint32_t open_flags;
    struct virtdisk_storage_type parent_type;
    struct virtdisk_storage_type source_type;
    struct guid resiliency;
    uint32_t newer_versions[15]; // 3: SourceLimitPath, BackingStorageType; 4: PMEM, DataAlignment
};
VIRTDISK_OFFSET(virtdisk_create, unique_id, 8);
VIRTDISK_OFFSET(virtdisk_create, maximum_size, 24);
VIRTDISK_OFFSET(virtdisk_create, block_size, 32);
VIRTDISK_OFFSET(virtdisk_create, sector_size, 36);
VIRTDISK_OFFSET(virtdisk_create, physical_sector_size, 40);
VIRTDISK_OFFSET(virtdisk_create, parent_path, 48);
VIRTDISK_OFFSET(virtdisk_create, source_path, 56);
VIRTDISK_OFFSET(virtdisk_create, open_flags, 64);
VIRTDISK_OFFSET(virtdisk_create, parent_type, 68);
VIRTDISK_OFFSET(virtdisk_create, source_type, 88);
VIRTDISK_OFFSET(virtdisk_create, resiliency, 108);
VIRTDISK_SIZE(virtdisk_create, 184);

// ATTACH_VIRTUAL_DISK_FLAG, ATTACH_VIRTUAL_DISK_PARAMETERS. NO_LOCAL_HOST makes no disk device:
// ReadFile and WriteFile then work on the virtual disk's own handle.
enum { VIRTDISK_ATTACH_FLAG_READ_ONLY = 1, VIRTDISK_ATTACH_FLAG_NO_LOCAL_HOST = 8 };
enum { VIRTDISK_ATTACH_VERSION_1 = 1 };

struct virtdisk_attach {
    uint32_t version;
    uint32_t padding;
    uint64_t reserved; // version 2: RestrictedOffset, RestrictedLength
    uint64_t length;
};
VIRTDISK_OFFSET(virtdisk_attach, reserved, 8);
VIRTDISK_SIZE(virtdisk_attach, 24);

// GET_VIRTUAL_DISK_INFO_VERSION, GET_VIRTUAL_DISK_INFO. What ends with a text has a variable
// length.
enum virtdisk_get {
    VIRTDISK_GET_SIZE = 1,
    VIRTDISK_GET_IDENTIFIER = 2,
    VIRTDISK_GET_PARENT_LOCATION = 3,
    VIRTDISK_GET_PARENT_IDENTIFIER = 4,
    VIRTDISK_GET_STORAGE_TYPE = 6,
    VIRTDISK_GET_PROVIDER_SUBTYPE = 7,
    VIRTDISK_GET_PHYSICAL_SECTOR_SIZE = 10,
    VIRTDISK_GET_VIRTUAL_DISK_ID = 14,
    VIRTDISK_GET_CHANGE_TRACKING = 15,
};

struct virtdisk_info {
    uint32_t version; // enum virtdisk_get
    uint32_t padding;
    union {
        struct {
            uint64_t virtual_size;
            uint64_t physical_size;
            uint32_t block_size;
            uint32_t sector_size;
        } size;
        struct guid identifier; // also the parent's, and the Virtual Disk ID
        struct {
            BOOL resolved;   // false: `paths` are all places to look at
            WCHAR paths[10]; // each ended by NUL, the last one by two
        } parent;
        struct virtdisk_storage_type storage_type;
        uint32_t subtype; // enum vhd_type
        uint32_t physical_sector_size;
        struct {
            BOOL enabled;
            BOOL newer_changes;
            WCHAR most_recent_id[8];
        } tracking;
    };
};
VIRTDISK_OFFSET(virtdisk_info, size.virtual_size, 8);
VIRTDISK_OFFSET(virtdisk_info, size.block_size, 24);
VIRTDISK_OFFSET(virtdisk_info, size.sector_size, 28);
VIRTDISK_OFFSET(virtdisk_info, identifier, 8);
VIRTDISK_OFFSET(virtdisk_info, parent.paths, 12);
VIRTDISK_OFFSET(virtdisk_info, storage_type, 8);
VIRTDISK_OFFSET(virtdisk_info, subtype, 8);
VIRTDISK_OFFSET(virtdisk_info, tracking.most_recent_id, 16);
VIRTDISK_SIZE(virtdisk_info, 32);

// SET_VIRTUAL_DISK_INFO_VERSION, SET_VIRTUAL_DISK_INFO
enum virtdisk_set {
    VIRTDISK_SET_IDENTIFIER = 2, // a VHD's unique id
    VIRTDISK_SET_PHYSICAL_SECTOR_SIZE = 4,
    VIRTDISK_SET_VIRTUAL_DISK_ID = 5, // VHDX
    VIRTDISK_SET_CHANGE_TRACKING = 6,
};

struct virtdisk_set_info {
    uint32_t version; // enum virtdisk_set
    uint32_t padding;
    union {
        struct guid identifier; // also the Virtual Disk ID
        uint32_t physical_sector_size;
        BOOL tracking_enabled;
        struct {
            struct guid linkage;
            const WCHAR *path;
        } parent_locator;
    };
};
VIRTDISK_OFFSET(virtdisk_set_info, identifier, 8);
VIRTDISK_OFFSET(virtdisk_set_info, parent_locator.path, 24);
VIRTDISK_SIZE(virtdisk_set_info, 32);

// MERGE_VIRTUAL_DISK_PARAMETERS. The leaf has depth 1, its parent 2.
enum { VIRTDISK_MERGE_FLAG_NONE = 0 };
enum { VIRTDISK_MERGE_VERSION_2 = 2 };

struct virtdisk_merge {
    uint32_t version;
    uint32_t source_depth;
    uint32_t target_depth;
};
VIRTDISK_SIZE(virtdisk_merge, 12);

// RESIZE_VIRTUAL_DISK_FLAG, RESIZE_VIRTUAL_DISK_PARAMETERS
enum { VIRTDISK_RESIZE_FLAG_NONE = 0, VIRTDISK_RESIZE_FLAG_ALLOW_UNSAFE = 1 };
enum { VIRTDISK_RESIZE_VERSION_1 = 1 };

struct virtdisk_resize {
    uint32_t version;
    uint32_t padding;
    uint64_t new_size;
};
VIRTDISK_OFFSET(virtdisk_resize, new_size, 8);
VIRTDISK_SIZE(virtdisk_resize, 16);

// COMPACT_VIRTUAL_DISK_PARAMETERS
enum { VIRTDISK_COMPACT_FLAG_NONE = 0 };
enum { VIRTDISK_COMPACT_VERSION_1 = 1 };

struct virtdisk_compact {
    uint32_t version;
    uint32_t reserved;
};
VIRTDISK_SIZE(virtdisk_compact, 8);

// VIRTUAL_DISK_PROGRESS
struct virtdisk_progress {
    uint32_t status; // ERROR_IO_PENDING while it runs, its result after
    uint64_t current;
    uint64_t completion;
};
VIRTDISK_OFFSET(virtdisk_progress, current, 8);
VIRTDISK_SIZE(virtdisk_progress, 24);

// QUERY_CHANGES_VIRTUAL_DISK_RANGE
struct virtdisk_range {
    uint64_t offset;
    uint64_t length;
    uint64_t reserved;
};
VIRTDISK_SIZE(virtdisk_range, 24);

// Every function that works on a virtual disk's handle, kernel32's included: in production
// virtdisk.dll's and kernel32's, in tests the double's, for nothing else can make a Windows handle
// read a virtual disk. Names, parameters and results are Windows'.
struct virtdisk_api {
    DWORD(WINAPI *OpenVirtualDisk)
    (const struct virtdisk_storage_type *type, const WCHAR *path, uint32_t access, uint32_t flags,
     const struct virtdisk_open *parameters, HANDLE *handle);
    DWORD(WINAPI *CreateVirtualDisk)
    (const struct virtdisk_storage_type *type, const WCHAR *path, uint32_t access, void *security,
     uint32_t flags, uint32_t provider_flags, const struct virtdisk_create *parameters,
     OVERLAPPED *overlapped, HANDLE *handle);
    DWORD(WINAPI *AttachVirtualDisk)
    (HANDLE handle, void *security, uint32_t flags, uint32_t provider_flags,
     const struct virtdisk_attach *parameters, OVERLAPPED *overlapped);
    DWORD(WINAPI *GetVirtualDiskInformation)
    (HANDLE handle, ULONG *info_size, struct virtdisk_info *info, ULONG *size_used);
    DWORD(WINAPI *SetVirtualDiskInformation)(HANDLE handle, const struct virtdisk_set_info *info);
    DWORD(WINAPI *MergeVirtualDisk)
    (HANDLE handle, uint32_t flags, const struct virtdisk_merge *parameters,
     OVERLAPPED *overlapped);
    DWORD(WINAPI *ResizeVirtualDisk)
    (HANDLE handle, uint32_t flags, const struct virtdisk_resize *parameters,
     OVERLAPPED *overlapped);
    DWORD(WINAPI *CompactVirtualDisk)
    (HANDLE handle, uint32_t flags, const struct virtdisk_compact *parameters,
     OVERLAPPED *overlapped);
    DWORD(WINAPI *GetVirtualDiskOperationProgress)
    (HANDLE handle, OVERLAPPED *overlapped, struct virtdisk_progress *progress);
    DWORD(WINAPI *QueryChangesVirtualDisk)
    (HANDLE handle, const WCHAR *tracking_id, uint64_t offset, uint64_t length, uint32_t flags,
     struct virtdisk_range *ranges, ULONG *range_count, uint64_t *processed);
    BOOL(WINAPI *ReadFile)
    (HANDLE handle, void *buffer, DWORD size, DWORD *done, OVERLAPPED *overlapped);
    BOOL(WINAPI *WriteFile)
    (HANDLE handle, const void *buffer, DWORD size, DWORD *done, OVERLAPPED *overlapped);
    BOOL(WINAPI *FlushFileBuffers)(HANDLE handle);
    BOOL(WINAPI *GetOverlappedResult)
    (HANDLE handle, OVERLAPPED *overlapped, DWORD *done, BOOL wait);
    BOOL(WINAPI *CancelIoEx)(HANDLE handle, OVERLAPPED *overlapped);
    BOOL(WINAPI *CloseHandle)(HANDLE handle);
};

// The table, loaded once. STATUS_UNSUPPORTED: there is no virtdisk.dll that works. The production's
// is in provider_win32.c, alone, so that a test's own definition takes its place when it is linked.
enum status virtdisk_provider(const struct virtdisk_api **out) MUST_CHECK;

#endif
