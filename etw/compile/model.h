// What a manifest says, after it was read, resolved and found valid. Everything lives in the
// manifest's arena; names are UTF-8. Offsets are where an item is in the template resource, known
// once that is written (crim.h).
#ifndef VREP_ETW_COMPILE_MODEL_H
#define VREP_ETW_COMPILE_MODEL_H

#include <stdbool.h>

#include "base/guid.h"
#include "etw/compile/arena.h"
#include "etw/event_types.h"

#define MESSAGE_NONE UINT32_MAX

#define PROVIDERS_MAX  16 // a message id has four bits for the provider
#define CHANNELS_MAX   8  // imported ones included: so many bits of the keywords are theirs
#define CHANNEL_FIRST  16
#define CHANNEL_LAST   255
#define KEYWORD_BITS   48 // the others are Windows' own
#define FIELDS_MAX     99 // FormatMessage knows %1 to %99
#define EVENT_DATA_MAX 128

// The use of a string, "$(string.id)".
struct message {
    const char *string; // id in the string tables; NULL: no message
    unsigned long line;
    uint32_t id;                 // in the message table; MESSAGE_NONE without one
    const struct message *first; // the string's first use, whose id all its uses have
};

enum channel_type { CHANNEL_ADMIN, CHANNEL_OPERATIONAL, CHANNEL_ANALYTIC, CHANNEL_DEBUG };

struct channel {
    unsigned long line;
    const char *id; // "chid"; NULL: none
    const char *name;
    const char *symbol;
    struct message message;
    bool imported;
    enum channel_type type;
    bool has_value;
    uint8_t value;
    uint64_t keyword;      // its bit
    const char *isolation; // NULL: not told; likewise:
    const char *enabled;
    const char *max_size;
    uint32_t offset;
};

struct level {
    unsigned long line;
    const char *name;
    const char *symbol;
    struct message message;
    uint8_t value;
    bool well_known; // "win:Error" and the like
    uint32_t offset;
};

struct task {
    unsigned long line;
    const char *name;
    const char *symbol;
    struct message message;
    uint16_t value;
    struct guid event_guid; // zero: none
    struct list opcodes;    // struct opcode, its own
    bool well_known;
    uint32_t offset;
};

struct opcode {
    unsigned long line;
    const char *name;
    const char *symbol;
    struct message message;
    uint8_t value;
    const struct task *task; // NULL: of all tasks
    bool well_known;
    uint32_t offset;
};

struct keyword {
    unsigned long line;
    const char *name;
    const char *symbol;
    struct message message;
    uint64_t mask;
    bool well_known;
    uint32_t offset;
};

struct map_item {
    unsigned long line;
    uint32_t value;
    const char *symbol;
    struct message message;
};

struct map {
    unsigned long line;
    size_t index; // among its provider's
    const char *name;
    const char *symbol;
    bool bits;
    struct list items; // struct map_item, in the manifest's order
    uint32_t offset;
};

// The number of elements of an array, or the length of a value.
struct extent {
    const char *from_name;    // name of the field that holds it; NULL: `value` it is
    const struct field *from; // that field
    uint16_t value;           // 0: not told
};

struct field {
    unsigned long line;
    const char *name;
    uint8_t in_type; // EVENT_IN_STRUCT: `members`
    uint8_t out_type;
    const char *map_name; // NULL: none
    const struct map *map;
    struct extent count;
    struct extent length;
    struct list members; // struct field
    size_t index;        // in its template, or in its struct
};

struct template
{
    unsigned long line;
    size_t index; // among its provider's
    const char *id;
    const char *name;   // NULL: none
    struct list fields; // struct field
    size_t items;       // fields and members
    uint32_t offset;
};

struct event {
    unsigned long line;
    size_t index; // among its provider's
    const char *symbol;
    struct message message;
    uint16_t id;
    uint8_t version;
    const char *channel_name; // names as the event gives them, NULL: none; and what they mean
    const char *level_name;
    const char *task_name;
    const char *opcode_name;
    const char *keyword_names;
    const char *template_name;
    const struct channel *channel;
    const struct level *level;
    const struct task *task;
    const struct opcode *opcode;
    const struct template *template;
    struct list keywords; // struct keyword, by mask
    struct event_descriptor descriptor;
};

struct provider {
    unsigned long line;
    size_t index;
    const char *name;
    const char *symbol;
    struct guid guid;
    struct message message;
    struct guid control_guid; // zero: none; likewise:
    struct guid group_guid;
    struct list channels; // struct channel
    struct list
        levels; // struct level; the well-known ones that are used follow the own ones, likewise:
    struct list tasks;
    struct list opcodes; // those of all tasks
    struct list keywords;
    struct list maps;
    struct list templates;
    struct list events; // in the manifest's order
};

struct string {
    unsigned long line;
    const char *id;
    const char *text;
};

struct culture {
    unsigned long line;
    const char *name;    // "en-US"
    uint16_t language;   // LANGID
    struct list strings; // struct string, by id
};

struct manifest {
    struct arena arena; // zero-initialize
    const char *file;   // as errors name it
    struct list providers;
    struct list cultures;
    struct list messages; // struct message of everything, in the document's order
};

// Reads, resolves and validates. `data`: the document. Errors are STATUS_INVALID_ARGUMENT and begin
// "file:line: ". After a failure, too, manifest_free is needed.
enum status manifest_read(struct manifest *manifest, const char *file, const char *data,
                          size_t size) MUST_CHECK;

void manifest_free(struct manifest *manifest);

// The steps of manifest_read after the XML is a tree. What is written becomes the model; what must
// be unique is (after that, levels, keywords and opcodes are few); names find what they name;
// strings get their message ids; the rules for events, fields and texts are checked.
struct xml_element;
enum status manifest_read_document(struct manifest *manifest,
                                   const struct xml_element *root) MUST_CHECK;
enum status manifest_check_unique(struct manifest *manifest) MUST_CHECK;
enum status manifest_resolve(struct manifest *manifest) MUST_CHECK;
enum status manifest_assign_message_ids(struct manifest *manifest) MUST_CHECK;
enum status manifest_validate(const struct manifest *manifest) MUST_CHECK;

// The string in a culture; NULL: it has none with that id.
const struct string *culture_string(const struct culture *culture, const char *id);

// The text of a string in a culture, or Windows' own; NULL: there is none.
const char *culture_text(const struct culture *culture, const char *id);

// The text of a message in the manifest's first culture; NULL: no message.
const char *manifest_text(const struct manifest *manifest, const struct message *message);

// The uses of strings that come first, by message id. *out holds struct message.
struct list manifest_first_uses(struct manifest *manifest);

// The opcodes of a provider: its own, then those of its tasks, sorted as the template resource has
// them.
struct list provider_opcodes(struct arena *arena, const struct provider *provider);

// The events of a provider by id, those with the same in the manifest's order.
struct list provider_events(struct arena *arena, const struct provider *provider);

// The items of a map by value, as the template resource has them.
struct list map_items_by_value(struct arena *arena, const struct map *map);

bool field_is_array(const struct field *field);

#endif
