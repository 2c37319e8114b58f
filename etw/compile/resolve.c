// Names find what they name. Windows' own levels, tasks, opcodes and keywords join the provider's
// when an event uses them.
#include "etw/compile/model.h"

#include <stdlib.h>
#include <string.h>

#include "etw/compile/read.h"
#include "etw/compile/types.h"
#include "etw/compile/well_known.h"

static void use_well_known(struct manifest *manifest, const struct well_known *known,
                           unsigned long line, struct message *out)
{
    *out = (struct message){.string = known->string, .line = line, .id = MESSAGE_NONE};
    list_add(&manifest->arena, &manifest->messages, out);
}

// Finds in a short list the item with a name.
#define FIND(type, list, wanted, found)                   \
    do {                                                  \
        (found) = NULL;                                   \
        for (size_t n = 0; n < (list)->count; n++) {      \
            struct type *candidate = (list)->item[n];     \
            if (strcmp(candidate->name, (wanted)) == 0) { \
                (found) = candidate;                      \
                break;                                    \
            }                                             \
        }                                                 \
    } while (0)

static enum status unknown(const struct manifest *manifest, unsigned long line, const char *what,
                           const char *name)
{
    return xml_fail(manifest->file, line, "There is no %s \"%s\".", what, name);
}

// Long lists are sorted once and searched by halves.
struct index_entry {
    const char *name;
    void *item;
};

struct index {
    struct index_entry *entry;
    size_t count;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct index_entry *)a)->name, ((const struct index_entry *)b)->name);
}

static void index_sort(struct index *index)
{
    if (index->count)
        qsort(index->entry, index->count, sizeof index->entry[0], by_name);
}

static void *index_find(const struct index *index, const char *name)
{
    struct index_entry key = {name, NULL};
    if (index->count == 0)
        return NULL;
    struct index_entry *found =
        bsearch(&key, index->entry, index->count, sizeof index->entry[0], by_name);
    return found ? found->item : NULL;
}

#define INDEX(manifest, type, key, list, out)                                                 \
    do {                                                                                      \
        (out)->count = (list)->count;                                                         \
        (out)->entry = arena_alloc(&(manifest)->arena, (list)->count * sizeof *(out)->entry); \
        for (size_t n = 0; n < (list)->count; n++) {                                          \
            struct type *item = (list)->item[n];                                              \
            (out)->entry[n] = (struct index_entry){item->key, item};                          \
        }                                                                                     \
        index_sort(out);                                                                      \
    } while (0)

// Own channels without a value take the lowest free number, imported ones that Windows does not
// number likewise.
static void resolve_channels(struct provider *provider)
{
    bool taken[CHANNEL_LAST + 1] = {false};
    for (size_t i = 0; i < provider->channels.count; i++) {
        const struct channel *channel = provider->channels.item[i];
        if (channel->has_value)
            taken[channel->value] = true;
    }
    for (size_t i = 0; i < provider->channels.count; i++) {
        struct channel *channel = provider->channels.item[i];
        if (channel->has_value)
            continue;
        unsigned value = CHANNEL_FIRST; // at most CHANNELS_MAX are taken
        while (taken[value])
            value++;
        taken[value] = true;
        channel->value = (uint8_t)value;
    }
}

static enum status resolve_extent(const struct manifest *manifest, const struct list *fields,
                                  const struct field *field, const char *what,
                                  struct extent *extent)
{
    if (!extent->from_name)
        return STATUS_OK;
    for (size_t i = 0; i < field->index; i++) {
        const struct field *other = fields->item[i];
        if (strcmp(other->name, extent->from_name) != 0)
            continue;
        const struct in_type *type = in_type_of(other->in_type);
        if (!type || !type->integer || field_is_array(other))
            return xml_fail(manifest->file, field->line,
                            "The %s of \"%s\" is taken from \"%s\", which is no single integer.",
                            what, field->name, extent->from_name);
        extent->from = other;
        return STATUS_OK;
    }
    return xml_fail(manifest->file, field->line,
                    "The %s of \"%s\" is taken from \"%s\", which is no field before it.", what,
                    field->name, extent->from_name);
}

