// The check of a VHD's table, blocks, bitmaps and locators.
#include <stdlib.h>

#include "base/checked.h"
#include "vhd/vhd1/check.h"

#define BLOCKS_BETWEEN_PROGRESS 256u

// What the check of one table keeps.
struct table {
    struct vhd1_check *check;
    struct vhd1_layout layout;
    struct vhd1_batmap batmap;
    uint32_t *entries;
    uint32_t count;
    uint32_t misaligned;
    uint8_t *bitmap; // of one block
};

static void damage(const struct table *t, const char *name, uint32_t block, const char *text)
{
    vhd_checker_report(t->check->checker, VHD_PROBLEM_DAMAGE, name, false,
                       "%s: the block allocation table puts block %u at sector %u, which %s.",
                       t->check->file->path, (unsigned)block, (unsigned)t->entries[block], text);
}

static uint64_t block_at(const struct table *t, uint32_t block)
{
    return (uint64_t)t->entries[block] * VHD1_SECTOR;
}

static uint64_t whole_block(const struct table *t)
{
    return (uint64_t)t->layout.bitmap_size + t->layout.block_size;
}

static bool meets(const struct table *t, uint64_t at, uint64_t from, uint64_t size)
{
    return at < from + size && from < at + whole_block(t);
}

// True when the block can be read.
static bool check_place(struct table *t, uint32_t block)
{
    uint64_t at = block_at(t, block);
    switch (vhd1_block_fault(&t->layout, block, t->entries[block])) {
    case VHD1_PAST_END:
        if (t->check->place.trailing && range_fits(at, VHD1_SECTOR, t->layout.end))
            damage(t, "block-overlaps-footer", block, "reaches over the footer");
        else
            damage(t, "block-past-end", block, "is past the end of the file");
        return false;
    case VHD1_ON_HEADERS:
        damage(t, "block-overlaps-headers", block, "overlaps the headers");
        return false;
    case VHD1_NO_FAULT:
        break;
    }
    if (t->batmap.present && (meets(t, at, t->batmap.header_at, VHD1_SECTOR) ||
                              meets(t, at, t->batmap.at, t->batmap.size)))
        damage(t, "block-overlaps-batmap", block, "overlaps the batmap");
    for (unsigned i = 0; i < VHD1_LOCATORS; i++) {
        const struct vhd1_locator *locator = &t->check->header.locators[i];
        if (locator->code != 0 && locator->length > 0 &&
            range_fits(locator->offset, locator->length, t->layout.end) &&
            meets(t, at, locator->offset, locator->length))
            damage(t, "block-overlaps-locator", block, "overlaps a parent locator");
    }
    t->misaligned += !is_aligned(at + t->layout.bitmap_size, VHD1_DATA_ALIGNMENT);
    t->check->data_end = max_u64(t->check->data_end, at + whole_block(t));
    return true;
}

// The batmap says that tapdisk need not look at the bitmap.
static enum status check_batmap_bit(struct table *t, uint32_t block)
{
    uint8_t byte;
    if (!t->batmap.present || block / 8 >= t->batmap.size)
        return STATUS_OK;
    enum status status = file_read(t->check->file, t->batmap.at + block / 8, &byte, 1);
    if (status == STATUS_OK && byte & (0x80 >> block % 8))
        vhd_checker_report(t->check->checker, VHD_PROBLEM_NOTE, "batmap-mismatch", false,
                           "%s: the batmap says that block %u is full, its bitmap that it is not; "
                           "tapdisk and others read different things.",
                           t->check->file->path, (unsigned)block);
    return status;
}

