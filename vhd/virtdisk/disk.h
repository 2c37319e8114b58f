// What the parts of the virtdisk backend share. Needs <windows.h> before it.
#ifndef VREP_VHD_VIRTDISK_DISK_H
#define VREP_VHD_VIRTDISK_DISK_H

#include "vhd/chain.h"
#include "vhd/virtdisk/api.h"

// How a file is opened by virtdisk.
struct virtdisk_how {
    enum vhd_format format; // told to virtdisk, which otherwise looks at the file name's extension
    uint32_t flags;         // VIRTDISK_OPEN_FLAG_*
    bool read_only;
    bool get_info_only;
    uint32_t wait_ms; // how long sharing violations are retried
};

// OpenVirtualDisk. `path`: absolute. The handle is the table's, not kernel32's.
enum status virtdisk_open_handle(const struct virtdisk_api *api, const char *path,
                                 const struct virtdisk_how *how, HANDLE *out) MUST_CHECK;

// AttachVirtualDisk for I/O on the handle, without a disk device, letter or plug and play.
enum status virtdisk_attach_handle(const struct virtdisk_api *api, const char *path, HANDLE handle,
                                   bool read_only) MUST_CHECK;

// GetVirtualDiskInformation of a kind that may have any length; *info is allocated.
enum status virtdisk_get_info(const struct virtdisk_api *api, const char *path, HANDLE handle,
                              enum virtdisk_get kind, struct virtdisk_info **info) MUST_CHECK;

// The operations of vhd/backend.h.
enum status virtdisk_disk_open(const char *path, const struct vhd_open *how,
                               struct vhd **out) MUST_CHECK;
enum status virtdisk_disk_create(const char *path, const struct vhd_create *how) MUST_CHECK;
enum status virtdisk_disk_create_child(const char *child_path, const char *parent_path,
                                       const struct file_system *fs) MUST_CHECK;
enum status virtdisk_disk_merge(const char *child_path, const struct vhd_merge *how) MUST_CHECK;
enum status virtdisk_disk_resize(const char *path, const struct vhd_resize *how) MUST_CHECK;
enum status virtdisk_disk_compact(const char *path, const struct vhd_compact *how) MUST_CHECK;
enum status virtdisk_disk_set_identity(const char *path,
                                       const struct vhd_set_identity *how) MUST_CHECK;

#endif
