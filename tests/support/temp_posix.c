#include "tests/support/temp_os.h"

#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/must.h"

char *temp_os_base(void)
{
    const char *base = getenv("TMPDIR");
    return must_copy(base && base[0] == '/' ? base : "/tmp");
}

bool temp_os_is_folder(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

void temp_os_remove_file(const char *path)
{
    unlink(path);
}

void temp_os_remove_folder(const char *path)
{
    rmdir(path);
}
