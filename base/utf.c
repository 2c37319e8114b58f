#include "base/utf.h"

#include <stdlib.h>
#include <string.h>

#include "base/endian.h"

#define CODE_POINT_INVALID UINT32_MAX

static bool is_surrogate(uint32_t c)
{
    return c >= 0xD800 && c <= 0xDFFF;
}

// Decodes the character at *at (< size) and moves on; CODE_POINT_INVALID for anything that is not
// shortest-form UTF-8.
static uint32_t next_code_point(const char *text, size_t size, size_t *at)
{
    const unsigned char *p = (const unsigned char *)text + *at;
    size_t left = size - *at;
    if (p[0] < 0x80) {
        *at += 1;
        return p[0];
    }
    size_t length = p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : 2;
    if (p[0] < 0xC2 || p[0] > 0xF4 || length > left)
        return CODE_POINT_INVALID;
    uint32_t c = p[0] & (0x7Fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return CODE_POINT_INVALID;
        c = c << 6 | (p[i] & 0x3Fu);
    }
    static const uint32_t smallest[5] = {0, 0, 0x80, 0x800, 0x10000};
    if (c < smallest[length] || c > 0x10FFFF || is_surrogate(c))
        return CODE_POINT_INVALID;
    *at += length;
    return c;
}

size_t utf8_utf16_length(const char *text, size_t size)
{
    size_t units = 0;
    for (size_t at = 0; at < size;) {
        uint32_t c = next_code_point(text, size, &at);
        if (c == CODE_POINT_INVALID)
            return SIZE_MAX;
        units += c >= 0x10000 ? 2 : 1;
    }
    return units;
}

bool utf8_is_valid(const char *text, size_t size)
{
    return utf8_utf16_length(text, size) != SIZE_MAX;
}

void utf8_make_valid(char *text)
{
    size_t size = strlen(text);
    size_t used = 0;
    for (size_t at = 0; at < size;) {
        size_t start = at;
        if (next_code_point(text, size, &at) == CODE_POINT_INVALID) {
            do {
                at++;
            } while (((unsigned char)text[at] & 0xC0) == 0x80);
            text[used++] = '?';
        } else {
            memmove(text + used, text + start, at - start);
            used += at - start;
        }
    }
    text[used] = '\0';
}

uint16_t *utf8_to_utf16(const char *text, size_t size, size_t *units)
{
    size_t length = utf8_utf16_length(text, size);
    if (length == SIZE_MAX)
        return NULL;
    uint16_t *out = malloc((length + 1) * sizeof *out);
    if (!out)
        return NULL;
    size_t n = 0;
    for (size_t at = 0; at < size;) {
        uint32_t c = next_code_point(text, size, &at);
        if (c >= 0x10000) {
            out[n++] = (uint16_t)(0xD800 + ((c - 0x10000) >> 10));
            out[n++] = (uint16_t)(0xDC00 + ((c - 0x10000) & 0x3FF));
        } else {
            out[n++] = (uint16_t)c;
        }
    }
    out[n] = 0;
    if (units)
        *units = n;
    return out;
}

static size_t encode(uint32_t c, char *out)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t length = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const uint32_t lead[5] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = length - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (c & 0x3F));
        c >>= 6;
    }
    out[0] = (char)(lead[length] | c);
    return length;
}

char *utf16le_to_utf8(const uint8_t *bytes, size_t units)
{
    if (units > SIZE_MAX / 3 - 1)
        return NULL;
    char *out = malloc(units * 3 + 1); // a pair of units needs 4 bytes, every other unit at most 3
    if (!out)
        return NULL;
    size_t n = 0;
    for (size_t i = 0; i < units; i++) {
        uint32_t c = load_le16(bytes + 2 * i);
        if (is_surrogate(c)) {
            uint32_t low = i + 1 < units ? load_le16(bytes + 2 * (i + 1)) : 0;
            if (c >= 0xDC00 || low < 0xDC00 || low > 0xDFFF) {
                free(out);
                return NULL;
            }
            c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
            i++;
        }
        n += encode(c, out + n);
    }
    out[n] = '\0';
    return out;
}

char *utf16_to_utf8(const uint16_t *text, size_t units)
{
    return utf16le_to_utf8((const uint8_t *)text,
                           units); // base/endian.h: the machine is little-endian
}
