#include "base/os.h"

#include <stdlib.h>
#include <string.h>

#include "base/os_path.h"

static bool is_separator(char c)
{
    return c == '/' || c == OS_PATH_SEPARATOR;
}

bool os_path_is_absolute(const char *path)
{
    return os_path_root_length(path) > 0;
}

const char *os_path_base_name(const char *path)
{
    const char *name = path;
    for (const char *p = path; *p; p++) {
        if (is_separator(*p))
            name = p + 1;
    }
    return name;
}

char *os_path_join(const char *folder, const char *name)
{
    size_t left = strlen(folder);
    size_t right = strlen(name);
    char *path = malloc(left + right + 2);
    if (!path)
        return NULL;
    memcpy(path, folder, left);
    if (left > 0 && !is_separator(folder[left - 1]))
        path[left++] = OS_PATH_SEPARATOR;
    memcpy(path + left, name, right + 1);
    return path;
}

char *os_path_folder(const char *path)
{
    size_t length = (size_t)(os_path_base_name(path) - path);
    size_t root = os_path_root_length(path);
    while (length > root && is_separator(path[length - 1]))
        length--;
    if (length < root)
        length = root;
    if (length == 0) // "name" has no folder, "\name" (Windows) has the root of the current drive
        return strdup(is_separator(path[0]) ? "/" : ".");
    char *folder = malloc(length + 1);
    if (folder) {
        memcpy(folder, path, length);
        folder[length] = '\0';
    }
    return folder;
}

// Creates the folder path[0, length), whose parent exists. One that exists already is fine.
static enum status make_prefix(char *path, size_t length, bool private_to_owner)
{
    char rest = path[length];
    path[length] = '\0';
    enum status s = STATUS_OK;
    if (!os_folder_exists(path)) {
        s = os_make_folder(path, private_to_owner);
        if (s == STATUS_EXISTS && os_folder_exists(path)) // somebody else was faster
            s = STATUS_OK;
    }
    path[length] = rest;
    return s;
}

enum status os_make_folders(const char *path, bool private_to_owner)
{
    char *absolute;
    enum status s = os_absolute_path(path, &absolute);
    if (s != STATUS_OK)
        return s;
    size_t length = strlen(absolute);
    for (size_t i = os_path_root_length(absolute); i < length && s == STATUS_OK;) {
        while (i < length && !is_separator(absolute[i]))
            i++;
        s = make_prefix(absolute, i, private_to_owner);
        i++;
    }
    free(absolute);
    return s;
}
