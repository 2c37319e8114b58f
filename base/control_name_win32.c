#include "base/control_name.h"

#include <windows.h>
#include <stdlib.h>
#include <wchar.h>

#include "base/buffer.h"
#include "base/utf.h"

#define PROGRAM_DATA_MAX 1024 // UTF-16 units; Windows' own default is "C:\ProgramData"

// `prefix`, and "$INSTANCE" unless it is the default instance. Allocated.
static enum status with_instance(const char *prefix, const char *instance, char **out)
{
    struct buffer path = {0};
    enum status s = instance_name_check(instance);
    if (s == STATUS_OK)
        s = buffer_printf(&path, "%s%s%s", prefix, instance ? "$" : "", instance ? instance : "");
    if (s == STATUS_OK)
        *out = (char *)path.data;
    return s;
}

enum status control_name(const char *instance, char **out)
{
    return with_instance("\\\\.\\pipe\\VRep", instance, out);
}

enum status default_data_folder(const char *instance, char **out)
{
    WCHAR wide[PROGRAM_DATA_MAX];
    DWORD units = GetEnvironmentVariableW(L"ProgramData", wide, PROGRAM_DATA_MAX);
    if (units == 0 || units >= PROGRAM_DATA_MAX)
        return status_fail(STATUS_NOT_FOUND, 0,
                           "The environment variable ProgramData does not name a folder.");
    char *base = utf16_to_utf8(wide, units);
    if (!base)
        return status_no_memory("the data folder's name");
    struct buffer prefix = {0};
    enum status s = buffer_printf(&prefix, "%s\\VRep", base);
    if (s == STATUS_OK)
        s = with_instance((char *)prefix.data, instance, out);
    buffer_free(&prefix);
    free(base);
    return s;
}
