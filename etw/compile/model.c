#include "etw/compile/model.h"

#include <stdlib.h>
#include <string.h>

#include "etw/compile/language.h"
#include "etw/compile/read.h"
#include "etw/compile/well_known.h"

static int compare_id(const void *key, const void *element)
{
    return strcmp(key, (*(const struct string *const *)element)->id);
}

const struct string *culture_string(const struct culture *culture, const char *id)
{
    if (culture->strings.count == 0)
        return NULL;
    const struct string *const *found = bsearch(id, culture->strings.item, culture->strings.count,
                                                sizeof culture->strings.item[0], compare_id);
    return found ? *found : NULL;
}

const char *culture_text(const struct culture *culture, const char *id)
{
    const struct string *string = culture_string(culture, id);
    return string ? string->text : well_known_text(id);
}

const char *manifest_text(const struct manifest *manifest, const struct message *message)
{
    return message->string ? culture_text(manifest->cultures.item[0], message->string) : NULL;
}

bool field_is_array(const struct field *field)
{
    return field->count.value != 0 || field->count.from_name != NULL;
}

static void add_opcodes(struct arena *arena, struct list *all, const struct list *opcodes)
{
    for (size_t i = 0; i < opcodes->count; i++)
        list_add(arena, all, opcodes->item[i]);
}

static uint32_t opcode_order(const struct opcode *opcode)
{
    return (uint32_t)opcode->value << 16 | (opcode->task ? opcode->task->value : 0u);
}

static int by_opcode_order(const void *a, const void *b)
{
    uint32_t x = opcode_order(*(const struct opcode *const *)a);
    uint32_t y = opcode_order(*(const struct opcode *const *)b);
    return (x > y) - (x < y);
}

struct list provider_opcodes(struct arena *arena, const struct provider *provider)
{
    struct list all = {0};
    add_opcodes(arena, &all, &provider->opcodes);
    for (size_t i = 0; i < provider->tasks.count; i++)
        add_opcodes(arena, &all, &((const struct task *)provider->tasks.item[i])->opcodes);
    if (all.count)
        qsort(all.item, all.count, sizeof all.item[0], by_opcode_order);
    return all;
}

static int by_event_id(const void *a, const void *b)
{
    const struct event *const *x = a;
    const struct event *const *y = b;
    if ((*x)->id != (*y)->id)
        return (*x)->id < (*y)->id ? -1 : 1;
    return ((*x)->index > (*y)->index) - ((*x)->index < (*y)->index);
}

struct list provider_events(struct arena *arena, const struct provider *provider)
{
    struct list events = {0};
    for (size_t i = 0; i < provider->events.count; i++)
        list_add(arena, &events, provider->events.item[i]);
    if (events.count)
        qsort(events.item, events.count, sizeof events.item[0], by_event_id);
    return events;
}

static int by_item_value(const void *a, const void *b)
{
    uint32_t x = (*(const struct map_item *const *)a)->value;
    uint32_t y = (*(const struct map_item *const *)b)->value;
    return (x > y) - (x < y);
}

struct list map_items_by_value(struct arena *arena, const struct map *map)
{
    struct list items = {0};
    for (size_t i = 0; i < map->items.count; i++)
        list_add(arena, &items, map->items.item[i]);
    if (items.count)
        qsort(items.item, items.count, sizeof items.item[0], by_item_value);
    return items;
}

// Texts of Windows' own that a manifest without string tables uses are English.
static void have_a_culture(struct manifest *manifest)
{
    if (manifest->cultures.count)
        return;
    struct culture *culture = arena_alloc(&manifest->arena, sizeof *culture);
    *culture = (struct culture){.line = 1, .name = "en-US", .language = LANGUAGE_EN_US};
    list_add(&manifest->arena, &manifest->cultures, culture);
}

enum status manifest_read(struct manifest *manifest, const char *file, const char *data,
                          size_t size)
{
    struct xml_element *root;
    manifest->file = file;
    TRY(xml_parse(&manifest->arena, file, data, size, &root));
    TRY(manifest_read_document(manifest, root));
    have_a_culture(manifest);
    TRY(manifest_check_unique(manifest));
    TRY(manifest_resolve(manifest));
    TRY(manifest_assign_message_ids(manifest));
    return manifest_validate(manifest);
}

void manifest_free(struct manifest *manifest)
{
    arena_free(&manifest->arena);
    *manifest = (struct manifest){0};
}
