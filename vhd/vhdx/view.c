#include "vhd/vhdx/view.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "vhd/errors.h"

enum status vhdx_view_init(struct vhdx_view *view, struct file *file)
{
    uint64_t size;
    enum status status = file_size(file, &size);
    if (status)
        return status;
    if (size > VHDX_FILE_SIZE_MAX)
        return status_fail(STATUS_UNSUPPORTED, VHD_ERROR_INVALID_FILE_SIZE,
                           "VHDX %s: the file has %" PRIu64 " bytes, more than any VHDX can use.",
                           file->path, size);
    *view = (struct vhdx_view){.file = file, .file_size = size, .size = size};
    return STATUS_OK;
}

void vhdx_view_free(struct vhdx_view *view)
{
    vhdx_page_map_free(&view->overlay);
    free(view->zeros);
    *view = (struct vhdx_view){0};
}

bool vhdx_view_is_plain(const struct vhdx_view *view)
{
    return view->overlay.count == 0 && view->zero_count == 0;
}

// The part of [offset, offset + size) that [start, start + length) covers, as positions in a
// buffer.
static bool overlap(uint64_t offset, size_t size, uint64_t start, uint64_t length, size_t *from,
                    size_t *to)
{
    uint64_t first = max_u64(offset, start);
    uint64_t last = min_u64(offset + size, start + length);
    if (first >= last)
        return false;
    *from = (size_t)(first - offset);
    *to = (size_t)(last - offset);
    return true;
}

struct patch {
    uint64_t offset;
    size_t size;
    uint8_t *buffer;
};

static void patch_page(void *context, struct vhdx_page *page)
{
    const struct patch *p = context;
    size_t from, to;
    if (overlap(p->offset, p->size, page->offset, VHDX_PAGE_SIZE, &from, &to))
        memcpy(p->buffer + from, page->data + (p->offset + from - page->offset), to - from);
}

static void apply_overlay(const struct vhdx_view *view, const struct patch *p)
{
    for (size_t i = 0; i < view->zero_count; i++) {
        size_t from, to;
        if (overlap(p->offset, p->size, view->zeros[i].offset, view->zeros[i].length, &from, &to))
            memset(p->buffer + from, 0, to - from);
    }
    if (p->size / VHDX_PAGE_SIZE > view->overlay.count) {
        vhdx_page_map_each(&view->overlay, patch_page, (void *)p);
        return;
    }
    uint64_t end = p->offset + p->size;
    for (uint64_t at = align_down(p->offset, VHDX_PAGE_SIZE); at < end; at += VHDX_PAGE_SIZE) {
        struct vhdx_page *page = vhdx_page_map_find(&view->overlay, at);
        if (page)
            patch_page((void *)p, page);
    }
}

enum status vhdx_view_read(const struct vhdx_view *view, uint64_t offset, void *buffer, size_t size)
{
    if (!range_fits(offset, size, view->size))
        return status_fail(STATUS_DAMAGED, VHD_ERROR_INVALID_FILE_SIZE,
                           "VHDX %s: the file ends at %" PRIu64 ", but %zu bytes at %" PRIu64
                           " are needed.",
                           view->file->path, view->size, size, offset);
    size_t from_file = 0;
    if (offset < view->file_size)
        from_file = (size_t)min_u64(size, view->file_size - offset);
    if (from_file > 0) {
        enum status status = file_read(view->file, offset, buffer, from_file);
        if (status)
            return status;
    }
    memset((uint8_t *)buffer + from_file, 0, size - from_file);
    if (!vhdx_view_is_plain(view)) {
        struct patch p = {.offset = offset, .size = size, .buffer = buffer};
        apply_overlay(view, &p);
    }
    return STATUS_OK;
}

static enum status log_too_large(const struct vhdx_view *view)
{
    (void)status_fail(STATUS_UNSUPPORTED, VHD_ERROR_SPARSE_HEADER_CORRUPT,
                      "VHDX %s: log: it changes more places than can be kept in memory.",
                      view->file->path);
    return status_advise(0, "Open the disk for writing once: its log is then replayed into it.");
}

enum status vhdx_view_put_page(struct vhdx_view *view, uint64_t offset,
                               const uint8_t data[VHDX_PAGE_SIZE])
{
    struct vhdx_page *page = vhdx_page_map_find(&view->overlay, offset);
    if (!page && view->overlay.count >= VHDX_VIEW_PAGES_MAX)
        return log_too_large(view);
    if (!page) {
        enum status status = vhdx_page_map_add(&view->overlay, offset, &page);
        if (status)
            return status;
    }
    memcpy(page->data, data, VHDX_PAGE_SIZE);
    view->size = max_u64(view->size, offset + VHDX_PAGE_SIZE);
    return STATUS_OK;
}

static bool lies_within(const void *context, const struct vhdx_page *page)
{
    const struct vhdx_zero_range *range = context;
    return page->offset >= range->offset &&
           range_fits(page->offset - range->offset, VHDX_PAGE_SIZE, range->length);
}

// Joins the range to the last one where they touch, as those of one writer mostly do.
static bool extend_last(struct vhdx_view *view, const struct vhdx_zero_range *range)
{
    struct vhdx_zero_range *last = view->zero_count ? &view->zeros[view->zero_count - 1] : NULL;
    if (!last || range->offset < last->offset || range->offset > last->offset + last->length)
        return false;
    uint64_t end = max_u64(last->offset + last->length, range->offset + range->length);
    last->length = end - last->offset;
    return true;
}

static enum status add_zeros(struct vhdx_view *view, const struct vhdx_zero_range *range)
{
    if (extend_last(view, range))
        return STATUS_OK;
    if (view->zero_count == view->zero_capacity) {
        size_t capacity = view->zero_capacity ? view->zero_capacity * 2 : 16;
        struct vhdx_zero_range *larger = realloc(view->zeros, capacity * sizeof *larger);
        if (!larger)
            return status_no_memory("the replayed log of a VHDX file");
        view->zeros = larger;
        view->zero_capacity = capacity;
    }
    view->zeros[view->zero_count++] = *range;
    return STATUS_OK;
}

enum status vhdx_view_put_zeros(struct vhdx_view *view, uint64_t offset, uint64_t length)
{
    struct vhdx_zero_range range = {.offset = offset, .length = length};
    view->pages_searched += view->overlay.count;
    if (view->zero_count >= VHDX_VIEW_ZEROS_MAX ||
        view->pages_searched > VHDX_VIEW_PAGES_SEARCHED_MAX)
        return log_too_large(view);
    vhdx_page_map_remove_if(&view->overlay, lies_within, &range);
    enum status status = add_zeros(view, &range);
    if (!status)
        view->size = max_u64(view->size, offset + length);
    return status;
}
