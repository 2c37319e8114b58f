#include "vhd/vhdx/bat.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/checked.h"
#include "base/endian.h"
#include "vhd/errors.h"

#define ENTRY_SIZE 8

#define SCAN_SIZE (64 * 1024)

static unsigned log2_of(uint64_t power_of_two)
{
    return (unsigned)__builtin_ctzll(power_of_two);
}

void vhdx_geometry_init(struct vhdx_geometry *g, uint64_t virtual_size, uint32_t block_size,
                        uint32_t sector_size, bool differencing)
{
    *g = (struct vhdx_geometry){
        .virtual_size = virtual_size,
        .block_size = block_size,
        .sector_size = sector_size,
        .differencing = differencing,
        .block_shift = log2_of(block_size),
        .chunk_ratio_shift = log2_of(VHDX_BITMAP_BLOCK_BITS * sector_size / block_size),
    };
    uint64_t ratio = 1ull << g->chunk_ratio_shift;
    g->block_count = divide_up(virtual_size, block_size);
    g->chunk_count = divide_up(g->block_count, ratio);
    g->entry_count =
        differencing ? g->chunk_count * (ratio + 1) : vhdx_payload_index(g, g->block_count - 1) + 1;
}

uint64_t vhdx_payload_index(const struct vhdx_geometry *g, uint64_t block)
{
    return block + (block >> g->chunk_ratio_shift);
}

uint64_t vhdx_bitmap_index(const struct vhdx_geometry *g, uint64_t chunk)
{
    uint64_t ratio = 1ull << g->chunk_ratio_shift;
    return chunk * (ratio + 1) + ratio;
}

uint64_t vhdx_block_length(const struct vhdx_geometry *g, uint64_t block)
{
    return min_u64(g->block_size, g->virtual_size - (block << g->block_shift));
}

static uint64_t offset_of(uint64_t raw)
{
    return raw & VHDX_BAT_OFFSET_MASK;
}

struct vhdx_block vhdx_payload_decode(uint64_t raw, bool differencing)
{
    struct vhdx_block block = {.state = VHDX_BLOCK_UNMAPPED, .offset = offset_of(raw)};
    switch (raw & VHDX_BAT_STATE_MASK) {
    case VHDX_BLOCK_FULLY_PRESENT:
        block.state = VHDX_BLOCK_FULLY_PRESENT;
        break;
    case VHDX_BLOCK_PARTIALLY_PRESENT:
        block.state = differencing ? VHDX_BLOCK_PARTIALLY_PRESENT : VHDX_BLOCK_FULLY_PRESENT;
        break;
    case VHDX_BLOCK_UNDEFINED:
        block.state = VHDX_BLOCK_UNDEFINED;
        break;
    // In these two the offset is reserved.
    case VHDX_BLOCK_NOT_PRESENT:
        return (struct vhdx_block){.state = VHDX_BLOCK_NOT_PRESENT};
    case VHDX_BLOCK_ZERO:
        return (struct vhdx_block){.state = VHDX_BLOCK_ZERO};
    default:
        break;
    }
    return block;
}

uint64_t vhdx_block_encode(const struct vhdx_block *block)
{
    return block->offset | (uint64_t)block->state;
}

static enum status get_entry(struct vhdx_bat *bat, uint64_t index, uint64_t *raw)
{
    uint64_t at = bat->offset + index * ENTRY_SIZE;
    struct vhdx_page *page;
    enum status status = vhdx_pages_get(bat->pages, at, &page);
    if (!status)
        *raw = load_le64(page->data + at % VHDX_PAGE_SIZE);
    return status;
}

static enum status set_entry(struct vhdx_bat *bat, uint64_t index, uint64_t raw)
{
    uint8_t bytes[ENTRY_SIZE];
    store_le64(bytes, raw);
    return vhdx_pages_put(bat->pages, bat->offset + index * ENTRY_SIZE, bytes, sizeof bytes);
}

enum status vhdx_bat_get_payload(struct vhdx_bat *bat, uint64_t block, struct vhdx_block *out)
{
    uint64_t raw;
    enum status status = get_entry(bat, vhdx_payload_index(&bat->geometry, block), &raw);
    if (!status)
        *out = vhdx_payload_decode(raw, bat->geometry.differencing);
    return status;
}

