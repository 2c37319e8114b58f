// A virtual disk's content as it must be: changed together with the disk, compared with what the
// disk reads.
#ifndef VREP_TESTS_SUPPORT_SHADOW_H
#define VREP_TESTS_SUPPORT_SHADOW_H

#include "tests/support/random.h"
#include "vhd/vhd.h"

struct shadow {
    uint8_t *bytes; // `size` of them
    uint64_t size;
    uint32_t sector_size;
};

// All zeros. For disks of some MiB: the content is held in memory.
struct shadow *shadow_new(uint64_t size, uint32_t sector_size);
struct shadow *shadow_clone(const struct shadow *from);
void shadow_free(struct shadow *shadow);

// Writes or zeroes a range, chosen by `r`, in the shadow alone: at most `longest` bytes, whole
// sectors. What was chosen is applied to the disk with shadow_apply, as often as wanted.
struct shadow_change {
    uint64_t offset;
    uint64_t length;
    bool zero;
};
struct shadow_change shadow_change(struct shadow *shadow, struct random *r, uint64_t longest);
enum status shadow_apply(const struct shadow *shadow, const struct shadow_change *change,
                         struct vhd *disk) MUST_CHECK;

// Both at once; the disk's failure fails the test.
void shadow_change_disk(struct shadow *shadow, struct random *r, uint64_t longest,
                        struct vhd *disk);

// The disk must have the shadow's size and content, and its map must be true and complete. False:
// where it was first different is printed.
bool shadow_equals(const struct shadow *shadow, struct vhd *disk) MUST_CHECK;

#endif