static enum status resolve_fields(const struct manifest *manifest, const struct index *maps,
                                  const struct list *fields)
{
    for (size_t i = 0; i < fields->count; i++) {
        struct field *field = fields->item[i];
        TRY(resolve_extent(manifest, fields, field, "count", &field->count));
        TRY(resolve_extent(manifest, fields, field, "length", &field->length));
        if (field->map_name) {
            field->map = index_find(maps, field->map_name);
            if (!field->map)
                return unknown(manifest, field->line, "map", field->map_name);
        }
        TRY(resolve_fields(manifest, maps, &field->members)); // which have none themselves
    }
    return STATUS_OK;
}

static enum status resolve_channel(const struct manifest *manifest, const struct provider *provider,
                                   struct event *event)
{
    if (!event->channel_name)
        return STATUS_OK;
    for (size_t i = 0; i < provider->channels.count; i++) {
        const struct channel *channel = provider->channels.item[i];
        if ((channel->id && strcmp(channel->id, event->channel_name) == 0) ||
            strcmp(channel->name, event->channel_name) == 0) {
            event->channel = channel;
            return STATUS_OK;
        }
    }
    return unknown(manifest, event->line, "channel", event->channel_name);
}

static enum status resolve_level(struct manifest *manifest, struct provider *provider,
                                 struct event *event)
{
    if (!event->level_name)
        return STATUS_OK;
    FIND(level, &provider->levels, event->level_name, event->level);
    if (event->level)
        return STATUS_OK;
    const struct well_known *known = well_known_level(event->level_name);
    if (!known)
        return unknown(manifest, event->line, "level", event->level_name);
    struct level *level = arena_alloc(&manifest->arena, sizeof *level);
    *level = (struct level){.line = event->line,
                            .name = known->name,
                            .value = (uint8_t)known->value,
                            .well_known = true};
    use_well_known(manifest, known, event->line, &level->message);
    list_add(&manifest->arena, &provider->levels, level);
    event->level = level;
    return STATUS_OK;
}

static enum status resolve_task(struct manifest *manifest, struct provider *provider,
                                const struct index *tasks, struct event *event)
{
    if (!event->task_name)
        return STATUS_OK;
    event->task = index_find(tasks, event->task_name);
    if (event->task)
        return STATUS_OK;
    const struct well_known *known = well_known_task(event->task_name);
    if (!known)
        return unknown(manifest, event->line, "task", event->task_name);
    FIND(task, &provider->tasks, known->name, event->task);
    if (event->task)
        return STATUS_OK;
    struct task *task = arena_alloc(&manifest->arena, sizeof *task);
    *task = (struct task){.line = event->line,
                          .name = known->name,
                          .value = (uint16_t)known->value,
                          .well_known = true};
    use_well_known(manifest, known, event->line, &task->message);
    list_add(&manifest->arena, &provider->tasks, task);
    event->task = task;
    return STATUS_OK;
}

// An opcode of the event's task comes before one of all tasks.
static enum status resolve_opcode(struct manifest *manifest, struct provider *provider,
                                  struct event *event)
{
    if (!event->opcode_name)
        return STATUS_OK;
    if (event->task)
        FIND(opcode, &event->task->opcodes, event->opcode_name, event->opcode);
    if (!event->opcode)
        FIND(opcode, &provider->opcodes, event->opcode_name, event->opcode);
    if (event->opcode)
        return STATUS_OK;
    const struct well_known *known = well_known_opcode(event->opcode_name);
    if (!known)
        return xml_fail(manifest->file, event->line,
                        "There is no opcode \"%s\" for all tasks, nor for the event's task.",
                        event->opcode_name);
    struct opcode *opcode = arena_alloc(&manifest->arena, sizeof *opcode);
    *opcode = (struct opcode){.line = event->line,
                              .name = known->name,
                              .value = (uint8_t)known->value,
                              .well_known = true};
    use_well_known(manifest, known, event->line, &opcode->message);
    list_add(&manifest->arena, &provider->opcodes, opcode);
    event->opcode = opcode;
    return STATUS_OK;
}

