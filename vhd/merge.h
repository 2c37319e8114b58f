// What vhd/merge.c and vhd/merge_plan.c share. Not for other folders.
#ifndef VREP_VHD_MERGE_H
#define VREP_VHD_MERGE_H

#include "vhd/chain.h"

// Opens `child_path` with its whole chain for reading: finds its parent and proves that the linkage
// holds, before anything is opened for writing. Refuses what cannot be merged.
enum status vhd_merge_open_reader(const char *child_path, const struct file_system *fs,
                                  struct vhd **child) MUST_CHECK;

// The path of the parent that `child_path` opens with, allocated, after the same proof; nothing
// stays open.
enum status vhd_merge_find_parent(const char *child_path, const struct file_system *fs,
                                  char **parent_path) MUST_CHECK;

// Adds up what vhd_merge will copy: bytes of DATA and ZERO extents of the leaf.
enum status vhd_merge_measure(struct vhd *child, uint64_t *bytes) MUST_CHECK;

#endif
