#include "base/control_name.h"

#include <string.h>

enum status instance_name_check(const char *instance)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    if (!instance)
        return STATUS_OK;
    size_t length = strlen(instance);
    if (length > 0 && length <= INSTANCE_NAME_MAX && strspn(instance, allowed) == length)
        return STATUS_OK;
    return status_fail(STATUS_INVALID_ARGUMENT, 0,
                       "\"%s\" is not an instance's name: 1 to %d letters, digits, '-' and '_' are "
                       "allowed.",
                       instance, INSTANCE_NAME_MAX);
}
