#include "tests/support/sparse.h"

#include <string.h>

#include "base/checked.h"
#include "tests/support/must.h"

#define PAGE        SPARSE_PAGE_SIZE
#define CHUNK_PAGES 256u
#define CHUNK_SIZE  ((uint64_t)PAGE * CHUNK_PAGES)

struct page {
    size_t references;
    uint8_t bytes[PAGE];
};

struct sparse_chunk {
    size_t references;
    struct page *pages[CHUNK_PAGES]; // NULL: a hole
};

struct sparse_slot {
    uint64_t index; // of the chunk in the file
    struct sparse_chunk *chunk;
};

static void release_page(struct page *page)
{
    if (page && --page->references == 0)
        free(page);
}

static void release_chunk(struct sparse_chunk *chunk)
{
    if (--chunk->references > 0)
        return;
    for (size_t i = 0; i < CHUNK_PAGES; i++)
        release_page(chunk->pages[i]);
    free(chunk);
}

// The first slot whose index is not below `index`.
static size_t lower_bound(const struct sparse *s, uint64_t index)
{
    size_t low = 0;
    size_t high = s->slot_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s->slots[middle].index < index)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static const struct page *find_page(const struct sparse *s, uint64_t number)
{
    size_t at = lower_bound(s, number / CHUNK_PAGES);
    if (at == s->slot_count || s->slots[at].index != number / CHUNK_PAGES)
        return NULL;
    return s->slots[at].chunk->pages[number % CHUNK_PAGES];
}

// The chunk, not shared with anybody.
static struct sparse_chunk *own_chunk(struct sparse *s, uint64_t index)
{
    size_t at = lower_bound(s, index);
    if (at == s->slot_count || s->slots[at].index != index) {
        if (s->slot_count == s->slot_capacity) {
            s->slot_capacity = s->slot_capacity ? s->slot_capacity * 2 : 8;
            s->slots = must(realloc(s->slots, s->slot_capacity * sizeof *s->slots));
        }
        memmove(s->slots + at + 1, s->slots + at, (s->slot_count - at) * sizeof *s->slots);
        s->slot_count++;
        s->slots[at].index = index;
        s->slots[at].chunk = must_alloc(sizeof *s->slots[at].chunk);
        s->slots[at].chunk->references = 1;
    }
    struct sparse_chunk *shared = s->slots[at].chunk;
    if (shared->references == 1)
        return shared;
    struct sparse_chunk *own = must(malloc(sizeof *own));
    *own = *shared;
    own->references = 1;
    for (size_t i = 0; i < CHUNK_PAGES; i++) {
        if (own->pages[i])
            own->pages[i]->references++;
    }
    shared->references--;
    s->slots[at].chunk = own;
    return own;
}

// The page, existing and not shared with anybody.
static struct page *own_page(struct sparse *s, uint64_t number)
{
    struct page **place = &own_chunk(s, number / CHUNK_PAGES)->pages[number % CHUNK_PAGES];
    if (*place && (*place)->references == 1)
        return *place;
    struct page *own = must(*place ? malloc(sizeof *own) : calloc(1, sizeof *own));
    if (*place) {
        *own = **place;
        (*place)->references--;
    } else {
        s->pages++;
    }
    own->references = 1;
    *place = own;
    return own;
}

static void drop_page(struct sparse *s, uint64_t number)
{
    if (!find_page(s, number))
        return;
    struct page **place = &own_chunk(s, number / CHUNK_PAGES)->pages[number % CHUNK_PAGES];
    release_page(*place);
    *place = NULL;
    s->pages--;
}

struct sparse sparse_clone(const struct sparse *from)
{
    struct sparse copy = {.size = from->size, .pages = from->pages};
    if (from->slot_count == 0)
        return copy;
    copy.slots = must(malloc(from->slot_count * sizeof *copy.slots));
    memcpy(copy.slots, from->slots, from->slot_count * sizeof *copy.slots);
    copy.slot_count = from->slot_count;
    copy.slot_capacity = from->slot_count;
    for (size_t i = 0; i < copy.slot_count; i++)
        copy.slots[i].chunk->references++;
    return copy;
}

void sparse_free(struct sparse *s)
{
    for (size_t i = 0; i < s->slot_count; i++)
        release_chunk(s->slots[i].chunk);
    free(s->slots);
    *s = (struct sparse){0};
}

void sparse_read(const struct sparse *s, uint64_t offset, void *buffer, size_t size)
{
    uint8_t *out = buffer;
    while (size > 0) {
        size_t inside = (size_t)(offset % PAGE);
        size_t step = (size_t)min_u64(size, PAGE - inside);
        const struct page *page = find_page(s, offset / PAGE);
        size_t there = offset < s->size ? (size_t)min_u64(step, s->size - offset) : 0;
        if (page)
            memcpy(out, page->bytes + inside, there);
        else
            there = 0;
        memset(out + there, 0, step - there);
        out += step;
        offset += step;
        size -= step;
    }
}

