// The document's frame: providers, their events, the string tables.
#include "etw/compile/read.h"

#include <stdlib.h>
#include <string.h>

#include "etw/compile/language.h"

static enum status read_event(struct manifest *manifest, struct provider *provider,
                              const struct xml_element *element)
{
    const char *value;
    const char *version;
    const char *symbol;
    const char *message;
    struct event *event = arena_alloc(&manifest->arena, sizeof *event);
    const struct attribute_slot slots[] = {{"value", &value, true},
                                           {"version", &version, false},
                                           {"symbol", &symbol, false},
                                           {"message", &message, false},
                                           {"channel", &event->channel_name, false},
                                           {"level", &event->level_name, false},
                                           {"task", &event->task_name, false},
                                           {"opcode", &event->opcode_name, false},
                                           {"keywords", &event->keyword_names, false},
                                           {"template", &event->template_name, false}};
    uint64_t id;
    uint64_t number = 0;
    TRY(READ_LEAF(manifest, element, slots));
    TRY(read_number(manifest, element, "value", value, 0, UINT16_MAX, &id));
    TRY(read_number(manifest, element, "version", version, 0, UINT8_MAX, &number));
    TRY(read_symbol(manifest, element, symbol, &event->symbol));
    TRY(read_message(manifest, element, message, &event->message));
    event->line = element->line;
    event->index = provider->events.count;
    event->id = (uint16_t)id;
    event->version = (uint8_t)number;
    list_add(&manifest->arena, &provider->events, event);
    return STATUS_OK;
}

enum status read_events(struct manifest *manifest, struct provider *provider,
                        const struct xml_element *element)
{
    return read_list(manifest, provider, element, "event", read_event);
}

static enum status read_sections(struct manifest *manifest, struct provider *provider,
                                 const struct xml_element *element)
{
    static const struct {
        const char *name;
        read_each *read;
    } sections[] = {{"channels", read_channels},   {"levels", read_levels},
                    {"tasks", read_tasks},         {"opcodes", read_opcodes},
                    {"keywords", read_keywords},   {"maps", read_maps},
                    {"templates", read_templates}, {"events", read_events}};
    for (size_t i = 0; i < element->children.count; i++) {
        const struct xml_element *child = element->children.item[i];
        size_t n = 0;
        while (n < sizeof sections / sizeof sections[0] &&
               strcmp(sections[n].name, child->name) != 0)
            n++;
        if (n == sizeof sections / sizeof sections[0])
            return read_unknown(manifest, element, child);
        TRY(sections[n].read(manifest, provider, child));
    }
    return STATUS_OK;
}

static enum status read_provider(struct manifest *manifest, const struct xml_element *element)
{
    const char *guid;
    const char *symbol;
    const char *message;
    const char *control;
    const char *group;
    const char *ignored; // of the registration, not of the template
    struct provider *provider = arena_alloc(&manifest->arena, sizeof *provider);
    const struct attribute_slot slots[] = {{"name", &provider->name, true},
                                           {"guid", &guid, true},
                                           {"symbol", &symbol, true},
                                           {"message", &message, false},
                                           {"controlGuid", &control, false},
                                           {"groupGuid", &group, false},
                                           {"resourceFileName", &ignored, false},
                                           {"messageFileName", &ignored, false},
                                           {"parameterFileName", &ignored, false}};
    TRY(READ_ATTRIBUTES(manifest, element, slots));
    if (!provider->name[0])
        return xml_fail(manifest->file, element->line, "The provider's name is empty.");
    if (manifest->providers.count == PROVIDERS_MAX)
        return xml_fail(manifest->file, element->line, "A manifest has at most %d providers.",
                        PROVIDERS_MAX);
    TRY(read_guid(manifest, element, "guid", guid, &provider->guid));
    TRY(read_guid(manifest, element, "controlGuid", control, &provider->control_guid));
    TRY(read_guid(manifest, element, "groupGuid", group, &provider->group_guid));
    TRY(read_symbol(manifest, element, symbol, &provider->symbol));
    TRY(read_message(manifest, element, message, &provider->message));
    provider->line = element->line;
    provider->index = manifest->providers.count;
    list_add(&manifest->arena, &manifest->providers, provider);
    return read_sections(manifest, provider, element);
}

static enum status read_string(struct manifest *manifest, struct culture *culture,
                               const struct xml_element *element)
{
    struct string *string = arena_alloc(&manifest->arena, sizeof *string);
    const struct attribute_slot slots[] = {{"id", &string->id, true},
                                           {"value", &string->text, true}};
    if (strcmp(element->name, "string") != 0)
        return xml_fail(manifest->file, element->line,
                        "The element \"%s\" is not known or not supported in a string table.",
                        element->name);
    TRY(READ_LEAF(manifest, element, slots));
    string->line = element->line;
    list_add(&manifest->arena, &culture->strings, string);
    return STATUS_OK;
}

