#include "vhd/vhdx/volume_path.h"

#include <stdlib.h>
#include <string.h>
#include <windows.h>

#include "base/os.h"
#include "base/utf.h"

#define VOLUME_NAME_UNITS 64 // "\\?\Volume{36 characters}\" and the terminator are 50

// The UTF-8 form of a volume's name followed by what `path` has after its mount point.
static enum status join(const wchar_t *volume, const wchar_t *rest, char **out)
{
    size_t volume_units = wcslen(volume);
    size_t rest_units = wcslen(rest);
    uint16_t *joined = calloc(volume_units + rest_units + 1, sizeof *joined);
    if (!joined)
        return status_no_memory("the volume path of a disk");
    memcpy(joined, volume, volume_units * sizeof *joined);
    memcpy(joined + volume_units, rest, rest_units * sizeof *joined);
    *out = utf16_to_utf8(joined, volume_units + rest_units);
    free(joined);
    return *out ? STATUS_OK : status_no_memory("the volume path of a disk");
}

enum status vhdx_volume_path(const char *path, char **out)
{
    enum status status = STATUS_OK;
    *out = NULL;
    uint16_t *wide = utf8_to_utf16(path, strlen(path), NULL);
    if (!wide)
        return status_no_memory("the volume path of a disk");
    size_t units = wcslen((const wchar_t *)wide) + 2;
    wchar_t *mount = calloc(units, sizeof *mount);
    wchar_t volume[VOLUME_NAME_UNITS];
    if (!mount)
        status = status_no_memory("the volume path of a disk");
    else if (GetVolumePathNameW((const wchar_t *)wide, mount, (DWORD)units) &&
             GetVolumeNameForVolumeMountPointW(mount, volume, VOLUME_NAME_UNITS) &&
             _wcsnicmp(mount, (const wchar_t *)wide, wcslen(mount)) == 0)
        status = join(volume, (const wchar_t *)wide + wcslen(mount), out);
    // Otherwise (a network share, a system without volume names) the path by volume is left out.
    free(mount);
    free(wide);
    return status;
}
