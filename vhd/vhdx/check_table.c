// The block allocation table, and with it everything that has a place in the file ([MS-VHDX] 2.4,
// 2.5). Overlaps are found with one bit for each MiB of the file.
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/checked.h"
#include "base/endian.h"
#include "vhd/vhdx/check.h"

#define ENTRY_SIZE 8
#define READ_SIZE  (64 * 1024)

// Bytes after the last entry that are looked at for junk.
#define TAIL_SIZE_MAX (1u << 20)

// States of the table that vhdx_block_state does not name.
#define STATE_RESERVED4    4
#define STATE_UNMAPPED_095 5

enum pass {
    PASS_FIND,    // reports, and marks what is in use
    PASS_ANCHORS, // the same for soft anchors, when all else is marked
    PASS_MARK,    // marks anew, without the anchors
    PASS_MEND,    // puts entries right
};

struct walk {
    struct vhdx_check *c;
    enum pass pass;
    uint64_t anchors;
    bool chunk_has_partial; // the chunk in work has a partially present block
};

struct entry {
    uint64_t index;
    uint64_t raw;
    unsigned state;
    uint64_t offset;
    bool is_bitmap;
};

static struct entry entry_of(uint64_t index, uint64_t raw, bool is_bitmap)
{
    return (struct entry){.index = index,
                          .raw = raw,
                          .state = raw & VHDX_BAT_STATE_MASK,
                          .offset = raw & VHDX_BAT_OFFSET_MASK,
                          .is_bitmap = is_bitmap};
}

static bool is_present(const struct entry *e)
{
    return e->state == VHDX_BLOCK_FULLY_PRESENT || e->state == VHDX_BLOCK_PARTIALLY_PRESENT;
}

// True when an entry keeps room of the file that somebody reads.
static bool has_place(const struct vhdx_check *c, const struct entry *e)
{
    return is_present(e) && (!e->is_bitmap || c->x.metadata.has_parent);
}

static bool is_anchor(const struct entry *e)
{
    return !e->is_bitmap && e->offset != 0 &&
           (e->state == VHDX_BLOCK_UNDEFINED || e->state == VHDX_BLOCK_UNMAPPED);
}

// What a repair makes of an entry; the same where there is nothing to mend or it would be a guess.
static uint64_t mended(const struct vhdx_check *c, const struct entry *e)
{
    uint64_t state = e->state, offset = e->offset;
    if (e->is_bitmap)
        return has_place(c, e) ? offset | VHDX_BLOCK_FULLY_PRESENT : VHDX_BLOCK_NOT_PRESENT;
    if (state == VHDX_BLOCK_PARTIALLY_PRESENT && !c->x.metadata.has_parent)
        state = VHDX_BLOCK_FULLY_PRESENT;
    if (state == STATE_UNMAPPED_095 && offset == 0)
        state = VHDX_BLOCK_UNMAPPED;
    if (state == VHDX_BLOCK_NOT_PRESENT || state == VHDX_BLOCK_ZERO ||
        (is_anchor(e) && c->anchors_useless))
        offset = 0;
    return offset | state;
}

#define ENTRY_FORMAT                   "block allocation table: entry %" PRIu64 " (0x%016" PRIx64 ") "
#define ENTRY_DAMAGE(c, name, e, text) VHDX_DAMAGE(c, name, ENTRY_FORMAT text, (e)->index, (e)->raw)
#define ENTRY_MENDABLE(c, name, e, text) \
    ((c)->table = true, VHDX_MENDABLE(c, name, ENTRY_FORMAT text, (e)->index, (e)->raw))

static bool lies_on(const struct entry *e, uint64_t length, uint64_t offset, uint64_t size)
{
    return e->offset < offset + size && offset < e->offset + length;
}

static bool lies_on_structure(const struct vhdx_check *c, const struct entry *e, uint64_t length)
{
    const struct vhdx_header *header = &c->x.headers.current;
    if (!c->log_useless && lies_on(e, length, header->log_offset, header->log_length))
        return true;
    for (size_t i = 0; i < c->x.regions.count; i++)
        if (lies_on(e, length, c->x.regions.entries[i].offset, c->x.regions.entries[i].length))
            return true;
    return false;
}

