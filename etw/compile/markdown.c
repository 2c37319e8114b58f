// The reference of events, for people.
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "etw/compile/emit.h"
#include "etw/compile/outputs.h"
#include "etw/compile/types.h"

#define MEBIBYTE (1024 * 1024)

// Text in a cell of a table: one line, and nothing in it means anything to Markdown or HTML.
static void cell(struct buffer *out, const char *text)
{
    for (const char *c = text; *c; c++) {
        if (*c == '|' || *c == '\\' || *c == '`' || *c == '*' || *c == '_' || *c == '[' ||
            *c == ']')
            emit_text(out, "\\%c", *c);
        else if (*c == '<')
            emit_text(out, "&lt;");
        else if (*c == '&')
            emit_text(out, "&amp;");
        else if ((unsigned char)*c < ' ')
            emit_text(out, " ");
        else
            emit_u8(out, (uint8_t)*c);
    }
}

// What follows a '%' in a message: an insert, shown as the field's name; %n, a line break; %0,
// nothing; or a character that stands for itself. Returns the last character of it.
static const char *insert(const struct event *event, const char *percent, struct buffer *out)
{
    const char *c = percent;
    size_t number = 0;
    for (int digits = 0; digits < 2 && c[1] >= (digits ? '0' : '1') && c[1] <= '9'; digits++)
        number = number * 10 + (size_t)(*++c - '0');
    if (number > 0) {
        const struct field *field = event->template->fields.item[number - 1]; // checked
        const char *format_end = c[1] == '!' ? strchr(c + 2, '!') : NULL;
        emit_text(out, "*");
        cell(out, field->name);
        emit_text(out, "*");
        return format_end ? format_end : c;
    }
    if (!c[1])
        return c;
    char character[2] = {*++c};
    if (*c == 'n')
        emit_text(out, "<br>");
    else if (*c != '0')
        cell(out, character);
    return c;
}

// A message as FormatMessage shows it, but with the fields' names where it has their values.
static void message(const struct event *event, const char *text, struct buffer *out)
{
    for (const char *c = text; *c; c++) {
        char character[2] = {*c};
        if (*c == '%')
            c = insert(event, c, out);
        else if (*c == '\n')
            emit_text(out, "<br>");
        else if (*c != '\r')
            cell(out, character);
    }
}

static const char *without_prefix(const char *name)
{
    return strncmp(name, "win:", 4) == 0 ? name + 4 : name;
}

// "string", "UInt32 (PID), 4 elements" and the like.
static void type_of(const struct field *field, struct buffer *out)
{
    const struct in_type *in = in_type_of(field->in_type);
    if (!in) {
        emit_text(out, "struct of");
        for (size_t i = 0; i < field->members.count; i++) {
            const struct field *member = field->members.item[i];
            emit_text(out, "%s ", i ? "," : "");
            cell(out, member->name);
            emit_text(out, " (");
            type_of(member, out);
            emit_text(out, ")");
        }
    } else {
        emit_text(out, "%s", without_prefix(in->name));
        if (field->out_type != in->out_type) {
            const char *name = out_type_of(field->out_type)->name;
            emit_text(out, " as %s", name + strcspn(name, ":") + 1);
        }
    }
    if (field->map) {
        emit_text(out, ", map ");
        cell(out, field->map->name);
    }
    if (field->length.from) {
        emit_text(out, ", as long as ");
        cell(out, field->length.from_name);
    } else if (field->length.value) {
        emit_text(out, ", length %u", field->length.value);
    }
    if (field->count.from) {
        emit_text(out, ", as many as ");
        cell(out, field->count.from_name);
    } else if (field->count.value) {
        emit_text(out, ", %u of them", field->count.value);
    }
}

static const char *level_name(const struct manifest *manifest, const struct event *event)
{
    const char *text = event->level ? manifest_text(manifest, &event->level->message) : "";
    return text ? text : event->level->name;
}

// A number of bytes as the manifest has it, in MiB where it is whole ones.
static void size(const char *bytes, struct buffer *out)
{
    char *end;
    unsigned long long value = strtoull(bytes, &end, 10);
    if (*end == '\0' && value > 0 && value % MEBIBYTE == 0) {
        emit_text(out, "%llu MiB", value / MEBIBYTE);
    } else {
        cell(out, bytes);
        emit_text(out, " bytes");
    }
}

static void channels(const struct provider *provider, struct buffer *out)
{
    static const char *const types[] = {"Admin", "Operational", "Analytic", "Debug"};
    if (provider->channels.count == 0)
        return;
    emit_text(out, "\n| Channel | Type | Isolation | Maximal size |\n|---|---|---|---|\n");
    for (size_t i = 0; i < provider->channels.count; i++) {
        const struct channel *channel = provider->channels.item[i];
        emit_text(out, "| ");
        cell(out, channel->name);
        emit_text(out, " | %s | %s | ", channel->imported ? "imported" : types[channel->type],
                  channel->isolation ? channel->isolation : "");
        if (channel->max_size)
            size(channel->max_size, out);
        emit_text(out, " |\n");
    }
}

