// From elements to the model. Not for others than the readers.
#ifndef VREP_ETW_COMPILE_READ_H
#define VREP_ETW_COMPILE_READ_H

#include "etw/compile/model.h"
#include "etw/compile/xml.h"

// Passes a failure on. Nothing needs cleaning up on the way: the arena owns it all.
#define TRY(call)                   \
    do {                            \
        enum status tried = (call); \
        if (tried != STATUS_OK)     \
            return tried;           \
    } while (0)

// An attribute that an element may have, and where its text goes (unset: NULL).
struct attribute_slot {
    const char *name;
    const char **value;
    bool required;
};

// Fills the slots; an attribute without a slot and text between the tags are errors.
enum status read_attributes(const struct manifest *manifest, const struct xml_element *element,
                            const struct attribute_slot *slots, size_t count) MUST_CHECK;
#define READ_ATTRIBUTES(manifest, element, slots) \
    read_attributes(manifest, element, slots, sizeof(slots) / sizeof(slots)[0])

// The same for an element that has no children.
enum status read_leaf(const struct manifest *manifest, const struct xml_element *element,
                      const struct attribute_slot *slots, size_t count) MUST_CHECK;
#define READ_LEAF(manifest, element, slots) \
    read_leaf(manifest, element, slots, sizeof(slots) / sizeof(slots)[0])

// Values of attributes. `text` may be NULL: then *out stays as it is. Numbers are decimal, or
// hexadecimal after 0x.
enum status read_number(const struct manifest *manifest, const struct xml_element *element,
                        const char *name, const char *text, uint64_t least, uint64_t most,
                        uint64_t *out) MUST_CHECK;
enum status read_guid(const struct manifest *manifest, const struct xml_element *element,
                      const char *name, const char *text, struct guid *out) MUST_CHECK;
enum status read_message(struct manifest *manifest, const struct xml_element *element,
                         const char *text, struct message *out) MUST_CHECK;
enum status read_symbol(const struct manifest *manifest, const struct xml_element *element,
                        const char *text, const char **out) MUST_CHECK;

// For an element that has no business there.
enum status read_unknown(const struct manifest *manifest, const struct xml_element *parent,
                         const struct xml_element *element);

// An element without attributes of its own, whose children all are `name`: calls `each` for them.
typedef enum status read_each(struct manifest *manifest, struct provider *provider,
                              const struct xml_element *element);
enum status read_list(struct manifest *manifest, struct provider *provider,
                      const struct xml_element *element, const char *name,
                      read_each *each) MUST_CHECK;

// The sections of a provider.
enum status read_channels(struct manifest *manifest, struct provider *provider,
                          const struct xml_element *element) MUST_CHECK;
enum status read_tasks(struct manifest *manifest, struct provider *provider,
                       const struct xml_element *element) MUST_CHECK;
enum status read_opcodes(struct manifest *manifest, struct provider *provider,
                         const struct xml_element *element) MUST_CHECK;
enum status read_levels(struct manifest *manifest, struct provider *provider,
                        const struct xml_element *element) MUST_CHECK;
enum status read_keywords(struct manifest *manifest, struct provider *provider,
                          const struct xml_element *element) MUST_CHECK;
enum status read_maps(struct manifest *manifest, struct provider *provider,
                      const struct xml_element *element) MUST_CHECK;
enum status read_templates(struct manifest *manifest, struct provider *provider,
                           const struct xml_element *element) MUST_CHECK;
enum status read_events(struct manifest *manifest, struct provider *provider,
                        const struct xml_element *element) MUST_CHECK;

// <localization>.
enum status read_localization(struct manifest *manifest,
                              const struct xml_element *element) MUST_CHECK;

#endif
