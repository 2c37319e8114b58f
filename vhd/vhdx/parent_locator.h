// What the locator of a child of ours says of its parent ([MS-VHDX] 2.6.2.6.3).
#ifndef VREP_VHD_VHDX_PARENT_LOCATOR_H
#define VREP_VHD_VHDX_PARENT_LOCATOR_H

#include "vhd/vhdx/locator.h"

// Fills a locator for a new child as Windows does (docs/formats.md): parent_linkage,
// absolute_win32_path, relative_path, volume_path (where the system has volume names),
// parent_linkage2 zero.
enum status vhdx_parent_locator_build(const char *child, const char *parent,
                                      const struct guid *linkage,
                                      struct vhdx_locator *out) MUST_CHECK;

// Corrects what the locator of the disk `child` says of where its parent is, now that it was found
// at `parent`. A path of another kind of system ("C:\..." on Linux) stays as it is. *changed: the
// locator is not as it was.
enum status vhdx_parent_locator_refresh(const char *child, const char *parent,
                                        struct vhdx_locator *locator, bool *changed) MUST_CHECK;

#endif
