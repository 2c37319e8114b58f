// Failing disks. Wraps any file system and fails chosen calls, so that a test can fail the first,
// the second, ... call of an operation until it goes through:
//
//     for (uint64_t nth = 1;; nth++) {
//         struct fault_fs *fault = fault_fs_new(under);
//         fault_fs_arm(fault, FAULT_ANY, nth, STATUS_IO, false);
//         enum status s = operation(fault_fs_system(fault));
//         bool fired = fault_fs_fired(fault);
//         fault_fs_free(fault);
//         if (!fired)
//             break;                       // the operation needs fewer calls: it went through
//         assert_int_equal(s, STATUS_IO);  // or STATUS_OK where the failure does not matter
//         ... what must hold after a failure
//     }
#ifndef VREP_TESTS_SUPPORT_FAULT_FS_H
#define VREP_TESTS_SUPPORT_FAULT_FS_H

#include <stdbool.h>
#include <stdint.h>

#include "vhd/file/file.h"

// Kinds of calls, to be added up.
enum fault_kind {
    FAULT_READ = 1,
    FAULT_WRITE = 2, // write and zero; the first half (whole sectors) of a failed write is written
                     // nevertheless
    FAULT_FLUSH = 4, // nothing is flushed
    FAULT_SET_SIZE = 8,
    FAULT_RESERVE = 16,
    FAULT_OPEN = 32,  // open and create
    FAULT_NAMES = 64, // remove and rename
    FAULT_LOOK = 128, // size, extent, identify, write_time, free_space
    FAULT_CHANGE = FAULT_WRITE | FAULT_FLUSH | FAULT_SET_SIZE | FAULT_RESERVE | FAULT_NAMES,
    FAULT_ANY = 255,
};

struct fault_fs;

// `under` must stay as long as the result. Nothing fails until fault_fs_arm. Thread-safe.
struct fault_fs *fault_fs_new(const struct file_system *under);

// All files must have been closed.
void fault_fs_free(struct fault_fs *fault);

const struct file_system *fault_fs_system(struct fault_fs *fault);

// From now on, counts calls of these kinds and fails the `nth` (from 1) with `status` (usually
// STATUS_IO or STATUS_NO_SPACE); `for_ever`: that one and all later ones of these kinds. nth 0:
// only counts.
void fault_fs_arm(struct fault_fs *fault, unsigned kinds, uint64_t nth, enum status status,
                  bool for_ever);

// Calls of the armed kinds since the last fault_fs_arm.
uint64_t fault_fs_calls(const struct fault_fs *fault);

// True when a call was failed since the last fault_fs_arm.
bool fault_fs_fired(const struct fault_fs *fault);

#endif
