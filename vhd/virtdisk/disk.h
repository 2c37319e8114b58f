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

// How the files of a disk, the leaf and its parents, looked when the disk was learnt of natively.
struct virtdisk_files {
    struct virtdisk_file *files; // the leaf first
    size_t count;
};

// Looks at the files of `native`, which are held. `files` is given back with virtdisk_files_free
// whatever the result.
enum status virtdisk_files_see(struct virtdisk_files *files, struct vhd *native) MUST_CHECK;

// Whether the disk on `handle`, which keeps writers out, still holds what `files` held when `info`
// was read: no file was written or replaced since or, for opening may itself write a leaf, a VHDX's
// DataWriteGuid is the same. False may mean that it cannot be told.
enum status virtdisk_files_compare(const struct virtdisk_files *files,
                                   const struct virtdisk_api *api, HANDLE handle,
                                   const struct vhd_info *info, bool *same) MUST_CHECK;

void virtdisk_files_free(struct virtdisk_files *files);

// Somebody else changed `path` while virtdisk was about to open it: STATUS_IN_USE.
enum status virtdisk_fail_changed(const char *path);

// The operations of vhd/backend.h.
enum status virtdisk_disk_open(const char *path, const struct vhd_open *how,
                               struct vhd **out) MUST_CHECK;
enum status virtdisk_disk_create(const char *path, const struct vhd_create *how) MUST_CHECK;
enum status virtdisk_disk_create_child(const char *path, const struct vhd_create *how) MUST_CHECK;
enum status virtdisk_disk_merge(const char *child_path, const struct vhd_merge *how) MUST_CHECK;
enum status virtdisk_disk_resize(const char *path, const struct vhd_resize *how) MUST_CHECK;
enum status virtdisk_disk_compact(const char *path, const struct vhd_compact *how) MUST_CHECK;
enum status virtdisk_disk_set_identity(const char *path,
                                       const struct vhd_set_identity *how) MUST_CHECK;

#endif
