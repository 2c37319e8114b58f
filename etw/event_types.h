// What the manifest compiler (etw/compile/, `vrepmc`) makes of an event, and how the functions that
// it generates hand one over. A generated header needs this file and nothing else of VRep: whoever
// receives events embeds a struct event_writer and is called with the event's definition and
// values.
#ifndef VREP_ETW_EVENT_TYPES_H
#define VREP_ETW_EVENT_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// EVENT_DESCRIPTOR of evntprov.h, byte for byte.
struct event_descriptor {
    uint16_t id;
    uint8_t version;
    uint8_t channel;
    uint8_t level;
    uint8_t opcode;
    uint16_t task;
    uint64_t keyword; // the manifest's keywords and the bit of the channel
};

_Static_assert(sizeof(struct event_descriptor) == 16, "the size of EVENT_DESCRIPTOR");
_Static_assert(offsetof(struct event_descriptor, keyword) == 8, "the layout of EVENT_DESCRIPTOR");

// A manifest's inType; numbers are those of the binary template.
enum event_in_type {
    EVENT_IN_STRUCT = 0, // not an inType: the field is a struct, its members follow it
    EVENT_IN_UNICODE_STRING = 1,
    EVENT_IN_ANSI_STRING = 2,
    EVENT_IN_INT8 = 3,
    EVENT_IN_UINT8 = 4,
    EVENT_IN_INT16 = 5,
    EVENT_IN_UINT16 = 6,
    EVENT_IN_INT32 = 7,
    EVENT_IN_UINT32 = 8,
    EVENT_IN_INT64 = 9,
    EVENT_IN_UINT64 = 10,
    EVENT_IN_FLOAT = 11,
    EVENT_IN_DOUBLE = 12,
    EVENT_IN_BOOLEAN = 13, // four bytes when written
    EVENT_IN_BINARY = 14,
    EVENT_IN_GUID = 15,
    EVENT_IN_POINTER = 16,
    EVENT_IN_FILETIME = 17,
    EVENT_IN_SYSTEMTIME = 18,
    EVENT_IN_SID = 19,
    EVENT_IN_HEX_INT32 = 20,
    EVENT_IN_HEX_INT64 = 21,
    EVENT_IN_COUNTED_UNICODE_STRING = 22, // written after a 16-bit count of their bytes
    EVENT_IN_COUNTED_ANSI_STRING = 23,
    EVENT_IN_COUNTED_BINARY = 25
};

// A manifest's outType: how a viewer shows the value.
enum event_out_type {
    EVENT_OUT_NONE = 0, // of a struct
    EVENT_OUT_STRING = 1,
    EVENT_OUT_DATE_TIME = 2,
    EVENT_OUT_BYTE = 3,
    EVENT_OUT_UNSIGNED_BYTE = 4,
    EVENT_OUT_SHORT = 5,
    EVENT_OUT_UNSIGNED_SHORT = 6,
    EVENT_OUT_INT = 7,
    EVENT_OUT_UNSIGNED_INT = 8,
    EVENT_OUT_LONG = 9,
    EVENT_OUT_UNSIGNED_LONG = 10,
    EVENT_OUT_FLOAT = 11,
    EVENT_OUT_DOUBLE = 12,
    EVENT_OUT_BOOLEAN = 13,
    EVENT_OUT_GUID = 14,
    EVENT_OUT_HEX_BINARY = 15,
    EVENT_OUT_HEX_INT8 = 16,
    EVENT_OUT_HEX_INT16 = 17,
    EVENT_OUT_HEX_INT32 = 18,
    EVENT_OUT_HEX_INT64 = 19,
    EVENT_OUT_PID = 20,
    EVENT_OUT_TID = 21,
    EVENT_OUT_PORT = 22,
    EVENT_OUT_IPV4 = 23,
    EVENT_OUT_IPV6 = 24,
    EVENT_OUT_SOCKET_ADDRESS = 25,
    EVENT_OUT_CIM_DATE_TIME = 26,
    EVENT_OUT_ETW_TIME = 27,
    EVENT_OUT_XML = 28,
    EVENT_OUT_ERROR_CODE = 29,
    EVENT_OUT_WIN32_ERROR = 30,
    EVENT_OUT_NTSTATUS = 31,
    EVENT_OUT_HRESULT = 32,
    EVENT_OUT_DATE_TIME_CULTURE_INSENSITIVE = 33,
    EVENT_OUT_JSON = 34,
    EVENT_OUT_UTF8 = 35,
    EVENT_OUT_PKCS7 = 36,
    EVENT_OUT_CODE_POINTER = 37,
    EVENT_OUT_DATE_TIME_UTC = 38
};

