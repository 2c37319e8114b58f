// What the file tables of all systems share. Not for other folders than vhd/file and tests.
#ifndef VREP_VHD_FILE_COMMON_H
#define VREP_VHD_FILE_COMMON_H

#include "vhd/file/file.h"

// STATUS_INVALID_ARGUMENT when [offset, offset + length) is beyond what a file can hold.
enum status file_check_range(const struct file *file, uint64_t offset, uint64_t length) MUST_CHECK;

// A read found the end of the file: STATUS_DAMAGED.
enum status file_fail_short(struct file *file, uint64_t offset, size_t size);

// The bytes from `offset` to the end of the file, at least one.
enum status file_rest(struct file *file, uint64_t offset, uint64_t *length) MUST_CHECK;

// Prepares the zeroing of [offset, offset + length): extends the file where that reaches past its
// end. *inside: how much of it lay in the file before, from `offset` on.
enum status file_extend_for_zero(struct file *file, uint64_t offset, uint64_t length,
                                 uint64_t *inside) MUST_CHECK;

enum status file_write_zeros(struct file *file, uint64_t offset, uint64_t length) MUST_CHECK;

// Of struct file_system, for the operating system's files.
enum status file_os_remove(const struct file_system *fs, const char *path) MUST_CHECK;
bool file_os_exists(const struct file_system *fs, const char *path);

#endif
