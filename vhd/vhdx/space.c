#include "vhd/vhdx/space.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "vhd/errors.h"

static bool is_used(const struct vhdx_space *space, uint64_t mib)
{
    return mib < space->capacity && (space->used[mib / 8] >> (mib % 8) & 1);
}

static void set_used(struct vhdx_space *space, uint64_t first, uint64_t count, bool used)
{
    for (uint64_t mib = first; mib < first + count; mib++) {
        uint8_t bit = (uint8_t)(1u << (mib % 8));
        if (used)
            space->used[mib / 8] |= bit;
        else
            space->used[mib / 8] &= (uint8_t)~bit;
    }
}

static enum status make_room(struct vhdx_space *space, uint64_t end)
{
    if (end <= space->capacity)
        return STATUS_OK;
    uint64_t capacity = align_up(max_u64(end, space->capacity * 2), 4096);
    uint8_t *larger = realloc(space->used, (size_t)(capacity / 8));
    if (!larger)
        return status_no_memory("the map of used space of a VHDX file");
    memset(larger + space->capacity / 8, 0, (size_t)((capacity - space->capacity) / 8));
    space->used = larger;
    space->capacity = capacity;
    return STATUS_OK;
}

// [first, first + count) is free and now taken into use.
static enum status take(struct vhdx_space *space, uint64_t first, uint64_t count)
{
    enum status status = make_room(space, first + count);
    if (status)
        return status;
    set_used(space, first, count, true);
    if (first >= space->end) {
        space->free += first - space->end;
        space->end = first + count;
    } else {
        // A run that begins below the end was free in whole, so it lies below it.
        space->free -= count;
    }
    return STATUS_OK;
}

enum status vhdx_space_init(struct vhdx_space *space, uint64_t file_size)
{
    *space = (struct vhdx_space){.clean_from = divide_up(file_size, VHDX_MIB), .hint = 1};
    return take(space, 0, 1);
}

void vhdx_space_free(struct vhdx_space *space)
{
    free(space->used);
    free(space->released);
    *space = (struct vhdx_space){0};
}

enum status vhdx_space_mark(struct vhdx_space *space, uint64_t offset, uint64_t length, bool *taken)
{
    uint64_t first = offset / VHDX_MIB;
    uint64_t count = divide_up(length, VHDX_MIB);
    *taken = false;
    for (uint64_t mib = first; mib < first + count && mib < space->end; mib++)
        *taken |= is_used(space, mib);
    if (*taken)
        return STATUS_OK;
    enum status status = make_room(space, first + count);
    if (status)
        return status;
    set_used(space, first, count, true);
    // Unlike an allocation, a block may begin below the present end and reach past it.
    uint64_t end = first + count;
    if (end > space->end) {
        uint64_t below = first < space->end ? space->end - first : 0;
        space->free += first > space->end ? first - space->end : 0;
        space->free -= below;
        space->end = end;
    } else {
        space->free -= count;
    }
    return STATUS_OK;
}

// First free run of `count` MiB at or after `from`, below the end.
static bool find_run(const struct vhdx_space *space, uint64_t from, uint64_t count, uint64_t *first)
{
    uint64_t length = 0;
    for (uint64_t mib = from; mib < space->end; mib++) {
        if (mib % 8 == 0 && space->used[mib / 8] == 0xff) {
            length = 0;
            mib += 7;
            continue;
        }
        length = is_used(space, mib) ? 0 : length + 1;
        if (length == count) {
            *first = mib + 1 - count;
            return true;
        }
    }
    return false;
}

static bool find_free(struct vhdx_space *space, uint64_t count, uint64_t *first)
{
    if (space->free < count || (space->too_long != 0 && count >= space->too_long))
        return false;
    if (find_run(space, space->hint, count, first) || find_run(space, 1, count, first)) {
        space->hint = *first + count;
        return true;
    }
    space->too_long = count;
    return false;
}

enum status vhdx_space_allocate(struct vhdx_space *space, uint64_t length, uint64_t *offset,
                                bool *zeroed)
{
    uint64_t count = divide_up(length, VHDX_MIB);
    uint64_t first = space->end;
    if (!find_free(space, count, &first) && (first + count) * VHDX_MIB > VHDX_FILE_SIZE_MAX)
        return status_fail(STATUS_UNSUPPORTED, VHD_ERROR_BLOCK_ALLOCATION_FAILURE,
                           "The VHDX file would become larger than 128 TiB.");
    enum status status = take(space, first, count);
    if (status)
        return status;
    *offset = first * VHDX_MIB;
    *zeroed = first >= space->clean_from;
    space->clean_from = max_u64(space->clean_from, first + count);
    return STATUS_OK;
}

enum status vhdx_space_allocate_below(struct vhdx_space *space, uint64_t from, uint64_t limit,
                                      uint64_t length, uint64_t *offset, bool *found)
{
    uint64_t count = divide_up(length, VHDX_MIB);
    uint64_t first;
    *found = space->free >= count && find_run(space, max_u64(from / VHDX_MIB, 1), count, &first) &&
             (first + count) * VHDX_MIB <= limit;
    if (!*found)
        return STATUS_OK;
    *offset = first * VHDX_MIB;
    return take(space, first, count);
}

enum status vhdx_space_release(struct vhdx_space *space, uint64_t offset, uint64_t length)
{
    if (space->released_count == space->released_capacity) {
        size_t capacity = space->released_capacity ? space->released_capacity * 2 : 64;
        struct vhdx_space_run *larger = realloc(space->released, capacity * sizeof *larger);
        if (!larger)
            return status_no_memory("the released blocks of a VHDX file");
        space->released = larger;
        space->released_capacity = capacity;
    }
    space->released[space->released_count++] =
        (struct vhdx_space_run){.first = offset / VHDX_MIB, .count = divide_up(length, VHDX_MIB)};
    return STATUS_OK;
}

void vhdx_space_settle(struct vhdx_space *space)
{
    if (space->released_count == 0)
        return;
    for (size_t i = 0; i < space->released_count; i++) {
        set_used(space, space->released[i].first, space->released[i].count, false);
        space->free += space->released[i].count;
    }
    space->released_count = 0;
    space->hint = 1;
    space->too_long = 0;
    while (space->end > 1 && !is_used(space, space->end - 1)) {
        space->end--;
        space->free--;
    }
}

uint64_t vhdx_space_end(const struct vhdx_space *space)
{
    return space->end * VHDX_MIB;
}
