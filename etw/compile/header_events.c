// The C header: maps, fields and definitions of events, and the functions that write them.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "etw/compile/c_name.h"
#include "etw/compile/emit.h"
#include "etw/compile/header_fields.h"
#include "etw/compile/outputs.h"
#include "etw/compile/types.h"

struct events_header {
    struct manifest *manifest;
    const struct provider *provider;
    struct c_names *names;
    const char **map_name; // by struct map's index
    struct buffer *out;
};

static const char *take_name(const struct events_header *header, const char *name)
{
    return c_names_add_unique(&header->manifest->arena, header->names, NULL, name);
}

static void output_map(const struct events_header *header, const struct map *map)
{
    struct arena *arena = &header->manifest->arena;
    struct buffer *out = header->out;
    const struct list items = map_items_by_value(arena, map);
    const char *name =
        take_name(header, arena_printf(arena, "%s_map_%zu", header->provider->symbol, map->index));
    const char *entries = take_name(header, arena_printf(arena, "%s_entries", name));
    header->map_name[map->index] = name;
    if (items.count) {
        emit_text(out, "\nstatic const struct event_map_entry %s[] = {\n", entries);
        for (size_t i = 0; i < items.count; i++) {
            const struct map_item *item = items.item[i];
            emit_text(out, "    {0x%08" PRIX32 "u, ", item->value);
            c_literal(out, manifest_text(header->manifest, &item->message));
            emit_text(out, "},\n");
        }
        emit_text(out, "};\n");
    }
    emit_text(out, "\nstatic const struct event_map %s = {.name = ", name);
    c_literal(out, map->name);
    emit_text(out, ", .bits = %s", map->bits ? "true" : "false");
    if (items.count)
        emit_text(out, ", .count = %zu, .entry = %s", items.count, entries);
    emit_text(out, "};\n");
}

static void output_extent(const struct flat_template *flat, const struct extent *extent,
                          const char *member, struct buffer *out)
{
    if (extent->from)
        emit_text(out, ", .%s = %zu", member, flat_index(flat, extent->from));
    else if (extent->value)
        emit_text(out, ", .%s = %u", member, extent->value);
}

static void output_flags(const struct field *field, struct buffer *out)
{
    const char *length = field->length.from    ? "EVENT_FIELD_LENGTH_FROM"
                         : field->length.value ? "EVENT_FIELD_LENGTH"
                                               : NULL;
    const char *count = field->count.from    ? "EVENT_FIELD_COUNT_FROM"
                        : field->count.value ? "EVENT_FIELD_COUNT"
                                             : NULL;
    if (length || count)
        emit_text(out, ", .flags = %s%s%s", length ? length : "", length && count ? " | " : "",
                  count ? count : "");
}

static void output_field(const struct events_header *header, const struct flat_template *flat,
                         const struct field *field)
{
    struct buffer *out = header->out;
    emit_text(out, "    {.name = ");
    c_literal(out, field->name);
    if (field->in_type == EVENT_IN_STRUCT)
        emit_text(out, ", .members = %zu", field->members.count);
    else
        emit_text(out, ", .in_type = %s, .out_type = %s", in_type_of(field->in_type)->c_name,
                  out_type_of(field->out_type)->c_name);
    output_flags(field, out);
    output_extent(flat, &field->length, "length", out);
    output_extent(flat, &field->count, "count", out);
    if (field->map)
        emit_text(out, ", .map = &%s", header->map_name[field->map->index]);
    emit_text(out, "},\n");
}

static void output_fields(const struct events_header *header, const struct flat_template *flat)
{
    if (flat->count == 0)
        return;
    emit_text(header->out, "\nstatic const struct event_field %s[] = {\n", flat->name);
    for (size_t i = 0; i < flat->count; i++)
        output_field(header, flat, flat->field[i].field);
    emit_text(header->out, "};\n");
}

static void output_definition(const struct events_header *header, const struct flat_template *flat,
                              const struct event *event, const char *symbol, const char *name)
{
    struct buffer *out = header->out;
    const struct event_descriptor *d = &event->descriptor;
    const char *message = manifest_text(header->manifest, &event->message);
    emit_text(out, "static const struct event_definition %s = {\n", name);
    emit_text(out, "    .descriptor = {%u, %u, %u, %u, %u, %u, 0x%016" PRIX64 "ull},\n", d->id,
              d->version, d->channel, d->level, d->opcode, d->task, d->keyword);
    emit_text(out, "    .symbol = \"%s\",\n", symbol);
    if (event->channel) {
        emit_text(out, "    .channel = ");
        c_literal(out, event->channel->name);
        emit_text(out, ",\n");
    }
    emit_text(out, "    .message_id = 0x%08" PRIX32 "u,\n", event->message.id);
    if (message) {
        emit_text(out, "    .message = ");
        c_literal(out, message);
        emit_text(out, ",\n");
    }
    if (flat->count)
        emit_text(out, "    .field_count = %zu,\n    .field = %s,\n", flat->count, flat->name);
    emit_text(out, "};\n");
}

