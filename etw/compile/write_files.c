#include "etw/compile/write_files.h"

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

static const char *new_path(struct arena *arena, const char *folder, const struct output *output)
{
    return arena_printf(arena, "%s%c%s.new", folder, OS_PATH_SEPARATOR, output->name);
}

static enum status write_all(struct arena *arena, const char *folder, const struct output *outputs,
                             size_t count)
{
    for (size_t i = 0; i < count; i++) {
        enum status status = write_new(new_path(arena, folder, &outputs[i]), &outputs[i].data);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

static enum status replace_all(struct arena *arena, const char *folder,
                               const struct output *outputs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *path =
            arena_printf(arena, "%s%c%s", folder, OS_PATH_SEPARATOR, outputs[i].name);
        if (rename(new_path(arena, folder, &outputs[i]), path) != 0)
            return status_fail_errno(errno, "'%s' cannot be replaced", path);
    }
    return STATUS_OK;
}

enum status write_files(const char *folder, const struct output *outputs, size_t count)
{
    struct arena arena = {0};
    enum status status = write_all(&arena, folder, outputs, count);
    if (status == STATUS_OK)
        status = replace_all(&arena, folder, outputs, count);
    for (size_t i = 0; status != STATUS_OK && i < count; i++)
        (void)remove(new_path(&arena, folder, &outputs[i]));
    arena_free(&arena);
    return status;
}
