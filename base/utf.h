// Strict UTF-8 <-> UTF-16LE. Overlong forms, surrogates in UTF-8 and unpaired surrogates are
// errors.
#ifndef VREP_BASE_UTF_H
#define VREP_BASE_UTF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool utf8_is_valid(const char *text, size_t size);

// Puts one '?' in the place of every sequence that is not valid UTF-8; the text never grows.
void utf8_make_valid(char *text);

// Number of UTF-16 units for `text`; SIZE_MAX when it is not valid UTF-8.
size_t utf8_utf16_length(const char *text, size_t size);

// UTF-16 in memory order of this machine, NUL-terminated, allocated; *units (may be NULL) excludes
// the terminator. NULL: not valid, or out of memory.
uint16_t *utf8_to_utf16(const char *text, size_t size, size_t *units);

// The reverse; `units` without terminator. Allocated, NUL-terminated. NULL: unpaired surrogate, or
// out of memory.
char *utf16_to_utf8(const uint16_t *text, size_t units);

// The same from little-endian bytes as disk formats hold them; a zero unit becomes a zero byte.
char *utf16le_to_utf8(const uint8_t *bytes, size_t units);

#endif
