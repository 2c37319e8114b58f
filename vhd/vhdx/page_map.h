// 4 KiB pages of a VHDX file held in memory, found by their offset in the file. Used by the cache
// of metadata pages (pages.h) and by the replay of a log in memory (view.h). Not thread-safe.
#ifndef VREP_VHD_VHDX_PAGE_MAP_H
#define VREP_VHD_VHDX_PAGE_MAP_H

#include <stdbool.h>

#include "base/status.h"
#include "vhd/vhdx/layout.h"

struct vhdx_page {
    struct vhdx_page *next; // in the same bucket
    uint64_t offset;        // in the file, a multiple of VHDX_PAGE_SIZE
    bool dirty;             // changed in memory, not yet in the log
    uint8_t data[VHDX_PAGE_SIZE];
};

// Zero-initialize; free with vhdx_page_map_free.
struct vhdx_page_map {
    struct vhdx_page **buckets;
    size_t bucket_count; // a power of two, or 0
    size_t count;
};

// The page at `offset`, owned by the map; NULL when it is not there.
struct vhdx_page *vhdx_page_map_find(const struct vhdx_page_map *map, uint64_t offset);

// Adds a page at `offset`, which must not be there; its data is not initialized.
// STATUS_OUT_OF_MEMORY only.
enum status vhdx_page_map_add(struct vhdx_page_map *map, uint64_t offset,
                              struct vhdx_page **out) MUST_CHECK;

// Removes and frees the pages for which `drop` says true.
void vhdx_page_map_remove_if(struct vhdx_page_map *map,
                             bool (*drop)(const void *context, const struct vhdx_page *page),
                             const void *context);

// Calls `each` for every page, in no particular order.
void vhdx_page_map_each(const struct vhdx_page_map *map,
                        void (*each)(void *context, struct vhdx_page *page), void *context);

void vhdx_page_map_free(struct vhdx_page_map *map);

#endif