static void output_function(const struct flat_template *flat, const char *function,
                            const char *definition, struct buffer *out)
{
    emit_text(out, "static inline void %s(\n    struct event_writer *writer", function);
    for (size_t i = 0; i < flat->count; i++)
        output_parameter(&flat->field[i], out);
    emit_text(out, ")\n{\n");
    if (flat->count == 0) {
        emit_text(out, "    writer->write(writer, &%s, NULL, 0);\n}\n", definition);
        return;
    }
    emit_text(out, "    const struct event_value values[] = {\n");
    for (size_t i = 0; i < flat->count; i++) {
        emit_text(out, "        ");
        output_value(flat, &flat->field[i], out);
        emit_text(out, ",\n");
    }
    emit_text(out, "    };\n    writer->write(writer, &%s, values, %zu);\n}\n", definition,
              flat->count);
}

// The symbol of an event, or one made of the provider's and the numbers, which are unique.
static const char *event_symbol(const struct events_header *header, const struct event *event)
{
    struct arena *arena = &header->manifest->arena;
    const char *provider = header->provider->symbol;
    if (event->symbol)
        return event->symbol;
    return take_name(header, event->version ? arena_printf(arena, "%s_%u_V%u", provider, event->id,
                                                           event->version)
                                            : arena_printf(arena, "%s_%u", provider, event->id));
}

// Returns the name of the event's definition.
static const char *output_event(const struct events_header *header,
                                const struct flat_template *flat, const struct event *event)
{
    struct arena *arena = &header->manifest->arena;
    const char *symbol = event_symbol(header, event);
    const char *value = take_name(header, arena_printf(arena, "%s_value", symbol));
    const char *definition = take_name(header, arena_printf(arena, "%s_event", symbol));
    const char *function = take_name(header, arena_printf(arena, "EventWrite%s", symbol));
    emit_text(header->out, "\n#define %s %u\n\n", value, event->id);
    output_definition(header, flat, event, symbol, definition);
    emit_text(header->out, "\n");
    output_function(flat, function, definition, header->out);
    return definition;
}

static void output_table(const struct events_header *header, const char *const *definition,
                         size_t count)
{
    struct arena *arena = &header->manifest->arena;
    const char *symbol = header->provider->symbol;
    if (count == 0)
        return;
    emit_text(header->out, "\n// All events by id.\n#define %s %zu\n",
              take_name(header, arena_printf(arena, "%s_EVENT_COUNT", symbol)), count);
    emit_text(header->out, "static const struct event_definition *const %s[] = {\n",
              take_name(header, arena_printf(arena, "%s_events", symbol)));
    for (size_t i = 0; i < count; i++)
        emit_text(header->out, "    &%s,\n", definition[i]);
    emit_text(header->out, "};\n");
}

void output_header_events(struct manifest *manifest, const struct provider *provider,
                          struct c_names *names, struct buffer *out)
{
    struct arena *arena = &manifest->arena;
    const struct events_header header = {
        .manifest = manifest,
        .provider = provider,
        .names = names,
        .map_name = arena_alloc(arena, provider->maps.count * sizeof(const char *)),
        .out = out};
    const struct list events = provider_events(arena, provider);
    struct flat_template *flat = arena_alloc(arena, (provider->templates.count + 1) * sizeof *flat);
    const char **definition = arena_alloc(arena, events.count * sizeof *definition);
    for (size_t i = 0; i < provider->maps.count; i++)
        output_map(&header, provider->maps.item[i]);
    for (size_t i = 0; i < provider->templates.count; i++) {
        flat[i + 1] = flatten_template(arena, provider->templates.item[i], names,
                                       arena_printf(arena, "%s_fields_%zu", provider->symbol, i));
        output_fields(&header, &flat[i + 1]);
    }
    for (size_t i = 0; i < events.count; i++) {
        const struct event *event = events.item[i];
        size_t template = event->template ? event->template->index + 1 : 0; // [0]: no fields
        definition[i] = output_event(&header, &flat[template], event);
    }
    output_table(&header, definition, events.count);
}
