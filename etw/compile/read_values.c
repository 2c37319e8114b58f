// Attributes and their values.
#include "etw/compile/read.h"

#include <string.h>

#include "base/hex.h"
#include "etw/compile/c_name.h"

static const struct attribute_slot *find_slot(const struct attribute_slot *slots, size_t count,
                                              const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(slots[i].name, name) == 0)
            return &slots[i];
    return NULL;
}

enum status read_attributes(const struct manifest *manifest, const struct xml_element *element,
                            const struct attribute_slot *slots, size_t count)
{
    if (element->text[0])
        return xml_fail(manifest->file, element->line,
                        "The element \"%s\" has text between its tags.", element->name);
    for (size_t i = 0; i < count; i++)
        *slots[i].value = NULL;
    for (size_t i = 0; i < element->attributes.count; i++) {
        const struct xml_attribute *attribute = element->attributes.item[i];
        const struct attribute_slot *slot = find_slot(slots, count, attribute->name);
        if (!slot)
            return xml_fail(manifest->file, element->line,
                            "The attribute \"%s\" of \"%s\" is not known or not supported.",
                            attribute->name, element->name);
        *slot->value = attribute->value;
    }
    for (size_t i = 0; i < count; i++)
        if (slots[i].required && !*slots[i].value)
            return xml_fail(manifest->file, element->line,
                            "The element \"%s\" needs the attribute \"%s\".", element->name,
                            slots[i].name);
    return STATUS_OK;
}

enum status read_leaf(const struct manifest *manifest, const struct xml_element *element,
                      const struct attribute_slot *slots, size_t count)
{
    if (element->children.count)
        return read_unknown(manifest, element, element->children.item[0]);
    return read_attributes(manifest, element, slots, count);
}

static bool parse_number(const char *text, uint64_t *out)
{
    int base = text[0] == '0' && (text[1] == 'x' || text[1] == 'X') ? 16 : 10;
    const char *c = base == 16 ? text + 2 : text;
    uint64_t value = 0;
    if (!*c)
        return false;
    for (; *c; c++) {
        int digit = hex_digit(*c);
        if (digit < 0 || digit >= base || __builtin_mul_overflow(value, (uint64_t)base, &value) ||
            __builtin_add_overflow(value, (uint64_t)digit, &value))
            return false;
    }
    *out = value;
    return true;
}

enum status read_number(const struct manifest *manifest, const struct xml_element *element,
                        const char *name, const char *text, uint64_t least, uint64_t most,
                        uint64_t *out)
{
    uint64_t value;
    if (!text)
        return STATUS_OK;
    if (!parse_number(text, &value))
        return xml_fail(manifest->file, element->line,
                        "\"%s\" of \"%s\" is \"%s\", which is no number.", name, element->name,
                        text);
    if (value < least || value > most)
        return xml_fail(manifest->file, element->line,
                        "\"%s\" of \"%s\" is %s; it must be from %llu to %llu.", name,
                        element->name, text, (unsigned long long)least, (unsigned long long)most);
    *out = value;
    return STATUS_OK;
}

enum status read_guid(const struct manifest *manifest, const struct xml_element *element,
                      const char *name, const char *text, struct guid *out)
{
    if (!text)
        return STATUS_OK;
    if (!guid_parse(text, out) || guid_is_zero(out))
        return xml_fail(manifest->file, element->line,
                        "\"%s\" of \"%s\" is \"%s\", which is no GUID.", name, element->name, text);
    return STATUS_OK;
}

enum status read_message(struct manifest *manifest, const struct xml_element *element,
                         const char *text, struct message *out)
{
    static const char prefix[] = "$(string.";
    *out = (struct message){.line = element->line, .id = MESSAGE_NONE};
    if (!text)
        return STATUS_OK;
    size_t length = strlen(text);
    size_t skip = sizeof prefix - 1;
    if (strncmp(text, prefix, skip) != 0 || length <= skip + 1 || text[length - 1] != ')' ||
        strchr(text, ')') != text + length - 1)
        return xml_fail(manifest->file, element->line,
                        "The message \"%s\" of \"%s\" is no reference to a string such as "
                        "$(string.id).",
                        text, element->name);
    out->string = arena_text(&manifest->arena, text + skip, length - skip - 1);
    list_add(&manifest->arena, &manifest->messages, out);
    return STATUS_OK;
}

enum status read_symbol(const struct manifest *manifest, const struct xml_element *element,
                        const char *text, const char **out)
{
    *out = text;
    if (text && !c_name_is_usable(text))
        return xml_fail(manifest->file, element->line,
                        "The symbol \"%s\" of \"%s\" cannot be used as a name in C.", text,
                        element->name);
    return STATUS_OK;
}

enum status read_unknown(const struct manifest *manifest, const struct xml_element *parent,
                         const struct xml_element *element)
{
    return xml_fail(manifest->file, element->line,
                    "The element \"%s\" in \"%s\" is not known or not supported.", element->name,
                    parent->name);
}

enum status read_list(struct manifest *manifest, struct provider *provider,
                      const struct xml_element *element, const char *name, read_each *each)
{
    TRY(read_attributes(manifest, element, NULL, 0));
    for (size_t i = 0; i < element->children.count; i++) {
        const struct xml_element *child = element->children.item[i];
        if (strcmp(child->name, name) != 0)
            return read_unknown(manifest, element, child);
        TRY(each(manifest, provider, child));
    }
    return STATUS_OK;
}
