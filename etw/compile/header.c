// The C header: its frame and the constants.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "etw/compile/c_name.h"
#include "etw/compile/emit.h"
#include "etw/compile/outputs.h"

struct header {
    struct manifest *manifest;
    struct c_names *names;
    struct buffer *out;
};

// The symbols that a manifest names come first, so that made-up names give way to them.
static void take_symbols(struct arena *arena, struct c_names *names,
                         const struct provider *provider)
{
#define TAKE(type, list)                                   \
    for (size_t i = 0; i < (list).count; i++)              \
        if (((const struct type *)(list).item[i])->symbol) \
            c_names_add(arena, names, ((const struct type *)(list).item[i])->symbol);
    c_names_add(arena, names, provider->symbol);
    TAKE(channel, provider->channels)
    TAKE(level, provider->levels)
    TAKE(task, provider->tasks)
    TAKE(opcode, provider->opcodes)
    TAKE(keyword, provider->keywords)
    TAKE(map, provider->maps)
    TAKE(event, provider->events)
    for (size_t k = 0; k < provider->tasks.count; k++)
        TAKE(opcode, ((const struct task *)provider->tasks.item[k])->opcodes)
    for (size_t k = 0; k < provider->maps.count; k++)
        TAKE(map_item, ((const struct map *)provider->maps.item[k])->items)
#undef TAKE
}

// The name of a constant: the symbol, or one made of the provider's, the kind and the item's name.
static const char *constant_name(const struct header *header, const struct provider *provider,
                                 const char *symbol, const char *kind, const char *name)
{
    struct arena *arena = &header->manifest->arena;
    if (symbol)
        return symbol;
    const char *made = arena_printf(arena, "%s_%s_%s", provider->symbol, kind, name);
    return c_names_add_unique(arena, header->names, NULL, c_name_from(arena, made));
}

static void output_guid(const struct header *header, const struct provider *provider)
{
    const uint8_t *bytes = provider->guid.bytes;
    char text[GUID_TEXT_SIZE];
    struct arena *arena = &header->manifest->arena;
    emit_text(header->out, "\n// {%s}, as Windows keeps it in memory.\n",
              guid_format(&provider->guid, text));
    emit_text(header->out, "static const uint8_t %s[16] = {", provider->symbol);
    for (size_t i = 0; i < sizeof provider->guid.bytes; i++)
        emit_text(header->out, "%s0x%02X", i ? ", " : "", bytes[i]);
    emit_text(header->out, "};\n#define %s ",
              c_names_add_unique(arena, header->names, NULL,
                                 arena_printf(arena, "%s_NAME", provider->symbol)));
    c_literal(header->out, provider->name);
    emit_text(header->out, "\n");
}

static void output_channels(const struct header *header, const struct provider *provider)
{
    struct arena *arena = &header->manifest->arena;
    for (size_t i = 0; i < provider->channels.count; i++) {
        const struct channel *channel = provider->channels.item[i];
        const char *name =
            constant_name(header, provider, channel->symbol, "CHANNEL", channel->name);
        const char *keyword =
            c_names_add_unique(arena, header->names, NULL, arena_printf(arena, "%s_KEYWORD", name));
        emit_text(header->out, "#define %s 0x%02X\n", name, channel->value);
        emit_text(header->out, "#define %s 0x%016" PRIX64 "ull\n", keyword, channel->keyword);
    }
}

static void output_opcodes(const struct header *header, const struct provider *provider)
{
    const struct list opcodes = provider_opcodes(&header->manifest->arena, provider);
    for (size_t i = 0; i < opcodes.count; i++) {
        const struct opcode *opcode = opcodes.item[i];
        if (opcode->well_known)
            continue;
        emit_text(header->out, "#define %s 0x%02X\n",
                  constant_name(header, provider, opcode->symbol, "OPCODE", opcode->name),
                  opcode->value);
    }
}

static void output_map_items(const struct header *header, const struct provider *provider)
{
    for (size_t i = 0; i < provider->maps.count; i++) {
        const struct map *map = provider->maps.item[i];
        for (size_t k = 0; k < map->items.count; k++) {
            const struct map_item *item = map->items.item[k];
            if (item->symbol)
                emit_text(header->out, "#define %s 0x%08" PRIX32 "u\n", item->symbol, item->value);
        }
    }
}

static void output_levels_and_tasks(const struct header *header, const struct provider *provider)
{
    for (size_t i = 0; i < provider->levels.count; i++) {
        const struct level *level = provider->levels.item[i];
        if (level->well_known)
            continue;
        emit_text(header->out, "#define %s 0x%02X\n",
                  constant_name(header, provider, level->symbol, "LEVEL", level->name),
                  level->value);
    }
    for (size_t i = 0; i < provider->tasks.count; i++) {
        const struct task *task = provider->tasks.item[i];
        if (task->well_known)
            continue;
        emit_text(header->out, "#define %s 0x%04X\n",
                  constant_name(header, provider, task->symbol, "TASK", task->name), task->value);
    }
}

static void output_keywords(const struct header *header, const struct provider *provider)
{
    for (size_t i = 0; i < provider->keywords.count; i++) {
        const struct keyword *keyword = provider->keywords.item[i];
        if (keyword->well_known)
            continue;
        emit_text(header->out, "#define %s 0x%016" PRIX64 "ull\n",
                  constant_name(header, provider, keyword->symbol, "KEYWORD", keyword->name),
                  keyword->mask);
    }
}

// Windows' own items have their constants in Windows' headers.
static void output_constants(const struct header *header, const struct provider *provider)
{
    output_guid(header, provider);
    output_channels(header, provider);
    output_levels_and_tasks(header, provider);
    output_opcodes(header, provider);
    output_keywords(header, provider);
    output_map_items(header, provider);
}

void output_header(struct manifest *manifest, const char *name, const char *types,
                   struct buffer *out)
{
    struct c_names names = {0};
    const struct header header = {manifest, &names, out};
    const char *guard =
        arena_printf(&manifest->arena, "VREPMC_%s_H", c_name_from(&manifest->arena, name));
    emit_text(out,
              "// Made by vrepmc from the manifest of %s. Not to be edited.\n"
              "#ifndef %s\n#define %s\n\n#include \"%s\"\n",
              c_name_from(&manifest->arena, name), guard, guard, types);
    for (size_t i = 0; i < manifest->providers.count; i++)
        take_symbols(&manifest->arena, &names, manifest->providers.item[i]);
    for (size_t i = 0; i < manifest->providers.count; i++)
        output_constants(&header, manifest->providers.item[i]);
    for (size_t i = 0; i < manifest->providers.count; i++)
        output_header_events(manifest, manifest->providers.item[i], &names, out);
    emit_text(out, "\n#endif\n");
}
