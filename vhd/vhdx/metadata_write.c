#include "vhd/vhdx/metadata_write.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "vhd/errors.h"

#define COPY_SIZE 4096

// A part of the region that is in use.
struct place {
    uint32_t offset;
    uint32_t length;
};

struct edit {
    struct vhdx *x;
    uint8_t *table;       // raw, with the changes
    struct place *places; // of all items, old and new, ascending
    size_t place_count;
    // All of it fits into one entry of the log, so items may be overwritten in their places. Else
    // the new contents go where nothing is and are stable before the table names them.
    bool together;
};

static void add_place(struct edit *e, uint32_t offset, uint32_t length)
{
    size_t at = e->place_count;
    while (at > 0 && e->places[at - 1].offset > offset)
        at--;
    memmove(&e->places[at + 1], &e->places[at], (e->place_count - at) * sizeof *e->places);
    e->places[at] = (struct place){offset, length};
    e->place_count++;
}

// The first gap between the items that is long enough.
static enum status find_gap(struct edit *e, uint32_t length, uint32_t *offset)
{
    uint64_t at = VHDX_METADATA_TABLE_SIZE;
    for (size_t i = 0; i < e->place_count && at + length > e->places[i].offset; i++)
        at = max_u64(at, align_up((uint64_t)e->places[i].offset + e->places[i].length,
                                  VHDX_METADATA_ITEM_ALIGNMENT));
    if (length > VHDX_METADATA_ITEM_SIZE_MAX ||
        !range_fits(at, length, e->x->regions.metadata.length))
        return status_fail(STATUS_UNSUPPORTED, VHD_ERROR_METADATA_FULL,
                           "VHDX %s: metadata: there is no room for an item of %u bytes.",
                           e->x->image.file->path, length);
    *offset = (uint32_t)at;
    return STATUS_OK;
}

static enum status put_contents(struct edit *e, const struct vhdx_item_change *change,
                                uint32_t offset)
{
    struct vhdx *x = e->x;
    uint64_t to = x->regions.metadata.offset + offset;
    if (change->data)
        return vhdx_pages_put(&x->pages, to, change->data, change->length);
    enum status status = STATUS_OK;
    for (uint32_t done = 0; done < change->length && !status; done += COPY_SIZE) {
        uint8_t part[COPY_SIZE];
        size_t size = (size_t)min_u64(sizeof part, change->length - done);
        status = vhdx_view_read(change->from, change->from_offset + done, part, size);
        if (!status)
            status = vhdx_pages_put(&x->pages, to + done, part, size);
        if (!status && !e->together)
            status = vhdx_commit_if_full(x);
    }
    return status;
}

static bool find_entry(const struct edit *e, const struct vhdx_item_change *change, uint32_t *index,
                       struct vhdx_metadata_item *item)
{
    uint32_t count;
    if (!vhdx_metadata_table_count(e->table, &count))
        return false;
    for (*index = 0; *index < count; (*index)++) {
        vhdx_metadata_table_entry(e->table, *index, item);
        if (item->user == change->user && guid_equal(&item->guid, &change->guid))
            return true;
    }
    return false;
}

static enum status change_item(struct edit *e, const struct vhdx_item_change *change)
{
    struct vhdx_metadata_item item;
    uint32_t index;
    bool found = find_entry(e, change, &index, &item);
    if (change->remove) {
        if (found)
            vhdx_metadata_table_remove(e->table, index);
        return STATUS_OK;
    }
    bool in_place = found && e->together && change->length <= item.length;
    uint32_t offset = in_place ? item.offset : 0;
    enum status status = STATUS_OK;
    if (!in_place && change->length > 0) {
        status = find_gap(e, change->length, &offset);
        if (!status)
            add_place(e, offset, change->length);
    }
    if (!status)
        status = put_contents(e, change, offset);
    if (status)
        return status;
    item = (struct vhdx_metadata_item){.guid = change->guid,
                                       .offset = change->length ? offset : 0,
                                       .length = change->length,
                                       .flags = change->flags};
    if (found)
        vhdx_metadata_entry_move(e->table + vhdx_metadata_entry_offset(index), item.offset,
                                 item.length);
    else if (!vhdx_metadata_table_append(e->table, &item))
        return status_fail(STATUS_UNSUPPORTED, VHD_ERROR_METADATA_FULL,
                           "VHDX %s: metadata: the table has no room for one more item.",
                           e->x->image.file->path);
    return STATUS_OK;
}

// Only pages that are not as they were.
static enum status put_table(struct edit *e)
{
    struct vhdx *x = e->x;
    uint64_t to = x->regions.metadata.offset;
    enum status status = STATUS_OK;
    for (size_t at = 0; at < VHDX_METADATA_TABLE_SIZE && !status; at += VHDX_PAGE_SIZE) {
        uint8_t page[VHDX_PAGE_SIZE];
        status = vhdx_pages_read(&x->pages, to + at, page, sizeof page);
        if (!status && memcmp(page, e->table + at, sizeof page) != 0)
            status = vhdx_pages_put(&x->pages, to + at, e->table + at, sizeof page);
    }
    return status;
}

static bool fits_one_entry(const struct vhdx *x, const struct vhdx_item_change *changes,
                           size_t count)
{
    uint64_t pages = VHDX_METADATA_TABLE_SIZE / VHDX_PAGE_SIZE;
    for (size_t i = 0; i < count; i++)
        if (!changes[i].remove)
            pages += changes[i].length / VHDX_PAGE_SIZE + 2; // it may begin and end inside pages
    return pages <= vhdx_log_writer_capacity(&x->log);
}

static enum status change_all(struct edit *e, const struct vhdx_item_change *changes, size_t count)
{
    struct vhdx *x = e->x;
    const struct vhdx_metadata *m = &x->metadata;
    enum status status =
        vhdx_pages_read(&x->pages, x->regions.metadata.offset, e->table, VHDX_METADATA_TABLE_SIZE);
    for (size_t i = 0; i < m->item_count && !status; i++)
        if (m->items[i].length > 0)
            add_place(e, m->items[i].offset, m->items[i].length);
    for (size_t i = 0; i < count && !status; i++)
        status = change_item(e, &changes[i]);
    if (!status && !e->together)
        status = vhdx_commit(x);
    if (!status)
        status = put_table(e);
    return status ? status : vhdx_commit(x);
}

static enum status reload(struct vhdx *x)
{
    struct vhdx_metadata fresh;
    enum status status = vhdx_metadata_read(&x->view, &x->regions.metadata, &fresh);
    if (status)
        return status;
    vhdx_metadata_free(&x->metadata);
    x->metadata = fresh;
    return STATUS_OK;
}

enum status vhdx_metadata_change(struct vhdx *x, const struct vhdx_item_change *changes,
                                 size_t count)
{
    struct edit e = {.x = x, .together = fits_one_entry(x, changes, count)};
    // What was changed before is committed on its own, so that an entry has room for all of this.
    enum status status = vhdx_commit(x);
    if (status)
        return status;
    e.table = malloc(VHDX_METADATA_TABLE_SIZE);
    e.places = calloc(x->metadata.item_count + count + 1, sizeof *e.places);
    status = e.table && e.places ? change_all(&e, changes, count)
                                 : status_no_memory("the metadata of a VHDX file");
    free(e.places);
    free(e.table);
    return status ? status : reload(x);
}
