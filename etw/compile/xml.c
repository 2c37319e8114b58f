#include "etw/compile/xml.h"

#include <expat.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "etw/compile/emit.h"

#define NAMESPACE_SEPARATOR ' ' // no URI has one

struct xml_reader {
    XML_Parser parser;
    struct arena *arena;
    const char *file;
    struct xml_element *open[XML_DEPTH_MAX];
    struct buffer text[XML_DEPTH_MAX];
    size_t depth;
    size_t elements;
    struct xml_element *root;
    enum status status;
};

enum status xml_fail(const char *file, unsigned long line, const char *format, ...)
{
    char message[STATUS_MESSAGE_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    // A value from the document may hold a line break; an error is one line.
    for (char *c = message; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7F)
            *c = ' ';
    return status_fail(STATUS_INVALID_ARGUMENT, 0, "%s:%lu: %s", file, line, message);
}

static unsigned long current_line(const struct xml_reader *reader)
{
    return (unsigned long)XML_GetCurrentLineNumber(reader->parser);
}

static void stop(struct xml_reader *reader, const char *message)
{
    reader->status = xml_fail(reader->file, current_line(reader), "%s", message);
    XML_StopParser(reader->parser, XML_FALSE);
}

// "uri name" as expat gives it.
static const char *element_name(const char *name)
{
    static const char *const manifests[] = {"http://schemas.microsoft.com/win/2004/08/events ",
                                            "urn:schemas-microsoft-com:asm.v3 "};
    for (size_t i = 0; i < sizeof manifests / sizeof manifests[0]; i++) {
        size_t length = strlen(manifests[i]);
        if (strncmp(name, manifests[i], length) == 0)
            return name + length;
    }
    return name;
}

static void XMLCALL start_element(void *context, const XML_Char *name, const XML_Char **pairs)
{
    struct xml_reader *reader = context;
    if (reader->status != STATUS_OK)
        return;
    if (reader->depth == XML_DEPTH_MAX) {
        stop(reader, "Elements are nested too deeply for a manifest.");
        return;
    }
    if (++reader->elements > XML_ELEMENTS_MAX) {
        stop(reader, "The document has too many elements for a manifest.");
        return;
    }
    struct xml_element *element = arena_alloc(reader->arena, sizeof *element);
    const char *local = element_name(name);
    element->name = arena_text(reader->arena, local, strlen(local));
    element->line = current_line(reader);
    element->text = "";
    for (; *pairs; pairs += 2) {
        if (strchr(pairs[0], NAMESPACE_SEPARATOR))
            continue;
        struct xml_attribute *attribute = arena_alloc(reader->arena, sizeof *attribute);
        attribute->name = arena_text(reader->arena, pairs[0], strlen(pairs[0]));
        attribute->value = arena_text(reader->arena, pairs[1], strlen(pairs[1]));
        list_add(reader->arena, &element->attributes, attribute);
    }
    if (reader->depth > 0)
        list_add(reader->arena, &reader->open[reader->depth - 1]->children, element);
    else
        reader->root = element;
    reader->text[reader->depth].size = 0;
    reader->open[reader->depth++] = element;
}

static bool is_blank(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!strchr(" \t\r\n", text[i]))
            return false;
    return true;
}

static void XMLCALL end_element(void *context, const XML_Char *name)
{
    struct xml_reader *reader = context;
    (void)name;
    if (reader->status != STATUS_OK)
        return;
    const struct buffer *text = &reader->text[--reader->depth];
    if (!is_blank((const char *)text->data, text->size))
        reader->open[reader->depth]->text =
            arena_text(reader->arena, (const char *)text->data, text->size);
}

static void XMLCALL characters(void *context, const XML_Char *text, int length)
{
    struct xml_reader *reader = context;
    if (reader->status == STATUS_OK && reader->depth > 0)
        emit_bytes(&reader->text[reader->depth - 1], text, (size_t)length);
}

static void XMLCALL start_doctype(void *context, const XML_Char *name, const XML_Char *system,
                                  const XML_Char *public, int has_subset)
{
    (void)name;
    (void)system;
    (void)public;
    (void)has_subset;
    stop(context, "A manifest must not have a document type declaration.");
}

enum status xml_parse(struct arena *arena, const char *file, const char *data, size_t size,
                      struct xml_element **root)
{
    if (size > XML_SIZE_MAX)
        return xml_fail(file, 1, "The file is too large for a manifest.");
    struct xml_reader reader = {.arena = arena, .file = file, .status = STATUS_OK};
    reader.parser = XML_ParserCreateNS(NULL, NAMESPACE_SEPARATOR);
    if (!reader.parser)
        arena_exhausted();
    XML_SetUserData(reader.parser, &reader);
    XML_SetElementHandler(reader.parser, start_element, end_element);
    XML_SetCharacterDataHandler(reader.parser, characters);
    XML_SetStartDoctypeDeclHandler(reader.parser, start_doctype);
    enum XML_Status parsed = XML_Parse(reader.parser, data, (int)size, XML_TRUE);
    enum XML_Error error = XML_GetErrorCode(reader.parser);
    if (error == XML_ERROR_NO_MEMORY)
        arena_exhausted();
    if (reader.status == STATUS_OK && parsed != XML_STATUS_OK)
        reader.status =
            xml_fail(file, current_line(&reader), "This is no XML: %s.", XML_ErrorString(error));
    XML_ParserFree(reader.parser);
    for (size_t i = 0; i < XML_DEPTH_MAX; i++)
        buffer_free(&reader.text[i]);
    if (reader.status == STATUS_OK)
        *root = reader.root;
    return reader.status;
}
