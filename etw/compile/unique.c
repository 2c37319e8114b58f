// What may be in a manifest only once: names, values, symbols, ids.
#include "etw/compile/model.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "etw/compile/read.h"

// One use of a name, or (without one) of a number.
struct use {
    const char *name;
    uint64_t number;
    unsigned long line;
};

struct uses {
    struct arena *arena;
    const char *file;
    const char *what; // "The symbol"
    struct use *use;
    size_t count;
    size_t capacity;
};

static struct uses uses_of(struct manifest *manifest, const char *what)
{
    return (struct uses){.arena = &manifest->arena, .file = manifest->file, .what = what};
}

static void add(struct uses *uses, const char *name, uint64_t number, unsigned long line)
{
    if (uses->count == uses->capacity) {
        size_t capacity = uses->capacity ? uses->capacity * 2 : 16;
        struct use *grown = arena_alloc(uses->arena, capacity * sizeof *grown);
        if (uses->count)
            memcpy(grown, uses->use, uses->count * sizeof *grown);
        uses->use = grown;
        uses->capacity = capacity;
    }
    uses->use[uses->count++] = (struct use){name, number, line};
}

static void add_name(struct uses *uses, const char *name, unsigned long line)
{
    if (name)
        add(uses, name, 0, line);
}

static int by_value(const void *a, const void *b)
{
    const struct use *x = a;
    const struct use *y = b;
    int order =
        x->name ? strcmp(x->name, y->name) : (x->number > y->number) - (x->number < y->number);
    return order != 0 ? order : (x->line > y->line) - (x->line < y->line);
}

static enum status check(const struct uses *uses)
{
    if (uses->count == 0)
        return STATUS_OK;
    qsort(uses->use, uses->count, sizeof uses->use[0], by_value);
    for (size_t i = 1; i < uses->count; i++) {
        const struct use *before = &uses->use[i - 1];
        const struct use *use = &uses->use[i];
        if (use->name && strcmp(before->name, use->name) == 0)
            return xml_fail(uses->file, use->line, "%s \"%s\" is there already, in line %lu.",
                            uses->what, use->name, before->line);
        if (!use->name && before->number == use->number)
            return xml_fail(uses->file, use->line, "%s %" PRIu64 " is there already, in line %lu.",
                            uses->what, use->number, before->line);
    }
    return STATUS_OK;
}

static enum status check_channels(struct manifest *manifest, const struct provider *provider)
{
    struct uses names = uses_of(manifest, "The channel");
    struct uses ids = uses_of(manifest, "The chid");
    struct uses values = uses_of(manifest, "The value of a channel");
    for (size_t i = 0; i < provider->channels.count; i++) {
        const struct channel *channel = provider->channels.item[i];
        add_name(&names, channel->name, channel->line);
        add_name(&ids, channel->id, channel->line);
        if (channel->has_value)
            add(&values, NULL, channel->value, channel->line);
    }
    TRY(check(&names));
    TRY(check(&ids));
    return check(&values);
}

static enum status check_levels(struct manifest *manifest, const struct provider *provider)
{
    struct uses names = uses_of(manifest, "The level");
    struct uses values = uses_of(manifest, "The value of a level");
    for (size_t i = 0; i < provider->levels.count; i++) {
        const struct level *level = provider->levels.item[i];
        add_name(&names, level->name, level->line);
        add(&values, NULL, level->value, level->line);
    }
    TRY(check(&names));
    return check(&values);
}

static enum status check_opcodes(struct manifest *manifest, const struct list *opcodes)
{
    struct uses names = uses_of(manifest, "The opcode");
    struct uses values = uses_of(manifest, "The value of an opcode");
    for (size_t i = 0; i < opcodes->count; i++) {
        const struct opcode *opcode = opcodes->item[i];
        add_name(&names, opcode->name, opcode->line);
        add(&values, NULL, opcode->value, opcode->line);
    }
    TRY(check(&names));
    return check(&values);
}

static enum status check_tasks(struct manifest *manifest, const struct provider *provider)
{
    struct uses names = uses_of(manifest, "The task");
    struct uses values = uses_of(manifest, "The value of a task");
    for (size_t i = 0; i < provider->tasks.count; i++) {
        const struct task *task = provider->tasks.item[i];
        add_name(&names, task->name, task->line);
        add(&values, NULL, task->value, task->line);
        TRY(check_opcodes(manifest, &task->opcodes));
    }
    TRY(check(&names));
    return check(&values);
}

