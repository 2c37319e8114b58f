#include "vhd/vhdx/volume_path.h"

#include <stddef.h>

enum status vhdx_volume_path(const char *path, char **out)
{
    (void)path;
    *out = NULL;
    return STATUS_OK;
}
