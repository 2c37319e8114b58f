// Who records the writes to a primary's disk between resynchronizations.
//
// Here is the one for a disk that nobody serves and nobody records (offline.c): it cannot say what
// was written, but it can tell whether anything was, from the disk's identity. "Replicating" then
// claims only this: the disk has not changed since the last replication.
#ifndef VREP_SERVICE_TRACK_TRACKER_H
#define VREP_SERVICE_TRACK_TRACKER_H

#include "vhd/vhd.h"

enum tracker_finding {
    TRACKER_UNCHANGED, // nobody wrote the disk since its identity was saved
    TRACKER_CHANGED,
    TRACKER_UNKNOWN, // the disk is held, missing or unreadable; failure recorded
};

// Looks at a disk at rest. Opens it with full sharing and without retries, so that nobody who wants
// to use the disk is disturbed. May block for as long as the disk blocks. *now: the identity found
// (untouched when unknown); *file: which file it is.
enum tracker_finding offline_look(const struct file_system *fs, const char *path,
                                  const struct vhd_identity *saved, struct vhd_identity *now);

// STATUS_OK when nobody holds the disk, so that a resynchronization could; else why not
// (STATUS_IN_USE, STATUS_NOT_FOUND, ...). Holds it for an instant, without retries. May block for
// as long as the disk blocks.
enum status offline_is_free(const struct file_system *fs, const char *path) MUST_CHECK;

#endif
