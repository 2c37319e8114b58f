// The inside of the door: what a backend offers, for open disks and for paths. There are two:
// native (vhd/disk.c), and virtdisk (vhd/virtdisk), which exists on Windows only. Arguments were
// checked by the door (vhd/door.c). Not for other folders.
#ifndef VREP_VHD_BACKEND_H
#define VREP_VHD_BACKEND_H

#include "vhd/vhd.h"

// The operations of an open disk; see those of vhd/vhd.h that have the same name.
struct vhd_ops {
    enum status (*close)(struct vhd *disk);
    void (*abandon)(struct vhd *disk);
    // Everything of `info` except path, parent_path and depth.
    void (*get_info)(struct vhd *disk, struct vhd_info *info);
    enum status (*read)(struct vhd *disk, uint64_t offset, void *buffer, size_t length);
    enum status (*write)(struct vhd *disk, uint64_t offset, const void *buffer, size_t length);
    enum status (*zero)(struct vhd *disk, uint64_t offset, uint64_t length);
    enum status (*flush)(struct vhd *disk);
    // One extent; the next one may be of the same kind.
    enum status (*extent)(struct vhd *disk, enum vhd_map_scope scope, uint64_t offset,
                          uint64_t limit, struct vhd_extent *out);
};

// The operations on paths.
struct vhd_backend_ops {
    enum status (*open)(const char *path, const struct vhd_open *how, struct vhd **out);
    enum status (*create)(const char *path, const struct vhd_create *how);
    enum status (*create_child)(const char *path, const struct vhd_create *how);
    enum status (*merge)(const char *child_path, const struct vhd_merge *how);
    enum status (*resize)(const char *path, const struct vhd_resize *how);
    enum status (*compact)(const char *path, const struct vhd_compact *how);
    enum status (*set_identity)(const char *path, const struct vhd_set_identity *how);
};

extern const struct vhd_backend_ops vhd_native;

// The chosen backend's for the operating system's files (NULL: those), else the native one's.
const struct vhd_backend_ops *vhd_backend_of(const struct file_system *fs);

// vhd_open and its kin by our own code, whatever backend was chosen. The code behind them opens
// disks with these, never with vhd_open.
enum status vhd_native_open(const char *path, const struct vhd_open *how,
                            struct vhd **out) MUST_CHECK;
enum status vhd_native_create(const char *path, const struct vhd_create *how) MUST_CHECK;
enum status vhd_native_create_child(const char *path, const struct vhd_create *how) MUST_CHECK;
enum status vhd_native_merge(const char *child_path, const struct vhd_merge *how) MUST_CHECK;
enum status vhd_native_resize(const char *path, const struct vhd_resize *how) MUST_CHECK;
enum status vhd_native_compact(const char *path, const struct vhd_compact *how) MUST_CHECK;
enum status vhd_native_set_identity(const char *path,
                                    const struct vhd_set_identity *how) MUST_CHECK;

#endif
