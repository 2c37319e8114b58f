// Windows' own change tracking of a VHDX (resilient change tracking, as Hyper-V's backups use it):
// switching it on, naming a moment, asking what was changed since. Works on files that no virtual
// machine uses, and through virtdisk only, whichever backend was chosen: STATUS_UNSUPPORTED where
// there is no virtdisk.dll that works.
#ifndef VREP_VHD_VIRTDISK_CHANGES_H
#define VREP_VHD_VIRTDISK_CHANGES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

// Switches the tracking of the VHDX `path` on or off. virtdisk keeps its notes in files beside it.
enum status virtdisk_track_changes(const char *path, bool on) MUST_CHECK;

// The name of the present moment, allocated: for virtdisk_list_changes, later. STATUS_REFUSED: the
// tracking is off.
enum status virtdisk_name_moment(const char *path, char **moment) MUST_CHECK;

// Calls `changed` for each range of the disk that was written since `moment`, ascending; false from
// it ends the list (STATUS_CANCELLED). STATUS_NOT_FOUND: that moment is not known, or no longer;
// STATUS_REFUSED: the tracking is off.
enum status virtdisk_list_changes(const char *path, const char *moment,
                                  bool (*changed)(void *context, uint64_t offset, uint64_t length),
                                  void *context) MUST_CHECK;

#endif
