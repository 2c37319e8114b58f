#include "base/guid.h"

#include <string.h>

#include "base/hex.h"
#include "base/os.h"

// The order in which the bytes appear in the text: the first three fields are little-endian in
// memory.
static const uint8_t text_order[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};

static bool dash_before(size_t byte)
{
    return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

enum status guid_generate(struct guid *out)
{
    struct guid g;
    enum status s = os_random(g.bytes, sizeof g.bytes);
    if (s != STATUS_OK)
        return s;
    g.bytes[7] = (uint8_t)((g.bytes[7] & 0x0F) | 0x40); // version 4
    g.bytes[8] = (uint8_t)((g.bytes[8] & 0x3F) | 0x80); // RFC 4122 variant
    *out = g;
    return STATUS_OK;
}

bool guid_equal(const struct guid *a, const struct guid *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

bool guid_is_zero(const struct guid *g)
{
    static const struct guid zero;
    return guid_equal(g, &zero);
}

char *guid_format(const struct guid *g, char text[GUID_TEXT_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    char *p = text;
    for (size_t i = 0; i < sizeof g->bytes; i++) {
        if (dash_before(i))
            *p++ = '-';
        uint8_t byte = g->bytes[text_order[i]];
        *p++ = digits[byte >> 4];
        *p++ = digits[byte & 15];
    }
    *p = '\0';
    return text;
}

bool guid_parse(const char *text, struct guid *out)
{
    struct guid g;
    bool braces = *text == '{';
    const char *p = text + braces;
    for (size_t i = 0; i < sizeof g.bytes; i++) {
        if (dash_before(i) && *p++ != '-')
            return false;
        int high = hex_digit(p[0]);
        int low = high < 0 ? -1 : hex_digit(p[1]);
        if (low < 0)
            return false;
        g.bytes[text_order[i]] = (uint8_t)(high << 4 | low);
        p += 2;
    }
    if (braces && *p++ != '}')
        return false;
    if (*p != '\0')
        return false;
    *out = g;
    return true;
}
