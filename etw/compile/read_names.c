// Levels, tasks, opcodes, keywords and maps.
#include "etw/compile/read.h"

#include <string.h>

#define LEVEL_FIRST  16 // 0 to 15 are Windows' own
#define OPCODE_FIRST 10
#define OPCODE_LAST  239

static enum status read_level(struct manifest *manifest, struct provider *provider,
                              const struct xml_element *element)
{
    const char *value;
    const char *symbol;
    const char *message;
    struct level *level = arena_alloc(&manifest->arena, sizeof *level);
    const struct attribute_slot slots[] = {{"name", &level->name, true},
                                           {"value", &value, true},
                                           {"symbol", &symbol, false},
                                           {"message", &message, false}};
    uint64_t number;
    TRY(READ_LEAF(manifest, element, slots));
    TRY(read_number(manifest, element, "value", value, LEVEL_FIRST, UINT8_MAX, &number));
    TRY(read_symbol(manifest, element, symbol, &level->symbol));
    TRY(read_message(manifest, element, message, &level->message));
    level->line = element->line;
    level->value = (uint8_t)number;
    list_add(&manifest->arena, &provider->levels, level);
    return STATUS_OK;
}

enum status read_levels(struct manifest *manifest, struct provider *provider,
                        const struct xml_element *element)
{
    return read_list(manifest, provider, element, "level", read_level);
}

// An opcode of `task`, or of all (NULL), goes into `opcodes`.
static enum status read_opcode(struct manifest *manifest, const struct task *task,
                               struct list *opcodes, const struct xml_element *element)
{
    const char *value;
    const char *symbol;
    const char *message;
    struct opcode *opcode = arena_alloc(&manifest->arena, sizeof *opcode);
    const struct attribute_slot slots[] = {{"name", &opcode->name, true},
                                           {"value", &value, true},
                                           {"symbol", &symbol, false},
                                           {"message", &message, false}};
    uint64_t number;
    TRY(READ_LEAF(manifest, element, slots));
    TRY(read_number(manifest, element, "value", value, OPCODE_FIRST, OPCODE_LAST, &number));
    TRY(read_symbol(manifest, element, symbol, &opcode->symbol));
    TRY(read_message(manifest, element, message, &opcode->message));
    opcode->line = element->line;
    opcode->value = (uint8_t)number;
    opcode->task = task;
    list_add(&manifest->arena, opcodes, opcode);
    return STATUS_OK;
}

static enum status read_common_opcode(struct manifest *manifest, struct provider *provider,
                                      const struct xml_element *element)
{
    return read_opcode(manifest, NULL, &provider->opcodes, element);
}

enum status read_opcodes(struct manifest *manifest, struct provider *provider,
                         const struct xml_element *element)
{
    return read_list(manifest, provider, element, "opcode", read_common_opcode);
}

static enum status read_task_opcodes(struct manifest *manifest, struct task *task,
                                     const struct xml_element *element)
{
    for (size_t i = 0; i < element->children.count; i++) {
        const struct xml_element *opcodes = element->children.item[i];
        if (strcmp(opcodes->name, "opcodes") != 0)
            return read_unknown(manifest, element, opcodes);
        TRY(read_attributes(manifest, opcodes, NULL, 0));
        for (size_t k = 0; k < opcodes->children.count; k++) {
            const struct xml_element *opcode = opcodes->children.item[k];
            if (strcmp(opcode->name, "opcode") != 0)
                return read_unknown(manifest, opcodes, opcode);
            TRY(read_opcode(manifest, task, &task->opcodes, opcode));
        }
    }
    return STATUS_OK;
}

static enum status read_task(struct manifest *manifest, struct provider *provider,
                             const struct xml_element *element)
{
    const char *value;
    const char *symbol;
    const char *guid;
    const char *message;
    struct task *task = arena_alloc(&manifest->arena, sizeof *task);
    const struct attribute_slot slots[] = {{"name", &task->name, true},
                                           {"value", &value, true},
                                           {"symbol", &symbol, false},
                                           {"eventGUID", &guid, false},
                                           {"message", &message, false}};
    uint64_t number;
    TRY(READ_ATTRIBUTES(manifest, element, slots));
    TRY(read_number(manifest, element, "value", value, 1, UINT16_MAX, &number));
    TRY(read_symbol(manifest, element, symbol, &task->symbol));
    TRY(read_guid(manifest, element, "eventGUID", guid, &task->event_guid));
    TRY(read_message(manifest, element, message, &task->message));
    task->line = element->line;
    task->value = (uint16_t)number;
    list_add(&manifest->arena, &provider->tasks, task);
    return read_task_opcodes(manifest, task, element);
}