static uint64_t length_of(const struct vhdx_check *c, const struct entry *e)
{
    return e->is_bitmap ? VHDX_BITMAP_BLOCK_SIZE : c->x.metadata.block_size;
}

// Marks the place of a present block.
static enum status claim(struct walk *w, const struct entry *e)
{
    struct vhdx_check *c = w->c;
    uint64_t length = length_of(c, e);
    bool taken = false;
    if (e->offset == 0) {
        ENTRY_DAMAGE(c, "bat-on-headers", e, "places a block on the headers.");
        return STATUS_OK;
    }
    if (!range_fits(e->offset, length, c->x.view.size)) {
        ENTRY_DAMAGE(c, "bat-past-end", e, "places a block past the end of the file.");
        return STATUS_OK;
    }
    enum status status = vhdx_space_mark(&c->x.space, e->offset, length, &taken);
    if (status || !taken || w->pass != PASS_FIND)
        return status;
    if (lies_on_structure(c, e, length))
        ENTRY_DAMAGE(c, "bat-on-structure", e, "places a block on the log or on a region.");
    else
        ENTRY_DAMAGE(c, "bat-overlap", e, "places a block where another one already is.");
    return STATUS_OK;
}

static void find_in_bitmap_entry(struct walk *w, const struct entry *e)
{
    struct vhdx_check *c = w->c;
    if (w->chunk_has_partial && !is_present(e)) {
        ENTRY_DAMAGE(c, "bat-bitmap-missing", e,
                     "has no sector bitmap, though blocks of its chunk are partially present.");
        return;
    }
    if (e->raw == mended(c, e))
        return;
    if (!c->x.metadata.has_parent)
        ENTRY_MENDABLE(c, "bat-bitmap-without-parent", e,
                       "has a sector bitmap, though the disk has no parent.");
    else if (e->raw & VHDX_BAT_RESERVED_MASK)
        ENTRY_MENDABLE(c, "bat-reserved", e, "has reserved bits that are not zero.");
    else if (e->state != VHDX_BLOCK_NOT_PRESENT)
        ENTRY_MENDABLE(c, "bat-bitmap-state", e, "has a state that no sector bitmap can have.");
    else
        ENTRY_MENDABLE(c, "bat-offset-unused", e, "has a place for a block that is not there.");
}

static void find_in_payload_entry(struct walk *w, const struct entry *e)
{
    struct vhdx_check *c = w->c;
    if (e->state == STATE_RESERVED4 || (e->state == STATE_UNMAPPED_095 && e->offset != 0)) {
        ENTRY_DAMAGE(c, "bat-state-reserved", e,
                     "has a reserved state; what the block holds is not known.");
        return;
    }
    w->anchors += is_anchor(e);
    if (e->raw == mended(c, e))
        return;
    if (e->raw & VHDX_BAT_RESERVED_MASK)
        ENTRY_MENDABLE(c, "bat-reserved", e, "has reserved bits that are not zero.");
    else if (e->state == STATE_UNMAPPED_095)
        ENTRY_MENDABLE(c, "bat-state-095", e,
                       "has the state that meant UNMAPPED before version 1.0 of the format.");
    else if (e->state == VHDX_BLOCK_PARTIALLY_PRESENT)
        ENTRY_MENDABLE(c, "bat-partial-without-parent", e,
                       "is partially present, though the disk has no parent.");
    else
        ENTRY_MENDABLE(c, "bat-offset-unused", e,
                       "has a place for a block that is not there; Hyper-V refuses that.");
}

static enum status find(struct walk *w, const struct entry *e)
{
    if (e->is_bitmap) {
        find_in_bitmap_entry(w, e);
        w->chunk_has_partial = false;
    } else {
        find_in_payload_entry(w, e);
        w->chunk_has_partial |=
            e->state == VHDX_BLOCK_PARTIALLY_PRESENT && w->c->x.metadata.has_parent;
    }
    return has_place(w->c, e) ? claim(w, e) : STATUS_OK;
}

