#include "etw/compile/header_fields.h"

#include <string.h>

#include "etw/compile/emit.h"
#include "etw/compile/types.h"

#define GUID_SIZE        16
#define SYSTEMTIME_UNITS 8

static bool is_binary(const struct field *field)
{
    return field->in_type == EVENT_IN_BINARY || field->in_type == EVENT_IN_COUNTED_BINARY;
}

static bool in_array(const struct flat_field *flat)
{
    return flat->parent && field_is_array(flat->parent->field);
}

// An array of its own, or one because its struct is.
static bool is_array(const struct flat_field *flat)
{
    return field_is_array(flat->field) || in_array(flat);
}

static void add_field(struct arena *arena, struct flat_template *flat, const struct field *field,
                      const struct flat_field *parent, struct c_names *parameters,
                      const struct c_names *names)
{
    struct flat_field *added = &flat->field[flat->count++];
    const char *name = field->name;
    *added = (struct flat_field){.field = field, .parent = parent};
    if (parent)
        name = arena_printf(arena, "%s_%s", parent->field->name, field->name);
    if (field->in_type == EVENT_IN_STRUCT)
        return;
    added->parameter = c_names_add_unique(arena, parameters, names, c_name_from(arena, name));
    // Within an array of structs, each element may have another length or number: only the sum fits
    // a parameter.
    bool varies = in_array(added);
    if (is_binary(field) && !field->length.value && (varies || !field->length.from))
        added->size_parameter = c_names_add_unique(
            arena, parameters, names, arena_printf(arena, "%s_size", added->parameter));
    if (varies && field_is_array(field))
        added->count_parameter = c_names_add_unique(
            arena, parameters, names, arena_printf(arena, "%s_count", added->parameter));
}

struct flat_template flatten_template(struct arena *arena, const struct template *template,
                                      struct c_names *names, const char *name)
{
    struct flat_template flat = {.name = c_names_add_unique(arena, names, NULL, name)};
    struct c_names parameters = {0};
    flat.field = arena_alloc(arena, template->items * sizeof *flat.field);
    for (size_t i = 0; i < template->fields.count; i++) {
        const struct field *field = template->fields.item[i];
        const struct flat_field *parent = &flat.field[flat.count];
        add_field(arena, &flat, field, NULL, &parameters, names);
        for (size_t k = 0; k < field->members.count; k++)
            add_field(arena, &flat, field->members.item[k], parent, &parameters, names);
    }
    return flat;
}

size_t flat_index(const struct flat_template *flat, const struct field *field)
{
    size_t index = 0;
    while (flat->field[index].field != field)
        index++;
    return index;
}

// "[static N]" where the manifest fixes the number of elements of a parameter, else a pointer.
static void output_declarator(const char *type, const char *name, size_t elements,
                              struct buffer *out)
{
    bool pointer = type[strlen(type) - 1] == '*';
    emit_text(out, pointer ? ",\n    %sconst " : ",\n    const %s ", type);
    if (elements)
        emit_text(out, "%s[static %zu]", name, elements);
    else
        emit_text(out, "*%s", name);
}

static void output_array(const struct flat_field *flat, struct buffer *out)
{
    const struct in_type *type = in_type_of(flat->field->in_type);
    size_t elements = in_array(flat) ? 0 : flat->field->count.value;
    if (type->type == EVENT_IN_GUID)
        elements *= GUID_SIZE;
    else if (type->type == EVENT_IN_SYSTEMTIME)
        elements *= SYSTEMTIME_UNITS;
    output_declarator(type->c_type, flat->parameter, is_binary(flat->field) ? 0 : elements, out);
}

static void output_single(const struct flat_field *flat, struct buffer *out)
{
    const struct in_type *type = in_type_of(flat->field->in_type);
    if (is_binary(flat->field))
        output_declarator(flat->field->length.value ? "uint8_t" : type->c_type, flat->parameter,
                          flat->field->length.value, out);
    else if (type->type == EVENT_IN_GUID || type->type == EVENT_IN_SYSTEMTIME)
        output_declarator(type->c_type, flat->parameter,
                          type->type == EVENT_IN_GUID ? GUID_SIZE : SYSTEMTIME_UNITS, out);
    else
        emit_text(out, ",\n    %s%s%s", type->c_type,
                  type->c_type[strlen(type->c_type) - 1] == '*' ? "" : " ", flat->parameter);
}