enum status read_tasks(struct manifest *manifest, struct provider *provider,
                       const struct xml_element *element)
{
    return read_list(manifest, provider, element, "task", read_task);
}

static enum status read_keyword(struct manifest *manifest, struct provider *provider,
                                const struct xml_element *element)
{
    const char *mask;
    const char *symbol;
    const char *message;
    struct keyword *keyword = arena_alloc(&manifest->arena, sizeof *keyword);
    const struct attribute_slot slots[] = {{"name", &keyword->name, true},
                                           {"mask", &mask, true},
                                           {"symbol", &symbol, false},
                                           {"message", &message, false}};
    TRY(READ_LEAF(manifest, element, slots));
    TRY(read_number(manifest, element, "mask", mask, 0, UINT64_MAX, &keyword->mask));
    if (keyword->mask >> KEYWORD_BITS)
        return xml_fail(manifest->file, element->line,
                        "The mask %s of the keyword \"%s\" is not within the low %d bits; the "
                        "others are Windows' own.",
                        mask, keyword->name, KEYWORD_BITS);
    if (keyword->mask == 0 || (keyword->mask & (keyword->mask - 1)) != 0)
        return xml_fail(manifest->file, element->line,
                        "The mask %s of the keyword \"%s\" must have exactly one bit.", mask,
                        keyword->name);
    TRY(read_symbol(manifest, element, symbol, &keyword->symbol));
    TRY(read_message(manifest, element, message, &keyword->message));
    keyword->line = element->line;
    list_add(&manifest->arena, &provider->keywords, keyword);
    return STATUS_OK;
}

enum status read_keywords(struct manifest *manifest, struct provider *provider,
                          const struct xml_element *element)
{
    return read_list(manifest, provider, element, "keyword", read_keyword);
}

static enum status read_map_item(struct manifest *manifest, struct map *map,
                                 const struct xml_element *element)
{
    const char *value;
    const char *symbol;
    const char *message;
    struct map_item *item = arena_alloc(&manifest->arena, sizeof *item);
    const struct attribute_slot slots[] = {
        {"value", &value, true}, {"symbol", &symbol, false}, {"message", &message, true}};
    uint64_t number;
    if (strcmp(element->name, "map") != 0)
        return xml_fail(manifest->file, element->line,
                        "The element \"%s\" is not known or not supported in a map.",
                        element->name);
    TRY(READ_LEAF(manifest, element, slots));
    TRY(read_number(manifest, element, "value", value, 0, UINT32_MAX, &number));
    TRY(read_symbol(manifest, element, symbol, &item->symbol));
    TRY(read_message(manifest, element, message, &item->message));
    item->line = element->line;
    item->value = (uint32_t)number;
    list_add(&manifest->arena, &map->items, item);
    return STATUS_OK;
}

static enum status read_map(struct manifest *manifest, struct provider *provider,
                            const struct xml_element *element)
{
    const char *symbol;
    struct map *map = arena_alloc(&manifest->arena, sizeof *map);
    const struct attribute_slot slots[] = {{"name", &map->name, true}, {"symbol", &symbol, false}};
    TRY(READ_ATTRIBUTES(manifest, element, slots));
    TRY(read_symbol(manifest, element, symbol, &map->symbol));
    map->line = element->line;
    map->index = provider->maps.count;
    map->bits = strcmp(element->name, "bitMap") == 0;
    for (size_t i = 0; i < element->children.count; i++)
        TRY(read_map_item(manifest, map, element->children.item[i]));
    list_add(&manifest->arena, &provider->maps, map);
    return STATUS_OK;
}

enum status read_maps(struct manifest *manifest, struct provider *provider,
                      const struct xml_element *element)
{
    TRY(read_attributes(manifest, element, NULL, 0));
    for (size_t i = 0; i < element->children.count; i++) {
        const struct xml_element *map = element->children.item[i];
        if (strcmp(map->name, "valueMap") != 0 && strcmp(map->name, "bitMap") != 0)
            return read_unknown(manifest, element, map);
        TRY(read_map(manifest, provider, map));
    }
    return STATUS_OK;
}
