// Names in generated C: what may be one, and how others become one.
#ifndef VREP_ETW_COMPILE_C_NAME_H
#define VREP_ETW_COMPILE_C_NAME_H

#include "etw/compile/arena.h"

// True when `text` is an identifier that neither C nor C++ nor a generated header nor a common
// macro has for itself.
bool c_name_is_usable(const char *text);

// A name for a parameter or a part of a longer name, made of any text: what an identifier cannot
// have becomes '_'.
const char *c_name_from(struct arena *arena, const char *text);

// A set of names, so that no two things get the same. Zero-initialize.
struct c_names {
    struct c_name_slot *slot; // a hash table
    size_t capacity;
    size_t count;
};

void c_names_add(struct arena *arena, struct c_names *names, const char *name);

// Adds `name`, with a number behind it when the set or `also` (may be NULL) has it already, and
// returns what was added.
const char *c_names_add_unique(struct arena *arena, struct c_names *names,
                               const struct c_names *also, const char *name);

// `text` as a C string literal of ASCII, quotes included.
struct buffer;
void c_literal(struct buffer *out, const char *text);

#endif
