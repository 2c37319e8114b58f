#include "vhd/vhdx/sector_bitmap.h"

#include <string.h>

#include "base/checked.h"
#include "base/endian.h"

#define BITS_PER_PAGE (8ull * VHDX_PAGE_SIZE)

// Number of bits in [from, to) of `bits`, from the first on, that have the value `value`.
static uint64_t run_in_page(const uint8_t *bits, uint64_t from, uint64_t to, bool value)
{
    uint64_t at = from;
    while (at < to) {
        // Bits that differ from `value` are ones in `differing`; its lowest one ends the run.
        uint64_t word = load_le64(bits + at / 64 * 8);
        uint64_t differing = (value ? ~word : word) >> (at % 64);
        if (differing != 0)
            return min_u64(at + (uint64_t)__builtin_ctzll(differing), to) - from;
        at = (at / 64 + 1) * 64;
    }
    return to - from;
}

enum status vhdx_sector_bitmap_run(struct vhdx_pages *pages, uint64_t bitmap, uint64_t sector,
                                   uint64_t limit, bool *present, uint64_t *count)
{
    uint64_t length = 0;
    bool value = false;
    while (length < limit) {
        uint64_t at = sector + length;
        struct vhdx_page *page;
        enum status status = vhdx_pages_get(pages, bitmap + at / 8, &page);
        if (status)
            return status;
        uint64_t from = at % BITS_PER_PAGE;
        uint64_t to = min_u64(from + (limit - length), BITS_PER_PAGE);
        if (length == 0)
            value = page->data[from / 8] >> (from % 8) & 1;
        uint64_t run = run_in_page(page->data, from, to, value);
        length += run;
        if (run < to - from)
            break;
    }
    *present = value;
    *count = length;
    return STATUS_OK;
}

static void fill_in_page(uint8_t *bits, uint64_t from, uint64_t to, bool value)
{
    while (from < to) {
        if (from % 8 == 0 && to - from >= 8) {
            size_t bytes = (size_t)((to - from) / 8);
            memset(bits + from / 8, value ? 0xff : 0, bytes);
            from += 8 * bytes;
            continue;
        }
        uint8_t bit = (uint8_t)(1u << (from % 8));
        if (value)
            bits[from / 8] |= bit;
        else
            bits[from / 8] &= (uint8_t)~bit;
        from++;
    }
}

enum status vhdx_sector_bitmap_fill(struct vhdx_pages *pages, uint64_t bitmap, uint64_t sector,
                                    uint64_t count, bool present)
{
    while (count > 0) {
        struct vhdx_page *page;
        enum status status = vhdx_pages_get(pages, bitmap + sector / 8, &page);
        if (status)
            return status;
        uint64_t from = sector % BITS_PER_PAGE;
        uint64_t part = min_u64(count, BITS_PER_PAGE - from);
        if (run_in_page(page->data, from, from + part, present) < part) {
            vhdx_pages_mark_dirty(pages, page);
            fill_in_page(page->data, from, from + part, present);
        }
        sector += part;
        count -= part;
    }
    return STATUS_OK;
}
