// The fields of a template as C sees them: structs are followed by their members, and each has
// parameters of its own.
#ifndef VREP_ETW_COMPILE_HEADER_FIELDS_H
#define VREP_ETW_COMPILE_HEADER_FIELDS_H

#include "base/buffer.h"
#include "etw/compile/c_name.h"
#include "etw/compile/model.h"

struct flat_field {
    const struct field *field;
    const struct flat_field *parent; // the struct that it is a member of; NULL: none
    const char *parameter;           // C name of the value; of a struct unused
    const char *size_parameter;      // of the bytes, where nothing else tells them; NULL: none
    const char *count_parameter;     // of the elements, likewise
};

struct flat_template {
    const char *name; // of its array in C
    struct flat_field *field;
    size_t count;
};

// `names`: what the header has taken already; `name` joins them.
struct flat_template flatten_template(struct arena *arena, const struct template *template,
                                      struct c_names *names, const char *name);

// Index of a field among the flattened ones.
size_t flat_index(const struct flat_template *flat, const struct field *field);

// ", const char *VmName" and the like; nothing for a struct.
void output_parameter(const struct flat_field *field, struct buffer *out);

// The expression of its struct event_value.
void output_value(const struct flat_template *flat, const struct flat_field *field,
                  struct buffer *out);

#endif
