// The plain tables, entries followed by names; maps; the provider's traits.
#include <stdlib.h>
#include <string.h>

#include "etw/compile/crim.h"
#include "etw/compile/emit.h"

#define TABLE_HEADER_SIZE  12
#define CHANNEL_SIZE       16
#define LEVEL_SIZE         12
#define OPCODE_SIZE        12
#define TASK_SIZE          28
#define KEYWORD_SIZE       16
#define MAP_HEADER_SIZE    20
#define MAP_ITEM_SIZE      8
#define FLAG_IMPORTED      1
#define FLAG_BIT_MAP       1
#define TRAIT_NAME         0x10000001
#define TRAIT_CONTROL_GUID 0x20000001
#define TRAIT_GROUP_GUID   0x20000002
#define TRAIT_ENTRY_SIZE   8

// Where the name of entry `index` goes while entries are written: names follow all entries in their
// order.
struct name_places {
    uint32_t next;
};

static struct name_places places_after(uint32_t block, size_t count, uint32_t entry_size)
{
    return (struct name_places){block + TABLE_HEADER_SIZE + (uint32_t)count * entry_size};
}

static uint32_t place_name(struct name_places *places, const char *name)
{
    uint32_t place = places->next;
    places->next += crim_name_size(name);
    return place;
}

uint32_t crim_channels(const struct provider *provider, struct buffer *out)
{
    const struct list *channels = &provider->channels;
    uint32_t block = crim_begin(out, "CHAN", channels->count);
    struct name_places places = places_after(block, channels->count, CHANNEL_SIZE);
    for (size_t i = 0; i < channels->count; i++) {
        struct channel *channel = channels->item[i];
        channel->offset = emit_offset(out);
        emit_u32(out, channel->imported ? FLAG_IMPORTED : 0);
        emit_u32(out, place_name(&places, channel->name));
        emit_u32(out, channel->value);
        emit_u32(out, channel->message.id);
    }
    for (size_t i = 0; i < channels->count; i++)
        crim_name(out, ((const struct channel *)channels->item[i])->name);
    crim_end(out, block);
    return block;
}

// Ends a table whose length is told only when it has entries.
static void end_table(struct buffer *out, uint32_t block, size_t count)
{
    if (count)
        crim_end(out, block);
}

static struct list sorted(struct manifest *manifest, const struct list *items,
                          int (*order)(const void *, const void *))
{
    struct list copy = {0};
    for (size_t i = 0; i < items->count; i++)
        list_add(&manifest->arena, &copy, items->item[i]);
    if (copy.count)
        qsort(copy.item, copy.count, sizeof copy.item[0], order);
    return copy;
}

static int by_level(const void *a, const void *b)
{
    const struct level *const *x = a;
    const struct level *const *y = b;
    return (*x)->value - (*y)->value;
}

uint32_t crim_levels(struct manifest *manifest, const struct provider *provider, struct buffer *out)
{
    const struct list levels = sorted(manifest, &provider->levels, by_level);
    uint32_t block = crim_begin(out, "LEVL", levels.count);
    struct name_places places = places_after(block, levels.count, LEVEL_SIZE);
    for (size_t i = 0; i < levels.count; i++) {
        struct level *level = levels.item[i];
        level->offset = emit_offset(out);
        emit_u32(out, level->value);
        emit_u32(out, level->message.id);
        emit_u32(out, place_name(&places, level->name));
    }
    for (size_t i = 0; i < levels.count; i++)
        crim_name(out, ((const struct level *)levels.item[i])->name);
    end_table(out, block, levels.count);
    return block;
}

uint32_t crim_opcodes(struct manifest *manifest, const struct provider *provider,
                      struct buffer *out)
{
    const struct list opcodes = provider_opcodes(&manifest->arena, provider);
    uint32_t block = crim_begin(out, "OPCO", opcodes.count);
    struct name_places places = places_after(block, opcodes.count, OPCODE_SIZE);
    for (size_t i = 0; i < opcodes.count; i++) {
        struct opcode *opcode = opcodes.item[i];
        opcode->offset = emit_offset(out);
        emit_u16(out, opcode->task ? opcode->task->value : 0);
        emit_u16(out, opcode->value);
        emit_u32(out, opcode->message.id);
        emit_u32(out, place_name(&places, opcode->name));
    }
    for (size_t i = 0; i < opcodes.count; i++)
        crim_name(out, ((const struct opcode *)opcodes.item[i])->name);
    end_table(out, block, opcodes.count);
    return block;
}

uint32_t crim_tasks(const struct provider *provider, struct buffer *out)
{
    const struct list *tasks = &provider->tasks;
    uint32_t block = crim_begin(out, "TASK", tasks->count);
    struct name_places places = places_after(block, tasks->count, TASK_SIZE);
    for (size_t i = 0; i < tasks->count; i++) {
        struct task *task = tasks->item[i];
        task->offset = emit_offset(out);
        emit_u32(out, task->value);
        emit_u32(out, task->message.id);
        emit_bytes(out, task->event_guid.bytes, sizeof task->event_guid.bytes);
        emit_u32(out, place_name(&places, task->name));
    }
    for (size_t i = 0; i < tasks->count; i++)
        crim_name(out, ((const struct task *)tasks->item[i])->name);
    end_table(out, block, tasks->count);
    return block;
}

