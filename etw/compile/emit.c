#include "etw/compile/emit.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/endian.h"
#include "base/utf.h"
#include "etw/compile/arena.h"

void emit_bytes(struct buffer *out, const void *data, size_t size)
{
    if (buffer_append(out, data, size) != STATUS_OK)
        arena_exhausted();
}

void emit_u8(struct buffer *out, uint8_t value)
{
    emit_bytes(out, &value, sizeof value);
}

void emit_u16(struct buffer *out, uint16_t value)
{
    uint8_t bytes[sizeof value];
    store_le16(bytes, value);
    emit_bytes(out, bytes, sizeof bytes);
}

void emit_u32(struct buffer *out, uint32_t value)
{
    uint8_t bytes[sizeof value];
    store_le32(bytes, value);
    emit_bytes(out, bytes, sizeof bytes);
}

void emit_u64(struct buffer *out, uint64_t value)
{
    uint8_t bytes[sizeof value];
    store_le64(bytes, value);
    emit_bytes(out, bytes, sizeof bytes);
}

void emit_padding(struct buffer *out, size_t alignment)
{
    while (out->size % alignment != 0)
        emit_u8(out, 0);
}

size_t emit_utf16(struct buffer *out, const char *text)
{
    size_t size = strlen(text);
    size_t units;
    assert(utf8_is_valid(text, size)); // the XML parser hands out nothing else
    uint16_t *wide = utf8_to_utf16(text, size, &units);
    if (!wide)
        arena_exhausted();
    for (size_t i = 0; i < units; i++)
        emit_u16(out, wide[i]);
    free(wide);
    return units;
}

void emit_text(struct buffer *out, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    enum status status = buffer_vprintf(out, format, arguments);
    va_end(arguments);
    assert(status != STATUS_INTERNAL);
    if (status != STATUS_OK)
        arena_exhausted();
}

uint32_t emit_offset(const struct buffer *out)
{
    assert(out->size <= UINT32_MAX);
    return (uint32_t)out->size;
}

void emit_set_u32(struct buffer *out, uint32_t offset, uint32_t value)
{
    assert((size_t)offset + sizeof value <= out->size);
    store_le32(out->data + offset, value);
}
