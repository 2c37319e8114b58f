#include "vhd/vhdx/locator.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/endian.h"
#include "base/utf.h"
#include "vhd/errors.h"
#include "vhd/vhdx/layout.h"

// Offsets of the fields of the item and of an entry.
#define LOCATOR_TYPE        0
#define KEY_VALUE_COUNT     18
#define LOCATOR_HEADER_SIZE 20
#define KEY_OFFSET          0
#define VALUE_OFFSET        4
#define KEY_LENGTH          8
#define VALUE_LENGTH        10
#define ENTRY_SIZE          12

#define STRING_UNITS_MAX 32767

static enum status damaged(const char *what)
{
    return status_fail(STATUS_DAMAGED, VHD_ERROR_METADATA_READ_FAILURE, "parent locator: %s.",
                       what);
}

static enum status decode_string(const uint8_t *raw, size_t size, uint32_t offset, uint16_t length,
                                 char **out)
{
    if (length == 0 || length % 2 != 0 || offset < LOCATOR_HEADER_SIZE ||
        !range_fits(offset, length, size))
        return damaged("a string lies outside the item");
    for (uint32_t i = 0; i < length; i += 2)
        if (load_le16(raw + offset + i) == 0)
            return damaged("a string contains a NUL");
    *out = utf16le_to_utf8(raw + offset, length / 2u);
    return *out ? STATUS_OK : damaged("a string is not valid UTF-16");
}

static enum status decode_pair(const uint8_t *raw, size_t size, const uint8_t *entry,
                               struct vhdx_locator *locator)
{
    struct vhdx_locator_pair pair = {0};
    enum status status = decode_string(raw, size, load_le32(entry + KEY_OFFSET),
                                       load_le16(entry + KEY_LENGTH), &pair.key);
    if (!status)
        status = decode_string(raw, size, load_le32(entry + VALUE_OFFSET),
                               load_le16(entry + VALUE_LENGTH), &pair.value);
    if (!status && vhdx_locator_find(locator, pair.key))
        status = damaged("a key is there twice");
    if (status) {
        free(pair.key);
        free(pair.value);
        return status;
    }
    locator->pairs[locator->count++] = pair;
    return STATUS_OK;
}

enum status vhdx_locator_decode(const uint8_t *raw, size_t size, struct vhdx_locator *out)
{
    if (size < LOCATOR_HEADER_SIZE)
        return damaged("it is too short");
    if (memcmp(raw + LOCATOR_TYPE, &vhdx_guid_locator_type, sizeof vhdx_guid_locator_type) != 0)
        return status_fail(STATUS_UNSUPPORTED, VHD_ERROR_FORMAT_UNKNOWN,
                           "parent locator: the parent is of a kind that is not known here.");
    uint16_t count = load_le16(raw + KEY_VALUE_COUNT);
    if (count == 0 || count > VHDX_LOCATOR_PAIRS_MAX ||
        !range_fits(LOCATOR_HEADER_SIZE, (uint64_t)count * ENTRY_SIZE, size))
        return damaged("it has no entries, or more than fit");
    struct vhdx_locator locator = {.pairs = calloc(count, sizeof *locator.pairs)};
    if (!locator.pairs)
        return status_no_memory("the parent locator of a VHDX file");
    enum status status = STATUS_OK;
    for (uint16_t i = 0; i < count && !status; i++)
        status =
            decode_pair(raw, size, raw + LOCATOR_HEADER_SIZE + (size_t)i * ENTRY_SIZE, &locator);
    if (status) {
        vhdx_locator_free(&locator);
        return status;
    }
    *out = locator;
    return STATUS_OK;
}

// Bytes of `text` in UTF-16.
static enum status string_size(const char *text, size_t *size)
{
    size_t units = utf8_utf16_length(text, strlen(text));
    if (units == 0 || units > STRING_UNITS_MAX)
        return status_fail(STATUS_INVALID_ARGUMENT, VHD_ERROR_METADATA_WRITE_FAILURE,
                           "parent locator: \"%.200s\" is empty, not valid Unicode or too long.",
                           text);
    *size = units * 2;
    return STATUS_OK;
}