// Bits mean something in differencing disks only; in a dynamic one without them some programs do
// not see the block's data.
static enum status check_bitmap(struct table *t, uint32_t block)
{
    uint32_t sectors =
        (uint32_t)(min_u64(t->layout.block_size,
                           t->layout.virtual_size - (uint64_t)block * t->layout.block_size) /
                   VHD1_SECTOR);
    enum status status =
        file_read(t->check->file, block_at(t, block), t->bitmap, t->layout.bitmap_size);
    if (status != STATUS_OK)
        return status;
    uint32_t set = 0;
    for (uint32_t i = 0; i < sectors; i++)
        set += (t->bitmap[i / 8] >> (7 - i % 8)) & 1u;
    if (t->check->footer.type == VHD_TYPE_DYNAMIC && set < sectors)
        vhd_checker_report(t->check->checker, VHD_PROBLEM_NOTE, "bitmap-incomplete", false,
                           "%s: %u sectors of block %u are not in its bitmap; some programs read "
                           "them as zeros.",
                           t->check->file->path, (unsigned)(sectors - set), (unsigned)block);
    if (t->check->footer.type == VHD_TYPE_DIFFERENCING && set == 0)
        vhd_checker_report(t->check->checker, VHD_PROBLEM_NOTE, "block-empty", false,
                           "%s: block %u has a place but no sector in its bitmap.",
                           t->check->file->path, (unsigned)block);
    return set < sectors ? check_batmap_bit(t, block) : STATUS_OK;
}

static enum status report_progress(const struct table *t, uint32_t block)
{
    const struct vhd_check *how = t->check->checker->how;
    if (!how->progress || block % BLOCKS_BETWEEN_PROGRESS != 0 ||
        how->progress(how->context, (uint64_t)block * t->layout.block_size, t->layout.virtual_size))
        return STATUS_OK;
    return status_fail(STATUS_CANCELLED, 0, "The check of %s was stopped.", t->check->file->path);
}

static enum status check_entries(struct table *t)
{
    enum status status = STATUS_OK;
    for (uint32_t block = 0; block < t->count && status == STATUS_OK; block++) {
        status = report_progress(t, block);
        if (status != STATUS_OK || t->entries[block] == VHD1_BAT_UNUSED)
            continue;
        if (check_place(t, block))
            status = check_bitmap(t, block);
    }
    if (t->misaligned > 0)
        vhd_checker_report(t->check->checker, VHD_PROBLEM_NOTE, "block-misaligned", false,
                           "%s: the data of %u blocks is not aligned to 4 KiB, which is slow on "
                           "many disks.",
                           t->check->file->path, (unsigned)t->misaligned);
    return status;
}

// Room of blocks that a crash left behind, or that were dropped. Less than a block is padding.
static void check_unused_room(const struct table *t, uint64_t first_block, uint32_t used)
{
    uint64_t there = t->layout.end - min_u64(t->layout.end, first_block);
    uint64_t needed = used * whole_block(t);
    if (there > needed && there - needed >= whole_block(t))
        vhd_checker_report(t->check->checker, VHD_PROBLEM_NOTE, "space-unused", false,
                           "%s: about %llu bytes of the file belong to nothing; compacting gives "
                           "them back.",
                           t->check->file->path, (unsigned long long)(there - needed));
}

static enum status check_overlaps(struct table *t)
{
    uint32_t used;
    uint32_t *sorted = vhd1_bat_sorted(t->entries, t->count, &used);
    if (!sorted)
        return status_no_memory("the check of the block allocation table");
    uint64_t sectors = whole_block(t) / VHD1_SECTOR;
    for (uint32_t i = 1; i < used; i++)
        if (sorted[i] - sorted[i - 1] < sectors)
            vhd_checker_report(t->check->checker, VHD_PROBLEM_DAMAGE, "block-overlap", false,
                               "%s: the blocks at sectors %u and %u overlap.", t->check->file->path,
                               (unsigned)sorted[i - 1], (unsigned)sorted[i]);
    if (used > 0)
        check_unused_room(t, (uint64_t)sorted[0] * VHD1_SECTOR, used);
    free(sorted);
    return STATUS_OK;
}

static enum status check_extra_entries(struct table *t)
{
    const struct vhd1_check *c = t->check;
    uint32_t entry;
    if (c->header.max_entries == t->count ||
        !range_fits(c->header.table_offset, ((uint64_t)t->count + 1) * sizeof entry, t->layout.end))
        return STATUS_OK;
    enum status status = vhd1_bat_read(
        c->file, c->header.table_offset + (uint64_t)t->count * sizeof entry, &entry, 1);
    if (status == STATUS_OK && entry != VHD1_BAT_UNUSED)
        vhd_checker_report(c->checker, VHD_PROBLEM_NOTE, "bat-extra-entries", false,
                           "%s: the table's entries past the disk's end are in use; nobody asks "
                           "them.",
                           c->file->path);
    return status;
}

