// The map of a disk that virtdisk works on: virtdisk tells none, so it is read from the files
// before virtdisk opens them, and what is written afterwards counts as data.
#ifndef VREP_VHD_VIRTDISK_KNOWN_MAP_H
#define VREP_VHD_VIRTDISK_KNOWN_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "vhd/vhd.h"

struct known_run;

struct known_map {
    struct known_run *runs; // ascending, without gaps; the last one reaches to `size`
    size_t count;
    size_t capacity;
    uint64_t size;    // of the disk
    uint8_t *written; // one bit a granule; NULL: nothing was written
    uint64_t granule; // bytes
};

// Reads the map of `disk` (any backend's that tells it) as `scope` says. A disk of more extents
// than we keep has DATA in the rest. `map` is given back with known_map_free whatever the result.
enum status known_map_read(struct known_map *map, struct vhd *disk,
                           enum vhd_map_scope scope) MUST_CHECK;

// The extent at `offset`, of at most `limit` bytes; the next one may be of the same kind.
void known_map_find(const struct known_map *map, uint64_t offset, uint64_t limit,
                    struct vhd_extent *out);

// [offset, offset + length), not empty, is going to be written.
enum status known_map_write(struct known_map *map, uint64_t offset, uint64_t length) MUST_CHECK;

// What was read holds no more: all is DATA from now on.
void known_map_forget(struct known_map *map);

void known_map_free(struct known_map *map);

#endif
