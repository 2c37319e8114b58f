// The inside of vhd/: what a format offers to the door (vhd/disk.c, vhd/chain.c, vhd/merge.c). Not
// for other folders.
#ifndef VREP_VHD_FORMAT_H
#define VREP_VHD_FORMAT_H

#include "vhd/vhd.h"

// One open image file, without its parents.
struct vhd_image;

struct vhd_image_ops {
    // Reads what the image itself holds. Of a differencing image the caller asks `map` first and
    // reads DATA extents only; any other image has all of the disk, zeros for what takes no room in
    // the file.
    enum status (*read)(struct vhd_image *image, uint64_t offset, void *buffer, size_t length);
    // Partial writes of blocks that the image does not hold leave the rest to the parent
    // (differencing) or zero.
    enum status (*write)(struct vhd_image *image, uint64_t offset, const void *buffer,
                         size_t length);
    enum status (*zero)(struct vhd_image *image, uint64_t offset, uint64_t length);
    enum status (*flush)(struct vhd_image *image);
    // DATA, ZERO or PARENT at `offset`, at most `limit` bytes; sector granularity. `holes`: holes
    // of the file are looked for in what is allocated, and are ZERO.
    enum status (*map)(struct vhd_image *image, uint64_t offset, uint64_t limit, bool holes,
                       struct vhd_extent *out);
    // Everything of `info` except path, parent_path and depth.
    void (*get_info)(struct vhd_image *image, struct vhd_info *info);
    // The parent's candidate paths in the order to try, absolute, allocated array of allocated
    // strings ended by NULL.
    enum status (*parent_paths)(struct vhd_image *image, char ***out);
    // Does an open parent with this info match the linkage?
    bool (*matches_parent)(struct vhd_image *image, const struct vhd_info *parent);
    // The parent was found at `path`, which is absolute. A writable image whose locator says
    // something else corrects it with its first change. NULL where that is not the custom.
    enum status (*parent_found)(struct vhd_image *image, const char *path);
    // Before a merge changes `parent`: makes sure that `child` knows it before, meanwhile and
    // after, whatever a crash leaves. Stable on return. VHDX: the parent_linkage2 protocol
    // ([MS-VHDX] 2.2.2 note 12); VHD: nothing, for writes do not change what the child knows its
    // parent by.
    enum status (*begin_merge)(struct vhd_image *child, struct vhd_image *parent);
    // When all is copied: `parent` takes what the child says of the virtual disk itself (VHDX:
    // IsVirtualDisk metadata items; VHD: nothing).
    enum status (*finish_merge)(struct vhd_image *child, struct vhd_image *parent);
    // Where the file of `image` holds the virtual range at `offset`: *file_offset, or
    // VHD_NOT_ALLOCATED when a write would have to allocate a block. *length (<= limit) never
    // crosses a block's end. Nothing is written; what the table cannot be read for counts as not
    // allocated.
    void (*locate)(struct vhd_image *image, uint64_t offset, uint64_t limit, uint64_t *file_offset,
                   uint64_t *length);
    // vhd_resize, vhd_compact, vhd_set_identity on an open, writable image without parents.
    // vhd_check_resize and vhd_check_compact were asked before.
    enum status (*resize)(struct vhd_image *image, uint64_t virtual_size);
    enum status (*compact)(struct vhd_image *image, const struct vhd_compact *how);
    enum status (*set_identity)(struct vhd_image *image, const struct vhd_set_identity *how);
    // Clean end of a writable image: flush, log closed. Frees.
    enum status (*close)(struct vhd_image *image);
    // Frees without writing.
    void (*abandon)(struct vhd_image *image);
};

#define VHD_NOT_ALLOCATED UINT64_MAX

struct vhd_image {
    const struct vhd_image_ops *ops;
    const struct file_system *fs;
    struct file *file; // owned
    bool writable;
    bool poisoned; // a write or flush failed: refuse all further ones
};

// Each format: takes over `file` on success. Told by contents in vhd/disk.c.
enum status vhdx_open(const struct file_system *fs, struct file *file, bool writable,
                      struct vhd_image **out) MUST_CHECK;