// Nobody reads what an anchor points to, so one in a wrong place is no damage; but all of them are
// worthless then.
static enum status find_anchor(struct walk *w, const struct entry *e)
{
    struct vhdx_check *c = w->c;
    bool taken = true;
    enum status status = STATUS_OK;
    if (!is_anchor(e))
        return STATUS_OK;
    if (range_fits(e->offset, length_of(c, e), c->x.view.size))
        status = vhdx_space_mark(&c->x.space, e->offset, length_of(c, e), &taken);
    if (!status && taken) {
        c->anchors_useless = true;
        ENTRY_MENDABLE(c, "bat-anchor", e,
                       "remembers old data at a place where something else is, or past the end of "
                       "the file.");
    }
    return status;
}

static enum status mend(struct walk *w, const struct entry *e)
{
    struct vhdx_check *c = w->c;
    uint64_t right = mended(c, e);
    if (right == e->raw)
        return STATUS_OK;
    uint8_t bytes[ENTRY_SIZE];
    store_le64(bytes, right);
    enum status status =
        vhdx_pages_put(&c->x.pages, c->x.bat.offset + e->index * ENTRY_SIZE, bytes, sizeof bytes);
    return status ? status : vhdx_commit_if_full(&c->x);
}

static enum status visit(struct walk *w, const struct entry *e)
{
    switch (w->pass) {
    case PASS_FIND:
        return find(w, e);
    case PASS_ANCHORS:
        return find_anchor(w, e);
    case PASS_MARK:
        return has_place(w->c, e) ? claim(w, e) : STATUS_OK;
    case PASS_MEND:
        return mend(w, e);
    }
    return STATUS_OK;
}

static enum status visit_all(struct walk *w, const uint8_t *raw, uint64_t first, size_t count)
{
    uint64_t period = (1ull << w->c->x.bat.geometry.chunk_ratio_shift) + 1;
    uint64_t position = first % period; // in the chunk; the last one is its bitmap
    enum status status = STATUS_OK;
    for (size_t i = 0; i < count && !status; i++) {
        struct entry e =
            entry_of(first + i, load_le64(raw + i * ENTRY_SIZE), position == period - 1);
        if (e.raw != 0 || w->chunk_has_partial)
            status = visit(w, &e);
        position = e.is_bitmap ? 0 : position + 1;
    }
    return status;
}

static enum status report_progress(const struct walk *w, uint64_t done)
{
    const struct vhd_check *how = w->c->checker->how;
    if (w->pass != PASS_FIND || !how->progress ||
        how->progress(how->context, done, w->c->x.bat.geometry.entry_count))
        return STATUS_OK;
    return status_fail(STATUS_CANCELLED, 0, "The check of %s was stopped.", w->c->checker->path);
}

// Goes over the table in pieces. The view shows what the file holds; what a repair has changed is
// behind.
static enum status walk_table(struct vhdx_check *c, enum pass pass, uint64_t *anchors)
{
    struct walk w = {.c = c, .pass = pass};
    uint64_t total = c->x.bat.geometry.entry_count;
    uint8_t *raw = malloc(READ_SIZE);
    if (!raw)
        return status_no_memory("the block allocation table of a VHDX file");
    enum status status = report_progress(&w, 0);
    for (uint64_t index = 0, count; index < total && !status; index += count) {
        count = min_u64(READ_SIZE / ENTRY_SIZE, total - index);
        status = vhdx_view_read(&c->x.view, c->x.bat.offset + index * ENTRY_SIZE, raw,
                                (size_t)count * ENTRY_SIZE);
        if (!status && (w.chunk_has_partial || !bytes_are_zero(raw, (size_t)count * ENTRY_SIZE)))
            status = visit_all(&w, raw, index, (size_t)count);
        if (!status)
            status = report_progress(&w, index + count);
    }
    free(raw);
    *anchors = w.anchors;
    return status;
}

static enum status claim_structure(struct vhdx_check *c, const char *what, uint64_t offset,
                                   uint64_t length)
{
    bool taken;
    enum status status = vhdx_space_mark(&c->x.space, offset, length, &taken);
    if (!status && taken)
        VHDX_DAMAGE(c, "log-overlap",
                    "the %s at %" PRIu64 ", length %" PRIu64 ", lies on something else.", what,
                    offset, length);
    return status;
}

