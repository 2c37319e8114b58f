#include "tests/support/temp_os.h"

#include <windows.h>
#include <wchar.h>

#include "base/os_win32.h"
#include "base/utf.h"
#include "tests/support/must.h"

char *temp_os_base(void)
{
    WCHAR wide[MAX_PATH + 1];
    DWORD units = GetTempPathW(MAX_PATH + 1, wide);
    if (units == 0 || units > MAX_PATH)
        abort();
    return must(utf16_to_utf8(wide, units));
}

bool temp_os_is_folder(const char *path)
{
    WCHAR *wide = must(os_wide_path(path));
    DWORD attributes = GetFileAttributesW(wide);
    free(wide);
    return attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY) &&
           !(attributes & FILE_ATTRIBUTE_REPARSE_POINT);
}

void temp_os_remove_file(const char *path)
{
    WCHAR *wide = must(os_wide_path(path));
    SetFileAttributesW(wide, FILE_ATTRIBUTE_NORMAL);
    DeleteFileW(wide);
    free(wide);
}

void temp_os_remove_folder(const char *path)
{
    WCHAR *wide = must(os_wide_path(path));
    RemoveDirectoryW(wide);
    free(wide);
}
