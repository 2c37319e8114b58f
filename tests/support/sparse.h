// The contents of one file of a mem_fs: pages that copies share until one of them writes. Not for
// tests themselves.
#ifndef VREP_TESTS_SUPPORT_SPARSE_H
#define VREP_TESTS_SUPPORT_SPARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPARSE_PAGE_SIZE 4096u

struct sparse_chunk;

struct sparse {
    uint64_t size;
    uint64_t pages;            // that take space
    struct sparse_slot *slots; // the chunks that exist, ascending
    size_t slot_count;
    size_t slot_capacity;
};

struct sparse sparse_clone(const struct sparse *from);
void sparse_free(struct sparse *s);

// Past the end come zeros.
void sparse_read(const struct sparse *s, uint64_t offset, void *buffer, size_t size);

void sparse_write(struct sparse *s, uint64_t offset, const void *data, size_t size);
void sparse_set_size(struct sparse *s, uint64_t size);
void sparse_zero(struct sparse *s, uint64_t offset, uint64_t length);

// Gives every page of the range that has none one of zeros.
void sparse_reserve(struct sparse *s, uint64_t offset, uint64_t length);

// Takes away the pages past the end.
void sparse_trim(struct sparse *s);

// How many pages of the range do not exist yet.
uint64_t sparse_missing(const struct sparse *s, uint64_t offset, uint64_t length);

// The extent at `offset` < size: true when it has pages; *length in bytes, cut at the size.
bool sparse_extent(const struct sparse *s, uint64_t offset, uint64_t *length);

bool sparse_equal(const struct sparse *a, const struct sparse *b);

#endif
