// The terminal and the person at it: platform halves.
#ifndef VREP_CTL_CONSOLE_H
#define VREP_CTL_CONSOLE_H

#include "base/status.h"

// From now on Ctrl-C does not end the program but calls `handler`, from another thread. Once a
// program.
enum status console_catch_interrupt(void (*handler)(void *context), void *context) MUST_CHECK;

// Columns of the terminal at standard output; 80 when there is none.
unsigned console_columns(void);

// Refuses a disk's path (absolute) that only this session knows: a mapped network drive, a
// substituted drive.
enum status console_check_path(const char *path) MUST_CHECK;

#endif