enum status vhdx_create(const char *path, const struct vhd_create *how) MUST_CHECK;
// `parent`: info of the opened parent; its locator entries are computed from both absolute paths.
enum status vhdx_create_child(const char *path, const struct vhd_info *parent,
                              const struct vhd_create *how) MUST_CHECK;

enum status vhd1_open(const struct file_system *fs, struct file *file, bool writable,
                      struct vhd_image **out) MUST_CHECK;
enum status vhd1_create(const char *path, const struct vhd_create *how) MUST_CHECK;
enum status vhd1_create_child(const char *path, const struct vhd_info *parent,
                              const struct vhd_create *how) MUST_CHECK;

// Blocks of a child for which nothing else is asked.
#define VHD_CHILD_BLOCK_SIZE (2u << 20)

// What a format can be: fail as vhd_create, vhd_resize and vhd_set_identity do, without looking at
// a file. For the backend that leaves the work to others.
enum status vhdx_check_create(const char *path, const struct vhd_create *how) MUST_CHECK;
enum status vhd1_check_create(const char *path, const struct vhd_create *how) MUST_CHECK;
enum status vhdx_check_block_size(const char *path, uint32_t block_size) MUST_CHECK;
enum status vhd1_check_child(const char *path, uint64_t size, uint32_t block_size) MUST_CHECK;
enum status vhdx_check_resize(const char *path, uint32_t sector_size, uint64_t size) MUST_CHECK;
enum status vhd1_check_resize(const char *path, enum vhd_type type, uint64_t size) MUST_CHECK;
enum status vhdx_check_identity(const char *path, const struct vhd_set_identity *how) MUST_CHECK;
enum status vhd1_check_identity(const char *path, const struct vhd_set_identity *how) MUST_CHECK;

// What a child's locator says of its parent, as UTF-8; NULL what is absent.
struct vhd_parent_hints {
    const char *relative; // ".\\parent.vhdx"
    const char *volume;   // "\\\\?\\Volume{...}\\..."
    const char *absolute; // "C:\\..." or "/..."
};

// The paths of this system to try, in this order: relative to the child's folder, volume, absolute,
// and as the last resort the parent's name in the child's folder (images that were copied
// together). For vhd_image_ops.parent_paths. vhd/parent_path.c.
enum status vhd_parent_candidates(const char *child_path, const struct vhd_parent_hints *hints,
                                  char ***out) MUST_CHECK;

struct vhd_findings;

// Where a format's checker tells what it finds. check_report.c.
struct vhd_checker {
    const struct vhd_check *how;
    struct vhd_checked result;
    const char *path;              // of the file, for messages
    struct vhd_findings *findings; // check_report.c's
};

// Reports one finding, formatted like printf; `repaired` as in struct vhd_problem. `name` is a
// literal. All are counted, and the first few of each name told one by one.
void vhd_checker_report(struct vhd_checker *checker, enum vhd_problem_kind kind, const char *name,
                        bool repaired, const char *format, ...) PRINTF_LIKE(5, 6);

// The same for what a repair mends: told by the next vhd_checker_settle, when it is known whether
// it was. Without how->repair told at once.
void vhd_checker_defer(struct vhd_checker *checker, enum vhd_problem_kind kind, const char *name,
                       const char *format, ...) PRINTF_LIKE(4, 5);

// Reports what was deferred, in order. Call it also when the repair failed.
void vhd_checker_settle(struct vhd_checker *checker, bool repaired);

// True when one of the places of a VHDX header holds a valid one, whatever the rest of the file is.
enum status vhdx_has_header(struct file *file, bool *found) MUST_CHECK;

// True when `image` is a VHDX that says in its parent_linkage2 that a merge of it into its parent
// was begun ([MS-VHDX] 2.2.2, note 12). *parent_changed: `parent` has the DataWriteGuid that only
// the merge gives it.
bool vhdx_is_merge_begun(struct vhd_image *image, const struct vhd_info *parent,
                         bool *parent_changed);

// Each format's own checks of `file` (open for writing when how->repair), for vhd/check.c. Problems
// are reported, failures are those of vhd_check.
enum status vhdx_check(const struct file_system *fs, struct file *file,
                       struct vhd_checker *checker) MUST_CHECK;
enum status vhd1_check(const struct file_system *fs, struct file *file,
                       struct vhd_checker *checker) MUST_CHECK;

#endif
