#include "base/frame.h"

#include "base/endian.h"

enum status frame_append(struct buffer *out, const char *text, size_t size, uint32_t limit)
{
    if (size == 0 || size > limit)
        return status_fail(STATUS_INVALID_ARGUMENT, 0,
                           "A message of %zu bytes does not fit a frame of 1 to %u bytes.", size,
                           limit);
    enum status s = buffer_reserve(out, FRAME_HEADER_SIZE + size);
    if (s != STATUS_OK)
        return s;
    uint8_t header[FRAME_HEADER_SIZE];
    store_le32(header, (uint32_t)size);
    s = buffer_append(out, header, sizeof header);
    if (s == STATUS_OK)
        s = buffer_append(out, text, size);
    return s;
}

enum status frame_peek(const struct buffer *in, uint32_t limit, bool *ready, uint32_t *size)
{
    *ready = false;
    if (in->size < FRAME_HEADER_SIZE)
        return STATUS_OK;
    uint32_t length = load_le32(in->data);
    if (length == 0 || length > limit)
        return status_fail(STATUS_PROTOCOL, 0,
                           "The other end of the control connection announced a message of %u "
                           "bytes; 1 to %u are allowed.",
                           length, limit);
    if (in->size - FRAME_HEADER_SIZE < length)
        return STATUS_OK;
    *ready = true;
    *size = length;
    return STATUS_OK;
}
