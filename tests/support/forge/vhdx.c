#include "tests/support/forge/vhdx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/endian.h"
#include "tests/support/must.h"

// Flags of items: 2 of the virtual disk, 4 required.
#define OF_DISK  6u
#define OF_FILE  4u
#define ITEM_POS (64 * FORGE_KIB)

static const struct guid bat_guid =
    GUID_INIT(0x2DC27766, 0xF623, 0x4200, 0x9D, 0x64, 0x11, 0x5E, 0x9B, 0xFD, 0x4A, 0x08);
static const struct guid metadata_guid =
    GUID_INIT(0x8B7CA206, 0x4790, 0x4B9A, 0xB8, 0xFE, 0x57, 0x5F, 0x05, 0x0F, 0x88, 0x6E);
static const struct guid locator_type =
    GUID_INIT(0xB04AEFB7, 0xD19E, 0x4A81, 0xB7, 0x89, 0x25, 0xB8, 0xE9, 0x44, 0x59, 0x13);
static const struct forge_item known_items[FORGE_ITEMS_KNOWN] = {
    {GUID_INIT(0xCAA16737, 0xFA36, 0x4D43, 0xB3, 0xB6, 0x33, 0xF0, 0xAA, 0x44, 0xE7, 0x6B), 0, 8,
     OF_FILE, 0},
    {GUID_INIT(0x2FA54224, 0xCD1B, 0x4876, 0xB2, 0x11, 0x5D, 0xBE, 0xD8, 0x3B, 0xF4, 0xB8), 8, 8,
     OF_DISK, 0},
    {GUID_INIT(0x8141BF1D, 0xA96F, 0x4709, 0xBA, 0x47, 0xF2, 0x33, 0xA8, 0xFA, 0xAB, 0x5F), 16, 4,
     OF_DISK, 0},
    {GUID_INIT(0xCDA348C7, 0x445D, 0x4471, 0x9C, 0xC9, 0xE9, 0x88, 0x52, 0x51, 0xC5, 0x56), 20, 4,
     OF_DISK, 0},
    {GUID_INIT(0xBECA12AB, 0xB2E6, 0x4523, 0x93, 0xEF, 0xC3, 0x09, 0xE0, 0x00, 0xC7, 0x46), 24, 16,
     OF_DISK, 0},
    {GUID_INIT(0xA8D35F2D, 0xB30B, 0x454D, 0xAB, 0xF7, 0xD3, 0xD8, 0x48, 0x34, 0xAB, 0x0C), 40, 0,
     OF_FILE, 0},
};

struct guid forge_guid(uint32_t n)
{
    struct guid guid = GUID_INIT(0x46524745, 0, 0x4000, 0x80, 0, 0, 0, 0, 0, 0, 0);
    store_le32(guid.bytes + 12, n);
    return guid;
}

uint32_t forge_crc32c(const uint8_t *data, size_t size)
{
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82F63B78u : 0);
    }
    return ~crc;
}

static void put(const struct forge_vhdx *f, uint64_t at, const void *data, size_t size)
{
    mem_fs_poke(f->fs, f->path, at, data, size);
}

static void write_identifier(const struct forge_vhdx *f)
{
    static const char creator[] = "VRep disk forge";
    uint8_t raw[520] = "vhdxfile";
    for (size_t i = 0; creator[i]; i++)
        raw[8 + 2 * i] = (uint8_t)creator[i];
    put(f, 0, raw, sizeof raw);
}

void forge_vhdx_write_header(const struct forge_vhdx *f, unsigned slot)
{
    const struct forge_header *h = &f->headers[slot];
    uint8_t raw[FORGE_HEADER_SIZE] = "head";
    store_le64(raw + 8, h->sequence_number);
    memcpy(raw + 16, &h->file_write_guid, 16);
    memcpy(raw + 32, &h->data_write_guid, 16);
    memcpy(raw + 48, &h->log_guid, 16);
    store_le16(raw + 64, h->log_version);
    store_le16(raw + 66, h->version);
    store_le32(raw + 68, h->log_length);
    store_le64(raw + 72, h->log_offset);
    store_le32(raw + 4, forge_crc32c(raw, sizeof raw));
    put(f, slot == 0 ? FORGE_HEADER1 : FORGE_HEADER2, raw, sizeof raw);
}

