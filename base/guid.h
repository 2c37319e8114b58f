// GUIDs in the byte order of the disk formats and of Windows' memory: the first three fields
// little-endian.
#ifndef VREP_BASE_GUID_H
#define VREP_BASE_GUID_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

struct guid {
    uint8_t bytes[16];
};

#define GUID_TEXT_SIZE 37 // 36 characters and the terminator

// Constant from the canonical fields: GUID_INIT(0x2DC27766, 0xF623, 0x4200, 0x9D,0x64,
// 0x11,0x5E,0x9B,0xFD,0x4A,0x08).
#define GUID_INIT(d1, d2, d3, b0, b1, b2, b3, b4, b5, b6, b7)                                    \
    {                                                                                            \
        {                                                                                        \
            (uint8_t)((d1)&0xff), (uint8_t)(((d1) >> 8) & 0xff), (uint8_t)(((d1) >> 16) & 0xff), \
                (uint8_t)(((d1) >> 24) & 0xff), (uint8_t)((d2)&0xff), (uint8_t)((d2) >> 8),      \
                (uint8_t)((d3)&0xff), (uint8_t)((d3) >> 8), b0, b1, b2, b3, b4, b5, b6, b7       \
        }                                                                                        \
    }

// A new random (version 4) GUID from the system's entropy.
enum status guid_generate(struct guid *out) MUST_CHECK;

bool guid_equal(const struct guid *a, const struct guid *b);
bool guid_is_zero(const struct guid *g);

// Lower-case canonical text without braces, e.g. "2dc27766-f623-4200-9d64-115e9bfd4a08". Returns
// `text`.
char *guid_format(const struct guid *g, char text[GUID_TEXT_SIZE]);

// Accepts the canonical text in either case, with or without braces. False: not a GUID, *out
// untouched.
bool guid_parse(const char *text, struct guid *out);

#endif
