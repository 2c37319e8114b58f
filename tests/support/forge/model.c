#include "tests/support/forge/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/endian.h"
#include "tests/support/must.h"
#include "tests/support/random.h"

#define READ_WHOLE_MAX (96ull << 20) // larger disks are sampled
#define READ_SIZE      (1u << 16)
#define SAMPLES        16

void forge_model_begin(struct forge_model *model, uint64_t size, uint32_t sector_size)
{
    *model = (struct forge_model){.size = size, .sector_size = sector_size};
}

void forge_model_free(struct forge_model *model)
{
    free(model->runs);
    *model = (struct forge_model){0};
}

void forge_model_paint(struct forge_model *model, uint64_t first, uint64_t count, uint8_t tag)
{
    uint64_t sectors = model->size / model->sector_size;
    if (first >= sectors)
        return;
    model->runs = must(realloc(model->runs, (model->count + 1) * sizeof *model->runs));
    model->runs[model->count++] =
        (struct forge_run){.first = first, .count = min_u64(count, sectors - first), .tag = tag};
}

uint8_t forge_model_tag(const struct forge_model *model, uint64_t sector, uint64_t limit,
                        uint64_t *count)
{
    // Whatever hides the sector's run begins later and cuts it.
    for (size_t i = model->count; i-- > 0;) {
        const struct forge_run *run = &model->runs[i];
        if (sector >= run->first && sector - run->first < run->count) {
            *count = min_u64(limit, run->first + run->count - sector);
            return run->tag;
        }
        if (run->first > sector)
            limit = min_u64(limit, run->first - sector);
    }
    *count = limit;
    return 0;
}

void forge_fill(uint8_t *buffer, uint8_t tag, uint64_t first, uint64_t count, uint32_t sector_size)
{
    if (tag == 0) {
        memset(buffer, 0, (size_t)(count * sector_size));
        return;
    }
    for (uint64_t sector = first; sector < first + count; sector++) {
        uint64_t word = (sector + 1) * 0x9E3779B97F4A7C15u ^ tag * 0x0101010101010101u;
        for (uint32_t at = 0; at < sector_size; at += 8, word += tag)
            store_le64(buffer + at, word | 1);
        if (tag == FORGE_TAG_VHDX || tag == FORGE_TAG_VHD)
            memcpy(buffer, tag == FORGE_TAG_VHDX ? "vhdxfile" : "conectix", 8);
        buffer += sector_size;
    }
}

static uint64_t compare(const struct forge_model *model, struct vhd *disk, uint64_t first,
                        uint64_t count)
{
    uint8_t *got = must_alloc((size_t)(count * model->sector_size));
    uint8_t *want = must_alloc((size_t)(count * model->sector_size));
    uint64_t wrong = 0, same;
    for (uint64_t at = first; at < first + count; at += same) {
        uint8_t tag = forge_model_tag(model, at, first + count - at, &same);
        forge_fill(want + (at - first) * model->sector_size, tag, at, same, model->sector_size);
    }
    if (vhd_read(disk, first * model->sector_size, got, (size_t)(count * model->sector_size))) {
        fprintf(stderr, "sectors %llu+%llu cannot be read: %s\n", (unsigned long long)first,
                (unsigned long long)count, status_last()->message);
        wrong = count;
    }
    for (uint64_t i = 0; i < count && wrong < count; i++) {
        size_t at = (size_t)(i * model->sector_size);
        if (memcmp(got + at, want + at, model->sector_size) == 0)
            continue;
        if (wrong++ == 0)
            fprintf(stderr, "sector %llu holds %016llx instead of %016llx\n",
                    (unsigned long long)(first + i), (unsigned long long)load_le64(got + at),
                    (unsigned long long)load_le64(want + at));
    }
    free(got);
    free(want);
    return wrong;
}

static uint64_t compare_whole(const struct forge_model *model, struct vhd *disk)
{
    uint64_t sectors = model->size / model->sector_size;
    uint64_t step = READ_SIZE / model->sector_size;
    uint64_t wrong = 0;
    for (uint64_t at = 0; at < sectors; at += step)
        wrong += compare(model, disk, at, min_u64(step, sectors - at));
    return wrong;
}

// Some sectors before and behind `sector`.
static uint64_t compare_around(const struct forge_model *model, struct vhd *disk, uint64_t sector)
{
    uint64_t sectors = model->size / model->sector_size;
    uint64_t first = sector > 4 ? sector - 4 : 0;
    return first < sectors ? compare(model, disk, first, min_u64(8, sectors - first)) : 0;
}

uint64_t forge_model_sample(const struct forge_model *model, struct vhd *disk)
{
    struct random random = random_start(model->count);
    uint64_t sectors = model->size / model->sector_size;
    uint64_t wrong = compare_around(model, disk, 0) + compare_around(model, disk, sectors);
    for (size_t i = 0; i < model->count; i++)
        wrong += compare_around(model, disk, model->runs[i].first) +
                 compare_around(model, disk, model->runs[i].first + model->runs[i].count);
    for (int i = 0; i < SAMPLES; i++)
        wrong += compare_around(model, disk, random_below(&random, sectors));
    return wrong;
}

// The map covers the disk without gaps, and what it calls zero is.
static uint64_t compare_map(const struct forge_model *model, struct vhd *disk)
{
    uint64_t wrong = 0;
    for (uint64_t at = 0; at < model->size;) {
        struct vhd_extent extent;
        uint64_t same;
        if (vhd_map(disk, VHD_MAP_CHAIN, at, model->size - at, &extent) || extent.offset != at ||
            extent.length == 0 || extent.length > model->size - at ||
            extent.length % model->sector_size != 0 || extent.kind == VHD_EXTENT_PARENT) {
            fprintf(stderr, "the map at %llu is wrong\n", (unsigned long long)at);
            return wrong + 1;
        }
        uint64_t end = at + extent.length;
        for (; extent.kind == VHD_EXTENT_ZERO && at < end; at += same * model->sector_size) {
            uint64_t sector = at / model->sector_size;
            if (forge_model_tag(model, sector, (end - at) / model->sector_size, &same) == 0)
                continue;
            if (wrong++ == 0)
                fprintf(stderr, "sector %llu is mapped as zero\n", (unsigned long long)sector);
        }
        at = end;
    }
    return wrong;
}

uint64_t forge_model_differences(const struct forge_model *model, struct vhd *disk)
{
    struct vhd_info info;
    vhd_get_info(disk, &info);
    if (info.virtual_size != model->size || info.logical_sector_size != model->sector_size) {
        fprintf(stderr, "the disk has %llu bytes in sectors of %u\n",
                (unsigned long long)info.virtual_size, (unsigned)info.logical_sector_size);
        return model->size / model->sector_size;
    }
    uint64_t wrong = model->size <= READ_WHOLE_MAX ? compare_whole(model, disk)
                                                   : forge_model_sample(model, disk);
    return wrong + compare_map(model, disk);
}
