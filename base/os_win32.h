// What files named *_win32.c share beyond base/os.h. Needs <windows.h> before it.
#ifndef VREP_BASE_OS_WIN32_H
#define VREP_BASE_OS_WIN32_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

// windows.h defines it by a constant that base/status.h switches off.
#undef WAIT_OBJECT_0
#define WAIT_OBJECT_0 0u

// Records a failed Win32 or Winsock call: maps the code of GetLastError() to a status and appends
// the system's text.
enum status status_fail_win32(DWORD error_code, const char *format, ...) PRINTF_LIKE(2, 3);

// An absolute UTF-16 path fit for the W functions (\\?\ form when it is long). Allocated; caller
// frees. NULL: not valid Unicode or no memory, failure recorded.
WCHAR *os_wide_path(const char *path);

// The failure may end by itself within seconds: somebody (a scanner, a backup, an indexer) holds
// the file.
bool os_win32_is_sharing_violation(DWORD error_code);

// Retries of a call that failed with a sharing violation. Start with os_win32_retry_begin; after
// each such failure os_win32_retry sleeps a little and returns true, or false when `wait_ms`
// milliseconds have passed.
struct os_win32_retry {
    int64_t deadline_ms;
};
void os_win32_retry_begin(struct os_win32_retry *retry, uint32_t wait_ms);
bool os_win32_retry(const struct os_win32_retry *retry);

#endif
