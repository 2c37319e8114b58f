// A session of changes: what must be stable before what, from the first change to the clean end
// ([MS-VHDX] 2.2.2, 2.3).
#include <stdlib.h>

#include "base/checked.h"
#include "vhd/vhdx/image.h"

// The file grows in these steps, as Windows' does (docs/formats.md), and is cut when it is closed.
#define GROWTH_STEP (32 * VHDX_MIB)

#define LOG_LENGTH VHDX_MIB

// Changed pages kept in memory at most (16 MiB).
#define DIRTY_PAGES_MAX 4096

static enum status flush_file(struct vhdx *x)
{
    enum status status = file_flush(x->image.file);
    if (status)
        return status;
    x->stable_size = x->view.file_size;
    x->payload_dirty = false;
    x->home_dirty = false;
    return STATUS_OK;
}

enum status vhdx_grow_file(struct vhdx *x, uint64_t end)
{
    if (end <= x->view.file_size)
        return STATUS_OK;
    struct file *file = x->image.file;
    uint64_t size = end + GROWTH_STEP;
    enum status status = file->ops->set_size(file, size);
    if (status == STATUS_NO_SPACE) {
        size = end;
        status = file->ops->set_size(file, size);
    }
    if (status)
        return status;
    x->view.file_size = x->view.size = size;
    x->payload_dirty = true;
    return STATUS_OK;
}

// A damaged copy of the region table is written anew from the good one, through the log like all
// metadata.
static enum status repair_region_table(struct vhdx *x)
{
    if (x->regions.bad_copy == 0)
        return STATUS_OK;
    uint64_t good = x->regions.bad_copy == VHDX_REGION_TABLE1_OFFSET ? VHDX_REGION_TABLE2_OFFSET
                                                                     : VHDX_REGION_TABLE1_OFFSET;
    enum status status = STATUS_OK;
    for (uint64_t at = 0; at < VHDX_REGION_TABLE_SIZE && !status; at += VHDX_PAGE_SIZE) {
        uint8_t page[VHDX_PAGE_SIZE];
        status = vhdx_view_read(&x->view, good + at, page, sizeof page);
        if (!status)
            status = vhdx_pages_put(&x->pages, x->regions.bad_copy + at, page, sizeof page);
    }
    if (!status)
        x->regions.bad_copy = 0;
    return status;
}

// The parent was found elsewhere than the locator says. Should there be no room for the longer
// paths, it stays as it was: the parent can be found again as it was this time.
static enum status correct_locator(struct vhdx *x)
{
    if (!x->locator_changed)
        return STATUS_OK;
    x->locator_changed = false;
    enum status status = vhdx_write_locator(x);
    bool too_long = status == STATUS_UNSUPPORTED || status == STATUS_INVALID_ARGUMENT;
    return too_long ? STATUS_OK : status;
}

// A file that was closed clean need not have room for a log.
static enum status place_log(struct vhdx *x, struct vhdx_header *header)
{
    if (header->log_length != 0)
        return STATUS_OK;
    bool zeroed;
    enum status status = vhdx_space_allocate(&x->space, LOG_LENGTH, &header->log_offset, &zeroed);
    if (!status)
        status = vhdx_grow_file(x, header->log_offset + LOG_LENGTH);
    header->log_length = LOG_LENGTH;
    return status;
}

static enum status renew_data_write_guid(struct vhdx *x, struct vhdx_header *header)
{
    if (guid_is_zero(&x->data_write_guid))
        return guid_generate(&header->data_write_guid);
    header->data_write_guid = x->data_write_guid;
    x->data_write_guid = (struct guid){0};
    return STATUS_OK;
}

// 1. FileWriteGuid, before anything else changes. 2. An empty log entry. 3. Both headers name the
// log (and carry the new DataWriteGuid); until then what lies in the log means nothing.
static enum status begin_session(struct vhdx *x, bool visible)
{
    struct file *file = x->image.file;
    struct vhdx_header next = x->headers.current;
    next.log_version = 0;
    enum status status = STATUS_OK;
    if (next.log_length != 0)
        status = vhdx_header_check_log(&next, file->path, x->view.file_size, true);
    if (!status)
        status = guid_generate(&next.file_write_guid);
    if (!status)
        status = vhdx_headers_replace(&x->headers, file, &next);
    if (!status)
        status = place_log(x, &next);
    if (!status)
        status = guid_generate(&next.log_guid);
    if (!status)
        status = vhdx_log_writer_start(&x->log, file, next.log_offset, next.log_length,
                                       &next.log_guid, x->stable_size, vhdx_space_end(&x->space));
    if (!status)
        status = flush_file(x);
    if (!status && visible)
        status = renew_data_write_guid(x, &next);
    if (!status)
        status = vhdx_headers_replace_both(&x->headers, file, &next);
    if (status)
        return status;
    x->session = true;
    x->data_changed = visible;
    status = repair_region_table(x);
    return status ? status : correct_locator(x);
}