void sparse_write(struct sparse *s, uint64_t offset, const void *data, size_t size)
{
    const uint8_t *in = data;
    if (size > 0)
        s->size = max_u64(s->size, offset + size);
    while (size > 0) {
        size_t inside = (size_t)(offset % PAGE);
        size_t step = (size_t)min_u64(size, PAGE - inside);
        memcpy(own_page(s, offset / PAGE)->bytes + inside, in, step);
        in += step;
        offset += step;
        size -= step;
    }
}

// Drops the pages first..last-1; only those that exist cost time.
static void drop_pages(struct sparse *s, uint64_t first, uint64_t last)
{
    for (size_t at = lower_bound(s, first / CHUNK_PAGES); at < s->slot_count; at++) {
        uint64_t base = s->slots[at].index * CHUNK_PAGES;
        if (base >= last)
            break;
        uint64_t from = max_u64(base, first);
        uint64_t to = min_u64(base + CHUNK_PAGES, last);
        for (uint64_t number = from; number < to; number++)
            drop_page(s, number);
    }
}

// Zeros a part of one page.
static void clear_part(struct sparse *s, uint64_t offset, size_t length)
{
    if (length > 0 && find_page(s, offset / PAGE))
        memset(own_page(s, offset / PAGE)->bytes + offset % PAGE, 0, length);
}

static void clear(struct sparse *s, uint64_t offset, uint64_t end)
{
    uint64_t first = divide_up(offset, PAGE);
    uint64_t last = end / PAGE;
    if (first > last) { // within one page
        clear_part(s, offset, (size_t)(end - offset));
        return;
    }
    clear_part(s, offset, (size_t)(first * PAGE - offset));
    drop_pages(s, first, last);
    clear_part(s, last * PAGE, (size_t)(end - last * PAGE));
}

void sparse_set_size(struct sparse *s, uint64_t size)
{
    if (size < s->size) {
        clear(s, size, align_up(size, PAGE));
        drop_pages(s, divide_up(size, PAGE), UINT64_MAX / PAGE); // what was reserved there, too
    }
    s->size = size;
}

void sparse_zero(struct sparse *s, uint64_t offset, uint64_t length)
{
    if (offset < s->size)
        clear(s, offset, min_u64(offset + length, s->size));
    s->size = max_u64(s->size, offset + length);
}

void sparse_reserve(struct sparse *s, uint64_t offset, uint64_t length)
{
    for (uint64_t number = offset / PAGE; number < divide_up(offset + length, PAGE); number++) {
        if (!find_page(s, number))
            own_page(s, number);
    }
}

void sparse_trim(struct sparse *s)
{
    drop_pages(s, divide_up(s->size, PAGE), UINT64_MAX / PAGE);
}

uint64_t sparse_missing(const struct sparse *s, uint64_t offset, uint64_t length)
{
    uint64_t missing = 0;
    if (length == 0)
        return 0;
    for (uint64_t number = offset / PAGE; number < divide_up(offset + length, PAGE); number++)
        missing += !find_page(s, number);
    return missing;
}

bool sparse_extent(const struct sparse *s, uint64_t offset, uint64_t *length)
{
    uint64_t number = offset / PAGE;
    uint64_t pages = divide_up(s->size, PAGE);
    bool data = find_page(s, number) != NULL;
    while (number < pages && (find_page(s, number) != NULL) == data) {
        size_t at = lower_bound(s, number / CHUNK_PAGES);
        bool no_chunk = at == s->slot_count || s->slots[at].index != number / CHUNK_PAGES;
        if (no_chunk) // skip to the next one at once
            number = at == s->slot_count ? pages : s->slots[at].index * CHUNK_PAGES;
        else
            number++;
    }
    *length = min_u64(number * PAGE, s->size) - offset;
    return data;
}

static bool page_is_zero(const struct page *page)
{
    static const uint8_t zeros[PAGE];
    return !page || memcmp(page->bytes, zeros, PAGE) == 0;
}

static bool chunks_equal(const struct sparse_chunk *a, const struct sparse_chunk *b)
{
    for (size_t i = 0; i < CHUNK_PAGES; i++) {
        const struct page *left = a ? a->pages[i] : NULL;
        const struct page *right = b ? b->pages[i] : NULL;
        if (left == right)
            continue;
        bool equal = left && right ? memcmp(left->bytes, right->bytes, PAGE) == 0
                                   : page_is_zero(left) && page_is_zero(right);
        if (!equal)
            return false;
    }
    return true;
}

bool sparse_equal(const struct sparse *a, const struct sparse *b)
{
    if (a->size != b->size)
        return false;
    size_t i = 0;
    size_t j = 0;
    while (i < a->slot_count || j < b->slot_count) {
        uint64_t left = i < a->slot_count ? a->slots[i].index : UINT64_MAX;
        uint64_t right = j < b->slot_count ? b->slots[j].index : UINT64_MAX;
        const struct sparse_chunk *x = left <= right ? a->slots[i++].chunk : NULL;
        const struct sparse_chunk *y = right <= left ? b->slots[j++].chunk : NULL;
        if (x != y && !chunks_equal(x, y))
            return false;
    }
    return true;
}
