// A file system in memory, as struct file_system: the ground under crash_fs, and fast files for any
// other test. Files are sparse (4 KiB pages), so that one of many GiB costs what was written to it.
// Copies share their pages. Share modes are enforced as on Windows; names are compared byte by byte
// and there are no folders. Functions that cannot be undone (no memory) abort: this is for tests
// only.
//
//     struct mem_fs *fs = mem_fs_new();
//     vhd_create(mem_fs_system(fs), "disk.vhdx", ...);
//     mem_fs_free(fs);
#ifndef VREP_TESTS_SUPPORT_MEM_FS_H
#define VREP_TESTS_SUPPORT_MEM_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vhd/file/file.h"

struct mem_fs;

// An empty file system. Thread-safe as a whole; a struct file belongs to one thread at a time, as
// always.
struct mem_fs *mem_fs_new(void);

// A copy that shares all pages until either writes to them: cost in proportion to the MiBs in use,
// not to the bytes. Files that are open in `from` are closed in the copy. A file system and its
// copies belong to one thread.
struct mem_fs *mem_fs_clone(const struct mem_fs *from);

// All files must have been closed.
void mem_fs_free(struct mem_fs *fs);

// The table to hand to the code under test; valid as long as `fs`.
const struct file_system *mem_fs_system(struct mem_fs *fs);

// How many bytes all files together may take (whole pages; holes take none, what `reserve` took
// does). Beyond that, operations fail with STATUS_NO_SPACE. UINT64_MAX, the start value: no limit.
void mem_fs_set_capacity(struct mem_fs *fs, uint64_t bytes);

// Bytes that all files take now.
uint64_t mem_fs_used(const struct mem_fs *fs);

// Creates a file with these contents, or replaces one that nobody has open.
void mem_fs_put(struct mem_fs *fs, const char *path, const void *data, size_t size);

// Copies a file of the operating system in, holes as holes.
enum status mem_fs_import(struct mem_fs *fs, const char *os_path, const char *path) MUST_CHECK;

// Copies a file out, e.g. to show it to qemu-img. `os_path` must not exist.
enum status mem_fs_export(const struct mem_fs *fs, const char *path,
                          const char *os_path) MUST_CHECK;

bool mem_fs_has(const struct mem_fs *fs, const char *path);

// The size of a file that exists.
uint64_t mem_fs_size(const struct mem_fs *fs, const char *path);

// Reads from a file that exists, without opening it; past its end come zeros.
void mem_fs_peek(const struct mem_fs *fs, const char *path, uint64_t offset, void *buffer,
                 size_t size);

// Changes bytes of a file that exists, behind the back of whoever has it open; extends it.
void mem_fs_poke(struct mem_fs *fs, const char *path, uint64_t offset, const void *data,
                 size_t size);

// The same for set_size and zero.
void mem_fs_resize(struct mem_fs *fs, const char *path, uint64_t size);
void mem_fs_clear(struct mem_fs *fs, const char *path, uint64_t offset, uint64_t length);

// True when the files exist and have equal sizes and contents; holes equal zeros. Fast for copies,
// which share pages.
bool mem_fs_equal(const struct mem_fs *a, const char *path_a, const struct mem_fs *b,
                  const char *path_b);

// Calls `each` with the name of every file, in the order of creation.
void mem_fs_each(const struct mem_fs *fs, void (*each)(void *context, const char *path),
                 void *context);

#endif