// An own keyword, or one of Windows' own, which joins them. NULL: there is no such keyword.
static struct keyword *find_keyword(struct manifest *manifest, struct provider *provider,
                                    const struct event *event, const char *name)
{
    struct keyword *keyword;
    FIND(keyword, &provider->keywords, name, keyword);
    const struct well_known *known = keyword ? NULL : well_known_keyword(name);
    if (known) {
        keyword = arena_alloc(&manifest->arena, sizeof *keyword);
        *keyword = (struct keyword){
            .line = event->line, .name = known->name, .mask = known->value, .well_known = true};
        use_well_known(manifest, known, event->line, &keyword->message);
        list_add(&manifest->arena, &provider->keywords, keyword);
    }
    return keyword;
}

static int by_mask(const void *a, const void *b)
{
    const struct keyword *const *x = a;
    const struct keyword *const *y = b;
    return ((*x)->mask > (*y)->mask) - ((*x)->mask < (*y)->mask);
}

static enum status resolve_keywords(struct manifest *manifest, struct provider *provider,
                                    struct event *event)
{
    static const char blanks[] = " \t\r\n";
    const char *at = event->keyword_names ? event->keyword_names : "";
    uint64_t seen = 0;
    for (at += strspn(at, blanks); *at; at += strspn(at, blanks)) {
        size_t length = strcspn(at, blanks);
        const char *name = arena_text(&manifest->arena, at, length);
        struct keyword *keyword = find_keyword(manifest, provider, event, name);
        if (!keyword)
            return unknown(manifest, event->line, "keyword", name);
        if (!(seen & keyword->mask))
            list_add(&manifest->arena, &event->keywords, keyword);
        seen |= keyword->mask;
        at += length;
    }
    if (event->keywords.count)
        qsort(event->keywords.item, event->keywords.count, sizeof event->keywords.item[0], by_mask);
    event->descriptor.keyword = seen;
    return STATUS_OK;
}

static void describe(struct event *event)
{
    struct event_descriptor *descriptor = &event->descriptor;
    descriptor->id = event->id;
    descriptor->version = event->version;
    if (event->channel) {
        descriptor->channel = event->channel->value;
        descriptor->keyword |= event->channel->keyword;
    }
    if (event->level)
        descriptor->level = event->level->value;
    if (event->task)
        descriptor->task = event->task->value;
    if (event->opcode)
        descriptor->opcode = event->opcode->value;
}

static enum status resolve_event(struct manifest *manifest, struct provider *provider,
                                 const struct index *tasks, const struct index *templates,
                                 struct event *event)
{
    TRY(resolve_channel(manifest, provider, event));
    TRY(resolve_level(manifest, provider, event));
    TRY(resolve_task(manifest, provider, tasks, event));
    TRY(resolve_opcode(manifest, provider, event));
    TRY(resolve_keywords(manifest, provider, event));
    // An empty name is common in generated manifests and means none.
    if (event->template_name && event->template_name[0]) {
        event->template = index_find(templates, event->template_name);
        if (!event->template)
            return unknown(manifest, event->line, "template", event->template_name);
    }
    describe(event);
    return STATUS_OK;
}

enum status manifest_resolve(struct manifest *manifest)
{
    for (size_t i = 0; i < manifest->providers.count; i++) {
        struct provider *provider = manifest->providers.item[i];
        struct index maps;
        struct index tasks;
        struct index templates;
        INDEX(manifest, map, name, &provider->maps, &maps);
        INDEX(manifest, task, name, &provider->tasks, &tasks);
        INDEX(manifest, template, id, &provider->templates, &templates);
        resolve_channels(provider);
        for (size_t k = 0; k < provider->templates.count; k++)
            TRY(resolve_fields(manifest, &maps,
                               &((struct template *)provider->templates.item[k])->fields));
        for (size_t k = 0; k < provider->events.count; k++)
            TRY(resolve_event(manifest, provider, &tasks, &templates, provider->events.item[k]));
    }
    return STATUS_OK;
}
