// What the sectors of a virtual disk may hold after a power cut. Every write through the model
// fills its sectors with a pattern that names the write, so that a sector tells which write it
// comes from. A sector may hold what it held at the last flush that was promised, or what any later
// write put there; never a mixture, never anything else.
//
//     struct disk_model *model = disk_model_new(size, 512);
//     disk_model_write(model, disk, offset, length);      // several
//     vhd_flush(disk);
//     disk_model_promise(model, crash_fs_operations(crash));
//     ...
//     disk_model_violations(model, disk, at->operations); // 0 in every state
#ifndef VREP_TESTS_SUPPORT_DISK_MODEL_H
#define VREP_TESTS_SUPPORT_DISK_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vhd/vhd.h"

struct disk_model;

// A disk of zeros.
struct disk_model *disk_model_new(uint64_t size, uint32_t sector_size);

void disk_model_free(struct disk_model *model);

// Does it to `disk` and remembers it; a failure of the disk is returned, and the write counts as
// one that may be there.
enum status disk_model_write(struct disk_model *model, struct vhd *disk, uint64_t offset,
                             uint64_t length) MUST_CHECK;
enum status disk_model_zero(struct disk_model *model, struct vhd *disk, uint64_t offset,
                            uint64_t length) MUST_CHECK;

// All that was written before is promised to whoever looks after `operations` operations.
void disk_model_promise(struct disk_model *model, size_t operations);

// Reads all of `disk` and returns how many sectors hold what they may not after a cut at
// `operations` (SIZE_MAX: no cut, everything promised counts). Prints the first.
uint64_t disk_model_violations(const struct disk_model *model, struct vhd *disk, size_t operations);

#endif
