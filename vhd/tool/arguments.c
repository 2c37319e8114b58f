#include <string.h>
#include <strings.h>

#include "base/checked.h"
#include "vhd/tool/tool.h"

struct option_form {
    const char *name;
    bool has_value;
};

static const struct option_form option_forms[OPTION_COUNT] = {
    [OPTION_BACKEND] = {"--backend", true},
    [OPTION_BLOCK_SIZE] = {"--block-size", true},
    [OPTION_FORCE] = {"--force", false},
    [OPTION_FORMAT] = {"--format", true},
    [OPTION_HELP] = {"--help", false},
    [OPTION_JSON] = {"--json", false},
    [OPTION_LEAF] = {"--leaf", false},
    [OPTION_LENGTH] = {"--length", true},
    [OPTION_LEVELS] = {"--levels", true},
    [OPTION_LOGICAL_SECTOR] = {"--logical-sector", true},
    [OPTION_OFFSET] = {"--offset", true},
    [OPTION_PARENT] = {"--parent", true},
    [OPTION_PHYSICAL_SECTOR] = {"--physical-sector", true},
    [OPTION_QUIET] = {"--quiet", false},
    [OPTION_REPAIR] = {"--repair", false},
    [OPTION_SIZE] = {"--size", true},
    [OPTION_TYPE] = {"--type", true},
    [OPTION_UNSAFE] = {"--unsafe", false},
    [OPTION_VIRTUAL_DISK_ID] = {"--virtual-disk-id", true},
};

const char *option_name(enum option option)
{
    return option_forms[option].name;
}

// The option that `word` names, with "=value" or without. OPTION_COUNT: none.
static enum option find_option(const char *word)
{
    size_t length = strcspn(word, "=");
    for (int i = 0; i < OPTION_COUNT; i++)
        if (strlen(option_forms[i].name) == length &&
            strncmp(option_forms[i].name, word, length) == 0)
            return (enum option)i;
    return OPTION_COUNT;
}

static enum status parse_option(char *const words[], int count, int *at, uint32_t allowed,
                                struct arguments *out)
{
    const char *word = words[*at];
    const char *equals = strchr(word, '=');
    enum option option = find_option(word);
    if (option == OPTION_COUNT || !(allowed & 1u << option))
        return status_fail(STATUS_INVALID_ARGUMENT, 0, "the option %s is not known here.", word);
    if (out->values[option])
        return status_fail(STATUS_INVALID_ARGUMENT, 0, "%s is given twice.",
                           option_forms[option].name);
    if (!option_forms[option].has_value) {
        if (equals)
            return status_fail(STATUS_INVALID_ARGUMENT, 0, "%s takes no value.",
                               option_forms[option].name);
        out->values[option] = "";
        return STATUS_OK;
    }
    if (!equals && *at + 1 >= count)
        return status_fail(STATUS_INVALID_ARGUMENT, 0, "%s needs a value.", word);
    out->values[option] = equals ? equals + 1 : words[++*at];
    return STATUS_OK;
}

enum status arguments_parse(int count, char *const words[], uint32_t allowed, struct arguments *out)
{
    bool options_ended = false;
    *out = (struct arguments){0};
    for (int i = 0; i < count; i++) {
        enum status status = STATUS_OK;
        if (!options_ended && strcmp(words[i], "--") == 0)
            options_ended = true;
        else if (!options_ended && words[i][0] == '-' && words[i][1] != '\0')
            status = parse_option(words, count, &i, allowed, out);
        else if (out->file_count < TOOL_FILES_MAX)
            out->files[out->file_count++] = words[i];
        else
            status = status_fail(STATUS_INVALID_ARGUMENT, 0, "\"%s\" is one argument too many.",
                                 words[i]);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

static bool parse_size(const char *text, uint64_t *out)
{
    static const char suffixes[] = "KMGT";
    uint64_t value = 0;
    const char *c = text;
    for (; *c >= '0' && *c <= '9'; c++)
        if (multiply_overflows(value, 10, &value) ||
            add_overflows(value, (uint64_t)(*c - '0'), &value))
            return false;
    if (c == text)
        return false;
    if (*c) {
        char upper = (char)(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c);
        const char *suffix = strchr(suffixes, upper);
        if (!suffix || c[1] != '\0' ||
            multiply_overflows(value, 1ull << (10 * (suffix - suffixes + 1)), &value))
            return false;
    }
    *out = value;
    return true;
}

enum status arguments_size(const struct arguments *a, enum option option, uint64_t preset,
                           uint64_t *out)
{
    *out = preset;
    if (!a->values[option] || parse_size(a->values[option], out))
        return STATUS_OK;
    return status_fail(STATUS_INVALID_ARGUMENT, 0,
                       "%s %s is not a number of bytes such as 4096, 64K, 20G.",
                       option_forms[option].name, a->values[option]);
}

enum status arguments_size32(const struct arguments *a, enum option option, uint32_t preset,
                             uint32_t *out)
{
    uint64_t value = preset;
    enum status status = arguments_size(a, option, preset, &value);
    if (status == STATUS_OK && value > UINT32_MAX)
        status = status_fail(STATUS_INVALID_ARGUMENT, 0, "%s %s is too much.",
                             option_forms[option].name, a->values[option]);
    if (status == STATUS_OK)
        *out = (uint32_t)value;
    return status;
}

enum status arguments_format(const struct arguments *a, const char *path, enum vhd_format *out)
{
    const char *format = a->values[OPTION_FORMAT];
    const char *dot = strrchr(path, '.');
    if (!format)
        format = dot && strcasecmp(dot, ".vhd") == 0 ? "vhd" : "vhdx";
    if (strcasecmp(format, "vhd") == 0)
        *out = VHD_FORMAT_VHD;
    else if (strcasecmp(format, "vhdx") == 0)
        *out = VHD_FORMAT_VHDX;
    else
        return status_fail(STATUS_INVALID_ARGUMENT, 0, "--format %s is neither vhd nor vhdx.",
                           format);
    return STATUS_OK;
}

enum status arguments_type(const struct arguments *a, enum vhd_type *out)
{
    const char *type = a->values[OPTION_TYPE];
    if (!type || strcasecmp(type, "dynamic") == 0)
        *out = VHD_TYPE_DYNAMIC;
    else if (strcasecmp(type, "fixed") == 0)
        *out = VHD_TYPE_FIXED;
    else
        return status_fail(STATUS_INVALID_ARGUMENT, 0, "--type %s is neither fixed nor dynamic.",
                           type);
    return STATUS_OK;
}

enum status arguments_backend(const struct arguments *a, enum vhd_backend *out)
{
    const char *backend = a->values[OPTION_BACKEND];
    if (!backend)
        *out = vhd_default_backend();
    else if (strcasecmp(backend, "native") == 0)
        *out = VHD_BACKEND_NATIVE;
    else if (strcasecmp(backend, "virtdisk") == 0)
        *out = VHD_BACKEND_VIRTDISK;
    else
        return status_fail(STATUS_INVALID_ARGUMENT, 0,
                           "--backend %s is neither native nor virtdisk.", backend);
    return STATUS_OK;
}