// Appends a string at *end and notes where it is.
static enum status encode_string(uint8_t *raw, size_t *end, const char *text, uint8_t *offset_field,
                                 uint8_t *length_field)
{
    size_t units;
    uint16_t *wide = utf8_to_utf16(text, strlen(text), &units);
    if (!wide)
        return status_no_memory("the parent locator of a VHDX file");
    memcpy(raw + *end, wide, units * 2);
    free(wide);
    store_le32(offset_field, (uint32_t)*end);
    store_le16(length_field, (uint16_t)(units * 2));
    *end += units * 2;
    return STATUS_OK;
}

enum status vhdx_locator_encode(const struct vhdx_locator *locator, uint8_t **raw, size_t *size)
{
    size_t end = LOCATOR_HEADER_SIZE + locator->count * ENTRY_SIZE;
    size_t total = end;
    enum status status = STATUS_OK;
    for (size_t i = 0; i < locator->count && !status; i++) {
        size_t key_size = 0, value_size = 0;
        status = string_size(locator->pairs[i].key, &key_size);
        if (!status)
            status = string_size(locator->pairs[i].value, &value_size);
        total += key_size + value_size;
    }
    if (status)
        return status;
    uint8_t *item = calloc(1, total);
    if (!item)
        return status_no_memory("the parent locator of a VHDX file");
    memcpy(item + LOCATOR_TYPE, &vhdx_guid_locator_type, sizeof vhdx_guid_locator_type);
    store_le16(item + KEY_VALUE_COUNT, (uint16_t)locator->count);
    for (size_t i = 0; i < locator->count && !status; i++) {
        uint8_t *entry = item + LOCATOR_HEADER_SIZE + i * ENTRY_SIZE;
        const struct vhdx_locator_pair *pair = &locator->pairs[i];
        status = encode_string(item, &end, pair->key, entry + KEY_OFFSET, entry + KEY_LENGTH);
        if (!status)
            status =
                encode_string(item, &end, pair->value, entry + VALUE_OFFSET, entry + VALUE_LENGTH);
    }
    if (status) {
        free(item);
        return status;
    }
    *raw = item;
    *size = total;
    return STATUS_OK;
}

void vhdx_locator_free(struct vhdx_locator *locator)
{
    for (size_t i = 0; i < locator->count; i++) {
        free(locator->pairs[i].key);
        free(locator->pairs[i].value);
    }
    free(locator->pairs);
    *locator = (struct vhdx_locator){0};
}

static struct vhdx_locator_pair *find_pair(const struct vhdx_locator *locator, const char *key)
{
    for (size_t i = 0; i < locator->count; i++)
        if (strcmp(locator->pairs[i].key, key) == 0)
            return &locator->pairs[i];
    return NULL;
}

const char *vhdx_locator_find(const struct vhdx_locator *locator, const char *key)
{
    const struct vhdx_locator_pair *pair = find_pair(locator, key);
    return pair ? pair->value : NULL;
}

// Room for one pair more.
static enum status grow(struct vhdx_locator *locator)
{
    struct vhdx_locator_pair *larger =
        realloc(locator->pairs, (locator->count + 1) * sizeof *larger);
    if (!larger)
        return status_no_memory("the parent locator of a VHDX file");
    locator->pairs = larger;
    return STATUS_OK;
}

enum status vhdx_locator_set(struct vhdx_locator *locator, const char *key, const char *value)
{
    struct vhdx_locator_pair *pair = find_pair(locator, key);
    enum status status = pair ? STATUS_OK : grow(locator);
    if (status)
        return status;
    struct vhdx_locator_pair fresh = {.key = pair ? NULL : strdup(key), .value = strdup(value)};
    if (!fresh.value || (!pair && !fresh.key)) {
        free(fresh.key);
        free(fresh.value);
        return status_no_memory("the parent locator of a VHDX file");
    }
    if (pair) {
        free(pair->value);
        pair->value = fresh.value;
    } else {
        locator->pairs[locator->count++] = fresh;
    }
    return STATUS_OK;
}

enum status vhdx_locator_set_guid(struct vhdx_locator *locator, const char *key,
                                  const struct guid *value)
{
    char text[GUID_TEXT_SIZE + 2] = "{";
    guid_format(value, text + 1);
    strcat(text, "}");
    return vhdx_locator_set(locator, key, text);
}

bool vhdx_locator_find_guid(const struct vhdx_locator *locator, const char *key, struct guid *out)
{
    const char *text = vhdx_locator_find(locator, key);
    return text && guid_parse(text, out);
}
