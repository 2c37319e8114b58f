// What the suite of the door shares: the backend that runs, a temporary folder, disks of every
// kind, and where the backends may differ.
//
// A test says what the door promises, with the same bytes and the same error numbers whichever
// backend works. Where a backend may do otherwise, the test asks door_may(); the table in
// differences.c is the only place that knows which backend that is.
#ifndef VREP_TESTS_DOOR_SUPPORT_DOOR_H
#define VREP_TESTS_DOOR_SUPPORT_DOOR_H

#include "tests/support/test.h"

#include <string.h>

#include "vhd/errors.h"
#include "vhd/vhd.h"

#define KIB       (1ull << 10)
#define MIB       (1ull << 20)
#define DISK_SIZE (8 * MIB)

enum door_difference {
    // vhd_zero takes room: the map says DATA afterwards, though zeros are read.
    DOOR_ZERO_ALLOCATES,
    // The map calls more than what was written DATA (64 KiB around it).
    DOOR_MAP_IS_COARSE,
    // The information of an open disk is that of its opening, also after it was written.
    DOOR_INFO_IS_OLD,
    // A differencing disk is not written without its parents.
    DOOR_NOT_ALONE,
    // vhd_parent gives nothing.
    DOOR_PARENT_IS_HIDDEN,
    // Disks below 3 MiB are not made.
    DOOR_NOT_TINY,
    // A disk that is held for writing cannot be read by others, whatever it was opened with.
    DOOR_WRITER_EXCLUDES,
    // vhd_compact need not make the file smaller.
    DOOR_COMPACTS_LESS,
};

// Whether the backend that runs may differ in this.
bool door_may(enum door_difference difference);

// Group set-up and tear-down: chooses the backend that the environment variable VREP_BACKEND names
// ("native", "virtdisk"), and ends with proof that nothing was left open and no rule of virtdisk's
// was broken.
int door_start(void **state);
int door_end(void **state);

// A kind of disk.
struct door_kind {
    const char *name; // of the file; the extension tells the format to people
    enum vhd_format format;
    enum vhd_type type;
    uint32_t sector_size;
    uint32_t block_size; // as vhd_create takes it
};

extern const struct door_kind door_kinds[];
extern const size_t door_kind_count;

// `name` in a new empty folder of its own, or in the folder of `beside`. Valid until door_end.
const char *door_path(const char *name);
const char *door_beside(const char *beside, const char *name);

// Makes a disk of this kind and size; its path.
const char *door_create(const struct door_kind *kind, uint64_t size);

// Makes a child of `parent` beside it.
const char *door_child(const char *parent, const char *name);

struct vhd *door_open(const char *path, bool writable);

// Opens it, expecting a failure.
void door_refuses(const char *path, bool writable, enum status status, uint32_t code);

void door_close(struct vhd *disk);

// Writes `length` bytes of a pattern that depends on `seed` and on the place.
void door_fill(struct vhd *disk, uint64_t offset, uint64_t length, uint32_t seed);

// The pattern is there, or zeros.
void door_expect(struct vhd *disk, uint64_t offset, uint64_t length, uint32_t seed);
void door_expect_zeros(struct vhd *disk, uint64_t offset, uint64_t length);

// Opens `path`, fills, flushes and closes it; and the reverse.
void door_fill_file(const char *path, uint64_t offset, uint64_t length, uint32_t seed);
void door_expect_file(const char *path, uint64_t offset, uint64_t length, uint32_t seed);

// Digest of everything that a reader sees of a disk; of a file's bytes.
uint64_t door_contents(const char *path);
uint64_t door_file_bytes(const char *path);

void door_info(const char *path, struct vhd_info *info);

// Changes bytes of a file behind the door's back.
void door_patch(const char *path, uint64_t offset, const void *bytes, size_t size);

// `actual` is `expected`, with this code of virtdisk's (0: any that is not virtdisk's).
#define assert_failure(actual, expected, code)               \
    do {                                                     \
        assert_status(actual, expected);                     \
        door_assert_code(code, #actual, __FILE__, __LINE__); \
    } while (0)
void door_assert_code(uint32_t code, const char *what, const char *file, int line);

#endif
