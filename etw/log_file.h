// A file that is only appended to and read: what lies under the JSON-lines sink. Others may read,
// rename and delete the file meanwhile. Not thread-safe.
#ifndef VREP_ETW_LOG_FILE_H
#define VREP_ETW_LOG_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct log_file;

// Opens for appending; creates the file when it is missing.
enum status log_file_open_append(const char *path, struct log_file **out) MUST_CHECK;

// Opens for reading. STATUS_NOT_FOUND.
enum status log_file_open_read(const char *path, struct log_file **out) MUST_CHECK;

enum status log_file_size(struct log_file *file, uint64_t *size) MUST_CHECK;

// Appends with one write. After a failure a part of `data` may be in the file.
enum status log_file_append(struct log_file *file, const void *data, size_t size) MUST_CHECK;

// Reads up to `size` bytes; fewer only at the end of the file.
enum status log_file_read(struct log_file *file, uint64_t offset, void *data, size_t size,
                          size_t *got) MUST_CHECK;

// Waits until the file's contents are on the disk, as far as the system can do it.
void log_file_flush(struct log_file *file);

void log_file_close(struct log_file *file); // NULL is fine

// Renames, replacing `to`. STATUS_NOT_FOUND: there is no `from`.
enum status log_file_rename(const char *from, const char *to) MUST_CHECK;

#endif
