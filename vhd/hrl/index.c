#include "vhd/hrl/index.h"

#include <stdlib.h>

#include "base/checked.h"

#define FIRST_CAPACITY 64u

static void keep_every_other(struct hrl_index *index)
{
    for (size_t i = 0; i < index->count / 2; i++)
        index->kept[i] = index->kept[2 * i];
    index->count /= 2;
    index->stride *= 2;
}

static enum status grow(struct hrl_index *index)
{
    size_t capacity = index->capacity ? index->capacity * 2 : FIRST_CAPACITY;
    uint64_t *kept = realloc(index->kept, capacity * sizeof *kept);
    if (!kept)
        return status_no_memory("the index of a replica log");
    index->kept = kept;
    index->capacity = capacity;
    return STATUS_OK;
}

enum status hrl_index_add(struct hrl_index *index, uint64_t place)
{
    if (index->stride == 0)
        index->stride = 1;
    if (index->total % index->stride == 0) {
        // The block is one to keep after thinning too: the count is even.
        if (index->count == HRL_INDEX_KEPT)
            keep_every_other(index);
        if (index->count == index->capacity) {
            enum status status = grow(index);
            if (status != STATUS_OK)
                return status;
        }
        index->kept[index->count++] = place;
    }
    index->total++;
    return STATUS_OK;
}

struct hrl_segment hrl_index_segment(const struct hrl_index *index, size_t number)
{
    size_t from_end = index->count - 1 - number;
    return (struct hrl_segment){
        .place = index->kept[from_end],
        .blocks = min_u64(index->stride, index->total - from_end * index->stride),
    };
}

void hrl_index_free(struct hrl_index *index)
{
    free(index->kept);
    *index = (struct hrl_index){0};
}
