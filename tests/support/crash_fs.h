// Power cuts. The code under test runs once on a crash_fs, which records every operation that
// changes something; then crash_fs_each_state shows every state that the disk could be in had the
// power failed at any moment of that run:
//
//   - what was written to a file before the last flush of THAT file is there;
//   - every later write, zero and set_size of it was carried out, lost, or (writes) torn at
//   512-byte sectors,
//     each independently of the others;
//   - names (create, remove, rename) are stable once the call has returned: the table's functions
//   flush the folder.
//
//     struct crash_fs *crash = crash_fs_new(start);          // `start`: a mem_fs with the files as
//     they were size_t before = crash_fs_operations(crash);
//     write_something(crash_fs_system(crash));               // the code under test
//     size_t promised = crash_fs_operations(crash);          // after the flush that promises it
//     struct crash_plan plan = CRASH_PLAN_DEFAULT;
//     crash_fs_each_state(crash, &plan, recovers, &expected);
//     crash_fs_free(crash);
//
//     static void recovers(void *context, const struct crash_state *at, struct mem_fs *state)
//     {
//         open, recover and check on mem_fs_system(state), which is this function's to change;
//         `at->operations >= promised` tells whether the new contents were promised.
//         For a cut during the recovery: crash_fs_new(state), recover on that, and
//         crash_fs_each_state again.
//     }
//
// A check that fails calls crash_state_print(at) first, or fails through cmocka's assertions: the
// last state is printed when the program ends without having returned from the check. States cost a
// few microseconds each beside what the check itself does.
#ifndef VREP_TESTS_SUPPORT_CRASH_FS_H
#define VREP_TESTS_SUPPORT_CRASH_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/support/mem_fs.h"

struct crash_fs;

// Starts from a copy of `start` (all of it stable), or empty when NULL.
struct crash_fs *crash_fs_new(const struct mem_fs *start);

// All files must have been closed.
void crash_fs_free(struct crash_fs *crash);

// The table to hand to the code under test.
const struct file_system *crash_fs_system(struct crash_fs *crash);

// The files as the running code sees them: what they are when the power does not fail. Not to be
// changed.
const struct mem_fs *crash_fs_now(const struct crash_fs *crash);

// How many operations were recorded so far: a mark to compare with crash_state.operations.
size_t crash_fs_operations(const struct crash_fs *crash);

// How many flushes are among them, for tests of the price of durability.
size_t crash_fs_flushes(const struct crash_fs *crash);

struct crash_plan {
    size_t first; // the first and last number of operations after which the power fails; SIZE_MAX:
                  // all of them
    size_t last;
    size_t states_max; // at each point: every combination when there are no more, else a sample of
                       // so many: all carried out, all lost, and, chosen by the seed, one that
                       // differs from the rest, or anything
    bool torn;         // writes may be torn
    uint64_t seed;
};

#define CRASH_PLAN_DEFAULT                                                      \
    {                                                                           \
        .first = 0, .last = SIZE_MAX, .states_max = 64, .torn = true, .seed = 1 \
    }

// One state. `operations`: how many operations had begun when the power failed; the last one is at
// least partly there (had it been lost, it would be a state of the point before).
struct crash_state {
    const struct crash_fs *crash;
    size_t operations;
    size_t pending; // of these, how many were not yet flushed
    const uint8_t
        *fates;         // of each pending one, oldest first: CRASH_WRITTEN, CRASH_LOST, CRASH_TORN
    uint64_t tear_seed; // decides which sectors of torn writes are there
    size_t number;      // of this state in this call, from 0
};

enum { CRASH_WRITTEN, CRASH_LOST, CRASH_TORN };

// Calls `check` for the states; `state` is freed afterwards. Returns how many there were.
size_t crash_fs_each_state(const struct crash_fs *crash, const struct crash_plan *plan,
                           void (*check)(void *context, const struct crash_state *at,
                                         struct mem_fs *state),
                           void *context);

// Prints one state to standard error: the operations that were pending and what became of each.
void crash_state_print(const struct crash_state *at);

#endif
