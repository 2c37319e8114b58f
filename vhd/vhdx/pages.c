#include "vhd/vhdx/pages.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

static bool is_clean(const void *context, const struct vhdx_page *page)
{
    (void)context;
    return !page->dirty;
}

enum status vhdx_pages_get(struct vhdx_pages *pages, uint64_t offset, struct vhdx_page **out)
{
    offset = align_down(offset, VHDX_PAGE_SIZE);
    *out = vhdx_page_map_find(&pages->map, offset);
    if (*out)
        return STATUS_OK;
    if (pages->map.count - pages->dirty_count >= VHDX_PAGES_CACHED_MAX)
        vhdx_page_map_remove_if(&pages->map, is_clean, NULL);
    uint8_t data[VHDX_PAGE_SIZE];
    enum status status = vhdx_view_read(pages->view, offset, data, sizeof data);
    if (!status)
        status = vhdx_page_map_add(&pages->map, offset, out);
    if (!status)
        memcpy((*out)->data, data, sizeof data);
    return status;
}

void vhdx_pages_mark_dirty(struct vhdx_pages *pages, struct vhdx_page *page)
{
    if (!page->dirty)
        pages->dirty_count++;
    page->dirty = true;
}

void vhdx_pages_mark_clean(struct vhdx_pages *pages, struct vhdx_page *page)
{
    if (page->dirty)
        pages->dirty_count--;
    page->dirty = false;
}

// The bytes of [offset, offset + size) that lie in the first page of it.
static size_t part_in_page(uint64_t offset, size_t size)
{
    return (size_t)min_u64(size, VHDX_PAGE_SIZE - offset % VHDX_PAGE_SIZE);
}

enum status vhdx_pages_put(struct vhdx_pages *pages, uint64_t offset, const void *data, size_t size)
{
    const uint8_t *from = data;
    while (size > 0) {
        size_t part = part_in_page(offset, size);
        struct vhdx_page *page;
        enum status status = vhdx_pages_get(pages, offset, &page);
        if (status)
            return status;
        vhdx_pages_mark_dirty(pages, page);
        memcpy(page->data + offset % VHDX_PAGE_SIZE, from, part);
        offset += part;
        from += part;
        size -= part;
    }
    return STATUS_OK;
}

enum status vhdx_pages_read(struct vhdx_pages *pages, uint64_t offset, void *buffer, size_t size)
{
    uint8_t *to = buffer;
    while (size > 0) {
        size_t part = part_in_page(offset, size);
        struct vhdx_page *page;
        enum status status = vhdx_pages_get(pages, offset, &page);
        if (status)
            return status;
        memcpy(to, page->data + offset % VHDX_PAGE_SIZE, part);
        offset += part;
        to += part;
        size -= part;
    }
    return STATUS_OK;
}

struct collection {
    struct vhdx_page **pages;
    size_t count;
};

static void collect_dirty(void *context, struct vhdx_page *page)
{
    struct collection *c = context;
    if (page->dirty)
        c->pages[c->count++] = page;
}

enum status vhdx_pages_collect_dirty(const struct vhdx_pages *pages, struct vhdx_page ***out)
{
    struct collection c = {0};
    c.pages = calloc(pages->dirty_count ? pages->dirty_count : 1, sizeof *c.pages);
    if (!c.pages)
        return status_no_memory("the changed pages of a VHDX file");
    vhdx_page_map_each(&pages->map, collect_dirty, &c);
    *out = c.pages;
    return STATUS_OK;
}

struct file_range {
    uint64_t offset;
    uint64_t length;
};

static bool is_clean_and_in_range(const void *context, const struct vhdx_page *page)
{
    const struct file_range *range = context;
    return !page->dirty && page->offset >= range->offset &&
           page->offset - range->offset < range->length;
}

void vhdx_pages_forget(struct vhdx_pages *pages, uint64_t offset, uint64_t length)
{
    struct file_range range = {offset, length};
    vhdx_page_map_remove_if(&pages->map, is_clean_and_in_range, &range);
}

void vhdx_pages_free(struct vhdx_pages *pages)
{
    vhdx_page_map_free(&pages->map);
    pages->dirty_count = 0;
}
