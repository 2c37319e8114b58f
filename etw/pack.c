#include "etw/pack.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/guid.h"
#include "base/utf.h"
#include "etw/message.h"

#define UNIT sizeof(uint16_t)

static size_t units_of(const struct event_piece *piece)
{
    return piece->size / UNIT - 1; // without the zero
}

// The length in units that no string may exceed so that all have room in `units` together, their
// zeros not counted. SIZE_MAX: none need be cut.
static size_t longest_allowed(const struct event_pack *pack, size_t units)
{
    size_t cap = SIZE_MAX, before;
    // Each turn leaves those that are short enough as they are, and shares the rest among the
    // others.
    do {
        size_t left = units, longer = 0;
        before = cap;
        for (size_t i = 0; i < pack->count; i++) {
            size_t length = pack->piece[i].text ? units_of(&pack->piece[i]) : 0;
            if (length > cap || (cap == SIZE_MAX && length > 0))
                longer++;
            else
                left -= length < left ? length : left;
        }
        if (longer > 0)
            cap = left / longer;
    } while (cap != before);
    return cap;
}

static bool is_high_surrogate(uint16_t unit)
{
    return unit >= 0xD800 && unit < 0xDC00;
}

static void cut(struct event_piece *piece, size_t cap)
{
    static const uint16_t mark[] = EVENT_PACK_MARK;
    size_t marked = sizeof mark / UNIT - 1;
    if (marked > cap)
        marked = cap;
    size_t kept = cap - marked;
    if (kept > 0 && is_high_surrogate(piece->text[kept - 1]))
        kept--;
    memcpy(piece->text + kept, mark, marked * UNIT);
    piece->text[kept + marked] = 0;
    piece->size = (uint32_t)((kept + marked + 1) * UNIT);
}

static void fit(struct event_pack *pack, size_t budget)
{
    size_t strings = 0, total = 0, fixed = 0;
    for (size_t i = 0; i < pack->count; i++) {
        total += pack->piece[i].size;
        strings += pack->piece[i].text != NULL;
        fixed += pack->piece[i].text ? UNIT : pack->piece[i].size;
    }
    if (total <= budget || strings == 0)
        return;
    size_t cap = longest_allowed(pack, fixed < budget ? (budget - fixed) / UNIT : 0);
    for (size_t i = 0; i < pack->count; i++)
        if (pack->piece[i].text && units_of(&pack->piece[i]) > cap)
            cut(&pack->piece[i], cap);
}

// Takes over `text`, UTF-8.
static enum status put_text(struct event_pack *pack, char *text)
{
    size_t units = 0;
    uint16_t *wide = text ? utf8_to_utf16(text, strlen(text), &units) : NULL;
    free(text);
    if (!wide)
        return status_no_memory("an event");
    pack->piece[pack->count++] = (struct event_piece){wide, (uint32_t)((units + 1) * UNIT), wide};
    return STATUS_OK;
}

static enum status put_data(struct event_pack *pack, const struct event_value *value)
{
    const void *data = &value->as.number; // little-endian, as Windows
    uint32_t size = sizeof(uint32_t);
    switch (value->type) {
    case EVENT_IN_UNICODE_STRING:
        return put_text(pack, event_clean_string(value->as.string));
    case EVENT_IN_GUID:
        data = value->as.data;
        size = sizeof(struct guid);
        break;
    case EVENT_IN_UINT64:
        size = sizeof(uint64_t);
        break;
    default:
        assert(value->type == EVENT_IN_UINT32 || value->type == EVENT_IN_HEX_INT32);
    }
    pack->piece[pack->count++] = (struct event_piece){data, size, NULL};
    return STATUS_OK;
}

static enum status put_shown(struct event_pack *pack, const struct event_value *value)
{
    struct buffer text = {0};
    enum status s = event_append_value(&text, value);
    if (s == STATUS_OK)
        return put_text(pack, (char *)text.data);
    buffer_free(&text);
    return s;
}

static enum status pack_all(const struct event_value *values, size_t count, size_t budget,
                            enum status (*put)(struct event_pack *, const struct event_value *),
                            struct event_pack *out)
{
    enum status s = STATUS_OK;
    assert(count <= EVENT_PACK_MAX);
    out->count = 0;
    for (size_t i = 0; i < count && s == STATUS_OK; i++)
        s = put(out, &values[i]);
    if (s == STATUS_OK)
        fit(out, budget);
    else
        event_pack_free(out);
    return s;
}

enum status event_pack_data(const struct event_value *values, size_t count, size_t budget,
                            struct event_pack *out)
{
    return pack_all(values, count, budget, put_data, out);
}

enum status event_pack_texts(const struct event_value *values, size_t count, size_t budget,
                             struct event_pack *out)
{
    return pack_all(values, count, budget, put_shown, out);
}

void event_pack_free(struct event_pack *pack)
{
    for (size_t i = 0; i < pack->count; i++)
        free(pack->piece[i].text);
    pack->count = 0;
}
