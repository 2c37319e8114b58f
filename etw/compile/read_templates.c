// Templates: fields and structs.
#include "etw/compile/read.h"

#include <string.h>

#include "etw/compile/types.h"

// A number, or the name of another field.
static enum status read_extent(const struct manifest *manifest, const struct xml_element *element,
                               const char *name, const char *text, struct extent *out)
{
    uint64_t number = 0;
    if (!text)
        return STATUS_OK;
    if (text[0] < '0' || text[0] > '9') {
        out->from_name = text;
        return STATUS_OK;
    }
    TRY(read_number(manifest, element, name, text, 0, UINT16_MAX, &number));
    out->value = (uint16_t)number;
    return STATUS_OK;
}

static enum status read_types(const struct manifest *manifest, const struct xml_element *element,
                              const char *in, const char *out, struct field *field)
{
    const struct in_type *in_type = in_type_by_name(in);
    if (!in_type)
        return xml_fail(manifest->file, element->line,
                        "The inType \"%s\" of \"%s\" is not known or not supported.", in,
                        field->name);
    field->in_type = (uint8_t)in_type->type;
    field->out_type = (uint8_t)in_type->out_type;
    if (!out)
        return STATUS_OK;
    const struct out_type *out_type = out_type_by_name(out);
    if (!out_type)
        return xml_fail(manifest->file, element->line,
                        "The outType \"%s\" of \"%s\" is not known or not supported.", out,
                        field->name);
    field->out_type = (uint8_t)out_type->type;
    return STATUS_OK;
}

static enum status read_data(struct manifest *manifest, const struct xml_element *element,
                             struct field *field)
{
    const char *in;
    const char *out;
    const char *count;
    const char *length;
    const struct attribute_slot slots[] = {
        {"name", &field->name, true},     {"inType", &in, true},    {"outType", &out, false},
        {"map", &field->map_name, false}, {"count", &count, false}, {"length", &length, false}};
    TRY(READ_LEAF(manifest, element, slots));
    TRY(read_types(manifest, element, in, out, field));
    TRY(read_extent(manifest, element, "count", count, &field->count));
    return read_extent(manifest, element, "length", length, &field->length);
}

static enum status read_fields(struct manifest *manifest, const struct xml_element *element,
                               bool structs, struct list *fields);

static enum status read_struct(struct manifest *manifest, const struct xml_element *element,
                               struct field *field)
{
    const char *count;
    const struct attribute_slot slots[] = {{"name", &field->name, true}, {"count", &count, false}};
    TRY(READ_ATTRIBUTES(manifest, element, slots));
    TRY(read_extent(manifest, element, "count", count, &field->count));
    field->in_type = EVENT_IN_STRUCT;
    field->out_type = EVENT_OUT_NONE;
    TRY(read_fields(manifest, element, false, &field->members));
    if (field->members.count == 0)
        return xml_fail(manifest->file, element->line, "The struct \"%s\" has no members.",
                        field->name);
    return STATUS_OK;
}

// The children of a template or (then without further structs) of a struct.
static enum status read_fields(struct manifest *manifest, const struct xml_element *element,
                               bool structs, struct list *fields)
{
    for (size_t i = 0; i < element->children.count; i++) {
        const struct xml_element *child = element->children.item[i];
        struct field *field = arena_alloc(&manifest->arena, sizeof *field);
        field->line = child->line;
        field->index = fields->count;
        if (strcmp(child->name, "data") == 0)
            TRY(read_data(manifest, child, field));
        else if (structs && strcmp(child->name, "struct") == 0)
            TRY(read_struct(manifest, child, field));
        else
            return read_unknown(manifest, element, child);
        list_add(&manifest->arena, fields, field);
    }
    return STATUS_OK;
}

static enum status read_template(struct manifest *manifest, struct provider *provider,
                                 const struct xml_element *element)
{
    struct template *template = arena_alloc(&manifest->arena, sizeof *template);
    const struct attribute_slot slots[] = {{"tid", &template->id, true},
                                           {"name", &template->name, false}};
    TRY(READ_ATTRIBUTES(manifest, element, slots));
    template->line = element->line;
    template->index = provider->templates.count;
    TRY(read_fields(manifest, element, true, &template->fields));
    template->items = template->fields.count;
    for (size_t i = 0; i < template->fields.count; i++)
        template->items += ((const struct field *)template->fields.item[i])->members.count;
    if (template->items > EVENT_DATA_MAX || template->fields.count > FIELDS_MAX)
        return xml_fail(manifest->file, element->line,
                        "The template \"%s\" has more than %d fields, or %d with the members of "
                        "structs.",
                        template->id, FIELDS_MAX, EVENT_DATA_MAX);
    list_add(&manifest->arena, &provider->templates, template);
    return STATUS_OK;
}

enum status read_templates(struct manifest *manifest, struct provider *provider,
                           const struct xml_element *element)
{
    return read_list(manifest, provider, element, "template", read_template);
}
