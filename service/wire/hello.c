#include "service/wire/hello.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/os.h"

enum status hello_init(struct hello *hello, const char *host)
{
    memset(hello, 0, sizeof *hello);
    hello->major = WIRE_MAJOR;
    hello->minor = WIRE_MINOR;
    snprintf(hello->product, sizeof hello->product, "%s", VREP_VERSION);
    snprintf(hello->host, sizeof hello->host, "%s", host);
    hello->wall_ms = clock_wall_ms();
    hello->digest_xxh3 = true;
    hello->compare = true;
    return os_random(hello->nonce, sizeof hello->nonce);
}

static void to_hex(const uint8_t *bytes, size_t size, char *text)
{
    for (size_t i = 0; i < size; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
}

static bool from_hex(const char *text, uint8_t *bytes, size_t size)
{
    if (strlen(text) != 2 * size || strspn(text, "0123456789abcdef") != 2 * size)
        return false;
    for (size_t i = 0; i < size; i++) {
        char pair[3] = {text[2 * i], text[2 * i + 1], '\0'};
        bytes[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return true;
}

enum status hello_encode(const struct hello *hello, struct buffer *out)
{
    char nonce[2 * WIRE_NONCE_SIZE + 1];
    to_hex(hello->nonce, sizeof hello->nonce, nonce);
    json_t *object =
        json_pack("{s:s, s:i, s:i, s:s, s:s, s:I, s:o, s:s}", "format", WIRE_FORMAT, "major",
                  (int)hello->major, "minor", (int)hello->minor, "product", hello->product, "host",
                  hello->host, "wallTime", (json_int_t)hello->wall_ms, "capabilities",
                  json_pack("[s*, s*]", hello->digest_xxh3 ? WIRE_DIGEST : NULL,
                            hello->compare ? WIRE_COMPARE : NULL),
                  "nonce", nonce);
    char *text = object ? js_text(object) : NULL;
    enum status st = text ? buffer_append(out, text, strlen(text)) : status_no_memory("a hello");
    json_decref(object);
    free(text);
    return st;
}

static enum status not_a_hello(void)
{
    struct status_details why = *status_last();
    return status_fail(STATUS_PROTOCOL, 0, "The peer's hello cannot be used: %s", why.message);
}

static enum status refuse_version(const struct hello *mine, const struct hello *theirs)
{
    const struct hello *old = theirs->major < mine->major ? theirs : mine;
    (void)status_fail(
        STATUS_VERSION, 0,
        "No common version: %s runs VRep %s (protocol %u.%u), %s runs VRep %s (protocol %u.%u).",
        mine->host, mine->product, mine->major, mine->minor, theirs->host, theirs->product,
        theirs->major, theirs->minor);
    return status_advise(0, "Upgrade VRep on %s.", old->host);
}

// The members that every version has: enough to name the peer in a refusal.
static enum status decode_version(const json_t *object, struct hello *hello)
{
    const char *format, *product, *host;
    uint64_t major, minor;
    enum status st;
    if ((st = js_get_string(object, "format", &format)) != STATUS_OK ||
        (st = js_get_u64(object, "major", &major)) != STATUS_OK ||
        (st = js_get_u64(object, "minor", &minor)) != STATUS_OK ||
        (st = js_get_string(object, "product", &product)) != STATUS_OK ||
        (st = js_get_string(object, "host", &host)) != STATUS_OK)
        return st;
    if (strcmp(format, WIRE_FORMAT) != 0)
        return status_fail(STATUS_PROTOCOL, 0, "its format is '%.40s'.", format);
    if (major > 1000 || minor > 1000)
        return status_fail(STATUS_PROTOCOL, 0, "its version is not a version.");
    if (host[0] == '\0' || strlen(host) >= sizeof hello->host ||
        strlen(product) >= sizeof hello->product)
        return status_fail(STATUS_PROTOCOL, 0, "its host or product name is empty or too long.");
    for (const char *p = host; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return status_fail(STATUS_PROTOCOL, 0, "its host name has control characters.");
    hello->major = (unsigned)major;
    hello->minor = (unsigned)minor;
    snprintf(hello->product, sizeof hello->product, "%s", product);
    snprintf(hello->host, sizeof hello->host, "%s", host);
    return STATUS_OK;
}

static enum status decode_rest(const json_t *object, struct hello *hello)
{
    const char *nonce;
    uint64_t wall;
    json_t *capabilities, *capability;
    enum status st;
    if ((st = js_get_u64(object, "wallTime", &wall)) != STATUS_OK ||
        (st = js_get_string(object, "nonce", &nonce)) != STATUS_OK ||
        (st = js_get_array(object, "capabilities", &capabilities)) != STATUS_OK)
        return st;
    if (!from_hex(nonce, hello->nonce, sizeof hello->nonce))
        return status_fail(STATUS_PROTOCOL, 0, "its nonce is not %u bytes.", WIRE_NONCE_SIZE);
    hello->wall_ms = (int64_t)wall;
    size_t i;
    json_array_foreach(capabilities, i, capability)
    {
        const char *name = json_string_value(capability);
        if (name && strcmp(name, WIRE_DIGEST) == 0)
            hello->digest_xxh3 = true;
        if (name && strcmp(name, WIRE_COMPARE) == 0)
            hello->compare = true;
    }
    return STATUS_OK;
}

enum status hello_decode(const struct hello *mine, const uint8_t *data, size_t size,
                         struct hello *out)
{
    json_t *object = NULL;
    struct hello hello = {.major = 0};
    enum status st = js_parse((const char *)data, size, &object);
    if (st == STATUS_OK)
        st = decode_version(object, &hello);
    if (st == STATUS_OK && hello.major != mine->major) {
        st = refuse_version(mine, &hello);
        goto out;
    }
    if (st == STATUS_OK)
        st = decode_rest(object, &hello);
    if (st != STATUS_OK && st != STATUS_OUT_OF_MEMORY)
        st = not_a_hello();
    if (st == STATUS_OK)
        *out = hello;
out:
    json_decref(object);
    return st;
}