void forge_vhdx_write_headers(const struct forge_vhdx *f)
{
    forge_vhdx_write_header(f, 0);
    forge_vhdx_write_header(f, 1);
}

void forge_vhdx_write_regions(const struct forge_vhdx *f, unsigned copy)
{
    uint8_t *raw = must_alloc(FORGE_TABLE_SIZE);
    memcpy(raw, "regi", 4);
    store_le32(raw + 8, f->region_count);
    for (uint32_t i = 0; i < f->region_count && i < FORGE_REGIONS_SHOWN; i++) {
        uint8_t *entry = raw + 16 + i * 32;
        memcpy(entry, &f->regions[i].guid, 16);
        store_le64(entry + 16, f->regions[i].offset);
        store_le32(entry + 24, f->regions[i].length);
        store_le32(entry + 28, f->regions[i].required);
    }
    store_le32(raw + 4, forge_crc32c(raw, FORGE_TABLE_SIZE));
    put(f, copy == 0 ? FORGE_REGIONS1 : FORGE_REGIONS2, raw, FORGE_TABLE_SIZE);
    free(raw);
}

void forge_vhdx_write_both_regions(const struct forge_vhdx *f)
{
    forge_vhdx_write_regions(f, 0);
    forge_vhdx_write_regions(f, 1);
}

void forge_vhdx_write_items(const struct forge_vhdx *f)
{
    uint8_t *raw = must_alloc(FORGE_TABLE_SIZE);
    memcpy(raw, "metadata", 8);
    store_le16(raw + 10, (uint16_t)f->item_count);
    for (uint32_t i = 0; i < f->item_count && 32 + (i + 1) * 32 <= FORGE_TABLE_SIZE; i++) {
        uint8_t *entry = raw + 32 + i * 32;
        memcpy(entry, &f->items[i].guid, 16);
        store_le32(entry + 16, f->items[i].offset);
        store_le32(entry + 20, f->items[i].length);
        store_le32(entry + 24, f->items[i].flags);
        store_le32(entry + 28, f->items[i].reserved);
    }
    put(f, f->regions[FORGE_METADATA].offset, raw, FORGE_TABLE_SIZE);
    free(raw);
}

static uint32_t put_text(uint8_t *raw, uint32_t at, const char *text)
{
    for (; *text; text++, at += 2)
        store_le16(raw + at, (uint8_t)*text);
    return at;
}

// Strings packed behind the entries: key, value, key, value.
static uint32_t encode_locator(const struct forge_vhdx *f, uint8_t *raw)
{
    uint32_t end = 20 + f->pair_count * 12;
    memcpy(raw, &locator_type, 16);
    store_le16(raw + 18, (uint16_t)f->pair_count);
    for (uint32_t i = 0; i < f->pair_count; i++) {
        uint8_t *entry = raw + 20 + i * 12;
        uint32_t key = end, value = put_text(raw, key, f->pairs[i].key);
        end = put_text(raw, value, f->pairs[i].value);
        store_le32(entry, key);
        store_le32(entry + 4, value);
        store_le16(entry + 8, (uint16_t)(value - key));
        store_le16(entry + 10, (uint16_t)(end - value));
    }
    return end;
}

void forge_vhdx_write_values(struct forge_vhdx *f)
{
    uint8_t raw[16];
    uint64_t at = f->regions[FORGE_METADATA].offset;
    store_le32(raw, f->block_size);
    store_le32(raw + 4, f->parameters);
    put(f, at + f->items[FORGE_PARAMETERS].offset, raw, 8);
    store_le64(raw, f->size);
    put(f, at + f->items[FORGE_SIZE].offset, raw, 8);
    store_le32(raw, f->sector_size);
    put(f, at + f->items[FORGE_LOGICAL].offset, raw, 4);
    store_le32(raw, f->physical_sector_size);
    put(f, at + f->items[FORGE_PHYSICAL].offset, raw, 4);
    put(f, at + f->items[FORGE_DISK_ID].offset, &f->disk_id, 16);
    if (f->pair_count > 0) {
        uint8_t *locator = must_alloc(FORGE_TABLE_SIZE);
        uint32_t length = encode_locator(f, locator);
        f->items[FORGE_LOCATOR].length = length;
        put(f, at + f->items[FORGE_LOCATOR].offset, locator, length);
        free(locator);
    }
    forge_vhdx_write_items(f);
}