enum status vhdx_bat_set_payload(struct vhdx_bat *bat, uint64_t block,
                                 const struct vhdx_block *value)
{
    return set_entry(bat, vhdx_payload_index(&bat->geometry, block), vhdx_block_encode(value));
}

enum status vhdx_bat_repeats(struct vhdx_bat *bat, uint64_t block, uint64_t limit, uint64_t *count)
{
    const struct vhdx_geometry *g = &bat->geometry;
    uint64_t first = vhdx_payload_index(g, block);
    uint64_t at = bat->offset + first * ENTRY_SIZE;
    struct vhdx_page *page;
    enum status status = vhdx_pages_get(bat->pages, at, &page);
    if (status)
        return status;
    const uint8_t *entry = page->data + at % VHDX_PAGE_SIZE;
    const uint8_t *end = page->data + VHDX_PAGE_SIZE;
    uint64_t raw = load_le64(entry);
    uint64_t ratio = 1ull << g->chunk_ratio_shift;
    uint64_t in_chunk = block & (ratio - 1);
    uint64_t same = 0;
    for (; entry < end && same < limit; entry += ENTRY_SIZE) {
        if (in_chunk == ratio) { // a sector bitmap's entry
            in_chunk = 0;
            continue;
        }
        if (load_le64(entry) != raw)
            break;
        in_chunk++;
        same++;
    }
    *count = same;
    return STATUS_OK;
}

// A bitmap block is there in state 6; 7 is read as 6.
static bool bitmap_is_present(uint64_t raw)
{
    return (raw & VHDX_BAT_STATE_MASK) == VHDX_BLOCK_FULLY_PRESENT ||
           (raw & VHDX_BAT_STATE_MASK) == VHDX_BLOCK_PARTIALLY_PRESENT;
}

enum status vhdx_bat_get_bitmap(struct vhdx_bat *bat, uint64_t chunk, uint64_t *offset)
{
    uint64_t raw;
    enum status status = get_entry(bat, vhdx_bitmap_index(&bat->geometry, chunk), &raw);
    if (!status)
        *offset = bitmap_is_present(raw) ? offset_of(raw) : 0;
    return status;
}

enum status vhdx_bat_set_bitmap(struct vhdx_bat *bat, uint64_t chunk, uint64_t offset)
{
    return set_entry(bat, vhdx_bitmap_index(&bat->geometry, chunk),
                     offset ? offset | VHDX_BLOCK_FULLY_PRESENT : VHDX_BLOCK_NOT_PRESENT);
}

// A walk over the whole table.
struct scan {
    const struct vhdx_bat *bat;
    struct vhdx_space *space;
    struct vhdx_bat_summary summary;
    bool anchors;           // soft anchors are claimed, everything else has been
    bool shared;            // one of them lies where something else is
    bool chunk_has_partial; // the chunk in work has a partially present block
};

static enum status damaged_entry(const struct scan *scan, uint64_t index, uint64_t raw,
                                 const char *what)
{
    status_fail(STATUS_DAMAGED, VHD_ERROR_BLOCK_ALLOCATION_TABLE_CORRUPT,
                "VHDX %s: block allocation table: entry %" PRIu64 " (0x%016" PRIx64 ") %s.",
                scan->bat->pages->view->file->path, index, raw, what);
    return status_advise(0, "Restore the file from a backup, or copy what can be read of it with a "
                            "tool that ignores damage.");
}

static enum status claim(struct scan *scan, uint64_t index, uint64_t raw, uint64_t length)
{
    uint64_t offset = offset_of(raw);
    if (raw & VHDX_BAT_RESERVED_MASK)
        return damaged_entry(scan, index, raw, "has reserved bits set");
    if (offset == 0)
        return damaged_entry(scan, index, raw, "places a block on the headers");
    if (!range_fits(offset, length, scan->bat->pages->view->size))
        return damaged_entry(scan, index, raw, "places a block past the end of the file");
    bool taken;
    enum status status = vhdx_space_mark(scan->space, offset, length, &taken);
    if (!status && taken)
        return damaged_entry(scan, index, raw, "places a block where something else already is");
    return status;
}

