// Framing of the control pipe, shared by service/control and ps/client: u32 little-endian length,
// then that many bytes of UTF-8 JSON. Pure: bytes in, frames out.
#ifndef VREP_BASE_FRAME_H
#define VREP_BASE_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"

#define FRAME_HEADER_SIZE 4
#define FRAME_REQUEST_MAX \
    (1024 * 1024) // a request with thousands of disk paths fits; more is an attack
#define FRAME_REPLY_MAX (16 * 1024 * 1024) // a reply; larger answers are paged by the verb

// Appends one frame to `out`. STATUS_INVALID_ARGUMENT when `size` is 0 or exceeds `limit`.
enum status frame_append(struct buffer *out, const char *text, size_t size,
                         uint32_t limit) MUST_CHECK;

// Looks for a whole frame at the front of `in`. *ready false: more bytes are needed. *ready true:
// the payload is at in->data + FRAME_HEADER_SIZE, *size bytes; consume FRAME_HEADER_SIZE + *size
// afterwards. A length of 0 or above `limit` is STATUS_PROTOCOL at once, before the payload
// arrives.
enum status frame_peek(const struct buffer *in, uint32_t limit, bool *ready,
                       uint32_t *size) MUST_CHECK;

#endif
