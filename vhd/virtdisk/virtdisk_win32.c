#include "vhd/virtdisk/virtdisk.h"

enum status virtdisk_backend(const struct vhd_backend_ops **out)
{
    (void)out;
    (void)status_fail(STATUS_UNSUPPORTED, 0, "virtdisk.dll exists on Windows only.");
    return status_advise(0, "Use the native backend.");
}
