// The sink events.jsonl: appends records, rotates, reads back. Not for others. Any thread.
#ifndef VREP_ETW_SINK_JSONL_H
#define VREP_ETW_SINK_JSONL_H

#include "etw/events.h"
#include "etw/log_file.h"
#include "etw/sink.h"

#define SINK_JSONL_FILE_MAX (16 * 1024 * 1024) // bytes, then the file is rotated
#define SINK_JSONL_FILES    5                  // events.jsonl and events.1.jsonl .. events.4.jsonl

struct sink_jsonl;

// Opens <folder>/events.jsonl, creating the folder. *last: RecordId of the newest record, 0 when
// there is none.
enum status sink_jsonl_open(const char *folder, struct sink_jsonl **out, uint64_t *last) MUST_CHECK;

// The sink to write to and to close.
struct event_sink *sink_jsonl_sink(struct sink_jsonl *sink);

// Opens all of the files, newest first, for reading; NULL where there is none. Together, so that a
// rotation meanwhile neither hides nor repeats a record. To be closed even after a failure.
enum status sink_jsonl_open_files(struct sink_jsonl *sink,
                                  struct log_file *file[SINK_JSONL_FILES]) MUST_CHECK;

// event_log_read; query->before is given (sink_search.c).
enum status sink_jsonl_search(struct sink_jsonl *sink, const struct event_query *query,
                              struct event_page *out) MUST_CHECK;

#endif