void forge_vhdx_add_item(struct forge_vhdx *f, const struct guid *guid, uint32_t flags,
                         uint32_t length)
{
    uint32_t end = ITEM_POS;
    for (uint32_t i = 0; i < f->item_count; i++)
        if (f->items[i].offset + f->items[i].length > end)
            end = f->items[i].offset + f->items[i].length;
    f->items[f->item_count++] = (struct forge_item){
        .guid = *guid, .offset = length ? end : 0, .length = length, .flags = flags};
    uint8_t *raw = must_alloc(length + 1);
    memset(raw, 0x55, length);
    put(f, f->regions[FORGE_METADATA].offset + end, raw, length);
    free(raw);
    forge_vhdx_write_items(f);
}

void forge_vhdx_add_region(struct forge_vhdx *f, const struct guid *guid, uint32_t required)
{
    f->regions[f->region_count++] = (struct forge_region){
        .guid = *guid,
        .offset = forge_vhdx_room(f, 1) * FORGE_MIB,
        .length = FORGE_MIB,
        .required = required,
    };
    forge_vhdx_write_both_regions(f);
}

void forge_vhdx_set_pair(struct forge_vhdx *f, const char *key, const char *value)
{
    uint32_t i = 0;
    while (i < f->pair_count && strcmp(f->pairs[i].key, key) != 0)
        i++;
    if (i == f->pair_count)
        f->pair_count++;
    snprintf(f->pairs[i].key, sizeof f->pairs[i].key, "%s", key);
    snprintf(f->pairs[i].value, sizeof f->pairs[i].value, "%s", value);
}

uint64_t forge_vhdx_room(struct forge_vhdx *f, uint64_t mib)
{
    uint64_t first = f->next_mib;
    f->next_mib += mib;
    if (mem_fs_size(f->fs, f->path) < f->next_mib * FORGE_MIB)
        mem_fs_resize(f->fs, f->path, f->next_mib * FORGE_MIB);
    return first;
}

uint64_t forge_vhdx_ratio(const struct forge_vhdx *f)
{
    return (1ull << 23) * f->sector_size / f->block_size;
}

uint64_t forge_vhdx_block_at(const struct forge_vhdx *f, uint64_t block)
{
    return f->regions[FORGE_BAT].offset + 8 * (block + block / forge_vhdx_ratio(f));
}

uint64_t forge_vhdx_chunk_at(const struct forge_vhdx *f, uint64_t chunk)
{
    uint64_t ratio = forge_vhdx_ratio(f);
    return f->regions[FORGE_BAT].offset + 8 * (chunk * (ratio + 1) + ratio);
}

uint64_t forge_vhdx_table_size(const struct forge_vhdx *f)
{
    uint64_t ratio = forge_vhdx_ratio(f);
    uint64_t blocks = (f->size + f->block_size - 1) / f->block_size;
    uint64_t chunks = (blocks + ratio - 1) / ratio;
    return 8 * (f->parameters & FORGE_DIFFERENCING ? chunks * (ratio + 1)
                                                   : blocks + (blocks - 1) / ratio);
}

void forge_vhdx_put_entry(const struct forge_vhdx *f, uint64_t at, uint64_t mib, unsigned state)
{
    uint8_t raw[8];
    store_le64(raw, mib * FORGE_MIB | state);
    put(f, at, raw, sizeof raw);
}

void forge_vhdx_put_sectors(const struct forge_vhdx *f, uint64_t mib, uint64_t block,
                            uint64_t first, uint64_t count, uint8_t tag)
{
    uint64_t in_block = first * f->sector_size - block * f->block_size;
    uint8_t *data = must_alloc((size_t)(count * f->sector_size));
    forge_fill(data, tag, first, count, f->sector_size);
    put(f, mib * FORGE_MIB + in_block, data, (size_t)(count * f->sector_size));
    free(data);
}

