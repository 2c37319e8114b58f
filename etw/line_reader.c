#include "etw/line_reader.h"

#include <string.h>

#include "base/checked.h"
#include "etw/record_json.h"

#define CHUNK       (16 * 1024)
#define SEEK_ENOUGH (64 * 1024)  // a range so short is read through instead of halved again
#define TAIL_FIRST  (256 * 1024) // the newest records are here, unless the end is damaged

void line_reader_begin(struct line_reader *reader, struct log_file *file, uint64_t offset)
{
    *reader = (struct line_reader){.file = file, .offset = offset};
}

void line_reader_end(struct line_reader *reader)
{
    buffer_free(&reader->bytes);
}

static void drop(struct line_reader *reader, size_t size)
{
    buffer_consume(&reader->bytes, size);
    reader->offset += size;
}

static enum status fill(struct line_reader *reader, size_t *got)
{
    struct buffer *bytes = &reader->bytes;
    enum status s = buffer_reserve(bytes, CHUNK);
    if (s == STATUS_OK)
        s = log_file_read(reader->file, reader->offset + bytes->size, bytes->data + bytes->size,
                          CHUNK, got);
    if (s == STATUS_OK)
        bytes->size += *got;
    return s;
}

enum status line_reader_next(struct line_reader *reader, struct line *line, bool *found)
{
    drop(reader, reader->taken);
    reader->taken = 0;
    size_t searched = 0;
    bool too_long = false;
    for (;;) {
        struct buffer *bytes = &reader->bytes;
        const uint8_t *end = bytes->size > searched
                                 ? memchr(bytes->data + searched, '\n', bytes->size - searched)
                                 : NULL;
        if (end) {
            size_t size = (size_t)(end - bytes->data);
            if (!too_long) {
                *line = (struct line){(const char *)bytes->data, size, reader->offset};
                reader->taken = size + 1;
                *found = true;
                return STATUS_OK;
            }
            drop(reader, size + 1);
            too_long = false;
            searched = 0;
            continue;
        }
        if (bytes->size > LINE_READER_LINE_MAX) {
            drop(reader, bytes->size);
            too_long = true;
        }
        searched = bytes->size;
        size_t got;
        enum status s = fill(reader, &got);
        if (s != STATUS_OK)
            return s;
        if (got == 0) {
            *found = false;
            return STATUS_OK;
        }
    }
}

bool line_record_id(const struct line *line, uint64_t *id)
{
    static const char front[] = "{\"" EVENT_RECORD_ID "\":";
    size_t at = sizeof front - 1;
    if (line->size <= at || memcmp(line->text, front, at) != 0)
        return false;
    uint64_t value = 0;
    size_t first = at;
    for (; at < line->size && line->text[at] >= '0' && line->text[at] <= '9'; at++) {
        if (multiply_overflows(value, 10, &value) ||
            add_overflows(value, (uint64_t)(line->text[at] - '0'), &value))
            return false;
    }
    if (at == first || at == line->size || line->text[at] != ',')
        return false;
    *id = value;
    return true;
}

// The first record whose line begins after `from` and before `limit`.
static enum status first_record(struct log_file *file, uint64_t from, uint64_t limit,
                                uint64_t *offset, uint64_t *id, bool *found)
{
    struct line_reader reader;
    struct line line;
    bool more;
    line_reader_begin(&reader, file, from);
    enum status s = line_reader_next(&reader, &line, &more); // the rest of a line
    *found = false;
    while (s == STATUS_OK && more && !*found) {
        s = line_reader_next(&reader, &line, &more);
        if (s != STATUS_OK || !more || line.offset >= limit)
            break;
        *found = line_record_id(&line, id);
        *offset = line.offset;
    }
    line_reader_end(&reader);
    return s;
}

enum status line_reader_seek(struct log_file *file, uint64_t after, uint64_t *offset)
{
    uint64_t low = 0; // begin of a line; no record before it is wanted
    uint64_t high;    // every record after it is wanted
    enum status s = log_file_size(file, &high);
    while (s == STATUS_OK && high - low > SEEK_ENOUGH) {
        uint64_t middle = low + (high - low) / 2;
        uint64_t at, id;
        bool found;
        s = first_record(file, middle, high, &at, &id, &found);
        if (s == STATUS_OK && found && id <= after)
            low = at;
        else
            high = middle;
    }
    if (s == STATUS_OK)
        *offset = low;
    return s;
}

static enum status greatest_id(struct log_file *file, uint64_t from, uint64_t *id)
{
    struct line_reader reader;
    struct line line;
    bool more;
    line_reader_begin(&reader, file, from);
    enum status s = line_reader_next(&reader, &line, &more);
    while (s == STATUS_OK && more) {
        uint64_t value;
        if (line_record_id(&line, &value))
            *id = max_u64(*id, value);
        s = line_reader_next(&reader, &line, &more);
    }
    line_reader_end(&reader);
    return s;
}

enum status line_reader_last_id(struct log_file *file, uint64_t *id)
{
    uint64_t size;
    uint64_t last = 0;
    enum status s = log_file_size(file, &size);
    if (s == STATUS_OK && size > TAIL_FIRST)
        s = greatest_id(file, size - TAIL_FIRST, &last);
    if (s == STATUS_OK && last == 0)
        s = greatest_id(file, 0, &last);
    if (s == STATUS_OK)
        *id = last;
    return s;
}
