#include "vhd/relative_path.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/os.h"

static bool is_separator(char c)
{
    return c == OS_PATH_SEPARATOR || c == '/';
}

// The folder of folders that `path` is in: "/", "C:\", "\\server\share\"; "." for a name without
// folder. NULL: no memory.
static char *root_of(const char *path)
{
    char *folder = os_path_folder(path);
    while (folder) {
        char *above = os_path_folder(folder);
        bool top = above && strcmp(above, folder) == 0;
        bool nameless = above && strcmp(above, ".") == 0;
        free(folder);
        folder = above;
        if (top || nameless)
            break;
    }
    return folder;
}

static enum status have_same_root(const char *a, const char *b, bool *same)
{
    char *root_a = root_of(a);
    char *root_b = root_of(b);
    bool known = root_a && root_b;
    *same = known && strcasecmp(root_a, root_b) == 0;
    free(root_a);
    free(root_b);
    return known ? STATUS_OK : status_no_memory("the relative path of a parent disk");
}

// Length of the longest common prefix that ends after a separator. Drive letters may differ in
// case.
static size_t common_folders(const char *a, const char *b)
{
    size_t common = 0;
    for (size_t i = 0; a[i] && b[i]; i++) {
        bool both_separate = is_separator(a[i]) && is_separator(b[i]);
        bool drive = a[i + 1] == ':' && b[i + 1] == ':' && (a[i] ^ b[i]) == ('a' ^ 'A');
        if (a[i] != b[i] && !both_separate && !(i == 0 && drive))
            break;
        if (both_separate)
            common = i + 1;
    }
    return common;
}

enum status vhd_relative_path(const char *child, const char *parent, char **out)
{
    bool same_root;
    enum status status = have_same_root(child, parent, &same_root);
    *out = NULL;
    if (status || !same_root)
        return status;
    size_t common = common_folders(child, parent);
    size_t ups = 0;
    for (const char *p = child + common; *p; p++)
        ups += is_separator(*p);
    const char *rest = parent + common;
    // ".\" or any number of "..\", then the rest.
    char *path = malloc((ups ? ups * 3 : 2) + strlen(rest) + 1);
    if (!path)
        return status_no_memory("the relative path of a parent disk");
    char *end = path;
    if (ups == 0) {
        memcpy(end, ".\\", 2);
        end += 2;
    }
    for (size_t i = 0; i < ups; i++, end += 3)
        memcpy(end, "..\\", 3);
    for (; *rest; rest++)
        *end++ = is_separator(*rest) ? '\\' : *rest;
    *end = '\0';
    *out = path;
    return STATUS_OK;
}
