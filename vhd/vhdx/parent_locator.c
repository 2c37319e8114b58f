#include "vhd/vhdx/parent_locator.h"

#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "vhd/relative_path.h"
#include "vhd/vhdx/volume_path.h"

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
        status = vhd_relative_path(child, parent, &path);
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
        status = vhd_relative_path(child, parent, &path);
    if (!status)
        status = refresh_path(locator, VHDX_KEY_RELATIVE_PATH, path, changed);
    if (!status)
        status = vhdx_volume_path(parent, &path);
    if (!status)
        status = refresh_path(locator, VHDX_KEY_VOLUME_PATH, path, changed);
    return status;
}
