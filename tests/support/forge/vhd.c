#include "tests/support/forge/vhd.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/endian.h"
#include "tests/support/forge/vhdx.h"
#include "tests/support/must.h"

#define SECTOR         512u
#define FOOTER_SUM     64
#define HEADER_SUM     36
#define LOCATORS       576
#define LOCATOR_SIZE   24
#define RELATIVE_ROOM  4096u // as Windows has it for its two locators
#define BLOCK_SIZE_STD (2u << 20)

static uint32_t sum(const uint8_t *raw, size_t size, size_t field)
{
    uint32_t total = 0;
    for (size_t i = 0; i < size; i++)
        total += i < field || i >= field + 4 ? raw[i] : 0;
    return ~total;
}

void forge_vhd_sum_footer(uint8_t footer[FORGE_FOOTER_SIZE])
{
    store_be32(footer + FOOTER_SUM, sum(footer, FORGE_FOOTER_SIZE, FOOTER_SUM));
}

void forge_vhd_sum_header(uint8_t header[FORGE_SPARSE_SIZE])
{
    store_be32(header + HEADER_SUM, sum(header, FORGE_SPARSE_SIZE, HEADER_SUM));
}

static void put(const struct forge_vhd *f, uint64_t at, const void *data, size_t size)
{
    mem_fs_poke(f->fs, f->path, at, data, size);
}

struct guid forge_vhd_id(const char *path)
{
    return forge_guid(forge_crc32c((const uint8_t *)path, strlen(path)));
}

static void build_footer(struct forge_vhd *f)
{
    const struct forge_vhd_shape *shape = &f->shape;
    uint8_t *raw = f->footer;
    bool fixed = shape->type == FORGE_VHD_FIXED;
    memcpy(raw, "conectix", 8);
    store_be32(raw + 8, 2);
    store_be32(raw + 12, 0x00010000);
    store_be64(raw + 16, fixed ? UINT64_MAX : shape->header_at);
    store_be32(raw + 24, 0x1234567);
    memcpy(raw + 28, shape->creator, 4);
    store_be32(raw + 32, 0x000A0000);
    memcpy(raw + 36, "Wi2k", 4);
    store_be64(raw + 40, shape->size / 2); // Original Size: as it was created, nobody asks
    store_be64(raw + 48, shape->size);
    store_be16(raw + 56, 7); // a geometry that has nothing to do with the size
    raw[58] = 4;
    raw[59] = 17;
    store_be32(raw + 60, shape->type);
    memcpy(raw + 68, &f->id, 16);
    forge_vhd_sum_footer(raw);
}

static uint32_t put_wide(uint8_t *raw, const char *text, bool big_endian)
{
    uint32_t length = 0;
    for (; *text; text++, length += 2)
        raw[length + big_endian] = (uint8_t)*text;
    return length;
}

// W2ku: the absolute path; W2ru: ".\name". Each has `room` bytes at `at`.
static void put_locator(struct forge_vhd *f, unsigned number, const char *code, const char *path,
                        uint64_t at, uint32_t room)
{
    uint8_t *entry = f->header + LOCATORS + number * LOCATOR_SIZE;
    uint8_t *raw = must_alloc(room);
    uint32_t length = put_wide(raw, path, false);
    memcpy(entry, code, 4);
    store_be32(entry + 4, f->shape.space_in_sectors ? room / SECTOR : room);
    store_be32(entry + 8, length);
    store_be64(entry + 16, at);
    put(f, at, raw, room);
    free(raw);
}

// Returns the end of what was written.
static uint64_t build_parent(struct forge_vhd *f, uint64_t at)
{
    char relative[128] = ".\\";
    memcpy(f->header + 40, f->shape.parent_id, 16);
    put_wide(f->header + 64, f->shape.parent, true);
    strncat(relative, f->shape.parent + 1, sizeof relative - 3);
    put_locator(f, 0, "W2ku", f->shape.parent, at, SECTOR);
    put_locator(f, 1, "W2ru", relative, at + SECTOR, RELATIVE_ROOM);
    return at + SECTOR + RELATIVE_ROOM;
}

static void build_table(struct forge_vhd *f)
{
    uint32_t size = (uint32_t)align_up(f->entries * 4ull, SECTOR);
    uint8_t *raw = must_alloc(size);
    memset(raw, 0xff, f->entries * 4ull);
    memset(raw + f->entries * 4ull, f->shape.padded_with_zeros ? 0 : 0xff,
           size - f->entries * 4ull);
    put(f, f->shape.table_at, raw, size);
    free(raw);
    f->end = max_u64(f->end, f->shape.table_at + size);
}

