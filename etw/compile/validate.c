// The rules for events, fields and texts, after names have found what they name.
#include "etw/compile/model.h"

#include <string.h>

#include "base/utf.h"
#include "etw/compile/message_table.h"
#include "etw/compile/read.h"
#include "etw/compile/types.h"

// The header and the reference repeat fields and texts for each event: 64 MiB of that is no
// manifest.
#define EXPANSION_MAX     (64 * 1024 * 1024)
#define EXPANSION_FIELD   256 // what is written around a field's name
#define FIELD_NAME_MAX    255 // UTF-16 units
#define LEVEL_CRITICAL    1
#define LEVEL_INFORMATION 4

static enum status check_field(const struct manifest *manifest, const struct field *field)
{
    const struct in_type *type = in_type_of(field->in_type);
    size_t units = utf8_utf16_length(field->name, strlen(field->name));
    if (units == 0 || units > FIELD_NAME_MAX)
        return xml_fail(manifest->file, field->line, "The name of a field has 1 to %d characters.",
                        FIELD_NAME_MAX);
    bool has_length = field->length.from || field->length.value;
    if (has_length && (!type || !type->sized))
        return xml_fail(manifest->file, field->line, "\"%s\" has a type that takes no length.",
                        field->name);
    if (field->map && (!type || !type->maps))
        return xml_fail(manifest->file, field->line,
                        "\"%s\" has a type that cannot have a map; win:UInt8, win:UInt16, "
                        "win:UInt32 and win:HexInt32 can.",
                        field->name);
    return STATUS_OK;
}

static enum status check_fields(const struct manifest *manifest, const struct list *fields)
{
    for (size_t i = 0; i < fields->count; i++) {
        const struct field *field = fields->item[i];
        TRY(check_field(manifest, field));
        TRY(check_fields(manifest, &field->members)); // which have none themselves
    }
    return STATUS_OK;
}

static bool is_admin(const struct channel *channel)
{
    return channel && !channel->imported && channel->type == CHANNEL_ADMIN;
}

static enum status check_admin(const struct manifest *manifest, const struct event *event)
{
    uint8_t level = event->descriptor.level;
    if (!event->message.string)
        return xml_fail(manifest->file, event->line,
                        "The event %u is for the channel \"%s\", which is of type Admin, and so "
                        "needs a message.",
                        event->id, event->channel->name);
    if (level < LEVEL_CRITICAL || level > LEVEL_INFORMATION)
        return xml_fail(manifest->file, event->line,
                        "The event %u is for the channel \"%s\", which is of type Admin, and so "
                        "needs the level win:Critical, win:Error, win:Warning or "
                        "win:Informational.",
                        event->id, event->channel->name);
    return STATUS_OK;
}

// The largest n of an insert %n; %%, %n (a line break) and %0 (the end) are none.
static unsigned largest_insert(const char *text)
{
    unsigned largest = 0;
    for (const char *c = strchr(text, '%'); c; c = strchr(c, '%')) {
        c++;
        unsigned insert = 0;
        for (unsigned digits = 0; digits < 2 && *c >= (digits ? '0' : '1') && *c <= '9'; digits++)
            insert = insert * 10 + (unsigned)(*c++ - '0');
        if (insert > largest)
            largest = insert;
        if (insert == 0 && *c == '%')
            c++;
    }
    return largest;
}

static enum status check_inserts(const struct manifest *manifest, const struct culture *culture,
                                 const struct event *event)
{
    const struct string *string = culture_string(culture, event->message.string);
    size_t fields = event->template ? event->template->fields.count : 0;
    unsigned insert = string ? largest_insert(string->text) : 0;
    if (insert <= fields)
        return STATUS_OK;
    return xml_fail(manifest->file, event->line,
                    "The message of the event %u (\"%s\", line %lu, %s) has %%%u, but the event "
                    "has %zu field%s.",
                    event->id, string->id, string->line, culture->name, insert, fields,
                    fields == 1 ? "" : "s");
}

static enum status check_event(const struct manifest *manifest, const struct event *event)
{
    if (is_admin(event->channel))
        TRY(check_admin(manifest, event));
    for (size_t i = 0; event->message.string && i < manifest->cultures.count; i++)
        TRY(check_inserts(manifest, manifest->cultures.item[i], event));
    return STATUS_OK;
}

static size_t expansion(const struct list *fields)
{
    size_t size = 0;
    for (size_t i = 0; i < fields->count; i++) {
        const struct field *field = fields->item[i];
        size += strlen(field->name) + EXPANSION_FIELD + expansion(&field->members);
    }
    return size;
}

static enum status check_expansion(const struct manifest *manifest, const struct provider *provider,
                                   size_t *size)
{
    for (size_t i = 0; i < provider->events.count; i++) {
        const struct event *event = provider->events.item[i];
        const char *text = manifest_text(manifest, &event->message);
        *size += EXPANSION_FIELD + (text ? strlen(text) : 0);
        if (event->template)
            *size += expansion(&event->template->fields);
        if (*size > EXPANSION_MAX)
            return xml_fail(manifest->file, event->line,
                            "The events up to this one have more fields and texts than a manifest "
                            "may.");
    }
    return STATUS_OK;
}

static enum status check_text_sizes(const struct manifest *manifest)
{
    for (size_t i = 0; i < manifest->cultures.count; i++) {
        const struct culture *culture = manifest->cultures.item[i];
        for (size_t k = 0; k < culture->strings.count; k++) {
            const struct string *string = culture->strings.item[k];
            if (message_entry_size(string->text) > MESSAGE_ENTRY_MAX)
                return xml_fail(manifest->file, string->line,
                                "The string \"%s\" is too long for a message table.", string->id);
        }
    }
    return STATUS_OK;
}

static enum status check_strings(const struct manifest *manifest)
{
    for (size_t i = 0; i < manifest->messages.count; i++) {
        const struct message *message = manifest->messages.item[i];
        for (size_t k = 0; k < manifest->cultures.count; k++) {
            const struct culture *culture = manifest->cultures.item[k];
            if (!culture_text(culture, message->string))
                return xml_fail(manifest->file, message->line,
                                "There is no string \"%s\" in the table of %s.", message->string,
                                culture->name);
        }
    }
    return STATUS_OK;
}

enum status manifest_validate(const struct manifest *manifest)
{
    size_t size = 0;
    TRY(check_strings(manifest));
    TRY(check_text_sizes(manifest));
    for (size_t i = 0; i < manifest->providers.count; i++) {
        const struct provider *provider = manifest->providers.item[i];
        for (size_t k = 0; k < provider->templates.count; k++)
            TRY(check_fields(manifest,
                             &((const struct template *)provider->templates.item[k])->fields));
        for (size_t k = 0; k < provider->events.count; k++)
            TRY(check_event(manifest, provider->events.item[k]));
        TRY(check_expansion(manifest, provider, &size));
    }
    return STATUS_OK;
}