// One that lies outside the file is no use to anybody, and does no harm.
static void check_batmap(struct table *t)
{
    if (!t->batmap.present || range_fits(t->batmap.at, t->batmap.size, t->layout.end))
        return;
    vhd_checker_report(t->check->checker, VHD_PROBLEM_NOTE, "batmap-outside-file", false,
                       "%s: tapdisk's batmap is said to have %llu bytes at %llu, outside the file.",
                       t->check->file->path, (unsigned long long)t->batmap.size,
                       (unsigned long long)t->batmap.at);
    t->batmap.present = false;
}

static enum status check_table(struct table *t)
{
    struct vhd1_check *c = t->check;
    enum status status =
        vhd1_batmap_find(c->file, t->layout.end, &c->footer, &c->header, &t->batmap);
    if (status == STATUS_OK) {
        check_batmap(t);
        status = vhd1_bat_read(c->file, t->layout.table_at, t->entries, t->count);
    }
    if (status == STATUS_OK)
        status = check_entries(t);
    if (status == STATUS_OK)
        status = check_overlaps(t);
    if (status == STATUS_OK)
        status = check_extra_entries(t);
    return status;
}

enum status vhd1_check_blocks(struct vhd1_check *check)
{
    struct table t = {.check = check,
                      .layout =
                          vhd1_layout_of(&check->footer, &check->header, check->place.data_end)};
    enum vhd1_fault fault = vhd1_table_fault(&t.layout);
    check->data_end = check->place.data_end;
    if (fault != VHD1_NO_FAULT) {
        vhd_checker_report(check->checker, VHD_PROBLEM_DAMAGE,
                           fault == VHD1_PAST_END ? "bat-past-end" : "bat-overlaps-header", false,
                           "%s: the block allocation table at %llu %s.", check->file->path,
                           (unsigned long long)t.layout.table_at,
                           fault == VHD1_PAST_END ? "ends past the end of the file"
                                                  : "overlaps the dynamic disk header");
        return STATUS_OK;
    }
    t.count = (uint32_t)(t.layout.table_size / sizeof *t.entries);
    t.entries = malloc(t.layout.table_size);
    t.bitmap = malloc(t.layout.bitmap_size);
    enum status status = t.entries && t.bitmap
                             ? check_table(&t)
                             : status_no_memory("the check of the block allocation table");
    free(t.entries);
    free(t.bitmap);
    return status;
}

static void locator_damage(struct vhd1_check *c, const char *name, unsigned number,
                           const char *text)
{
    const struct vhd1_locator *locator = &c->header.locators[number];
    vhd_checker_report(c->checker, VHD_PROBLEM_DAMAGE, name, false,
                       "%s: parent locator %u, of %u bytes at %llu, %s.", c->file->path, number + 1,
                       (unsigned)locator->length, (unsigned long long)locator->offset, text);
}

static enum status check_locator_text(struct vhd1_check *c, unsigned number)
{
    const struct vhd1_locator *locator = &c->header.locators[number];
    char *text;
    enum status status = vhd1_locator_read(c->file, c->place.data_end, locator, &text);
    if (status == STATUS_DAMAGED) {
        locator_damage(c, "locator-text", number, "is not a path in UTF-16");
        return STATUS_OK;
    }
    free(text);
    return status;
}

enum status vhd1_check_locators(struct vhd1_check *c)
{
    unsigned ours = 0;
    for (unsigned i = 0; i < VHD1_LOCATORS; i++) {
        const struct vhd1_locator *locator = &c->header.locators[i];
        if (locator->code == 0 || locator->length == 0)
            continue;
        if (locator->offset < VHD1_FOOTER_SIZE ||
            !range_fits(locator->offset, locator->length, c->place.data_end)) {
            locator_damage(c, "locator-outside-file", i, "lies outside the file");
            continue;
        }
        if (locator->code != VHD1_LOCATOR_W2KU && locator->code != VHD1_LOCATOR_W2RU)
            continue;
        ours++;
        enum status status = check_locator_text(c, i);
        if (status != STATUS_OK)
            return status;
    }
    if (ours == 0)
        vhd_checker_report(c->checker, VHD_PROBLEM_NOTE, "locator-missing", false,
                           "%s: no locator with a path of Windows names the parent.",
                           c->file->path);
    return STATUS_OK;
}
