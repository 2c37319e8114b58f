// Plain memory.
#ifndef VREP_BASE_BYTES_H
#define VREP_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

// True when all bytes are zero; true for none. As fast as memcmp.
static inline bool bytes_are_zero(const void *data, size_t size)
{
    const uint8_t *bytes = data;
    return size == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0);
}

#endif
