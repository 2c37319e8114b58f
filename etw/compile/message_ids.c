// The numbers of messages: kind, provider and value make one. Uses of one string share the number
// of its first use.
#include "etw/compile/model.h"

#include <stdlib.h>
#include <string.h>

#include "etw/compile/read.h"

enum message_kind {
    KIND_CLASSIC = 0, // events of the three classic logs
    KIND_KEYWORD = 1,
    KIND_OPCODE = 3,
    KIND_LEVEL = 5,
    KIND_TASK = 7,
    KIND_CHANNEL = 9, // the provider's own, too
    KIND_EVENT = 11,
    KIND_VALUE_MAP = 13,
    KIND_BIT_MAP = 15
};

// How far the running numbers of one provider are.
struct counters {
    uint32_t channels;
    uint32_t value_maps;
    uint32_t bit_maps;
};

// Windows' own items have the numbers that they have in Windows.
static uint32_t make_id(const struct provider *provider, bool well_known, enum message_kind kind,
                        uint32_t value)
{
    return (uint32_t)kind << 28 | (well_known ? 0 : (uint32_t)provider->index << 24) | value;
}

static bool is_first(const struct message *message)
{
    return message->string && message->first == message;
}

static void assign(struct message *message, uint32_t id)
{
    if (is_first(message))
        message->id = id;
}

static void assign_running(const struct provider *provider, struct message *message,
                           enum message_kind kind, uint32_t *counter)
{
    if (is_first(message))
        message->id = make_id(provider, false, kind, ++*counter);
}

// Windows' own opcodes have theirs where others have the task; a task's number is cut to the eight
// bits that are there.
static uint32_t opcode_value(const struct opcode *opcode)
{
    uint32_t task = opcode->task ? opcode->task->value : 0;
    return opcode->well_known ? (uint32_t)opcode->value << 16
                              : (task & UINT8_MAX) << 16 | opcode->value;
}

static void assign_opcodes(const struct provider *provider, const struct list *opcodes)
{
    for (size_t i = 0; i < opcodes->count; i++) {
        struct opcode *opcode = opcodes->item[i];
        assign(&opcode->message,
               make_id(provider, opcode->well_known, KIND_OPCODE, opcode_value(opcode)));
    }
}

static void assign_tasks(const struct provider *provider)
{
    for (size_t i = 0; i < provider->tasks.count; i++) {
        struct task *task = provider->tasks.item[i];
        assign(&task->message, make_id(provider, task->well_known, KIND_TASK, task->value));
        assign_opcodes(provider, &task->opcodes);
    }
}

static void assign_keywords(const struct provider *provider)
{
    for (size_t i = 0; i < provider->keywords.count; i++) {
        struct keyword *keyword = provider->keywords.item[i];
        uint32_t bit = (uint32_t)__builtin_ctzll(keyword->mask);
        assign(&keyword->message, make_id(provider, keyword->well_known, KIND_KEYWORD, bit + 1));
    }
}

static void assign_maps(const struct provider *provider, struct counters *counters)
{
    for (size_t i = 0; i < provider->maps.count; i++) {
        const struct map *map = provider->maps.item[i];
        for (size_t k = 0; k < map->items.count; k++) {
            struct map_item *item = map->items.item[k];
            if (map->bits)
                assign_running(provider, &item->message, KIND_BIT_MAP, &counters->bit_maps);
            else
                assign_running(provider, &item->message, KIND_VALUE_MAP, &counters->value_maps);
        }
    }
}

static bool is_classic(const struct channel *channel)
{
    return channel && channel->imported &&
           (strcmp(channel->name, "System") == 0 || strcmp(channel->name, "Application") == 0 ||
            strcmp(channel->name, "Security") == 0);
}

static void assign_events(const struct provider *provider)
{
    for (size_t i = 0; i < provider->events.count; i++) {
        struct event *event = provider->events.item[i];
        bool classic = is_classic(event->channel);
        uint32_t version = classic ? 0 : (uint32_t)event->version << 16;
        assign(&event->message,
               make_id(provider, false, classic ? KIND_CLASSIC : KIND_EVENT, version | event->id));
    }
}

static void assign_provider(struct provider *provider)
{
    struct counters counters = {0};
    assign_running(provider, &provider->message, KIND_CHANNEL, &counters.channels);
    for (size_t i = 0; i < provider->channels.count; i++)
        assign_running(provider, &((struct channel *)provider->channels.item[i])->message,
                       KIND_CHANNEL, &counters.channels);
    for (size_t i = 0; i < provider->levels.count; i++) {
        struct level *level = provider->levels.item[i];
        assign(&level->message, make_id(provider, level->well_known, KIND_LEVEL, level->value));
    }
    assign_tasks(provider);
    assign_opcodes(provider, &provider->opcodes);
    assign_keywords(provider);
    assign_maps(provider, &counters);
    assign_events(provider);
}

struct string_use {
    struct message *message;
    size_t order;
};

static int by_string(const void *a, const void *b)
{
    const struct string_use *x = a;
    const struct string_use *y = b;
    int order = strcmp(x->message->string, y->message->string);
    return order != 0 ? order : (x->order > y->order) - (x->order < y->order);
}

static void find_first_uses(struct manifest *manifest)
{
    const struct list *messages = &manifest->messages;
    struct string_use *uses = arena_alloc(&manifest->arena, messages->count * sizeof *uses);
    for (size_t i = 0; i < messages->count; i++)
        uses[i] = (struct string_use){messages->item[i], i};
    if (messages->count)
        qsort(uses, messages->count, sizeof uses[0], by_string);
    for (size_t i = 0; i < messages->count; i++) {
        const struct message *before = i ? uses[i - 1].message : NULL;
        bool same = before && strcmp(before->string, uses[i].message->string) == 0;
        uses[i].message->first = same ? before->first : uses[i].message;
    }
}

static int by_message_id(const void *a, const void *b)
{
    const struct message *const *x = a;
    const struct message *const *y = b;
    if ((*x)->id != (*y)->id)
        return (*x)->id < (*y)->id ? -1 : 1;
    return ((*x)->line > (*y)->line) - ((*x)->line < (*y)->line);
}

struct list manifest_first_uses(struct manifest *manifest)
{
    struct list first = {0};
    for (size_t i = 0; i < manifest->messages.count; i++)
        if (is_first(manifest->messages.item[i]))
            list_add(&manifest->arena, &first, manifest->messages.item[i]);
    if (first.count)
        qsort(first.item, first.count, sizeof first.item[0], by_message_id);
    return first;
}

enum status manifest_assign_message_ids(struct manifest *manifest)
{
    find_first_uses(manifest);
    for (size_t i = 0; i < manifest->providers.count; i++)
        assign_provider(manifest->providers.item[i]);
    for (size_t i = 0; i < manifest->messages.count; i++) {
        struct message *message = manifest->messages.item[i];
        message->id = message->first->id;
    }
    struct list first = manifest_first_uses(manifest);
    for (size_t i = 1; i < first.count; i++) {
        const struct message *before = first.item[i - 1];
        const struct message *message = first.item[i];
        if (before->id == message->id)
            return xml_fail(manifest->file, message->line,
                            "The message \"%s\" would have the number 0x%08X, as \"%s\" in line "
                            "%lu has.",
                            message->string, (unsigned)message->id, before->string, before->line);
    }
    return STATUS_OK;
}
