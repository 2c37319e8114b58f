// The inside of the door: an open disk, and what it is natively, its leaf's image and a list of
// parents. Not for other folders.
#ifndef VREP_VHD_CHAIN_H
#define VREP_VHD_CHAIN_H

#include "vhd/backend.h"
#include "vhd/format.h"

struct vhd {
    const struct vhd_ops *ops; // of its backend
    char *path;                // owned, absolute
    char *parent_path;         // owned; of a differencing disk
    enum vhd_type type;
    uint64_t virtual_size;
    uint32_t sector_size; // logical
    unsigned depth;
    bool writable;
    bool change_tracked;
    bool poisoned; // a write or flush failed: refuse all further ones
    // Natively; NULL in a disk of another backend.
    struct vhd_image *image; // owned
    struct vhd *parent;      // owned; NULL: none, or not opened
    const struct file_system *fs;
};

// `path` as the door keeps it, allocated: absolute for the operating system's files, unchanged for
// any other file system.
enum status vhd_door_path(const struct file_system *fs, const char *path, char **out) MUST_CHECK;

// Fails for a VHD Set (a name that ends in .vhds), with the name of a disk to be opened instead:
// STATUS_UNSUPPORTED. companion.c.
enum status vhd_refuse_set(const char *path) MUST_CHECK;

// Tells the format by the contents, after vhd_refuse_set. STATUS_NOT_A_DISK: neither VHD nor VHDX.
// disk.c.
enum status vhd_detect(struct file *file, enum vhd_format *format) MUST_CHECK;

// Opens one file as a disk without parents. `writable`: the disk, which needs how->writable.
// disk.c.
enum status vhd_open_leaf(const struct file_system *fs, const char *path,
                          const struct file_open *how, bool writable, struct vhd **out) MUST_CHECK;

// Opens the parents of `leaf`, as `how` says for its leaf. chain.c.
enum status vhd_open_parents(struct vhd *leaf, const struct vhd_open *how) MUST_CHECK;

// Where the parent of `disk` is or, when it is nowhere, would be first: `disk->parent_path`. For
// disks opened alone.
enum status vhd_guess_parent_path(struct vhd *disk) MUST_CHECK;

// One extent as the format's map gives it, seen through the chain or in the leaf alone.
enum status vhd_chain_extent(struct vhd *disk, enum vhd_map_scope scope, uint64_t offset,
                             uint64_t limit, struct vhd_extent *out) MUST_CHECK;

enum status vhd_chain_read(struct vhd *disk, uint64_t offset, void *buffer,
                           size_t length) MUST_CHECK;

// Calls `each` with the path of every child of `path` that lies beside it, of the operating
// system's files, until it returns false. Fails as vhd_find_child. children.c.
enum status vhd_each_child(const char *path, bool (*each)(void *context, const char *child_path),
                           void *context) MUST_CHECK;

// False for a locator's path on another computer, unless the child itself was opened there: a file
// that came from somewhere may not make this computer authenticate to a server that its user has
// not named.
bool vhd_path_may_be_followed(const char *child_path, const char *parent_path);

#endif