void output_parameter(const struct flat_field *flat, struct buffer *out)
{
    if (flat->field->in_type == EVENT_IN_STRUCT)
        return;
    if (is_array(flat))
        output_array(flat, out);
    else
        output_single(flat, out);
    if (flat->size_parameter)
        emit_text(out, ",\n    size_t %s", flat->size_parameter);
    if (flat->count_parameter)
        emit_text(out, ",\n    size_t %s", flat->count_parameter);
}

// A fixed number, the parameter of the field that holds it, or 0.
static void output_extent(const struct flat_template *template, const struct extent *extent,
                          struct buffer *out)
{
    if (extent->from)
        emit_text(out, "(size_t)%s", template->field[flat_index(template, extent->from)].parameter);
    else
        emit_text(out, "%u", extent->value);
}

static void output_count(const struct flat_template *template, const struct flat_field *flat,
                         struct buffer *out)
{
    if (flat->count_parameter)
        emit_text(out, "%s", flat->count_parameter);
    else if (field_is_array(flat->field))
        output_extent(template, &flat->field->count, out);
    else if (in_array(flat))
        output_extent(template, &flat->parent->field->count, out);
    else
        emit_text(out, "1");
}

static void output_size(const struct flat_template *template, const struct flat_field *flat,
                        struct buffer *out)
{
    if (flat->size_parameter)
        emit_text(out, "%s", flat->size_parameter);
    else if (in_array(flat) && flat->field->length.from)
        emit_text(out, "0");
    else
        output_extent(template, &flat->field->length, out);
}

static void output_single_value(const struct flat_template *template, const struct flat_field *flat,
                                struct buffer *out)
{
    const struct in_type *type = in_type_of(flat->field->in_type);
    const char *name = flat->parameter;
    switch (type->type) {
    case EVENT_IN_UNICODE_STRING:
    case EVENT_IN_ANSI_STRING:
    case EVENT_IN_COUNTED_UNICODE_STRING:
    case EVENT_IN_COUNTED_ANSI_STRING:
        emit_text(out, "event_string(%s, %s, ", type->c_name, name);
        output_size(template, flat, out);
        emit_text(out, ")");
        break;
    case EVENT_IN_BINARY:
    case EVENT_IN_COUNTED_BINARY:
        emit_text(out, "event_data(%s, %s, ", type->c_name, name);
        output_size(template, flat, out);
        emit_text(out, ")");
        break;
    case EVENT_IN_GUID:
    case EVENT_IN_SYSTEMTIME:
        emit_text(out, "event_data(%s, %s, 16)", type->c_name, name);
        break;
    case EVENT_IN_SID:
        emit_text(out, "event_data(%s, %s, event_sid_size(%s))", type->c_name, name, name);
        break;
    case EVENT_IN_FLOAT:
    case EVENT_IN_DOUBLE:
        emit_text(out, "event_real(%s, (double)%s)", type->c_name, name);
        break;
    case EVENT_IN_POINTER:
        emit_text(out, "event_number(%s, (uint64_t)(uintptr_t)%s)", type->c_name, name);
        break;
    default:
        emit_text(out, "event_number(%s, (uint64_t)%s)", type->c_name, name);
        break;
    }
}

void output_value(const struct flat_template *template, const struct flat_field *flat,
                  struct buffer *out)
{
    if (flat->field->in_type == EVENT_IN_STRUCT) {
        emit_text(out, "event_struct(");
        output_count(template, flat, out);
        emit_text(out, ")");
    } else if (is_array(flat)) {
        emit_text(out, "event_array(%s, %s, ", in_type_of(flat->field->in_type)->c_name,
                  flat->parameter);
        output_count(template, flat, out);
        emit_text(out, ", ");
        output_size(template, flat, out);
        emit_text(out, ")");
    } else {
        output_single_value(template, flat, out);
    }
}