// Old data does not matter, so an anchor in a bad place is no damage.
static enum status claim_anchor(struct scan *scan, uint64_t offset)
{
    uint32_t size = scan->bat->geometry.block_size;
    bool taken = true;
    enum status status = STATUS_OK;
    if (range_fits(offset, size, scan->bat->pages->view->size))
        status = vhdx_space_mark(scan->space, offset, size, &taken);
    scan->shared |= taken;
    return status;
}

static enum status scan_bitmap(struct scan *scan, uint64_t index, uint64_t raw)
{
    bool present = bitmap_is_present(raw);
    if (scan->chunk_has_partial && !present)
        return damaged_entry(scan, index, raw,
                             "has no sector bitmap for blocks that are partially present");
    scan->chunk_has_partial = false;
    return present ? claim(scan, index, raw, VHDX_BITMAP_BLOCK_SIZE) : STATUS_OK;
}

static enum status scan_payload(struct scan *scan, uint64_t index, uint64_t raw)
{
    const struct vhdx_geometry *g = &scan->bat->geometry;
    struct vhdx_block block = vhdx_payload_decode(raw, g->differencing);
    bool present = vhdx_block_is_present(&block);
    if (scan->anchors)
        return !present && block.offset ? claim_anchor(scan, block.offset) : STATUS_OK;
    if (block.state == VHDX_BLOCK_PARTIALLY_PRESENT)
        scan->chunk_has_partial = true;
    if (!present) {
        scan->summary.anchors += block.offset != 0;
        return STATUS_OK;
    }
    scan->summary.present_blocks++;
    return claim(scan, index, raw, g->block_size);
}

static enum status scan_entries(struct scan *scan, const uint8_t *raw, uint64_t first, size_t count)
{
    uint64_t period = (1ull << scan->bat->geometry.chunk_ratio_shift) + 1;
    uint64_t position = first % period; // in the chunk; the last one is its bitmap
    enum status status = STATUS_OK;
    for (size_t i = 0; i < count && !status; i++) {
        uint64_t entry = load_le64(raw + i * ENTRY_SIZE);
        bool is_bitmap = position == period - 1;
        // Without a parent no bitmap is ever looked at, and some writers leave junk in their
        // entries.
        if (is_bitmap && scan->bat->geometry.differencing && !scan->anchors)
            status = scan_bitmap(scan, first + i, entry);
        else if (!is_bitmap && entry != 0)
            status = scan_payload(scan, first + i, entry);
        position = is_bitmap ? 0 : position + 1;
    }
    return status;
}

static enum status walk_table(struct scan *scan)
{
    const struct vhdx_bat *bat = scan->bat;
    uint8_t *raw = malloc(SCAN_SIZE);
    if (!raw)
        return status_no_memory("the block allocation table of a VHDX file");
    enum status status = STATUS_OK;
    uint64_t index = 0;
    while (index < bat->geometry.entry_count && !status) {
        size_t count = (size_t)min_u64(SCAN_SIZE / ENTRY_SIZE, bat->geometry.entry_count - index);
        status = vhdx_view_read(bat->pages->view, bat->offset + index * ENTRY_SIZE, raw,
                                count * ENTRY_SIZE);
        if (status)
            status_context("VHDX %s: block allocation table", bat->pages->view->file->path);
        // Most of a huge disk's table.
        else if (scan->chunk_has_partial || !bytes_are_zero(raw, count * ENTRY_SIZE))
            status = scan_entries(scan, raw, index, count);
        index += count;
    }
    free(raw);
    return status;
}

enum status vhdx_bat_scan(const struct vhdx_bat *bat, struct vhdx_space *space,
                          struct vhdx_bat_summary *summary)
{
    struct scan scan = {.bat = bat, .space = space};
    enum status status = walk_table(&scan);
    if (!status)
        *summary = scan.summary;
    return status;
}

enum status vhdx_bat_claim_anchors(const struct vhdx_bat *bat, struct vhdx_space *space,
                                   bool *shared)
{
    struct scan scan = {.bat = bat, .space = space, .anchors = true};
    enum status status = walk_table(&scan);
    if (!status)
        *shared = scan.shared;
    return status;
}
