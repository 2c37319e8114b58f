// Locks on a file that QEMU and we respect (Linux open-file-description locks on QEMU's bytes,
// block/file-posix.c): a shared lock on byte 100+n says "I do this", one on byte 200+n says "others
// must not do this", for n below.
#ifndef VREP_VHD_FILE_OFD_LOCK_H
#define VREP_VHD_FILE_OFD_LOCK_H

#include <stdbool.h>

#include "vhd/file/file.h"

// Takes the locks that `how` asks for, on `fd`; closing the descriptor gives them back.
// STATUS_IN_USE: somebody else's locks conflict, nothing is held and nothing is recorded (see
// ofd_lock_fail). A file system without such locks is fine.
enum status ofd_lock_take(int fd, const struct file_open *how) MUST_CHECK;

// Records STATUS_IN_USE for a file that ofd_lock_take could not lock: names who holds it where the
// system tells, and what to do. Looks at other processes, so it is called once, after the last
// attempt.
enum status ofd_lock_fail(int fd, const char *path);

#endif
