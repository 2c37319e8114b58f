// Templates and events.
#include <string.h>

#include "etw/compile/binxml.h"
#include "etw/compile/crim.h"
#include "etw/compile/emit.h"
#include "etw/compile/template_guid.h"

#define TEMPLATE_EVENT_DATA 1
#define ITEM_SIZE           20
#define EVENT_SIZE          48

enum item_flag {
    ITEM_STRUCT = 1,
    ITEM_LENGTH = 2,
    ITEM_LENGTH_FROM = 4,
    ITEM_COUNT = 8,
    ITEM_COUNT_FROM = 0x10
};

static uint32_t item_flags(const struct field *field)
{
    uint32_t flags = field->in_type == EVENT_IN_STRUCT ? ITEM_STRUCT : 0;
    if (field->length.from)
        flags |= ITEM_LENGTH_FROM;
    else if (field->length.value && field->in_type != EVENT_IN_SID)
        flags |= ITEM_LENGTH;
    if (field->count.from)
        flags |= ITEM_COUNT_FROM;
    else if (field->count.value)
        flags |= ITEM_COUNT;
    return flags;
}

// The number itself, or the index of the field that holds it; members of a struct count from its
// first one.
static uint16_t extent(const struct extent *extent, size_t first_member)
{
    return extent->from ? (uint16_t)(extent->from->index + first_member) : extent->value;
}

// Offsets that grow while items are written: of their names, and of the members of structs among
// the items.
struct item_places {
    uint32_t name;
    size_t member;
};

static void write_item(const struct field *field, size_t first_member, struct item_places *places,
                       struct buffer *out)
{
    emit_u32(out, item_flags(field));
    if (field->in_type == EVENT_IN_STRUCT) {
        emit_u16(out, (uint16_t)places->member);
        emit_u16(out, (uint16_t)field->members.count);
        emit_u32(out, 0);
        places->member += field->members.count;
    } else {
        emit_u8(out, field->in_type);
        emit_u8(out, field->out_type);
        emit_u16(out, 0);
        emit_u32(out, field->map ? field->map->offset : 0);
    }
    emit_u16(out, extent(&field->count, first_member));
    emit_u16(out, extent(&field->length, first_member));
    emit_u32(out, places->name);
    places->name += crim_name_size(field->name);
}

// All fields, then the members of one struct after the other; their names in the same order.
static void write_items(const struct template *template, struct buffer *out)
{
    const struct list *fields = &template->fields;
    struct item_places places = {emit_offset(out) + ITEM_SIZE * (uint32_t) template->items,
                                 fields->count};
    size_t first_member = fields->count;
    for (size_t i = 0; i < fields->count; i++)
        write_item(fields->item[i], 0, &places, out);
    for (size_t i = 0; i < fields->count; i++) {
        const struct list *members = &((const struct field *)fields->item[i])->members;
        for (size_t k = 0; k < members->count; k++)
            write_item(members->item[k], first_member, &places, out);
        first_member += members->count;
    }
    for (size_t i = 0; i < fields->count; i++)
        crim_name(out, ((const struct field *)fields->item[i])->name);
    for (size_t i = 0; i < fields->count; i++) {
        const struct list *members = &((const struct field *)fields->item[i])->members;
        for (size_t k = 0; k < members->count; k++)
            crim_name(out, ((const struct field *)members->item[k])->name);
    }
}

static void write_template(struct template *template, struct buffer *out)
{
    struct guid guid;
    template_guid(template, &guid);
    uint32_t block = crim_begin(out, "TEMP", template->fields.count);
    template->offset = block;
    emit_u32(out, (uint32_t) template->items);
    uint32_t items_at = emit_offset(out);
    emit_u32(out, 0);
    emit_u32(out, TEMPLATE_EVENT_DATA);
    emit_bytes(out, guid.bytes, sizeof guid.bytes);
    binxml_fragment(template, out);
    emit_set_u32(out, items_at, emit_offset(out));
    write_items(template, out);
    crim_end(out, block);
}

uint32_t crim_templates(const struct provider *provider, struct buffer *out)
{
    uint32_t block = crim_begin(out, "TTBL", provider->templates.count);
    for (size_t i = 0; i < provider->templates.count; i++)
        write_template(provider->templates.item[i], out);
    crim_end(out, block);
    return block;
}

static void write_descriptor(const struct event_descriptor *descriptor, struct buffer *out)
{
    emit_u16(out, descriptor->id);
    emit_u8(out, descriptor->version);
    emit_u8(out, descriptor->channel);
    emit_u8(out, descriptor->level);
    emit_u8(out, descriptor->opcode);
    emit_u16(out, descriptor->task);
    emit_u64(out, descriptor->keyword);
}

static void write_event(const struct event *event, uint32_t keywords, struct buffer *out)
{
    write_descriptor(&event->descriptor, out);
    emit_u32(out, event->message.id);
    emit_u32(out, event->template ? event->template->offset : 0);
    emit_u32(out, event->opcode ? event->opcode->offset : 0);
    emit_u32(out, event->level ? event->level->offset : 0);
    emit_u32(out, event->task ? event->task->offset : 0);
    emit_u32(out, (uint32_t)event->keywords.count);
    emit_u32(out, event->keywords.count ? keywords : 0);
    emit_u32(out, event->channel ? event->channel->offset : 0);
}

uint32_t crim_events(struct manifest *manifest, const struct provider *provider, struct buffer *out)
{
    const struct list events = provider_events(&manifest->arena, provider);
    uint32_t block = crim_begin(out, "EVNT", events.count);
    emit_u32(out, 0);
    uint32_t keywords = emit_offset(out) + EVENT_SIZE * (uint32_t)events.count;
    for (size_t i = 0; i < events.count; i++) {
        const struct event *event = events.item[i];
        write_event(event, keywords, out);
        keywords += 4 * (uint32_t)event->keywords.count;
    }
    for (size_t i = 0; i < events.count; i++) {
        const struct list *list = &((const struct event *)events.item[i])->keywords;
        for (size_t k = 0; k < list->count; k++)
            emit_u32(out, ((const struct keyword *)list->item[k])->offset);
    }
    crim_end(out, block);
    return block;
}
