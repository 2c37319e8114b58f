// The few services of the operating system, other than disk files (vhd/file/file.h), that all parts
// share. Paths are UTF-8; on Windows '/' and '\\' both separate, and long paths work (\\?\ is added
// inside).
#ifndef VREP_BASE_OS_H
#define VREP_BASE_OS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#ifdef _WIN32
#define OS_PATH_SEPARATOR '\\'
#else
#define OS_PATH_SEPARATOR '/'
#endif

// The limit of a path that we accept, in bytes of UTF-8, terminator included (Windows: 32,767
// UTF-16 units).
#define OS_PATH_MAX 98304

// Fills `size` bytes from the system's cryptographic generator.
enum status os_random(void *buffer, size_t size) MUST_CHECK;

// This host's name, UTF-8, allocated; caller frees.
enum status os_host_name(char **out) MUST_CHECK;

uint32_t os_process_id(void);

// What memory for the data of a disk is aligned to: unbuffered access wants it, and the system's
// own copies to a less aligned place take half as long again.
#define OS_DATA_ALIGNMENT 4096u

// `size` bytes for the data of a disk, aligned so. NULL: out of memory. Freed by os_free_data.
void *os_alloc_data(size_t size);

// `data`: of os_alloc_data, or NULL.
void os_free_data(void *data);

// The folder that holds this program, for finding data beside it. Allocated; caller frees.
enum status os_program_folder(char **out) MUST_CHECK;

// The absolute form of `path` against the current folder, "." and ".." and (Windows) '/' resolved
// textually. Names that are not valid Unicode are refused (STATUS_INVALID_ARGUMENT). Allocated;
// caller frees.
enum status os_absolute_path(const char *path, char **out) MUST_CHECK;

bool os_path_is_absolute(const char *path);

// Pointer into `path` at its last component.
const char *os_path_base_name(const char *path);

// `folder` + separator + `name`; allocated, caller frees. NULL when out of memory.
char *os_path_join(const char *folder, const char *name);

// The folder part of `path` ("/" or "C:\" for a root, "." when there is none). Allocated; NULL when
// out of memory.
char *os_path_folder(const char *path);

// Creates a folder and its missing parents. `private_to_owner`: POSIX mode 0700; on Windows a
// protected DACL for SYSTEM and Administrators on the folders that it creates. An existing folder
// is fine.
enum status os_make_folders(const char *path, bool private_to_owner) MUST_CHECK;

// Calls `each` with the name of every entry of a folder except "." and "..", unordered, until it
// returns false. Names that are not valid Unicode are left out: nothing of ours has one.
enum status os_list_folder(const char *path, bool (*each)(void *context, const char *name),
                           void *context) MUST_CHECK;

bool os_file_exists(const char *path);

// How administrators call the volume that holds `path`, which exists: "D:", or the folder where it
// is mounted. Allocated; caller frees.
enum status os_volume_name(const char *path, char **out) MUST_CHECK;

// Makes the name `path` stable after it was created, removed or renamed: flushes the folder that
// holds it.
enum status os_flush_folder_of(const char *path) MUST_CHECK;

// Removes a file and flushes its folder. A missing file is STATUS_NOT_FOUND. Windows: retried for 5
// s while a scanner holds the file.
enum status os_remove_file(const char *path) MUST_CHECK;

// Removes an empty folder and flushes the one that holds it. A missing one is STATUS_NOT_FOUND.
// Windows: retried for 5 s while a scanner holds it.
enum status os_remove_folder(const char *path) MUST_CHECK;

// Reads a whole file of at most `limit` bytes (larger: STATUS_DAMAGED). *data is allocated, one
// zero byte past *size.
enum status os_read_file(const char *path, size_t limit, char **data, size_t *size) MUST_CHECK;

// Replaces a file so that a crash leaves the old or the new contents, never a mixture: writes
// "<path>.new", flushes, renames, flushes the folder (Windows: MoveFileExW
// REPLACE_EXISTING|WRITE_THROUGH, retried for 5 s while a scanner holds the target).
enum status os_replace_file(const char *path, const void *data, size_t size) MUST_CHECK;

// The same for a file that other programs read: everybody who may read its folder may read it, too
// (POSIX: mode 0644; Windows: as the folder says).
enum status os_publish_file(const char *path, const void *data, size_t size) MUST_CHECK;

// Writes text to standard output or error; on Windows converts to the console's UTF-16, or writes
// UTF-8 bytes unchanged (binary mode) when redirected.
void os_print(bool to_stderr, const char *utf8);

// True when standard output is a terminal.
bool os_stdout_is_terminal(void);

// Replaces main's arguments by UTF-8 ones (Windows: from the command line) and prepares the console
// and the binary mode of the standard streams. Call first in main. STATUS_INVALID_ARGUMENT: an
// argument is not valid Unicode.
enum status os_arguments(int *argc, char ***argv) MUST_CHECK;

#endif
