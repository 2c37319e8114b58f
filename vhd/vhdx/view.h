// The bytes of a VHDX file as a reader must see them: the file itself and, when its log was live
// and it is open read-only, the replayed log on top of it ([MS-VHDX] 2.3.3, note 5). Not
// thread-safe.
#ifndef VREP_VHD_VHDX_VIEW_H
#define VREP_VHD_VHDX_VIEW_H

#include "vhd/file/file.h"
#include "vhd/vhdx/page_map.h"

// What a log may ask for when it is replayed in memory: so many different pages, so many ranges of
// zeros, each of which every read looks at, and so many looks at replayed pages while they are laid
// over them. Writers log few ranges; a crafted log of many MiB could have millions.
#define VHDX_VIEW_PAGES_MAX          12288 // 48 MiB
#define VHDX_VIEW_ZEROS_MAX          16384
#define VHDX_VIEW_PAGES_SEARCHED_MAX (1ull << 28)

struct vhdx_zero_range {
    uint64_t offset;
    uint64_t length;
};

struct vhdx_view {
    struct file *file;  // not owned
    uint64_t file_size; // of the file itself
    uint64_t size; // what may be read: file_size, or more after a replay in memory extended it with
                   // zeros
    struct vhdx_page_map overlay;
    struct vhdx_zero_range *zeros; // replayed zero descriptors; overlay pages lie above them
    size_t zero_count;
    size_t zero_capacity;
    uint64_t pages_searched;
};

// Starts a view of `file` without overlay. Errors of the file's size operation; a size above
// VHDX_FILE_SIZE_MAX is STATUS_UNSUPPORTED.
enum status vhdx_view_init(struct vhdx_view *view, struct file *file) MUST_CHECK;

void vhdx_view_free(struct vhdx_view *view);

// Exactly `size` bytes at `offset`; past the end of the view: STATUS_DAMAGED.
enum status vhdx_view_read(const struct vhdx_view *view, uint64_t offset, void *buffer,
                           size_t size) MUST_CHECK;

// True when nothing was replayed in memory: the file alone is what readers see.
bool vhdx_view_is_plain(const struct vhdx_view *view);

// Lays one page, or zeros, over the file. Both extend the view when they end past it. What goes
// beyond the limits above is STATUS_UNSUPPORTED.
enum status vhdx_view_put_page(struct vhdx_view *view, uint64_t offset,
                               const uint8_t data[VHDX_PAGE_SIZE]) MUST_CHECK;
enum status vhdx_view_put_zeros(struct vhdx_view *view, uint64_t offset,
                                uint64_t length) MUST_CHECK;

#endif
