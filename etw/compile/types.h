// The types of fields by their names in manifests.
#ifndef VREP_ETW_COMPILE_TYPES_H
#define VREP_ETW_COMPILE_TYPES_H

#include "etw/event_types.h"

struct in_type {
    const char *name; // "win:UInt32"
    enum event_in_type type;
    const char *c_name;           // "EVENT_IN_UINT32"
    enum event_out_type out_type; // when the manifest names none
    const char *c_type;           // of an array's element, and of a parameter when `by_value`
    bool by_value;
    bool integer; // may hold a count or a length
    bool maps;    // may have a map
    bool sized;   // takes a length
};

struct out_type {
    const char *name; // "xs:unsignedInt"
    enum event_out_type type;
    const char *c_name; // "EVENT_OUT_UNSIGNED_INT"
};

// NULL: no such name, no such number.
const struct in_type *in_type_by_name(const char *name);
const struct in_type *in_type_of(unsigned type);
const struct out_type *out_type_by_name(const char *name);
const struct out_type *out_type_of(unsigned type);

#endif
