#include <windows.h>

#include <stdarg.h>
#include <stdio.h>

#include "base/os_win32.h"
#include "vhd/virtdisk/error.h"

enum status virtdisk_fail(uint32_t code, const char *format, ...)
{
    char what[STATUS_MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    enum status status = status_fail_win32(code, "%s", what);
    const struct virtdisk_error *error = virtdisk_error_find(code);
    if (!error)
        return status;
    struct status_details details = *status_last();
    details.status = error->status;
    status = status_restore(&details);
    return error->action ? status_advise(0, "%s", error->action) : status;
}