// Headers, log and regions, before any block.
static enum status claim_structures(struct vhdx_check *c)
{
    const struct vhdx_header *header = &c->x.headers.current;
    vhdx_space_free(&c->x.space);
    enum status status = vhdx_space_init(&c->x.space, c->x.view.file_size);
    for (size_t i = 0; i < c->x.regions.count && !status; i++)
        status = claim_structure(c, "region", c->x.regions.entries[i].offset,
                                 c->x.regions.entries[i].length);
    if (!status && header->log_length != 0 && !c->log_useless)
        status = claim_structure(c, "log", header->log_offset, header->log_length);
    return status;
}

// Junk after the last entry, which nobody reads. `clear` takes it away.
static enum status walk_tail(struct vhdx_check *c, bool clear)
{
    uint64_t at = c->x.bat.geometry.entry_count * ENTRY_SIZE;
    uint64_t end = min_u64(c->x.regions.bat.length, at + TAIL_SIZE_MAX);
    uint8_t *raw = malloc(VHDX_PAGE_SIZE);
    if (!raw)
        return status_no_memory("the block allocation table of a VHDX file");
    enum status status = STATUS_OK;
    for (size_t size; at < end && !status; at += size) {
        size = (size_t)min_u64(end - at, VHDX_PAGE_SIZE - at % VHDX_PAGE_SIZE);
        status = vhdx_view_read(&c->x.view, c->x.bat.offset + at, raw, size);
        if (status || bytes_are_zero(raw, size))
            continue;
        c->tail = true;
        memset(raw, 0, size);
        if (clear)
            status = vhdx_pages_put(&c->x.pages, c->x.bat.offset + at, raw, size);
    }
    free(raw);
    return status;
}

// Room of the file that nothing uses.
static void check_room(struct vhdx_check *c)
{
    uint64_t end = vhdx_space_end(&c->x.space);
    bool live = !guid_is_zero(&c->x.headers.current.log_guid);
    if (c->x.space.free > 0)
        VHDX_NOTE(c, "space-unused", "%" PRIu64 " MiB inside the file are not in use.",
                  c->x.space.free);
    if (end < c->x.view.file_size && !c->x.metadata.leave_blocks_allocated && !live)
        VHDX_TIDY(c, "space-trailing", "%" PRIu64 " bytes at the end of the file are not in use.",
                  c->x.view.file_size - end);
}

static bool table_fits(struct vhdx_check *c)
{
    const struct vhdx_metadata *m = &c->x.metadata;
    vhdx_geometry_init(&c->x.bat.geometry, m->virtual_size, m->block_size, m->logical_sector_size,
                       m->has_parent);
    c->x.bat.offset = c->x.regions.bat.offset;
    c->x.bat.pages = &c->x.pages;
    uint64_t needed = c->x.bat.geometry.entry_count * ENTRY_SIZE;
    if (needed <= c->x.regions.bat.length)
        return true;
    VHDX_DAMAGE(c, "bat-too-small",
                "the BAT region has %" PRIu32 " bytes, but a disk of %" PRIu64
                " bytes needs %" PRIu64 ".",
                c->x.regions.bat.length, m->virtual_size, needed);
    return false;
}

enum status vhdx_check_table(struct vhdx_check *c)
{
    uint64_t anchors = 0, none;
    if (!table_fits(c))
        return STATUS_OK;
    enum status status = claim_structures(c);
    if (!status)
        status = walk_table(c, PASS_FIND, &anchors);
    if (!status && anchors > 0)
        status = walk_table(c, PASS_ANCHORS, &none);
    if (!status)
        status = walk_tail(c, false);
    if (!status && c->tail)
        VHDX_TIDY(c, "bat-tail",
                  "block allocation table: there is something after the last entry; nobody reads "
                  "it.");
    if (!status)
        check_room(c);
    return status;
}

enum status vhdx_mend_table(struct vhdx_check *c)
{
    uint64_t none;
    enum status status = STATUS_OK;
    if (c->tail)
        status = walk_tail(c, true);
    if (!status && c->anchors_useless)
        status = claim_structures(c);
    if (!status && c->anchors_useless)
        status = walk_table(c, PASS_MARK, &none);
    if (!status && c->table)
        status = walk_table(c, PASS_MEND, &none);
    return status;
}
