// Output that grows: little-endian fields, UTF-16 and formatted text at the end of a buffer. Like
// the arena, these end the program when there is no memory.
#ifndef VREP_ETW_COMPILE_EMIT_H
#define VREP_ETW_COMPILE_EMIT_H

#include "base/buffer.h"

void emit_bytes(struct buffer *out, const void *data, size_t size);
void emit_u8(struct buffer *out, uint8_t value);
void emit_u16(struct buffer *out, uint16_t value);
void emit_u32(struct buffer *out, uint32_t value);
void emit_u64(struct buffer *out, uint64_t value);

// Zeros up to a size that is a multiple of `alignment`.
void emit_padding(struct buffer *out, size_t alignment);

// Valid UTF-8 as UTF-16LE without a terminator; returns the number of units.
size_t emit_utf16(struct buffer *out, const char *text);

void emit_text(struct buffer *out, const char *format, ...) PRINTF_LIKE(2, 3);

// Where the next byte goes. Outputs are far below 4 GiB (the manifest's size is limited).
uint32_t emit_offset(const struct buffer *out);

// Overwrites a field that was emitted before its value was known.
void emit_set_u32(struct buffer *out, uint32_t offset, uint32_t value);

#endif
