// A chain of disk files beside a model of what it must hold: each layer's content as plain bytes.
// For tests that do many things to a disk and compare at the end. Everything that goes wrong ends
// the program, after it said how to repeat the run.
//
//     struct layered_disk *d = layered_disk_new(&how, folder);
//     layered_disk_open(d, true);
//     layered_disk_write(d, offset, data, length);
//     layered_disk_close(d);
//     layered_disk_verify(d);
#ifndef VREP_TESTS_SUPPORT_LAYERED_DISK_H
#define VREP_TESTS_SUPPORT_LAYERED_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vhd/vhd.h"

#define LAYERS_MAX 5

struct layer {
    char *path;
    uint8_t *model; // `capacity` bytes; what lies past `size` is zero
    uint64_t size;  // of the virtual disk
};

struct layered_disk {
    struct vhd_create how; // of the base
    uint64_t capacity;     // the largest size that the disk may be given
    const char *folder;
    struct layer layers[LAYERS_MAX]; // the base first
    unsigned depth;
    unsigned children;  // made so far
    struct vhd *disk;   // the open leaf, NULL while closed
    char doing[256];    // what is being done, for failures
    const char *repeat; // how to repeat the run, for failures
};

// Creates the base in `folder`. `repeat` is kept.
struct layered_disk *layered_disk_new(const struct vhd_create *how, uint64_t capacity,
                                      const char *folder, const char *repeat);

// Closes without writing; the files stay.
void layered_disk_free(struct layered_disk *d);

static inline struct layer *layered_disk_leaf(struct layered_disk *d)
{
    return &d->layers[d->depth - 1];
}

// Says what is wrong and how to repeat it, and ends the program.
_Noreturn void layered_disk_die(const struct layered_disk *d, const char *format, ...)
    PRINTF_LIKE(2, 3);

// Ends the program unless `status` is STATUS_OK.
void layered_disk_must(const struct layered_disk *d, enum status status);

void layered_disk_open(struct layered_disk *d, bool writable);
void layered_disk_close(struct layered_disk *d);

// Of the open leaf and of its model.
void layered_disk_write(struct layered_disk *d, uint64_t offset, const void *data, size_t length);
void layered_disk_zero(struct layered_disk *d, uint64_t offset, uint64_t length);

// The open leaf must read as its model says, and its map must not call data zero.
void layered_disk_read(struct layered_disk *d, uint64_t offset, size_t length);
void layered_disk_map(struct layered_disk *d, uint64_t offset);

// The closed disk: all of the leaf is read and mapped.
void layered_disk_verify(struct layered_disk *d);

// `check` must find no problem in any file of the closed disk.
void layered_disk_check(struct layered_disk *d);

// The closed disk gets a child, whose content is its parent's.
void layered_disk_add_child(struct layered_disk *d);

// The closed disk, which has no parent or is a VHDX, gets another size, at most `capacity`. Cutting
// off data must be refused unless `unsafe`; false when it was.
bool layered_disk_resize(struct layered_disk *d, uint64_t size, bool unsafe);

// The files of the `levels` uppermost layers of the closed disk, which were merged, are deleted;
// what the leaf held is now the content of the layer below them.
void layered_disk_drop(struct layered_disk *d, unsigned levels);

#endif