static void keywords(const struct provider *provider, struct buffer *out)
{
    bool own = false;
    for (size_t i = 0; i < provider->keywords.count; i++) {
        const struct keyword *keyword = provider->keywords.item[i];
        if (keyword->well_known)
            continue;
        if (!own)
            emit_text(out, "\n| Keyword | Mask |\n|---|---|\n");
        own = true;
        emit_text(out, "| ");
        cell(out, keyword->name);
        emit_text(out, " | 0x%" PRIX64 " |\n", keyword->mask);
    }
}

static void maps(struct manifest *manifest, const struct provider *provider, struct buffer *out)
{
    for (size_t i = 0; i < provider->maps.count; i++) {
        const struct map *map = provider->maps.item[i];
        const struct list items = map_items_by_value(&manifest->arena, map);
        emit_text(out, "\n| ");
        cell(out, map->name);
        emit_text(out, " | %s |\n|---|---|\n", map->bits ? "Bit" : "Value");
        for (size_t k = 0; k < items.count; k++) {
            const struct map_item *item = items.item[k];
            emit_text(out, "| ");
            cell(out, manifest_text(manifest, &item->message));
            emit_text(out, map->bits ? " | 0x%" PRIX32 " |\n" : " | %" PRIu32 " |\n", item->value);
        }
    }
}

// A link to the event's section, by the anchor that its heading gets.
static void link_to(const struct event *event, struct buffer *out)
{
    if (!event->symbol)
        return;
    emit_text(out, "[");
    cell(out, event->symbol);
    emit_text(out, "](#%u-", event->id);
    if (event->version)
        emit_text(out, "version-%u-", event->version);
    for (const char *c = event->symbol; *c; c++)
        emit_u8(out, (uint8_t)(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c));
    emit_text(out, ")");
}

static void overview(const struct manifest *manifest, const struct list *events, struct buffer *out)
{
    emit_text(out, "\n| Id | Level | Channel | Event |\n|---|---|---|---|\n");
    for (size_t i = 0; i < events->count; i++) {
        const struct event *event = events->item[i];
        emit_text(out, "| %u", event->id);
        if (event->version)
            emit_text(out, " version %u", event->version);
        emit_text(out, " | ");
        cell(out, level_name(manifest, event));
        emit_text(out, " | ");
        cell(out, event->channel ? event->channel->name : "");
        emit_text(out, " | ");
        link_to(event, out);
        emit_text(out, " |\n");
    }
}

static void attribute(struct buffer *out, const char *what, const char *name)
{
    emit_text(out, ", %s ", what);
    cell(out, without_prefix(name));
}

static void describe(const struct manifest *manifest, const struct event *event, struct buffer *out)
{
    const char *text = manifest_text(manifest, &event->message);
    emit_text(out, "\n### %u", event->id);
    if (event->version)
        emit_text(out, " version %u", event->version);
    if (event->symbol) {
        emit_text(out, " ");
        cell(out, event->symbol);
    }
    emit_text(out, "\n\n");
    cell(out, event->level ? level_name(manifest, event) : "No level");
    if (event->channel)
        attribute(out, "channel", event->channel->name);
    if (event->task)
        attribute(out, "task", event->task->name);
    if (event->opcode)
        attribute(out, "opcode", event->opcode->name);
    for (size_t i = 0; i < event->keywords.count; i++)
        attribute(out, "keyword", ((const struct keyword *)event->keywords.item[i])->name);
    emit_text(out, ".\n");
    if (text) {
        emit_text(out, "\n> ");
        message(event, text, out);
        emit_text(out, "\n");
    }
    for (size_t i = 0; event->template && i < event->template->fields.count; i++) {
        const struct field *field = event->template->fields.item[i];
        emit_text(out, "%s%zu. ", i ? "" : "\n", i + 1);
        cell(out, field->name);
        emit_text(out, ": ");
        type_of(field, out);
        emit_text(out, "\n");
    }
}

static void provider(struct manifest *manifest, const struct provider *provider, struct buffer *out)
{
    char guid[GUID_TEXT_SIZE];
    const struct list events = provider_events(&manifest->arena, provider);
    emit_text(out, "## Provider ");
    cell(out, provider->name);
    emit_text(out, "\n\n`{%s}`\n", guid_format(&provider->guid, guid));
    channels(provider, out);
    keywords(provider, out);
    maps(manifest, provider, out);
    if (events.count == 0)
        return;
    overview(manifest, &events, out);
    for (size_t i = 0; i < events.count; i++)
        describe(manifest, events.item[i], out);
}

void output_markdown(struct manifest *manifest, const char *preamble, struct buffer *out)
{
    size_t length = preamble ? strlen(preamble) : 0;
    if (preamble)
        emit_bytes(out, preamble, length);
    else
        emit_text(out, "# Events\n");
    if (length && preamble[length - 1] != '\n')
        emit_text(out, "\n");
    for (size_t i = 0; i < manifest->providers.count; i++) {
        emit_text(out, "\n");
        provider(manifest, manifest->providers.item[i], out);
    }
}