static int by_id(const void *a, const void *b)
{
    const struct string *const *x = a;
    const struct string *const *y = b;
    int order = strcmp((*x)->id, (*y)->id);
    return order != 0 ? order : ((*x)->line > (*y)->line) - ((*x)->line < (*y)->line);
}

static enum status sort_strings(const struct manifest *manifest, struct culture *culture)
{
    if (culture->strings.count)
        qsort(culture->strings.item, culture->strings.count, sizeof culture->strings.item[0],
              by_id);
    for (size_t i = 1; i < culture->strings.count; i++) {
        const struct string *before = culture->strings.item[i - 1];
        const struct string *string = culture->strings.item[i];
        if (strcmp(before->id, string->id) == 0)
            return xml_fail(manifest->file, string->line,
                            "The string \"%s\" is there already, in line %lu.", string->id,
                            before->line);
    }
    return STATUS_OK;
}

static enum status read_resources(struct manifest *manifest, const struct xml_element *element)
{
    struct culture *culture = arena_alloc(&manifest->arena, sizeof *culture);
    const struct attribute_slot slots[] = {{"culture", &culture->name, true}};
    TRY(READ_ATTRIBUTES(manifest, element, slots));
    culture->line = element->line;
    culture->language = language_id(culture->name);
    if (!culture->language)
        return xml_fail(manifest->file, element->line, "The culture \"%s\" is not known.",
                        culture->name);
    for (size_t i = 0; i < manifest->cultures.count; i++)
        if (((const struct culture *)manifest->cultures.item[i])->language == culture->language)
            return xml_fail(manifest->file, element->line,
                            "The culture \"%s\" has a table already.", culture->name);
    for (size_t i = 0; i < element->children.count; i++) {
        const struct xml_element *table = element->children.item[i];
        if (strcmp(table->name, "stringTable") != 0)
            return read_unknown(manifest, element, table);
        TRY(read_attributes(manifest, table, NULL, 0));
        for (size_t k = 0; k < table->children.count; k++)
            TRY(read_string(manifest, culture, table->children.item[k]));
    }
    list_add(&manifest->arena, &manifest->cultures, culture);
    return sort_strings(manifest, culture);
}

enum status read_localization(struct manifest *manifest, const struct xml_element *element)
{
    TRY(read_attributes(manifest, element, NULL, 0));
    for (size_t i = 0; i < element->children.count; i++) {
        const struct xml_element *resources = element->children.item[i];
        if (strcmp(resources->name, "resources") != 0)
            return read_unknown(manifest, element, resources);
        TRY(read_resources(manifest, resources));
    }
    return STATUS_OK;
}

static enum status read_instrumentation(struct manifest *manifest,
                                        const struct xml_element *element)
{
    TRY(read_attributes(manifest, element, NULL, 0));
    for (size_t i = 0; i < element->children.count; i++) {
        const struct xml_element *events = element->children.item[i];
        if (strcmp(events->name, "events") != 0)
            return read_unknown(manifest, element, events);
        TRY(read_attributes(manifest, events, NULL, 0));
        for (size_t k = 0; k < events->children.count; k++) {
            const struct xml_element *provider = events->children.item[k];
            if (strcmp(provider->name, "provider") != 0)
                return read_unknown(manifest, events, provider);
            TRY(read_provider(manifest, provider));
        }
    }
    return STATUS_OK;
}

enum status manifest_read_document(struct manifest *manifest, const struct xml_element *root)
{
    const char *ignored;
    const struct attribute_slot slots[] = {{"manifestVersion", &ignored, false}};
    if (strcmp(root->name, "instrumentationManifest") != 0 && strcmp(root->name, "assembly") != 0)
        return xml_fail(manifest->file, root->line,
                        "The document is a \"%s\", not an instrumentationManifest.", root->name);
    TRY(READ_ATTRIBUTES(manifest, root, slots));
    for (size_t i = 0; i < root->children.count; i++) {
        const struct xml_element *child = root->children.item[i];
        if (strcmp(child->name, "instrumentation") == 0)
            TRY(read_instrumentation(manifest, child));
        else if (strcmp(child->name, "localization") == 0)
            TRY(read_localization(manifest, child));
        else
            return read_unknown(manifest, root, child);
    }
    if (manifest->providers.count == 0)
        return xml_fail(manifest->file, root->line, "The manifest has no provider.");
    return STATUS_OK;
}
