// A growable array of bytes, for frames and texts. Zero-initialize; free with buffer_free. Not
// thread-safe.
#ifndef VREP_BASE_BUFFER_H
#define VREP_BASE_BUFFER_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct buffer {
    uint8_t *data;
    size_t size;     // bytes in use
    size_t capacity; // bytes allocated
};

// Makes room for `extra` more bytes. STATUS_OUT_OF_MEMORY leaves the buffer as it was.
enum status buffer_reserve(struct buffer *b, size_t extra) MUST_CHECK;

enum status buffer_append(struct buffer *b, const void *data, size_t size) MUST_CHECK;

// Appends formatted text; the buffer stays NUL-terminated past its size.
enum status buffer_printf(struct buffer *b, const char *format, ...) MUST_CHECK PRINTF_LIKE(2, 3);
enum status buffer_vprintf(struct buffer *b, const char *format, va_list args) MUST_CHECK
    PRINTF_LIKE(2, 0);

// Removes `size` bytes from the front (size <= b->size).
void buffer_consume(struct buffer *b, size_t size);

void buffer_free(struct buffer *b);

#endif
