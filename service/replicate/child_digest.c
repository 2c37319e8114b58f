#include "service/replicate/child_digest.h"

#include <string.h>

// Bits of the leaves that the child holds itself, if only in part.
static enum status find_own_leaves(const struct child_digest *how, uint64_t offset, uint32_t length,
                                   uint32_t *own)
{
    uint64_t end = offset + length;
    *own = 0;
    for (uint64_t at = offset; at < end;) {
        struct vhd_extent extent = {.offset = 0};
        enum status st = vhd_map(how->child, VHD_MAP_LEAF, at, end - at, &extent);
        if (st != STATUS_OK)
            return st;
        unsigned first = (unsigned)((at - offset) / LEAF_SIZE);
        unsigned last = (unsigned)((at + extent.length - 1 - offset) / LEAF_SIZE);
        for (unsigned leaf = first; extent.kind != VHD_EXTENT_PARENT && leaf <= last; leaf++)
            *own |= 1u << leaf;
        at += extent.length;
    }
    return STATUS_OK;
}

// Neighbouring leaves are one reading.
static enum status read_leaves(const struct child_digest *how, uint64_t offset, uint32_t length,
                               uint32_t which, struct unit_digests *digests)
{
    unsigned leaves = leaf_count(length);
    enum status st = STATUS_OK;
    for (unsigned first = 0, end; st == STATUS_OK && first < leaves; first = end) {
        end = first + 1;
        if (!(which & (1u << first)))
            continue;
        while (end < leaves && (which & (1u << end)))
            end++;
        uint32_t size = (end == leaves ? length : end * LEAF_SIZE) - first * LEAF_SIZE;
        st = vhd_read(how->child, offset + (uint64_t)first * LEAF_SIZE, how->buffer, size);
        for (unsigned leaf = first; st == STATUS_OK && leaf < end; leaf++)
            digest_leaf(how->key, how->buffer + (leaf - first) * LEAF_SIZE,
                        leaf_length(length, leaf), digests->leaf[leaf]);
    }
    return st;
}

enum status child_digest(const struct child_digest *how, uint64_t offset, uint32_t length,
                         uint8_t out[DIGEST_SIZE])
{
    struct unit_digests digests = {.unit = {0}};
    uint32_t own = (1u << UNIT_LEAVES) - 1;
    enum status st = STATUS_OK;
    if (digest_cache_get(how->base, how->stream, offset, &digests))
        st = find_own_leaves(how, offset, length, &own);
    if (st == STATUS_OK)
        st = read_leaves(how, offset, length, own, &digests);
    if (st != STATUS_OK)
        return st;
    digest_join(how->key, &digests);
    memcpy(out, digests.unit, DIGEST_SIZE);
    return STATUS_OK;
}