static int by_mask(const void *a, const void *b)
{
    const struct keyword *const *x = a;
    const struct keyword *const *y = b;
    return ((*x)->mask > (*y)->mask) - ((*x)->mask < (*y)->mask);
}

uint32_t crim_keywords(struct manifest *manifest, const struct provider *provider,
                       struct buffer *out)
{
    const struct list keywords = sorted(manifest, &provider->keywords, by_mask);
    uint32_t block = crim_begin(out, "KEYW", keywords.count);
    struct name_places places = places_after(block, keywords.count, KEYWORD_SIZE);
    for (size_t i = 0; i < keywords.count; i++) {
        struct keyword *keyword = keywords.item[i];
        keyword->offset = emit_offset(out);
        emit_u64(out, keyword->mask);
        emit_u32(out, keyword->message.id);
        emit_u32(out, place_name(&places, keyword->name));
    }
    for (size_t i = 0; i < keywords.count; i++)
        crim_name(out, ((const struct keyword *)keywords.item[i])->name);
    end_table(out, block, keywords.count);
    return block;
}

static int by_map_name(const void *a, const void *b)
{
    const struct map *const *x = a;
    const struct map *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

static void write_map(struct manifest *manifest, struct map *map, uint32_t name, struct buffer *out)
{
    const struct list items = map_items_by_value(&manifest->arena, map);
    map->offset = emit_offset(out);
    emit_bytes(out, map->bits ? "BMAP" : "VMAP", 4);
    emit_u32(out, MAP_HEADER_SIZE + MAP_ITEM_SIZE * (uint32_t)items.count);
    emit_u32(out, name);
    emit_u32(out, map->bits ? FLAG_BIT_MAP : 0);
    emit_u32(out, (uint32_t)items.count);
    for (size_t i = 0; i < items.count; i++) {
        const struct map_item *item = items.item[i];
        emit_u32(out, item->value);
        emit_u32(out, item->message.id);
    }
}

// The offsets and the names are ordered by name, the maps between them as the manifest has them.
uint32_t crim_maps(struct manifest *manifest, const struct provider *provider, struct buffer *out)
{
    const struct list by_name = sorted(manifest, &provider->maps, by_map_name);
    uint32_t block = crim_begin(out, "MAPS", by_name.count);
    uint32_t offsets = emit_offset(out);
    uint32_t next = offsets + 4 * (uint32_t)by_name.count;
    for (size_t i = 0; i < by_name.count; i++) {
        emit_u32(out, 0);
        const struct map *map = by_name.item[i];
        next += MAP_HEADER_SIZE + MAP_ITEM_SIZE * (uint32_t)map->items.count;
    }
    uint32_t *name = arena_alloc(&manifest->arena, by_name.count * sizeof *name); // by index
    for (size_t i = 0; i < by_name.count; i++) {
        const struct map *map = by_name.item[i];
        name[map->index] = next;
        next += crim_name_size(map->name);
    }
    for (size_t i = 0; i < provider->maps.count; i++)
        write_map(manifest, provider->maps.item[i], name[i], out);
    for (size_t i = 0; i < by_name.count; i++) {
        const struct map *map = by_name.item[i];
        emit_set_u32(out, offsets + 4 * (uint32_t)i, map->offset);
        crim_name(out, map->name);
    }
    crim_end(out, block);
    return block;
}

static void write_guid_trait(struct buffer *out, uint32_t entry, const struct guid *guid)
{
    emit_set_u32(out, entry + 4, emit_offset(out));
    emit_bytes(out, guid->bytes, sizeof guid->bytes);
}

// The order of the data is that of the entries.
uint32_t crim_traits(const struct provider *provider, struct buffer *out)
{
    bool control = !guid_is_zero(&provider->control_guid);
    bool group = !guid_is_zero(&provider->group_guid);
    uint32_t block = crim_begin(out, "PRVA", 1 + (size_t)control + (size_t)group);
    uint32_t entry = emit_offset(out);
    emit_u32(out, TRAIT_NAME);
    emit_u32(out, 0);
    if (control) {
        emit_u32(out, TRAIT_CONTROL_GUID);
        emit_u32(out, 0);
    }
    if (group) {
        emit_u32(out, TRAIT_GROUP_GUID);
        emit_u32(out, 0);
    }
    emit_set_u32(out, entry + 4, emit_offset(out));
    emit_utf16(out, provider->name);
    emit_u16(out, 0);
    if (control)
        write_guid_trait(out, entry + TRAIT_ENTRY_SIZE, &provider->control_guid);
    if (group)
        write_guid_trait(out, entry + TRAIT_ENTRY_SIZE * (control ? 2 : 1), &provider->group_guid);
    emit_padding(out, 4);
    crim_end(out, block);
    return block;
}
