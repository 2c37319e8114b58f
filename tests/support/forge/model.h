// What a forged disk must read as: runs of sectors, each with a tag. A sector with tag 0 is zeros;
// any other one is filled with a pattern made of its tag and its number, so that a sector that is
// read from the wrong place, or from the wrong disk of a chain, is recognised.
#ifndef VREP_TESTS_SUPPORT_FORGE_MODEL_H
#define VREP_TESTS_SUPPORT_FORGE_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "vhd/vhd.h"

// Sectors with these tags begin with the signature of a file format, as a guest may write it.
#define FORGE_TAG_VHDX 0xFD
#define FORGE_TAG_VHD  0xFC

struct forge_run {
    uint64_t first; // sector
    uint64_t count;
    uint8_t tag;
};

struct forge_model {
    uint64_t size; // bytes
    uint32_t sector_size;
    struct forge_run *runs; // a later one hides an earlier one
    size_t count;
};

// A disk of zeros.
void forge_model_begin(struct forge_model *model, uint64_t size, uint32_t sector_size);

void forge_model_free(struct forge_model *model);

// Sectors past the end of the disk do not count.
void forge_model_paint(struct forge_model *model, uint64_t first, uint64_t count, uint8_t tag);

// The tag of a sector, and how many from there on, at most `limit`, have the same.
uint8_t forge_model_tag(const struct forge_model *model, uint64_t sector, uint64_t limit,
                        uint64_t *count);

// What `count` sectors from `first` on hold when they have this tag.
void forge_fill(uint8_t *buffer, uint8_t tag, uint64_t first, uint64_t count, uint32_t sector_size);

// Reads `disk`, all of it or, when it is large, around the ends of all runs and at random, and
// looks at its maps. Returns how many sectors differ or are mapped wrongly; prints the first.
uint64_t forge_model_differences(const struct forge_model *model, struct vhd *disk);

// The same by samples only, for tests that look at thousands of states.
uint64_t forge_model_sample(const struct forge_model *model, struct vhd *disk);

#endif