enum status vhdx_begin_change(struct vhdx *x, bool visible)
{
    if (!x->session)
        return begin_session(x, visible);
    if (!visible || x->data_changed)
        return STATUS_OK;
    struct vhdx_header next = x->headers.current;
    enum status status = renew_data_write_guid(x, &next);
    if (!status)
        status = vhdx_headers_replace_both(&x->headers, x->image.file, &next);
    x->data_changed = !status;
    return status;
}

static bool is_in_bat(const struct vhdx_region *bat, uint64_t offset)
{
    return offset >= bat->offset && offset - bat->offset < bat->length;
}

static int by_offset(const void *a, const void *b)
{
    const struct vhdx_page *x = *(struct vhdx_page *const *)a, *y = *(struct vhdx_page *const *)b;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

static void reverse(struct vhdx_page **pages, size_t count)
{
    for (size_t i = 0; i < count / 2; i++) {
        struct vhdx_page *page = pages[i];
        pages[i] = pages[count - 1 - i];
        pages[count - 1 - i] = page;
    }
}

// The order in which pages are logged, which matters when they need more than one entry and a crash
// lets only the first of them count: sector bitmaps before the table that refers to them, and the
// table from its end, where a chunk's bitmap entry comes after those of its payload blocks.
static void sort_for_log(const struct vhdx *x, struct vhdx_page **pages, size_t count)
{
    qsort(pages, count, sizeof *pages, by_offset);
    size_t first = 0, last;
    while (first < count && !is_in_bat(&x->regions.bat, pages[first]->offset))
        first++;
    for (last = first; last < count && is_in_bat(&x->regions.bat, pages[last]->offset); last++)
        ;
    // The table's pages [first, last) go to the end, turned round; the others stay in order.
    reverse(pages + first, count - first);
    reverse(pages + first, count - last);
}

// One entry: what was written before is stable first (new blocks, and the pages of the entry
// before, which this one replaces as the log's tail), then the entry, then the pages go to their
// places.
static enum status commit_entry(struct vhdx *x, struct vhdx_page **pages, uint32_t count)
{
    enum status status = STATUS_OK;
    if (x->payload_dirty || x->home_dirty)
        status = flush_file(x);
    if (!status)
        status = vhdx_log_writer_append(&x->log, pages, count, x->stable_size,
                                        vhdx_space_end(&x->space));
    if (!status)
        status = flush_file(x);
    for (uint32_t i = 0; i < count && !status; i++) {
        status = file_write(x->image.file, pages[i]->offset, pages[i]->data, VHDX_PAGE_SIZE);
        if (!status)
            vhdx_pages_mark_clean(&x->pages, pages[i]);
        x->home_dirty = true;
    }
    return status;
}

enum status vhdx_commit(struct vhdx *x)
{
    size_t count = x->pages.dirty_count;
    if (count == 0)
        return x->payload_dirty ? flush_file(x) : STATUS_OK;
    struct vhdx_page **pages;
    enum status status = vhdx_pages_collect_dirty(&x->pages, &pages);
    if (status)
        return status;
    sort_for_log(x, pages, count);
    uint32_t capacity = vhdx_log_writer_capacity(&x->log);
    for (size_t done = 0; done < count && !status; done += capacity)
        status = commit_entry(x, pages + done, (uint32_t)min_u64(capacity, count - done));
    free(pages);
    if (!status)
        vhdx_space_settle(&x->space);
    return status;
}

enum status vhdx_commit_if_full(struct vhdx *x)
{
    return x->pages.dirty_count >= DIRTY_PAGES_MAX ? vhdx_commit(x) : STATUS_OK;
}

enum status vhdx_end_session(struct vhdx *x)
{
    if (!x->session)
        return STATUS_OK;
    struct file *file = x->image.file;
    struct vhdx_header next = x->headers.current;
    next.log_guid = (struct guid){0};
    enum status status = vhdx_commit(x);
    if (!status && x->home_dirty)
        status = flush_file(x);
    if (!status)
        status = vhdx_headers_replace_both(&x->headers, file, &next);
    if (status)
        return status;
    x->session = false;
    // Only now, when no log can ask for a larger file any more. A fixed file keeps the room that it
    // came with.
    uint64_t end = vhdx_space_end(&x->space);
    if (x->metadata.leave_blocks_allocated)
        end = max_u64(end, x->opened_size);
    return end < x->view.file_size ? file->ops->set_size(file, end) : STATUS_OK;
}
