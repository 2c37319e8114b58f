// Channels, own and imported.
#include "etw/compile/read.h"

#include <string.h>

#include "base/utf.h"
#include "etw/compile/well_known.h"

#define NAME_MAX_UNITS 255

// An element whose children have text and nothing else, such as <logging>. The children that
// `names` lists are allowed.
static enum status read_settings(const struct manifest *manifest, const struct xml_element *element,
                                 const char *const *names, struct channel *channel)
{
    TRY(read_attributes(manifest, element, NULL, 0));
    for (size_t i = 0; i < element->children.count; i++) {
        const struct xml_element *setting = element->children.item[i];
        size_t n = 0;
        while (names[n] && strcmp(names[n], setting->name) != 0)
            n++;
        if (!names[n])
            return read_unknown(manifest, element, setting);
        if (setting->attributes.count || setting->children.count || !setting->text[0])
            return xml_fail(manifest->file, setting->line,
                            "The element \"%s\" has a value and nothing else.", setting->name);
        if (strcmp(setting->name, "maxSize") == 0)
            channel->max_size = setting->text;
    }
    return STATUS_OK;
}

static enum status read_channel_children(const struct manifest *manifest,
                                         const struct xml_element *element, struct channel *channel)
{
    static const char *const logging[] = {"autoBackup", "retention", "maxSize", NULL};
    static const char *const publishing[] = {"level",     "keywords",   "controlGuid", "bufferSize",
                                             "fileMax",   "minBuffers", "maxBuffers",  "latency",
                                             "clockType", "sidType",    NULL};
    for (size_t i = 0; i < element->children.count; i++) {
        const struct xml_element *child = element->children.item[i];
        if (strcmp(child->name, "logging") == 0)
            TRY(read_settings(manifest, child, logging, channel));
        else if (strcmp(child->name, "publishing") == 0)
            TRY(read_settings(manifest, child, publishing, channel));
        else
            return read_unknown(manifest, element, child);
    }
    return STATUS_OK;
}

static enum status check_name(const struct manifest *manifest, const struct xml_element *element,
                              const char *name)
{
    size_t units = utf8_utf16_length(name, strlen(name));
    if (units == 0 || units > NAME_MAX_UNITS)
        return xml_fail(manifest->file, element->line,
                        "The name of a channel has 1 to %d characters.", NAME_MAX_UNITS);
    for (const char *c = name; *c; c++)
        if ((unsigned char)*c < ' ' || strchr("<>&\"|\\:`?*", *c))
            return xml_fail(manifest->file, element->line,
                            "The name of the channel \"%s\" has a character that is not allowed "
                            "there.",
                            name);
    return STATUS_OK;
}

static enum status one_of(const struct manifest *manifest, const struct xml_element *element,
                          const char *name, const char *text, const char *const *words,
                          size_t *index)
{
    for (size_t i = 0; words[i]; i++) {
        if (strcmp(words[i], text) == 0) {
            *index = i;
            return STATUS_OK;
        }
    }
    return xml_fail(manifest->file, element->line, "\"%s\" of \"%s\" must not be \"%s\".", name,
                    element->name, text);
}

static enum status read_own(struct manifest *manifest, const struct xml_element *element,
                            struct channel *channel)
{
    static const char *const types[] = {"Admin", "Operational", "Analytic", "Debug", NULL};
    static const char *const isolations[] = {"Application", "System", "Custom", NULL};
    static const char *const booleans[] = {"true", "false", "1", "0", NULL};
    const char *type;
    const char *value;
    const char *symbol;
    const char *message;
    const char *ignored;
    const struct attribute_slot slots[] = {
        {"chid", &channel->id, false},
        {"name", &channel->name, true},
        {"type", &type, true},
        {"symbol", &symbol, false},
        {"value", &value, false},
        {"message", &message, false},
        {"enabled", &channel->enabled, false},
        {"isolation", &channel->isolation, false},
        {"access", &ignored, false}, // of the registration, not of the template
        {"version", &ignored, false}};
    size_t index;
    uint64_t number = 0;
    TRY(READ_ATTRIBUTES(manifest, element, slots));
    TRY(check_name(manifest, element, channel->name));
    TRY(one_of(manifest, element, "type", type, types, &index));
    channel->type = (enum channel_type)index;
    if (channel->isolation)
        TRY(one_of(manifest, element, "isolation", channel->isolation, isolations, &index));
    if (channel->enabled)
        TRY(one_of(manifest, element, "enabled", channel->enabled, booleans, &index));
    TRY(read_number(manifest, element, "value", value, CHANNEL_FIRST, CHANNEL_LAST, &number));
    channel->has_value = value != NULL;
    channel->value = (uint8_t)number;
    TRY(read_symbol(manifest, element, symbol, &channel->symbol));
    TRY(read_message(manifest, element, message, &channel->message));
    return read_channel_children(manifest, element, channel);
}

static enum status read_imported(struct manifest *manifest, const struct xml_element *element,
                                 struct channel *channel)
{
    const char *symbol;
    const struct attribute_slot slots[] = {
        {"chid", &channel->id, false}, {"name", &channel->name, true}, {"symbol", &symbol, false}};
    TRY(READ_LEAF(manifest, element, slots));
    TRY(check_name(manifest, element, channel->name));
    channel->imported = true;
    channel->message = (struct message){.line = element->line, .id = MESSAGE_NONE};
    const struct well_known *known = well_known_channel(channel->name);
    if (known) {
        channel->has_value = true;
        channel->value = (uint8_t)known->value;
        channel->message.string = known->string;
        list_add(&manifest->arena, &manifest->messages, &channel->message);
    }
    return read_symbol(manifest, element, symbol, &channel->symbol);
}

enum status read_channels(struct manifest *manifest, struct provider *provider,
                          const struct xml_element *element)
{
    TRY(read_attributes(manifest, element, NULL, 0));
    for (size_t i = 0; i < element->children.count; i++) {
        const struct xml_element *child = element->children.item[i];
        struct channel *channel = arena_alloc(&manifest->arena, sizeof *channel);
        channel->line = child->line;
        if (provider->channels.count == CHANNELS_MAX)
            return xml_fail(manifest->file, child->line,
                            "A provider has at most %d channels, imported ones included.",
                            CHANNELS_MAX);
        if (strcmp(child->name, "channel") == 0)
            TRY(read_own(manifest, child, channel));
        else if (strcmp(child->name, "importChannel") == 0)
            TRY(read_imported(manifest, child, channel));
        else
            return read_unknown(manifest, element, child);
        channel->keyword = UINT64_C(1) << (63 - provider->channels.count);
        list_add(&manifest->arena, &provider->channels, channel);
    }
    return STATUS_OK;
}
