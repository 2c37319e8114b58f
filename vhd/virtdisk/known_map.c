#include "vhd/virtdisk/known_map.h"

#include <stdlib.h>

#include "base/checked.h"

#define RUNS_MAX     (2u << 20)   // 32 MiB of memory
#define GRANULES_MAX (4ull << 20) // 512 KiB of memory
#define GRANULE_MIN  (64ull << 10)

struct known_run {
    uint64_t start;
    enum vhd_extent_kind kind;
};

static enum status append(struct known_map *map, uint64_t start, enum vhd_extent_kind kind)
{
    if (map->count > 0 && map->runs[map->count - 1].kind == kind)
        return STATUS_OK;
    if (map->count == map->capacity) {
        size_t capacity = map->capacity ? 2 * map->capacity : 64;
        struct known_run *runs = realloc(map->runs, capacity * sizeof *runs);
        if (!runs)
            return status_no_memory("the map of a disk");
        map->runs = runs;
        map->capacity = capacity;
    }
    map->runs[map->count++] = (struct known_run){.start = start, .kind = kind};
    return STATUS_OK;
}

enum status known_map_read(struct known_map *map, struct vhd *disk, enum vhd_map_scope scope)
{
    struct vhd_info info;
    struct vhd_extent extent;
    vhd_get_info(disk, &info);
    *map = (struct known_map){.size = info.virtual_size};
    map->granule = GRANULE_MIN;
    while (divide_up(map->size, map->granule) > GRANULES_MAX)
        map->granule *= 2;
    for (uint64_t at = 0; at < map->size; at += extent.length) {
        if (map->count >= RUNS_MAX - 1)
            return append(map, at, VHD_EXTENT_DATA);
        enum status status = vhd_map(disk, scope, at, map->size - at, &extent);
        if (status == STATUS_OK)
            status = append(map, at, extent.kind);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

// Index of the run that `offset` lies in.
static size_t run_at(const struct known_map *map, uint64_t offset)
{
    size_t low = 0, high = map->count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (map->runs[middle].start <= offset)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static bool is_written(const struct known_map *map, uint64_t granule)
{
    return map->written && (map->written[granule / 8] >> granule % 8 & 1);
}

void known_map_find(const struct known_map *map, uint64_t offset, uint64_t limit,
                    struct vhd_extent *out)
{
    size_t run = run_at(map, offset);
    uint64_t end = run + 1 < map->count ? map->runs[run + 1].start : map->size;
    uint64_t granule = offset / map->granule;
    bool written = is_written(map, granule);
    *out = (struct vhd_extent){.offset = offset,
                               .kind = written ? VHD_EXTENT_DATA : map->runs[run].kind};
    end = min_u64(end, offset + limit);
    while (map->written && granule * map->granule < end && is_written(map, granule) == written)
        granule++;
    if (map->written)
        end = min_u64(end, granule * map->granule);
    out->length = end - offset;
}

enum status known_map_write(struct known_map *map, uint64_t offset, uint64_t length)
{
    uint64_t granules = divide_up(map->size, map->granule);
    if (!map->written && !(map->written = calloc((size_t)divide_up(granules, 8), 1)))
        return status_no_memory("the map of a disk");
    uint64_t last = (offset + length - 1) / map->granule;
    for (uint64_t granule = offset / map->granule; granule <= last; granule++)
        map->written[granule / 8] |= (uint8_t)(1u << granule % 8);
    return STATUS_OK;
}

void known_map_forget(struct known_map *map)
{
    map->runs[0].kind = VHD_EXTENT_DATA; // a disk has a sector at least, so there is a run
    map->count = 1;
}

void known_map_free(struct known_map *map)
{
    free(map->runs);
    free(map->written);
    *map = (struct known_map){0};
}