static void build_sparse(struct forge_vhd *f)
{
    struct forge_vhd_shape *shape = &f->shape;
    f->end = shape->header_at + FORGE_SPARSE_SIZE;
    memcpy(f->header, "cxsparse", 8);
    store_be64(f->header + 8, UINT64_MAX);
    if (shape->parent)
        f->end = build_parent(f, f->end);
    if (shape->table_at == 0)
        shape->table_at = f->end;
    store_be64(f->header + 16, shape->table_at);
    store_be32(f->header + 24, 0x00010000);
    store_be32(f->header + 28, f->entries);
    store_be32(f->header + 32, shape->block_size);
    forge_vhd_sum_header(f->header);
    put(f, 0, f->footer, sizeof f->footer);
    put(f, shape->header_at, f->header, sizeof f->header);
    build_table(f);
}

void forge_vhd_begin(struct forge_vhd *f, struct mem_fs *fs, const char *path,
                     const struct forge_vhd_shape *shape)
{
    *f = (struct forge_vhd){.fs = fs, .path = path, .shape = *shape, .id = forge_vhd_id(path)};
    if (!shape->creator)
        f->shape.creator = "win ";
    if (shape->block_size == 0)
        f->shape.block_size = BLOCK_SIZE_STD;
    if (shape->header_at == 0)
        f->shape.header_at = FORGE_HEADER_AT;
    f->entries = (uint32_t)divide_up(shape->size, f->shape.block_size);
    if (shape->entries != 0)
        f->entries = shape->entries;
    mem_fs_put(fs, path, "", 0);
    build_footer(f);
    if (shape->type == FORGE_VHD_FIXED) {
        f->end = shape->size;
        mem_fs_resize(fs, path, f->end);
    } else {
        build_sparse(f);
    }
}

uint32_t forge_vhd_bitmap_size(const struct forge_vhd *f)
{
    return (uint32_t)align_up(f->shape.block_size / SECTOR / 8, SECTOR);
}

uint64_t forge_vhd_table_at(const struct forge_vhd *f)
{
    return f->shape.table_at;
}

// Where the next bitmap goes.
static uint64_t slot(const struct forge_vhd *f)
{
    uint32_t bitmap = forge_vhd_bitmap_size(f);
    return f->shape.aligned ? align_up(f->end + bitmap, 4096) - bitmap : f->end;
}

void forge_vhd_put_entry(const struct forge_vhd *f, uint32_t block, uint32_t sector)
{
    uint8_t raw[4];
    store_be32(raw, sector);
    put(f, f->shape.table_at + block * 4ull, raw, sizeof raw);
}

uint64_t forge_vhd_put_block(struct forge_vhd *f, uint32_t block, bool marked)
{
    uint64_t place = slot(f);
    uint32_t bitmap = forge_vhd_bitmap_size(f);
    f->end = place + bitmap + f->shape.block_size;
    mem_fs_resize(f->fs, f->path, f->end);
    forge_vhd_put_entry(f, block, (uint32_t)(place / SECTOR));
    uint8_t *bits = must_alloc(bitmap);
    memset(bits, marked ? 0xff : 0, bitmap);
    put(f, place, bits, bitmap);
    free(bits);
    return place;
}

void forge_vhd_put_sectors(const struct forge_vhd *f, uint64_t place, uint32_t block,
                           uint64_t first, uint64_t count, uint8_t tag, bool bits)
{
    uint64_t in_block = first - (uint64_t)block * (f->shape.block_size / SECTOR);
    uint8_t *data = must_alloc((size_t)count * SECTOR);
    forge_fill(data, tag, first, count, SECTOR);
    put(f, place + forge_vhd_bitmap_size(f) + in_block * SECTOR, data, (size_t)count * SECTOR);
    free(data);
    for (uint64_t i = in_block; bits && i < in_block + count; i++) {
        uint8_t byte;
        mem_fs_peek(f->fs, f->path, place + i / 8, &byte, 1);
        byte |= (uint8_t)(0x80u >> i % 8);
        put(f, place + i / 8, &byte, 1);
    }
}

void forge_vhd_end(struct forge_vhd *f)
{
    bool blocks = f->shape.type != FORGE_VHD_FIXED;
    uint64_t at = blocks ? slot(f) : f->end;
    put(f, at, f->footer, f->shape.legacy_footer ? FORGE_FOOTER_SIZE - 1 : FORGE_FOOTER_SIZE);
}
