// A manifest as a tree of elements that know their lines. Document types, and with them entities of
// the document's own, are refused; depth and number of elements are limited.
#ifndef VREP_ETW_COMPILE_XML_H
#define VREP_ETW_COMPILE_XML_H

#include "etw/compile/arena.h"

#define XML_SIZE_MAX     (16 * 1024 * 1024) // bytes; Windows' largest manifests have 2 MiB
#define XML_DEPTH_MAX    32                 // a manifest needs 9
#define XML_ELEMENTS_MAX 500000

struct xml_attribute {
    const char *name;
    const char *value;
};

struct xml_element {
    const char *name;   // without its namespace when that is one of manifests, else "uri name"
    unsigned long line; // of its start tag, from 1
    struct list
        attributes;       // struct xml_attribute; those with a namespace of their own are left out
    struct list children; // struct xml_element
    const char *text;     // all characters directly in it; "" when there are none but white space
};

// `file` names the document in errors, which all are STATUS_INVALID_ARGUMENT and begin "file:line:
// ". *root lives as long as the arena.
enum status xml_parse(struct arena *arena, const char *file, const char *data, size_t size,
                      struct xml_element **root) MUST_CHECK;

// Records an error of the document at a line, "file:line: message".
enum status xml_fail(const char *file, unsigned long line, const char *format, ...)
    PRINTF_LIKE(3, 4);

#endif