// The names of a field's numbers: one of them (a value map), or each bit's (a bit map).
struct event_map_entry {
    uint32_t value;
    const char *text; // UTF-8, in the first language of the manifest
};

struct event_map {
    const char *name;
    bool bits;
    size_t count;
    const struct event_map_entry *entry; // by value
};

enum event_field_flag {
    EVENT_FIELD_LENGTH = 1,      // `length` is the field's length
    EVENT_FIELD_LENGTH_FROM = 2, // `length` is the index of the field that holds its length
    EVENT_FIELD_COUNT = 4,       // an array of `count` elements
    EVENT_FIELD_COUNT_FROM =
        8 // an array; `count` is the index of the field that holds their number
};

// One field of an event, in the order in which the data is written: a struct is followed by its
// members. An insert %n of a message counts the fields that are no members. Indexes are those of
// event_definition.field. A length is in bytes, of strings in characters (UTF-16 units; bytes of an
// AnsiString).
struct event_field {
    const char *name;
    uint8_t in_type;  // enum event_in_type
    uint8_t out_type; // enum event_out_type
    uint8_t flags;    // enum event_field_flag
    uint16_t length;
    uint16_t count;
    uint16_t members;            // of a struct: how many of the next fields are in it
    const struct event_map *map; // NULL: none
};

struct event_definition {
    struct event_descriptor descriptor;
    const char *symbol;  // "ResynchronizeDiskStarted"
    const char *channel; // "VRep/Admin"; NULL: none
    uint32_t message_id; // in the message table; 0xFFFFFFFF: none
    const char *message; // UTF-8, as FormatMessage takes it (%1 is the first field); NULL: none
    size_t field_count;
    const struct event_field *field;
};

// The value of the field with the same index. Everything is borrowed for the call.
//
// One value: signed numbers are sign-extended; Boolean 0 or 1; FILETIME and Pointer numbers; Float
// and Double `real`; strings UTF-8 and ended by a zero (NULL counts as ""); GUID 16 bytes as
// Windows keeps them, SYSTEMTIME its eight 16-bit numbers, SID and binaries `size` bytes at `data`.
//
// An array: `count` elements of the type's own width at `data`: uint32_t for UInt32, bool for
// Boolean, 16 bytes a GUID, `const char *` for strings, `const uint8_t *` for SIDs, `size` bytes
// each for binaries.
//
// A struct: `count` is its number of elements (1 when it is no array). The values of the members of
// an array of structs are arrays over all elements, one element's after the other's; of binaries
// whose length differs from element to element, `size` is the sum.
struct event_value {
    uint8_t type; // enum event_in_type, the field's
    bool array;
    size_t count; // of elements; 1 when it is no array
    size_t
        size; // SID, binary: bytes; strings with a length: that many characters are written; else 0
    union {
        uint64_t number;
        double real;
        const char *string;
        const void *data;
    } as;
};

// Who receives events. `definition` is static, `values` are count == definition->field_count
// values.
struct event_writer {
    void (*write)(struct event_writer *writer, const struct event_definition *definition,
                  const struct event_value *values, size_t count);
};

// The generated functions are made of these.
static inline struct event_value event_number(enum event_in_type type, uint64_t number)
{
    return (struct event_value){.type = (uint8_t)type, .count = 1, .as.number = number};
}

static inline struct event_value event_real(enum event_in_type type, double real)
{
    return (struct event_value){.type = (uint8_t)type, .count = 1, .as.real = real};
}

static inline struct event_value event_string(enum event_in_type type, const char *string,
                                              size_t length)
{
    return (struct event_value){
        .type = (uint8_t)type, .count = 1, .size = length, .as.string = string};
}

static inline struct event_value event_data(enum event_in_type type, const void *data, size_t size)
{
    return (struct event_value){.type = (uint8_t)type, .count = 1, .size = size, .as.data = data};
}

static inline struct event_value event_array(enum event_in_type type, const void *data,
                                             size_t count, size_t size)
{
    return (struct event_value){
        .type = (uint8_t)type, .array = true, .count = count, .size = size, .as.data = data};
}

static inline struct event_value event_struct(size_t count)
{
    return (struct event_value){.type = EVENT_IN_STRUCT, .count = count};
}

// Bytes of a SID: a head of eight with the number of 32-bit parts that follow it.
static inline size_t event_sid_size(const uint8_t *sid)
{
    return 8 + (size_t)4 * sid[1];
}

#endif
