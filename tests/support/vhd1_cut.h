// What must hold of a VHD after a power cut: it opens, for reading and for writing; its contents
// are allowed; a check finds nothing that a repair would not mend; and the recovery, which is
// making both footers good, may be cut as well.
#ifndef VREP_TESTS_SUPPORT_VHD1_CUT_H
#define VREP_TESTS_SUPPORT_VHD1_CUT_H

#include "tests/support/crash_fs.h"
#include "tests/support/disk_model.h"

struct vhd1_cut {
    const char *path;
    // How many sectors of the open disk hold what they may not after a cut at `operations`.
    uint64_t (*violations)(void *context, struct vhd *disk, size_t operations);
    void *context;
    size_t recovery_stride; // every how many states the recovery is cut too; 0: never
};

// For disks whose contents a struct disk_model knows: the context of a struct vhd1_cut.
uint64_t vhd1_cut_model_violations(void *model, struct vhd *disk, size_t operations);

// For crash_fs_each_state, with a struct vhd1_cut as context.
void vhd1_cut_check(void *cut, const struct crash_state *at, struct mem_fs *state);

// Shows all states of `crash` to vhd1_cut_check, at most `states_max` at each point, and prints how
// many there were.
void vhd1_cut_everywhere(const struct crash_fs *crash, const struct vhd1_cut *cut,
                         size_t states_max);

#endif
