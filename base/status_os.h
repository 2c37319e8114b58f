// What status.c and its platform halves share. Not for others.
#ifndef VREP_BASE_STATUS_OS_H
#define VREP_BASE_STATUS_OS_H

#include <stdarg.h>
#include <stddef.h>

#include "base/status.h"

#define STATUS_SYSTEM_TEXT_MAX 256

// The system's text of an errno value in UTF-8, cut to fit; "" when it has none.
void status_errno_text(int error_number, char *text, size_t size);

// Records a failure whose message is the formatted text, ": " and the system's text (left out when
// it is "").
enum status status_record_system(enum status status, uint32_t os_code, const char *system_text,
                                 const char *format, va_list args) PRINTF_LIKE(4, 0);

#endif
