// What a crash_fs recorded. Shared by crash_fs.c (records) and crash_states.c (shows states); not
// for tests themselves.
#ifndef VREP_TESTS_SUPPORT_CRASH_RECORD_H
#define VREP_TESTS_SUPPORT_CRASH_RECORD_H

#include <pthread.h>

#include "tests/support/crash_fs.h"

enum crash_kind {
    CRASH_CREATE,
    CRASH_REMOVE,
    CRASH_RENAME,
    CRASH_FLUSH,
    CRASH_WRITE,
    CRASH_ZERO,
    CRASH_SET_SIZE,
};

struct crash_operation {
    enum crash_kind kind;
    size_t file; // number of the file in the order of creation, whatever its name
    uint64_t offset;
    uint64_t length; // the new size for CRASH_SET_SIZE
    uint8_t *data;   // of CRASH_WRITE
    char *path;      // of CRASH_CREATE; the new name of CRASH_RENAME
};

// The present names of files by their numbers; NULL: removed.
struct crash_names {
    char **paths;
    size_t count;
};

struct crash_fs {
    struct file_system system; // first: the table's functions get a pointer to it
    pthread_mutex_t mutex;     // an operation and its record are one step
    struct mem_fs *start;
    struct mem_fs *now;
    struct crash_names names;
    struct crash_operation *operations;
    size_t count;
    size_t capacity;
    size_t flushes;
};

// The names of the files that a file system has, in its order.
struct crash_names crash_names_of(const struct mem_fs *fs);
void crash_names_add(struct crash_names *names, const char *path);
void crash_names_set(struct crash_names *names, size_t file, const char *path); // NULL: removed
void crash_names_free(struct crash_names *names);

// Prints the states of this crash_fs whose check did not return, if any.
void crash_states_forget(const struct crash_fs *crash);

#endif
