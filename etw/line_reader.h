// Whole lines of an event file, and the number at their front. Not for others.
#ifndef VREP_ETW_LINE_READER_H
#define VREP_ETW_LINE_READER_H

#include <stdbool.h>

#include "base/buffer.h"
#include "etw/log_file.h"

#define LINE_READER_LINE_MAX (4 * 1024 * 1024) // longer ones are damage and are skipped

struct line_reader {
    struct log_file *file; // borrowed
    uint64_t offset;       // of the first byte in `bytes`
    size_t taken;          // bytes at the front of `bytes` that belong to the last line
    struct buffer bytes;
};

struct line {
    const char *text; // not terminated; valid until the next call
    size_t size;      // without the line break
    uint64_t offset;
};

void line_reader_begin(struct line_reader *reader, struct log_file *file, uint64_t offset);
void line_reader_end(struct line_reader *reader);

// The next whole line. *found false: none is left; what follows the last line break is torn.
enum status line_reader_next(struct line_reader *reader, struct line *line, bool *found) MUST_CHECK;

// The RecordId that the line begins with. False: the line is no record.
bool line_record_id(const struct line *line, uint64_t *id);

// The offset of a line such that every record before it has a RecordId <= `after`, and few after it
// have.
enum status line_reader_seek(struct log_file *file, uint64_t after, uint64_t *offset) MUST_CHECK;

// The greatest RecordId of the file, 0 when it has none.
enum status line_reader_last_id(struct log_file *file, uint64_t *id) MUST_CHECK;

#endif
