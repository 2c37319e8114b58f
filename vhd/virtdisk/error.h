// What virtdisk's errors mean: the same status, for the same number, as the native backend gives.
#ifndef VREP_VHD_VIRTDISK_ERROR_H
#define VREP_VHD_VIRTDISK_ERROR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

struct virtdisk_error {
    uint32_t code; // vhd/errors.h, or winerror.h where virtdisk gives it a meaning of its own
    enum status status;
    const char *action; // what to do; NULL: nothing in particular
};

// NULL: a code that is virtdisk's no more than any other function's.
const struct virtdisk_error *virtdisk_error_find(uint32_t code);

// Records the failure `code` of a function of virtdisk's table; the system's text is appended.
enum status virtdisk_fail(uint32_t code, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
