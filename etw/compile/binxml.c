#include "etw/compile/binxml.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf.h"
#include "etw/compile/emit.h"

enum token {
    TOKEN_END_OF_FRAGMENT = 0x00,
    TOKEN_OPEN_START_ELEMENT = 0x01,
    TOKEN_CLOSE_START_ELEMENT = 0x02,
    TOKEN_END_ELEMENT = 0x04,
    TOKEN_VALUE_TEXT = 0x05,
    TOKEN_ATTRIBUTE = 0x06,
    TOKEN_NORMAL_SUBSTITUTION = 0x0D,
    TOKEN_FRAGMENT_HEADER = 0x0F,
    TOKEN_MORE = 0x40 // an element with attributes; an attribute that is not the last
};

#define DEPENDENCY_NONE 0xFFFF
#define TYPE_STRING     0x01
#define TYPE_STRUCT     0x0E
#define TYPE_ARRAY      0x80
#define HASH_FACTOR     65599

uint8_t binxml_type(const struct field *field)
{
    unsigned type = field->in_type == EVENT_IN_STRUCT ? TYPE_STRUCT : field->in_type;
    return (uint8_t)(field_is_array(field) ? type | TYPE_ARRAY : type);
}

static const char *field_element(const struct field *field)
{
    return field->in_type == EVENT_IN_STRUCT ? "ComplexData" : "Data";
}

static void text_attribute(const char *value, struct buffer *out)
{
    emit_text(out, " Name=\"");
    for (const char *c = value; *c; c++) {
        const char *entity = *c == '&'    ? "&amp;"
                             : *c == '<'  ? "&lt;"
                             : *c == '>'  ? "&gt;"
                             : *c == '"'  ? "&quot;"
                             : *c == '\t' ? "&#x9;"
                             : *c == '\n' ? "&#xA;"
                             : *c == '\r' ? "&#xD;"
                                          : NULL;
        if (entity)
            emit_text(out, "%s", entity);
        else
            emit_bytes(out, c, 1);
    }
    emit_text(out, "\"");
}

void binxml_text(const struct template *template, struct buffer *out)
{
    emit_text(out, "<EventData");
    if (template->name)
        text_attribute(template->name, out);
    if (template->fields.count == 0) {
        emit_text(out, "/>");
        return;
    }
    emit_text(out, ">");
    for (size_t i = 0; i < template->fields.count; i++) {
        const struct field *field = template->fields.item[i];
        emit_text(out, "<%s", field_element(field));
        text_attribute(field->name, out);
        emit_text(out, ">%%%zu</%s>", i + 1, field_element(field));
    }
    emit_text(out, "</EventData>");
}

uint16_t binxml_hash(const char *name)
{
    size_t units = 0;
    uint32_t hash = 0;
    uint16_t *wide = utf8_to_utf16(name, strlen(name), &units);
    if (!wide)
        arena_exhausted();
    for (size_t i = 0; i < units; i++)
        hash = hash * HASH_FACTOR + wide[i];
    free(wide);
    return (uint16_t)hash;
}

static void emit_name(struct buffer *out, const char *name)
{
    emit_u16(out, binxml_hash(name));
    emit_u16(out, (uint16_t)utf8_utf16_length(name, strlen(name)));
    emit_utf16(out, name);
    emit_u16(out, 0);
}

// Begins an element with at most one attribute, its Name; returns where its size goes.
static uint32_t begin_element(struct buffer *out, const char *element, const char *name)
{
    emit_u8(out, name ? TOKEN_OPEN_START_ELEMENT | TOKEN_MORE : TOKEN_OPEN_START_ELEMENT);
    emit_u16(out, DEPENDENCY_NONE);
    uint32_t size_at = emit_offset(out);
    emit_u32(out, 0);
    emit_name(out, element);
    if (name) {
        uint32_t attributes_at = emit_offset(out);
        emit_u32(out, 0);
        emit_u8(out, TOKEN_ATTRIBUTE);
        emit_name(out, "Name");
        emit_u8(out, TOKEN_VALUE_TEXT);
        emit_u8(out, TYPE_STRING);
        emit_u16(out, (uint16_t)utf8_utf16_length(name, strlen(name)));
        emit_utf16(out, name);
        emit_set_u32(out, attributes_at, emit_offset(out) - attributes_at - 4);
    }
    emit_u8(out, TOKEN_CLOSE_START_ELEMENT);
    return size_at;
}

static void end_element(struct buffer *out, uint32_t size_at)
{
    emit_u8(out, TOKEN_END_ELEMENT);
    emit_set_u32(out, size_at, emit_offset(out) - size_at - 4);
}

void binxml_fragment(const struct template *template, struct buffer *out)
{
    static const uint8_t header[] = {TOKEN_FRAGMENT_HEADER, 1, 1, 0};
    size_t start = out->size;
    emit_bytes(out, header, sizeof header);
    uint32_t event_data = begin_element(out, "EventData", template->name);
    for (size_t i = 0; i < template->fields.count; i++) {
        const struct field *field = template->fields.item[i];
        uint32_t element = begin_element(out, field_element(field), field->name);
        emit_u8(out, TOKEN_NORMAL_SUBSTITUTION);
        emit_u16(out, (uint16_t)i);
        emit_u8(out, binxml_type(field));
        end_element(out, element);
    }
    end_element(out, event_data);
    emit_u8(out, TOKEN_END_OF_FRAGMENT);
    while ((out->size - start) % 4 != 0)
        emit_u8(out, 0);
}
