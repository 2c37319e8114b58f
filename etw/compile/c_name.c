#include "etw/compile/c_name.h"

#include <stdint.h>
#include <string.h>

#include "etw/compile/emit.h"

// Keywords of C and C++, types and functions that a generated header uses, and macros that
// compilers, C's and Windows' headers are known for.
static const char *const words[] = {
    "alignas",
    "alignof",
    "and",
    "and_eq",
    "asm",
    "auto",
    "bitand",
    "bitor",
    "bool",
    "break",
    "case",
    "catch",
    "char",
    "class",
    "compl",
    "const",
    "const_cast",
    "constexpr",
    "continue",
    "decltype",
    "default",
    "delete",
    "do",
    "double",
    "dynamic_cast",
    "else",
    "enum",
    "explicit",
    "export",
    "extern",
    "false",
    "float",
    "for",
    "friend",
    "goto",
    "if",
    "inline",
    "int",
    "long",
    "mutable",
    "namespace",
    "new",
    "noexcept",
    "not",
    "not_eq",
    "nullptr",
    "operator",
    "or",
    "or_eq",
    "private",
    "protected",
    "public",
    "register",
    "reinterpret_cast",
    "restrict",
    "return",
    "short",
    "signed",
    "sizeof",
    "static",
    "static_assert",
    "static_cast",
    "struct",
    "switch",
    "template",
    "this",
    "thread_local",
    "throw",
    "true",
    "try",
    "typedef",
    "typeid",
    "typeof",
    "typename",
    "union",
    "unsigned",
    "using",
    "virtual",
    "void",
    "volatile",
    "wchar_t",
    "while",
    "xor",
    "xor_eq",
    "event_array",
    "event_data",
    "event_number",
    "event_real",
    "event_sid_size",
    "event_string",
    "event_struct",
    "int16_t",
    "int32_t",
    "int64_t",
    "int8_t",
    "intptr_t",
    "max_align_t",
    "ptrdiff_t",
    "size_t",
    "uint16_t",
    "uint32_t",
    "uint64_t",
    "uint8_t",
    "uintptr_t",
    "values",
    "writer",
    "CALLBACK",
    "CONST",
    "DELETE",
    "ERROR",
    "FAR",
    "IGNORE",
    "IN",
    "INFINITE",
    "NEAR",
    "NULL",
    "OPTIONAL",
    "OUT",
    "PASCAL",
    "STRICT",
    "UNICODE",
    "VOID",
    "WINAPI",
    "assert",
    "cdecl",
    "errno",
    "far",
    "interface",
    "linux",
    "main",
    "near",
    "offsetof",
    "pascal",
    "small",
    "stderr",
    "stdin",
    "stdout",
    "unix",
};

// Tags and members of etw/event_types.h: a macro of this name would break it, a parameter does not.
static const char *const members[] = {
    "array",
    "as",
    "bits",
    "channel",
    "count",
    "data",
    "definition",
    "descriptor",
    "entry",
    "event_definition",
    "event_descriptor",
    "event_field",
    "event_map",
    "event_map_entry",
    "event_value",
    "event_writer",
    "field",
    "field_count",
    "flags",
    "id",
    "in_type",
    "keyword",
    "length",
    "level",
    "map",
    "members",
    "message",
    "message_id",
    "name",
    "number",
    "opcode",
    "out_type",
    "real",
    "size",
    "string",
    "symbol",
    "task",
    "text",
    "type",
    "value",
    "version",
    "write",
};

static bool is_among(const char *const *list, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i], text) == 0)
            return true;
    return false;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text);
    size_t tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

static bool is_word(const char *text)
{
    static const char *const limits[] = {"_MAX", "_MIN", "_C", "_WIDTH"}; // of <stdint.h>
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++)
        if ((strstr(text, "INT") || strstr(text, "SIZE") || strstr(text, "PTRDIFF") ||
             strstr(text, "CHAR") || strstr(text, "ATOMIC")) &&
            ends_with(text, limits[i]))
            return true;
    return strncmp(text, "EVENT_IN_", 9) == 0 || strncmp(text, "EVENT_OUT_", 10) == 0 ||
           strncmp(text, "EVENT_FIELD_", 12) == 0 ||
           is_among(words, sizeof words / sizeof words[0], text);
}

// Names that begin with "__" belong to compilers.
bool c_name_is_usable(const char *text)
{
    if ((!is_letter(text[0]) && text[0] != '_') || strncmp(text, "__", 2) == 0)
        return false;
    for (const char *c = text; *c; c++)
        if (!is_letter(*c) && !is_digit(*c) && *c != '_')
            return false;
    return !is_word(text) && !is_among(members, sizeof members / sizeof members[0], text);
}

const char *c_name_from(struct arena *arena, const char *text)
{
    char *name = arena_printf(arena, "%s%s", is_letter(text[0]) ? "" : "field_", text);
    for (char *c = name; *c; c++)
        if (!is_letter(*c) && !is_digit(*c))
            *c = '_';
    return is_word(name) ? arena_printf(arena, "%s_", name) : name;
}

struct c_name_slot {
    const char *name; // NULL: free
};

// The slot that has `name`, or the free one where it belongs. There is always a free one.
static struct c_name_slot *find_slot(const struct c_names *names, const char *name)
{
    uint32_t hash = 2166136261u; // FNV-1a
    for (const char *c = name; *c; c++)
        hash = (hash ^ (unsigned char)*c) * 16777619u;
    size_t at = hash % names->capacity;
    while (names->slot[at].name && strcmp(names->slot[at].name, name) != 0)
        at = (at + 1) % names->capacity;
    return &names->slot[at];
}

static bool have(const struct c_names *names, const char *name)
{
    return names->capacity != 0 && find_slot(names, name)->name;
}

static void grow(struct arena *arena, struct c_names *names)
{
    struct c_names grown = {.capacity = names->capacity ? names->capacity * 4 : 64,
                            .count = names->count};
    grown.slot = arena_alloc(arena, grown.capacity * sizeof *grown.slot);
    for (size_t i = 0; i < names->capacity; i++)
        if (names->slot[i].name)
            find_slot(&grown, names->slot[i].name)->name = names->slot[i].name;
    *names = grown;
}

void c_names_add(struct arena *arena, struct c_names *names, const char *name)
{
    if (names->count * 2 >= names->capacity)
        grow(arena, names);
    struct c_name_slot *slot = find_slot(names, name);
    names->count += slot->name == NULL;
    slot->name = name;
}

const char *c_names_add_unique(struct arena *arena, struct c_names *names,
                               const struct c_names *also, const char *name)
{
    const char *unique = name;
    size_t number = 2;
    while (have(names, unique) || (also && have(also, unique))) {
        unique = arena_printf(arena, "%s_%zu", name, number);
        number += number < 16 ? 1 : names->count; // many that are alike do not take ages
    }
    c_names_add(arena, names, unique);
    return unique;
}

void c_literal(struct buffer *out, const char *text)
{
    emit_text(out, "\"");
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c == '\n')
            emit_text(out, "\\n");
        else if (*c == '"' || *c == '\\' || *c == '?') // "??=" would be a trigraph
            emit_text(out, "\\%c", *c);
        else if (*c < ' ' || *c > '~')
            emit_text(out, "\\%03o", *c);
        else
            emit_u8(out, *c);
    }
    emit_text(out, "\"");
}
