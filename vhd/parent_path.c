// From what a child's locator says to paths that this system can open.
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "vhd/format.h"

#define CANDIDATES_MAX 4

static const char *name_of(const char *windows_or_posix_path)
{
    const char *name = windows_or_posix_path;
    for (const char *c = name; *c; c++)
        if (*c == '\\' || *c == '/')
            name = c + 1;
    return name;
}

// `relative` with this system's separators, in `folder`. NULL: out of memory.
static char *resolve(const char *folder, const char *relative)
{
    while (relative[0] == '.' && (relative[1] == '\\' || relative[1] == '/'))
        relative += 2;
    char *native = strdup(relative);
    if (!native)
        return NULL;
    for (char *c = native; *c; c++)
        if (*c == '\\')
            *c = OS_PATH_SEPARATOR;
    char *path = os_path_join(folder, native);
    free(native);
    return path;
}

// Takes `path`. False: `path` is NULL for want of memory.
static bool add(char **paths, size_t *count, char *path)
{
    if (!path)
        return false;
    for (size_t i = 0; i < *count; i++)
        if (strcmp(paths[i], path) == 0) {
            free(path);
            return true;
        }
    paths[(*count)++] = path;
    return true;
}

enum status vhd_parent_candidates(const char *child_path, const struct vhd_parent_hints *hints,
                                  char ***out)
{
    const char *any = hints->absolute ? hints->absolute : hints->relative;
    char *folder = os_path_folder(child_path);
    char **paths = calloc(CANDIDATES_MAX + 1, sizeof *paths);
    size_t count = 0;

    bool ok = folder && paths;
    if (ok && hints->relative)
        ok = add(paths, &count, resolve(folder, hints->relative));
    if (ok && hints->volume && os_path_is_absolute(hints->volume))
        ok = add(paths, &count, strdup(hints->volume));
    if (ok && hints->absolute && os_path_is_absolute(hints->absolute))
        ok = add(paths, &count, strdup(hints->absolute));
    if (ok && any && *name_of(any))
        ok = add(paths, &count, resolve(folder, name_of(any)));
    free(folder);
    if (!ok) {
        vhd_free_paths(paths);
        return status_no_memory("the parent's paths");
    }
    *out = paths;
    return STATUS_OK;
}

void vhd_free_paths(char **paths)
{
    for (size_t i = 0; paths && paths[i]; i++)
        free(paths[i]);
    free(paths);
}
