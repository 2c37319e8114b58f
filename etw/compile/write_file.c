#include "etw/compile/write_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/os.h"
#include "etw/compile/arena.h"

static enum status write_new(const char *path, const struct buffer *data)
{
    FILE *file = fopen(path, "wb");
    if (!file)
        return status_fail_errno(errno, "'%s' cannot be created", path);
    bool written = data->size == 0 || fwrite(data->data, data->size, 1, file) == 1;
    int error = errno;
    if (fclose(file) != 0 && written) {
        written = false;
        error = errno;
    }
    return written ? STATUS_OK : status_fail_errno(error, "'%s' cannot be written", path);
}

enum status write_file(const char *folder, const char *name, const struct buffer *data)
{
    struct arena arena = {0};
    char *path = os_path_join(folder, name);
    if (!path)
        arena_exhausted();
    const char *new_path = arena_printf(&arena, "%s.new", path);
    enum status status = write_new(new_path, data);
    if (status == STATUS_OK && rename(new_path, path) != 0)
        status = status_fail_errno(errno, "'%s' cannot be replaced", path);
    if (status != STATUS_OK)
        (void)remove(new_path);
    arena_free(&arena);
    free(path);
    return status;
}
