#include "tests/support/disk_model.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/bytes.h"
#include "base/endian.h"
#include "tests/support/must.h"

#define READ_SIZE (64 * 1024)

// One write of one sector.
struct version {
    struct version *older;
    uint32_t id;
    bool zero;
};

struct promise {
    size_t operations;
    uint32_t id; // all writes up to this one
};

struct disk_model {
    uint64_t size;
    uint32_t sector_size;
    struct version **sectors; // newest first; the oldest, zeros, is not in the list
    uint32_t last_id;
    struct promise *promises;
    size_t promise_count;
};

struct disk_model *disk_model_new(uint64_t size, uint32_t sector_size)
{
    struct disk_model *model = must_alloc(sizeof *model);
    model->size = size;
    model->sector_size = sector_size;
    model->sectors = must_alloc((size_t)(size / sector_size) * sizeof *model->sectors);
    return model;
}

void disk_model_free(struct disk_model *model)
{
    for (uint64_t s = 0; s < model->size / model->sector_size; s++)
        while (model->sectors[s]) {
            struct version *older = model->sectors[s]->older;
            free(model->sectors[s]);
            model->sectors[s] = older;
        }
    free(model->sectors);
    free(model->promises);
    free(model);
}

static uint64_t word(uint32_t id, uint64_t sector, uint32_t index)
{
    return (uint64_t)id << 40 | (sector & 0xffffff) << 16 | index;
}

static void fill(const struct disk_model *model, uint32_t id, uint64_t sector, uint8_t *to)
{
    for (uint32_t i = 0; i < model->sector_size / 8; i++)
        store_le64(to + 8 * i, word(id, sector, i));
}

static void remember(struct disk_model *model, uint64_t offset, uint64_t length, bool zero)
{
    uint64_t first = offset / model->sector_size;
    for (uint64_t s = first; s < first + length / model->sector_size; s++) {
        struct version *version = must_alloc(sizeof *version);
        *version = (struct version){model->sectors[s], model->last_id, zero};
        model->sectors[s] = version;
    }
}

enum status disk_model_write(struct disk_model *model, struct vhd *disk, uint64_t offset,
                             uint64_t length)
{
    uint8_t *data = must_alloc((size_t)length);
    model->last_id++;
    for (uint64_t at = 0; at < length; at += model->sector_size)
        fill(model, model->last_id, (offset + at) / model->sector_size, data + at);
    remember(model, offset, length, false);
    enum status status = vhd_write(disk, offset, data, (size_t)length);
    free(data);
    return status;
}

enum status disk_model_zero(struct disk_model *model, struct vhd *disk, uint64_t offset,
                            uint64_t length)
{
    model->last_id++;
    remember(model, offset, length, true);
    return vhd_zero(disk, offset, length);
}

void disk_model_promise(struct disk_model *model, size_t operations)
{
    model->promises =
        must(realloc(model->promises, (model->promise_count + 1) * sizeof *model->promises));
    model->promises[model->promise_count++] = (struct promise){operations, model->last_id};
}

static uint32_t promised_id(const struct disk_model *model, size_t operations)
{
    uint32_t id = 0;
    for (size_t i = 0; i < model->promise_count; i++)
        if (model->promises[i].operations <= operations)
            id = model->promises[i].id;
    return id;
}

// True when `data` is all of what write `id` put into `sector`.
static bool holds(const struct disk_model *model, uint32_t id, uint64_t sector, const uint8_t *data)
{
    uint64_t expected = word(id, sector, 0);
    for (uint32_t i = 0; i < model->sector_size / 8; i++)
        if (load_le64(data + 8 * i) != expected + i)
            return false;
    return true;
}

static bool may_hold(const struct disk_model *model, uint64_t sector, uint32_t promised,
                     const uint8_t *data)
{
    bool zero = bytes_are_zero(data, model->sector_size);
    uint32_t id = (uint32_t)(load_le64(data) >> 40);
    if (!zero && !holds(model, id, sector, data))
        return false;
    for (const struct version *v = model->sectors[sector]; v; v = v->older) {
        if (zero ? v->zero : !v->zero && v->id == id)
            return true;
        if (v->id <= promised)
            return false;
    }
    return zero;
}

uint64_t disk_model_violations(const struct disk_model *model, struct vhd *disk, size_t operations)
{
    uint32_t promised = promised_id(model, operations);
    uint64_t violations = 0;
    uint8_t *data = must_alloc(READ_SIZE);
    for (uint64_t at = 0; at < model->size; at += READ_SIZE) {
        uint64_t size = model->size - at < READ_SIZE ? model->size - at : READ_SIZE;
        if (vhd_read(disk, at, data, (size_t)size) != STATUS_OK) {
            fprintf(stderr, "reading at %" PRIu64 ": %s\n", at, status_last()->message);
            violations += size / model->sector_size;
            continue;
        }
        for (uint64_t s = 0; s < size / model->sector_size; s++) {
            const uint8_t *sector = data + s * model->sector_size;
            uint64_t number = at / model->sector_size + s;
            if (may_hold(model, number, promised, sector))
                continue;
            if (violations++ == 0)
                fprintf(stderr,
                        "sector %" PRIu64 " begins with %016" PRIx64 " (write %" PRIu64
                        "); promised are the writes up to %" PRIu32 "\n",
                        number, load_le64(sector), load_le64(sector) >> 40, promised);
        }
    }
    free(data);
    return violations;
}
