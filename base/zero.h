// Whether memory holds only zeros.
#ifndef VREP_BASE_ZERO_H
#define VREP_BASE_ZERO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

// True for no bytes at all. As fast as memcmp, which compares the bytes with their neighbours.
static inline bool bytes_are_zero(const void *data, size_t size)
{
    const uint8_t *bytes = (const uint8_t *)data;
    return size == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0);
}

#endif
