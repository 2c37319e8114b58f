#include "vhd/vhdx/relative_path.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/os.h"
#include "vhd/vhdx/volume_path.h"

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

enum status vhdx_relative_path(const char *child, const char *parent, char **out)
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

// Takes `value` over; NULL is no path.
static enum status set_path(struct vhdx_locator *locator, const char *key, char *value)
{
    enum status status = value ? vhdx_locator_set(locator, key, value) : STATUS_OK;
    free(value);
    return status;
}

enum status vhdx_parent_locator_build(const char *child, const char *parent,
                                      const struct guid *linkage, struct vhdx_locator *out)
{
    static const struct guid zero;
    struct vhdx_locator locator = {0};
    char *path;
    enum status status = vhdx_locator_set_guid(&locator, VHDX_KEY_LINKAGE, linkage);
    if (!status)
        status = vhdx_locator_set(&locator, VHDX_KEY_ABSOLUTE_PATH, parent);
    if (!status)
        status = vhdx_relative_path(child, parent, &path);
    if (!status)
        status = set_path(&locator, VHDX_KEY_RELATIVE_PATH, path);
    if (!status)
        status = vhdx_volume_path(parent, &path);
    if (!status)
        status = set_path(&locator, VHDX_KEY_VOLUME_PATH, path);
    if (!status)
        status = vhdx_locator_set_guid(&locator, VHDX_KEY_LINKAGE2, &zero);
    if (status) {
        vhdx_locator_free(&locator);
        return status;
    }
    *out = locator;
    return STATUS_OK;
}

// Sets `key` to `path` (taken over; NULL is no path) unless it says so already.
static enum status refresh_path(struct vhdx_locator *locator, const char *key, char *path,
                                bool *changed)
{
    const char *old = vhdx_locator_find(locator, key);
    if (!path || (old && strcmp(old, path) == 0)) {
        free(path);
        return STATUS_OK;
    }
    *changed = true;
    return set_path(locator, key, path);
}

static const char *without_prefix(const char *path)
{
    return strncmp(path, "\\\\?\\", 4) == 0 ? path + 4 : path;
}

static enum status refresh_absolute(struct vhdx_locator *locator, const char *parent, bool *changed)
{
    const char *old = vhdx_locator_find(locator, VHDX_KEY_ABSOLUTE_PATH);
    if (!old || !os_path_is_absolute(old) || strcmp(without_prefix(old), parent) == 0)
        return STATUS_OK;
    *changed = true;
    return vhdx_locator_set(locator, VHDX_KEY_ABSOLUTE_PATH, parent);
}

enum status vhdx_parent_locator_refresh(const char *child, const char *parent,
                                        struct vhdx_locator *locator, bool *changed)
{
    char *path;
    *changed = false;
    enum status status = refresh_absolute(locator, parent, changed);
    if (!status)
        status = vhdx_relative_path(child, parent, &path);
    if (!status)
        status = refresh_path(locator, VHDX_KEY_RELATIVE_PATH, path, changed);
    if (!status)
        status = vhdx_volume_path(parent, &path);
    if (!status)
        status = refresh_path(locator, VHDX_KEY_VOLUME_PATH, path, changed);
    return status;
}
