// The sink events.jsonl: appends records, rotates, reads back. Not for others. Any thread.
#ifndef VREP_ETW_SINK_JSONL_H
#define VREP_ETW_SINK_JSONL_H

#include <jansson.h>

#include "base/status.h"

#define SINK_JSONL_FILE_MAX (16 * 1024 * 1024) // bytes, then the file is rotated
#define SINK_JSONL_FILES    5                  // events.jsonl and events.1.jsonl .. events.4.jsonl

struct sink_jsonl;

// Opens <folder>/events.jsonl, creating the folder. *last: RecordId of the newest record, 0 when
// there is none.
enum status sink_jsonl_open(const char *folder, struct sink_jsonl **out, uint64_t *last) MUST_CHECK;
void sink_jsonl_close(struct sink_jsonl *sink); // NULL is fine

// Appends one record. After a failure the next append starts a line of its own.
enum status sink_jsonl_append(struct sink_jsonl *sink, const json_t *record) MUST_CHECK;

// Adds to the array `out` the records with RecordId > `after`, oldest first, at most `limit`.
enum status sink_jsonl_read(struct sink_jsonl *sink, uint64_t after, size_t limit,
                            json_t *out) MUST_CHECK;

#endif