uint64_t forge_vhdx_put_block(struct forge_vhdx *f, uint64_t block, unsigned state, uint8_t tag)
{
    uint64_t mib = forge_vhdx_room(f, f->block_size / FORGE_MIB);
    uint64_t sectors = f->block_size / f->sector_size;
    forge_vhdx_put_entry(f, forge_vhdx_block_at(f, block), mib, state);
    forge_vhdx_put_sectors(f, mib, block, block * sectors, sectors, tag);
    return mib;
}

void forge_vhdx_put_bits(const struct forge_vhdx *f, uint64_t mib, uint64_t first, uint64_t count)
{
    for (uint64_t sector = first; sector < first + count; sector++) {
        uint64_t bit = sector % (1ull << 23);
        uint8_t byte;
        mem_fs_peek(f->fs, f->path, mib * FORGE_MIB + bit / 8, &byte, 1);
        byte |= (uint8_t)(1u << bit % 8);
        put(f, mib * FORGE_MIB + bit / 8, &byte, 1);
    }
}

static uint32_t number_of(const char *path)
{
    return forge_crc32c((const uint8_t *)path, strlen(path));
}

static void begin_headers(struct forge_vhdx *f)
{
    for (unsigned slot = 0; slot < 2; slot++)
        f->headers[slot] = (struct forge_header){
            .sequence_number = 6 + slot,
            .file_write_guid = forge_guid(1),
            .data_write_guid = forge_guid(number_of(f->path)),
            .version = 1,
            .log_length = FORGE_MIB,
            .log_offset = FORGE_MIB,
        };
}

static void begin_regions(struct forge_vhdx *f)
{
    uint64_t table = (forge_vhdx_table_size(f) + FORGE_MIB - 1) / FORGE_MIB * FORGE_MIB;
    f->region_count = 2;
    f->regions[FORGE_BAT] = (struct forge_region){bat_guid, 3 * FORGE_MIB, (uint32_t)table, 1};
    f->regions[FORGE_METADATA] = (struct forge_region){metadata_guid, 2 * FORGE_MIB, FORGE_MIB, 1};
    f->next_mib = 3;
    forge_vhdx_room(f, table / FORGE_MIB);
}

static void begin_locator(struct forge_vhdx *f, const struct forge_shape *shape)
{
    char guid[GUID_TEXT_SIZE], text[160];
    snprintf(text, sizeof text, "{%s}", guid_format(shape->parent_linkage, guid));
    forge_vhdx_set_pair(f, "parent_linkage", text);
    snprintf(text, sizeof text, ".\\%s", shape->parent);
    forge_vhdx_set_pair(f, "relative_path", text);
    forge_vhdx_set_pair(f, "parent_linkage2", "{00000000-0000-0000-0000-000000000000}");
}

void forge_vhdx_begin(struct forge_vhdx *f, struct mem_fs *fs, const char *path,
                      const struct forge_shape *shape)
{
    *f = (struct forge_vhdx){
        .fs = fs,
        .path = path,
        .size = shape->size,
        .block_size = shape->block_size,
        .sector_size = shape->sector_size ? shape->sector_size : 512,
        .physical_sector_size = 4096,
        .parameters = shape->parameters,
        .disk_id = forge_guid(83),
        .item_count = shape->parent ? FORGE_ITEMS_KNOWN : FORGE_LOCATOR,
    };
    mem_fs_put(fs, path, "", 0);
    memcpy(f->items, known_items, sizeof known_items);
    for (uint32_t i = 0; i < FORGE_ITEMS_KNOWN; i++)
        f->items[i].offset += ITEM_POS;
    begin_headers(f);
    begin_regions(f);
    if (shape->parent)
        begin_locator(f, shape);
    write_identifier(f);
    forge_vhdx_write_headers(f);
    forge_vhdx_write_both_regions(f);
    forge_vhdx_write_values(f);
}
