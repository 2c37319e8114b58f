// Random changes of a disk and of its model: writes and zeros of whole sectors, anywhere.
#ifndef VREP_TESTS_SUPPORT_DISK_CHANGE_H
#define VREP_TESTS_SUPPORT_DISK_CHANGE_H

#include "tests/support/disk_model.h"
#include "tests/support/random.h"

#define DISK_CHANGE_ZERO_PERCENT 25

// One change of at most `longest` bytes.
static inline enum status disk_change(struct disk_model *model, struct vhd *disk, struct random *r,
                                      uint64_t longest)
{
    struct vhd_info info;
    vhd_get_info(disk, &info);
    uint64_t sectors = info.virtual_size / info.logical_sector_size;
    uint64_t first = random_below(r, sectors);
    uint64_t most = longest / info.logical_sector_size;
    uint64_t count = 1 + random_below(r, most < sectors - first ? most : sectors - first);
    uint64_t offset = first * info.logical_sector_size;
    uint64_t length = count * info.logical_sector_size;
    return random_chance(r, DISK_CHANGE_ZERO_PERCENT)
               ? disk_model_zero(model, disk, offset, length)
               : disk_model_write(model, disk, offset, length);
}

// True when `disk` holds exactly what was written through `model` last.
static inline bool disk_is_exact(struct disk_model *model, struct vhd *disk)
{
    disk_model_promise(model, 0);
    return disk_model_violations(model, disk, SIZE_MAX) == 0;
}

#endif
