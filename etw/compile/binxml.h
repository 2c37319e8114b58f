// The XML of a template: as text for its GUID, and as binary XML ([MS-EVEN6] 2.2.12, with the names
// inline).
#ifndef VREP_ETW_COMPILE_BINXML_H
#define VREP_ETW_COMPILE_BINXML_H

#include "base/buffer.h"
#include "etw/compile/model.h"

// "<EventData><Data Name="a">%1</Data></EventData>" without a terminator, UTF-8.
void binxml_text(const struct template *template, struct buffer *out);

// The fragment, padded with zeros to a multiple of four bytes from its start.
void binxml_fragment(const struct template *template, struct buffer *out);

// The type that the binary XML gives a field's value.
uint8_t binxml_type(const struct field *field);

// The hash of a name: 16 bits over its UTF-16 units.
uint16_t binxml_hash(const char *name);

#endif
