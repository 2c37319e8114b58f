// A double of virtdisk.dll: its functions, and kernel32's for virtual disk handles, on our native
// library. A program that links this library has virtdisk_provider() from here; the product's,
// which loads System32's virtdisk.dll, stays out.
//
// The double is strict: a call that breaks a rule of virtdisk's (docs/formats.md) fails with
// Windows' error for it, is written to standard error, and is counted.
#ifndef VREP_TESTS_VIRTDISK_DOUBLE_H
#define VREP_TESTS_VIRTDISK_DOUBLE_H

#include <stdint.h>

// How many calls broke a rule so far, and how many handles are open.
unsigned double_broken_rules(void);
unsigned double_open_handles(void);

// Forgets the broken rules, after a test that meant to break some.
void double_forget_broken_rules(void);

// From now on a broken rule ends the process: for programs that nobody asks.
void double_abort_when_broken(void);

// The next call but `skip` of this function, by its name, fails with `error`, without doing
// anything. NULL: none does.
void double_fail(const char *function, unsigned skip, uint32_t error);

// Each call of this function runs `act` before anything else: what other programs do in between.
// NULL: none does.
void double_before(const char *function, void (*act)(void *context), void *context);

// How often a function was called.
unsigned double_calls(const char *function);

// Each step of long work takes this long.
void double_slow_down(uint32_t ms);

#endif
