#include "base/status_os.h"

#include <stdio.h>
#include <string.h>

void status_errno_text(int error_number, char *text, size_t size)
{
    char buffer[STATUS_SYSTEM_TEXT_MAX];
    snprintf(text, size, "%s", strerror_r(error_number, buffer, sizeof buffer));
}
