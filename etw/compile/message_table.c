#include "etw/compile/message_table.h"

#include <string.h>

#include "base/utf.h"
#include "etw/compile/emit.h"

#define ENTRY_HEADER_SIZE 4
#define FLAG_UNICODE      1
#define BLOCK_SIZE        12

// A lone line feed becomes a carriage return and a line feed; a pair stays.
static size_t line_feeds(const char *text)
{
    size_t count = 0;
    for (const char *c = text; *c; c++)
        count += *c == '\n' && (c == text || c[-1] != '\r');
    return count;
}

size_t message_entry_size(const char *text)
{
    static const size_t end = 3; // CR, LF, zero
    size_t units = utf8_utf16_length(text, strlen(text)) + line_feeds(text) + end;
    return (ENTRY_HEADER_SIZE + 2 * units + 3) / 4 * 4;
}

static void write_entry(struct arena *arena, const char *text, struct buffer *out)
{
    char *lines = arena_alloc(arena, 2 * strlen(text) + 1);
    char *to = lines;
    for (const char *c = text; *c; c++) {
        if (*c == '\n' && (c == text || c[-1] != '\r'))
            *to++ = '\r';
        *to++ = *c;
    }
    emit_u16(out, (uint16_t)message_entry_size(text));
    emit_u16(out, FLAG_UNICODE);
    emit_utf16(out, lines);
    emit_utf16(out, "\r\n");
    emit_u16(out, 0);
    emit_padding(out, 4);
}

static bool begins_block(const struct list *messages, size_t index)
{
    return index == 0 || ((const struct message *)messages->item[index])->id !=
                             ((const struct message *)messages->item[index - 1])->id + 1;
}

// Blocks of consecutive ids first: lowest, highest, offset of the first entry.
void message_table_write(struct manifest *manifest, const struct culture *culture,
                         struct buffer *out)
{
    const struct list messages = manifest_first_uses(manifest);
    size_t blocks = 0;
    for (size_t i = 0; i < messages.count; i++)
        blocks += begins_block(&messages, i);
    emit_u32(out, (uint32_t)blocks);
    uint32_t entry = 4 + (uint32_t)blocks * BLOCK_SIZE;
    for (size_t i = 0; i < messages.count; i++) {
        const struct message *message = messages.item[i];
        if (begins_block(&messages, i)) {
            emit_u32(out, message->id);
            emit_u32(out, message->id);
            emit_u32(out, entry);
        }
        emit_set_u32(out, emit_offset(out) - 8, message->id); // the highest so far
        entry += (uint32_t)message_entry_size(culture_text(culture, message->string));
    }
    for (size_t i = 0; i < messages.count; i++)
        write_entry(&manifest->arena,
                    culture_text(culture, ((const struct message *)messages.item[i])->string), out);
}
