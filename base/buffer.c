#include "base/buffer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_SMALLEST 256

enum status buffer_reserve(struct buffer *b, size_t extra)
{
    if (extra <= b->capacity - b->size)
        return STATUS_OK;
    if (extra > SIZE_MAX / 2 - b->size)
        return status_no_memory("a buffer");
    size_t capacity = b->capacity < BUFFER_SMALLEST ? BUFFER_SMALLEST : b->capacity;
    while (capacity < b->size + extra)
        capacity *= 2;
    uint8_t *data = realloc(b->data, capacity);
    if (!data)
        return status_no_memory("a buffer");
    b->data = data;
    b->capacity = capacity;
    return STATUS_OK;
}

enum status buffer_append(struct buffer *b, const void *data, size_t size)
{
    enum status s = buffer_reserve(b, size);
    if (s == STATUS_OK && size > 0) {
        memcpy(b->data + b->size, data, size);
        b->size += size;
    }
    return s;
}

enum status buffer_vprintf(struct buffer *b, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (length < 0)
        return status_fail(STATUS_INTERNAL, 0, "A text could not be formatted.");
    enum status s = buffer_reserve(b, (size_t)length + 1);
    if (s != STATUS_OK)
        return s;
    vsnprintf((char *)b->data + b->size, (size_t)length + 1, format, args);
    b->size += (size_t)length;
    return STATUS_OK;
}

enum status buffer_printf(struct buffer *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    enum status s = buffer_vprintf(b, format, args);
    va_end(args);
    return s;
}

void buffer_consume(struct buffer *b, size_t size)
{
    b->size -= size;
    if (b->size > 0)
        memmove(b->data, b->data + size, b->size);
}

void buffer_free(struct buffer *b)
{
    free(b->data);
    *b = (struct buffer){0};
}
