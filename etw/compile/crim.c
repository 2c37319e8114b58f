// The frame: header, providers, their blocks.
#include "etw/compile/crim.h"

#include <string.h>

#include "base/utf.h"
#include "etw/compile/emit.h"

#define VERSION_MAJOR   5
#define VERSION_MINOR   1
#define SIGNATURE_SIZE  4
#define LENGTH_AT       4
#define EVENT_ALIGNMENT 8
#define BLOCKS_MAX      9

enum block_type {
    BLOCK_LEVELS = 0,
    BLOCK_TASKS = 1,
    BLOCK_OPCODES = 2,
    BLOCK_KEYWORDS = 3,
    BLOCK_EVENTS = 4,
    BLOCK_CHANNELS = 5,
    BLOCK_MAPS = 6,
    BLOCK_TEMPLATES = 7,
    BLOCK_TRAITS = 13
};

uint32_t crim_begin(struct buffer *out, const char *signature, size_t count)
{
    uint32_t block = emit_offset(out);
    emit_bytes(out, signature, SIGNATURE_SIZE);
    emit_u32(out, 0);
    emit_u32(out, (uint32_t)count);
    return block;
}

void crim_end(struct buffer *out, uint32_t block)
{
    emit_set_u32(out, block + LENGTH_AT, emit_offset(out) - block);
}

uint32_t crim_name_size(const char *name)
{
    size_t size = 4 + 2 * (utf8_utf16_length(name, strlen(name)) + 1);
    return (uint32_t)((size + 3) / 4 * 4);
}

void crim_name(struct buffer *out, const char *name)
{
    emit_u32(out, crim_name_size(name));
    emit_utf16(out, name);
    emit_u16(out, 0);
    emit_padding(out, 4);
}

// What provider_blocks fills in: type and offset of each block, at the head of the provider.
struct directory {
    enum block_type type[BLOCKS_MAX];
    size_t count;
};

static struct directory plan(const struct provider *provider)
{
    struct directory blocks = {0};
    if (provider->channels.count)
        blocks.type[blocks.count++] = BLOCK_CHANNELS;
    if (provider->maps.count)
        blocks.type[blocks.count++] = BLOCK_MAPS;
    if (provider->templates.count)
        blocks.type[blocks.count++] = BLOCK_TEMPLATES;
    blocks.type[blocks.count++] = BLOCK_TRAITS;
    blocks.type[blocks.count++] = BLOCK_OPCODES;
    blocks.type[blocks.count++] = BLOCK_LEVELS;
    blocks.type[blocks.count++] = BLOCK_TASKS;
    blocks.type[blocks.count++] = BLOCK_KEYWORDS;
    if (provider->events.count)
        blocks.type[blocks.count++] = BLOCK_EVENTS;
    return blocks;
}

static uint32_t write_block(struct manifest *manifest, const struct provider *provider,
                            enum block_type type, struct buffer *out)
{
    switch (type) {
    case BLOCK_LEVELS:
        return crim_levels(manifest, provider, out);
    case BLOCK_TASKS:
        return crim_tasks(provider, out);
    case BLOCK_OPCODES:
        return crim_opcodes(manifest, provider, out);
    case BLOCK_KEYWORDS:
        return crim_keywords(manifest, provider, out);
    case BLOCK_CHANNELS:
        return crim_channels(provider, out);
    case BLOCK_MAPS:
        return crim_maps(manifest, provider, out);
    case BLOCK_TEMPLATES:
        return crim_templates(provider, out);
    case BLOCK_TRAITS:
        return crim_traits(provider, out);
    case BLOCK_EVENTS:
        break;
    }
    emit_padding(out, EVENT_ALIGNMENT);
    return crim_events(manifest, provider, out);
}

static void write_provider(struct manifest *manifest, const struct provider *provider,
                           struct buffer *out)
{
    const struct directory blocks = plan(provider);
    uint32_t start = emit_offset(out);
    emit_bytes(out, "WEVT", SIGNATURE_SIZE);
    emit_u32(out, 0);
    emit_u32(out, provider->message.id);
    emit_u32(out, (uint32_t)blocks.count);
    uint32_t directory = emit_offset(out);
    for (size_t i = 0; i < blocks.count; i++) {
        emit_u32(out, blocks.type[i]);
        emit_u32(out, 0);
    }
    for (size_t i = 0; i < blocks.count; i++)
        emit_set_u32(out, directory + 8 * (uint32_t)i + 4,
                     write_block(manifest, provider, blocks.type[i], out));
    crim_end(out, start);
}

void crim_write(struct manifest *manifest, struct buffer *out)
{
    emit_bytes(out, "CRIM", SIGNATURE_SIZE);
    emit_u32(out, 0);
    emit_u16(out, VERSION_MAJOR);
    emit_u16(out, VERSION_MINOR);
    emit_u32(out, (uint32_t)manifest->providers.count);
    uint32_t directory = emit_offset(out);
    for (size_t i = 0; i < manifest->providers.count; i++) {
        const struct provider *provider = manifest->providers.item[i];
        emit_bytes(out, provider->guid.bytes, sizeof provider->guid.bytes);
        emit_u32(out, 0);
    }
    for (size_t i = 0; i < manifest->providers.count; i++) {
        emit_set_u32(out, directory + 20 * (uint32_t)i + 16, emit_offset(out));
        write_provider(manifest, manifest->providers.item[i], out);
    }
    crim_end(out, 0);
    emit_u16(out, 0); // mc.exe's files end so; the length does not count it
}
