#include "base/host_port.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool parse_port(const char *text, uint16_t *port)
{
    unsigned value = 0;
    size_t digits = 0;
    for (; text[digits] >= '0' && text[digits] <= '9' && digits < 5; digits++)
        value = value * 10 + (unsigned)(text[digits] - '0');
    if (digits == 0 || text[digits] != '\0' || value > UINT16_MAX)
        return false;
    *port = (uint16_t)value;
    return true;
}

// Names, IPv4 addresses, and with `v6` IPv6 addresses with a zone.
static bool is_host(const char *text, size_t size, bool v6)
{
    if (size == 0 || size > HOST_NAME_MAX_BYTES)
        return false;
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '-' || c == '.' || c == '_';
        if (!plain && !(v6 && (c == ':' || c == '%')))
            return false;
    }
    return true;
}

// Finds the host in `text`, and what of the port follows it ("" or ":...").
static bool split(const char *text, const char **host, size_t *size, const char **rest, bool *v6)
{
    const char *colon = strchr(text, ':');
    *v6 = text[0] == '[' || (colon && strchr(colon + 1, ':'));
    if (text[0] == '[') {
        const char *end = strchr(text, ']');
        if (!end)
            return false;
        *host = text + 1;
        *size = (size_t)(end - text - 1);
        *rest = end + 1;
        return (*rest)[0] == '\0' || (*rest)[0] == ':';
    }
    *host = text;
    *size = *v6 || !colon ? strlen(text) : (size_t)(colon - text);
    *rest = text + *size;
    return true;
}

enum status host_port_parse(const char *text, uint16_t preset, char **host, uint16_t *port)
{
    const char *begin;
    const char *rest;
    size_t size;
    bool v6;
    uint16_t value = preset;
    if (!split(text, &begin, &size, &rest, &v6) || !is_host(begin, size, v6) ||
        (rest[0] == ':' && !parse_port(rest + 1, &value))) {
        status_fail(STATUS_INVALID_ARGUMENT, 0, "'%.200s' is not a host with an optional port.",
                    text);
        return status_advise(0, "Examples: replica1, replica1:29242, 192.0.2.7:29242, "
                                "[2001:db8::7]:29242.");
    }
    char *copy = malloc(size + 1);
    if (!copy)
        return status_no_memory("a host's name");
    memcpy(copy, begin, size);
    copy[size] = '\0';
    *host = copy;
    *port = value;
    return STATUS_OK;
}
