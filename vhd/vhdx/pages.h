// The cache of 4 KiB pages of metadata: block allocation table, sector bitmaps, metadata items,
// region tables. Changes stay here until log_write.h has made them recoverable; only then do they
// go to their place in the file. Not thread-safe.
#ifndef VREP_VHD_VHDX_PAGES_H
#define VREP_VHD_VHDX_PAGES_H

#include "vhd/vhdx/page_map.h"
#include "vhd/vhdx/view.h"

// Clean pages kept at most (32 MiB), so that a walk over a huge disk does not fill the memory.
#define VHDX_PAGES_CACHED_MAX 8192

struct vhdx_pages {
    const struct vhdx_view *view; // not owned
    struct vhdx_page_map map;
    size_t dirty_count;
};

// The page that contains byte `offset` of the file, read if needed. The pointer is valid until the
// next call.
enum status vhdx_pages_get(struct vhdx_pages *pages, uint64_t offset,
                           struct vhdx_page **out) MUST_CHECK;

// The caller is about to change `page`.
void vhdx_pages_mark_dirty(struct vhdx_pages *pages, struct vhdx_page *page);

// Changes bytes of the file, over as many pages as it takes.
enum status vhdx_pages_put(struct vhdx_pages *pages, uint64_t offset, const void *data,
                           size_t size) MUST_CHECK;

// Reads bytes of the file with the changes that are still here.
enum status vhdx_pages_read(struct vhdx_pages *pages, uint64_t offset, void *buffer,
                            size_t size) MUST_CHECK;

// All dirty pages, allocated; the caller frees the array, not the pages.
enum status vhdx_pages_collect_dirty(const struct vhdx_pages *pages,
                                     struct vhdx_page ***out) MUST_CHECK;

// `page` is in the log and at its place.
void vhdx_pages_mark_clean(struct vhdx_pages *pages, struct vhdx_page *page);

// Drops the clean pages of [offset, offset + length) of the file, which something else will use.
void vhdx_pages_forget(struct vhdx_pages *pages, uint64_t offset, uint64_t length);

void vhdx_pages_free(struct vhdx_pages *pages);

#endif
