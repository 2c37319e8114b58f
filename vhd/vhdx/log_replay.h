// Finding the active sequence of a log and replaying it ([MS-VHDX] 2.3.2, 2.3.3).
#ifndef VREP_VHD_VHDX_LOG_REPLAY_H
#define VREP_VHD_VHDX_LOG_REPLAY_H

#include "vhd/vhdx/header.h"
#include "vhd/vhdx/view.h"

// Lays the log that the current header names over `view`, which is then what a reader must see; the
// file stays as it is. STATUS_DAMAGED: no valid sequence, a truncated file, or entries that write
// where a log must not.
enum status vhdx_log_replay_to_view(struct vhdx_view *view,
                                    const struct vhdx_header *header) MUST_CHECK;

// Replays into the file, which is open for writing: FileWriteGuid changes first, the replayed data
// is stable before the headers drop the log, DataWriteGuid stays. Errors as above; the file can be
// replayed again after any failure.
enum status vhdx_log_replay_to_file(struct vhdx_view *view,
                                    struct vhdx_headers *headers) MUST_CHECK;

#endif