static enum status check_keywords(struct manifest *manifest, const struct provider *provider)
{
    struct uses names = uses_of(manifest, "The keyword");
    struct uses masks = uses_of(manifest, "The mask of a keyword");
    for (size_t i = 0; i < provider->keywords.count; i++) {
        const struct keyword *keyword = provider->keywords.item[i];
        add_name(&names, keyword->name, keyword->line);
        add(&masks, NULL, keyword->mask, keyword->line);
    }
    TRY(check(&names));
    return check(&masks);
}

static enum status check_maps(struct manifest *manifest, const struct provider *provider)
{
    struct uses names = uses_of(manifest, "The map");
    for (size_t i = 0; i < provider->maps.count; i++) {
        const struct map *map = provider->maps.item[i];
        struct uses values = uses_of(manifest, "The value in a map");
        for (size_t k = 0; k < map->items.count; k++) {
            const struct map_item *item = map->items.item[k];
            add(&values, NULL, item->value, item->line);
        }
        TRY(check(&values));
        add_name(&names, map->name, map->line);
    }
    return check(&names);
}

static enum status check_fields(struct manifest *manifest, const struct list *fields)
{
    struct uses names = uses_of(manifest, "The field");
    for (size_t i = 0; i < fields->count; i++) {
        const struct field *field = fields->item[i];
        add_name(&names, field->name, field->line);
        TRY(check_fields(manifest, &field->members)); // which have none themselves
    }
    return check(&names);
}

static enum status check_templates(struct manifest *manifest, const struct provider *provider)
{
    struct uses ids = uses_of(manifest, "The template");
    for (size_t i = 0; i < provider->templates.count; i++) {
        const struct template *template = provider->templates.item[i];
        add_name(&ids, template->id, template->line);
        TRY(check_fields(manifest, &template->fields));
    }
    return check(&ids);
}

static enum status check_events(struct manifest *manifest, const struct provider *provider)
{
    struct uses ids = uses_of(manifest, "The event");
    for (size_t i = 0; i < provider->events.count; i++) {
        const struct event *event = provider->events.item[i];
        add_name(&ids, arena_printf(&manifest->arena, "%u version %u", event->id, event->version),
                 event->line);
    }
    return check(&ids);
}

static void add_symbols(struct uses *symbols, const struct provider *provider)
{
    add_name(symbols, provider->symbol, provider->line);
#define ADD_SYMBOLS(type, list)                      \
    for (size_t i = 0; i < (list).count; i++) {      \
        const struct type *item = (list).item[i];    \
        add_name(symbols, item->symbol, item->line); \
    }
    ADD_SYMBOLS(channel, provider->channels)
    ADD_SYMBOLS(level, provider->levels)
    ADD_SYMBOLS(task, provider->tasks)
    ADD_SYMBOLS(opcode, provider->opcodes)
    ADD_SYMBOLS(keyword, provider->keywords)
    ADD_SYMBOLS(map, provider->maps)
    ADD_SYMBOLS(event, provider->events)
    for (size_t k = 0; k < provider->tasks.count; k++)
        ADD_SYMBOLS(opcode, ((const struct task *)provider->tasks.item[k])->opcodes)
    for (size_t k = 0; k < provider->maps.count; k++)
        ADD_SYMBOLS(map_item, ((const struct map *)provider->maps.item[k])->items)
#undef ADD_SYMBOLS
}

enum status manifest_check_unique(struct manifest *manifest)
{
    struct uses names = uses_of(manifest, "The provider");
    struct uses guids = uses_of(manifest, "The GUID of a provider");
    struct uses symbols = uses_of(manifest, "The symbol");
    for (size_t i = 0; i < manifest->providers.count; i++) {
        const struct provider *provider = manifest->providers.item[i];
        char *guid = arena_alloc(&manifest->arena, GUID_TEXT_SIZE);
        add_name(&names, provider->name, provider->line);
        add_name(&guids, guid_format(&provider->guid, guid), provider->line);
        add_symbols(&symbols, provider);
        TRY(check_channels(manifest, provider));
        TRY(check_levels(manifest, provider));
        TRY(check_opcodes(manifest, &provider->opcodes));
        TRY(check_tasks(manifest, provider));
        TRY(check_keywords(manifest, provider));
        TRY(check_maps(manifest, provider));
        TRY(check_templates(manifest, provider));
        TRY(check_events(manifest, provider));
    }
    TRY(check(&names));
    TRY(check(&guids));
    return check(&symbols);
}
